"""Charts of measurements: numbers in, Matplotlib figure out.

All are 6.5 inches wide, with text of 10 points. Curves are named on the right, in the
order in which they end. They can be told apart in grey print and by colour-blind
readers. What a chart is to stress, it is told as `highlight`: that is orange, in all
charts.
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


@in_own_style
def plot_history(
    history: Mapping[str, Sequence[float]], floor: float | None = None
) -> Figure:
    """Draw training and validation loss over the epochs, and mark the best epoch.

    Parameters
    ----------
    history : mapping with ``train_loss`` and ``val_loss``
        One value an epoch, as `train` returns them.
    floor : float, optional
        The lowest loss that is possible, as a grey line.

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
    labels = "epoch", "binary cross-entropy per pixel"
    figure = plot_curves({"": curves}, epochs, labels)
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
        The method with a mark of another colour and shape.

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
    figure, axes = _make_panels(0.22 * len(methods) + 0.9, ladders, label, sharex=True)
    for axis, ladder in zip(axes, intervals[:, order], strict=True):
        for place, (name, interval) in enumerate(zip(methods, ladder, strict=True)):
            _draw_interval(axis, place, interval, name == highlight)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.margins(x=0.12 * len(axes))  # room for the numbers
    axes[0].set_yticks(range(len(methods)), methods)
    axes[0].invert_yaxis()
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
        Part of the horizontal axis to shade, and what to call it.
    log : bool
        Whether the horizontal axis is logarithmic; then it has a tick at each `x`.
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
    figure, axes = _make_panels(3.6, panels, *labels)
    for axis, curves in zip(axes, panels.values(), strict=True):
        _draw_curves(axis, x, curves, highlight)
        if log:
            axis.set_xscale("log")
            axis.set_xticks(x, [f"{value:,}" for value in x])
            axis.minorticks_off()
        elif all(float(value).is_integer() for value in x):
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        if band is not None:
            axis.axvspan(*band[1:], color="0.9", zorder=0, label=band[0])
    _name_curves(figure)
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
    height, (*names, title) = 0.4 * len(rows) + 1.4, labels
    figure, (axis,) = _make_panels(height, [title], *names, grid=False)
    picture = axis.imshow(values, cmap="cividis", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        is_best = f"{value:.1f}" == f"{values[:, j].max():.1f}"
        text = axis.text(j, i, f"{value:.1f}", ha="center", va="center")
        text.set_color("white" if picture.norm(value) < 0.5 else "black")
        text.set_weight("bold" if is_best else "normal")
    axis.set_xticks(range(len(columns)), [break_lines(name) for name in columns])
    axis.set_yticks(range(len(rows)), rows)
    return figure


@in_own_style
def plot_fields(
    fields: Mapping[str, NDArray], places: NDArray, data: NDArray
) -> Figure:
    """Draw fields of arrows in the plane, side by side, around points of data.

    Parameters
    ----------
    fields : mapping of str to ndarray, shape (N, 2)
        For each panel's title the arrows, drawn at their true length.
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
        If there is nothing to draw, or an array has another shape or is not finite.
    """
    places = check_numbers(places, "places", (None, 2))
    data = check_numbers(data, "data", (None, 2))
    shape = (len(fields), *places.shape)
    arrows = check_numbers(list(fields.values()), "fields", shape)
    figure, axes = _make_panels(WIDTH / len(fields), fields, sharex=True, grid=False)
    look = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.003 * len(axes)}
    for axis, moves in zip(axes, arrows, strict=True):
        axis.plot(*data.T, ".", color=BLUE, ms=3, zorder=0, label="data")
        axis.quiver(*places.T, *moves.T, color=GREY, **look)
        axis.set_aspect("equal")
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


def _make_panels(height: float, titles, x="", y="", *, grid=True, sharex=False):
    """Make a figure as wide as the page, with panels side by side, all texts one size.

    They share their vertical axis; a grid is faint.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    shared = {"squeeze": False, "sharex": sharex, "sharey": True}
    (axes,) = figure.subplots(1, len(titles), **shared)
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize="medium")
        axis.set_xlabel(x)
        if grid:
            axis.grid(alpha=0.3)
            axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(y)
    return figure, axes


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
        mean, *ends = values.T
        if ends:
            axis.fill_between(places, *ends, color=colour, alpha=0.2, lw=0)
        (line,) = axis.plot(places, mean, color=colour, ls=dash, lw=1.3)
        line.set(label=name, marker=marker, ms=5, markevery=len(places) // 12 + 1)


def _name_curves(figure: Figure) -> None:
    """Name the curves of the last panel, and its shaded part, on the right."""
    axis = figure.axes[-1]
    lines = sorted(axis.lines, key=lambda line: -line.get_ydata()[-1])
    named = [*lines, *axis.patches]
    names = [break_lines(part.get_label(), 18) for part in named]
    figure.legend(named, names, loc="outside right upper", frameon=False)
