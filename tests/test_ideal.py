"""The ideal denoiser against brute force and closed forms."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from dae import local_posterior_mean, posterior_mean


@pytest.fixture
def data(rng):
    return rng.normal(size=(40, 3))


def test_posterior_mean_is_bayes_rule_written_out(data, rng):
    noisy = data[:7] + 0.6 * rng.normal(size=(7, 3))
    for y, mean in zip(noisy, posterior_mean(noisy, data, 0.6), strict=True):
        weights = np.array([multivariate_normal.pdf(y, x, 0.36) for x in data])
        weights /= weights.sum()
        np.testing.assert_allclose(mean, weights @ data, rtol=1e-10)


def test_two_points_give_the_hyperbolic_tangent():
    """For data at -1 and 1, E[x | y] = tanh(y / sigma^2)."""
    y = np.linspace(-2, 2, 9)[:, None]
    mean = posterior_mean(y, np.array([[-1.0], [1.0]]), 0.8)
    np.testing.assert_allclose(mean, np.tanh(y / 0.64), rtol=1e-12)


@pytest.mark.parametrize("sigma", [0.5, 0.7])
def test_it_moves_points_along_the_slope_of_the_log_density(data, rng, sigma):
    """Tweedie's formula, which section 14 derives."""

    def log_density(y):
        return np.log(np.mean([multivariate_normal.pdf(y, x, sigma**2) for x in data]))

    for y in rng.normal(size=(5, 3)):
        step = 1e-5 * np.eye(3)
        slope = [(log_density(y + e) - log_density(y - e)) / 2e-5 for e in step]
        moved = posterior_mean(y[None], data, sigma)[0] - y
        np.testing.assert_allclose(moved / sigma**2, slope, rtol=1e-6)


def test_limits(data):
    for sigma in (1e-2, 1e-4):  # little noise: the point itself
        near = posterior_mean(data + 1e-5, data, sigma)
        np.testing.assert_allclose(near, data, atol=1e-6)
        assert np.isfinite(posterior_mean(data + 1, data, sigma)).all()
    far = posterior_mean(data, data, 1e3)
    np.testing.assert_allclose(far, np.tile(data.mean(axis=0), (40, 1)), atol=1e-4)


def test_images_of_float32_come_near_those_of_float64(digits, rng):
    flat = digits.reshape(1000, -1)
    noisy = flat[:130] + 0.5 * rng.standard_normal((130, 784), dtype=np.float32)
    whole = posterior_mean(noisy, flat, 0.5)
    assert whole.dtype == np.float32
    exact = posterior_mean(noisy.astype(float), flat.astype(float), 0.5)
    np.testing.assert_allclose(whole, exact, atol=1e-3)


def test_local_memory_compares_each_pixel_s_window_only(rng):
    data, noisy = rng.random((9, 4, 5, 1)), rng.normal(size=(2, 4, 5, 1))
    answers = local_posterior_mean(noisy, data, 0.4, 3)
    for image, row, column in np.ndindex(2, 4, 5):
        weights = np.ones(9)
        for r in range(4):
            for c in range(5):
                if abs(r - row) <= 1 and abs(c - column) <= 1:
                    away = noisy[image, r, c, 0] - data[:, r, c, 0]
                    weights *= np.exp(-(away**2) / (2 * 0.16))
        exact = weights @ data[:, row, column, 0] / weights.sum()
        assert abs(answers[image, row, column, 0] - exact) < 1e-12


def test_local_memory_that_sees_everything_is_memory_of_images(rng):
    data, noisy = rng.random((9, 4, 5, 1)), rng.normal(size=(2, 4, 5, 1))
    whole = posterior_mean(noisy.reshape(2, 20), data.reshape(9, 20), 0.4)
    local = local_posterior_mean(noisy, data, 0.4, 9)
    np.testing.assert_allclose(local.reshape(2, 20), whole, rtol=1e-10)


@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_local_memory_knows_what_clipping_does(temperature):
    """Of one pixel: a mass at either end, a density between; by SciPy's normal."""
    data = np.array([0.1, 0.5, 0.9]).reshape(3, 1, 1, 1)
    noisy = np.array([0.0, 0.3, 1.0]).reshape(3, 1, 1, 1)
    options = {"side": 1, "temperature": temperature, "clip": True}
    answers = local_posterior_mean(noisy, data, 0.5, **options).ravel()
    at_black = norm.cdf(0, data.ravel(), 0.5)
    between = norm.pdf(0.3, data.ravel(), 0.5)
    at_white = norm.sf(1, data.ravel(), 0.5)
    for answer, likelihood in zip(answers, (at_black, between, at_white), strict=True):
        weights = likelihood ** (1 / temperature)
        exact = weights @ data.ravel() / weights.sum()
        assert answer == pytest.approx(exact, rel=1e-10)
