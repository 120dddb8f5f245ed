"""Whatever is to be drawn: it is, or the argument at fault is named.

Arrays of every type and layout are drawn as the numbers they hold.
"""

import copy
import warnings

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

import dae
from dae import Interval

FEW = settings(max_examples=3, deadline=None, derandomize=True)
DTYPES = ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8")
NAN, INF = float("nan"), float("inf")

IMAGES = np.linspace(0, 1, 2 * 8 * 8, dtype="f4").reshape(2, 8, 8, 1)
CODE = np.arange(2 * 7 * 7 * 3.0).reshape(2, 7, 7, 3)
PLACES = np.array([[0.0, 0], [1, 2], [2, 1]])
TO = Interval(2, 1, 3)
NO_NUMBERS = [None, "ab", ["a", "b"], [1j, 2], [None, 1], [[1], [1, 2]]]
NO_MAPPING = [None, [1], "ab", 5, np.ones(2)]
NO_TEXTS = [None, "abc", 5, [1, 2], ["a"], ["a", "b", "c", "d"]]

# name of the argument: a call that would be right with another value, wrong values
FIGURES = {
    "rows": (lambda v: dae.plot_image_rows(v), [*NO_MAPPING, {}]),
    r"rows\['a'\]": (
        lambda v: dae.plot_image_rows({"a": v}),
        [None, IMAGES.tolist(), IMAGES[0], IMAGES * NAN, IMAGES + 1, CODE / 300],
    ),
    "captions": (
        lambda v: dae.plot_image_rows({"a": IMAGES}, v),
        [5, "ab", ["a"], {"a": 5}, {"a": "ab"}, {"a": [1, 2]}, {"a": ["x"]},
         {"b": ["x", "y"]}],
    ),
    "history": (
        lambda v: dae.plot_history(v),
        [*NO_MAPPING, {}, {"train_loss": [1]}, {"train_loss": [1], "val_loss": [1, 2]}],
    ),
    r"history\['val_loss'\]": (
        lambda v: dae.plot_history({"train_loss": [1, 2], "val_loss": v}),
        [*NO_NUMBERS, 1, [], [NAN, 1], [1, INF], [[1, 2]]],
    ),
    "label": (
        lambda v: dae.plot_history({"train_loss": [1], "val_loss": [1]}, v),
        [None, 5, ["a"]],
    ),
    "images": (
        lambda v: dae.plot_codes(v, {"a": CODE[0]}, [False] * 3),
        [*NO_MAPPING, {}, {"a": IMAGES}, {"a": IMAGES[0] + 1}, {"a": IMAGES[0] * NAN},
         {"a": None}, {"b": IMAGES[0]}],
    ),
    "codes": (
        lambda v: dae.plot_codes({"a": IMAGES[0], "b": IMAGES[1]}, v, [False] * 3),
        [*NO_MAPPING, {}, {"a": CODE[0]}, {"a": CODE[0], "b": CODE[0, :, :, :2]},
         {"a": CODE[0], "b": CODE[0] * NAN}, {"a": CODE[0], "b": CODE[0] + INF},
         {"a": CODE[0], "b": "x"}, {"a": CODE, "b": CODE},
         {"a": CODE[..., :0], "b": CODE[..., :0]}],
    ),
    "dead": (
        lambda v: dae.plot_codes({"a": IMAGES[0]}, {"a": CODE[0]}, v),
        [None, "abc", [0.1, 0, 0], [False] * 2, [True] * 4, [], [0, 1, 0]],
    ),
    "ladders": (
        lambda v: dae.plot_ladder(v, "dB"),
        [*NO_MAPPING, {}, {"a": {}}, {"a": TO}, {"a": {"m": 1}}, {"a": {"m": "abc"}},
         {"a": {"m": (1, 2)}}, {"a": {"m": TO}, "b": {"n": TO}},
         {"a": {"m": Interval(1, 2, 0)}}, {"a": {"m": Interval(1, 1.5, 2)}},
         {"a": {"m": Interval(NAN, NAN, NAN)}}, {"a": {"m": Interval(INF, 1, 2)}}],
    ),
    "label ": (lambda v: dae.plot_ladder({"a": {"m": TO}}, v), [None, 5]),
    "panels": (
        lambda v: dae.plot_curves(v, [1, 2], ("x", "y")),
        [*NO_MAPPING, {}, {"a": {}}, {"a": [1, 2]}, {"a": {"c": [1, 2]}, "b": {}}],
    ),
    "curve 'c'": (
        lambda v: dae.plot_curves({"a": {"c": v}}, [1, 2], ("x", "y")),
        [*NO_NUMBERS, 1, [], [1], [1, INF], np.ones((2, 2)), np.ones((2, 5)),
         np.ones((2, 3, 1)), [TO]],
    ),
    "x must": (
        lambda v: dae.plot_curves({"a": {"c": [1, 2]}}, v, ("x", "y")),
        [*NO_NUMBERS, 1, [], [NAN, 1], [[1, 2]], {1, 2}],
    ),
    "x must be above 0": (
        lambda v: dae.plot_curves({"a": {"c": [1, 2]}}, v, ("x", "y"), log=True),
        [[0, 1], [-1, 1]],
    ),
    "labels": (lambda v: dae.plot_curves({"a": {"c": [1]}}, [1], v), NO_TEXTS),
    "band": (
        lambda v: dae.plot_curves({"a": {"c": [1]}}, [1], ("x", "y"), band=v),
        ["abc", 5, ("a", 1), ("a", "b", "c"), ("a", NAN, 1), (), ("a", 1, 2, 3)],
    ),
    "values": (
        lambda v: dae.plot_matrix(v, ["a"], ["b", "c"], ["x", "y", "z"]),
        [*NO_NUMBERS, [1, 2], [[1], [2]], [[1, NAN]], [[1, INF]], [[True, False]]],
    ),
    "must not be empty": (
        lambda v: dae.plot_matrix(v, [], [], ["x", "y", "z"]), [np.ones((0, 0))],
    ),
    "rows ": (
        lambda v: dae.plot_matrix([[1, 2]], v, ["b", "c"], "xyz"), [None, "a", 5],
    ),
    "columns": (
        lambda v: dae.plot_matrix([[1, 2]], ["a"], v, "xyz"), [None, "ab", [1, 2]],
    ),
    "labels ": (
        lambda v: dae.plot_matrix([[1, 2]], ["a"], ["b", "c"], v),
        [*NO_TEXTS[:-1], ["a", "b"]],
    ),
    "fields": (
        lambda v: dae.plot_fields(v, PLACES, PLACES),
        [*NO_MAPPING, {}, {"a": {"f": PLACES}}, {"a": PLACES},
         {"a": {"f": PLACES, "g": PLACES, "h": PLACES}},
         {"a": {"f": PLACES, "g": PLACES[:2]}}, {"a": {"f": PLACES, "g": None}},
         {"a": {"f": PLACES, "g": PLACES + INF}}, {"a": {"f": CODE, "g": CODE}}],
    ),
    "places": (
        lambda v: dae.plot_fields({"a": {"f": PLACES, "g": PLACES}}, v, PLACES),
        [*NO_NUMBERS, PLACES[0], PLACES[:, :1], PLACES * NAN, PLACES[:0]],
    ),
    "data": (
        lambda v: dae.plot_fields({"a": {"f": PLACES, "g": PLACES}}, PLACES, v),
        [*NO_NUMBERS, PLACES[0], PLACES[:, :1], PLACES * NAN, PLACES[:0]],
    ),
    "both directions": (
        lambda v: dae.plot_fields({"a": {"f": PLACES, "g": PLACES}}, v, v),
        [PLACES * [0, 1], PLACES * [1, 0], PLACES * 0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_what_cannot_be_drawn_is_refused_by_name(name):
    call, wrong = FIGURES[name]
    for value in wrong:
        refused(lambda value=value: call(value), name.strip())


@st.composite
def arrays(draw, *shape, low=0, high=1):
    """Numbers of any floating-point type and layout."""
    values = np.random.default_rng(draw(st.integers(0, 99))).uniform(low, high, shape)
    values = values.astype(draw(st.sampled_from(DTYPES)))
    layout = draw(st.sampled_from(["C", "F", "strided", "reversed", "read-only"]))
    if layout == "F":
        return np.asfortranarray(values)
    if layout == "strided":
        return np.repeat(values, 2, axis=0)[::2]
    if layout == "reversed":
        return values[::-1]
    values.flags.writeable = layout != "read-only"
    return values


def drawn(function, *arguments, **options):
    """A figure, rendered, with its arguments unchanged and without a warning."""
    before = copy.deepcopy(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = function(*arguments, **options)
        figure.draw_without_rendering()
    for old, new in zip(before, arguments, strict=True):
        np.testing.assert_equal(new, old)
    return figure


@FEW
@given(images=arrays(2, 6, 5, 1))
def test_images_of_any_type_are_drawn_as_they_are(images):
    figure = drawn(dae.plot_image_rows, {"a": images}, {"a": ["x", "y"]})
    for axis, image in zip(figure.axes, images, strict=True):
        np.testing.assert_allclose(axis.images[0].get_array(), image[..., 0])
        assert axis.images[0].get_clim() == (0, 1)


@FEW
@given(image=arrays(28, 28, 1), codes=arrays(2, 7, 7, 3, low=-9, high=9))
def test_codes_of_any_type_are_drawn_on_one_scale(image, codes):
    dead = np.array([False, True, False])
    figure = drawn(
        dae.plot_codes, {"a": image, "b": image}, dict(zip("ab", codes, strict=True)),
        dead,
    )  # fmt: skip
    for i, code in enumerate(codes):
        for k in (0, 2):
            picture = figure.axes[4 * i + 1 + k].images[0]
            np.testing.assert_allclose(picture.get_array(), code[..., k])
            assert picture.get_clim() == (float(codes.min()), float(codes.max()))


def test_codes_of_whole_numbers_with_a_dead_map():
    whole = {"a": CODE[0].astype(int)}
    figure = drawn(dae.plot_codes, {"a": IMAGES[0]}, whole, [True, False, False])
    assert figure.axes[1].images[0].get_array().mask.all()


@FEW
@given(losses=st.integers(1, 12).flatmap(lambda n: arrays(2, n, high=9)))
def test_losses_of_any_type_are_drawn_with_the_lowest_marked(losses):
    history = {"train_loss": losses[0], "val_loss": losses[1]}
    (axis,) = drawn(dae.plot_history, history).axes
    training, validation, best = axis.lines
    np.testing.assert_array_equal(training.get_ydata(), losses[0])
    np.testing.assert_array_equal(validation.get_ydata(), losses[1])
    assert best.get_ydata()[0] == min(losses[1])


@FEW
@given(values=arrays(3, 4, low=-5, high=5))
def test_curves_ladders_and_tables_of_any_type(values):
    curves = dict(zip("abc", values, strict=True))
    figure = drawn(dae.plot_curves, {"p": curves}, [1, 2, 4, 8], ("x", "y"), log=True)
    for line, curve in zip(figure.axes[0].lines, values, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), curve)
    figure = drawn(dae.plot_matrix, values, list("abc"), list("defg"), list("xyz"))
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), values)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == [f"{value:.1f}" for value in values.astype(float).ravel()]
    low, mean, high, _ = np.sort(values, axis=1).T.copy()
    ladder = {k: np.stack(v) for k, *v in zip("abc", mean, low, high, strict=True)}
    (axis,) = drawn(dae.plot_ladder, {"p": ladder}, "dB").axes
    np.testing.assert_allclose(axis.lines[-1].get_xdata(), mean, rtol=1e-3)


def test_an_interval_without_width_is_drawn_despite_rounding():
    mean = 0.1 + 0.2  # a rounding error above 0.3
    drawn(dae.plot_ladder, {"p": {"m": Interval(0.3, mean, mean)}}, "dB")


@FEW
@given(arrows=arrays(2, 9, 2, low=-1), places=arrays(9, 2), data=arrays(5, 2))
def test_fields_of_any_type_are_drawn_at_their_places(arrows, places, data):
    fields = {"t": dict(zip("ab", arrows, strict=True))}
    axis = drawn(dae.plot_fields, fields, places, data).axes[0]
    quivers = [c for c in axis.collections if hasattr(c, "U")]
    for quiver, field in zip(quivers, arrows, strict=True):
        np.testing.assert_allclose(quiver.get_offsets(), places)
        np.testing.assert_allclose(np.stack([quiver.U, quiver.V], 1), field)
