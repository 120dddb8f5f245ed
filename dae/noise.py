"""Corruptions: what the autoencoder learns to undo."""

import numpy as np
from numpy.typing import NDArray

from dae.checks import check_images, check_rng, check_sigma


def add_gaussian_noise(
    images: NDArray, sigma: float, rng: np.random.Generator, *, clip: bool = True
) -> NDArray[np.float32]:
    """Add white Gaussian noise, and clip the sum to [0, 1].

    Each pixel becomes ``x + sigma * eps`` with its own ``eps ~ N(0, 1)``.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        Clean images. They are not changed.
    sigma : float
        Standard deviation, not the variance, in intensity units
        (1.0 = black to white).
    rng : numpy.random.Generator
        Where the noise comes from. It is used up: the same generator gives
        other noise at the next call, one in the same state the same noise.
    clip : bool
        Whether to clip to [0, 1], as a camera does. See the notes.

    Returns
    -------
    ndarray, float32, same shape as `images`
        Noisy images, in [0, 1] if `clip`, else unbounded.

    Raises
    ------
    TypeError
        If `images` is not a floating-point array, `sigma` not a number or
        `rng` not a Generator.
    ValueError
        If `images` has the wrong rank, is empty, holds NaN or leaves [0, 1];
        if `sigma` is negative, NaN or infinite.

    Notes
    -----
    Clipping is not neutral. The noise is no longer Gaussian, and its mean is no
    longer 0: a black pixel rises to ``sigma / sqrt(2 * pi)`` on average (the mean
    of a normal law rectified at 0), as long as the white end is far away.
    """
    images = check_images(images)
    sigma = check_sigma(sigma)
    noise = check_rng(rng).standard_normal(images.shape, dtype=np.float32)
    noisy = images + np.float32(sigma) * noise
    return np.clip(noisy, 0, 1, out=noisy) if clip else noisy
