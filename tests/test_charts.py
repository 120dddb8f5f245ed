"""Charts: the numbers given are the numbers drawn, and all of it on the page."""

import json
from itertools import combinations

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.colors import to_rgba
from matplotlib.text import Text
from skimage.color import deltaE_ciede2000, rgb2lab

import dae
from dae.charts import HIGHLIGHT, STYLES
from dae.notebook import describe_figure
from dae.plotting import GREY

LADDER = {"low": dae.Interval(1, 0.5, 1.5), "high": dae.Interval(3, 2, 3.5)}


def test_ladder_draws_means_and_intervals_the_best_on_top():
    other = {"low": dae.Interval(5, 4, 6), "high": dae.Interval(2, 2, 2)}
    figure = dae.plot_ladder({"one": other, "two": LADDER}, "dB")
    left, right = figure.axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["high", "low"]
    for axis, order in ((left, [2, 5]), (right, [3, 1])):
        assert [t.get_text() for t in axis.texts] == [f"{v:.1f}" for v in order]
        dots = [line for line in axis.lines if line.get_marker() == "o"]
        assert [dot.get_xydata().tolist() for dot in dots] == [
            [[value, place]] for place, value in enumerate(order)
        ]
        assert axis.yaxis_inverted()  # the first one on top
    ends = [bars.get_segments()[0][:, 0].tolist() for bars in right.collections]
    assert ends == [[2, 3.5], [0.5, 1.5]]
    assert [t.xy for t in right.texts] == [(3.5, 0), (1.5, 1)]  # right of the interval


def test_ladder_marks_one_method_out():
    figure = dae.plot_ladder({"one": LADDER, "two": LADDER}, "dB", highlight="high")
    names = figure.axes[0].get_yticklabels()
    assert [name.get_weight() for name in names] == ["bold", "normal"]
    with pytest.raises(ValueError, match=r"be one of .*, got 'middle'"):
        dae.plot_ladder({"one": LADDER}, "dB", highlight="middle")


def test_what_is_highlighted_looks_the_same_everywhere():
    (axis,) = dae.plot_ladder({"": LADDER}, "dB", highlight="low").axes
    looks = [(line.get_color(), line.get_marker()) for line in axis.lines]
    assert {(HIGHLIGHT[0], HIGHLIGHT[2]), (GREY, "o")} < set(looks)
    curves = {name: [1, 2] for name in "abcd"}
    for k, name in enumerate(curves):
        (axis,) = dae.plot_curves({"": curves}, [1, 2], "xy", highlight=name).axes
        styles = list(STYLES[:3])  # those of the others, in their order
        styles.insert(k, HIGHLIGHT)
        for line, (colour, _, marker) in zip(axis.lines, styles, strict=True):
            assert (line.get_color(), line.get_marker()) == (colour, marker)
    figure = dae.plot_fields({"": np.eye(2)}, np.eye(2), np.eye(2))
    (arrows,) = (c for c in figure.axes[0].collections if hasattr(c, "U"))
    assert tuple(arrows.get_facecolor()[0]) == to_rgba(GREY)


def test_no_two_styles_look_alike_and_all_can_be_read_on_white():
    styles = [HIGHLIGHT, *STYLES]
    colours, dashes, markers = zip(*styles, strict=True)
    assert len(set(markers)) == len(markers)
    assert len(set(dashes[1:])) == len(STYLES)
    for colour in colours:
        assert contrast_with_white(colour) >= 3
    for kind in COLOUR_VISION:
        for one, other in combinations(colours, 2):
            assert difference(one, other, COLOUR_VISION[kind]) > 15, (kind, one, other)


# Machado, Oliveira & Fernandes (2009), in linear RGB, nothing left of one cone
COLOUR_VISION = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    rgb = np.array(to_rgba(colour)[:3])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast_with_white(colour):
    return 1.05 / (linear(colour) @ [0.2126, 0.7152, 0.0722] + 0.05)


def difference(one, other, vision):
    """CIEDE2000, as seen by somebody who is colour-blind."""
    seen = np.clip([vision @ linear(colour) for colour in (one, other)], 0, 1)
    low, high = 12.92 * seen, 1.055 * np.maximum(seen, 1e-9) ** (1 / 2.4) - 0.055
    lab = rgb2lab(np.where(seen <= 0.0031308, low, high))
    return deltaE_ciede2000(*lab)


def test_curves_are_drawn_with_their_intervals_and_pass_over_nan():
    nothing = dae.Interval(np.nan, np.nan, np.nan)
    curve = [dae.Interval(1, 0, 2), nothing, dae.Interval(2, 1, 4)]
    curves = {"a": [5, 7, np.nan], "b": curve}
    (axis,) = dae.plot_curves({"": curves}, [1, 2, 3], "xy").axes
    a, b = axis.lines
    assert a.get_xydata().tolist() == [[1, 5], [2, 7]]
    assert b.get_xydata().tolist() == [[1, 1], [3, 2]]
    (area,) = axis.collections
    assert set(area.get_paths()[0].vertices[:, 1]) == {0, 1, 2, 4}
    assert to_rgba(b.get_color(), 0.2) == tuple(area.get_facecolor()[0])


def test_each_curve_has_a_colour_a_dash_and_a_marker_of_its_own():
    curves = {f"curve {i}": [i, i] for i in range(4)}
    lines = dae.plot_curves({"": curves}, [1, 2], "xy").axes[0].lines
    for look in ("get_color", "get_marker"):
        assert len({getattr(line, look)() for line in lines}) == 4
    # Matplotlib scales dashes by the width of the line
    assert len({str(line._dash_pattern) for line in lines}) == 4
    with pytest.raises(ValueError, match="at most 4 curves each, got 5"):
        dae.plot_curves({"": curves | {"one more": [1, 2]}}, [1, 2], "xy")


def test_curves_are_named_at_their_ends_and_no_name_covers_another():
    ends = {"specialist for 0.2": 3.01, "our network": 3.02, "b": 9, "long " * 5: 3}
    curves = {name: [5, end] for name, end in ends.items()}
    for titles in ("a", "ab"):
        figure = dae.plot_curves(dict.fromkeys(titles, curves), [1, 2], "xy")
        *others, axis = figure.axes
        figure.draw_without_rendering()
        assert not any(other.texts for other in others)
        names = {text.get_text(): text for text in axis.texts}
        assert [" ".join(name.split()) for name in sorted(names, key=str.lower)] == [
            *("b", "long long long long long", "our network", "specialist for 0.2")
        ]
        for line in axis.lines:
            (name,) = (
                t
                for t in axis.texts
                if t.get_text().split() == line.get_label().split()
            )
            assert name.get_color() == line.get_color()
            assert tuple(name.xy) == tuple(line.get_xydata()[-1])
        assert not overlapping(axis.texts, figure.bbox)
        boxes = [Text.get_window_extent(text) for text in axis.texts]
        assert all(box.x0 > axis.bbox.x1 for box in boxes)
        assert min(box.y0 for box in boxes) > axis.bbox.y0 - 2
        assert max(box.y1 for box in boxes) < axis.bbox.y1 + 2
        heights = [text.xy[1] for text in axis.texts]
        rank = np.argsort([box.y0 for box in boxes], kind="stable")
        assert [heights[k] for k in rank] == sorted(heights)
        # where there is room, a name stands at the very height of the curve's end
        place = axis.transData.transform((2, 9))[1]
        highest = max(boxes, key=lambda box: box.y0)
        assert (highest.y0 + highest.y1) / 2 == pytest.approx(place, abs=8)


def test_curves_with_a_band_and_doublings():
    curves, band = {"": {"a": [1, 2, 3]}}, ("grey", 49, 98)
    figure = dae.plot_curves(curves, [49, 98, 3136], "xy", band=band, log=True)
    (axis,) = figure.axes
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "linear")
    assert [t.get_text() for t in axis.get_xticklabels()] == ["49", "98", "3,136"]
    (shade,) = axis.patches
    figure.draw_without_rendering()
    box = shade.get_window_extent().transformed(axis.transData.inverted())
    assert (round(box.x0), round(box.x1)) == (49, 98)
    assert not axis.xaxis.get_minorticklocs().size
    (name,) = (text for text in axis.texts if text.get_text() == "grey")
    written = name.get_window_extent()
    assert axis.bbox.x0 < shade.get_window_extent().x0 < written.x0
    assert axis.transData.transform((49, 3))[1] < written.y0 < axis.bbox.y1
    assert describe_figure(figure) == "Chart. y over x (a; grey)."


def test_ticks_of_many_sizes_do_not_run_into_each_other():
    sizes = [10, 20, 49, 98, 128, 196, 392, 784, 3136]
    curves = {"a": range(9)}
    for panels in ({"a": curves}, {"a": curves, "b": curves}):
        figure = dae.plot_curves(panels, sizes, "xy", log=True)
        figure.draw_without_rendering()
        for axis in figure.axes:
            ticks = axis.get_xticklabels()
            assert len(ticks) >= 4 and ticks[0].get_text() == "10"
            boxes = [tick.get_window_extent() for tick in ticks]
            assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_fields_draw_arrows_where_they_are_known(rng):
    places, data = rng.normal(size=(6, 2)), rng.normal(size=(9, 2))
    moves = rng.normal(size=(6, 2))
    moves[2] = np.nan
    figure = dae.plot_fields({"exact": moves, "learned": -moves}, places, data)
    assert [axis.get_title() for axis in figure.axes] == ["exact", "learned"]
    known = ~np.isnan(moves[:, 0])
    for axis, sign in zip(figure.axes, (1, -1), strict=True):
        (arrows,) = (c for c in axis.collections if hasattr(c, "U"))
        np.testing.assert_array_equal(arrows.get_offsets(), places[known])
        np.testing.assert_array_equal(arrows.U, sign * moves[known, 0])
        np.testing.assert_array_equal(arrows.V, sign * moves[known, 1])
        assert arrows.scale == 1 and arrows.angles == arrows.scale_units == "xy"
        (dots,) = axis.lines
        np.testing.assert_array_equal(dots.get_xydata(), data)
        assert dots.zorder < arrows.zorder  # no arrow's tip is hidden


def test_matrix_writes_every_number_readably_and_the_best_in_bold():
    values = np.array([[20.04, 24, 30], [21, 22, 29]])
    (axis,) = dae.plot_matrix(values, ["r1", "r2"], "abc", ["on", "for", "dB"]).axes
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["20.0", "24.0", "30.0", "21.0", "22.0", "29.0"]
    assert [t.get_position() for t in axis.texts[2:4]] == [(2, 0), (0, 1)]
    bold = [text.get_text() for text in axis.texts if text.get_weight() == "bold"]
    assert bold == ["24.0", "30.0", "21.0"]  # the best of each column, row by row
    (tied,) = dae.plot_matrix(
        [[22.41, 1], [22.38, 1], [22.2, 0]], "rst", "ab", "xyz"
    ).axes
    bold = [text.get_position() for text in tied.texts if text.get_weight() == "bold"]
    assert bold == [(0, 0), (1, 0), (0, 1), (1, 1)]  # all that read as the best
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
    figure = dae.plot_fields(fields, places, places[:2])
    assert figure.axes[0].get_shared_x_axes().joined(*figure.axes)
    assert {axis.get_aspect() for axis in figure.axes} == {1}
    # as high as what is drawn, next to its width
    assert figure.get_figheight() == pytest.approx(6.1 / 2 * 9 / 3 + 0.6)


CURVES = {f"curve {i}": [1, 2] for i in range(4)}
FIELDS = dict.fromkeys("fg", np.eye(2))
WORDS = [  # what draws a figure, what it is given, and what must be written in it
    (dae.plot_ladder, ({"one": LADDER}, "dB"), ["one", "dB", *LADDER]),
    (dae.plot_curves, ({"a": CURVES, "b": CURVES}, [1, 2], "xy"), [*"abxy", *CURVES]),
    (dae.plot_matrix, (np.eye(2), "ab", "cd", "xyz"), list("abcdxyz")),
    (dae.plot_fields, (FIELDS, np.eye(2), 2 * np.eye(2)), ["f", "g"]),
]


@pytest.mark.parametrize(("draw", "given", "words"), WORDS)
def test_all_is_named_on_the_page_and_large_enough_to_read(draw, given, words):
    figure = draw(*given)
    figure.draw_without_rendering()
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    assert set(words) <= {text.get_text() for text in texts}
    assert min(text.get_fontsize() for text in texts) >= 10
    assert figure.get_figwidth() == 6.5
    drawn = figure.get_tightbbox()  # in inches, of all that is drawn
    assert drawn.x0 >= -0.01 and drawn.x1 <= 6.51
    assert drawn.y0 >= -0.01 and drawn.y1 <= figure.get_figheight() + 0.01
    assert not overlapping(texts, figure.bbox)


def overlapping(texts, page):
    """Those that lie over another, by more than a pixel."""
    boxes = {
        text.get_text(): Text.get_window_extent(text).padded(-0.5) for text in texts
    }
    drawn = {k: b for k, b in boxes.items() if page.contains(*b.p0)}
    return [(a, b) for a, b in combinations(drawn, 2) if drawn[a].overlaps(drawn[b])]


def test_the_picture_of_the_frontier_is_that_of_its_numbers():
    picture = (ROOT / "dae/pictures/frontier.svg").read_text(encoding="utf-8")
    measured = json.loads((ROOT / "tests/benchmarks/frontier.json").read_text())
    for name, model in measured["models"].items():
        assert f"{name} {model['validation']:.2f} at {model['time']:.2f}" in picture
