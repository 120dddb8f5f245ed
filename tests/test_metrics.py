"""Metrics against hand-made cases, scikit-image and SciPy."""

import numpy as np
import pytest
from scipy.stats import bootstrap
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dae import Interval, add_gaussian_noise, mean_interval, mse, psnr, ssim


def test_by_hand():
    clean = np.zeros((3, 28, 28, 1), np.float32)
    restored = clean.copy()
    restored[1] = 0.1  # error 0.1 everywhere: mse 0.01, 20 dB
    restored[2, 0, 0] = 1  # one pixel of 784 wrong by 1
    np.testing.assert_allclose(mse(clean, restored), [0, 0.01, 1 / 784], rtol=1e-6)
    np.testing.assert_allclose(psnr(clean, restored)[1:], [20, 28.9432], atol=1e-4)
    assert psnr(clean, restored)[0] == np.inf


def test_both_are_those_of_scikit_image_with_the_settings_of_the_paper(digits, rng):
    clean = digits[:8]
    noisy = add_gaussian_noise(clean, rng, level=0.5)
    pairs = list(zip(clean, noisy, strict=True))
    expected = [peak_signal_noise_ratio(a, b, data_range=1) for a, b in pairs]
    np.testing.assert_allclose(psnr(clean, noisy), expected, rtol=1e-6)
    options = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5}
    options |= {"use_sample_covariance": False, "channel_axis": -1}
    expected = [structural_similarity(a, b, **options) for a, b in pairs]
    np.testing.assert_allclose(ssim(clean, noisy), expected, rtol=1e-5)
    np.testing.assert_allclose(ssim(clean, clean), 1)


def test_interval_is_the_percentile_bootstrap_of_scipy():
    values = np.random.default_rng(0).exponential(size=30)
    options = {"n_resamples": 1000, "method": "percentile", "confidence_level": 0.95}
    options["rng"] = np.random.default_rng(3)
    low, high = bootstrap((values,), np.mean, **options).confidence_interval
    found = mean_interval(values, np.random.default_rng(3))
    np.testing.assert_allclose(found, (values.mean(), low, high), rtol=1e-12)


def test_interval_is_that_of_normal_theory_for_many_values(rng):
    values = rng.exponential(2, 20_000)
    mean, low, high = mean_interval(values, rng)
    assert mean == values.mean()
    half = 1.96 * values.std() / np.sqrt(len(values))
    np.testing.assert_allclose([low, high], [mean - half, mean + half], atol=half / 6)


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "exponential"])
def test_interval_covers_the_truth_as_often_as_it_says(rng, law):
    truth, covered = {"normal": 0, "exponential": 1}[law], 0
    for _ in range(400):
        _, low, high = mean_interval(getattr(rng, law)(size=200), rng)
        covered += low <= truth <= high
    # 0.95, less a little for few values; the standard error of the count is 0.011
    assert 0.905 < covered / 400 < 0.985


def test_interval_of_what_does_not_vary_or_is_alone(rng):
    assert mean_interval(np.zeros(50, bool), rng) == (0, 0, 0)
    assert mean_interval(np.array([3.5]), rng) == (3.5, 3.5, 3.5)
    assert f"{Interval(17.72, 17.6, 17.84):.1f}" == "17.7 [17.6, 17.8]"
