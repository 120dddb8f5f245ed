"""The drawing of the idea: the images it was given, and the words where they belong."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Annotation, Text

from dae import plot_schematic


@pytest.fixture
def pair(rng):
    return rng.random((2, 28, 28, 1))


def test_it_draws_both_images_and_names_the_code(pair):
    figure = plot_schematic(*pair, (7, 7, 8))
    clean, noisy = figure.axes[0].images
    np.testing.assert_array_equal(clean.get_array(), pair[0, ..., 0])
    np.testing.assert_array_equal(noisy.get_array(), pair[1, ..., 0])
    for picture in (clean, noisy):  # as bright as they are
        assert picture.get_clim() == (0, 1) and picture.get_cmap().name == "gray"
    places = {text.get_text(): text.get_position()[0] for text in figure.axes[0].texts}
    order = ["clean image $x$", r"noisy image $\tilde{x}$", "encoder\n$f$", "code $z$"]
    order += ["decoder\n$g$", r"answer $\hat{x}$"]
    assert sorted(order, key=places.get) == order  # from left to right
    assert places[r"loss $L(x, \hat{x})$"] == places[order[-1]]
    assert "$7 \\times 7 \\times 8$\n= 392 numbers" in places
    assert clean.get_extent()[0] < places["+ noise"] < noisy.get_extent()[0]


def spans_and_heights(axis):
    """Left and right end of each shape, and its height at both, from left to right."""
    found = []
    for corners in sorted((p.get_xy()[:4] for p in axis.patches), key=np.min):
        x, y = corners.T
        sides = [np.ptp(y[x == end]) for end in (x.min(), x.max())]
        found.append((x.min(), x.max(), *sides))
        assert y.min() + y.max() == pytest.approx(2)  # all on one axis
    return sorted(found)


def test_shapes_stand_in_a_row_and_the_code_is_the_narrowest(pair):
    axis = plot_schematic(*pair, (7, 7, 8)).axes[0]
    clean, noisy, encoder, code, decoder, answer = spans_and_heights(axis)
    row = [end for shape in spans_and_heights(axis) for end in shape[:2]]
    assert row == sorted(row) and len(set(row)) == 12  # none touches another
    for picture in (clean, noisy, answer):
        assert picture[2] == picture[3] == picture[1] - picture[0] == encoder[2]
    for image, frame in zip(axis.images, (clean, noisy), strict=True):
        assert image.get_extent() == [*frame[:2], 0, frame[2]]
    assert encoder[2] > encoder[3] == code[2] == code[3] == decoder[2]
    assert decoder[3] == encoder[2]
    frames = [p for p in axis.patches if not p.get_fill()]
    styles = [frame.get_linestyle() for frame in frames]
    assert styles[0] == styles[1] == "-" != styles[2]  # the answer is not there yet


def test_arrows_lead_from_the_image_to_the_loss(pair):
    axis = plot_schematic(*pair, (7, 7, 8)).axes[0]
    shapes = spans_and_heights(axis)
    clean, answer = shapes[0], shapes[-1]
    arrows = [(*a.xyann, *a.xy) for a in axis.texts if isinstance(a, Annotation)]
    gaps = [(one[1], two[0]) for one, two in pairwise(shapes)]
    level = [arrow for arrow in arrows if arrow[1] == arrow[3] == 1]
    for (left, right), (x0, _, x1, _) in zip(gaps, sorted(level), strict=True):
        assert left < x0 < x1 < right
    (loss,) = (t for t in axis.texts if "loss" in t.get_text())
    x, y = loss.get_position()
    down, along = sorted(set(arrows) - set(level), key=lambda arrow: arrow[1] == y)
    assert down[0] == down[2] == x == np.mean(answer[:2])
    assert 0 > down[1] > down[3] > y
    (line,) = axis.lines  # from below the clean image to the arrow's beginning
    assert line.get_xydata()[0][0] == np.mean(clean[:2]) and line.get_ydata()[0] < 0
    assert line.get_ydata()[1] == line.get_ydata()[2] == along[1] == along[3] == y
    assert along[0] <= line.get_xdata()[2] < along[2] < x


def test_words_are_large_enough_and_do_not_overlap(pair):
    figure = plot_schematic(*pair, (7, 7, 64))
    figure.draw_without_rendering()
    words = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    assert min(text.get_fontsize() for text in words) >= 8
    boxes = [text.get_window_extent() for text in words]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i]), words[i]
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
        assert box.y0 >= 0 and box.y1 <= figure.bbox.y1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (np.zeros((28, 28)), np.zeros((28, 28, 1)), (7, 7, 8)),
            "clean must have shape",
        ),
        (
            (np.zeros((9, 9, 1)), np.full((9, 9, 1), 1.1), (7, 7, 8)),
            "noisy must be finite",
        ),
        (
            (np.zeros((9, 9, 1)), np.zeros((9, 9, 1)), (7, 8)),
            "code_shape must have shape",
        ),
        ((np.zeros((9, 9, 1)), np.zeros((9, 9, 1)), (7, 7, 0)), "code_shape must be"),
        (
            (np.zeros((9, 9, 1)), np.zeros((9, 9, 1)), (7, 7.5, 8)),
            "code_shape must be a whole",
        ),
        ((np.zeros((9, 9, 1)), np.zeros((9, 9, 1)), "778"), "code_shape must be"),
    ],
)
def test_it_refuses_by_name(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plot_schematic(*arguments)
