"""Corruptions: their laws, their determinism, and what they refuse."""

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


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0])
def test_unclipped_moments(rng, sigma):
    images = constant(0.3)
    noise = dae.add_gaussian_noise(images, rng, level=sigma, clip=False) - images
    n = noise.size
    # four standard errors of the mean, and of the standard deviation
    assert abs(noise.mean(dtype=float)) < 4 * sigma / math.sqrt(n)
    assert abs(noise.std(dtype=float) - sigma) < 4 * sigma / math.sqrt(2 * n)
    kurtosis = np.mean((noise.astype(float) / sigma) ** 4)
    assert abs(kurtosis - 3) < 4 * math.sqrt(96 / n)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_clipped_mean_is_the_closed_form(rng, value, sigma):
    noisy = dae.add_gaussian_noise(constant(value), rng, level=sigma)
    error = abs(noisy.mean(dtype=float) - clipped_mean(value, sigma))
    assert error < 4 * sigma / math.sqrt(noisy.size)


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
    np.testing.assert_array_equal(noisy(clip=True), noisy())
    if add is not dae.add_gaussian_noise:
        assert not noisy()[digits == 0].any()  # black stays black


@pytest.mark.parametrize("corrupt", ALL)
def test_all_corruptions_keep_the_house_rules(digits, corrupt):
    before, first = digits.copy(), np.random.default_rng(1)
    a, b = (corrupt(digits, first, level=0.5) for _ in range(2))
    assert a.dtype == np.float32 and a.shape == digits.shape
    assert a.min() >= 0 and a.max() <= 1
    assert not np.shares_memory(a, digits)
    np.testing.assert_array_equal(digits, before)
    np.testing.assert_array_equal(
        a, corrupt(digits, np.random.default_rng(1), level=0.5)
    )
    assert np.mean(a != b) > 0.05


def test_a_billion_photons_can_be_counted(digits, rng):
    for level in (1e9**-0.5, 0):
        noisy = dae.add_poisson_noise(digits, rng, level=level)
        np.testing.assert_allclose(noisy, digits, atol=1e-3)


@pytest.mark.parametrize("corrupt", [c for c in ALL if c is not dae.add_poisson_noise])
def test_level_zero_changes_nothing(digits, rng, corrupt):
    np.testing.assert_array_equal(corrupt(digits, rng, level=0), digits)


def test_one_sigma_for_each_image(rng):
    images = constant(0.5, 300)
    sigma = np.repeat([0.0, 0.1, 0.4], 100)
    noise = dae.add_gaussian_noise(images, rng, level=sigma, clip=False) - images
    assert not noise[:100].any()
    measured = noise[100:].reshape(200, -1).std(axis=1)
    np.testing.assert_allclose(measured, sigma[100:], rtol=0.15)


@pytest.mark.parametrize("corrupt", [c for c in ALL if c is not dae.mask_pixels])
def test_one_level_for_each_image(digits, corrupt):
    first, other = (
        corrupt(digits[:2], np.random.default_rng(0), level=level)
        for level in (np.array([1.0, 0.25]), 1.0)
    )
    np.testing.assert_array_equal(first[0], other[0])
    assert (first[1] != other[1]).any()


def test_speckle_is_gaussian_relative_to_the_value(rng):
    images = constant(0.3)
    noise = dae.add_speckle_noise(images, rng, level=0.7, clip=False) - images
    n = noise.size
    assert abs(noise.mean(dtype=float)) < 4 * 0.21 / math.sqrt(n)
    assert abs(noise.std(dtype=float) - 0.7 * 0.3) < 4 * 0.21 / math.sqrt(2 * n)


@pytest.mark.parametrize("photons", [2, 30.5])
def test_poisson_is_a_count(rng, photons):
    images = constant(0.4)
    noisy = dae.add_poisson_noise(images, rng, level=photons**-0.5, clip=False).astype(
        float
    )
    counts = noisy * photons
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
    n, rate = noisy.size, 0.4 * photons
    assert abs(counts.mean() - rate) < 4 * math.sqrt(rate / n)
    # the variance of a Poisson count's sample variance: (rate + 2 rate^2) / n
    assert abs(counts.var() - rate) < 4 * math.sqrt((rate + 2 * rate**2) / n)
    dark, share = math.exp(-rate), np.mean(counts < 0.5)
    assert abs(share - dark) < 4 * math.sqrt(dark * (1 - dark) / n)


@pytest.mark.parametrize(
    ("add", "variance"),
    [
        (dae.add_gaussian_noise, lambda x: 0.3**2),
        (dae.add_speckle_noise, lambda x: 0.3**2 * x**2),
        (dae.add_poisson_noise, lambda x: 0.3**2 * x),
    ],
)
def test_each_pixel_keeps_its_own_mean_and_variance(add, variance, rng):
    values = np.array([0.1, 0.4, 0.9], np.float32)
    images = np.broadcast_to(values[:, None, None], (5000, 3, 28, 1)).copy()
    noise = add(images, rng, level=0.3, clip=False).astype(float) - images
    n = noise[:, 0].size
    for row, x in enumerate(values.astype(float)):
        expected = variance(x)
        assert abs(noise[:, row].mean()) < 4 * math.sqrt(expected / n)
        assert noise[:, row].var() == pytest.approx(expected, rel=0.03)


def test_salt_and_pepper_in_equal_shares(rng):
    assert set(np.unique(dae.add_salt_and_pepper(constant(0.5), rng, level=1))) == {
        0,
        1,
    }
    noisy = dae.add_salt_and_pepper(constant(0.5), rng, level=0.3)
    n = noisy.size
    for value, share in {0: 0.15, 1: 0.15, 0.5: 0.7}.items():
        slack = 4 * math.sqrt(share * (1 - share) / n)
        assert abs(np.mean(noisy == value) - share) < slack
    assert set(np.unique(noisy)) == {0, 0.5, 1}


@pytest.mark.parametrize("fraction", [0, 0.25, 0.5, 1])
def test_mask_takes_the_same_number_from_each_image(rng, fraction):
    masked = dae.mask_pixels(constant(0.5, 1000), rng, level=fraction)
    black = masked == 0
    assert np.all(masked[~black] == 0.5)
    np.testing.assert_array_equal(black.sum(axis=(1, 2, 3)), fraction * 784)
    # and from every place alike
    slack = 5 * math.sqrt(fraction * (1 - fraction) / 1000) + 1e-9
    assert np.abs(black.mean(axis=0) - fraction).max() <= slack


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"images": [[0.5]]}, TypeError, "images must be an array.*got list"),
        ({"images": np.uint8([[1]])}, TypeError, "floating point.*uint8.*/ 255"),
        ({"images": np.zeros((28, 28))}, ValueError, r"empty, got \(28, 28\); try"),
        ({"images": constant(1.5, 1)}, ValueError, r"1\], got values from 1.5 to 1.5"),
        ({"images": constant(math.nan, 1)}, ValueError, "got values from nan"),
        ({"level": -0.1}, ValueError, r"level must be finite and .*inf\], got -0.1"),
        ({"level": np.array([0.1, math.nan])}, ValueError, "must be finite.*got nan"),
        ({"level": "0.5"}, TypeError, "level must be a real number or .*got '0.5'"),
        ({"level": np.full(4, 0.1)}, ValueError, r"have shape \(2,\).*got \(4,\)"),
        ({"rng": 0}, TypeError, r"Generator such as numpy.*got int"),
    ],
)
def test_what_is_wrong_is_said(digits, rng, change, error, told):
    options = {"images": digits[:2], "level": 0.5, "rng": rng} | change
    with pytest.raises(error, match=told):
        dae.add_gaussian_noise(**options)
