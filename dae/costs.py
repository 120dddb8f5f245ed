"""Charts of what quality costs, and how the costs grow."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from dae.charts import STYLES
from dae.checks import (
    check_choice,
    check_mapping,
    check_numbers,
    check_texts,
    check_type,
)
from dae.plotting import SMALL, WIDTH


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
