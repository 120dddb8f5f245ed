"""Charts of measurements: numbers in, Matplotlib figure out.

All are 6.5 inches wide. Lines differ in colour, dash and marker, so that they can be
told apart in grey print and by colour-blind readers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from dae._checks import check_numbers, refuse
from dae.metrics import Interval
from dae.plotting import BLUE, ORANGE, SMALL, WIDTH

STYLES = [  # colour (Okabe and Ito's, and a darker yellow), dash, marker
    ("#0072B2", "-", "o"),
    ("#D55E00", "--", "s"),
    ("#009E73", "-.", "^"),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "D"),
    ("#000000", ":", "v"),
    ("#56B4E9", (0, (7, 2)), "P"),
    ("#8C6D00", (0, (1, 1)), "X"),
]


def plot_history(
    history: Mapping[str, Sequence[float]],
    label: str = "binary cross-entropy per pixel",
) -> Figure:
    """Draw training and validation loss over the epochs, and mark the best epoch.

    Parameters
    ----------
    history : mapping with ``train_loss`` and ``val_loss``
        One value an epoch, as `train` returns them.
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
    figure, (axis,) = _figure(3.2)
    marker = "o" if len(epochs) < 10 else None
    axis.plot(epochs, train_loss, "-", color=BLUE, marker=marker, label="training")
    axis.plot(epochs, val_loss, "--", color=ORANGE, marker=marker, label="validation")
    place, name = epochs[best], f"best: {val_loss[best]:.4f} in epoch {best + 1}"
    axis.plot(place, val_loss[best], "*", color="black", markersize=9, label=name)
    whole = MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    axis.xaxis.set_major_locator(whole)
    _dress(axis, x="epoch", y=label)
    axis.legend(fontsize=SMALL)
    return figure


def plot_ladder(
    ladders: Mapping[str, Mapping[str, Interval]],
    label: str,
    highlight: str | None = None,
) -> Figure:
    """Draw means with their intervals, one below the other.

    Parameters
    ----------
    ladders : mapping of str to mapping of str to Interval
        For each panel's title the methods, from top to bottom; the same in each.
    label : str
        What is measured, and its unit.
    highlight : str, optional
        The method whose marks are larger, and of another colour and shape.

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
    intervals = _stacked_intervals(ladders, methods)
    height = 0.22 * len(methods) + 0.8
    figure, axes = _figure(height, len(ladders), sharex=True, sharey=True)
    places = np.arange(len(methods))
    for axis, title, ladder in zip(axes, ladders, intervals, strict=True):
        mean, low, high = ladder.T
        arms = np.maximum([mean - low, high - mean], 0)  # rounding can make them less
        axis.errorbar(mean, places, xerr=arms, fmt="none", ecolor="black", capsize=2)
        axis.plot(mean, places, "o", color=STYLES[0][0], markersize=3)
        if highlight is not None:
            place = methods.index(highlight)
            axis.plot(mean[place], place, "s", color=STYLES[1][0], markersize=6)
        for value, edge, place in zip(mean, high, places, strict=True):
            _annotate(axis, f"{value:.1f}", (edge, place), (5, 0), va="center")
        axis.set_yticks(places, methods)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        _dress(axis, title)
        axis.set_xlabel(label, fontsize=SMALL)
    axes[0].invert_yaxis()
    left, right = axes[0].get_xlim()
    axes[0].set_xlim(left, right + 0.15 * (right - left))  # room for the numbers
    return figure


def plot_curves(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    x: Sequence[float],
    labels: tuple[str, str],
    *,
    band: tuple[str, float, float] | None = None,
    log: bool = False,
) -> Figure:
    """Draw curves, in one panel or in several side by side with one scale.

    Parameters
    ----------
    panels : mapping of str to mapping of str to array_like
        For each panel's title, the curves by name; the same names in each. A curve is
        as long as `x`: one number at each place (NaN is left out), or one Interval.
    x : sequence of float
        Finite; above 0 if `log`.
    labels : tuple of two str
        What is on the two axes, with units.
    band : tuple (name, from, to), optional
        Part of the horizontal axis to shade.
    log : bool
        Whether the horizontal axis is logarithmic.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, panels differ in their curves, there are more
        curves than styles, or if a curve or `x` is not as described above.
    """
    names = _same_names(panels, "panels")
    if check_numbers(x, "x", (None,)).min() <= 0 and log:
        refuse("x", "be above 0 on a logarithmic axis", min(x))
    if len(names) > len(STYLES):
        refuse("panels", f"hold at most {len(STYLES)} curves each", len(names))
    figure, axes = _figure(3.6, len(panels), sharey=True)
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        if band is not None:
            axis.axvspan(*band[1:], color="0.9", label=band[0])
        for (name, curve), style in zip(curves.items(), STYLES, strict=False):
            _draw_curve(axis, x, curve, name, style)
        if log:
            axis.set_xscale("log")
            axis.set_xticks(x, [f"{value:,}" for value in x])
            axis.minorticks_off()
        elif all(float(value).is_integer() for value in x):
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        _dress(axis, title, labels[0])
    axes[0].set_ylabel(labels[1], fontsize=SMALL + 1)
    _legend_below(figure, axes[0])
    return figure


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
        number is bold.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If `values` does not have that shape, is empty or not finite.
    """
    values = check_numbers(values, "values", (len(rows), len(columns))).astype(float)
    figure, (axis,) = _figure(0.45 * len(rows) + 1.1)
    axis.imshow(values, cmap="cividis", aspect="auto")
    middle = (values.min() + values.max()) / 2
    for (i, j), value in np.ndenumerate(values):
        look = {"color": "white" if value < middle else "black", "size": SMALL + 1}
        look["weight"] = "bold" if value == values[:, j].max() else "normal"
        axis.text(j, i, f"{value:.1f}", ha="center", va="center", **look)
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    _dress(axis, labels[2], *labels[:2], grid=False)
    return figure


def plot_fields(
    fields: Mapping[str, Mapping[str, NDArray]], places: NDArray, data: NDArray
) -> Figure:
    """Draw fields of arrows in the plane, over each other, around points of data.

    Parameters
    ----------
    fields : mapping of str to mapping of two str to ndarray, shape (N, 2)
        For each panel's title two fields by name: the first is drawn broad and grey,
        the second thin and coloured on top. Arrows are drawn at their true length, and
        not at all where they are NaN.
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
        If there is nothing to draw, panels differ in their names or do not have two,
        an array has another shape, or `places` or `data` are not finite.
    """
    names = _same_names(fields, "fields")
    places = check_numbers(places, "places", (None, 2))
    data = check_numbers(data, "data", (None, 2))
    arrows = [[panel[name] for name in names] for panel in fields.values()]
    shape = (len(fields), 2, *places.shape)
    arrows = check_numbers(arrows, "fields", shape, nan=True)
    known = np.isfinite(arrows).all(axis=3)
    seen = places[known.any(axis=(0, 1))]
    width, height = np.ptp(np.concatenate([seen, data]), axis=0)
    height = WIDTH / len(fields) * height / width + 0.7
    figure, axes = _figure(height, len(fields), sharex=True, sharey=True)
    looks = [
        {"color": "0.65", "width": 0.008, "zorder": 2},
        {"color": "#D55E00", "width": 0.0025, "zorder": 3},
    ]
    true_length = {"angles": "xy", "scale_units": "xy", "scale": 1}
    for k, (axis, title) in enumerate(zip(axes, fields, strict=True)):
        axis.plot(*data.T, ".", color="#56B4E9", ms=3, label="data", zorder=1)
        for i, look in enumerate(looks):
            where, moves = places[known[k, i]], arrows[k, i, known[k, i]]
            axis.quiver(*where.T, *moves.T, label=names[i], **true_length, **look)
        axis.set_aspect("equal")
        _dress(axis, title, grid=False)
    _legend_below(figure, axes[0])
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
    costs = [cost for cost, _ in points.values()]
    if min(costs) <= 0:
        refuse("points", "all have a cost above 0", min(costs))
    if highlight not in (None, *points):
        refuse("highlight", f"be one of {list(points)}", repr(highlight))
    figure, (axis,) = _figure(3.1)
    axis.plot(*zip(*(points[name] for name in best), strict=True), "-", color="0.7")
    for name, (cost, quality) in points.items():
        first = name in best
        colour, _, marker = STYLES[name == highlight]
        inside = colour if first else "white"
        axis.plot(cost, quality, marker, color=colour, ms=6, mfc=inside)
        # beside a point close to the next one, there is room for its label above
        crowded = any(cost < points[other][0] < 1.25 * cost for other in best)
        offset = ((-8, 0) if crowded else (-5, 5)) if first else (5, -5)
        look = {"ha": "right" if first else "left"}
        look["va"] = {-5: "top", 0: "center", 5: "bottom"}[offset[1]]
        look["weight"] = "bold" if name == highlight else "normal"
        _annotate(axis, name, (cost, quality), offset, **look)
    axis.set_xscale("log")
    low, high = 0.9 * min(costs), 1.1 * max(costs)
    ticks = [t for t in (0.25, 0.5, 1, 2, 4, 8, 16, 32) if low <= t <= high]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.margins(x=0.15, y=0.1)
    _dress(axis, "", *labels)
    return figure


def _figure(height: float, panels: int = 1, **shared: bool) -> tuple[Figure, NDArray]:
    """Make a figure as wide as the page, with panels side by side."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False, **shared)[0]


def _dress(axis, title: str = "", x: str = "", y: str = "", grid: bool = True) -> None:
    """Write title and labels, all in the same size, and draw a faint grid."""
    axis.set_title(title, fontsize=SMALL + 1)
    axis.set_xlabel(x, fontsize=SMALL + 1)
    axis.set_ylabel(y, fontsize=SMALL + 1)
    axis.tick_params(labelsize=SMALL)
    if grid:
        axis.grid(alpha=0.3)


def _annotate(axis, text: str, place: tuple, offset: tuple, **look) -> None:
    look |= {"textcoords": "offset points", "fontsize": SMALL}
    axis.annotate(text, place, xytext=offset, **look)


def _legend_below(figure: Figure, axis) -> None:
    handles, texts = axis.get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=3, fontsize=SMALL)


def _same_names(panels: Mapping[str, Mapping], argument: str) -> list[str]:
    names = [list(panel) for panel in panels.values()]
    if not names or not names[0] or any(other != names[0] for other in names):
        wanted = "hold at least one panel, all with the same names in the same order"
        refuse(argument, wanted, names)
    return names[0]


def _draw_curve(axis, x, curve: ArrayLike, name: str, style: tuple) -> None:
    shape = (len(x),) if np.ndim(curve) == 1 else (len(x), 3)  # or Intervals
    curve = check_numbers(curve, f"curve {name!r}", shape, nan=True).astype(float)
    colour, dash, marker = style
    if curve.ndim == 2:  # Intervals
        axis.fill_between(x, curve[:, 1], curve[:, 2], color=colour, alpha=0.2, lw=0)
        curve = curve[:, 0]
    # an open diamond still shows where another curve lies on it
    look = {"ms": 8, "mfc": "none"} if marker == "D" else {"ms": 4}
    look |= {"color": colour, "ls": dash, "marker": marker, "lw": 1.3, "label": name}
    axis.plot(x, curve, **look)


def _stacked_intervals(ladders: Mapping, methods: Sequence[str]) -> NDArray[np.float64]:
    intervals = [[ladder[name] for name in methods] for ladder in ladders.values()]
    shape = (len(ladders), len(methods), 3)
    intervals = check_numbers(intervals, "ladders", shape).astype(float)
    mean, low, high = np.moveaxis(intervals, 2, 0)
    slack = 1e-9 * (abs(mean) + 1)
    wrong = intervals[(low - slack > mean) | (mean > high + slack)]
    if len(wrong):
        refuse("ladders", "hold Intervals around their means", wrong[0])
    return intervals
