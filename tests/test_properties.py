"""Arrays of any floating-point type and layout: as plain float32, and unharmed."""

import warnings
from functools import partial

import numpy as np
import pytest
from conftest import compiled

import dae
from dae import baselines

MODEL = compiled()


def forms(images):
    """The same values, or nearly, in all types and layouts."""
    yield from (images.astype(kind) for kind in ("<f2", "<f8", ">f2", ">f4", ">f8"))
    yield np.asfortranarray(images)
    yield np.repeat(images, 2, axis=0)[::2]
    yield images[::-1]
    images.flags.writeable = False
    yield images


def noise(corrupt):
    return lambda x: corrupt(x, np.random.default_rng(7), level=0.5)


def fitted(fit):
    return lambda x: fit(x, x[:, ::-1].copy())(x)


CALLS = {
    "add_gaussian_noise": noise(dae.add_gaussian_noise),
    "add_speckle_noise": noise(dae.add_speckle_noise),
    "add_poisson_noise": noise(dae.add_poisson_noise),
    "add_salt_and_pepper": noise(dae.add_salt_and_pepper),
    "mask_pixels": noise(dae.mask_pixels),
    "gaussian": partial(baselines.gaussian, width=1.0),
    "total_variation": partial(baselines.total_variation, weight=0.1),
    "non_local_means": partial(baselines.non_local_means, strength=0.2),
    "affine": fitted(baselines.fit_affine_denoiser),
    "curve": fitted(partial(baselines.with_curve, np.copy)),
    "tune": fitted(partial(baselines.tune, [partial(baselines.gaussian, width=1)])),
    "denoise": partial(dae.denoise, MODEL),
    "mse": lambda x: dae.mse(x, x[:, ::-1]),
    "psnr": lambda x: dae.psnr(x, x[:, ::-1]),
    "ssim": lambda x: dae.ssim(x, x[:, ::-1]),
    "evaluate": lambda x: dae.evaluate(MODEL, x, x),
    "mean_interval": lambda x: dae.mean_interval(x.ravel(), np.random.default_rng(1)),
}


@pytest.mark.parametrize("name", CALLS)
def test_type_and_layout_make_no_difference(name, rng):
    side = 28 if name in ("denoise", "evaluate") else 12
    for images in forms(rng.random((3, side, side, 1), np.float32)):
        before = images.copy()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "__array__ implementation")  # Keras's own
            found = CALLS[name](images)
        expected = CALLS[name](np.array(images, np.float32, order="C"))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(images, before)
        if np.ndim(found) == 4:
            assert found.dtype == np.float32 and found.shape == images.shape
            assert found.min() >= 0 and found.max() <= 1
        elif name in ("mse", "psnr", "ssim"):  # one number for each image
            assert found.dtype == np.float64 and found.shape == (3,)
