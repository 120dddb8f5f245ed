"""Whatever the input: a correct result or an error that names the argument.

Arrays of every floating-point type and memory layout must give what the same values
give as plain float32, and stay unharmed.
"""

import copy
import string
import warnings
from contextlib import suppress

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

import dae
import dae.notebook
from dae import Interval, baselines

DTYPES = ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8")
LAYOUTS = ("C", "F", "strided", "reversed", "read-only")
NAN, INF = float("nan"), float("inf")
FEW = settings(max_examples=3, deadline=None, derandomize=True)
SOME = settings(max_examples=12, deadline=None, derandomize=True)
MANY = settings(max_examples=30, deadline=None, derandomize=True)


@st.composite
def arrays(draw, *shape, low=0, high=1, dtypes=DTYPES, layouts=LAYOUTS):
    """Numbers of any floating-point type and layout."""
    values = np.random.default_rng(draw(st.integers(0, 99))).uniform(low, high, shape)
    values = values.astype(draw(st.sampled_from(dtypes)))
    layout = draw(st.sampled_from(layouts))
    if layout == "F":
        return np.asfortranarray(values)
    if layout == "strided":
        return np.repeat(values, 2, axis=0)[::2]
    if layout == "reversed":
        return values[::-1]
    values.flags.writeable = layout != "read-only"
    return values


def quietly(function, *arguments, **options):
    """The result, without a warning and with the arguments unchanged."""
    arrays = [a for a in arguments if not callable(a)]
    before = copy.deepcopy(arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "__array__ implementation")  # Keras's own
        result = function(*arguments, **options)
        if hasattr(result, "draw_without_rendering"):
            result.draw_without_rendering()
    np.testing.assert_equal(arrays, before)
    return result


# --- images in, images or numbers out


def seeded(function, level):
    """A corruption with fresh randomness from one seed at each call."""
    return lambda images: function(images, level, np.random.default_rng(7))


def fitted(fit):
    return lambda images, other: fit(images, other)(np.asarray(images))


ONE_BATCH = {
    "add_gaussian_noise": seeded(dae.add_gaussian_noise, 0.5),
    "add_speckle_noise": seeded(dae.add_speckle_noise, 0.5),
    "add_poisson_noise": seeded(dae.add_poisson_noise, 4),
    "add_salt_and_pepper": seeded(dae.add_salt_and_pepper, 0.3),
    "mask_pixels": seeded(dae.mask_pixels, 0.3),
    "gaussian": lambda images: baselines.gaussian(images, 1.0),
    "median": lambda images: baselines.median(images, 3),
    "total_variation": lambda images: baselines.total_variation(images, 0.1),
    "non_local_means": lambda images: baselines.non_local_means(images, 0.2),
}
TWO_BATCHES = {  # and what the two are called
    "affine": (fitted(baselines.fit_affine_denoiser), "noisy", "clean"),
    "correction": (fitted(baselines.fit_affine_correction), "restored", "clean"),
    "mse": (dae.mse, "clean", "restored"),
    "psnr": (dae.psnr, "clean", "restored"),
    "ssim": (dae.ssim, "clean", "restored"),
    "tune": (
        lambda x, y: baselines.tune(baselines.gaussian, (1, 2), x, y)[1](x),
        "noisy",
        "clean",
    ),
}
ALL = pytest.mark.parametrize("name", [*ONE_BATCH, *TWO_BATCHES])


def called(name, images):
    if name in ONE_BATCH:
        return ONE_BATCH[name](images)
    return TWO_BATCHES[name][0](images, images[:, ::-1].copy())


@ALL
@SOME
@given(images=st.integers(1, 3).flatmap(lambda n: arrays(n, 14, 12, 1)))
def test_type_and_layout_make_no_difference(name, images):
    plain = np.ascontiguousarray(images, dtype=np.float32)
    found, expected = quietly(called, name, images), called(name, plain)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    if name in ("mse", "psnr", "ssim"):  # one number for each image
        assert found.shape == (len(images),) and found.dtype == np.float64
    else:
        assert found.shape == images.shape and found.dtype == np.float32
        assert found.min() >= 0 and found.max() <= 1


RIGHT = np.random.default_rng(0).random((2, 12, 12, 1))
NO_IMAGES = [
    *(np.where(RIGHT.max() == RIGHT, v, RIGHT) for v in (NAN, INF, -1e-3, 1.001)),
    RIGHT[..., 0],
    RIGHT[:0],
    RIGHT[:, :0],
    (RIGHT * 255).astype(np.uint8),
    RIGHT > 0.5,
    RIGHT.tolist(),
]


@ALL
@pytest.mark.parametrize("wrong", NO_IMAGES)
def test_what_is_not_a_batch_of_images_is_refused_by_name(name, wrong):
    if name in ONE_BATCH:
        refused(lambda: ONE_BATCH[name](wrong), "^images must")
    else:
        function, first, second = TWO_BATCHES[name]
        refused(lambda: function(wrong, RIGHT), f"^{first} must")
        refused(lambda: function(RIGHT, wrong), f"^{second} must")
        refused(lambda: function(RIGHT, RIGHT[:1]), f"^{first} and {second} must")


# --- numbers


@MANY
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    dtype=st.sampled_from(["<f4", ">f4", "<f8", ">f8", "i8"]),
)
def test_mean_interval_holds_the_mean_between_the_extremes(values, dtype):
    values = np.array(values).astype(dtype)
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean, low, high = dae.mean_interval(values, rng, resamples=50)
    slack = 1e-9 * (1 + np.abs(values).max())
    assert mean == pytest.approx(values.astype(float).mean(), rel=1e-12, abs=1e-9)
    assert values.min() - slack <= low <= high <= values.max() + slack


@MANY
@given(
    data=arrays(5, 3, low=-2, high=2, dtypes=("<f4", "<f8", ">f8"), layouts=["C"]),
    sigma=st.floats(1e-3, 1e3),
)
def test_posterior_mean_lies_among_the_data_at_any_level(data, sigma):
    noisy = data[:2] + sigma * np.random.default_rng(0).normal(size=(2, 3))
    noisy = noisy.astype(data.dtype)
    mean = quietly(dae.posterior_mean, noisy, data, sigma)
    assert np.isfinite(mean).all()
    assert np.isfinite(quietly(dae.score, noisy, data, sigma)).all()
    assert (mean >= data.min(axis=0) - 1e-5).all()
    assert (mean <= data.max(axis=0) + 1e-5).all()


@SOME
@given(
    count=st.integers(1, 4),
    shape=st.tuples(*[st.integers(1, 6)] * 2, st.integers(1, 2)),
    beta=st.floats(0, 1),
    start=st.floats(0, 1),
)
def test_whatever_is_generated_are_pictures(count, shape, beta, start):
    options = {"shape": shape, "beta": beta, "start": start, "most_steps": 5}
    rng = np.random.default_rng(0)
    images, levels = dae.generate(lambda x: 0.9 * x, count, rng, **options)
    assert images.shape == (count, *shape) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1 and np.isfinite(levels).all()


# --- figures


@FEW
@given(images=arrays(2, 6, 5, 1))
def test_images_of_any_type_are_drawn_as_they_are(images):
    figure = quietly(dae.plot_image_rows, {"a": images}, {"a": ["x", "y"]})
    for axis, image in zip(figure.axes, images, strict=True):
        np.testing.assert_allclose(axis.images[0].get_array(), image[..., 0])


@FEW
@given(image=arrays(28, 28, 1), codes=arrays(2, 7, 7, 3, low=-9, high=9))
def test_codes_of_any_type_are_drawn_on_one_scale(image, codes):
    inputs, both = {"a": image, "b": image}, dict(zip("ab", codes, strict=True))
    figure = quietly(dae.plot_codes, inputs, both, np.array([False, True, False]))
    for i, code in enumerate(codes):
        for k in (0, 2):
            picture = figure.axes[4 * i + 1 + k].images[0]
            np.testing.assert_allclose(picture.get_array(), code[..., k])
            assert picture.get_clim() == (float(codes.min()), float(codes.max()))


@FEW
@given(losses=st.integers(1, 12).flatmap(lambda n: arrays(2, n, high=9)))
def test_losses_of_any_type_are_drawn_with_the_lowest_marked(losses):
    history = {"train_loss": losses[0], "val_loss": losses[1]}
    (axis,) = quietly(dae.plot_history, history).axes
    for line, values in zip(axis.lines, losses, strict=False):
        np.testing.assert_array_equal(line.get_ydata(), values)
    assert axis.lines[2].get_ydata()[0] == min(losses[1])


@FEW
@given(values=arrays(3, 4, low=-5, high=5))
def test_curves_ladders_and_tables_of_any_type(values):
    curves = dict(zip("abc", values, strict=True))
    figure = quietly(dae.plot_curves, {"p": curves}, [1, 2, 4, 8], "xy", log=True)
    for line, curve in zip(figure.axes[0].lines, values, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), curve)
    figure = quietly(dae.plot_matrix, values, "abc", "defg", "xyz")
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), values)
    low, mean, high, _ = np.sort(values, axis=1).T.copy()
    ladder = {k: np.stack(v) for k, *v in zip("abc", mean, low, high, strict=True)}
    (axis,) = quietly(dae.plot_ladder, {"p": ladder}, "dB").axes
    np.testing.assert_allclose(axis.lines[-1].get_xdata(), mean, rtol=1e-3)


def test_an_interval_without_width_is_drawn_despite_rounding():
    mean = 0.1 + 0.2  # a rounding error above 0.3
    quietly(dae.plot_ladder, {"p": {"m": Interval(0.3, mean, mean)}}, "dB")
    quietly(dae.plot_ladder, {"p": {"m": Interval(mean, 0.3, 0.3)}}, "dB")


@FEW
@given(arrows=arrays(2, 9, 2, low=-1), places=arrays(9, 2), data=arrays(5, 2))
def test_fields_of_any_type_are_drawn_at_their_places(arrows, places, data):
    fields = {"t": dict(zip("ab", arrows, strict=True))}
    axis = quietly(dae.plot_fields, fields, places, data).axes[0]
    quivers = [c for c in axis.collections if hasattr(c, "U")]
    for quiver, field in zip(quivers, arrows, strict=True):
        np.testing.assert_allclose(quiver.get_offsets(), places)
        np.testing.assert_allclose(np.stack([quiver.U, quiver.V], 1), field)


# --- arguments that would give a wrong number or a wrong picture

IMAGES = np.linspace(0, 1, 2 * 8 * 8, dtype="f4").reshape(2, 8, 8, 1)
CODE = np.arange(2 * 7 * 7 * 3.0).reshape(2, 7, 7, 3)
PLACES = np.array([[0.0, 0], [1, 2], [2, 1]])
TABLE = np.arange(6.0).reshape(3, 2)
TO = Interval(2, 1, 3)
LEVELS = [-0.1, NAN, INF, "0.5", None, 1j, np.full(7, 0.5)]


def rng():
    return np.random.default_rng(0)


# name of the argument: a call that would be right with another value, wrong values
REFUSED = {
    "sigma": (lambda v: dae.add_gaussian_noise(RIGHT, v, rng()), LEVELS),
    "sigma ": (lambda v: dae.add_speckle_noise(RIGHT, v, rng()), LEVELS),
    "photons": (lambda v: dae.add_poisson_noise(RIGHT, v, rng()),
        [*LEVELS, 0, np.array([1, 0]), 1e10]),
    "amount": (lambda v: dae.add_salt_and_pepper(RIGHT, v, rng()), [*LEVELS, 1.01]),
    "fraction": (lambda v: dae.mask_pixels(RIGHT, v, rng()), [*LEVELS, 1.01]),
    "rng": (lambda v: dae.add_gaussian_noise(RIGHT, 0.5, v), [0, None, np.random]),
    "rng ": (lambda v: dae.mean_interval([1, 2], v), [0, None, np.random]),
    "width": (lambda v: baselines.gaussian(RIGHT, v), LEVELS),
    "size": (lambda v: baselines.median(RIGHT, v), [0, 2.5, None]),
    "weight": (lambda v: baselines.total_variation(RIGHT, v), LEVELS),
    "strength": (lambda v: baselines.non_local_means(RIGHT, v), LEVELS),
    "ridge": (lambda v: baselines.fit_affine_denoiser(RIGHT, RIGHT, v), LEVELS),
    "restored": (lambda v: baselines.fit_affine_correction(v, RIGHT),
        [np.full(RIGHT.shape, 0.5)]),
    "values": (lambda v: dae.mean_interval(v, rng()),
        [[1j], ["a"], [[1.0]], [], [NAN], [INF]]),
    "errors": (lambda v: dae.stride_energy(v, 2),
        [*(np.full((1, 4, 4, 1), v) for v in (NAN, INF, 1.0)),
         *(np.ones(s) for s in ((0, 4, 4, 1), (1, 4, 4, 2), (1, 4, 4))),
         *(np.arange(12.0).reshape(s) for s in ((1, 4, 3, 1), (1, 3, 4, 1)))]),
    "stride": (lambda v: dae.stride_energy(RIGHT, v), [1, 0, 2.0]),
    "noisy": (lambda v: dae.posterior_mean(v, TABLE, 0.5),
        [None, TABLE.astype(int), TABLE.astype("f2"), TABLE[0], TABLE[:0],
         TABLE[:, :1]]),
    "data": (lambda v: dae.score(TABLE, v, 0.5),
        [None, TABLE.astype(int), TABLE.astype("f2"), TABLE[0], TABLE[:0],
         TABLE + INF]),
    "sigma  ": (lambda v: dae.posterior_mean(TABLE, TABLE, v), [*LEVELS, 0]),
    "start": (lambda v: dae.generate(lambda x: x, 1, rng(), start=v),
        [255, -0.1, 1.1, NAN, [0.5], np.full((28, 28), 0.5)]),
    "beta": (lambda v: dae.generate(lambda x: x, 1, rng(), beta=v), [-0.1, 1.1, NAN]),
    r"images and restore\(images\)": (lambda v: dae.generate(lambda x: x[:1], v, rng(),
         most_steps=1),
        [2]),
    r"rows\['a'\]": (lambda v: dae.plot_image_rows({"a": v}),
        [IMAGES.tolist(), IMAGES[0], IMAGES * NAN, IMAGES + 1, CODE / 300]),
    r"rows\['a'\] and rows\['b'\]": (lambda v: dae.plot_image_rows({"a": IMAGES, "b":
         v}),
        [IMAGES[:1], IMAGES[:, 1:]]),
    r"history\['val_loss'\]": (lambda v: dae.plot_history({"train_loss": [1, 2],
         "val_loss": v}),
        [[], [NAN, 1], [1, INF], [[1, 2]], ["a", "b"]]),
    "images": (lambda v: dae.plot_codes({"a": v}, {"a": CODE[0]}, [False] * 3),
        [IMAGES, IMAGES[0] + 1, IMAGES[0] * NAN]),
    "codes": (lambda v: dae.plot_codes({"a": IMAGES[0]}, {"a": v}, [False] * 3),
        [CODE, CODE[0] * NAN, CODE[0] + INF, CODE[..., :0]]),
    "ladders": (lambda v: dae.plot_ladder(v, "dB"),
        [*({}, {"a": {}}, {"a": {"m": TO}, "b": {"n": TO}}, {"a": {"m": (1, 2)}}),
         *({"a": {"m": i}} for i in (Interval(1, 2, 0), Interval(1, 1.5, 2))),
         *({"a": {"m": i}} for i in (Interval(3, 1, 2), Interval(INF, 1, 2)))]),
    "panels": (lambda v: dae.plot_curves(v, [1, 2], "xy"),
        [{}, {"a": {}}, {"a": {"c": [1]}, "b": {}}, {"a": dict.fromkeys("abcdefgh")}]),
    "curve 'c'": (lambda v: dae.plot_curves({"a": {"c": v}}, [1, 2], "xy"),
        [1, [], [1], [1, INF], np.ones((2, 2)), np.ones((2, 5)), [TO], ["a", "b"]]),
    "x": (lambda v: dae.plot_curves({"a": {"c": [1, 2]}}, v, "xy", log=True),
        [[], [NAN, 1], [[1, 2]], [0, 1], [-1, 1]]),
    "values ": (lambda v: dae.plot_matrix(v, "a", "bc", "xyz"),
        [[1, 2], [[1], [2]], [[1, NAN]], [[1, INF]]]),
    "fields": (lambda v: dae.plot_fields(v, PLACES, PLACES),
        [*({}, {"a": {"f": PLACES}}, {"a": dict.fromkeys("fgh", PLACES)}),
         *({"a": dict.fromkeys("fg", f)} for f in (PLACES[:2], PLACES + INF))]),
    "places": (lambda v: dae.plot_fields({"a": dict.fromkeys("fg", PLACES)}, v, PLACES),
        [PLACES[0], PLACES[:, :1], PLACES * NAN, PLACES[:0]]),
    "data ": (lambda v: dae.plot_fields({"a": dict.fromkeys("fg", PLACES)}, PLACES, v),
        [PLACES[0], PLACES[:, :1], PLACES * NAN, PLACES[:0]]),
    "points": (lambda v: dae.plot_frontier(v, "xy"),
        [{}, {"a": (0, 1)}, {"a": (1, NAN)}, {"a": (1, 2, 3)}, {"a": ("1", "2")}]),
    "highlight": (lambda v: dae.plot_frontier({"a": (1, 2)}, "xy", v), ["b", ""]),
    "clean and noisy": (lambda v: dae.plot_schematic(IMAGES[0], v, (7, 7, 8)),
        [IMAGES[0] + 1, IMAGES[0] * NAN]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_give_a_wrong_number_is_refused_by_name(name):
    call, wrong = REFUSED[name]
    for value in wrong:
        refused(lambda value=value: call(value), f"(^| and ){name.strip()} (and |must)")


# --- tables, files and words

cells = st.one_of(
    *(st.integers(), st.floats(), st.booleans(), st.none()),
    st.text(string.ascii_letters + "|\n\r\\ *", max_size=6),
)


@MANY
@given(
    table=st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1)
    )
)
def test_a_table_has_the_rows_and_columns_it_was_given(table):
    lines = dae.show_table(table[0], table[1:]).data.split("\n")
    assert len(lines) == len(table) + 1
    for line in lines:
        bars = line.count("|") - line.count(r"\|")
        assert bars == len(table[0]) + 1, line


def test_a_table_as_text():
    rows = [("a", 1.5, None), ("b|c", "d", True)]
    assert dae.show_table(("name", "one", "two"), rows).data == (
        "| name | one | two |\n"
        "| --- | --- | --- |\n"
        "| a | 1.5 | None |\n"
        r"| b\|c | d | True |"
    )


def test_a_table_of_numbers_has_them_on_the_right_with_minus_signs():
    rows = [(1, "-0.5 [-1.0, 0.1]", "", "k-9"), (2, "3 x 4", "\N{EN DASH}", -7)]
    assert dae.show_table(("n", "value", "dead", "text"), rows).data == (
        "| n | value | dead | text |\n"
        "| --- | ---: | ---: | --- |\n"
        "| 1 | \N{MINUS SIGN}0.5 [\N{MINUS SIGN}1.0, 0.1] |  | k-9 |\n"
        "| 2 | 3 x 4 | \N{EN DASH} | \N{MINUS SIGN}7 |"
    )


@pytest.mark.parametrize("table", [([], []), (["a", "b"], [[1]]), (["a"], [[1], []])])
def test_a_table_with_rows_of_another_length_is_refused(table):
    refused(lambda: dae.show_table(*table), "header")


names = st.text(string.ascii_letters + string.digits + " é._-", min_size=1, max_size=20)


@SOME
@given(
    name=names.filter(lambda n: n.strip() and n[-1] != "."),
    content=st.binary(max_size=99),
)
def test_any_file_is_written_whole_or_left(tmp_path_factory, name, content):
    path = tmp_path_factory.mktemp("any") / "new" / "deep" / name
    with dae.written_whole(path) as temporary:
        temporary.write_bytes(content)
        assert temporary.suffix == path.suffix and not path.exists()
    with suppress(KeyError), dae.written_whole(str(path)) as temporary:
        temporary.write_bytes(b"half")
        raise KeyError
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_path_that_names_no_file_is_refused(path):
    refused(lambda: dae.written_whole(path).__enter__(), "path")


@MANY
@given(
    answer=st.one_of(cells, st.just(...), st.just(np.ones(3)), st.just(np.array([]))),
    outcome=st.sampled_from([None, AssertionError(), AssertionError("why"), OSError()]),
)
def test_every_answer_gets_one_word_on_it(answer, outcome):
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dae.notebook, "display", lambda it: said.append(it.data))
        with dae.exercise(answer, "A hint."):
            if outcome:
                raise outcome
    (word,) = said
    assert (word == "**Right.**") == (outcome is None and answer is not ...)
    assert word.endswith("A hint.") == (outcome is not None and answer is not ...)


@MANY
@given(
    losses=st.lists(st.floats(0, 9), max_size=5),
    epochs=st.integers(5, 9),
    part=st.floats(0, 1),
)
def test_progress_says_where_it_is_whatever_the_losses(losses, epochs, part):
    done = min(len(losses) + part, epochs)
    history = {"train_loss": losses, "val_loss": losses}
    text = dae.notebook.describe(epochs, done, history, 61)
    assert text.startswith(f"epoch {min(len(losses) + 1, epochs)} of {epochs} (")
    assert (f"best {min(losses, default=10):.4f}" in text) == bool(losses)
