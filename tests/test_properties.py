"""Whatever the input: a correct result or a documented error, and the input unharmed.

Arrays of every floating-point type and memory layout must give what the same values
give as plain float32; broken ones must be refused without a warning.
"""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

import dae
from dae import baselines

DTYPES = ("<f2", "<f4", "<f8", ">f4", ">f8", ">f2")


def seeded(function, *arguments):
    """A corruption with fresh randomness from one seed at each call."""
    return lambda images: function(images, *arguments, np.random.default_rng(7))


def shifted(images):
    """Other images of the same shape, type and range."""
    return images[:, ::-1].copy()


ONE_BATCH = {
    "add_gaussian_noise": seeded(dae.add_gaussian_noise, 0.5),
    "add_speckle_noise": seeded(dae.add_speckle_noise, 0.5),
    "add_poisson_noise": seeded(dae.add_poisson_noise, 4),
    "add_salt_and_pepper": seeded(dae.add_salt_and_pepper, 0.3),
    "mask_pixels": seeded(dae.mask_pixels, 0.3),
    "gaussian": lambda images: baselines.gaussian(images, 1.0),
    "median": lambda images: baselines.median(images, 3),
    "total_variation": lambda images: baselines.total_variation(images, 0.1),
    "non_local_means": lambda images: baselines.non_local_means(images, 0.2),
    "affine": lambda images: baselines.fit_affine_denoiser(images, images)(images),
    "correction": lambda images: baselines.fit_affine_correction(
        images, np.sqrt(images.astype(np.float32))
    )(images),
    "mse": lambda images: dae.mse(images, shifted(images)),
    "psnr": lambda images: dae.psnr(images, shifted(images)),
    "ssim": lambda images: dae.ssim(images, shifted(images)),
}
NUMBERS = {"mse", "psnr", "ssim"}  # one for each image
AGREE = pytest.mark.parametrize("name", ONE_BATCH)


@st.composite
def batches(draw):
    """Images in [0, 1] of any floating-point type and layout."""
    shape = (draw(st.integers(1, 3)), *draw(st.tuples(*[st.integers(12, 16)] * 2)), 1)
    values = np.random.default_rng(draw(st.integers(0, 99))).random(shape)
    images = values.astype(draw(st.sampled_from(DTYPES)))
    layout = draw(st.sampled_from(["C", "F", "strided", "reversed", "read-only"]))
    if layout == "F":
        images = np.asfortranarray(images)
    elif layout == "strided":
        images = np.repeat(images, 2, axis=2)[:, :, ::2]
    elif layout == "reversed":
        images = images[:, ::-1]
    elif layout == "read-only":
        images.flags.writeable = False
    return images


@AGREE
@settings(max_examples=12, deadline=None, derandomize=True)
@given(images=batches())
def test_type_and_layout_make_no_difference(name, images):
    before = copy.deepcopy(images)
    plain = np.ascontiguousarray(images, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, expected = ONE_BATCH[name](images), ONE_BATCH[name](plain)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(images, before)
    if name in NUMBERS:
        assert found.shape == (len(images),) and found.dtype == np.float64
    else:
        assert found.shape == images.shape and found.dtype == np.float32
        assert found.min() >= 0 and found.max() <= 1


@st.composite
def broken(draw):
    """What is no batch of images."""
    images = np.full((2, 12, 12, 1), 0.5)
    kind = draw(st.sampled_from(["value", "rank", "empty", "type", "list"]))
    if kind == "value":
        place = tuple(draw(st.integers(0, side - 1)) for side in images.shape)
        images[place] = draw(st.sampled_from([np.nan, np.inf, -np.inf, -1e-3, 1.001]))
    elif kind == "rank":
        images = images.reshape(draw(st.sampled_from([(288,), (2, 144), (2, 12, 12)])))
    elif kind == "empty":
        images = np.zeros(draw(st.sampled_from([(0, 12, 12, 1), (2, 0, 12, 1)])))
    elif kind == "type":
        images = images.astype(draw(st.sampled_from([np.int64, bool, complex, object])))
    else:
        images = images.tolist()
    return images


@AGREE
@settings(max_examples=25, deadline=None, derandomize=True)
@given(images=broken())
def test_what_is_no_batch_of_images_is_refused(name, images):
    if name in NUMBERS:
        function = partial(getattr(dae, name), np.full((2, 12, 12, 1), 0.5))
    elif name == "affine":
        function = partial(baselines.fit_affine_denoiser, clean=images)
    elif name == "correction":
        function = partial(baselines.fit_affine_correction, clean=images)
    else:
        function = ONE_BATCH[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError), match=r"must|got"):
            function(images)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    dtype=st.sampled_from(["<f4", ">f4", "<f8", ">f8", "i8"]),
)
def test_mean_interval_holds_the_mean_between_the_extremes(values, dtype):
    values = np.array(values).astype(dtype)
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean, low, high = dae.mean_interval(values, rng, resamples=50)
    slack = 1e-9 * (1 + np.abs(values).max())
    assert mean == pytest.approx(values.astype(float).mean(), rel=1e-12, abs=1e-9)
    assert values.min() - slack <= low <= high <= values.max() + slack


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 99),
    sigma=st.floats(1e-3, 1e3),
    dtype=st.sampled_from(["<f4", "<f8", ">f8"]),
)
def test_posterior_mean_lies_among_the_data_at_any_level(seed, sigma, dtype):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(5, 3)).astype(dtype)
    noisy = (data[:2] + sigma * rng.normal(size=(2, 3))).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean = dae.posterior_mean(noisy, data, sigma)
        direction = dae.score(noisy, data, sigma)
    assert np.isfinite(mean).all() and np.isfinite(direction).all()
    assert (mean >= data.min(axis=0) - 1e-5).all()
    assert (mean <= data.max(axis=0) + 1e-5).all()


@pytest.mark.parametrize(
    "errors",
    [
        np.full((1, 4, 4, 1), np.nan),
        np.full((1, 4, 4, 1), np.inf),
        np.ones((0, 4, 4, 1)),
        np.ones((1, 4, 4, 2)),
        np.ones((1, 4, 4)),
    ],
)
def test_stride_energy_refuses_what_has_no_spectrum(errors):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="errors must"):
            dae.stride_energy(errors, 2)


def batch(*shape):
    return np.full(shape or (2, 12, 12, 1), 0.5)


TUNE = {
    "denoiser": [None, 5, "gaussian"],
    "strengths": [None, (), 0.5, "ab", (1, np.nan), ("a",), (1j,)],
    "noisy": [None, batch().tolist(), batch(12, 12), batch() + 1, batch(1, 12, 12, 1)],
    "clean": [None, batch().tolist(), batch(12, 12), batch() + 1, batch(1, 12, 12, 1)],
}


@pytest.mark.parametrize("name", TUNE)
def test_tune_refuses_by_name(name):
    right = {
        "denoiser": baselines.gaussian,
        "strengths": (1, 2),
        "noisy": batch(),
        "clean": batch(),
    }
    for value in TUNE[name]:
        refused(lambda value=value: baselines.tune(**right | {name: value}), name)


@pytest.mark.parametrize("ridge", [-1, np.nan, np.inf, "1", None, True])
def test_a_ridge_that_is_no_penalty_is_refused(ridge):
    refused(lambda: baselines.fit_affine_denoiser(batch(), batch(), ridge), "ridge")


@pytest.mark.parametrize("fit", ["fit_affine_denoiser", "fit_affine_correction"])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(images=broken())
def test_a_fit_refuses_either_of_its_two_batches(fit, images):
    first = "noisy" if fit == "fit_affine_denoiser" else "restored"
    right = np.random.default_rng(0).random((2, 12, 12, 1))
    refused(lambda: getattr(baselines, fit)(images, right), f"^{first} must")
    refused(lambda: getattr(baselines, fit)(right, images), "^clean must")


def test_no_line_through_images_of_one_value():
    refused(lambda: baselines.fit_affine_correction(batch(), batch()), "restored")


@pytest.mark.parametrize("function", [dae.posterior_mean, dae.score])
def test_points_must_be_tables_of_floats_that_are_wide_enough(function):
    right = np.arange(6.0).reshape(3, 2)
    wrong = [None, right.tolist(), right.astype(int), right.astype("f2"), right * 1j,
             right[0], right[:0], right + np.inf, right > 1]  # fmt: skip
    for points in wrong:
        refused(lambda points=points: function(points, right, 0.5), "noisy")
        refused(lambda points=points: function(right, points, 0.5), "data")
