"""Corruptions: what the autoencoder learns to undo.

Each function takes clean images, how strong the corruption is, and a random
generator, and returns new images. The generator is used up: at the next call it gives
other noise; one in the same state gives the same noise.
"""

import numpy as np
from numpy.typing import NDArray

from dae._checks import check_images, check_level, check_rng


def add_gaussian_noise(
    images: NDArray,
    sigma: float | NDArray,
    rng: np.random.Generator,
    *,
    clip: bool = True,
) -> NDArray[np.float32]:
    """Add white Gaussian noise, and clip the sum to [0, 1].

    Each pixel becomes ``x + sigma * eps`` with its own ``eps ~ N(0, 1)``.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        Clean images. They are not changed.
    sigma : float, or ndarray of shape (N,)
        Standard deviation, not the variance, in intensity units
        (1.0 = black to white); one for all images, or one for each.
    rng : numpy.random.Generator
        Where the noise comes from.
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
        if `sigma` is negative, NaN or infinite, or an array of another shape.

    Notes
    -----
    Clipping is not neutral. The noise is no longer Gaussian, and its mean is no
    longer 0: a black pixel rises to ``sigma / sqrt(2 * pi)`` on average (the mean
    of a normal law rectified at 0), as long as the white end is far away.
    """
    images, sigma = _check_corruption(images, sigma, "sigma", rng)
    sigma = np.reshape(sigma, (-1, 1, 1, 1))  # one for all images, or one for each
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    noisy = images + sigma * noise
    return np.clip(noisy, 0, 1, out=noisy) if clip else noisy


def add_speckle_noise(
    images: NDArray, sigma: float, rng: np.random.Generator, *, clip: bool = True
) -> NDArray[np.float32]:
    """Multiply by Gaussian noise of mean 1, and clip: the brighter, the noisier.

    Each pixel becomes ``x * (1 + sigma * eps)`` with its own ``eps ~ N(0, 1)``, the
    usual model of speckle in image processing [1]_. Black stays black.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    sigma : float
        Standard deviation relative to the pixel's value: at 1, a grey of 0.3 has
        noise of standard deviation 0.3.
    rng : numpy.random.Generator
    clip : bool
        Whether to clip to [0, 1].

    Returns
    -------
    ndarray, float32, same shape as `images`

    Raises
    ------
    TypeError, ValueError
        As `add_gaussian_noise`.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed.,
       Pearson, 2018. (scikit-image's ``random_noise`` uses the same; MATLAB's
       ``imnoise`` draws uniform noise.)
    """
    images, sigma = _check_corruption(images, sigma, "sigma", rng)
    sigma = np.reshape(sigma, (-1, 1, 1, 1))  # as in add_gaussian_noise
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    noisy = images + images * sigma * noise
    return np.clip(noisy, 0, 1, out=noisy) if clip else noisy


def add_poisson_noise(
    images: NDArray, photons: float, rng: np.random.Generator, *, clip: bool = True
) -> NDArray[np.float32]:
    """Count photons: what a camera sees in too little light.

    Each pixel becomes ``k / photons`` with ``k ~ Poisson(photons * x)``, of mean
    ``x`` and variance ``x / photons``. Black stays black.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    photons : float
        Photons that a white pixel gets on average, above 0. The fewer, the noisier.
    rng : numpy.random.Generator
    clip : bool
        Whether to clip to [0, 1].

    Returns
    -------
    ndarray, float32, same shape as `images`

    Raises
    ------
    TypeError, ValueError
        As `add_gaussian_noise`, and if `photons` is 0 or above a billion.
    """
    images, photons = _check_corruption(
        images, photons, "photons", rng, high=1e9, positive=True
    )
    photons = np.reshape(photons, (-1, 1, 1, 1))  # as in add_gaussian_noise
    counts = rng.poisson(images * photons)
    noisy = counts.astype(np.float32) / photons
    return np.clip(noisy, 0, 1, out=noisy) if clip else noisy


def add_salt_and_pepper(
    images: NDArray, amount: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Replace pixels by black or white: dead and hot pixels of a camera.

    With probability `amount`, a pixel loses its value and becomes black or white, as
    a fair coin falls.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    amount : float
        Probability in [0, 1].
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, float32, same shape as `images`, values in [0, 1]

    Raises
    ------
    TypeError, ValueError
        As `add_gaussian_noise`, and if `amount` is above 1.
    """
    images, amount = _check_corruption(images, amount, "amount", rng, high=1)
    amount = np.reshape(amount, (-1, 1, 1, 1))  # as in add_gaussian_noise
    draw = rng.random(images.shape, dtype=np.float32)
    noisy = np.where(draw < amount, np.float32(1), images)
    return np.where(draw < amount / 2, np.float32(0), noisy)


def mask_pixels(
    images: NDArray, fraction: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Set a fixed number of pixels to black, at random places in each image.

    The corruption of the first denoising autoencoder [1]_.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    fraction : float
        Share of an image's pixels in [0, 1], rounded to whole pixels.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, float32, same shape as `images`, values in [0, 1]

    Raises
    ------
    TypeError, ValueError
        As `add_gaussian_noise`, and if `fraction` is above 1, or an array.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, "Extracting and
       composing robust features with denoising autoencoders", ICML 2008, section
       2.3. doi:10.1145/1390156.1390294
    """
    images, fraction = _check_corruption(images, fraction, "fraction", rng, high=1)
    masked = images.reshape(len(images), -1).copy()
    count = round(float(fraction) * masked.shape[1])
    order = rng.random(masked.shape, dtype=np.float32).argsort(axis=1)
    np.put_along_axis(masked, order[:, :count], 0, axis=1)
    return masked.reshape(images.shape)


def _check_corruption(
    images: NDArray, level: float | NDArray, name: str, rng: np.random.Generator, **most
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    check_rng(rng)
    images = check_images(images)
    return images, check_level(level, name, len(images), **most)
