"""The model: shapes, sizes, range, learning, and the file it is kept in."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from dae import (
    add_gaussian_noise,
    build_autoencoder,
    build_decoder,
    build_encoder,
    compile_denoiser,
    denoise,
    join_patches,
    load_denoiser,
    psnr,
    residual_block,
    save_denoiser,
)
from dae.model import PRETRAINED_PATH


def conv(kernel, before, after):
    """Weights of a convolution: one kernel for each pair of maps, and a bias each."""
    return kernel * kernel * before * after + after


def test_parameter_count_by_formula():
    encoder, decoder = build_encoder(8, 64), build_decoder(8, 64, 16)
    block = conv(3, 64, 16) + conv(3, 16, 64)
    assert encoder.count_params() == conv(4, 1, 64) + block + conv(1, 64, 8)
    dense = 392 * 784 + 784
    assert decoder.count_params() == (
        dense + conv(1, 8 + 16, 64) + block + conv(1, 64, 16)
    )


def test_autoencoder_is_decoder_after_encoder(digits):
    encoder, decoder = build_encoder(), build_decoder()
    whole = build_autoencoder(encoder, decoder)
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
    model = keras.Model(patches, join_patches(patches))
    np.testing.assert_array_equal(model.predict_on_batch(pixels), digits[:3])


@pytest.mark.parametrize("build", [build_encoder, build_decoder])
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
    weights = build_encoder().get_layer("patches").get_weights()[0]
    assert weights.std() == pytest.approx(np.sqrt(2 / 16), rel=0.1)  # He et al. 2015


def changed_places(model, shape, row, column):
    """Where the output of a model changes if one place of its input does."""
    before = np.random.default_rng(0).random((1, *shape), np.float32)
    after = before.copy()
    after[0, row, column] = 1 - after[0, row, column]
    difference = np.subtract(*(model.predict_on_batch(x) for x in (before, after)))
    return np.argwhere(np.abs(difference[0]).max(axis=-1) > 0)


def spread(model):
    """Make all weights positive, so that nothing is switched off by chance."""
    model.set_weights([np.full_like(w, 0.01) for w in model.get_weights()])
    return model


def test_residual_block_adds_what_is_around_to_its_input():
    x = keras.Input((9, 9, 8))
    block = keras.Model(x, residual_block(x, "b"))
    assert block.get_layer("b_1").filters == 2  # a quarter of the channels
    places = changed_places(spread(block), (9, 9, 8), 4, 4)
    np.testing.assert_array_equal(places.min(axis=0), [2, 2])  # 5 x 5: twice 3 x 3
    np.testing.assert_array_equal(places.max(axis=0), [6, 6])
    block.set_weights([np.zeros_like(w) for w in block.get_weights()])
    values = np.random.default_rng(0).normal(size=(2, 9, 9, 8)).astype("f4")
    np.testing.assert_array_equal(
        block.predict_on_batch(values), np.maximum(values, 0)
    )  # no weights: the input, bent
    assert [layer.name[2:] for layer in block.layers[1:]] == ["1", "2", "sum", "out"]


def test_code_hears_of_the_patch_and_its_neighbours():
    # row 13 is in the fourth patch from above, column 2 in the first
    places = changed_places(spread(build_encoder()), (28, 28, 1), 13, 2)
    np.testing.assert_array_equal(places.min(axis=0), [1, 0])
    np.testing.assert_array_equal(places.max(axis=0), [5, 2])
    codes = build_encoder().predict_on_batch(np.ones((1, 28, 28, 1), "f4"))
    assert codes.min() < 0 < codes.max()  # unbounded


def test_image_hears_of_the_whole_code_and_most_of_the_place():
    model = spread(build_decoder())
    assert len(changed_places(model, (7, 7, 8), 3, 0)) == 28 * 28
    overview = model.get_layer("whole")
    overview.set_weights([np.zeros_like(w) for w in overview.get_weights()])
    places = changed_places(model, (7, 7, 8), 3, 0)  # the direct way that is left
    np.testing.assert_array_equal(places.min(axis=0), [4, 0])
    np.testing.assert_array_equal(places.max(axis=0), [23, 11])


def test_one_batch_is_learnt_by_heart(digits):
    keras.utils.set_random_seed(0)
    model = build_autoencoder()
    clean = digits[:16]
    noisy = add_gaussian_noise(clean, 0.5, np.random.default_rng(0))
    compile_denoiser(model, 300)
    for _ in range(300):
        model.train_on_batch(noisy, clean)
    assert psnr(clean, denoise(model, noisy)).min() > 25
    # learnt by heart indeed: other noise is not undone as well
    other = add_gaussian_noise(clean, 0.5, np.random.default_rng(1))
    assert psnr(clean, denoise(model, other)).mean() < 22


def test_mismatched_parts():
    with pytest.raises(ValueError, match=r"7, 7, 4\), got .*7, 7, 8\); build both"):
        build_autoencoder(build_encoder(4), build_decoder(8))


@pytest.fixture(scope="module")
def denoiser():
    return load_denoiser()


def test_shipped_model_reaches_the_committed_number(denoiser, mnist, results):
    x_test = mnist[2][0]
    settings = results["settings"]
    rng = np.random.default_rng([settings["seed"], 5])  # as section 5 draws it
    noisy = add_gaussian_noise(x_test, settings["sigma"], rng)
    assert psnr(x_test, noisy).mean() == pytest.approx(
        results["test"]["noisy"]["psnr"], abs=1e-4
    )
    assert psnr(x_test, denoise(denoiser, noisy)).mean() == pytest.approx(
        results["test"]["denoised"]["psnr"], abs=0.01
    )


def test_shipped_model_is_small_and_safe():
    assert PRETRAINED_PATH.stat().st_size < 2_000_000
    with zipfile.ZipFile(PRETRAINED_PATH) as archive:
        members = {"config.json", "metadata.json", "model.weights.h5"}
        assert set(archive.namelist()) == members
        config = archive.read("config.json").decode()
    assert "Lambda" not in config
    json.loads(config)


def test_denoise_does_not_depend_on_the_batch(denoiser, digits, rng):
    noisy = add_gaussian_noise(digits[:23], 0.5, rng)
    before = noisy.copy()
    whole = denoise(denoiser, noisy)
    np.testing.assert_allclose(denoise(denoiser, noisy, batch_size=7), whole, atol=1e-5)
    np.testing.assert_allclose(denoise(denoiser, noisy[3:4]), whole[3:4], atol=1e-5)
    assert whole.shape == (23, 28, 28, 1)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(noisy, before)


def test_save_and_load_give_the_same_model(digits, tmp_path):
    model = build_autoencoder()
    compile_denoiser(model, 10)
    model.train_on_batch(digits[:8], digits[:8])
    save_denoiser(model, tmp_path / "new" / "a.keras")
    loaded = load_denoiser(tmp_path / "new" / "a.keras")
    np.testing.assert_allclose(
        denoise(loaded, digits[:8]), denoise(model, digits[:8]), atol=1e-6
    )
    assert len(list((tmp_path / "new").iterdir())) == 1
    weights_only = sum(4 * np.size(w) for w in model.get_weights())
    assert (tmp_path / "new" / "a.keras").stat().st_size < 1.2 * weights_only


def test_a_model_is_loaded_without_its_optimiser_and_loss(tmp_path):
    """The loss may be one that only its author has."""
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.save(tmp_path / "a.keras")
    assert not load_denoiser(tmp_path / "a.keras").compiled


def test_missing_model(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"no\.keras: there is no such model; give the path"
    ):
        load_denoiser(tmp_path / "no.keras")
    with pytest.raises(FileNotFoundError, match="there is no such model; give the"):
        load_denoiser(tmp_path)  # a folder


def test_model_with_code_in_it_is_refused(tmp_path):
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Lambda(lambda x: x * 0)]
    )
    model.save(tmp_path / "unsafe.keras")
    with pytest.raises(ValueError, match=r"[Uu]nsafe|safe_mode"):
        load_denoiser(tmp_path / "unsafe.keras")


def test_damaged_model_is_refused_or_right(tmp_path):
    """A bit flipped at many places, and the file cut short at as many."""
    layers = [keras.Input((4,)), keras.layers.Dense(3)]
    model, path = keras.Sequential(layers), tmp_path / "a.keras"
    save_denoiser(model, path)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), len(whole) // 9):
        flipped = bytearray(whole)
        flipped[place] ^= 4
        for damaged in (flipped, whole[:place]):
            path.write_bytes(damaged)
            try:
                loaded = load_denoiser(path)
            except ValueError:
                refused += 1
                continue
            for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
    assert refused >= 15  # of 20


@pytest.mark.parametrize("module", ["dae", "dae.data", "dae.noise", "dae.metrics"])
def test_light_modules_do_not_start_tensorflow(module):
    code = (
        f"import sys, {module}\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_exists_and_says_what_it_does():
    import dae

    for name in dae.__all__:
        thing = getattr(dae, name)
        assert thing.__doc__, name


@pytest.mark.parametrize("kept", [0, 1000, 700_000])
def test_damaged_packaged_model_is_told_with_the_remedy(tmp_path, monkeypatch, kept):
    damaged = tmp_path / "denoiser.keras"
    damaged.write_bytes(PRETRAINED_PATH.read_bytes()[:kept])
    monkeypatch.setattr("dae.model.PRETRAINED_PATH", damaged)
    with pytest.raises(
        ValueError, match=r"is damaged; 'git checkout -- dae/pretrained"
    ):
        load_denoiser()
