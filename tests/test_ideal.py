"""The ideal denoiser and the score against brute force and closed forms."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from dae import posterior_mean, score


@pytest.fixture
def data(rng):
    return rng.normal(size=(40, 3))


def test_posterior_mean_is_bayes_rule_written_out(data, rng):
    noisy = data[:7] + 0.6 * rng.normal(size=(7, 3))
    for y, mean in zip(noisy, posterior_mean(noisy, data, 0.6), strict=True):
        weights = np.array([multivariate_normal.pdf(y, x, 0.36) for x in data])
        np.testing.assert_allclose(mean, weights @ data / weights.sum(), rtol=1e-10)


def test_two_points_give_the_hyperbolic_tangent():
    """For data at -1 and 1, E[x | y] = tanh(y / sigma^2)."""
    y = np.linspace(-2, 2, 9)[:, None]
    mean = posterior_mean(y, np.array([[-1.0], [1.0]]), 0.8)
    np.testing.assert_allclose(mean, np.tanh(y / 0.64), rtol=1e-12)


@pytest.mark.parametrize("sigma", [0.5, 0.7])
def test_score_is_the_slope_of_the_log_density(data, rng, sigma):
    def log_density(y):
        return np.log(np.mean([multivariate_normal.pdf(y, x, sigma**2) for x in data]))

    for y in rng.normal(size=(5, 3)):
        step = 1e-5 * np.eye(3)
        slope = [(log_density(y + e) - log_density(y - e)) / 2e-5 for e in step]
        np.testing.assert_allclose(score(y[None], data, sigma)[0], slope, rtol=1e-6)


def test_limits(data):
    near = posterior_mean(data + 1e-3, data, 1e-2)
    np.testing.assert_allclose(near, data, atol=1e-6)  # little noise: the point itself
    far = posterior_mean(data, data, 1e3)
    np.testing.assert_allclose(far, np.tile(data.mean(axis=0), (40, 1)), atol=1e-4)


def test_batches_change_nothing_and_images_of_float32_do(digits, rng):
    flat = digits.reshape(1000, -1)
    noisy = flat[:30] + 0.5 * rng.standard_normal((30, 784), dtype=np.float32)
    whole = posterior_mean(noisy, flat, 0.5)
    assert whole.dtype == np.float32
    parts = posterior_mean(noisy, flat, 0.5, batch_size=7)
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    exact = posterior_mean(noisy.astype(float), flat.astype(float), 0.5)
    np.testing.assert_allclose(whole, exact, atol=1e-3)
