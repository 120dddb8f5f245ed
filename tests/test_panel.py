"""The live controls: what they show is what the package computes."""

import io

import numpy as np
import pytest
from conftest import ROOT
from IPython.display import Image
from PIL import Image as Picture

import dae

PICTURE = Image(filename=ROOT / "figures/plain.png")


class Identity:
    """A model that changes nothing."""

    input_shape = (None, 28, 28, 1)

    def predict_on_batch(self, images):
        return images


@pytest.fixture
def panel(mnist):
    corruptions = {"Gaussian": dae.add_gaussian_noise, "masking": dae.mask_pixels}
    models = {"denoiser": dae.load_denoiser(), "identity": Identity()}
    return dae.Panel(mnist[2][0][:20], models, corruptions, PICTURE)


def pixels(widget):
    """The 28 x 28 values of an enlarged picture, each a square of one grey."""
    shown = np.asarray(Picture.open(io.BytesIO(widget.value)))
    values = shown[3::7, 3::7]
    np.testing.assert_array_equal(shown, values.repeat(7, axis=0).repeat(7, axis=1))
    return values / 255


def test_it_shows_the_digit_the_noise_and_the_answer(panel, mnist):
    panel.image.value, panel.level.value = 3, 0.3
    clean = mnist[2][0][3:4]
    noisy = dae.add_gaussian_noise(clean, np.random.default_rng([0, 3]), level=0.3)
    restored = dae.denoise(dae.load_denoiser(), noisy)
    for widget, image in zip(panel.pictures, [clean, noisy, restored], strict=True):
        assert np.abs(pixels(widget) - image[0, ..., 0]).max() <= 0.5 / 255 + 1e-6
    noise, rest = (dae.psnr(clean, image)[0] for image in (noisy, restored))
    labels = ["original", f"noisy: {noise:.1f} dB", f"denoised: {rest:.1f} dB"]
    assert [label.value for label in panel.labels] == labels


def test_each_control_changes_the_picture_and_moving_back_restores_it(panel):
    def shown():
        return [widget.value for widget in panel.pictures]

    before = shown()
    others = {"level": 0.2, "corruption": dae.mask_pixels, "image": 7}
    others["model"] = panel.model.options["identity"]
    for name, other in others.items():
        control = getattr(panel, name)
        value, control.value = control.value, other
        assert shown() != before, control.description
        control.value = value
        assert shown() == before, control.description
    panel.again.click()
    assert shown()[0] == before[0] and shown()[1] != before[1]
