"""Classical denoisers against SciPy, scikit-image and the normal equations."""

from functools import partial

import numpy as np
import pytest
from scipy import ndimage
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from dae import add_gaussian_noise, psnr
from dae.baselines import (
    fit_affine_denoiser,
    gaussian,
    non_local_means,
    total_variation,
    tune,
    with_curve,
)

PATCHES = {"patch_size": 5, "patch_distance": 6}
FILTERS = pytest.mark.parametrize(
    ("denoiser", "strength", "library"),
    [
        (gaussian, 0.8, lambda x: ndimage.gaussian_filter(x, 0.8)),
        (total_variation, 0.2, lambda x: denoise_tv_chambolle(x, 0.2)),
        (non_local_means, 0.2, lambda x: denoise_nl_means(x, h=0.2, **PATCHES)),
    ],
)


@pytest.fixture(scope="module")
def noisy(digits):
    return add_gaussian_noise(digits, np.random.default_rng(1), level=0.5)


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
    blurs = [partial(gaussian, width=width) for width in tried]
    assert tune(blurs, noisy[:50], digits[:50]) is blurs[int(np.argmax(quality))]


def test_tune_judges_by_the_mean_not_by_the_best_image_or_the_spread():
    clean = np.full((4, 8, 8, 1), 0.5, np.float32)
    # of the four images: with the best mean, 20 dB, with 14 dB and with 16 dB
    errors = {2: [0.1] * 4, 3: [0.2] * 4, 1: [0.01, 0.4, 0.4, 0.4]}

    def denoiser(images, strength):
        return images + np.reshape(np.float32(errors[int(strength)]), (4, 1, 1, 1))

    def chosen(*strengths):
        denoisers = [partial(denoiser, strength=strength) for strength in strengths]
        return tune(denoisers, clean, clean).keywords["strength"]

    assert chosen(1, 2, 3) == 2
    assert chosen(3, 1) == 1
    assert chosen(3, 2.5, 2) == 2.5  # the first, if tied


def test_channels_do_not_mix(rng):
    images = rng.random((2, 12, 12, 3), np.float32)
    for channel in range(3):
        alone = gaussian(images[..., channel : channel + 1], 2)
        np.testing.assert_allclose(gaussian(images, 2)[..., channel], alone[..., 0])


def pooled(values, targets):
    """Pool neighbours in the wrong order until none is left: the best rising values."""
    order = np.argsort(values, kind="stable")
    blocks = []  # each a mean and how many it stands for
    for target in targets[order].astype(float):
        blocks.append((target, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, m), (b, n) = blocks[-2:]
            blocks[-2:] = [((m * a + n * b) / (m + n), m + n)]
    rising = np.repeat(*zip(*blocks, strict=True))
    return rising[np.argsort(order)]


def test_curve_is_the_best_rising_one(digits, noisy):
    blurred = gaussian(noisy[:3], 1.0)  # no two pixels are alike
    assert len(np.unique(blurred)) == blurred.size
    restore = with_curve(lambda images: gaussian(images, 1.0), noisy[:3], digits[:3])
    expected = pooled(blurred.ravel(), digits[:3].ravel())
    np.testing.assert_allclose(restore(noisy[:3]).ravel(), expected, atol=1e-5)
    assert restore(noisy[:3]).dtype == np.float32


def test_curve_in_numbers_worked_out_by_hand():
    x = np.float32([[0.1, 0.3], [0.5, 0.7]]).reshape(1, 2, 2, 1)
    y = np.float32([[0.0, 0.6], [0.4, 1.0]]).reshape(1, 2, 2, 1)  # 0.6 and 0.4 pooled
    restore = with_curve(np.copy, x, y)
    tried = np.float32([[0.3, 0.5, 0.4, 0.2, 0.6, 0.0, 0.9]]).reshape(1, 1, 7, 1)
    expected = [0.5, 0.5, 0.5, 0.25, 0.75, 0.0, 1.0]  # straight between, level beyond
    np.testing.assert_allclose(restore(tried).ravel(), expected, atol=1e-6)


def test_curve_recovers_a_known_one(digits):
    restore = with_curve(lambda images: 0.2 + 0.5 * images**2, digits, digits)
    np.testing.assert_allclose(restore(digits), digits, atol=1e-4)


def test_a_curve_is_fitted_on_training_images_and_tuned_on_others(digits, noisy):
    train = (noisy[:300], digits[:300])
    blurs = [partial(gaussian, width=width) for width in (0.6, 1.2)]
    curved, given = (
        [with_curve(b, *train) for b in blurs],
        (noisy[300:350], digits[300:350]),
    )
    tuned = tune(curved, *given)
    found = [psnr(given[1], f(given[0])).mean() for f in curved]
    assert tuned is curved[int(found[1] > found[0])]
    denoisers = tuned, tune(blurs, *given)
    better = [psnr(digits[350:], f(noisy[350:])).mean() for f in denoisers]
    assert better[0] > better[1] + 3


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
    noisy_train = add_gaussian_noise(x_train, rng, level=sigma)
    restore = fit_affine_denoiser(noisy_train, x_train)
    restored = restore(add_gaussian_noise(x_val, rng, level=sigma))
    assert abs(psnr(x_val, restored).mean() - known) < 0.25
