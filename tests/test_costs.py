"""Charts of costs: the frontier worked out by hand, and everything on the page."""

import numpy as np
import pytest

from dae import on_frontier, plot_frontier, plot_growth

POINTS = {
    "cheap": (1, 10.0),
    "middle": (2, 12.0),
    "beaten": (3, 11.0),
    "equal but dearer": (4, 12.0),
    "best": (8, 13.0),
    "same cost, worse": (8, 12.5),
}


def test_frontier_by_hand():
    assert on_frontier(POINTS) == ["cheap", "middle", "best"]
    backwards = dict(reversed(POINTS.items()))
    assert on_frontier(backwards) == ["cheap", "middle", "best"]
    assert on_frontier({"one": (5, 5)}) == ["one"]


def test_frontier_figure_names_all_and_joins_the_best():
    (axis,) = plot_frontier(POINTS, ("time", "quality")).axes
    assert {text.get_text() for text in axis.texts} == set(POINTS)
    joined = axis.lines[0].get_xydata()
    np.testing.assert_array_equal(joined, [(1, 10), (2, 12), (8, 13)])
    filled = {
        tuple(line.get_xydata()[0]): line.get_markerfacecolor() != "white"
        for line in axis.lines[1:]
    }
    expected = {(1, 10), (2, 12), (8, 13)}
    assert {point for point, full in filled.items() if full} == expected
    assert len(filled) == len(POINTS)
    assert axis.get_xscale() == "log"
    assert [t.get_text() for t in axis.get_xticklabels()] == ["1", "2", "4", "8"]
    assert list(axis.get_xticks()) == [1, 2, 4, 8]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("time", "quality")


def test_frontier_marks_one_point_out():
    (axis,) = plot_frontier(POINTS, LABELS, highlight="middle").axes
    looks = {
        tuple(line.get_xydata()[0]): (line.get_marker(), line.get_color())
        for line in axis.lines[1:]
    }
    marked = looks.pop(POINTS["middle"])
    assert len(set(looks.values())) == 1
    (others,) = set(looks.values())
    assert marked[0] != others[0] and marked[1] != others[1]
    bold = [text.get_text() for text in axis.texts if text.get_weight() == "bold"]
    assert bold == ["middle"]
    with pytest.raises(ValueError, match="highlight must be one of"):
        plot_frontier(POINTS, LABELS, highlight="none of them")


LABELS = ("time", "quality")


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        ({}, LABELS, "points must hold at least one"),
        ({"free": (0, 1)}, LABELS, "points must all have a cost above 0"),
        ({"a": (1, np.nan)}, LABELS, r"points\['a'\] must"),
        ({"a": (1, 2, 3)}, LABELS, r"points\['a'\] must"),
        ({"a": ("1", "2")}, LABELS, r"points\['a'\] must"),
        ([(1, 2)], LABELS, "points must be a mapping"),
        (POINTS, "ab", "labels must"),
        (POINTS, ("time",), "labels must hold 2"),
    ],
)
def test_frontier_refuses_by_name(points, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plot_frontier(points, labels)


def test_growth_draws_points_and_their_line():
    sizes, values = [1, 2, 3, 6], [3.0, 5.0, 7.0, 13.0]  # 2 n + 1
    figure = plot_growth({"images": (sizes, values), "epochs": ([1, 2], [4, 3])}, "s")
    line, measured = figure.axes[0].lines
    np.testing.assert_array_equal(measured.get_xydata(), np.c_[sizes, values])
    np.testing.assert_allclose(line.get_xydata(), np.c_[sizes, values])
    assert figure.axes[0].get_ylim()[0] == figure.axes[0].get_xlim()[0] == 0
    assert [axis.get_xlabel() for axis in figure.axes] == ["images", "epochs"]
    assert figure.axes[0].get_ylabel() == "s"


@pytest.mark.parametrize(
    ("panels", "label", "message"),
    [
        ({}, "s", "panels must hold at least one panel"),
        ({"n": ([1, 2], [1])}, "s", r"values of panels\['n'\] must"),
        ({"n": ([1], [1])}, "s", r"panels\['n'\] must have two or more"),
        ({"n": ([1, 2], [1, np.inf])}, "s", r"values of panels\['n'\] must"),
        ({"n": (["1", "2"], [1, 2])}, "s", r"sizes of panels\['n'\] must"),
        ({"n": ([1, 2], [1, 2])}, None, "label must"),
    ],
)
def test_growth_refuses_by_name(panels, label, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plot_growth(panels, label)
