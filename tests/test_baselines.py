"""Classical denoisers against SciPy, scikit-image and the normal equations."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from dae import add_gaussian_noise, psnr
from dae.baselines import (
    fit_affine_correction,
    fit_affine_denoiser,
    gaussian,
    median,
    non_local_means,
    total_variation,
    tune,
)

PATCHES = {"patch_size": 5, "patch_distance": 6}
FILTERS = pytest.mark.parametrize(
    ("denoiser", "strength", "library"),
    [
        (gaussian, 0.8, lambda x: ndimage.gaussian_filter(x, 0.8)),
        (median, 3, lambda x: ndimage.median_filter(x, 3)),
        (total_variation, 0.2, lambda x: denoise_tv_chambolle(x, 0.2)),
        (non_local_means, 0.2, lambda x: denoise_nl_means(x, h=0.2, **PATCHES)),
    ],
)


@pytest.fixture(scope="module")
def noisy(digits):
    return add_gaussian_noise(digits, 0.5, np.random.default_rng(1))


@FILTERS
def test_each_is_the_library_s_on_each_image(denoiser, strength, library, noisy):
    expected = [library(image[..., 0]) for image in noisy[:4]]
    restored = denoiser(noisy[:4], strength)[..., 0]
    np.testing.assert_allclose(restored, np.clip(expected, 0, 1), atol=1e-6)


@FILTERS
def test_each_keeps_what_is_even_and_removes_noise(
    denoiser, strength, library, digits, noisy
):
    even = np.full((2, 28, 28, 1), 0.4, np.float32)
    np.testing.assert_allclose(denoiser(even, strength), even, atol=1e-6)
    restored = denoiser(noisy[:50], strength)
    assert psnr(digits[:50], restored).mean() > psnr(digits[:50], noisy[:50]).mean() + 2


def test_tune_finds_the_best_and_gives_it(digits, noisy):
    tried = (0.3, 0.6, 0.9, 1.2, 3.0)
    quality = [psnr(digits[:50], gaussian(noisy[:50], s)).mean() for s in tried]
    assert 0 < np.argmax(quality) < 4  # neither end, or the test would prove little
    strength, tuned = tune(gaussian, tried, noisy[:50], digits[:50])
    assert strength == tried[int(np.argmax(quality))]
    np.testing.assert_array_equal(tuned(noisy), gaussian(noisy, strength))


def test_tune_judges_by_the_mean_not_by_the_best_image_or_the_spread():
    clean = np.full((4, 8, 8, 1), 0.5, np.float32)
    # of the four images: with the best mean, 20 dB, with 14 dB and with 16 dB
    errors = {2: [0.1] * 4, 3: [0.2] * 4, 1: [0.01, 0.4, 0.4, 0.4]}

    def denoiser(images, strength):
        return images + np.reshape(np.float32(errors[int(strength)]), (4, 1, 1, 1))

    assert tune(denoiser, (1, 2, 3), clean, clean)[0] == 2
    assert tune(denoiser, (3, 1), clean, clean)[0] == 1
    assert tune(denoiser, (3, 2.5, 2), clean, clean)[0] == 2.5  # the first, if tied


@pytest.mark.parametrize("denoiser", [gaussian, median])
def test_channels_do_not_mix(denoiser, rng):
    images = rng.random((2, 12, 12, 3), np.float32)
    for channel in range(3):
        alone = denoiser(images[..., channel : channel + 1], 2)
        np.testing.assert_allclose(denoiser(images, 2)[..., channel], alone[..., 0])


def test_tune_with_correction_fits_it_on_the_training_images_only(digits, noisy):
    train = (noisy[:300], digits[:300])
    given = gaussian, (0.6, 1.2), noisy[300:350], digits[300:350]
    strength, tuned = tune(*given, correct_on=train)
    design = np.stack([gaussian(train[0], strength).ravel(), np.ones(300 * 784)], 1)
    (slope, offset), *_ = np.linalg.lstsq(design, train[1].ravel(), rcond=None)
    expected = np.clip(slope * gaussian(noisy[350:], strength) + offset, 0, 1)
    np.testing.assert_allclose(tuned(noisy[350:]), expected, atol=1e-4)
    denoisers = tuned, tune(*given)[1]
    better = [psnr(digits[350:], f(noisy[350:])).mean() for f in denoisers]
    assert better[0] > better[1] + 1


def test_correction_recovers_a_known_line(digits):
    correct = fit_affine_correction(0.2 + 0.5 * digits, digits)
    np.testing.assert_allclose(correct(0.2 + 0.5 * digits), digits, atol=1e-5)


@pytest.mark.parametrize(("options", "ridge"), [({}, 1), ({"ridge": 2.0}, 2)])
def test_affine_denoiser_solves_the_normal_equations(digits, noisy, options, ridge):
    small = (slice(None), slice(8, 16), slice(8, 16))  # 64 pixels of each
    y, x = noisy[small], digits[small]
    restore = fit_affine_denoiser(y[:800], x[:800], **options)
    a, b = (images[:800].reshape(800, -1).astype(float) for images in (y, x))
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    a, b = a - mean_a, b - mean_b  # the constants are not penalised
    weights = np.linalg.solve(a.T @ a + ridge * np.eye(64), a.T @ b)
    flat = y[800:].reshape(200, -1)
    expected = np.clip((flat - mean_a) @ weights + mean_b, 0, 1)
    np.testing.assert_allclose(restore(y[800:]).reshape(200, -1), expected, atol=1e-5)


@pytest.mark.parametrize(("sigma", "known"), [(0.2, 23.2), (0.5, 17.8)])
def test_affine_denoiser_reaches_what_is_known_of_it(mnist, sigma, known):
    (x_train, _), (x_val, _), _ = mnist
    rng = np.random.default_rng(0)
    noisy_train = add_gaussian_noise(x_train, sigma, rng)
    restore = fit_affine_denoiser(noisy_train, x_train)
    restored = restore(add_gaussian_noise(x_val, sigma, rng))
    assert abs(psnr(x_val, restored).mean() - known) < 0.25
