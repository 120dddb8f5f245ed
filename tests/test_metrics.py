"""Metrics against hand-made cases and scikit-image."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dae import add_gaussian_noise, mean_interval, mse, psnr, ssim, stride_energy

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


def test_interval_is_that_of_normal_theory_for_many_values(rng):
    values = rng.exponential(2, 20_000)
    mean, low, high = mean_interval(values, rng, resamples=4000)
    assert mean == values.mean()
    half = 1.96 * values.std() / np.sqrt(len(values))
    np.testing.assert_allclose([low, high], [mean - half, mean + half], atol=half / 10)


@pytest.mark.parametrize("law", ["normal", "exponential"])
def test_interval_covers_the_truth_as_often_as_it_says(rng, law):
    truth = {"normal": 0, "exponential": 1}[law]
    covered = 0
    for _ in range(400):
        values = getattr(rng, law)(size=200)
        _, low, high = mean_interval(values, rng, resamples=200)
        covered += low <= truth <= high
    # 0.95, less a little for few values; the standard error of the count is 0.011
    assert 0.905 < covered / 400 < 0.985


def test_interval_of_what_does_not_vary_or_is_alone(rng):
    assert mean_interval(np.zeros(50, bool), rng) == (0, 0, 0)
    assert mean_interval(np.array([3.5]), rng) == (3.5, 3.5, 3.5)


def test_interval_of_paired_differences_is_narrower(digits, rng):
    noisy = add_gaussian_noise(digits, 0.5, rng)
    a = psnr(digits, noisy)
    b = a + rng.normal(0.1, 0.01, len(a))
    paired = mean_interval(b - a, rng)
    single = mean_interval(a, rng)
    assert paired.low > 0.095 and paired.high < 0.105
    assert paired.high - paired.low < (single.high - single.low) / 5


@pytest.mark.parametrize(
    "values", [[], [[1.0, 2.0]], [1.0, float("nan")], [1.0, float("inf")]]
)
def test_interval_refuses(rng, values):
    with pytest.raises(ValueError, match="values must be one finite number for each"):
        mean_interval(np.array(values), rng)


def test_interval_needs_a_generator():
    with pytest.raises(TypeError, match="rng must be"):
        mean_interval(np.ones(3), 0)


def test_stride_energy_of_known_patterns(rng):
    rows, columns = np.mgrid[:28, :28]
    board = ((rows + columns) % 2)[None, :, :, None]
    np.testing.assert_allclose(stride_energy(board, 2), 783 / 3)
    stripes = (columns // 2 % 2)[None, :, :, None]  # they repeat every 4 pixels
    assert stride_energy(stripes, 2)[0] < 1e-9
    np.testing.assert_allclose(stride_energy(stripes, 4), 783 / 15)
    white = rng.standard_normal((2000, 28, 28, 1))
    assert abs(stride_energy(white, 2).mean() - 1) < 4 / np.sqrt(2000)
    with pytest.raises(ValueError, match="one is all of one value"):
        stride_energy(np.ones((1, 28, 28, 1)), 2)


@pytest.mark.parametrize(("shape", "stride"), [((28, 28), 2), ((1, 28, 28, 1), 3)])
def test_stride_energy_refuses(shape, stride):
    with pytest.raises(ValueError, match="errors must have shape"):
        stride_energy(np.zeros(shape), stride)
