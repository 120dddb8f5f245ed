"""Charts of measurements: numbers in, Matplotlib figure out.

All are 6.5 inches wide, with text of 10 points. Curves have their names at their ends.
A thing has the same colour, dash and marker in all charts; they can be told apart in
grey print and by colour-blind readers.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from dae._checks import check_numbers, refuse
from dae.metrics import Interval
from dae.plotting import BLUE, GREY, WIDTH, in_own_style, wrapped

STYLES = {  # colour, dash, marker
    "our network": ("#D55E00", "-", "s"),
    "affine denoiser": ("#00806B", "-.", "^"),
    "noisy input": ("#000000", ":", "v"),
    "blind network": ("#004C8C", "--", "o"),
    "specialist for 0.2": ("#3D9BD1", (0, (7, 2)), "P"),
    "specialist for 0.5": ("#C2579A", (0, (5, 1, 1, 1, 1, 1)), "D"),
    "training": ("#8C6D00", "-", "<"),
    "validation": ("#332288", "--", ">"),
    "lowest possible": ("0.45", "-", "_"),
    "pixels": ("#000000", (0, (1, 1)), "X"),
}
# for curves of other names, in their order
COLOURS = ("#8066CC", "#802000", "#2900A6", "#707070")
FREE = list(zip(COLOURS, ("-", "--", "-.", ":"), "hpd*", strict=True))
PLAIN = (GREY, "-", "o")  # for others whose names stand beside or above them


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
        The lowest loss that is possible.
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
    train_loss, val_loss = (
        check_numbers(history[name], f"history[{name!r}]", (None,))
        for name in ("train_loss", "val_loss")
    )
    epochs = np.arange(1, len(val_loss) + 1)
    best = int(np.argmin(val_loss))
    curves = {"training": train_loss, "validation": val_loss}
    if floor is not None:
        curves["lowest possible"] = np.full(len(epochs), floor)
    figure = plot_curves({"": curves}, epochs, ("epoch", label))
    (axis,), place = figure.axes, (epochs[best], val_loss[best])
    name = f"best: {val_loss[best]:.4f} in epoch {best + 1}"
    axis.legend(handles=axis.plot(*place, "k*", ms=11, label=name))
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
        The method with a bold name.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, panels differ in their methods, an Interval is not
        finite or out of order, or `highlight` is not one of the methods.
    """
    methods = _same_names(ladders, "ladders")
    intervals = [[ladder[name] for name in methods] for ladder in ladders.values()]
    intervals = check_numbers(intervals, "ladders", (None, None, 3)).astype(float)
    rising = intervals[:, :, [1, 0, 2]]
    if not np.allclose(rising, np.sort(rising)):  # but for rounding
        refuse("ladders", "hold Intervals around their means", intervals.tolist())
    order = np.argsort(-intervals[-1, :, 0], kind="stable")
    methods = [methods[k] for k in order]
    height = 0.22 * len(methods) + 0.9
    figure, axes = _figure(height, len(ladders), sharex=True, sharey=True)
    for axis, title, ladder in zip(axes, ladders, intervals[:, order], strict=True):
        for place, (mean, low, high) in enumerate(ladder):
            arms = np.maximum([[mean - low], [high - mean]], 0)
            colour, _, marker = STYLES.get(methods[place], PLAIN)
            look = {"color": colour, "ecolor": "black", "capsize": 2, "ms": 5}
            axis.errorbar(mean, place, xerr=arms, fmt=marker, **look)
            _annotate(axis, f"{mean:.1f}", (high, place), (6, 0), va="center")
        axis.set_yticks(range(len(methods)), methods)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        _dress(axis, title, label)
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

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, panels differ in their curves, there are more
        than four, or if a curve or `x` is not as described above.
    """
    names = _same_names(panels, "panels")
    if (np.diff(check_numbers(x, "x", (None,))) <= 0).any() or (log and x[0] <= 0):
        refuse("x", "rise, and be above 0 on a logarithmic axis", list(x))
    if len(names) > len(FREE):
        refuse("panels", f"hold at most {len(FREE)} curves each", len(names))
    figure, axes = _figure(3.6, len(panels), sharey=True)
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        _draw_curves(axis, x, curves)
        if log:
            axis.set_xscale("log")
            ticks = {x[0]: f"{x[0]:,}"}
            for value in x:  # those that have room for their numbers
                room = len(panels) * (0.05 + 0.015 * len(f"{value:,}"))
                if value / max(ticks) > (x[-1] / x[0]) ** room:
                    ticks[value] = f"{value:,}"
            axis.set_xticks(list(ticks), ticks.values())
            axis.minorticks_off()
        elif all(float(value).is_integer() for value in x):
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        _dress(axis, title, labels[0])
    axes[0].set_ylabel(labels[1])
    if band is not None:
        name, left, right = band
        for axis in axes:
            axis.axvspan(left, right, color="0.9", zorder=0, label=name)
            axis.margins(y=0.2)  # room for the name
        look = {"xycoords": axes[0].get_xaxis_transform(), "va": "top", "color": GREY}
        _annotate(axes[0], wrapped(name, 20), (left, 1), (4, -4), **look)
    _name_lines(figure, axes[-1], 18 if len(axes) == 1 else 12)
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
    figure, (axis,) = _figure(0.4 * len(rows) + 1.4)
    picture = axis.imshow(values, cmap="cividis", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        best = f"{value:.1f}" == f"{values[:, j].max():.1f}"
        look = {"color": "white" if picture.norm(value) < 0.5 else "black"}
        look["weight"] = "bold" if best else "normal"
        axis.text(j, i, f"{value:.1f}", ha="center", va="center", **look)
    axis.set_xticks(range(len(columns)), [wrapped(name) for name in columns])
    axis.set_yticks(range(len(rows)), rows)
    _dress(axis, labels[2], *labels[:2], grid=False)
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
    width, height = np.ptp([*places[known.any(axis=0)], *data], axis=0)
    height = (WIDTH - 0.4) / len(fields) * height / width + 0.6
    figure, axes = _figure(height, len(fields), sharex=True, sharey=True)
    look = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.003 * len(axes)}
    for axis, title, moves, at in zip(axes, fields, arrows, known, strict=True):
        axis.plot(*data.T, ".", color=BLUE, ms=3, zorder=0, label="data")
        colour = STYLES.get(title, PLAIN)[0]
        axis.quiver(*places[at].T, *moves[at].T, color=colour, **look)
        axis.set_aspect("equal")
        _dress(axis, title, grid=False)
    return figure


def on_frontier(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the names that no other beats: no cheaper one is as good, none is better.

    Parameters
    ----------
    points : mapping of str to (cost, quality)
        Less cost is better, more quality is better.

    Returns
    -------
    list of str
        The Pareto frontier, from the cheapest to the best.

    Raises
    ------
    TypeError, ValueError
        If there are no points, or one is not a pair of finite numbers.
    """
    check_numbers(list(points.values()), "points", (None, 2))
    names, best = [], -np.inf
    for name in sorted(points, key=lambda name: (points[name][0], -points[name][1])):
        if points[name][1] > best:
            names.append(name)
            best = points[name][1]
    return names


@in_own_style
def plot_frontier(
    points: Mapping[str, tuple[float, float]],
    labels: tuple[str, str],
    highlight: str | None = None,
) -> Figure:
    """Draw quality over cost, with a line through those that no other beats.

    Parameters
    ----------
    points : mapping of str to (cost, quality)
        Costs above 0; the axis is logarithmic.
    labels : tuple of two str
        What is on the two axes, with units.
    highlight : str, optional
        The point with a mark of another colour and shape.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        As `on_frontier`, and if a cost is not above 0, or `highlight` is not one of the
        points.
    """
    best = on_frontier(points)
    cheapest, _ = min(points.values())
    if cheapest <= 0:
        refuse("points", "all have a cost above 0", cheapest)
    if highlight not in (None, *points):
        refuse("highlight", f"be one of {list(points)}", repr(highlight))
    figure, (axis,) = _figure(3.6)
    axis.plot(*zip(*(points[name] for name in best), strict=True), "-", color="0.7")
    for name, place in points.items():
        colour, _, marker = STYLES["our network"] if name == highlight else PLAIN
        look = {"color": colour, "ms": 6}
        axis.plot(*place, marker, mfc=colour if name in best else "white", **look)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.margins(x=0.15, y=0.1)
    _dress(axis, "", *labels)
    _name_points(axis, points, [points[name] for name in best], highlight)
    return figure


def _figure(height: float, panels: int = 1, **shared: bool) -> tuple[Figure, NDArray]:
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


def _annotate(axis, text: str, place: tuple, offset: tuple, **look) -> None:
    axis.annotate(text, place, offset, textcoords="offset points", **look)


def _name_lines(figure: Figure, axis, width: int) -> None:
    """Write the name of each line right of the axis, at its end, none over another."""
    names, arrow = [], {"arrowstyle": "-", "lw": 0.7, "shrinkA": 0, "relpos": (0, 0.5)}
    look = {"textcoords": "axes fraction", "va": "center"}
    for line in axis.lines:
        look["color"] = arrow["color"] = line.get_color()
        end, text = line.get_xydata()[-1], wrapped(line.get_label(), width)
        names += [axis.annotate(text, end, (1.04, 0), arrowprops=dict(arrow), **look)]
    figure.draw_without_rendering()  # from here on, all sizes are known
    names.sort(key=lambda name: name.xy[1])
    heights = np.array([Text.get_window_extent(name).height for name in names])
    stacked = heights.cumsum() - heights / 2  # as low as they can be
    ends = axis.transData.transform([name.xy for name in names])[:, 1] - axis.bbox.y0
    raised = isotonic_regression(ends - stacked).x
    places = raised.clip(0, axis.bbox.height - heights.sum()) + stacked
    for name, place in zip(names, places / axis.bbox.height, strict=True):
        name.set_position((1.04, place))


def _name_points(axis, points: Mapping, line: ArrayLike, bold: str | None) -> None:
    """Write each point's name beside it, where it covers least of what is there."""
    axis.figure.draw_without_rendering()  # from here on, all sizes are known
    nodes, along = axis.transData.transform(line), np.linspace(0, len(line) - 1, 200)
    along = [np.interp(along, range(len(line)), part) for part in nodes.T]
    marks = axis.transData.transform(list(points.values()))
    spots = [*np.transpose(along), *np.repeat(marks, 20, axis=0)]  # these weigh most
    boxes = []
    for name in sorted(points, key=len, reverse=True):  # long ones need most room
        look = {"va": "center", "weight": "bold" if name == bold else "normal"}
        text = axis.annotate(
            name, points[name], (0, 0), textcoords="offset points", **look
        )

        def put(where, text=text):
            side, height = where
            text.set(position=(8 * side, height), ha=("center", "left", "right")[side])
            return text.get_window_extent()

        def covered(where):
            box = put(where)
            beyond = not all(axis.bbox.contains(*corner) for corner in box.corners())
            over = beyond + sum(map(box.overlaps, boxes))
            return 100 * over + box.padded(5).count_contains(spots)

        boxes.append(put(min(product((-1, 1, 0), (10, -10, 0)), key=covered)))


def _same_names(panels: Mapping[str, Mapping], argument: str) -> list[str]:
    names = [list(panel) for panel in panels.values()]
    if not names or not names[0] or any(other != names[0] for other in names):
        wanted = "hold at least one panel, all with the same names in the same order"
        refuse(argument, wanted, names)
    return names[0]


def _draw_curves(axis, x: Sequence[float], curves: Mapping[str, ArrayLike]) -> None:
    free = iter(FREE)
    for name, curve in curves.items():
        shape = (len(x),) if np.ndim(curve) == 1 else (len(x), 3)  # or Intervals
        curve = check_numbers(curve, f"curve {name!r}", shape, nan=True).astype(float)
        known = np.isfinite(curve).reshape(len(x), -1).all(axis=1)
        where, (mean, *ends) = np.asarray(x)[known], np.atleast_2d(curve[known].T)
        colour, dash, marker = STYLES.get(name) or next(free)
        if ends:
            axis.fill_between(where, *ends, color=colour, alpha=0.2, lw=0)
        look = {"color": colour, "ls": dash, "marker": marker, "ms": 5, "lw": 1.3}
        look["markevery"] = len(where) // 12 + 1
        axis.plot(where, mean, label=name, **look)
