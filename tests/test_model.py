"""The model: shapes, sizes, range, learning, and the file it is kept in."""

import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from conftest import assert_equal

import dae
from dae.model import PRETRAINED_PATH


def conv(kernel, before, after):
    """Weights of a convolution: one kernel for each pair of maps, and a bias each."""
    return kernel * kernel * before * after + after


def test_parameter_count_by_formula():
    encoder, decoder = dae.build_encoder(8, 64), dae.build_decoder(8, 64, 16)
    block = conv(3, 64, 16) + conv(3, 16, 64)
    assert encoder.count_params() == conv(4, 1, 64) + block + conv(1, 64, 8)
    joined = conv(1, 392, 784) + conv(1, 8 + 16, 64)  # the whole code, and both
    assert decoder.count_params() == joined + block + conv(1, 64, 16)


def test_autoencoder_is_decoder_after_encoder(digits):
    encoder, decoder = dae.build_encoder(), dae.build_decoder()
    whole = dae.build_autoencoder(encoder, decoder)
    by_parts = np.asarray(decoder(encoder(digits[:4])))
    np.testing.assert_allclose(np.asarray(whole(digits[:4])), by_parts, atol=1e-6)
    assert whole.get_layer("encoder") is encoder
    assert whole.get_layer("decoder") is decoder


def test_patches_are_laid_out_as_they_were_cut(digits):
    """Cut by hand, with loops, and joined by the layer."""
    pixels = np.empty((3, 7, 7, 16), np.float32)
    for row in range(7):
        for column in range(7):
            patch = digits[:3, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4, 0]
            pixels[:, row, column] = patch.reshape(3, 16)
    patches = keras.Input((7, 7, 16))
    model = keras.Model(patches, dae.join_patches(patches))
    np.testing.assert_array_equal(model.predict_on_batch(pixels), digits[:3])


@pytest.mark.parametrize("build", [dae.build_encoder, dae.build_decoder])
def test_every_layer_but_the_last_bends(build):
    """Two linear layers in a row are one; what a sum or the sigmoid follows, is not."""
    linear = {"code": "linear", "neighbours_2": "linear", "paint": "linear"}
    for layer in build().layers:
        if hasattr(layer, "kernel"):
            wanted = linear.get(layer.name, "relu")
            assert layer.activation.__name__ == wanted, layer.name
            assert layer.use_bias


def test_patches_start_with_weights_that_suit_their_16_inputs():
    keras.utils.set_random_seed(0)
    weights = dae.build_encoder().get_layer("patches").get_weights()[0]
    assert weights.std() == pytest.approx(np.sqrt(2 / 16), rel=0.1)  # He et al. 2015


def changed_places(model, row, column):
    """Where the output of a model changes if one place of its input does."""
    before = np.random.default_rng(0).random((1, *model.input_shape[1:]), np.float32)
    after = before.copy()
    after[0, row, column] = 1 - after[0, row, column]
    difference = np.subtract(*(model.predict_on_batch(x) for x in (before, after)))
    return np.argwhere(np.abs(difference[0]).max(axis=-1) > 0)


def corners(places):
    return [places.min(axis=0).tolist(), places.max(axis=0).tolist()]


def spread(model):
    """Make all weights positive, so that nothing is switched off by chance."""
    model.set_weights([np.full_like(w, 0.01) for w in model.get_weights()])
    return model


def test_residual_block_adds_what_is_around_to_its_input():
    x = keras.Input((9, 9, 8))
    block = keras.Model(x, dae.residual_block(x, "b"))
    assert block.get_layer("b_1").filters == 2  # a quarter of the channels
    places = changed_places(spread(block), 4, 4)
    assert corners(places) == [[2, 2], [6, 6]]  # 5 x 5: twice 3 x 3
    block.set_weights([np.zeros_like(w) for w in block.get_weights()])
    values = np.random.default_rng(0).normal(size=(2, 9, 9, 8)).astype("f4")
    bent = np.maximum(values, 0)  # without weights, it is the input that is bent
    np.testing.assert_array_equal(block.predict_on_batch(values), bent)
    assert [layer.name[2:] for layer in block.layers[1:]] == ["1", "2", "sum", "out"]


def test_code_hears_of_the_patch_and_its_neighbours():
    # row 13 is in the fourth patch from above, column 2 in the first
    places = changed_places(spread(dae.build_encoder()), 13, 2)
    assert corners(places) == [[1, 0], [5, 2]]
    codes = dae.build_encoder().predict_on_batch(np.ones((1, 28, 28, 1), "f4"))
    assert codes.min() < 0 < codes.max()  # unbounded


def test_image_hears_of_the_whole_code_and_most_of_the_place():
    model = spread(dae.build_decoder())
    assert len(changed_places(model, 3, 0)) == 28 * 28
    overview = model.get_layer("whole")
    overview.set_weights([np.zeros_like(w) for w in overview.get_weights()])
    # the direct way that is left
    assert corners(changed_places(model, 3, 0)) == [[4, 0], [23, 11]]


def test_one_batch_is_learnt_by_heart(digits):
    keras.utils.set_random_seed(0)
    model = dae.build_autoencoder()
    clean = digits[:16]
    noisy = dae.add_gaussian_noise(clean, np.random.default_rng(0), level=0.5)
    dae.compile_denoiser(model, 300)
    for _ in range(300):
        model.train_on_batch(noisy, clean)
    assert dae.psnr(clean, dae.denoise(model, noisy)).min() > 25
    # learnt by heart indeed: other noise is not undone as well
    other = dae.add_gaussian_noise(clean, np.random.default_rng(1), level=0.5)
    assert dae.psnr(clean, dae.denoise(model, other)).mean() < 22


def test_mismatched_parts():
    with pytest.raises(ValueError, match=r"7, 7, 4\), got .*7, 7, 8\); build both"):
        dae.build_autoencoder(dae.build_encoder(4), dae.build_decoder(8))


@pytest.fixture(scope="module")
def denoiser():
    return dae.load_denoiser()


def test_shipped_model_reaches_the_committed_number(denoiser, mnist, results):
    x_test, settings = mnist[2][0], results["settings"]
    rng = np.random.default_rng([settings["seed"], 5])  # as section 5 draws it
    noisy = dae.add_gaussian_noise(x_test, rng, level=settings["sigma"])
    before, after = (results["test"][name]["psnr"] for name in ("noisy", "denoised"))
    assert dae.psnr(x_test, noisy).mean() == pytest.approx(before, abs=1e-4)
    restored = dae.denoise(denoiser, noisy)
    assert dae.psnr(x_test, restored).mean() == pytest.approx(after, abs=0.01)


def test_shipped_model_is_small_and_safe():
    assert PRETRAINED_PATH.stat().st_size < 2_000_000
    with zipfile.ZipFile(PRETRAINED_PATH) as archive:
        names = [f"best_{i}.npy" for i in range(18)]  # no optimiser
        assert set(archive.namelist()) == {"text.npy", *names}


def test_denoise_does_not_depend_on_the_batch(denoiser, digits, rng):
    noisy = dae.add_gaussian_noise(digits[:23], rng, level=0.5)
    with pytest.raises(
        ValueError, match=r"images must have shape \(N, 28, 28, 1\), got"
    ):
        dae.denoise(denoiser, noisy[:, ::2])
    whole = dae.denoise(denoiser, noisy)
    parts = dae.denoise(denoiser, noisy, batch_size=7)
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    np.testing.assert_allclose(dae.denoise(denoiser, noisy[3:4]), whole[3:4], atol=1e-5)


def test_denoise_clips_what_a_linear_output_puts_outside(digits):
    images = keras.Input((28, 28, 1))
    linear = keras.Model(images, keras.layers.Dense(1)(images))
    linear.set_weights([np.float32([[-4]]), np.float32([2])])
    expected = np.clip(2 - 4 * digits[:20], 0, 1)
    np.testing.assert_allclose(dae.denoise(linear, digits[:20]), expected, atol=1e-6)


SHAPES = {  # what people bring, and how it is made of eight digits
    "one picture": lambda x: x[0, ..., 0],
    "no channel axis": lambda x: x[..., 0],
    "28 of them": lambda x: x[[0] * 28, ..., 0],
    "one, no batch": lambda x: x[0],
    "one flat": lambda x: x[0].ravel(),
    "flat rows": lambda x: x.reshape(8, 784),
    "in colour": lambda x: x.repeat(3, axis=-1),
    "with transparency": lambda x: np.concatenate([x, x, x, 0 * x], axis=-1),
}


@pytest.mark.parametrize("name", SHAPES)
def test_advice_fits_the_shape_that_is_brought(denoiser, digits, name):
    """Followed to the letter, it gives those digits, as many as there were."""
    images = SHAPES[name](digits[:8])
    with pytest.raises(ValueError, match="; try images") as error:
        dae.denoise(denoiser, images)
    advice = str(error.value).split("; try ")[1]
    followed = eval(advice, {"images": images})
    count = 28 if name == "28 of them" else 1 if name.startswith("one") else 8
    expected = digits[[0] * 28] if count == 28 else digits[:count]
    np.testing.assert_allclose(followed, expected, atol=1e-6)
    dae.denoise(denoiser, followed)


@pytest.mark.parametrize(
    "shape",
    [
        *[(), (28,), (0, 28, 28, 1), (2, 28, 1, 28), (28, 28, 9), (8, 1, 28, 28)],
        *[(784, 9), (9, 784, 1), (9, 64), (9, 64, 1)],  # tables, which are no pictures
    ],
)
def test_no_advice_where_there_is_none(denoiser, shape):
    with pytest.raises(ValueError, match="images must have shape") as error:
        dae.denoise(denoiser, np.zeros(shape, np.float32))
    assert "try" not in str(error.value)


def test_save_and_load_give_the_same_model(digits, tmp_path):
    model = dae.build_autoencoder()
    dae.compile_denoiser(model, 10)
    model.train_on_batch(digits[:8], digits[:8])
    path = tmp_path / "new" / "a.keras"
    dae.save_denoiser(model, path)
    models = dae.load_denoiser(path), model
    found, expected = (dae.denoise(m, digits[:8]) for m in models)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_size < 1.2 * 4 * model.count_params()  # no optimiser


class Halved(keras.layers.Layer):
    """As people write one: Keras cannot find it again by its name."""

    def call(self, images):
        return images / 2


@keras.saving.register_keras_serializable()
class Scaled(Halved):
    """As it should be written."""

    def __init__(self, factor, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, images):
        return images * self.factor

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_model_with_a_layer_of_ones_own(digits, tmp_path):
    """Saved, and loaded the same; or refused before anything is written."""
    path = tmp_path / "a.keras"

    def model(layer):
        return keras.Sequential([keras.Input((28, 28, 1)), layer])

    dae.save_denoiser(model(Scaled(0.25)), path)
    restored = dae.denoise(dae.load_denoiser(path), digits[:2])
    np.testing.assert_allclose(restored, digits[:2] / 4, atol=1e-6)
    before = path.read_bytes()
    unsafe = keras.layers.Lambda(lambda x: x / 2), keras.layers.Activation(lambda x: x)
    for layer in (Halved(), *unsafe):
        with pytest.raises(ValueError, match=r"get_config and the decorator .*lambdas"):
            dae.save_denoiser(model(layer), path)
    assert path.read_bytes() == before


def test_model_without_known_shapes(digits):
    class Own(keras.Model):
        def call(self, images):
            return images

    for use in (dae.denoise, lambda model, _: dae.save_denoiser(model, "a.keras")):
        with pytest.raises(
            TypeError, match=r"model must be .*keras\.Sequential\(\[ker"
        ):
            use(Own(), digits[:2])
    wrapped = keras.Sequential([keras.Input((28, 28, 1)), Own()])
    np.testing.assert_array_equal(dae.denoise(wrapped, digits[:2]), digits[:2])


def test_a_model_is_loaded_without_its_optimiser_and_loss(tmp_path):
    """The loss may be one that only its author has."""
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.save(tmp_path / "a.keras")
    assert not dae.load_denoiser(tmp_path / "a.keras").compiled


def test_missing_model(tmp_path):
    for path in (tmp_path / "no.keras", tmp_path):  # a folder
        told = f"{path}: there is no such model; give the path of a .keras file, or"
        with pytest.raises(FileNotFoundError, match=re.escape(told)):
            dae.load_denoiser(path)


def test_model_with_code_in_it_is_refused(tmp_path):
    layers = [keras.Input((28, 28, 1)), keras.layers.Lambda(lambda x: x * 0)]
    keras.Sequential(layers).save(tmp_path / "unsafe.keras")
    with pytest.raises(ValueError, match=r"[Uu]nsafe|safe_mode"):
        dae.load_denoiser(tmp_path / "unsafe.keras")


def test_damaged_model_is_refused_or_right(tmp_path):
    """A bit flipped at many places, and the file cut short at as many."""
    layers = [keras.Input((4,)), keras.layers.Dense(3)]
    model, path = keras.Sequential(layers), tmp_path / "a.keras"
    dae.save_denoiser(model, path)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), len(whole) // 9):
        flipped = bytearray(whole)
        flipped[place] ^= 4
        for damaged in (flipped, whole[:place]):
            path.write_bytes(damaged)
            try:
                loaded = dae.load_denoiser(path)
            except ValueError:
                refused += 1
                continue
            assert_equal(loaded.get_weights(), model.get_weights())
    assert refused >= 15  # of 20


def test_light_modules_do_not_start_tensorflow():
    code = (
        "import sys, dae, dae.data, dae.noise, dae.metrics\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_exists_and_says_what_it_does():
    for name in dae.__all__:
        assert getattr(dae, name).__doc__, name


@pytest.mark.parametrize("kept", [0, 1000, 700_000])
def test_damaged_packaged_model_is_told_with_the_remedy(tmp_path, monkeypatch, kept):
    damaged = tmp_path / "denoiser.npz"
    damaged.write_bytes(PRETRAINED_PATH.read_bytes()[:kept])
    monkeypatch.setattr("dae.model.PRETRAINED_PATH", damaged)
    monkeypatch.setattr("dae.checkpoint.PRETRAINED_PATH", damaged)
    with pytest.raises(
        ValueError, match=r"not a readable .*; 'git checkout -- dae/pre"
    ):
        dae.load_denoiser()
