"""Arrays of another floating-point type or layout: as plain float32, and unharmed."""

from functools import partial

import numpy as np
import pytest
from conftest import compiled

import dae
from dae import baselines

MODEL = compiled()


def forms(images):
    yield from (images.astype(kind) for kind in ("<f2", "<f8", ">f4"))
    yield np.asfortranarray(images)
    images.flags.writeable = False
    yield images[::-1]


def noise(corrupt):
    return lambda x: corrupt(x, np.random.default_rng(7), level=0.5)


def fitted(fit):
    return lambda x: fit(x, x[:, ::-1].copy())(x)


CALLS = {
    "add_gaussian_noise": noise(dae.add_gaussian_noise),
    "add_poisson_noise": noise(dae.add_poisson_noise),
    "mask_pixels": noise(dae.mask_pixels),
    "gaussian": partial(baselines.gaussian, width=1.0),
    "total_variation": partial(baselines.total_variation, weight=0.1),
    "affine": lambda x: fitted(baselines.fit_affine_denoiser)(x[:, :8, :8]),
    "curve": fitted(partial(baselines.with_curve, np.copy)),
    "denoise": partial(dae.denoise, MODEL),
    "ssim": lambda x: dae.ssim(x, x[:, ::-1]),
    "evaluate": lambda x: dae.evaluate(MODEL, x, x),
}


@pytest.mark.parametrize("name", CALLS)
def test_type_and_layout_make_no_difference(name, rng):
    for images in forms(rng.random((3, 28, 28, 1), np.float32)):
        before = images.copy()
        found = CALLS[name](images)
        expected = CALLS[name](np.array(images, np.float32, order="C"))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(images, before)
        if np.ndim(found) == 4:
            assert found.dtype == np.float32
