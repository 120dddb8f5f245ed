"""The network in the page computes, in JavaScript, what Keras and the lesson do."""

import base64
import json
import re

import keras
import numpy as np
import pytest
from conftest import ROOT
from py_mini_racer import MiniRacer

import dae
from dae.publish.live import check_layers, live_parts

PAGE = ROOT / "denoising-autoencoder-tutorial.html"
DATA = re.compile(r'<script type="application/json" id="live-data">(.*?)</script>')


def numbers(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


@pytest.fixture(scope="module")
def data():
    return json.loads(DATA.search(PAGE.read_text(encoding="utf-8"))[1])


def test_the_page_has_the_weights_and_digits_of_the_package(data):
    renewed = json.loads(DATA.search(live_parts().markup)[1])
    for name in ("layers", "weights", "digits"):
        assert renewed[name] == data[name]
    means = [numbers(found["meanCode"], "<f2") for found in (renewed, data)]
    np.testing.assert_allclose(*means, atol=0.02)  # another processor


@pytest.fixture(scope="module")
def browser(data):
    """The page's own JavaScript, with the page's own weights; no browser around it."""
    engine = MiniRacer()
    engine.eval((ROOT / "dae/publish/network.js").read_text(encoding="utf-8"))
    halves = numbers(data["weights"], "<u2").tolist()
    engine.eval(f"const table = {json.dumps(data['layers'])}")
    engine.eval(f"const weights = fromHalves(Uint16Array.from({halves}))")
    engine.eval("const layers = readLayers(weights, table)")
    return engine


def run(engine, expression, image=None):
    """Evaluate an expression in which `image` is an array of numbers."""
    if image is not None:
        row = json.dumps(np.ravel(image).tolist())
        engine.eval(f"var image = Float32Array.from({row})")
    return np.array(
        json.loads(engine.eval(f"JSON.stringify(Array.from({expression}))"))
    )


def test_page_computes_what_keras_computes(browser, mnist, rng):
    clean = mnist[2][0][1000:1050]
    noisy = dae.add_gaussian_noise(clean, rng, level=0.5)
    expected = dae.denoise(dae.load_denoiser(), noisy)
    found = [run(browser, "decode(encode(image, layers), layers)", x) for x in noisy]
    found = np.reshape(found, clean.shape)
    np.testing.assert_allclose(found, expected, atol=5e-3)  # weights of 16 bits
    ours, page_s = dae.psnr(clean, expected).mean(), dae.psnr(clean, found).mean()
    assert abs(ours - page_s) < 0.01
    code = run(browser, "encode(image, layers)", noisy[0])
    encoder = dae.load_denoiser().get_layer("encoder")
    np.testing.assert_allclose(code, encoder(noisy[:1]).numpy().ravel(), atol=0.02)


def test_numbers_of_sixteen_bits_are_read(browser):
    values = np.array([0, -0.0, 1, -2.5, 65504, 6e-8, 6.1e-5, 1 / 3], np.float16)
    found = run(browser, f"fromHalves(Uint16Array.from({values.view('<u2').tolist()}))")
    np.testing.assert_array_equal(found, values.astype(float))


def test_page_measures_and_spoils_as_the_lesson_does(browser, mnist):
    image = mnist[2][0][0]
    browser.eval(f"const clean = Float32Array.from({image.ravel().tolist()})")
    for kind in ("Gaussian noise", "salt and pepper", "masked pixels"):
        noisy = [
            run(browser, f"corrupt(clean, '{kind}', 0.3, {seed})") for seed in range(40)
        ]
        noisy = np.reshape(noisy, (40, 28, 28, 1)).astype(np.float32)
        assert noisy.min() >= 0 and noisy.max() <= 1
        rng = np.random.default_rng(0)
        spoil = {
            "Gaussian noise": dae.add_gaussian_noise,
            "salt and pepper": dae.add_salt_and_pepper,
            "masked pixels": dae.mask_pixels,
        }[kind]
        many = np.repeat(image[None], 40, axis=0)
        expected = dae.psnr(many, spoil(many, rng, level=0.3)).mean()
        assert abs(dae.psnr(many, noisy).mean() - expected) < 0.15, kind
        found = float(browser.eval(f"psnr(clean, corrupt(clean, '{kind}', 0.3, 7))"))
        same = run(browser, f"corrupt(clean, '{kind}', 0.3, 7)")
        mse = np.mean((same - image.ravel()) ** 2)
        assert found == pytest.approx(10 * np.log10(1 / mse), abs=1e-3)
    np.testing.assert_array_equal(
        run(browser, "corrupt(clean, 'Gaussian noise', 0, 1)"), image.ravel()
    )
    assert browser.eval("psnr(clean, clean) === Infinity")


def test_silenced_map_says_its_mean(browser):
    code = np.arange(392.0)
    silenced = "[0, 0, 1, 0, 0, 0, 0, 0]"
    found = run(
        browser, f"silence(image, {silenced}, new Float32Array(392).fill(-1))", code
    )
    expected = code.reshape(49, 8)
    expected[:, 2] = -1
    np.testing.assert_array_equal(found, expected.ravel())


@pytest.mark.parametrize("length", [40, 120])
def test_drawing_gets_the_form_of_mnist(browser, length):
    """Its centre of mass in the middle, 20 pixels long, as bright as it was drawn."""
    ink = np.zeros((280, 280), np.float32)
    ink[100 : 100 + length, 30:40] = 1
    ink[100:110, 30 : 30 + length // 2] = 1  # a corner
    found = run(browser, "recentre(image, 280)", ink).reshape(28, 28)
    v, h = np.mgrid[:28, :28] + 0.5
    assert abs((found * v).sum() / found.sum() - 14) < 0.1
    assert abs((found * h).sum() / found.sum() - 14) < 0.1
    rows = np.flatnonzero(found.sum(axis=1) > 0.01)
    assert 20 <= np.ptp(rows) + 1 <= 21  # between two pixels, it touches one more
    assert found.max() == 1
    assert found.sum() == pytest.approx(ink.sum() * (20 / length) ** 2, rel=0.03)
    assert not run(browser, "recentre(image, 280)", 0 * ink).any()


def test_digits_are_the_first_ten_test_digits_of_each_kind(data, mnist):
    images, labels = mnist[2]
    digits = numbers(data["digits"], np.uint8).reshape(10, 10, 28, 28)
    for digit in (0, 3, 9):
        expected = 255 * images[labels == digit][:10, ..., 0]
        np.testing.assert_array_equal(digits[digit], np.round(expected))


@pytest.mark.parametrize("change", [{"code_channels": 4}, {"channels": 32}])
def test_page_and_model_cannot_drift_apart(tmp_path, change):
    encoder, decoder = dae.build_encoder(**change), dae.build_decoder(**change)
    model = dae.build_autoencoder(encoder, decoder)
    with pytest.raises(ValueError, match=r"network\.js computes.*change both together"):
        check_layers(model)
    images = keras.Input((28, 28, 1))
    flat = keras.Model(images, keras.layers.Dense(1)(images))
    dae.save_denoiser(flat, tmp_path / "flat.keras")
    with pytest.raises(ValueError, match=r"network\.js computes"):
        live_parts(tmp_path / "flat.keras")
