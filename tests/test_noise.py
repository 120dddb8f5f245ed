"""Corruptions: their laws, their determinism, and what they refuse."""

import math

import numpy as np
import pytest

from dae import (
    add_gaussian_noise,
    add_poisson_noise,
    add_salt_and_pepper,
    add_speckle_noise,
    mask_pixels,
)


def normal_cdf(z):
    return (1 + math.erf(z / math.sqrt(2))) / 2


def normal_pdf(z):
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def clipped_mean(x, sigma):
    """E[clip(x + sigma eps, 0, 1)] for eps ~ N(0, 1), in closed form."""
    a, b = (0 - x) / sigma, (1 - x) / sigma
    inside = x * (normal_cdf(b) - normal_cdf(a)) + sigma * (
        normal_pdf(a) - normal_pdf(b)
    )
    return inside + (1 - normal_cdf(b))


def constant(value, count=2000):
    return np.full((count, 28, 28, 1), value, dtype=np.float32)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0])
def test_unclipped_moments(rng, sigma):
    images = constant(0.3)
    noise = add_gaussian_noise(images, sigma, rng, clip=False) - images
    n = noise.size
    # four standard errors of the mean, and of the standard deviation
    assert abs(noise.mean(dtype=float)) < 4 * sigma / math.sqrt(n)
    assert abs(noise.std(dtype=float) - sigma) < 4 * sigma / math.sqrt(2 * n)
    kurtosis = np.mean((noise.astype(float) / sigma) ** 4)
    assert abs(kurtosis - 3) < 4 * math.sqrt(96 / n)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_clipped_mean_is_the_closed_form(rng, value, sigma):
    noisy = add_gaussian_noise(constant(value), sigma, rng)
    standard_error = sigma / math.sqrt(noisy.size)
    assert abs(noisy.mean(dtype=float) - clipped_mean(value, sigma)) < (
        4 * standard_error
    )


def test_clipping_is_all_that_clip_does(digits):
    clipped = add_gaussian_noise(digits, 0.5, np.random.default_rng(3))
    free = add_gaussian_noise(digits, 0.5, np.random.default_rng(3), clip=False)
    np.testing.assert_array_equal(clipped, np.clip(free, 0, 1))


def test_float32_in_float32_out_input_untouched(digits, rng):
    before = digits.copy()
    noisy = add_gaussian_noise(digits, 0.5, rng)
    assert noisy.dtype == np.float32 and noisy.shape == digits.shape
    assert not np.shares_memory(noisy, digits)
    np.testing.assert_array_equal(digits, before)


def test_same_state_same_noise_and_next_call_other_noise(digits):
    first = np.random.default_rng(1)
    a, b = (add_gaussian_noise(digits, 0.5, first) for _ in range(2))
    c = add_gaussian_noise(digits, 0.5, np.random.default_rng(1))
    np.testing.assert_array_equal(a, c)
    assert np.mean(a != b) > 0.5


def test_sigma_zero_changes_nothing(digits, rng):
    np.testing.assert_array_equal(add_gaussian_noise(digits, 0, rng), digits)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ([[0.5]], TypeError, "images must be an array.*got list"),
        (np.zeros((2, 28, 28, 1), "uint8"), TypeError, "floating point.*uint8.*/ 255"),
        (
            np.zeros((28, 28), "f4"),
            ValueError,
            r"and not be empty, got \(28, 28\); one",
        ),
        (constant(1.5, 1), ValueError, r"in \[0, 1\], got values from 1.5 to 1.5"),
        (constant(float("nan"), 1), ValueError, r"in \[0, 1\], got values from nan"),
    ],
)
def test_what_is_wrong_with_images_is_said(images, error, message, rng):
    with pytest.raises(error, match=message):
        add_gaussian_noise(images, 0.5, rng)


def test_one_sigma_for_each_image(rng):
    images = constant(0.5, 300)
    sigma = np.repeat([0.0, 0.1, 0.4], 100)
    noise = add_gaussian_noise(images, sigma, rng, clip=False) - images
    assert not noise[:100].any()
    measured = noise[100:].reshape(200, -1).std(axis=1)
    np.testing.assert_allclose(measured, sigma[100:], rtol=0.15)


def test_speckle_is_gaussian_relative_to_the_value(rng):
    images = constant(0.3)
    noise = add_speckle_noise(images, 0.7, rng, clip=False) - images
    n = noise.size
    assert abs(noise.mean(dtype=float)) < 4 * 0.21 / math.sqrt(n)
    assert abs(noise.std(dtype=float) - 0.7 * 0.3) < 4 * 0.21 / math.sqrt(2 * n)


@pytest.mark.parametrize("photons", [2, 30.5])
def test_poisson_is_a_count(rng, photons):
    images = constant(0.4)
    noisy = add_poisson_noise(images, photons, rng, clip=False).astype(float)
    counts = noisy * photons
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
    n, rate = noisy.size, 0.4 * photons
    assert abs(counts.mean() - rate) < 4 * math.sqrt(rate / n)
    # the variance of a Poisson count's sample variance: (rate + 2 rate^2) / n
    assert abs(counts.var() - rate) < 4 * math.sqrt((rate + 2 * rate**2) / n)
    dark, share = math.exp(-rate), np.mean(counts < 0.5)
    assert abs(share - dark) < 4 * math.sqrt(dark * (1 - dark) / n)


@pytest.mark.parametrize("add", [add_speckle_noise, add_poisson_noise])
def test_black_stays_black_and_clip_clips(add, rng):
    assert not add(constant(0, 5), 2, rng).any()
    assert add(constant(0.9, 50), 2, rng).max() == 1
    assert add(constant(0.9, 50), 2, rng, clip=False).max() > 1


@pytest.mark.parametrize(
    ("add", "variance"),
    [
        (add_gaussian_noise, lambda x: 0.3**2),
        (add_speckle_noise, lambda x: 0.3**2 * x**2),
        (lambda *a, **k: add_poisson_noise(a[0], 20, a[2], **k), lambda x: x / 20),
    ],
)
def test_each_pixel_keeps_its_own_mean_and_variance(add, variance, rng):
    values = np.array([0.1, 0.4, 0.9], np.float32)
    images = np.broadcast_to(values[:, None, None], (5000, 3, 28, 1)).copy()
    noise = add(images, 0.3, rng, clip=False).astype(float) - images
    n = noise[:, 0].size
    for row, x in enumerate(values.astype(float)):
        expected = variance(x)
        assert abs(noise[:, row].mean()) < 4 * math.sqrt(expected / n)
        assert noise[:, row].var() == pytest.approx(expected, rel=0.03)


def test_salt_and_pepper_in_equal_shares(rng):
    noisy = add_salt_and_pepper(constant(0.5), 0.3, rng)
    n = noisy.size
    for value, share in {0: 0.15, 1: 0.15, 0.5: 0.7}.items():
        slack = 4 * math.sqrt(share * (1 - share) / n)
        assert abs(np.mean(noisy == value) - share) < slack
    assert set(np.unique(noisy)) == {0, 0.5, 1}


def test_all_salt_and_pepper_or_none(digits, rng):
    np.testing.assert_array_equal(add_salt_and_pepper(digits, 0, rng), digits)
    assert set(np.unique(add_salt_and_pepper(digits, 1, rng))) == {0, 1}


@pytest.mark.parametrize("fraction", [0, 0.25, 0.5, 1])
def test_mask_takes_the_same_number_from_each_image(rng, fraction):
    masked = mask_pixels(constant(0.5, 1000), fraction, rng)
    black = masked == 0
    assert np.all(masked[~black] == 0.5)
    np.testing.assert_array_equal(black.sum(axis=(1, 2, 3)), fraction * 784)
    # and from every place alike
    slack = 5 * math.sqrt(fraction * (1 - fraction) / 1000) + 1e-9
    assert np.abs(black.mean(axis=0) - fraction).max() <= slack


OTHERS = [add_speckle_noise, add_poisson_noise, add_salt_and_pepper, mask_pixels]


@pytest.mark.parametrize("corrupt", OTHERS)
def test_other_corruptions_keep_the_house_rules(digits, corrupt):
    before, level = digits.copy(), 0.5
    noisy = corrupt(digits, level, np.random.default_rng(0))
    assert noisy.dtype == np.float32 and noisy.shape == digits.shape
    assert noisy.min() >= 0 and noisy.max() <= 1
    np.testing.assert_array_equal(digits, before)
    assert not np.shares_memory(noisy, digits)
    np.testing.assert_array_equal(
        noisy, corrupt(digits, level, np.random.default_rng(0))
    )
    rng = np.random.default_rng(0)
    assert np.any(corrupt(digits, level, rng) != corrupt(digits, level, rng))


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (-0.1, r"sigma must be finite and in \[0, inf\], got -0.1"),
        (np.array([0.1, float("nan")]), "sigma must be finite.*got nan"),
        ("0.5", "sigma must be a real number or .*got '0.5'"),
        (np.full(4, 0.1), r"sigma must have shape \(2,\).*got \(4,\)"),
    ],
)
def test_what_is_wrong_with_a_level_is_said(digits, rng, sigma, message):
    with pytest.raises((TypeError, ValueError), match=message):
        add_gaussian_noise(digits[:2], sigma, rng)


def test_how_to_make_a_generator_is_said(digits):
    with pytest.raises(TypeError, match=r"Generator such as numpy.*got int"):
        add_gaussian_noise(digits[:2], 0.5, 0)
