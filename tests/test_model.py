"""The model: by hand in NumPy, and the files it is kept in."""

import re
import zipfile

import keras
import numpy as np
import pytest
from conftest import assert_equal, compiled, run_python

import dae
from dae.model import PRETRAINED_PATH


def conv(kernel, before, after):
    """Weights of a convolution: one kernel for each pair of maps, and a bias each."""
    return kernel * kernel * before * after + after


def test_parameter_count_by_formula():
    encoder, decoder = dae.build_encoder(), dae.build_decoder()
    block = conv(3, 64, 16) + conv(3, 16, 64)
    assert encoder.count_params() == conv(4, 1, 64) + block + conv(1, 64, 8)
    joined = conv(1, 392, 784) + conv(1, 8 + 16, 64)  # the whole code, and both
    assert decoder.count_params() == joined + block + conv(1, 64, 16)


def relu(x):
    return np.maximum(x, 0)


def block(x, kernel_1, bias_1, kernel_2, bias_2):
    """What is around each place, added to it."""
    added = x
    for kernel, bias in ((kernel_1, bias_1), (kernel_2, bias_2)):
        padded = np.pad(relu(added), [(0, 0), (1, 1), (1, 1), (0, 0)])
        places = np.ndindex(3, 3)
        added = bias + sum(
            padded[:, i : i + 7, j : j + 7] @ kernel[i, j] for i, j in places
        )
    return relu(x + added)


def test_the_network_is_what_the_lesson_says_written_out(digits, rng):
    """Patches, block, code; the whole code, both, block, patches painted, sigmoid."""
    model = dae.build_autoencoder()
    weights = [rng.normal(0, 0.2, w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    patches, bias, *around, to_code, code_bias = weights[:8]
    whole, whole_bias, join, join_bias, *both_around, paint, paint_bias = weights[8:]
    cut = np.empty((3, 7, 7, 16))
    for row, column in np.ndindex(7, 7):
        patch = digits[:3, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        cut[:, row, column] = patch.reshape(3, 16)
    x = relu(cut @ patches.reshape(16, 64) + bias)
    code = block(x, *around) @ to_code + code_bias
    overview = relu(code.reshape(3, 392) @ whole + whole_bias).reshape(3, 7, 7, 16)
    x = relu(np.concatenate([code, overview], axis=-1) @ join + join_bias)
    painted = block(x, *both_around) @ paint + paint_bias
    expected = np.empty((3, 28, 28, 1))
    for row, column in np.ndindex(28, 28):
        pixel = painted[:, row // 4, column // 4, 4 * (row % 4) + column % 4]
        expected[:, row, column, 0] = 1 / (1 + np.exp(-pixel))
    assert expected.std() > 0.05
    found = model.get_layer("encoder").predict_on_batch(digits[:3])
    np.testing.assert_allclose(found, code, atol=1e-3)
    np.testing.assert_allclose(model.predict_on_batch(digits[:3]), expected, atol=1e-3)


def test_patches_start_with_weights_that_suit_their_16_inputs():
    keras.utils.set_random_seed(0)
    weights = dae.build_encoder().get_layer("patches").get_weights()[0]
    assert weights.std() == pytest.approx(np.sqrt(2 / 16), rel=0.1)  # He et al. 2015


# --- the one in the package


@pytest.fixture(scope="module")
def denoiser():
    return dae.load_denoiser()


@pytest.mark.slow
def test_shipped_model_reaches_the_committed_number(denoiser, mnist, results):
    x_test, settings = mnist[2][0], results["settings"]
    rng = dae.rng(settings["seed"], "noise on test images")  # as the lesson draws it
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


def test_denoise_depends_on_no_batch_and_clips(denoiser, digits, rng):
    noisy = dae.add_gaussian_noise(digits[:23], rng, level=0.5)
    whole = dae.denoise(denoiser, noisy)
    for size in (7, 10**30):
        found = dae.denoise(denoiser, noisy, size)
        np.testing.assert_allclose(found, whole, atol=1e-5)
    images = keras.Input((28, 28, 1))
    linear = keras.Model(images, keras.layers.Dense(1)(images))
    linear.set_weights([np.float32([[-4]]), np.float32([2])])
    expected = np.clip(2 - 4 * digits[:20], 0, 1)
    np.testing.assert_allclose(dae.denoise(linear, digits[:20]), expected, atol=1e-6)


BROUGHT = {  # what people bring, and how it is made of eight digits
    "one picture": lambda x: x[0, ..., 0],
    "no channel axis": lambda x: x[..., 0],
    "one, no batch": lambda x: x[0],
    "flat rows": lambda x: x.reshape(8, 784),
    "in colour": lambda x: x.repeat(3, axis=-1),
    "of 0 to 255": lambda x: np.rint(x * 255).astype(np.uint8),
}


@pytest.mark.parametrize("name", BROUGHT)
def test_advice_fits_what_is_brought(denoiser, digits, name):
    """Followed to the letter, it gives those digits, as many as there were."""
    images = BROUGHT[name](digits[:8])
    with pytest.raises((ValueError, TypeError), match="; try images") as error:
        dae.denoise(denoiser, images)
    followed = eval(str(error.value).split("; try ")[1], {"images": images})
    count = 1 if name.startswith("one") else 8
    np.testing.assert_allclose(followed, digits[:count], atol=1e-6)


# --- files of models


def test_save_and_load_give_the_same_model_without_its_optimiser(digits, tmp_path):
    model, path = compiled(), tmp_path / "new" / "a.keras"
    model.train_on_batch(digits[:8], digits[:8])
    dae.save_denoiser(model, path)
    assert_equal(dae.load_denoiser(path).get_weights(), model.get_weights())
    assert list(path.parent.iterdir()) == [path]
    assert not keras.saving.load_model(path).compiled
    model.compile("adam", "mse")
    model.save(path)  # as others save one
    assert not dae.load_denoiser(path).compiled


class Halved(keras.layers.Layer):
    """As people write one: Keras cannot find it again by its name."""

    def call(self, images):
        return images / 2


def test_model_that_could_not_be_loaded_is_not_saved(tmp_path):
    model = keras.Sequential([keras.Input((28, 28, 1)), Halved()])
    with pytest.raises(ValueError, match="model must be one that"):
        dae.save_denoiser(model, tmp_path / "a.keras")
    assert not list(tmp_path.iterdir())


def test_model_with_code_in_it_is_refused(tmp_path):
    layers = [keras.Input((28, 28, 1)), keras.layers.Lambda(lambda x: x * 0)]
    keras.Sequential(layers).save(tmp_path / "unsafe.keras")
    with pytest.raises(ValueError, match=r"[Uu]nsafe|safe_mode"):
        dae.load_denoiser(tmp_path / "unsafe.keras")


def test_missing_model(tmp_path):
    for path in (tmp_path / "no.keras", tmp_path):  # a folder
        with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
            dae.load_denoiser(path)


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


@pytest.mark.parametrize("kept", [0, 1000, 700_000])
def test_damaged_packaged_model_is_told_with_the_remedy(tmp_path, monkeypatch, kept):
    damaged = tmp_path / "denoiser.npz"
    damaged.write_bytes(PRETRAINED_PATH.read_bytes()[:kept])
    monkeypatch.setattr("dae.model.PRETRAINED_PATH", damaged)
    monkeypatch.setattr("dae.checkpoint.PRETRAINED_PATH", damaged)
    with pytest.raises(ValueError, match="'git checkout -- dae/pretrained"):
        dae.load_denoiser()


@pytest.mark.slow
def test_light_modules_do_not_start_tensorflow():
    code = (
        "import sys, dae, dae.data, dae.noise, dae.metrics\n"
        "print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    )
    assert run_python("-c", code)[0] == "set()\n"
