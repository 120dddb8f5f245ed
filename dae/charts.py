"""Charts of measurements: numbers in, Matplotlib figure out.

All are 6.5 inches wide. Lines differ in colour, dash and marker, so that they can be
told apart in grey print and by colour-blind readers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from dae._checks import (
    check_choice,
    check_mapping,
    check_numbers,
    check_texts,
    check_type,
)
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
        If the two are missing, empty, not of equal length, or not finite numbers; if
        `label` is no text.
    """
    names = ("train_loss", "val_loss")
    check_mapping(history, "history")
    if not set(names) <= set(history):
        raise ValueError(f"history must hold {names}, got {tuple(history)}")
    train_loss, val_loss = (history[name] for name in names)
    check_type(label, str, "label", "a text")
    for name in names:
        check_numbers(history[name], f"history[{name!r}]", (None,))
    if len(train_loss) != len(val_loss):
        raise ValueError(
            "history must hold as many values of train_loss as of val_loss, got "
            f"{len(train_loss)} and {len(val_loss)}"
        )
    epochs = np.arange(1, len(val_loss) + 1)
    best = int(np.argmin(val_loss))
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axis = figure.subplots()
    marker = "o" if len(epochs) < 10 else None
    axis.plot(epochs, train_loss, "-", color=BLUE, marker=marker, label="training")
    axis.plot(epochs, val_loss, "--", color=ORANGE, marker=marker, label="validation")
    axis.plot(
        epochs[best],
        val_loss[best],
        "*",
        color="black",
        markersize=9,
        label=f"best: {val_loss[best]:.4f} in epoch {epochs[best]}",
    )
    axis.xaxis.set_major_locator(
        MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    axis.set_xlabel("epoch", fontsize=SMALL + 1)
    axis.set_ylabel(label, fontsize=SMALL + 1)
    axis.tick_params(labelsize=SMALL)
    axis.grid(alpha=0.3)
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
        finite or out of order, `label` is no text, or `highlight` no method.
    """
    methods = _same_names(ladders, "ladders")
    check_type(label, str, "label", "a text")
    check_choice(highlight, methods, "highlight")
    for title, ladder in ladders.items():
        for name, interval in ladder.items():
            place = f"ladders[{title!r}][{name!r}]"
            mean, low, high = check_numbers(interval, place, (3,)).astype(float)
            slack = 1e-9 * (abs(mean) + 1)
            if not low - slack <= mean <= high + slack:
                raise ValueError(
                    f"{place} must be an Interval around its mean, got {interval!r}"
                )
    height = 0.22 * len(methods) + 0.8
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(1, len(ladders), sharex=True, sharey=True, squeeze=False)[0]
    places = np.arange(len(methods))
    for axis, (title, ladder) in zip(axes, ladders.items(), strict=True):
        mean, low, high = np.array([ladder[name] for name in methods]).T
        arms = np.maximum([mean - low, high - mean], 0)  # rounding can make them less
        axis.errorbar(mean, places, xerr=arms, fmt="none",
                      ecolor="black", capsize=2)  # fmt: skip
        axis.plot(mean, places, "o", color=STYLES[0][0], markersize=3)
        if highlight is not None:
            place = methods.index(highlight)
            axis.plot(mean[place], place, "s", color=STYLES[1][0], markersize=6)
        for value, edge, place in zip(mean, high, places, strict=True):
            axis.annotate(
                f"{value:.1f}",
                (edge, place),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
            )
        axis.set_yticks(places, methods, fontsize=SMALL)
        axis.set_title(title, fontsize=SMALL + 1)
        axis.set_xlabel(label, fontsize=SMALL)
        axis.tick_params(axis="x", labelsize=SMALL)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.grid(alpha=0.3)
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
        curves than styles, a curve is not as long as `x` or infinite, or if the other
        arguments are not as described above.
    """
    names = _same_names(panels, "panels")
    if check_numbers(x, "x", (None,)).min() <= 0 and log:
        raise ValueError(f"x must be above 0 on a logarithmic axis, got {min(x)}")
    check_texts(labels, "labels", 2)
    if band is not None:
        check_type(band, tuple, "band", "a tuple (name, from, to)")
        check_numbers(band[1:], "the two ends of band", (2,))
    if len(names) > len(STYLES):
        raise ValueError(f"there are styles for {len(STYLES)} curves, got {len(names)}")
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
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
        axis.set_title(title, fontsize=SMALL + 1)
        axis.set_xlabel(labels[0], fontsize=SMALL + 1)
        axis.tick_params(labelsize=SMALL)
        axis.grid(alpha=0.3)
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
        If `values` does not have that shape, is empty or not finite, or if the others
        are no texts.
    """
    rows, columns = check_texts(rows, "rows"), check_texts(columns, "columns")
    check_texts(labels, "labels", 3)
    values = check_numbers(values, "values", (len(rows), len(columns))).astype(float)
    figure = Figure(figsize=(WIDTH, 0.45 * len(rows) + 1.1), layout="constrained")
    axis = figure.subplots()
    axis.imshow(values, cmap="cividis", aspect="auto")
    middle = (values.min() + values.max()) / 2
    for (i, j), value in np.ndenumerate(values):
        colour = "white" if value < middle else "black"
        weight = "bold" if value == values[:, j].max() else "normal"
        axis.text(j, i, f"{value:.1f}", ha="center", va="center", color=colour,
                  weight=weight, fontsize=SMALL + 1)  # fmt: skip
    axis.set_xticks(range(len(columns)), columns, fontsize=SMALL)
    axis.set_yticks(range(len(rows)), rows, fontsize=SMALL)
    axis.set_xlabel(labels[0], fontsize=SMALL + 1)
    axis.set_ylabel(labels[1], fontsize=SMALL + 1)
    axis.set_title(labels[2], fontsize=SMALL + 1)
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
        an array has another shape, `places` or `data` are not finite, or all that is
        to be drawn lies on one straight line along an axis.
    """
    names = _same_names(fields, "fields")
    if len(names) != 2:
        raise ValueError(f"fields must hold two fields in each panel, got {names}")
    places = check_numbers(places, "places", (None, 2))
    data = check_numbers(data, "data", (None, 2))
    fields = {
        title: {
            name: check_numbers(
                f, f"fields[{title!r}][{name!r}]", places.shape, nan=True
            )
            for name, f in panel.items()
        }
        for title, panel in fields.items()
    }
    arrows = [field for panel in fields.values() for field in panel.values()]
    seen = np.isfinite(arrows).all(axis=2).any(axis=0)
    width, height = np.ptp(np.concatenate([places[seen], data]), axis=0)
    if not (width > 0 and height > 0):
        raise ValueError(
            "places and data must extend in both directions, got points within "
            f"{width} x {height}"
        )
    size = (WIDTH, WIDTH / len(fields) * height / width + 0.7)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(fields), sharex=True, sharey=True, squeeze=False)[0]
    looks = [
        {"color": "0.65", "width": 0.008, "zorder": 2},
        {"color": "#D55E00", "width": 0.0025, "zorder": 3},
    ]
    for axis, (title, panel) in zip(axes, fields.items(), strict=True):
        axis.plot(*data.T, ".", color="#56B4E9", ms=3, label="data", zorder=1)
        for name, look in zip(names, looks, strict=True):
            drawn = np.isfinite(panel[name]).all(axis=1)
            axis.quiver(*places[drawn].T, *panel[name][drawn].T, angles="xy",
                        scale_units="xy", scale=1, label=name, **look)  # fmt: skip
        axis.set_aspect("equal")
        axis.set_title(title, fontsize=SMALL + 1)
        axis.tick_params(labelsize=SMALL)
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
    for name, point in check_mapping(points, "points").items():
        check_numbers(point, f"points[{name!r}]", (2,))
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
        As `on_frontier`, and if a cost is not above 0, `labels` are no two texts, or
        `highlight` is no point.
    """
    best = on_frontier(points)
    if min(cost for cost, _ in points.values()) <= 0:
        raise ValueError(f"points must all have a cost above 0, got {points}")
    check_texts(labels, "labels", 2)
    check_choice(highlight, points, "highlight")
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    axis = figure.subplots()
    axis.plot(*zip(*(points[name] for name in best), strict=True), "-", color="0.7")
    for name, (cost, quality) in points.items():
        first = name in best
        colour, _, marker = STYLES[name == highlight]
        axis.plot(cost, quality, marker, color=colour, ms=6,
                  mfc=colour if first else "white")  # fmt: skip
        # beside a point close to the next one, there is room for its label above
        crowded = any(cost < points[other][0] < 1.25 * cost for other in best)
        offset = ((-8, 0) if crowded else (-5, 5)) if first else (5, -5)
        axis.annotate(
            name,
            (cost, quality),
            xytext=offset,
            textcoords="offset points",
            ha="right" if first else "left",
            va={-5: "top", 0: "center", 5: "bottom"}[offset[1]],
            fontsize=SMALL,
            weight="bold" if name == highlight else "normal",
        )
    axis.set_xscale("log")
    ticks = [t for t in (0.25, 0.5, 1, 2, 4, 8, 16, 32) if _within(t, points)]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.margins(x=0.15, y=0.1)
    axis.set_xlabel(labels[0], fontsize=SMALL + 1)
    axis.set_ylabel(labels[1], fontsize=SMALL + 1)
    axis.tick_params(labelsize=SMALL)
    axis.grid(alpha=0.3)
    return figure


def _within(tick: float, points: Mapping[str, tuple[float, float]]) -> bool:
    costs = [cost for cost, _ in points.values()]
    return 0.9 * min(costs) <= tick <= 1.1 * max(costs)


def plot_growth(
    panels: Mapping[str, tuple[Sequence[float], Sequence[float]]], label: str
) -> Figure:
    """Draw measurements from 0 on, each beside the straight line closest to it.

    Parameters
    ----------
    panels : mapping of str to (sizes, values)
        For each panel, by what is on its horizontal axis, two or more numbers each.
    label : str
        What is measured, and its unit.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, or the numbers do not pair up or are not finite.
    """
    check_type(label, str, "label", "a text")
    for title, (sizes, values) in check_mapping(panels, "panels", "panel").items():
        check_numbers(sizes, f"sizes of panels[{title!r}]", (None,))
        check_numbers(values, f"values of panels[{title!r}]", (len(sizes),))
        if len(sizes) < 2:
            raise ValueError(f"panels[{title!r}] must have two or more sizes, got 1")
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, (sizes, values)) in zip(axes, panels.items(), strict=True):
        line = np.polyval(np.polyfit(sizes, values, 1), sizes)
        axis.plot(sizes, line, "-", color="0.7", label="straight line")
        axis.plot(sizes, values, "o", color=STYLES[0][0], ms=5, label="measured")
        axis.set_ylim(0, 1.15 * max(values))
        axis.set_xlim(left=0)
        axis.set_xlabel(title, fontsize=SMALL + 1)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.tick_params(labelsize=SMALL)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(label, fontsize=SMALL + 1)
    axes[0].legend(fontsize=SMALL, loc="lower right")
    return figure


def _legend_below(figure: Figure, axis) -> None:
    handles, texts = axis.get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=3, fontsize=SMALL)


def _same_names(panels: Mapping[str, Mapping], argument: str) -> list[str]:
    check_type(panels, Mapping, argument, "a mapping of mappings")
    for title, panel in panels.items():
        check_type(panel, Mapping, f"{argument}[{title!r}]", "a mapping")
    names = [list(panel) for panel in panels.values()]
    if not names or not names[0] or any(other != names[0] for other in names):
        raise ValueError(
            f"{argument} must hold at least one panel, all with the same names in the "
            f"same order, got {names}"
        )
    return names[0]


def _draw_curve(axis, x, curve: ArrayLike, name: str, style: tuple) -> None:
    curve = check_numbers(curve, f"curve {name!r}", nan=True).astype(float)
    if curve.shape not in ((len(x),), (len(x), 3)):
        raise ValueError(
            f"curve {name!r} must hold {len(x)} numbers or Intervals, got shape "
            f"{curve.shape}"
        )
    colour, dash, marker = style
    if curve.ndim == 2:  # Intervals
        axis.fill_between(x, curve[:, 1], curve[:, 2], color=colour, alpha=0.2, lw=0)
        curve = curve[:, 0]
    # an open diamond still shows where another curve lies on it
    look = {"ms": 8, "mfc": "none"} if marker == "D" else {"ms": 4}
    axis.plot(
        x, curve, color=colour, ls=dash, marker=marker, lw=1.3, label=name, **look
    )
