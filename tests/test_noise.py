"""Corruptions: their laws, their determinism, and that they harm nothing."""

import math

import numpy as np
import pytest
from scipy.stats import norm

import dae

CLIPPED = [dae.add_gaussian_noise, dae.add_speckle_noise, dae.add_poisson_noise]
ALL = [*CLIPPED, dae.add_salt_and_pepper, dae.mask_pixels]


def clipped_mean(x, sigma):
    """E[clip(x + sigma eps, 0, 1)] for eps ~ N(0, 1), in closed form."""
    a, b = (0 - x) / sigma, (1 - x) / sigma
    inside = x * (norm.cdf(b) - norm.cdf(a)) + sigma * (norm.pdf(a) - norm.pdf(b))
    return inside + norm.sf(b)


def constant(value, count=2000):
    return np.full((count, 28, 28, 1), value, dtype=np.float32)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_clipped_mean_is_the_closed_form(rng, value, sigma):
    noisy = dae.add_gaussian_noise(constant(value), rng, level=sigma)
    error = abs(noisy.mean(dtype=float) - clipped_mean(value, sigma))
    assert error < 4 * sigma / math.sqrt(noisy.size)  # four standard errors


@pytest.mark.parametrize(
    ("add", "variance", "kurtosis"),
    [
        (dae.add_gaussian_noise, lambda x: 0.3**2, lambda x: 3),
        (dae.add_speckle_noise, lambda x: 0.3**2 * x**2, lambda x: 3),
        (dae.add_poisson_noise, lambda x: 0.3**2 * x, lambda x: 3 + 0.3**2 / x),
    ],
)
def test_each_pixel_has_the_moments_of_its_law(add, variance, kurtosis, rng):
    values = np.array([0.1, 0.4, 0.9], np.float32)
    images = np.broadcast_to(values[:, None, None], (5000, 3, 28, 1)).copy()
    noise = add(images, rng, level=0.3, clip=False).astype(float) - images
    n = noise[:, 0].size
    for row, x in enumerate(values.astype(float)):
        found = noise[:, row]
        assert abs(found.mean()) < 4 * math.sqrt(variance(x) / n)
        assert found.var() == pytest.approx(variance(x), rel=0.02)
        fourth = np.mean(found**4) / variance(x) ** 2
        assert fourth == pytest.approx(kurtosis(x), rel=0.05)


@pytest.mark.parametrize("photons", [2, 30.5])
def test_poisson_is_a_count(rng, photons):
    images = constant(0.4)
    noisy = dae.add_poisson_noise(images, rng, level=photons**-0.5, clip=False)
    counts = noisy.astype(float) * photons
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
    n, rate = noisy.size, 0.4 * photons
    assert abs(counts.mean() - rate) < 4 * math.sqrt(rate / n)
    dark, share = math.exp(-rate), np.mean(counts < 0.5)
    assert abs(share - dark) < 4 * math.sqrt(dark * (1 - dark) / n)


@pytest.mark.parametrize("add", CLIPPED)
def test_clip_bounds_the_values_and_does_nothing_else(digits, add):
    def noisy(**options):
        return add(digits, np.random.default_rng(3), level=2, **options)

    free = noisy(clip=False)
    assert free.max() > 1.4
    counted = add is dae.add_poisson_noise  # and no count is negative
    assert (free.min() < -1) != counted
    assert noisy().min() == 0 and noisy().max() == 1  # by default
    np.testing.assert_array_equal(noisy(), np.clip(free, 0, 1))
    if add is not dae.add_gaussian_noise:
        assert not noisy()[digits == 0].any()  # black stays black


@pytest.mark.parametrize("corrupt", ALL)
def test_all_corruptions_keep_the_house_rules(digits, corrupt):
    before, first = digits.copy(), np.random.default_rng(1)
    a, b = (corrupt(digits, first, level=0.5) for _ in range(2))
    again = corrupt(digits, np.random.default_rng(1), level=0.5)
    np.testing.assert_array_equal(a, again)
    assert np.mean(a != b) > 0.05
    assert a.dtype == np.float32 and a.shape == digits.shape
    assert a.min() >= 0 and a.max() <= 1
    assert not np.shares_memory(a, digits)
    least = 1e-3 if corrupt is dae.add_poisson_noise else 0  # of very many photons
    np.testing.assert_allclose(corrupt(digits, first, level=0), digits, atol=least)
    np.testing.assert_array_equal(digits, before)


@pytest.mark.parametrize("corrupt", [c for c in ALL if c is not dae.mask_pixels])
@pytest.mark.parametrize("levels", [(1.0, 0.25), (0.25, 1.0)])
def test_one_level_for_each_image(digits, corrupt, levels):
    """The first image gets the first level; the other one another than the first."""
    for_each, for_all = (
        corrupt(digits[:2], np.random.default_rng(0), level=level)
        for level in (np.array(levels), levels[0])
    )
    np.testing.assert_array_equal(for_each[0], for_all[0])
    assert (for_each[1] != for_all[1]).any()


def test_salt_and_pepper_in_equal_shares(rng):
    noisy = dae.add_salt_and_pepper(constant(0.5), rng, level=1)
    assert set(np.unique(noisy)) == {0, 1}
    noisy = dae.add_salt_and_pepper(constant(0.5), rng, level=0.3)
    assert set(np.unique(noisy)) == {0, 0.5, 1}
    for value, share in {0: 0.15, 1: 0.15, 0.5: 0.7}.items():
        slack = 4 * math.sqrt(share * (1 - share) / noisy.size)
        assert abs(np.mean(noisy == value) - share) < slack


@pytest.mark.parametrize("fraction", [0, 0.25, 0.5, 1])
def test_mask_takes_the_same_number_from_each_image(rng, fraction):
    masked = dae.mask_pixels(constant(0.5, 1000), rng, level=fraction)
    black = masked == 0
    assert np.all(masked[~black] == 0.5)
    np.testing.assert_array_equal(black.sum(axis=(1, 2, 3)), fraction * 784)
    # and from every place alike
    slack = 5 * math.sqrt(fraction * (1 - fraction) / 1000) + 1e-9
    assert np.abs(black.mean(axis=0) - fraction).max() <= slack
