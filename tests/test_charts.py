"""Charts: the numbers given are the numbers drawn, and all of it on the page."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Text

import dae

POINTS = {
    "cheap": (1, 10.0),
    "middle": (2, 12.0),
    "beaten": (3, 11.0),
    "equal but dearer": (4, 12.0),
    "best": (8, 13.0),
    "same cost, worse": (8, 12.5),
}
LADDER = {"low": dae.Interval(1, 0.5, 1.5), "high": dae.Interval(3, 2, 3.5)}


def test_ladder_draws_means_and_intervals():
    figure = dae.plot_ladder({"one": LADDER, "two": LADDER}, "dB")
    assert len(figure.axes) == 2
    axis = figure.axes[0]
    (dots,) = [line for line in axis.lines if line.get_marker() == "o"]
    assert list(dots.get_xdata()) == [1, 3]
    (bars,) = axis.collections
    ends = [segment[:, 0].tolist() for segment in bars.get_segments()]
    assert ends == [[0.5, 1.5], [2, 3.5]]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["low", "high"]
    assert axis.yaxis_inverted()  # the first one on top
    assert [t.get_text() for t in axis.texts] == ["1.0", "3.0"]
    assert [t.xy for t in axis.texts] == [(1.5, 0), (3.5, 1)]  # right of the interval


def test_ladder_marks_one_method_out():
    plain = dae.plot_ladder({"one": LADDER}, "dB")
    figure = dae.plot_ladder({"one": LADDER, "two": LADDER}, "dB", highlight="high")
    for axis in figure.axes:
        dots, mark = (x for x in axis.lines if x.get_marker() in ("o", "s"))
        assert mark.get_xydata().tolist() == [[3, 1]]  # the second row
        assert mark.get_color() != dots.get_color()
        assert mark.get_marker() != dots.get_marker()
    assert len(plain.axes[0].lines) == len(figure.axes[0].lines) - 1
    with pytest.raises(ValueError, match="middle"):
        dae.plot_ladder({"one": LADDER}, "dB", highlight="middle")


def test_curves_are_drawn_with_their_intervals():
    curve = [dae.Interval(1, 0, 2), dae.Interval(2, 1, 4)]
    (axis,) = dae.plot_curves({"": {"a": [5, np.nan], "b": curve}}, [1, 2], "xy").axes
    a, b = axis.lines
    np.testing.assert_array_equal([a.get_ydata(), b.get_ydata()], [[5, np.nan], [1, 2]])
    (area,) = axis.collections
    assert set(area.get_paths()[0].vertices[:, 1]) == {0, 1, 2, 4}
    assert to_rgba(b.get_color(), 0.2) == tuple(area.get_facecolor()[0])


def test_each_curve_has_a_colour_a_dash_and_a_marker_of_its_own():
    curves = {f"curve {i}": [i, i] for i in range(7)}
    lines = dae.plot_curves({"": curves}, [1, 2], "xy").axes[0].lines
    for look in ("get_color", "get_marker"):
        assert len({getattr(line, look)() for line in lines}) == 7
    # Matplotlib scales dashes by the width of the line
    assert len({str(line._dash_pattern) for line in lines}) == 7


def test_curves_with_a_band_and_doublings():
    curves, band = {"": {"a": [1, 2, 3]}}, ("grey", 49, 98)
    figure = dae.plot_curves(curves, [49, 98, 3136], "xy", band=band, log=True)
    (axis,) = figure.axes
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "linear")
    assert [t.get_text() for t in axis.get_xticklabels()] == ["49", "98", "3,136"]
    assert "grey" in [t.get_text() for t in figure.legends[0].texts]
    (shade,) = axis.patches
    figure.draw_without_rendering()
    box = shade.get_window_extent().transformed(axis.transData.inverted())
    assert (round(box.x0), round(box.x1)) == (49, 98)
    assert not axis.xaxis.get_minorticklocs().size


def test_fields_draw_arrows_where_they_are_known(rng):
    places, data = rng.normal(size=(6, 2)), rng.normal(size=(9, 2))
    moves = rng.normal(size=(6, 2))
    moves[2] = np.nan
    figure = dae.plot_fields({"t": {"exact": moves, "learned": -moves}}, places, data)
    exact, learned = (c for c in figure.axes[0].collections if hasattr(c, "U"))
    known = ~np.isnan(moves[:, 0])
    np.testing.assert_array_equal(exact.get_offsets(), places[known])
    np.testing.assert_array_equal(exact.U, moves[known, 0])
    np.testing.assert_array_equal(learned.V, -moves[known, 1])
    assert exact.scale == 1 and exact.angles == exact.scale_units == "xy"
    assert exact.width > 2 * learned.width  # so that it shows below
    (dots,) = figure.axes[0].lines
    np.testing.assert_array_equal(dots.get_xydata(), data)
    assert dots.zorder < exact.zorder < learned.zorder  # no arrow's tip is hidden


def test_matrix_writes_every_number_readably_and_the_best_in_bold():
    values = np.array([[20.04, 24, 30], [21, 22, 29]])
    (axis,) = dae.plot_matrix(values, ["r1", "r2"], "abc", ["on", "for", "dB"]).axes
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["20.0", "24.0", "30.0", "21.0", "22.0", "29.0"]
    assert [t.get_position() for t in axis.texts[2:4]] == [(2, 0), (0, 1)]
    bold = [text.get_text() for text in axis.texts if text.get_weight() == "bold"]
    assert bold == ["24.0", "30.0", "21.0"]  # the best of each column, row by row
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first row on top
    picture = axis.images[0]
    np.testing.assert_array_equal(picture.get_array(), values)
    for text, value in zip(axis.texts, values.ravel(), strict=True):
        cell, ink = picture.to_rgba(value)[:3], to_rgba(text.get_color())[:3]
        grey_cell, grey_ink = (np.dot(c, [0.299, 0.587, 0.114]) for c in (cell, ink))
        assert abs(grey_cell - grey_ink) > 0.4


def test_panels_share_their_scale_and_leave_room():
    more = {"low": dae.Interval(9, 8, 9.5), "high": dae.Interval(4, 3, 5)}
    ladder = dae.plot_ladder({"one": LADDER, "two": more}, "dB")
    (left, right), other = (axis.get_xlim() for axis in ladder.axes)
    assert (left, right) == other and left < 0.5
    assert right - 9.5 > 0.1 * (9.5 - 0.5)  # room for the numbers
    panels = {"one": {"a": [1, 2]}, "two": {"a": [1, 9]}}
    curves = dae.plot_curves(panels, [4, 5], ("epoch", "loss"))
    assert curves.axes[0].get_ylim() == curves.axes[1].get_ylim()
    for axis in curves.axes:
        assert [x for x in axis.get_xticks() if 4 <= x <= 5] == [4, 5]  # no epoch 4.5
    places = np.array([[0.0, 0], [3, 1], [1, 9]])
    fields = {"exact": places, "learned": places * [[1], [1], [np.nan]]}
    figure = dae.plot_fields({"one": fields, "two": fields}, places, places[:2])
    assert figure.axes[0].get_shared_x_axes().joined(*figure.axes)
    assert {axis.get_aspect() for axis in figure.axes} == {1}
    # as high as what is drawn, next to its width
    assert figure.get_figheight() == pytest.approx(3.25 * 9 / 3 + 0.7)


CURVES = {f"curve {i}": [1, 2] for i in range(7)}
FIELDS = {"t": dict.fromkeys("fg", np.eye(2))}
WORDS = [  # what draws a figure, what it is given, and what must be written in it
    (dae.plot_ladder, ({"one": LADDER}, "dB"), ["one", "dB", *LADDER]),
    (dae.plot_curves, ({"a": CURVES, "b": CURVES}, [1, 2], "xy"), [*"abxy", *CURVES]),
    (dae.plot_matrix, (np.eye(2), "ab", "cd", "xyz"), list("abcdxyz")),
    (dae.plot_fields, (FIELDS, np.eye(2), 2 * np.eye(2)), [*"tfg", "data"]),
    (dae.plot_frontier, (POINTS, ("time", "quality")), ["time", "quality", *POINTS]),
]


@pytest.mark.parametrize(("draw", "given", "words"), WORDS)
def test_all_is_named_on_the_page_and_large_enough_to_read(draw, given, words):
    figure = draw(*given)
    figure.draw_without_rendering()
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    assert set(words) <= {text.get_text() for text in texts}
    assert min(text.get_fontsize() for text in texts) >= 8
    assert figure.get_figwidth() == 6.5
    drawn = figure.get_tightbbox()  # in inches, of all that is drawn
    assert drawn.x0 >= -0.01 and drawn.x1 <= 6.51
    assert drawn.y0 >= -0.01 and drawn.y1 <= figure.get_figheight() + 0.01
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.y1 < figure.axes[0].get_window_extent().y0


def test_frontier_by_hand():
    assert dae.on_frontier(POINTS) == ["cheap", "middle", "best"]
    backwards = dict(reversed(POINTS.items()))
    assert dae.on_frontier(backwards) == ["cheap", "middle", "best"]
    assert dae.on_frontier({"one": (5, 5)}) == ["one"]


def test_frontier_figure_names_all_and_joins_the_best():
    (axis,) = dae.plot_frontier(POINTS, ("time", "quality")).axes
    joined, *points = axis.lines
    best = [(1, 10), (2, 12), (8, 13)]
    np.testing.assert_array_equal(joined.get_xydata(), best)
    filled = [point for point in points if point.get_markerfacecolor() != "white"]
    assert [tuple(point.get_xydata()[0]) for point in filled] == best
    assert len(points) == len(POINTS)
    assert axis.get_xscale() == "log"
    assert [t.get_text() for t in axis.get_xticklabels()] == ["1", "2", "4", "8"]
    assert list(axis.get_xticks()) == [1, 2, 4, 8]


def test_frontier_marks_one_point_out():
    (axis,) = dae.plot_frontier(POINTS, "xy", highlight="middle").axes
    looks = [(line.get_marker(), line.get_color()) for line in axis.lines[1:]]
    marked = looks.pop(list(POINTS).index("middle"))
    (others,) = set(looks)
    assert marked[0] != others[0] and marked[1] != others[1]
    bold = [text.get_text() for text in axis.texts if text.get_weight() == "bold"]
    assert bold == ["middle"]
