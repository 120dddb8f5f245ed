"""Charts: the numbers given are the numbers drawn."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from dae import Interval, plot_curves, plot_fields, plot_ladder, plot_matrix

LADDER = {"low": Interval(1, 0.5, 1.5), "high": Interval(3, 2, 3.5)}


def drawn_texts(figure):
    figure.draw_without_rendering()
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def test_ladder_draws_means_and_intervals():
    figure = plot_ladder({"one": LADDER, "two": LADDER}, "dB")
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
    plain = plot_ladder({"one": LADDER}, "dB")
    figure = plot_ladder({"one": LADDER, "two": LADDER}, "dB", highlight="high")
    for axis in figure.axes:
        dots, mark = (x for x in axis.lines if x.get_marker() in ("o", "s"))
        assert mark.get_xydata().tolist() == [[3, 1]]  # the second row
        assert mark.get_color() != dots.get_color()
        assert mark.get_marker() != dots.get_marker()
    assert len(plain.axes[0].lines) == len(figure.axes[0].lines) - 1
    with pytest.raises(ValueError, match=r"highlight must be one of \['low', 'high'\]"):
        plot_ladder({"one": LADDER}, "dB", highlight="middle")


def test_ladder_says_what_it_shows_on_one_scale():
    more = {"low": Interval(9, 8, 9.5), "high": Interval(4, 3, 5)}
    figure = plot_ladder({"one": LADDER, "two": more}, "PSNR in dB")
    assert [axis.get_title() for axis in figure.axes] == ["one", "two"]
    assert [axis.get_xlabel() for axis in figure.axes] == ["PSNR in dB"] * 2
    limits = [axis.get_xlim() for axis in figure.axes]
    assert limits[0] == limits[1] and limits[0][0] < 0.5
    right = limits[0][1]
    assert right - 9.5 > 0.1 * (9.5 - 0.5)  # room for the numbers
    assert list(figure.axes[1].lines[-1].get_xdata()) == [9, 4]


def test_curves_are_drawn_with_their_intervals():
    curve = [Interval(1, 0, 2), Interval(2, 1, 4)]
    figure = plot_curves({"": {"a": curve, "b": [5, np.nan]}}, [1, 2], ("x", "y"))
    a, b = figure.axes[0].lines
    assert list(a.get_ydata()) == [1, 2]
    assert b.get_ydata()[0] == 5 and np.isnan(b.get_ydata()[1])
    (area,) = figure.axes[0].collections
    heights = set(area.get_paths()[0].vertices[:, 1])
    assert heights == {0, 1, 2, 4}
    assert (a.get_linestyle(), a.get_marker()) != (b.get_linestyle(), b.get_marker())


def test_curves_say_what_they_show_on_one_scale():
    panels = {"one": {"a": [1, 2], "b": [2, 3]}, "two": {"a": [1, 9], "b": [0, 1]}}
    figure = plot_curves(panels, [4, 5], ("epoch", "loss"))
    assert [axis.get_title() for axis in figure.axes] == ["one", "two"]
    assert [axis.get_xlabel() for axis in figure.axes] == ["epoch", "epoch"]
    assert figure.axes[0].get_ylabel() == "loss"
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert figure.axes[0].get_xscale() == "linear"
    (legend,) = figure.legends
    figure.draw_without_rendering()
    assert legend.get_window_extent().y1 < figure.axes[0].get_window_extent().y0
    for axis, curves in zip(figure.axes, panels.values(), strict=True):
        for text, handle, line in zip(
            legend.texts, legend.legend_handles, axis.lines, strict=True
        ):
            assert text.get_text() == line.get_label()
            assert handle.get_color() == line.get_color()
            assert list(line.get_ydata()) == curves[line.get_label()]
        ticks = [place for place in axis.get_xticks() if 4 <= place <= 5]
        assert ticks == [4, 5]  # there is no epoch 4.5


def test_each_curve_has_a_colour_a_dash_and_a_marker_of_its_own():
    curves = {f"curve {i}": [i, i] for i in range(7)}
    lines = plot_curves({"": curves}, [1, 2], ("x", "y")).axes[0].lines
    for look in ("get_color", "get_marker"):
        assert len({getattr(line, look)() for line in lines}) == 7
    # Matplotlib scales dashes by the width of the line
    assert len({str(line._dash_pattern) for line in lines}) == 7


def test_the_area_of_a_curve_has_its_colour():
    curve = [Interval(1, 0, 2), Interval(2, 1, 4)]
    axis = plot_curves({"": {"a": [1, 1], "b": curve}}, [1, 2], ("x", "y")).axes[0]
    (area,) = axis.collections
    assert to_rgba(axis.lines[1].get_color(), 0.2) == tuple(area.get_facecolor()[0])


def test_curves_with_a_band_and_doublings():
    curves, band = {"": {"a": [1, 2, 3]}}, ("grey", 49, 98)
    figure = plot_curves(curves, [49, 98, 3136], ("x", "y"), band=band, log=True)
    assert figure.axes[0].get_xscale() == "log"
    ticks = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert ticks == ["49", "98", "3,136"]
    assert "grey" in [t.get_text() for t in figure.legends[0].texts]
    (shade,) = figure.axes[0].patches
    figure.draw_without_rendering()
    box = shade.get_window_extent().transformed(figure.axes[0].transData.inverted())
    assert (round(box.x0), round(box.x1)) == (49, 98)
    assert figure.axes[0].get_yscale() == "linear"
    assert not figure.axes[0].xaxis.get_minorticklocs().size


def test_matrix_writes_every_number_readably():
    values = np.array([[1.04, 2], [3, 4]])
    figure = plot_matrix(values, ["r1", "r2"], ["c1", "c2"], ["col", "row", "dB"])
    axis = figure.axes[0]
    assert [t.get_text() for t in axis.texts] == ["1.0", "2.0", "3.0", "4.0"]
    assert [t.get_color() for t in axis.texts] == ["white", "white", "black", "black"]
    np.testing.assert_array_equal(axis.images[0].get_array(), values)
    assert [t.get_position() for t in axis.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]


def test_matrix_names_its_rows_columns_and_numbers():
    values = np.array([[20.0, 24, 30], [21, 22, 29]])
    figure = plot_matrix(values, ["r1", "r2"], ["c1", "c2", "c3"], ["on", "for", "dB"])
    figure.draw_without_rendering()
    (axis,) = figure.axes
    names = [t.get_text() for t in axis.get_xticklabels()]
    assert (names, list(axis.get_xticks())) == (["c1", "c2", "c3"], [0, 1, 2])
    names = [t.get_text() for t in axis.get_yticklabels()]
    assert (names, list(axis.get_yticks())) == (["r1", "r2"], [0, 1])
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first row on top
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("on", "for")
    assert axis.get_title() == "dB"
    bold = [text.get_text() for text in axis.texts if text.get_weight() == "bold"]
    assert bold == ["24.0", "30.0", "21.0"]  # the best of each column, row by row
    picture = axis.images[0]
    assert picture.get_clim() == (20, 30)
    for text, value in zip(axis.texts, values.ravel(), strict=True):
        cell, ink = picture.to_rgba(value)[:3], to_rgba(text.get_color())[:3]
        grey_cell, grey_ink = (np.dot(c, [0.299, 0.587, 0.114]) for c in (cell, ink))
        assert abs(grey_cell - grey_ink) > 0.4


def test_fields_draw_arrows_where_they_are_known(rng):
    places, data = rng.normal(size=(6, 2)), rng.normal(size=(9, 2))
    moves = rng.normal(size=(6, 2))
    moves[2] = np.nan
    figure = plot_fields({"t": {"exact": moves, "learned": -moves}}, places, data)
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


def test_fields_say_what_they_show_on_one_scale(rng):
    places, data = rng.normal(size=(6, 2)), rng.normal(size=(9, 2)) * [3, 1]
    fields = {"exact": places, "learned": -places}
    figure = plot_fields({"one": fields, "two": fields}, places * [1, 9], data)
    assert [axis.get_title() for axis in figure.axes] == ["one", "two"]
    assert {axis.get_aspect() for axis in figure.axes} == {1}
    assert figure.axes[0].get_shared_x_axes().joined(*figure.axes)
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.texts] == ["data", "exact", "learned"]
    arrows = [c for c in figure.axes[1].collections if hasattr(c, "U")]
    for handle, arrow in zip(legend.legend_handles[1:], arrows, strict=True):
        assert tuple(handle.get_facecolor()) == tuple(arrow.get_facecolor()[0])
    # as high as the points are, next to their width
    points = np.concatenate([places * [1, 9], data])
    width, height = np.ptp(points, axis=0)
    assert figure.get_figheight() == pytest.approx(3.25 * height / width + 0.7)


def test_all_fit_the_page_and_are_large_enough_to_read():
    curves = {f"curve {i}": [1, 2] for i in range(7)}
    for figure in (
        plot_ladder({"one": LADDER, "two": LADDER}, "dB"),
        plot_curves({"a": curves, "b": curves, "c": curves}, [1, 2], ("x", "y")),
        plot_matrix(np.eye(2), ["a", "b"], ["c", "d"], ["x", "y", "z"]),
    ):
        assert figure.get_figwidth() == 6.5
        texts = drawn_texts(figure)
        assert min(t.get_fontsize() for t in texts) >= 8
        drawn = figure.get_tightbbox()  # in inches, of all that is drawn
        assert drawn.x0 >= -0.01 and drawn.x1 <= 6.51
        assert drawn.y0 >= -0.01 and drawn.y1 <= figure.get_figheight() + 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_ladder({}, "dB"), "at least one panel"),
        (lambda: plot_ladder({"a": LADDER, "b": {}}, "dB"), "all with the same names"),
        (lambda: plot_curves({"a": {}}, [1], ("x", "y")), "at least one panel"),
        (
            lambda: plot_curves({"a": {"c": [1]}}, [1, 2], ("x", "y")),
            "'c' must hold 2 numbers or Intervals, got shape",
        ),
        (
            lambda: plot_curves(
                {"a": {str(i): [1] for i in range(8)}}, [1], ("x", "y")
            ),
            "styles for 7 curves, got 8",
        ),
        (
            lambda: plot_matrix(np.eye(2), ["a"], ["b"], ["x", "y", "z"]),
            r"shape \(1, 1\), got \(2, 2\)",
        ),
    ],
)
def test_charts_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()
