"""Gaussian noise: its law, its determinism, and what it refuses."""

import math

import numpy as np
import pytest

from dae import add_gaussian_noise


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


def test_pixels_are_independent(rng):
    noise = add_gaussian_noise(constant(0.5), 0.5, rng, clip=False)[..., 0] - 0.5
    for shifted in (noise[:, 1:, :] * noise[:, :-1, :], noise[1:] * noise[:-1]):
        assert abs(shifted.mean(dtype=float)) < 4 * 0.25 / math.sqrt(shifted.size)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_clipped_mean_is_the_closed_form(rng, value, sigma):
    noisy = add_gaussian_noise(constant(value), sigma, rng)
    standard_error = sigma / math.sqrt(noisy.size)
    assert abs(noisy.mean(dtype=float) - clipped_mean(value, sigma)) < (
        4 * standard_error
    )


def test_docstring_formula_for_a_black_pixel():
    # sigma / sqrt(2 pi), while the white end is far away
    assert math.isclose(
        clipped_mean(0, 0.2), 0.2 / math.sqrt(2 * math.pi), rel_tol=1e-5
    )
    assert clipped_mean(0, 0.5) < 0.5 / math.sqrt(2 * math.pi)


def test_clip_bounds_and_their_absence(digits, rng):
    clipped = add_gaussian_noise(digits, 0.5, rng)
    assert clipped.min() == 0 and clipped.max() == 1
    free = add_gaussian_noise(digits, 0.5, rng, clip=False)
    assert free.min() < -1 and free.max() > 2


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


@pytest.mark.parametrize("dtype", ["float16", "float64", ">f4"])
def test_other_floats_become_float32(digits, dtype):
    expected = add_gaussian_noise(digits[:5], 0.5, np.random.default_rng(0))
    noisy = add_gaussian_noise(digits[:5].astype(dtype), 0.5, np.random.default_rng(0))
    assert noisy.dtype == np.float32
    np.testing.assert_allclose(noisy, expected, atol=1e-3)


def test_same_state_same_noise_and_next_call_other_noise(digits):
    first = np.random.default_rng(1)
    a, b = (add_gaussian_noise(digits, 0.5, first) for _ in range(2))
    c = add_gaussian_noise(digits, 0.5, np.random.default_rng(1))
    np.testing.assert_array_equal(a, c)
    assert np.mean(a != b) > 0.5


def test_sigma_zero_changes_nothing(digits, rng):
    np.testing.assert_array_equal(add_gaussian_noise(digits, 0, rng), digits)


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf"), -float("inf")])
def test_impossible_sigma(digits, rng, sigma):
    with pytest.raises(ValueError, match=f"sigma must be finite and >= 0.*got {sigma}"):
        add_gaussian_noise(digits, sigma, rng)


@pytest.mark.parametrize("sigma", ["0.5", None, 1j, True, [0.5]])
def test_sigma_that_is_no_number(digits, rng, sigma):
    with pytest.raises(TypeError, match="sigma must be a real number, got"):
        add_gaussian_noise(digits, sigma, rng)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ([[0.5]], TypeError, "images must be a NumPy array.*got list"),
        (np.zeros((2, 28, 28, 1), "uint8"), TypeError, "floating point.*got dtype u"),
        (np.zeros((28, 28), "f4"), ValueError, r"\(N, H, W, C\), got \(28, 28\)"),
        (np.zeros((0, 28, 28, 1), "f4"), ValueError, "must not be empty"),
        (constant(1.5, 1), ValueError, r"in \[0, 1\], got values from 1.5 to 1.5"),
        (constant(-0.5, 1), ValueError, r"in \[0, 1\], got values from -0.5"),
        (constant(float("nan"), 1), ValueError, r"in \[0, 1\], got values from nan"),
    ],
)
def test_images_that_are_none(images, error, message, rng):
    with pytest.raises(error, match=message):
        add_gaussian_noise(images, 0.5, rng)


@pytest.mark.parametrize("rng", [0, None, np.random.RandomState(0)])
def test_rng_must_be_a_generator(digits, rng):
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator such as"):
        add_gaussian_noise(digits, 0.5, rng)
