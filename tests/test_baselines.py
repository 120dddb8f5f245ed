"""Classical denoisers against SciPy, scikit-image and the normal equations."""

from functools import partial

import numpy as np
import pytest
from scipy import ndimage
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from dae import add_gaussian_noise, baselines, psnr

PATCHES = {"patch_size": 5, "patch_distance": 6}


@pytest.fixture(scope="module")
def noisy(digits):
    return add_gaussian_noise(digits, np.random.default_rng(1), level=0.5)


@pytest.mark.parametrize(
    ("denoiser", "strength", "library"),
    [
        (baselines.gaussian, 0.8, lambda x: ndimage.gaussian_filter(x, 0.8)),
        (baselines.total_variation, 0.2, lambda x: denoise_tv_chambolle(x, 0.2)),
        (
            baselines.non_local_means,
            0.2,
            lambda x: denoise_nl_means(x, h=0.2, **PATCHES),
        ),
    ],
)
def test_each_is_the_library_s_on_each_image(denoiser, strength, library, noisy):
    expected = [library(image[..., 0]) for image in noisy[:4]]
    restored = denoiser(noisy[:4], strength)[..., 0]
    np.testing.assert_allclose(restored, np.clip(expected, 0, 1), atol=1e-6)


def test_channels_do_not_mix(rng):
    images = rng.random((2, 12, 12, 3), np.float32)
    for channel in range(3):
        alone = baselines.gaussian(images[..., channel : channel + 1], 2)
        np.testing.assert_allclose(
            baselines.gaussian(images, 2)[..., channel], alone[..., 0]
        )


def test_tune_judges_by_the_mean_not_by_the_best_image_or_the_spread():
    clean = np.full((4, 8, 8, 1), 0.5, np.float32)
    # of the four images: with the best mean, 20 dB, with 14 dB and with 16 dB
    errors = {2: [0.1] * 4, 3: [0.2] * 4, 1: [0.01, 0.4, 0.4, 0.4]}

    def denoiser(images, strength):
        return images + np.reshape(np.float32(errors[int(strength)]), (4, 1, 1, 1))

    def chosen(*strengths):
        denoisers = [partial(denoiser, strength=strength) for strength in strengths]
        return baselines.tune(denoisers, clean, clean).keywords["strength"]

    assert chosen(1, 2, 3) == 2
    assert chosen(3, 1) == 1
    assert chosen(3, 2.5, 2) == 2.5  # the first, if tied


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
    blurred = baselines.gaussian(noisy[:3], 1.0)  # no two pixels are alike
    assert len(np.unique(blurred)) == blurred.size
    restore = baselines.with_curve(
        lambda images: baselines.gaussian(images, 1.0), noisy[:3], digits[:3]
    )
    expected = pooled(blurred.ravel(), digits[:3].ravel())
    np.testing.assert_allclose(restore(noisy[:3]).ravel(), expected, atol=1e-5)


def test_curve_in_numbers_worked_out_by_hand():
    x = np.float32([[0.1, 0.3], [0.5, 0.7]]).reshape(1, 2, 2, 1)
    y = np.float32([[0.0, 0.6], [0.4, 1.0]]).reshape(1, 2, 2, 1)  # 0.6 and 0.4 pooled
    restore = baselines.with_curve(np.copy, x, y)
    tried = np.float32([[0.3, 0.5, 0.4, 0.2, 0.6, 0.0, 0.9]]).reshape(1, 1, 7, 1)
    expected = [0.5, 0.5, 0.5, 0.25, 0.75, 0.0, 1.0]  # straight between, level beyond
    np.testing.assert_allclose(restore(tried).ravel(), expected, atol=1e-6)


def test_affine_denoiser_solves_the_normal_equations(mnist, rng):
    x = mnist[0][0][:6200, 8:16, 8:16]  # 64 pixels of each; more than one part
    y = add_gaussian_noise(x, rng, level=0.5)
    restore = baselines.fit_affine_denoiser(y[:6000], x[:6000])
    a, b = (images[:6000].reshape(6000, -1).astype(float) for images in (y, x))
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    a, b = a - mean_a, b - mean_b  # the constants are not penalised
    weights = np.linalg.solve(a.T @ a + np.eye(64), a.T @ b)
    flat = y[6000:].reshape(200, -1)
    expected = np.clip((flat - mean_a) @ weights + mean_b, 0, 1)
    np.testing.assert_allclose(restore(y[6000:]).reshape(200, -1), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("sigma", "known"), [(0.2, 23.2), (0.5, 17.8)])
def test_affine_denoiser_reaches_what_is_known_of_it(mnist, sigma, known):
    (x_train, _), (x_val, _), _ = mnist
    rng = np.random.default_rng(0)
    noisy_train = add_gaussian_noise(x_train, rng, level=sigma)
    restore = baselines.fit_affine_denoiser(noisy_train, x_train)
    restored = restore(add_gaussian_noise(x_val, rng, level=sigma))
    assert abs(psnr(x_val, restored).mean() - known) < 0.25
