"""Networks and training: a correct result, or the argument at fault is named.

Arrays of every type and layout give what the same values give as plain float32.
"""

import keras
import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st
from test_properties import DTYPES, LAYOUTS, quietly

import dae

FEW = settings(max_examples=2, deadline=None, derandomize=True)
NAN, INF = float("nan"), float("inf")
NO_COUNT = [0, -1, 2.5, None, "4"]
X = np.random.default_rng(0).random((12, 28, 28, 1), np.float32)
NO_IMAGES = [None, X[0], X[:0], X + 1, X * NAN, (X * 255).astype(int)]
HISTORY = {"train_loss": [0.5], "val_loss": [0.5]}


def corrupt(images, rng):
    return dae.add_gaussian_noise(images, 0.3, rng)


def small(shape=(28, 28, 1), compiled=True, last=1):
    """A network that is made and trained in a moment."""
    keras.utils.set_random_seed(0)
    upsample = keras.layers.Conv2DTranspose(last, 4, 4, activation="sigmoid")
    layers = [keras.Input(shape), keras.layers.Conv2D(2, 4, 4), upsample]
    model = keras.Sequential(layers)
    if compiled:
        dae.compile_denoiser(model, 10)
    return model


MODEL = small()
WEIGHTS = MODEL.get_weights()


def broken(value=NAN):
    model = small()
    model.set_weights([np.full_like(w, value) for w in WEIGHTS])
    return model


def assert_unchanged(model, weights):
    for weight, kept in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, kept)


def train(**changes):
    options = {"model": MODEL, "images": X, "val_images": X[:4], "corrupt": corrupt}
    return dae.train(**options | {"epochs": 1, "batch_size": 4} | changes)


# name of the argument: a call that would be right with another value, wrong values
REFUSED = {
    "kernel_size": (dae.build_stride_2_decoder, [*NO_COUNT, 1]),
    "decoder": (lambda v: dae.build_autoencoder(None, v),
        [dae.build_encoder(), dae.build_decoder(4)]),
    "images": (lambda v: dae.denoise(MODEL, v), [*NO_IMAGES, X[:, :14]]),
    "what model gives": (lambda v: dae.denoise(v, X[:2]),
        [dae.build_encoder(), small(last=3), broken()]),
    "path": (lambda v: dae.save_denoiser(MODEL, v), ["", "a.h5", "a", "a.keras.zip"]),
    "path ": (lambda v: dae.save_checkpoint(v, MODEL, WEIGHTS, HISTORY, {}),
        ["", "a", "a.txt"]),
    "model": (lambda v: dae.save_checkpoint("never.npz", v, WEIGHTS, HISTORY, {}),
        [small(compiled=False)]),
    "best_weights": (lambda v: dae.save_checkpoint("never.npz", MODEL, v, HISTORY, {}),
        [[], WEIGHTS[:2]]),
    "model ": (lambda v: train(model=v),
        [dae.build_encoder(), small((32, 32, 1)), small(last=3)]),
    "images ": (lambda v: train(images=v), [*NO_IMAGES, X[:3]]),
    r"images\[0\]": (lambda v: train(images=v), [X[:, :14]]),
    "val_images": (lambda v: train(val_images=v), NO_IMAGES),
    "val_images ": (lambda v: train(corrupt=v),
        [lambda x, rng: None, lambda x, rng: x[:1], lambda x, rng: x[..., 0]]),
    "epochs": (lambda v: train(epochs=v), NO_COUNT),
    "batch_size": (lambda v: train(batch_size=v), NO_COUNT),
    "batch_size ": (lambda v: next(dae.noisy_batches(X, None, v,
         np.random.default_rng(0))),
        NO_COUNT),
    "total_steps": (lambda v: dae.compile_denoiser(None, v), NO_COUNT),
    "learning_rate": (lambda v: train(learning_rate=v), [0, -1, NAN, INF, "1", None]),
    "checkpoint": (lambda v: train(checkpoint=v), ["", "a", "a.txt"]),
    "noisy and clean": (lambda v: dae.evaluate(MODEL, v, X[:2]), [X[:1], X[0]]),
    "clean": (lambda v: dae.evaluate(MODEL, X[:2], v), NO_IMAGES),
    "model  ": (lambda v: dae.evaluate(v, X, X), [small((32, 32, 1)), small(last=3)]),
    "images  ": (lambda v: dae.Panel(v, {"m": MODEL}, {}, None), NO_IMAGES),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name(name):
    call, wrong = REFUSED[name]
    for value in wrong:
        ending = "( and .*)? must"
        refused(lambda value=value: call(value), f"(^|and ){name.strip()}{ending}")
    assert_unchanged(MODEL, WEIGHTS)


def test_settings_that_no_run_can_have_are_refused():
    for seed in (-1, 2.5, None):
        with pytest.raises((TypeError, ValueError)):
            train(model=small(), seed=seed)


@FEW
@given(counts=st.tuples(st.integers(1, 9), st.integers(4, 9), st.integers(1, 3)))
def test_any_widths_make_networks_that_fit(counts):
    code, channels, overview = counts
    encoder = dae.build_encoder(code, channels)
    for decoder in (
        dae.build_decoder(code, channels, overview),
        dae.build_stride_2_decoder(channels, code),
    ):
        whole = dae.build_autoencoder(encoder, decoder)
        assert whole.get_layer("encoder").output_shape == (None, 7, 7, code)
        assert dae.denoise(whole, X[:1]).shape == (1, 28, 28, 1)


@st.composite
def batches(draw):
    """Images of any floating-point type and layout, 3 to 6 of them."""
    images = X[: draw(st.integers(3, 6))].astype(draw(st.sampled_from(DTYPES)))
    layout = draw(st.sampled_from(LAYOUTS))
    if layout == "F":
        return np.asfortranarray(images)
    if layout == "strided":
        return np.repeat(images, 2, axis=2)[:, :, ::2]
    if layout == "reversed":
        return images[:, ::-1]
    images.flags.writeable = layout != "read-only"
    return images


@FEW
@given(images=batches(), batch_size=st.integers(1, 10**30))
def test_denoise_and_evaluate_take_any_type_and_layout(images, batch_size):
    plain = np.ascontiguousarray(images, np.float32)
    found = quietly(dae.denoise, MODEL, images, batch_size)
    assert found.dtype == np.float32 and found.shape == images.shape
    np.testing.assert_allclose(found, dae.denoise(MODEL, plain), atol=1e-6)
    loss = quietly(dae.evaluate, MODEL, images, images)
    assert loss == pytest.approx(dae.evaluate(MODEL, plain, plain), rel=1e-5)


@FEW
@given(images=batches(), dtype=st.sampled_from(DTYPES))
def test_training_takes_any_type_and_layout(images, dtype):
    plain, losses = np.ascontiguousarray(images, np.float32), []
    for batch, kind in ((images, dtype), (plain, "f2")):
        halve = lambda x, rng, kind=kind: (x / 2).astype(kind)  # noqa: E731
        options = {"epochs": 1, "batch_size": 3}
        history = quietly(dae.train, small(), batch, batch[:2], halve, **options)
        losses += history["val_loss"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@FEW
@given(images=batches(), batch_size=st.integers(1, 9), seed=st.integers(0, 2**32))
def test_an_epoch_holds_each_image_at_most_once(images, batch_size, seed):
    rng = np.random.default_rng(seed)
    pairs = quietly(lambda: list(dae.noisy_batches(images, corrupt, batch_size, rng)))
    assert len(pairs) == len(images) // batch_size
    seen = [image.tobytes() for _, clean in pairs for image in clean]
    assert len(set(seen)) == len(seen) == len(pairs) * batch_size
    assert set(seen) <= {image.tobytes() for image in images}
    assert all(noisy.shape == clean.shape for noisy, clean in pairs)


@pytest.mark.parametrize("when", ["on validation images", "in the last step"])
def test_a_loss_that_is_no_number_stops_the_training(when):
    """Be it by the noise on other images, or by what the last step makes of weights."""

    def spoil(images, rng):
        bad = len(images) == 4 and when == "on validation images"
        return images * np.float32(NAN if bad else 1)

    def report(epochs, done, history):
        if done == 1 and not history["val_loss"] and when == "in the last step":
            model.set_weights([np.full_like(w, NAN) for w in WEIGHTS])

    model = small()
    with pytest.raises(FloatingPointError, match="the loss over the images is nan"):
        train(model=model, corrupt=spoil, batch_size=6, report=report)


def test_a_corruption_in_place_is_refused_before_it_spoils_the_targets():
    def in_place(images, rng):
        images *= 0.5
        return images

    images = X.copy()
    with pytest.raises(ValueError, match="read-only"):
        train(model=small(), images=images, val_images=images, corrupt=in_place)
    np.testing.assert_array_equal(images, X)
    train(model=small(), corrupt=lambda images, rng: images)  # nothing to undo


def test_numbers_of_numpy_s_types_can_be_kept_in_a_checkpoint(tmp_path):
    numbers = {name: np.int64(k) for k, name in enumerate(("epochs", "seed"), start=1)}
    numbers |= {"batch_size": np.int64(4), "learning_rate": np.float32(0.5)}
    options = numbers | {"checkpoint": tmp_path / "a.npz"}
    first = train(model=small(), **options)
    assert train(model=small(), resume=True, **options | {"seed": 2}) == first


def test_a_checkpoint_of_another_run_or_model_changes_nothing(tmp_path):
    dae.save_checkpoint(tmp_path / "a.npz", MODEL, WEIGHTS, HISTORY, {"a": 1})
    other = small(last=3)
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"another run \(b: None in the checkpoint, 2"):
        dae.load_checkpoint(tmp_path / "a.npz", other, {"a": 1, "b": 2})
    with pytest.raises(ValueError, match=r"a\.npz: of another model"):
        dae.load_checkpoint(tmp_path / "a.npz", other, {})
    assert_unchanged(other, before)


def test_a_missing_history_is_named(monkeypatch, tmp_path):
    assert len(dae.load_history()["val_loss"]) == len(dae.load_history()["train_loss"])
    monkeypatch.setattr("dae.model.PRETRAINED_PATH", tmp_path / "denoiser.keras")
    with pytest.raises(FileNotFoundError, match=r"history\.json"):
        dae.load_history()
