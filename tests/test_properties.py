"""Whatever the input: a correct result or an error that names the argument.

Arrays of every floating-point type and memory layout must give what the same values
give as plain float32, and stay unharmed.
"""

import copy
import string
import warnings
from contextlib import suppress
from functools import partial

import keras
import numpy as np
import pytest
from conftest import assert_equal, compiled, corrupt, refused
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


def rng():
    return np.random.default_rng(0)


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
    return lambda images: function(images, np.random.default_rng(7), level=level)


def fitted(fit):
    return lambda images, other: fit(images, other)(np.asarray(images))


ONE_BATCH = {
    "add_gaussian_noise": seeded(dae.add_gaussian_noise, 0.5),
    "add_speckle_noise": seeded(dae.add_speckle_noise, 0.5),
    "add_poisson_noise": seeded(dae.add_poisson_noise, 0.5),
    "add_salt_and_pepper": seeded(dae.add_salt_and_pepper, 0.3),
    "mask_pixels": seeded(dae.mask_pixels, 0.3),
    "gaussian": lambda images: baselines.gaussian(images, 1.0),
    "total_variation": lambda images: baselines.total_variation(images, 0.1),
    "non_local_means": lambda images: baselines.non_local_means(images, 0.2),
}
TWO_BATCHES = {  # and what the two are called
    "affine": (fitted(baselines.fit_affine_denoiser), "noisy", "clean"),
    "curve": (fitted(partial(baselines.with_curve, np.copy)), "noisy", "clean"),
    "mse": (dae.mse, "clean", "restored"),
    "psnr": (dae.psnr, "clean", "restored"),
    "ssim": (dae.ssim, "clean", "restored"),
    "tune": (
        lambda x, y: baselines.tune([partial(baselines.gaussian, width=1)], x, y)(x),
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
    interval = quietly(lambda v: dae.mean_interval(v, rng(), resamples=50), values)
    mean, low, high = interval
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
    assert np.isfinite([mean, quietly(dae.score, noisy, data, sigma)]).all()
    low, high = data.min(axis=0), data.max(axis=0)
    assert (mean >= low - 1e-5).all() and (mean <= high + 1e-5).all()


@SOME
@given(
    count=st.integers(1, 4),
    shape=st.tuples(*[st.integers(1, 6)] * 2, st.integers(1, 2)),
    h0=st.floats(0, 1, exclude_min=True),
    beta=st.floats(0, 1),
    start=st.floats(0, 1),
)
def test_whatever_is_generated_are_pictures(count, **options):
    shape = options.pop("shape")
    options["known"] = np.full(shape, NAN)
    images, levels = dae.generate(lambda x: 0.9 * x, count, rng(), **options)
    assert images.shape == (count, *shape) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1 and np.isfinite(levels).all()


# --- figures


@FEW
@given(image=arrays(28, 28, 1), codes=arrays(2, 7, 7, 3, low=-9, high=9))
def test_codes_of_any_type_are_drawn_on_one_scale(image, codes):
    inputs, both = {"a": image, "b": image}, dict(zip("ab", codes, strict=True))
    figure = quietly(dae.plot_codes, inputs, both, np.array([False, True, False]))
    for i, code in enumerate(codes):
        for k in (0, 2):
            picture = figure.axes[4 * i + 1 + k].images[0]
            np.testing.assert_allclose(picture.get_array(), code[..., k])
            most = abs(codes.astype(float)).max()
            assert picture.get_clim() == (-most, most)


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
    dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, np.sort(mean.astype(float))[::-1], rtol=1e-3)


def test_an_interval_without_width_is_drawn_despite_rounding():
    mean = 0.1 + 0.2  # a rounding error above 0.3
    quietly(dae.plot_ladder, {"p": {"m": Interval(0.3, mean, mean)}}, "dB")
    quietly(dae.plot_ladder, {"p": {"m": Interval(mean, 0.3, 0.3)}}, "dB")


@FEW
@given(arrows=arrays(2, 9, 2, low=-1), places=arrays(9, 2), data=arrays(5, 2))
def test_fields_of_any_type_are_drawn_at_their_places(arrows, places, data):
    fields = dict(zip("ab", arrows, strict=True))
    panels = quietly(dae.plot_fields, fields, places, data).axes
    for axis, field in zip(panels, arrows, strict=True):
        (quiver,) = (c for c in axis.collections if hasattr(c, "U"))
        np.testing.assert_allclose(quiver.get_offsets(), places)
        np.testing.assert_allclose(np.stack([quiver.U, quiver.V], 1), field)


# --- networks

MODEL = compiled()
WEIGHTS = MODEL.get_weights()
STATE = dae.Training({"epochs": 1}, MODEL.get_weights(), [])
X = np.random.default_rng(0).random((12, 28, 28, 1), np.float32)
BATCHES = st.integers(3, 6).flatmap(lambda n: arrays(n, 28, 28, 1))


def other(shape=(28, 28, 1), last=1):
    """A network of another form, by default for the same images."""
    model = keras.Sequential([keras.Input(shape), keras.layers.Dense(last, "sigmoid")])
    dae.compile_denoiser(model, 10)
    return model


def broken():
    model = other()
    model.set_weights([w * NAN for w in model.get_weights()])
    return model


def train(**changes):
    options = {"model": MODEL, "images": X, "val_images": X[:4], "corrupt": corrupt}
    return dae.train(**options | {"epochs": 1, "batch_size": 4} | changes)


def loop(**changes):
    options = {"model": MODEL, "images": X, "val_images": X[:4], "corrupt": corrupt}
    return dae.training_loop(**options | {"epochs": 1, "batch_size": 4} | changes)


@FEW
@given(counts=st.tuples(st.integers(1, 9), st.integers(4, 9), st.integers(1, 3)))
def test_any_widths_make_networks_that_fit(counts):
    code, channels, overview = counts
    encoder = dae.build_encoder(code, channels)
    decoder = dae.build_decoder(code, channels, overview)
    whole = dae.build_autoencoder(encoder, decoder)
    assert whole.get_layer("encoder").output_shape == (None, 7, 7, code)
    assert dae.denoise(whole, X[:1]).shape == (1, 28, 28, 1)


@FEW
@given(images=BATCHES, batch_size=st.integers(1, 10**30))
def test_denoise_and_evaluate_take_any_type_and_layout(images, batch_size):
    plain = np.ascontiguousarray(images, np.float32)
    found = quietly(dae.denoise, MODEL, images, batch_size)
    assert found.dtype == np.float32 and found.shape == images.shape
    np.testing.assert_allclose(found, dae.denoise(MODEL, plain), atol=1e-6)
    loss = quietly(dae.evaluate, MODEL, images, images)
    assert loss == pytest.approx(dae.evaluate(MODEL, plain, plain), rel=1e-5)


# what a corruption may return: JAX refuses the other order of bytes, and says so
KINDS = [kind for kind in DTYPES if keras.backend.backend() != "jax" or kind[0] != ">"]


@FEW
@given(images=BATCHES, dtype=st.sampled_from(KINDS))
def test_training_takes_any_type_and_layout(images, dtype):
    plain, losses = np.ascontiguousarray(images, np.float32), []
    for batch, kind in ((images, dtype), (plain, "f2")):
        halve = lambda x, rng, kind=kind: (x / 2).astype(kind)  # noqa: E731
        options = {"epochs": 1, "batch_size": 3}
        history = quietly(dae.train, compiled(), batch, batch[:2], halve, **options)
        losses += history["val_loss"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("when", ["on validation images", "in the last step"])
def test_a_loss_that_is_no_number_stops_the_training(when):
    """Be it by the noise on other images, or by what the last step makes of weights."""

    def spoil(images, rng):
        bad = len(images) == 4 and when == "on validation images"
        return images * np.float32(NAN if bad else 1)

    model = other()
    dae.compile_denoiser(model, 2)
    options = {"epochs": 1, "batch_size": 6}

    def run():
        for _ in dae.training_loop(model, X, X[:4], spoil, **options):
            if when == "in the last step":
                model.set_weights([w * NAN for w in model.get_weights()])

    with pytest.raises(FloatingPointError, match="the loss over the images is nan"):
        run()


def test_a_corruption_in_place_is_refused_before_it_spoils_the_targets():
    def in_place(images, rng):
        images *= 0.5
        return images

    images = X.copy()
    with pytest.raises(ValueError, match="read-only"):
        train(model=compiled(), images=images, val_images=images, corrupt=in_place)
    np.testing.assert_array_equal(images, X)
    train(model=compiled(), corrupt=lambda images, rng: images)  # nothing to undo


def test_numbers_of_numpy_s_types_can_be_kept_in_a_checkpoint(tmp_path):
    model, numbers = compiled(), {"epochs": np.int64(1), "seed": np.int64(2)}
    dae.compile_denoiser(model, np.int64(3), learning_rate=np.float32(0.5))
    numbers |= {"batch_size": np.int64(4)}
    (*_, state) = dae.training_loop(model, X, X[:4], corrupt, **numbers)
    dae.save_checkpoint(tmp_path / "a.npz", state)
    state = dae.load_checkpoint(tmp_path / "a.npz")
    options = {"epochs": 1, "seed": 2, "batch_size": 4, "state": state}
    assert list(dae.training_loop(model, X, X[:4], corrupt, **options)) == []


def test_a_checkpoint_of_another_model_changes_nothing(tmp_path):
    path, model = tmp_path / "a.npz", other()
    (*_, state) = dae.training_loop(
        compiled(), X, X[:4], corrupt, epochs=1, batch_size=6
    )
    dae.save_checkpoint(path, state)
    before = model.get_weights()
    for options in ({"epochs": 1}, {"epochs": 2}):
        options |= {"batch_size": 6, "state": dae.load_checkpoint(path)}
        with pytest.raises(ValueError, match=r"another run \(.*weights: "):
            dae.training_loop(model, X, X[:4], corrupt, **options)
    assert_equal(model.get_weights(), before)


# --- arguments that would give a wrong number or a wrong picture

IMAGES = np.linspace(0, 1, 2 * 8 * 8, dtype="f4").reshape(2, 8, 8, 1)
CODE = np.arange(2 * 7 * 7 * 3.0).reshape(2, 7, 7, 3)
PLACES = np.array([[0.0, 0], [1, 2], [2, 1]])
TWO = dict.fromkeys("fg", PLACES)
TABLE = np.arange(6.0).reshape(3, 2)
TO = Interval(2, 1, 3)
LEVELS = [-0.1, NAN, INF, "0.5", None, 1j, np.full(7, 0.5)]
NO_COUNT = [0, -1, 2.5, None, "4"]
NO_RNG = [0, None, np.random]
NO_X = [None, X[0], X[:0], X + 1, X * NAN, (X * 255).astype(int)]
NO_PLACES = [PLACES[0], PLACES[:, :1], PLACES * NAN, PLACES[:0]]
NO_TABLE = [None, TABLE.astype(int), TABLE.astype("f2"), TABLE[0], TABLE[:0]]


# name of the argument, a call that would be right with another value, wrong values
REFUSED = [
    ("level", lambda v: dae.add_gaussian_noise(RIGHT, rng(), level=v), LEVELS),
    ("level", lambda v: dae.add_speckle_noise(RIGHT, rng(), level=v), LEVELS),
    ("level", lambda v: dae.add_poisson_noise(RIGHT, rng(), level=v), LEVELS),
    ("level", lambda v: dae.add_salt_and_pepper(RIGHT, rng(), level=v),
        [*LEVELS, 1.01]),
    ("level", lambda v: dae.mask_pixels(RIGHT, rng(), level=v), [*LEVELS, 1.01]),
    ("rng", lambda v: dae.add_gaussian_noise(RIGHT, v, level=0.5), NO_RNG),
    ("rng", lambda v: dae.mean_interval([1, 2], v), NO_RNG),
    ("width", lambda v: baselines.gaussian(RIGHT, v), LEVELS),
    ("weight", lambda v: baselines.total_variation(RIGHT, v), LEVELS),
    ("strength", lambda v: baselines.non_local_means(RIGHT, v), LEVELS),
    ("ridge", lambda v: baselines.fit_affine_denoiser(RIGHT, RIGHT, v), LEVELS),
    ("values", lambda v: dae.mean_interval(v, rng()),
        [[1j], ["a"], [[1.0]], [], [NAN], [INF]]),
    ("noisy", lambda v: dae.posterior_mean(v, TABLE, 0.5), [*NO_TABLE, TABLE[:, :1]]),
    ("data", lambda v: dae.score(TABLE, v, 0.5), [*NO_TABLE, TABLE + INF]),
    ("sigma", lambda v: dae.posterior_mean(TABLE, TABLE, v), [*LEVELS, 0]),
    ("start", lambda v: dae.generate(lambda x: x, 1, rng(), start=v),
        [255, -0.1, 1.1, NAN, [0.5], np.full((28, 28), 0.5)]),
    ("h0", lambda v: dae.generate(lambda x: x, 1, rng(), h0=v), [0, -0.1, 1.1, NAN]),
    ("beta", lambda v: dae.generate(lambda x: x, 1, rng(), beta=v), [-0.1, 1.1, NAN]),
    (r"images and restore\(images\)",
        lambda v: dae.generate(lambda x: x[:1], v, rng(), sigma_end=9), [2]),
    (r"rows\['a'\]", lambda v: dae.plot_image_rows({"a": v}),
        [IMAGES.tolist(), IMAGES[0], IMAGES * NAN, IMAGES + 1, CODE / 300]),
    (r"rows\['a'\] and rows\['b'\]",
        lambda v: dae.plot_image_rows({"a": IMAGES, "b": v}),
        [IMAGES[:1], IMAGES[:, 1:]]),
    (r"rows\['a'\]", lambda v: dae.plot_image_rows({"a": v}, signed=["a"]),
        [IMAGES[0], IMAGES * NAN, IMAGES + 1.1, -1.1 - IMAGES, CODE / 300]),
    ("curve 'lowest possible'",
        lambda v: dae.plot_history({"train_loss": [1, 2], "val_loss": [1, 2]}, v),
        [INF, "a"]),
    (r"history\['val_loss'\]",
        lambda v: dae.plot_history({"train_loss": [1, 2], "val_loss": v}),
        [[], [NAN, 1], [1, INF], [[1, 2]], ["a", "b"]]),
    ("images", lambda v: dae.plot_codes({"a": v}, {"a": CODE[0]}, [False] * 3),
        [IMAGES, IMAGES[0] + 1, IMAGES[0] * NAN]),
    ("codes", lambda v: dae.plot_codes({"a": IMAGES[0]}, {"a": v}, [False] * 3),
        [CODE, CODE[0] * NAN, CODE[0] + INF, CODE[..., :0]]),
    ("centre",
        lambda v: dae.plot_codes({"a": IMAGES[0]}, {"a": CODE[0]}, [False] * 3, v),
        [CODE, CODE[0, 0], CODE[0] * NAN, INF, "a"]),
    ("ladders", lambda v: dae.plot_ladder(v, "dB"),
        [*({}, {"a": {}}, {"a": {"m": TO}, "b": {"n": TO}}, {"a": {"m": (1, 2)}}),
         *({"a": {"m": i}} for i in (Interval(1, 2, 0), Interval(1, 1.5, 2))),
         *({"a": {"m": i}} for i in (Interval(3, 1, 2), Interval(INF, 1, 2)))]),
    ("panels", lambda v: dae.plot_curves(v, [1, 2], "xy"),
        [{}, {"a": {}}, {"a": {"c": [1]}, "b": {}}, {"a": dict.fromkeys("abcdefgh")}]),
    ("curve 'c'", lambda v: dae.plot_curves({"a": {"c": v}}, [1, 2], "xy"),
        [1, [], [1], [1, INF], np.ones((2, 2)), np.ones((2, 5)), [TO], ["a", "b"]]),
    ("x", lambda v: dae.plot_curves({"a": {"c": [1, 2]}}, v, "xy", log=True),
        [[], [NAN, 1], [[1, 2]], [0, 1], [-1, 1], [2, 1], [1, 1]]),
    ("values", lambda v: dae.plot_matrix(v, "a", "bc", "xyz"),
        [[1, 2], [[1], [2]], [[1, NAN]], [[1, INF]]]),
    ("fields", lambda v: dae.plot_fields(v, PLACES, PLACES),
        [{}, *(dict.fromkeys("fg", f) for f in (PLACES[:2], PLACES + INF, ["a"]))]),
    ("places", lambda v: dae.plot_fields(TWO, v, PLACES), NO_PLACES),
    ("data", lambda v: dae.plot_fields(TWO, PLACES, v), NO_PLACES),
    ("highlight", lambda v: dae.plot_ladder({"a": {"m": TO}}, "dB", v), ["b", ""]),
    ("highlight",
        lambda v: dae.plot_curves({"a": {"c": [1]}}, [1], "xy", highlight=v),
        ["b", ""]),
    ("path", lambda v: dae.written_whole(v).__enter__(), ["", ".", "/"]),
    ("decoder", lambda v: dae.build_autoencoder(None, v),
        [dae.build_encoder(), dae.build_decoder(4)]),
    ("images", lambda v: dae.denoise(MODEL, v), [*NO_X, X[:, :14]]),
    ("what model gives", lambda v: dae.denoise(v, X[:2]),
        [dae.build_encoder(), other(last=3), broken()]),
    ("path", lambda v: dae.save_denoiser(MODEL, v), ["", "a.h5", "a", "a.keras.zip"]),
    ("path", lambda v: dae.save_checkpoint(v, STATE), ["", "a", "a.txt"]),
    ("model", lambda v: train(model=v),
        [dae.build_encoder(), other((32, 32, 1)), other(last=3)]),
    ("images", lambda v: train(images=v), [*NO_X, X[:3]]),
    (r"images\[0\]", lambda v: train(images=v), [X[:, :14]]),
    ("val_images", lambda v: train(val_images=v), NO_X),
    ("val_images", lambda v: train(corrupt=v),
        [lambda x, rng: None, lambda x, rng: x[:1], lambda x, rng: x[..., 0]]),
    ("epochs", lambda v: train(epochs=v), NO_COUNT),
    ("batch_size", lambda v: train(batch_size=v), NO_COUNT),
    ("batch_size", lambda v: next(dae.noisy_batches(X, None, v, rng())), NO_COUNT),
    ("total_steps", lambda v: dae.compile_denoiser(None, v), NO_COUNT),
    ("learning_rate", lambda v: train(learning_rate=v), [0, -1, NAN, INF, "1", None]),
    ("batch_size", lambda v: dae.denoise(MODEL, X, v), [*NO_COUNT, None]),
    ("denoisers", lambda v: baselines.tune(v, X, X), [[], ()]),
    ("state", lambda v: loop(state=v), [{}, "a.npz"]),
    ("noisy and clean", lambda v: dae.evaluate(MODEL, v, X[:2]), [X[:1], X[0]]),
    ("clean", lambda v: dae.evaluate(MODEL, X[:2], v), NO_X),
    ("model", lambda v: dae.evaluate(v, X, X), [other((32, 32, 1)), other(last=3)]),
    ("images", lambda v: dae.Panel(v, {"m": MODEL}, {}, None), NO_X),
]  # fmt: skip


@pytest.mark.parametrize(("name", "call", "wrong"), REFUSED)
def test_what_does_not_fit_is_refused_by_name(name, call, wrong):
    for value in wrong:
        refused(lambda value=value: call(value), f"(^| and ){name}( and .*)? must")
    assert_equal(MODEL.get_weights(), WEIGHTS)


@pytest.mark.parametrize("seed", [-1, 2.5, None])
def test_a_seed_that_no_run_can_have_is_refused(seed):
    with pytest.raises((TypeError, ValueError)):
        train(model=compiled(), seed=seed)


# --- files and answers

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


@pytest.mark.parametrize("answer", [0, None, np.ones(3), np.array([]), ...])
@pytest.mark.parametrize("wrong", [None, AssertionError(), AssertionError("why")])
def test_every_answer_gets_one_word_on_it(monkeypatch, answer, wrong):
    said = []
    monkeypatch.setattr(dae.notebook, "display", lambda it: said.append(it.data))
    with dae.exercise(answer, "A hint."):
        if wrong:
            raise wrong
    told = "**Right.**"
    if answer is ...:
        told = "*Not yet:* replace the `...` by your answer."
    elif wrong:
        told = f"*Not yet:* {str(wrong) or 'this is not it.'} A hint."
    assert said == [told]
