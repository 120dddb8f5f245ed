"""Charts of measurements: numbers in, Matplotlib figure out.

All are 6.5 inches wide, with text of 10 points. Curves have their names at their ends.
They can be told apart in grey print and by colour-blind readers. What a chart is to
stress, it is told as `highlight`: that is orange, in all charts.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from dae._checks import check_numbers, refuse
from dae.metrics import Interval
from dae.plotting import BLUE, GREY, ORANGE, WIDTH, break_lines, in_own_style

# colour, dash, marker: of curves, in their order
STYLES = (
    (BLUE, "-", "o"),
    ("#702050", "--", "^"),
    ("0.45", "-.", "v"),  # as the third curve of `plot_history`, the floor
    ("black", ":", "D"),
)
HIGHLIGHT = (ORANGE, "-", "s")
HEIGHT = 0.065  # of a line of text, as a part of the height of an axis with curves


@in_own_style
def plot_history(
    history: Mapping[str, Sequence[float]],
    floor: float | None = None,
    label: str = "binary cross-entropy per pixel",
) -> Figure:
    """Draw training and validation loss over the epochs, and mark the best epoch.

    Parameters
    ----------
    history : mapping with ``train_loss`` and ``val_loss``
        One value an epoch, as `train` returns them.
    floor : float, optional
        The lowest loss that is possible, as a grey line.
    label : str
        What the loss is.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the two are empty, not of equal length, or not finite numbers.
    """
    for name in ("train_loss", "val_loss"):
        check_numbers(history[name], f"history[{name!r}]", (None,))
    curves = {"training": history["train_loss"], "validation": history["val_loss"]}
    epochs = range(1, len(history["val_loss"]) + 1)
    if floor is not None:
        curves["lowest possible"] = np.full(len(epochs), floor)
    figure = plot_curves({"": curves}, epochs, ("epoch", label))
    best = int(np.argmin(history["val_loss"]))
    lowest = history["val_loss"][best]
    name = f"best: {lowest:.4f} in epoch {epochs[best]}"
    star = figure.axes[0].plot(epochs[best], lowest, "k*", ms=11, label=name)
    figure.axes[0].legend(handles=star)
    return figure


@in_own_style
def plot_ladder(
    ladders: Mapping[str, Mapping[str, Interval]],
    label: str,
    highlight: str | None = None,
) -> Figure:
    """Draw means with their intervals, one below the other.

    Parameters
    ----------
    ladders : mapping of str to mapping of str to Interval
        For each panel's title the methods, the same in each. The best one of the last
        panel is drawn on top.
    label : str
        What is measured, and its unit.
    highlight : str, optional
        The method with a bold name and a mark of another colour and shape.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, panels differ in their methods, an Interval is not
        finite or out of order, or `highlight` is not one of the methods.
    """
    methods = _check_names(ladders, "ladders", highlight)
    intervals = [[ladder[name] for name in methods] for ladder in ladders.values()]
    intervals = check_numbers(intervals, "ladders", (None, None, 3)).astype(float)
    rising = intervals[:, :, [1, 0, 2]]
    if not np.allclose(rising, np.sort(rising)):  # but for rounding
        refuse("ladders", "hold Intervals around their means", intervals.tolist())
    order = np.argsort(-intervals[-1, :, 0], kind="stable")
    methods = [methods[k] for k in order]
    height = 0.22 * len(methods) + 0.9
    figure, axes = _make_figure(height, len(ladders), sharex=True, sharey=True)
    for axis, title, ladder in zip(axes, ladders, intervals[:, order], strict=True):
        for place, (name, interval) in enumerate(zip(methods, ladder, strict=True)):
            _draw_interval(axis, place, interval, name == highlight)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        _dress(axis, title, label)
    axes[0].set_yticks(range(len(methods)), methods)
    axes[0].invert_yaxis()
    if highlight is not None:
        axes[0].get_yticklabels()[methods.index(highlight)].set_weight("bold")
    left, right = axes[0].get_xlim()
    axes[0].set_xlim(left, right + 0.1 * len(axes) * (right - left))  # for the numbers
    return figure


@in_own_style
def plot_curves(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    x: Sequence[float],
    labels: tuple[str, str],
    *,
    band: tuple[str, float, float] | None = None,
    log: bool = False,
    highlight: str | None = None,
) -> Figure:
    """Draw up to four curves, in one panel or in several side by side with one scale.

    Parameters
    ----------
    panels : mapping of str to mapping of str to array_like
        For each panel's title, the curves by name; the same names in each. A curve is
        as long as `x`: one number at each place, or one Interval. It passes over NaN,
        so that curves over different `x` fit into one panel.
    x : sequence of float
        Finite, in rising order; above 0 if `log`.
    labels : tuple of two str
        What is on the two axes, with units.
    band : tuple (name, from, to), optional
        Part of the horizontal axis to shade; the name is written into it.
    log : bool
        Whether the horizontal axis is logarithmic.
    highlight : str, optional
        The curve to draw in orange.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, panels differ in their curves, there are more
        than four, `highlight` is not one of them, or if a curve or `x` is not as
        described above.
    """
    names = _check_names(panels, "panels", highlight)
    if (np.diff(check_numbers(x, "x", (None,))) <= 0).any() or (log and x[0] <= 0):
        refuse("x", "rise, and be above 0 on a logarithmic axis", list(x))
    if len(names) > len(STYLES):
        refuse("panels", f"hold at most {len(STYLES)} curves each", len(names))
    figure, axes = _make_figure(3.6, len(panels), sharey=True)
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        _draw_curves(axis, x, curves, highlight)
        if log:
            _make_logarithmic(axis, x, len(panels))
        elif all(float(value).is_integer() for value in x):
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        _dress(axis, title, labels[0])
    axes[0].set_ylabel(labels[1])
    if band is not None:
        _shade(axes, *band)
    _name_lines(axes[-1], 18 if len(axes) == 1 else 12)
    return figure


@in_own_style
def plot_matrix(
    values: NDArray, rows: Sequence[str], columns: Sequence[str], labels: Sequence[str]
) -> Figure:
    """Draw a table of numbers with its cells shaded by them, the best in bold.

    Parameters
    ----------
    values : ndarray, shape (len(rows), len(columns))
    rows, columns : sequence of str
        Names of the rows, from top to bottom, and of the columns.
    labels : sequence of three str
        What the columns, the rows, and the numbers are. Of each column the highest
        number is bold, and those that look the same when rounded.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If `values` does not have that shape, is empty or not finite.
    """
    values = check_numbers(values, "values", (len(rows), len(columns))).astype(float)
    figure, (axis,) = _make_figure(0.4 * len(rows) + 1.4)
    picture = axis.imshow(values, cmap="cividis", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        is_best = f"{value:.1f}" == f"{values[:, j].max():.1f}"
        text = axis.text(j, i, f"{value:.1f}", ha="center", va="center")
        text.set_color("white" if picture.norm(value) < 0.5 else "black")
        text.set_weight("bold" if is_best else "normal")
    axis.set_xticks(range(len(columns)), [break_lines(name) for name in columns])
    axis.set_yticks(range(len(rows)), rows)
    _dress(axis, labels[2], labels[0], labels[1], grid=False)
    return figure


@in_own_style
def plot_fields(
    fields: Mapping[str, NDArray], places: NDArray, data: NDArray
) -> Figure:
    """Draw fields of arrows in the plane, side by side, around points of data.

    Parameters
    ----------
    fields : mapping of str to ndarray, shape (N, 2)
        For each panel's title the arrows, at most four. They are drawn at their true
        length, and not at all where they are NaN.
    places : ndarray, shape (N, 2)
        Where the arrows begin.
    data : ndarray, shape (M, 2)
        Points to draw below.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, an array has another shape, or `places` or `data`
        are not finite.
    """
    places = check_numbers(places, "places", (None, 2))
    data = check_numbers(data, "data", (None, 2))
    shape = (len(fields), *places.shape)
    arrows = check_numbers(list(fields.values()), "fields", shape, nan=True)
    known = np.isfinite(arrows).all(axis=2)
    drawn = np.concatenate([places[known.any(axis=0)], data])
    width, height = np.ptp(drawn, axis=0)
    height = (WIDTH - 0.4) / len(fields) * height / width + 0.6
    figure, axes = _make_figure(height, len(fields), sharex=True, sharey=True)
    look = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.003 * len(axes)}
    for axis, title, moves, at in zip(axes, fields, arrows, known, strict=True):
        axis.plot(*data.T, ".", color=BLUE, ms=3, zorder=0, label="data")
        axis.quiver(*places[at].T, *moves[at].T, color=GREY, **look)
        axis.set_aspect("equal")
        _dress(axis, title, grid=False)
    return figure


def _check_names(
    panels: Mapping[str, Mapping], argument: str, highlight: str | None
) -> list[str]:
    """Make sure that all panels hold the same names, the highlight among them."""
    names = [list(panel) for panel in panels.values()]
    if not names or not names[0] or any(other != names[0] for other in names):
        wanted = "hold at least one panel, all with the same names in the same order"
        refuse(argument, wanted, names)
    if highlight is not None and highlight not in names[0]:
        refuse("highlight", f"be one of {names[0]}", repr(highlight))
    return names[0]


def _make_figure(height: float, panels: int = 1, **shared: bool) -> tuple:
    """Make a figure as wide as the page, with panels side by side."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False, **shared)[0]


def _dress(axis, title: str = "", x: str = "", y: str = "", grid: bool = True) -> None:
    """Write title and labels, all in the same size, and draw a faint grid."""
    axis.set_title(title, fontsize="medium")
    axis.set(xlabel=x, ylabel=y)
    if grid:
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)


def _draw_interval(axis, place: int, interval: Interval, stressed: bool) -> None:
    """Draw a mean with its interval, and write the mean right of it."""
    mean, low, high = interval
    arms = np.maximum([[mean - low], [high - mean]], 0)  # below 0 by rounding
    colour, _, marker = HIGHLIGHT if stressed else (GREY, "-", "o")
    look = {"color": colour, "ecolor": "black", "capsize": 2, "ms": 5}
    axis.errorbar(mean, place, xerr=arms, fmt=marker, **look)
    text, end = f"{mean:.1f}", (high, place)
    axis.annotate(text, end, (6, 0), textcoords="offset points", va="center")


def _draw_curves(
    axis, x: Sequence[float], curves: Mapping[str, ArrayLike], highlight: str | None
) -> None:
    """Draw curves, those of Intervals with a light area around them."""
    styles = iter(STYLES)
    for name, curve in curves.items():
        shape = (len(x),) if np.ndim(curve) == 1 else (len(x), 3)  # or Intervals
        curve = check_numbers(curve, f"curve {name!r}", shape, nan=True).astype(float)
        curve = curve.reshape(len(x), -1)
        known = np.isfinite(curve).all(axis=1)
        places, values = np.asarray(x)[known], curve[known]
        colour, dash, marker = HIGHLIGHT if name == highlight else next(styles)
        if len(shape) == 2:
            low, high = values[:, 1], values[:, 2]
            axis.fill_between(places, low, high, color=colour, alpha=0.2, lw=0)
        (line,) = axis.plot(places, values[:, 0], color=colour, ls=dash, lw=1.3)
        line.set(label=name, marker=marker, ms=5, markevery=len(places) // 12 + 1)


def _make_logarithmic(axis, x: Sequence[float], panels: int) -> None:
    """Give a logarithmic axis ticks at the values of `x`, as far as there is room."""
    room = (x[-1] / x[0]) ** (0.08 * panels)  # as a factor
    ticks = [x[0]]
    for value in x:
        if value > ticks[-1] * room:
            ticks.append(value)
    axis.set_xscale("log")
    axis.set_xticks(ticks, [f"{value:,}" for value in ticks])
    axis.minorticks_off()


def _shade(axes: Sequence, name: str, left: float, right: float) -> None:
    """Shade a part of the horizontal axis, and write its name into the first panel."""
    for axis in axes:
        axis.axvspan(left, right, color="0.9", zorder=0, label=name)
        axis.margins(y=0.2)  # room for the name
    place = {"xycoords": axes[0].get_xaxis_transform(), "textcoords": "offset points"}
    name = axes[0].annotate(break_lines(name, 20), (left, 1), (4, -4), **place)
    name.set(va="top", color=GREY)


def _name_lines(axis, width: int) -> None:
    """Write the name of each line right of the axis, at its end, none over another."""
    lines = sorted(axis.lines, key=lambda line: -line.get_ydata()[-1])
    names = [break_lines(line.get_label(), width) for line in lines]
    heights = [HEIGHT * len(name.splitlines()) for name in names]
    bottom, top = axis.get_ylim()
    free = 1.0  # from here down; all heights are parts of the axis's
    for k, line in enumerate(lines):
        end = line.get_xydata()[-1]
        middle = (end[1] - bottom) / (top - bottom)
        middle = min(middle, free - heights[k] / 2)
        middle = max(middle, sum(heights[k:]) - heights[k] / 2)  # room for the others
        free = middle - heights[k] / 2
        leader = {"arrowstyle": "-", "lw": 0.7, "shrinkA": 0, "relpos": (0, 0.5)}
        leader["color"] = line.get_color()
        look = {"va": "center", "color": line.get_color(), "arrowprops": leader}
        axis.annotate(names[k], end, (1.04, middle), textcoords="axes fraction", **look)
