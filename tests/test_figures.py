"""Figures: numbers in are numbers drawn, all is named, on the page, and as saved."""

import hashlib
import json
from itertools import combinations

import numpy as np
import pytest
from conftest import ROOT, names_in
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.quiver import Quiver
from matplotlib.text import Text
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

import dae
from dae.notebook import describe_figure

NAN = np.nan
DIGITS = np.linspace(0, 1, 7840).reshape(10, 28, 28, 1)
SIGNED = DIGITS - DIGITS[::-1]
ROWS = {"salt-and-pepper for 0.5": DIGITS, "e\nf": SIGNED}
CAPTIONS = [f"{k}.7\N{NO-BREAK SPACE}dB" for k in (20, 9, *range(11, 19))]
INPUTS = {"a": DIGITS[0], "b": DIGITS[1]}
CODE = np.linspace(-1, 2, 392).reshape(7, 7, 8)
BLACK = CODE[::-1] / 4
DEAD = [False, False, True] + 5 * [False]
HISTORY = {"train_loss": [0.3, 0.2, 0.1], "val_loss": [0.3, 0.15, 0.2]}
LOW = {"our network": (1, 0.5, 1.5), "80 components": (3, 2, 3.5)}
HIGH = {"our network": (5, 4, 6), "80 components": (2, 2, 2)}
LADDER = [[[2, 0]], [[5, 1]], [[2, 0], [2, 0]], [[4, 1], [6, 1]]]
LADDER += [[[3, 0]], [[1, 1]], [[2, 0], [3.5, 0]], [[0.5, 1], [1.5, 1]]]
CURVES = {"rival": ([1, 2, 4], [5, 7, 3.01]), "affine denoiser": ([1, 3], [5, 3])}
CURVES |= {"our network": ([1, 3], [(1, 0, 2), (2, 1, 4)]), "floor": ([1, 4], [0, 0])}
POINTS = [[[1, 5], [2, 7], [4, 3.01]], [[1, 5], [3, 3]], [[1, 1], [3, 2]]]
POINTS += [[[1, 0], [4, 0]], [[1, 0], [1, 2], [3, 1], [3, 4]]]  # at last an area
PANELS = dict.fromkeys("abc", CURVES)
SIZES = [10, 20, 49, 98, 196, 392, 784, 3136]
TABLE = np.array([[20, 25.04, 30], [23, 22, 29.98]])
ARROWS, PLACES = np.random.default_rng(0).normal(size=(2, 6, 2))


def maps(code):
    """Those that are not dead; the largest of all differences from black is 1."""
    differences = (code - BLACK) / abs(3 * CODE - BLACK).max()
    return np.moveaxis((1 + np.where(DEAD, NAN, differences)) / 2, 2, 0)


A, B = [DIGITS[0, ..., 0], *maps(3 * CODE)], [DIGITS[1, ..., 0], *maps(CODE)]
CASES = {  # what draws a figure, the numbers in it, from 0 to 1 in images, and words
    "rows": (
        lambda: dae.plot_image_rows(ROWS, {"e\nf": CAPTIONS}, signed=["e\nf"]),
        [*DIGITS[..., 0], *(1 + SIGNED[..., 0]) / 2],
        "salt-and-pepper\nfor 0.5|e\nf|20.7\ndB|−1|0|1",
    ),
    "codes": (
        lambda: dae.plot_codes(INPUTS, {"b": CODE, "a": 3 * CODE}, DEAD, BLACK),
        [*A[:5], *B[:5], *A[5:], *B[5:]],
        "a|b|input|map 1|map 8|dead|value − black's",
    ),
    "history": (
        lambda: dae.plot_history(HISTORY, 0.05),
        [*(np.c_[1:4, y] for y in (*HISTORY.values(), 3 * [0.05])), [[2, 0.15]]],
        "training|validation|lowest possible|epoch|1|2|3|best: 0.1500 in epoch 2",
    ),
    "ladder": (
        lambda: dae.plot_ladder({"noise 0.5": HIGH, "noise 1": LOW}, "mean in dB"),
        LADDER,
        "noise 0.5|noise 1|80 components|our network|2.0|5.0|3.0|"
        "mean in dB\nintervals: ±1.00 or less",
    ),
    "curves": (
        lambda: dae.plot_curves(PANELS, "xy", band=("seen", 1, 2)),
        3 * POINTS,
        "rival|affine denoiser|our network|floor|seen|a|b|c|x|y|2|4",
    ),
    "sizes": (
        lambda: dae.plot_curves({"": {"c": (SIZES, SIZES)}}, "xy", log=True),
        [np.c_[SIZES, SIZES]],
        "c|x|y|10|784|3,136",
    ),
    "matrix": (
        lambda: dae.plot_matrix(TABLE, "rs", ["salt and pepper", "b", "c"], "xyz"),
        [np.array([[3.04, 3.04, 3.04], [6.04, 0, 3.02]]) / 6.04],  # gains from -3.04
        "salt and\npepper|b|c|r|s|x|y|20.0|25.0|30.0|22.0|"
        "z; colour: gain over the row “r”",
    ),
    "fields": (
        lambda: dae.plot_fields({"f": ARROWS, "g": -ARROWS / 2}, PLACES, PLACES[:3]),
        [x for k in (1, -0.5, -1.5) for x in (PLACES[:3], np.c_[PLACES, k * ARROWS])],
        "f|g|difference: 150\N{NO-BREAK SPACE}%",
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
            elif isinstance(drawn, LineCollection):  # an interval
                yield from drawn.get_segments()
            elif isinstance(drawn, QuadMesh) and axis.texts:  # not a bar of colours
                yield drawn.norm(drawn.get_array())


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
    assert min(text.get_fontsize() for text in texts) >= 10
    page, drawn = figure.bbox_inches.padded(0.01), figure.get_tightbbox()
    assert page.contains(*drawn.min) and page.contains(*drawn.max)
    boxes = {text: Text.get_window_extent(text).padded(-0.5) for text in texts}
    over = [(a, b) for a, b in combinations(texts, 2) if boxes[a].overlaps(boxes[b])]
    assert not over


# a line a meaning, in one colour; the first of each line stands for it
MEANINGS = """our network|trained at 0.5|network, denoising + curve|fresh noise
trained at 0.2|network, plain + curve|frozen noise
blind
level estimated
affine denoiser + curve|affine, fitted at 0.5
affine denoiser|affine, fitted at 0.2
affine through PCA + curve
PCA + curve
memory of windows
Gaussian blur + curve
Gaussian blur
total variation + curve
non-local means + curve
noisy input|noisy input + curve
all black
mean digit
training
validation
lowest possible"""
TOGETHER = [  # what stands in one chart
    "trained at 0.2|trained at 0.5|blind|level estimated|affine, fitted at 0.2|"
    "affine, fitted at 0.5|affine denoiser + curve",
    "PCA + curve|affine through PCA + curve|network, plain + curve|"
    "network, denoising + curve|mean digit|our network|another|one more",
    "memory of windows|affine denoiser|our network",
    "training|validation|frozen noise|fresh noise",
]


def looks_of(draw):
    """The lines that are named, by name."""
    return {line.get_label(): line for line in draw.axes[0].lines}


def test_a_name_has_one_colour_in_all_charts_and_a_look_of_its_own_in_each():
    colours = {}
    for together in TOGETHER:
        names = together.split("|")
        curves = {name: ([1, 2], [k, 2 * k]) for k, name in enumerate(names, 1)}
        lines = looks_of(dae.plot_curves({"": curves}, "xy"))
        in_print = {
            (line.get_linestyle(), line.get_marker()) for line in lines.values()
        }
        in_colour = {(k.get_linestyle(), k.get_color()) for k in lines.values()}
        assert len(in_print) == len(in_colour) == len(names)
        for name, line in lines.items():
            assert colours.setdefault(name, line.get_color()) == line.get_color()
    ladder = {
        name: (1, 1, 1) for line in MEANINGS.split("\n") for name in line.split("|")
    }
    dots = dae.plot_ladder({"": ladder}, "dB").axes[0].lines
    for name, dot in zip(ladder, dots, strict=True):
        assert colours.setdefault(name, dot.get_color()) == dot.get_color()
    for line in MEANINGS.split("\n"):
        assert len({colours[name] for name in line.split("|")}) == 1
    kinds = {line.split("|")[0] for line in MEANINGS.split("\n")} | {
        "another",
        "one more",
    }
    lab = {kind: rgb2lab(to_rgb(colours[kind])) for kind in kinds}
    near = [k for k in combinations(kinds, 2) if deltaE_ciede2000(*map(lab.get, k)) < 8]
    assert not near


def test_what_is_stressed_is_heavier_and_a_level_has_no_marks():
    def draw(**options):
        return dae.plot_curves({"": CURVES}, "xy", **options)

    plain, figure = looks_of(draw()), draw(highlight="rival")
    for name, line in looks_of(figure).items():
        assert line.get_color() == plain[name].get_color()
        change = line.get_linewidth() - plain[name].get_linewidth()
        assert (change > 0.5) == (name == "rival")
        assert (line.get_marker() == "None") == (name == "floor")
    ladder = dae.plot_ladder({"": LOW}, "dB", highlight="our network")
    for texts in (figure.legends[0].get_texts(), ladder.axes[0].get_yticklabels()):
        bold = [text.get_text() for text in texts if text.get_weight() == "bold"]
        assert bold in (["rival"], ["our network"])
    history = dae.plot_history({"train_loss": [1.0] * 30, "val_loss": [*range(30)]})
    assert [k.get_marker() for k in history.axes[0].lines] == ["None", "None", "*"]


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
    rows = dae.save_figure(CASES["rows"][0](), tmp_path / "b.png")  # no drawing
    assert rows.metadata.keys() == {"alt"} and names_in(tmp_path) == ["b.png", "new"]


def test_a_drawing_is_of_lines_and_small(tmp_path):
    arrows, places = np.random.default_rng(0).normal(size=(2, 500, 2))
    figure = dae.plot_fields({"f": arrows, "g": -arrows}, places, places)
    for name, chart in {"fields": figure, "matrix": CASES["matrix"][0]()}.items():
        dae.save_figure(chart, tmp_path / f"{name}.png")
        drawing = (tmp_path / f"{name}.svg").read_bytes()
        assert b"<svg" in drawing and b"<image" not in drawing
        assert len(drawing) < 100_000


ALTS = {
    "rows": "Rows of 10 pictures. salt-and-pepper for 0.5: mean brightness 0.5. "
    "e f: values −0.9 to 0.9, 9.7 to 20.7 dB.",
    "codes": "Rows of 9 pictures. a: values −3.39 to 6.14, input, map 1, map 2, map 3, "
    "map 4, map 5, map 6, map 7, map 8. b: values −1.39 to 2.14.",
    "history": "Chart of binary cross-entropy per pixel over epoch from 1 to 3. "
    "training: 0.3 to 0.1. validation: 0.3 to 0.2, lowest 0.15 at 2. "
    "lowest possible: always 0.05. best: 0.15 at 2.",
    "ladder": "Chart of mean in dB, intervals: ±1.00 or less; noise 0.5; noise 1. "
    "80 components: 2.0 and 3.0. our network: 5.0 and 1.0.",
    "sizes": "Chart of y over x from 10 to 3,136. c: 10 to 3,136.",
    "matrix": "Chart of y over x; z; colour: gain over the row “r”. "
    "best, salt and pepper: s 23.0. best, b: r 25.0. best, c: r 30.0 and s 30.0.",
    "fields": "Chart of f; g; difference: 150 %.",
}


@pytest.mark.parametrize("name", ALTS)
def test_alt_text_says_what_is_seen_in_numbers(name):
    assert describe_figure(CASES[name][0]()) == ALTS[name]


def test_alt_text_is_short_and_not_that_of_other_data():
    short = describe_figure(CASES["curves"][0]())
    many = {f"method {k}": (k, k, k) for k in range(40)}
    assert len(describe_figure(dae.plot_ladder({"": many}, "dB")).split()) == 60
    assert "rival: 5 to 3.01, highest 7 at 2 and" in short and "seen" not in short
    texts = {describe_figure(dae.plot_image_rows({"a": x[None]})) for x in DIGITS}
    assert len(texts) == 10


def test_the_picture_of_the_frontier_is_that_of_its_numbers():
    picture = (ROOT / "tests/benchmarks/frontier.svg").read_text(encoding="utf-8")
    text = (ROOT / "tests/benchmarks/frontier.json").read_text(encoding="utf-8")
    for name, model in json.loads(text)["models"].items():
        assert f"{name} {model['validation']:.2f} at {model['time']:.2f}" in picture
