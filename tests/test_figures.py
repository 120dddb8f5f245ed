"""Figures: numbers in are numbers drawn, all is named, on the page, and as saved."""

import hashlib
import json
from itertools import combinations

import numpy as np
import pytest
from conftest import ROOT, names_in
from matplotlib.collections import PolyCollection
from matplotlib.quiver import Quiver
from matplotlib.text import Text
from PIL import Image

import dae
from dae.notebook import describe_figure

NAN = np.nan
DIGITS = np.linspace(0, 1, 7840).reshape(10, 28, 28, 1)
SIGNED = DIGITS - DIGITS[::-1]
ROWS = {"salt-and-pepper for 0.5": DIGITS, "e\nf": SIGNED}
INPUTS = {"a": DIGITS[0], "b": DIGITS[1]}
CODE = np.linspace(-1, 2, 392).reshape(7, 7, 8)
BLACK = CODE[::-1] / 4
DEAD = [False, False, True] + 5 * [False]
HISTORY = {"train_loss": [0.3, 0.2, 0.1], "val_loss": [0.3, 0.15, 0.2]}
LOW = {"our network": (1, 0.5, 1.5), "non-local means + curve": (3, 2, 3.5)}
HIGH = {"our network": (5, 4, 6), "non-local means + curve": (2, 2, 2)}
MEANS_AND_ENDS = [2, 2, 2, 5, 4, 6, 3, 2, 3.5, 1, 0.5, 1.5]
CURVES = {"specialist for 0.2": [5, 7, 3.01], "affine denoiser + curve": [5, NAN, 3]}
CURVES |= {"our network": [(1, 0, 2), (NAN, NAN, NAN), (2, 1, 4)]}
PANELS = dict.fromkeys("abc", CURVES)
AREA = [[1, 0], [1, 2], [3, 1], [3, 4]]
SIZES = [10, 20, 49, 98, 196, 392, 784, 3136]
TABLE = np.array([[20, 24.04, 30], [21, 22, 29.98]])
ARROWS, PLACES = np.random.default_rng(0).normal(size=(2, 6, 2))


def maps(code):
    """Those that are not dead; the largest of all differences from black is 1."""
    differences = (code - BLACK) / abs(3 * CODE - BLACK).max()
    return np.moveaxis((1 + np.where(DEAD, NAN, differences)) / 2, 2, 0)


CASES = {  # what draws a figure, the numbers in it, from 0 to 1 in images, and words
    "rows": (
        lambda: dae.plot_image_rows(ROWS, {"e\nf": 10 * ["20.7 dB"]}, signed=["e\nf"]),
        [*DIGITS[..., 0], *(1 + SIGNED[..., 0]) / 2],
        "salt-and-pepper\nfor 0.5|e\nf|20.7 dB|−1|0|1",
    ),
    "codes": (
        lambda: dae.plot_codes(INPUTS, {"b": 3 * CODE, "a": CODE}, DEAD, BLACK),
        [DIGITS[0, ..., 0], *maps(CODE), DIGITS[1, ..., 0], *maps(3 * CODE)],
        "a|b|input|map 1|map 8|dead|value − black's",
    ),
    "history": (
        lambda: dae.plot_history(HISTORY, 0.05),
        [*(np.c_[1:4, y] for y in (*HISTORY.values(), 3 * [0.05])), [[2, 0.15]]],
        "training|validation|lowest possible|epoch|1|2|3|best: 0.1500 in epoch 2",
    ),
    "ladder": (
        lambda: dae.plot_ladder({"noise 0.5": HIGH, "noise 1": LOW}, "mean in dB"),
        [[dot] for dot in np.c_[MEANS_AND_ENDS, 2 * [0, 0, 0, 1, 1, 1]]],
        "noise 0.5|noise 1|mean in dB|non-local means + curve|our network|2.0|5.0|3.0",
    ),
    "curves": (
        lambda: dae.plot_curves(PANELS, [1, 2, 3], "xy", band=("seen", 1, 2)),
        3 * [[[1, 5], [2, 7], [3, 3.01]], [[1, 5], [3, 3]], [[1, 1], [3, 2]], AREA],
        "specialist for 0.2|affine denoiser +\ncurve|our network|seen|a|b|c|x|y|1|2|3",
    ),
    "sizes": (
        lambda: dae.plot_curves({"": {"c": SIZES}}, SIZES, "xy", log=True),
        [np.c_[SIZES, SIZES]],
        "c|x|y|10|784|3,136",
    ),
    "matrix": (
        lambda: dae.plot_matrix(TABLE, "rs", ["salt and pepper", "b", "c"], "xyz"),
        [(TABLE - 20) / 10],
        "salt and\npepper|b|c|r|s|x|y|z|20.0|24.0|30.0|21.0|22.0",
    ),
    "fields": (
        lambda: dae.plot_fields({"f": ARROWS, "g": -ARROWS}, PLACES, PLACES[:3]),
        [x for sign in (1, -1) for x in (PLACES[:3], np.c_[PLACES, sign * ARROWS])],
        "f|g",
    ),
}


def numbers(figure):
    for axis in figure.axes:
        yield from (np.ma.filled(i.norm(i.get_array()), NAN) for i in axis.images)
        yield from (line.get_xydata() for line in axis.lines)
        for drawn in axis.collections:
            if isinstance(drawn, Quiver):
                yield np.c_[drawn.get_offsets(), drawn.U, drawn.V]
            elif isinstance(drawn, PolyCollection):  # an area
                yield np.unique(drawn.get_paths()[0].vertices, axis=0)


@pytest.mark.parametrize("name", CASES)
def test_what_is_given_is_drawn_and_named_on_the_page(name, monkeypatch):
    draw, expected, words = CASES[name]
    figure, texts = draw(), []
    for found, wanted in zip(numbers(figure), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)
    monkeypatch.setattr(Text, "draw", lambda text, _: texts.append(text))
    figure.draw_without_rendering()
    texts = [text for text in texts if text.get_visible() and text.get_text()]
    assert set(words.split("|")) <= {text.get_text() for text in texts}
    page, drawn = figure.bbox_inches.padded(0.01), figure.get_tightbbox()
    assert page.contains(*drawn.min) and page.contains(*drawn.max)
    boxes = {text: Text.get_window_extent(text).padded(-0.5) for text in texts}
    over = [(a, b) for a, b in combinations(texts, 2) if boxes[a].overlaps(boxes[b])]
    assert not over


def test_what_is_stressed_looks_the_same_in_all_charts_and_like_nothing_else():
    stressed = {"highlight": "our network"}
    curves = {name: [1, 2] for name in ("a", "b", "our network", "c")}
    lines = dae.plot_curves({"": curves}, [1, 2], "xy", **stressed).axes[0].lines
    looks = [(line.get_color(), line.get_marker()) for line in lines]
    lines = dae.plot_ladder({"": LOW}, "dB", **stressed).axes[0].lines
    ladder = {k.get_xdata()[0]: (k.get_color(), k.get_marker()) for k in lines}
    assert ladder[1] == looks[2] and len({*looks, ladder[3]}) == 5


def test_a_chart_is_saved_as_a_picture_and_as_a_drawing(tmp_path):
    def save():
        image = dae.save_figure(dae.plot_history(HISTORY), path, "数.")
        return image, path.read_bytes(), path.with_suffix(".svg").read_bytes()

    path = tmp_path / "new/a.png"
    image, picture, drawing = save()
    assert image.data == picture and save()[1:] == (picture, drawing)
    with Image.open(path) as saved:
        assert saved.text == {"Description": "数."} and saved.width == 1300
    about = {"svg": "a.svg", "sha256": hashlib.sha256(drawing).hexdigest()[:16]}
    _, metadata = image._repr_mimebundle_()
    assert metadata["image/png"] == {"alt": "数.", "width": 650, **about}
    assert b"<svg" in drawing and b"<image" not in drawing
    rows = dae.save_figure(CASES["rows"][0](), tmp_path / "b.png")  # no drawing
    told = "Rows of 10 pictures: salt-and-pepper for 0.5; e f."
    assert rows.metadata == {"alt": told} and names_in(tmp_path) == ["b.png", "new"]
    assert describe_figure(CASES["matrix"][0]()) == "Chart. z: y over x (r; s)."
    assert describe_figure(CASES["fields"][0]()) == "Chart. f (data). g (data)."


def test_the_picture_of_the_frontier_is_that_of_its_numbers():
    picture = (ROOT / "dae/pictures/frontier.svg").read_text(encoding="utf-8")
    text = (ROOT / "tests/benchmarks/frontier.json").read_text(encoding="utf-8")
    for name, model in json.loads(text)["models"].items():
        assert f"{name} {model['validation']:.2f} at {model['time']:.2f}" in picture
