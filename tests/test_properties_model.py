"""Networks and training: a correct result, or the argument at fault is named.

Arrays of every type and layout give what the same values give as plain float32.
"""

import copy
import warnings

import keras
import numpy as np
import pytest
from conftest import ROOT, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.display import Image

import dae

FEW = settings(max_examples=2, deadline=None, derandomize=True)
DTYPES = ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8")
NAN, INF = float("nan"), float("inf")
NO_COUNT = [0, -1, 2.5, True, None, "4", 4.0, np.float32(4), [4], NAN]
NO_PATH = [None, 5, b"a", [], ""]
NO_MODEL = [None, "a.keras", 5, dae.denoise, keras.Sequential([keras.layers.ReLU()])]
X = np.random.default_rng(0).random((12, 28, 28, 1), np.float32)
NO_IMAGES = [None, X.tolist(), X[0], X[:0], X + 1, X * NAN, (X * 255).astype(int)]
HISTORY = {"train_loss": [0.5], "val_loss": [0.5]}


def corrupt(images, rng):
    return dae.add_gaussian_noise(images, 0.3, rng)


def small(shape=(28, 28, 1), compiled=True, last=1):
    """A network that is made and trained in a moment."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(2, 4, 4),
            keras.layers.Conv2DTranspose(last, 4, 4, activation="sigmoid"),
        ]
    )
    if compiled:
        dae.compile_denoiser(model, 10)
    return model


MODEL = small()
WEIGHTS = MODEL.get_weights()
PICTURE = Image(data=(ROOT / "figures/untrained.png").read_bytes())


def broken_weights():
    model = small()
    model.set_weights([np.full_like(w, NAN) for w in WEIGHTS])
    return model


def train(**changes):
    options = {
        "model": MODEL, "images": X, "val_images": X[:4], "corrupt": corrupt,
        "epochs": 1, "batch_size": 4,
    } | changes  # fmt: skip
    return dae.train(**options)


# name of the argument: a call that would be right with another value, wrong values
BUILDERS = {
    "code_channels": [
        dae.build_encoder, dae.build_decoder, dae.build_with_skips,
        lambda v: dae.build_stride_2_decoder(4, v),
    ],
    "channels": [
        lambda v: dae.build_encoder(channels=v), lambda v: dae.build_decoder(channels=v)
    ],
    "overview_channels": [lambda v: dae.build_decoder(overview_channels=v)],
    "kernel_size": [dae.build_stride_2_decoder],
    "batch_size": [
        lambda v: dae.denoise(MODEL, X, v), lambda v: train(batch_size=v)
    ],
    "epochs": [lambda v: train(epochs=v)],
}  # fmt: skip

REFUSED = {
    "encoder": (
        dae.build_autoencoder, [*NO_MODEL[1:], dae.build_decoder(), small((32, 32, 1))],
    ),
    "decoder": (
        lambda v: dae.build_autoencoder(None, v),
        [*NO_MODEL[1:], dae.build_encoder(), small((7, 7, 8), last=2)],
    ),
    "model": (
        lambda v: dae.denoise(v, X[:2]), [*NO_MODEL, dae.build_encoder(), small(last=3),
                                          broken_weights()],
    ),
    "images": (lambda v: dae.denoise(MODEL, v), [*NO_IMAGES, X[:, :14]]),
    "path": (dae.load_denoiser, NO_PATH[1:]),
    "model ": (lambda v: dae.save_denoiser(v, "never.keras"), NO_MODEL),
    "path ": (
        lambda v: dae.save_denoiser(MODEL, v), [*NO_PATH, "a.h5", "a", "a.keras.zip"],
    ),
    "path  ": (
        lambda v: dae.save_checkpoint(v, MODEL, WEIGHTS, HISTORY, {}),
        [*NO_PATH, "a", "a.txt"],
    ),
    "model  ": (
        lambda v: dae.save_checkpoint("never.npz", v, WEIGHTS, HISTORY, {}),
        [*NO_MODEL, small(compiled=False)],
    ),
    "best_weights": (
        lambda v: dae.save_checkpoint("never.npz", MODEL, v, HISTORY, {}),
        [[], WEIGHTS[:2]],
    ),
    "path   ": (lambda v: dae.load_checkpoint(v, MODEL, {}), NO_PATH),
    "model   ": (
        lambda v: train(model=v),
        [*NO_MODEL, dae.build_encoder(), small((32, 32, 1)), small(last=3)],
    ),
    "images ": (lambda v: train(images=v), [*NO_IMAGES, X[:2], X[:, :14]]),
    "val_images": (lambda v: train(val_images=v), [*NO_IMAGES, X[:, :14]]),
    "corrupt": (
        lambda v: train(corrupt=v),
        [None, 5, lambda x, rng: None, lambda x, rng: x.tolist(),
         lambda x, rng: x[:1], lambda x, rng: x[..., 0]],
    ),
    "learning_rate": (lambda v: train(learning_rate=v), [0, -1, NAN, INF, "1", None]),
    "loss": (lambda v: train(loss=v), [None, 5, keras.losses.MeanSquaredError()]),
    "seed": (lambda v: train(seed=v), [*NO_COUNT[1:]]),
    "checkpoint": (lambda v: train(checkpoint=v), [5, b"a", "", "a", "a.txt"]),
    "report": (lambda v: train(report=v), [None, 5]),
    "noisy": (
        lambda v: dae.evaluate(MODEL, v, X[:2]), [None, X[:2].tolist(), X[:1], X[0]],
    ),
    "clean": (lambda v: dae.evaluate(MODEL, X[:2], v), [*NO_IMAGES, X[:3]]),
    "model    ": (
        lambda v: dae.evaluate(v, X, X), [*NO_MODEL, small((32, 32, 1))],
    ),
    "images  ": (
        lambda v: dae.Panel(v, {"m": MODEL}, {"c": dae.mask_pixels}, PICTURE), NO_IMAGES
    ),
    "models": (
        lambda v: dae.Panel(X, v, {"c": dae.mask_pixels}, PICTURE),
        [None, [MODEL], {}, {"a": None}, {"a": MODEL, "b": small((32, 32, 1))}],
    ),
    "corruptions": (
        lambda v: dae.Panel(X, {"m": MODEL}, v, PICTURE),
        [None, [corrupt], {}, {"a": None}, {"a": dae.mask_pixels, "b": 5}],
    ),
    "picture": (
        lambda v: dae.Panel(X, {"m": MODEL}, {"c": dae.mask_pixels}, v), [None, X, "a"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BUILDERS)
def test_what_is_no_count_is_refused_by_name(name):
    for build in BUILDERS[name]:
        for value in NO_COUNT:
            refused(lambda value=value, build=build: build(value), f"^{name} must")


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name(name):
    call, wrong = REFUSED[name]
    for value in wrong:
        refused(lambda value=value: call(value), name.strip())
    for weight, kept in zip(MODEL.get_weights(), WEIGHTS, strict=True):
        np.testing.assert_array_equal(weight, kept)


@FEW
@given(
    counts=st.tuples(st.integers(1, 9), st.integers(4, 9), st.integers(1, 3)),
    kind=st.sampled_from([int, np.int8, np.uint64]),
)
def test_any_widths_make_networks_that_fit(counts, kind):
    code, channels, overview = map(kind, counts)
    encoder = dae.build_encoder(code, channels)
    for decoder in (
        dae.build_decoder(code, channels, overview),
        dae.build_stride_2_decoder(int(channels), code),
    ):
        whole = dae.build_autoencoder(encoder, decoder)
        assert whole.get_layer("encoder").output_shape == (None, 7, 7, counts[0])
        assert dae.denoise(whole, X[:1]).shape == (1, 28, 28, 1)


@st.composite
def batches(draw):
    """Images of any floating-point type and layout, 3 to 6 of them."""
    images = X[: draw(st.integers(3, 6))].astype(draw(st.sampled_from(DTYPES)))
    layout = draw(st.sampled_from(["C", "F", "strided", "reversed", "read-only"]))
    if layout == "F":
        return np.asfortranarray(images)
    if layout == "strided":
        return np.repeat(images, 2, axis=2)[:, :, ::2]
    if layout == "reversed":
        return images[:, ::-1]
    images.flags.writeable = layout != "read-only"
    return images


def quietly(function, *arguments, **options):
    """The result, without a warning and with the arrays unchanged."""
    before = copy.deepcopy([a for a in arguments if isinstance(a, np.ndarray)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "__array__ implementation")  # Keras's own
        result = function(*arguments, **options)
    after = [a for a in arguments if isinstance(a, np.ndarray)]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new, old)
    return result


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
@given(images=batches(), corrupted=st.sampled_from(DTYPES))
def test_training_takes_any_type_and_layout(images, corrupted):
    plain, models = np.ascontiguousarray(images, np.float32), [small(), small()]
    histories = [
        quietly(
            dae.train, model, batch, batch[:2],
            lambda x, rng, dtype=dtype: (x / 2).astype(dtype), epochs=1, batch_size=3,
        )
        for model, batch, dtype in zip(
            models, (images, plain), (corrupted, "f2"), strict=True
        )
    ]  # fmt: skip
    assert histories[0]["val_loss"] == pytest.approx(histories[1]["val_loss"], rel=1e-3)


@FEW
@given(
    images=batches(), batch_size=st.integers(1, 9), seed=st.integers(0, 2**32)
)  # fmt: skip
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
    train(
        model=small(), corrupt=lambda images, rng: images
    )  # nothing to undo, and nothing spoilt


def test_numbers_of_numpy_s_types_can_be_kept_in_a_checkpoint(tmp_path):
    kind = np.int64
    options = {
        "seed": kind(3), "epochs": kind(1), "batch_size": kind(4),
        "learning_rate": np.float32(0.5), "checkpoint": tmp_path / "a.npz",
    }  # fmt: skip
    first = train(model=small(), **options)
    assert train(model=small(), resume=True, **options | {"seed": 3}) == first


@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_damaged_checkpoint_is_refused_and_changes_nothing(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("c") / "a.npz"
    dae.save_checkpoint(path, MODEL, WEIGHTS, HISTORY, {"a": 1})
    with np.load(path) as archive:
        arrays = dict(archive)
    name = data.draw(st.sampled_from(sorted(arrays)))
    damage = data.draw(st.sampled_from(["missing", "shape", "cut", "list", "number"]))
    if damage == "missing":
        del arrays[name]
    elif damage == "shape":
        arrays[name] = np.ones((5, 5))
    elif damage == "list":
        arrays["text"] = np.array("[1, 2]")
    elif damage == "number":
        arrays["text"] = np.array('{"history": {}, "settings": 5}')
    np.savez(path, **arrays)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, 500))])
    with pytest.raises(ValueError, match=r"a\.npz: "):
        dae.load_checkpoint(path, MODEL, {"a": 1})
    for weight, kept in zip(MODEL.get_weights(), WEIGHTS, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_a_checkpoint_that_lacks_a_setting_is_of_another_run(tmp_path):
    dae.save_checkpoint(tmp_path / "a.npz", MODEL, WEIGHTS, HISTORY, {"a": 1})
    with pytest.raises(ValueError, match=r"another run \(b: None in the checkpoint, 2"):
        dae.load_checkpoint(tmp_path / "a.npz", MODEL, {"a": 1, "b": 2})


def test_a_checkpoint_of_another_model_changes_nothing(tmp_path):
    dae.save_checkpoint(tmp_path / "a.npz", MODEL, WEIGHTS, HISTORY, {})
    other = small(last=3)
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"a\.npz: of another model"):
        dae.load_checkpoint(tmp_path / "a.npz", other, {})
    for weight, kept in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_damaged_model_is_refused_with_its_name(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("m") / "a.keras"
    dae.save_denoiser(MODEL, path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        start = content.index(b"HDF")
        content[start + data.draw(st.integers(0, 99))] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.keras: no model that can be loaded"):
        dae.load_denoiser(path)


def test_a_missing_history_is_named(monkeypatch, tmp_path):
    assert len(dae.load_history()["val_loss"]) == len(dae.load_history()["train_loss"])
    monkeypatch.setattr("dae.model.PRETRAINED_PATH", tmp_path / "denoiser.keras")
    with pytest.raises(FileNotFoundError, match=r"history\.json"):
        dae.load_history()
