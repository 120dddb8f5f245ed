"""Metrics against hand-made cases and scikit-image."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dae import add_gaussian_noise, mse, psnr, ssim

METRICS = [mse, psnr, ssim]


def test_by_hand():
    clean = np.zeros((3, 28, 28, 1), np.float32)
    restored = clean.copy()
    restored[1] = 0.1  # error 0.1 everywhere: mse 0.01, 20 dB
    restored[2, 0, 0] = 1  # one pixel of 784 wrong by 1
    np.testing.assert_allclose(mse(clean, restored), [0, 0.01, 1 / 784], rtol=1e-6)
    np.testing.assert_allclose(psnr(clean, restored)[1:], [20, 28.9432], atol=1e-4)
    assert psnr(clean, restored)[0] == np.inf


def test_one_value_an_image_in_float64(digits, rng):
    noisy = add_gaussian_noise(digits[:7], 0.3, rng)
    for metric in METRICS:
        assert metric(digits[:7], noisy).shape == (7,)
        assert metric(digits[:7], noisy).dtype == np.float64


def test_psnr_is_that_of_scikit_image(digits, rng):
    noisy = add_gaussian_noise(digits[:20], 0.5, rng)
    expected = [
        peak_signal_noise_ratio(a, b, data_range=1)
        for a, b in zip(digits, noisy, strict=False)
    ]
    np.testing.assert_allclose(psnr(digits[:20], noisy), expected, rtol=1e-6)


def test_ssim_is_that_of_scikit_image_with_the_settings_of_the_paper(digits, rng):
    noisy = add_gaussian_noise(digits[:5], 0.5, rng)
    expected = [
        structural_similarity(
            a[..., 0],
            b[..., 0],
            data_range=1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(digits, noisy, strict=False)
    ]
    np.testing.assert_allclose(ssim(digits[:5], noisy), expected, rtol=1e-5)
    np.testing.assert_allclose(ssim(digits[:5], digits[:5]), 1)


def test_more_noise_scores_worse(digits, rng):
    scores = [
        [metric(digits[:50], add_gaussian_noise(digits[:50], s, rng)).mean() for s in
         (0.1, 0.3, 0.9)]
        for metric in METRICS
    ]  # fmt: skip
    assert scores[0] == sorted(scores[0])
    assert scores[1] == sorted(scores[1], reverse=True)
    assert scores[2] == sorted(scores[2], reverse=True)


@pytest.mark.parametrize("metric", METRICS)
def test_shapes_must_agree(metric, digits):
    with pytest.raises(ValueError, match=r"clean and restored.*\(2, .*\(1, "):
        metric(digits[:2], digits[:1])


@pytest.mark.parametrize("metric", METRICS)
def test_arguments_are_checked_and_named(metric, digits):
    with pytest.raises(ValueError, match="restored must have all values"):
        metric(digits[:1], digits[:1] + 2)
    with pytest.raises(TypeError, match="clean must be floating point"):
        metric(digits[:1].astype(int), digits[:1])
    with pytest.raises(ValueError, match="clean must not be empty"):
        metric(digits[:0], digits[:0])
