"""Figures show the arrays they were given, and leave Matplotlib's state alone."""

import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image as PillowImage

from dae import plot_codes, plot_history, plot_image_rows, save_figure

HISTORY = {"train_loss": [0.3, 0.2, 0.1], "val_loss": [0.3, 0.15, 0.2]}


@pytest.fixture
def figures(digits):
    code = np.linspace(-1, 2, 7 * 7 * 8).reshape(7, 7, 8)
    return [
        plot_image_rows({"original": digits[:10], "noisy": digits[10:20]}),
        plot_image_rows({"noisy": digits[:10]}, {"noisy": ["20.7 dB"] * 10}),
        plot_image_rows({"clean": digits[:10], "error": digits[:10]}, signed=["error"]),
        plot_history(HISTORY, 0.05),
        plot_codes(
            {"clean": digits[0], "noisy": digits[1]},
            {"clean": code, "noisy": code / 2},
            [False] * 8,
        ),
    ]


def test_rows_show_the_very_arrays_on_a_fixed_scale(digits):
    rows = {"original": digits[:10], "noisy": digits[10:20] * 0.5}
    captions = [f"{i} dB" for i in range(10)]
    figure = plot_image_rows(rows, {"noisy": captions})
    expected = [*rows["original"], *rows["noisy"]]
    for axis, image in zip(figure.axes, expected, strict=True):
        (picture,) = axis.images
        np.testing.assert_array_equal(picture.get_array(), image[..., 0])
        assert picture.get_clim() == (0, 1)
        assert picture.get_cmap().name == "gray"
        assert picture.get_interpolation() == "nearest"  # pixels are seen as they are
        assert not axis.get_xticks().size and not axis.get_yticks().size
    labels = [axis.get_xlabel() for axis in figure.axes]
    assert labels == [""] * 10 + captions
    assert [figure.axes[i].get_ylabel() for i in (0, 10)] == ["original", "noisy"]
    assert plot_image_rows(rows).get_figheight() < figure.get_figheight()


def test_history_shows_both_curves_and_marks_the_best_epoch():
    (axis,) = plot_history(HISTORY).axes
    for line, values in zip(axis.lines, HISTORY.values(), strict=False):
        np.testing.assert_array_equal(line.get_xydata(), np.c_[[1, 2, 3], values])
    assert axis.lines[2].get_xydata().tolist() == [[2, 0.15]]
    best = "best: 0.1500 in epoch 2"
    assert [text.get_text() for text in axis.get_legend().texts] == [best]
    names = ["training", "validation"]
    assert [line.get_label() for line in axis.lines] == [*names, best]
    assert {text.get_text() for text in axis.texts} == set(names)
    assert axis.get_xlabel() == "epoch"
    assert axis.get_ylabel() == "binary cross-entropy per pixel"
    ticks = axis.get_xticks()
    np.testing.assert_array_equal(ticks, np.round(ticks))  # there is no epoch 1.5


def test_history_shows_the_floor():
    (axis,) = plot_history(HISTORY, 0.05).axes
    floor = axis.lines[2]
    assert floor.get_xydata().tolist() == [[1, 0.05], [2, 0.05], [3, 0.05]]
    assert "lowest possible" in [text.get_text() for text in axis.texts]


def test_history_of_one_epoch_can_be_seen():
    """A line through one point shows nothing; a marker does."""
    (axis,) = plot_history({"train_loss": [0.3], "val_loss": [0.2]}, label="error").axes
    assert [line.get_marker() for line in axis.lines] == ["o", "^", "*"]
    assert [t for t in axis.get_xticks() if 0.9 < t < 1.1] == [1]
    assert axis.get_ylabel() == "error"


def test_codes_share_one_scale_and_dead_maps_are_not_drawn(digits):
    code = np.random.default_rng(0).normal(size=(7, 7, 8))
    codes = {"clean": code, "noisy": 3 * code}
    dead = [False, False, True] + [False] * 5
    figure = plot_codes({"clean": digits[0], "noisy": digits[1]}, codes, dead)
    shown = [image for axis in figure.axes for image in axis.images]
    pictures = [image for image in shown if image.get_array().shape == (7, 7)]
    assert len(pictures) == 16
    limits = -abs(3 * code).max(), abs(3 * code).max()
    for k, picture in enumerate(pictures):
        assert picture.get_clim() == pytest.approx(limits)
        if k % 8 == 2:
            assert picture.get_array().mask.all()
        else:
            expected = codes["clean" if k < 8 else "noisy"][..., k % 8]
            np.testing.assert_array_equal(picture.get_array(), expected)
    words = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert words == ["dead", "dead"]
    assert figure.axes[-1].get_ylabel() == "value in the code"
    top, below = figure.axes[:9], figure.axes[9:18]
    titles = [axis.get_title() for axis in top]
    assert titles == ["input", *(f"map {k}" for k in range(1, 9))]
    assert [line[0].get_ylabel() for line in (top, below)] == ["clean", "noisy"]
    for line, image in zip((top, below), digits, strict=False):
        np.testing.assert_array_equal(line[0].images[0].get_array(), image[..., 0])
    dark, light = (np.dot(pictures[0].cmap(v)[:3], [0.3, 0.6, 0.1]) for v in (0.0, 1.0))
    assert dark < 0.25 and light > 0.75  # high is light
    assert np.ptp(pictures[0].cmap(0.5)[:3]) < 0.01  # 0 is grey
    assert pictures[0].cmap.name != "gray"  # a code is no image


def test_codes_can_be_centred_on_that_of_black(digits):
    code, black = np.random.default_rng(0).normal(size=(2, 7, 7, 3))
    codes = {"clean": code, "empty": black}
    images = {"clean": digits[0], "empty": 0 * digits[0]}
    figure = plot_codes(images, codes, [False] * 3, black)
    shown = [axis.images[0] for axis in figure.axes if axis.images]
    most = abs(code - black).max()
    for k in range(3):
        difference = shown[1 + k].get_array()
        np.testing.assert_allclose(difference, (code - black)[..., k])
        assert not shown[5 + k].get_array().any()
        assert shown[1 + k].get_clim() == pytest.approx((-most, most))
    assert figure.axes[-1].get_ylabel() == "value \N{MINUS SIGN} black's"
    with pytest.raises(ValueError, match="centre must have shape"):
        plot_codes(images, codes, [False] * 3, black[0])


def test_what_the_colours_of_a_code_mean_fits_on_the_page(digits):
    images = {"clean": digits[0], "noisy": digits[1]}
    codes = dict.fromkeys(images, np.ones((7, 7, 8)))  # as in the lesson
    figure = plot_codes(images, codes, [False] * 8, centre=0.5)
    figure.draw_without_rendering()
    label = figure.axes[-1].yaxis.label.get_window_extent()
    assert 0 <= label.y0 < label.y1 <= figure.bbox.height


def test_signed_rows_are_drawn_around_grey_with_a_bar(digits):
    error = digits[10:20] - digits[:10]
    rows = {"clean": digits[:10], "error": error}
    figure = plot_image_rows(rows, {"clean": ["text"] * 10}, signed=("error",))
    tiles = figure.axes
    (bar,) = tiles[-1].child_axes
    for axis, image in zip(tiles[10:], error, strict=True):
        (picture,) = axis.images
        np.testing.assert_array_equal(picture.get_array(), image[..., 0])
        assert picture.get_clim() == (-1, 1)
        assert np.ptp(picture.cmap(0.5)[:3]) < 0.01  # right is grey
    greys = np.dot(picture.cmap(np.linspace(0, 1, 9))[:, :3], [0.299, 0.587, 0.114])
    assert np.all(np.diff(greys) > 0.03)  # and in grey print still dark to light
    assert bar.get_yticks().tolist() == [-1, 0, 1]
    figure.draw_without_rendering()
    above, below = (axis.get_position() for axis in (tiles[0], tiles[10]))
    assert (above.x0, above.x1) == pytest.approx((below.x0, below.x1))
    with pytest.raises(ValueError, match=r"rows\['error'\] must have all values"):
        plot_image_rows(rows)
    with pytest.raises(ValueError, match=r"rows\['error'\] must have all values"):
        plot_image_rows({"error": 2 * error}, signed=["error"])


def test_texts_below_images_stay_apart(digits):
    def size(columns, text):
        rows, captions = {"a": digits[:columns]}, {"a": [text] * columns}
        figure = plot_image_rows(rows, captions)
        figure.draw_without_rendering()
        boxes = [axis.xaxis.label.get_window_extent() for axis in figure.axes]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        return figure.axes[0].xaxis.label.get_fontsize()

    assert size(5, "error 0.12") == size(6, "epoch 50") == 10
    assert size(10, "21.3 dB") == size(12, "reads 7") == 8


def test_long_names_of_rows_are_broken(digits):
    figure = plot_image_rows({"specialist for 0.5": digits[:2], "a\nb": digits[:2]})
    names = [axis.get_ylabel() for axis in figure.axes[::2]]
    assert names == ["specialist\nfor 0.5", "a\nb"]


def test_no_text_is_small_clipped_or_overlaps_its_neighbour(figures):
    for figure in figures:
        assert figure.get_figwidth() == 6.5
        figure.draw_without_rendering()
        texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
        captions = [a.xaxis.label for a in figure.axes if a.get_xlabel()]
        small = {id(caption) for caption in captions} if len(captions) > 1 else {}
        for text in texts:
            assert text.get_fontsize() >= (8 if id(text) in small else 10)
        drawn = figure.get_tightbbox()  # in inches, of all that is drawn
        assert drawn.x0 >= -0.01 and drawn.x1 <= 6.51
        assert drawn.y0 >= -0.01 and drawn.y1 <= figure.get_figheight() + 0.01
        boxes = [Text.get_window_extent(text) for text in texts]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_global_state_stays_as_it_was(figures, tmp_path):
    before = dict(matplotlib.rcParams)
    save_figure(figures[0], tmp_path / "a.png", alt="Ten digits.")
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def test_saved_figure_is_print_quality_with_its_alt_text(figures, tmp_path):
    for i, figure in enumerate(figures):
        path = tmp_path / "new" / f"{i}.png"
        image = save_figure(figure, path, alt="What is to be seen.")
        with PillowImage.open(path) as saved:
            assert saved.width >= 6.5 * 200
            assert saved.text == {"Description": "What is to be seen."}
        assert image.data == path.read_bytes()
        assert image.metadata["alt"] == "What is to be seen."
        assert path.stat().st_size < 100_000


def test_saved_figure_looks_like_the_figure(digits, tmp_path):
    code = np.arange(98.0).reshape(7, 7, 2)
    for draw in (
        lambda: plot_image_rows({"digits": digits[:4]}),
        lambda: plot_codes({"a": digits[0]}, {"a": code}, [False] * 2),
    ):
        image = save_figure(draw(), tmp_path / "a.png", alt="Something.")
        assert image.width == 650  # 6.5 inches, on a page of the web
        draw().savefig(tmp_path / "exact.png", dpi=200)
        with PillowImage.open(tmp_path / "a.png") as saved:
            assert saved.info["dpi"] == pytest.approx((200, 200), abs=0.1)
            found = np.asarray(saved.convert("RGB"), float)
        with PillowImage.open(tmp_path / "exact.png") as exact:
            error = np.abs(found - np.asarray(exact.convert("RGB"), float))
        assert error.max() <= 48 and error.mean() < 1  # of 255


def test_a_figure_is_saved_as_png_only(figures, tmp_path):
    with pytest.raises(ValueError, match=r"must name a file that must end in \.png"):
        save_figure(figures[0], tmp_path / "a.jpg", alt="Ten digits.")
    assert list(tmp_path.iterdir()) == []
