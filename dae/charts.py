"""Charts of measurements: numbers in, Matplotlib figure out.

All are 6.5 inches wide. Lines differ in colour, dash and marker, so that they can be
told apart in grey print and by colour-blind readers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from dae.metrics import Interval
from dae.plotting import SMALL, WIDTH

STYLES = [  # colour (Okabe and Ito's, and a darker yellow), dash, marker
    ("#0072B2", "-", "o"),
    ("#D55E00", "--", "s"),
    ("#009E73", "-.", "^"),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "D"),
    ("#000000", ":", "v"),
    ("#56B4E9", (0, (7, 2)), "P"),
    ("#8C6D00", (0, (1, 1)), "X"),
]


def plot_ladder(ladders: Mapping[str, Mapping[str, Interval]], label: str) -> Figure:
    """Draw means with their intervals, one below the other.

    Parameters
    ----------
    ladders : mapping of str to mapping of str to Interval
        For each panel's title the methods, from top to bottom; the same in each.
    label : str
        What is measured, and its unit.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is nothing to draw, or panels differ in their methods.
    """
    methods = _same_names(ladders, "ladders")
    height = 0.26 * len(methods) + 0.9
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(1, len(ladders), sharex=True, sharey=True, squeeze=False)[0]
    places = np.arange(len(methods))
    for axis, (title, ladder) in zip(axes, ladders.items(), strict=True):
        mean, low, high = np.array([ladder[name] for name in methods]).T
        axis.errorbar(mean, places, xerr=[mean - low, high - mean], fmt="none",
                      ecolor="black", capsize=2)  # fmt: skip
        axis.plot(mean, places, "o", color=STYLES[0][0], markersize=3)
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
    ValueError
        If there is nothing to draw, panels differ in their curves, there are more
        curves than styles, or a curve is not as long as `x`.
    """
    names = _same_names(panels, "panels")
    if len(names) > len(STYLES):
        raise ValueError(f"there are styles for {len(STYLES)} curves, got {len(names)}")
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        if band:
            axis.axvspan(*band[1:], color="0.9", label=band[0])
        for (name, curve), style in zip(curves.items(), STYLES, strict=False):
            _draw_curve(axis, x, np.asarray(curve, float), name, style)
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
    """Draw a table of numbers with its cells shaded by them.

    Parameters
    ----------
    values : ndarray, shape (len(rows), len(columns))
    rows, columns : sequence of str
        Names of the rows, from top to bottom, and of the columns.
    labels : sequence of three str
        What the columns, the rows, and the numbers are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `values` does not have that shape.
    """
    values = np.asarray(values, float)
    if values.shape != (len(rows), len(columns)):
        raise ValueError(
            f"values must have shape {(len(rows), len(columns))}, got {values.shape}"
        )
    figure = Figure(figsize=(WIDTH, 0.45 * len(rows) + 1.1), layout="constrained")
    axis = figure.subplots()
    drawn = axis.imshow(values, cmap="cividis", aspect="auto")
    middle = (values.min() + values.max()) / 2
    for (i, j), value in np.ndenumerate(values):
        colour = "white" if value < middle else "black"
        axis.text(j, i, f"{value:.1f}", ha="center", va="center", color=colour,
                  fontsize=SMALL + 1)  # fmt: skip
    axis.set_xticks(range(len(columns)), columns, fontsize=SMALL)
    axis.set_yticks(range(len(rows)), rows, fontsize=SMALL)
    axis.set_xlabel(labels[0], fontsize=SMALL + 1)
    axis.set_ylabel(labels[1], fontsize=SMALL + 1)
    bar = figure.colorbar(drawn, ax=axis)
    bar.set_label(labels[2], fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
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
    ValueError
        If there is nothing to draw, or panels differ in their names.
    """
    names = _same_names(fields, "fields")
    arrows = [field for panel in fields.values() for field in panel.values()]
    seen = np.isfinite(arrows).all(axis=2).any(axis=0)
    width, height = np.ptp(np.concatenate([places[seen], data]), axis=0)
    size = (WIDTH, WIDTH / len(fields) * height / width + 0.7)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(fields), sharex=True, sharey=True, squeeze=False)[0]
    looks = [{"color": "0.65", "width": 0.008}, {"color": "#D55E00", "width": 0.0025}]
    for axis, (title, panel) in zip(axes, fields.items(), strict=True):
        axis.plot(*data.T, ".", color="#0072B2", ms=2, label="data")
        for name, look in zip(names, looks, strict=True):
            drawn = np.isfinite(panel[name]).all(axis=1)
            axis.quiver(*places[drawn].T, *panel[name][drawn].T, angles="xy",
                        scale_units="xy", scale=1, label=name, **look)  # fmt: skip
        axis.set_aspect("equal")
        axis.set_title(title, fontsize=SMALL + 1)
        axis.tick_params(labelsize=SMALL)
    _legend_below(figure, axes[0])
    return figure


def _legend_below(figure: Figure, axis) -> None:
    handles, texts = axis.get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=3, fontsize=SMALL)


def _same_names(panels: Mapping[str, Mapping], argument: str) -> list[str]:
    names = [list(panel) for panel in panels.values()]
    if not names or not names[0] or any(other != names[0] for other in names):
        raise ValueError(
            f"{argument} must hold at least one panel, all with the same names in the "
            f"same order, got {names}"
        )
    return names[0]


def _draw_curve(axis, x, curve: NDArray, name: str, style: tuple) -> None:
    if len(curve) != len(x):
        raise ValueError(f"{name!r} must have {len(x)} values, got {len(curve)}")
    colour, dash, marker = style
    if curve.ndim == 2:  # Intervals
        axis.fill_between(x, curve[:, 1], curve[:, 2], color=colour, alpha=0.2, lw=0)
        curve = curve[:, 0]
    # an open diamond still shows where another curve lies on it
    look = {"ms": 8, "mfc": "none"} if marker == "D" else {"ms": 4}
    axis.plot(
        x, curve, color=colour, ls=dash, marker=marker, lw=1.3, label=name, **look
    )
