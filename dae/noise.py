"""Corruptions: what the autoencoder learns to undo.

Each function takes clean images, a random generator and, by name, how strong the
corruption is, its level; it returns new images. The generator is used up: at the next
call it gives other noise; one in the same state gives the same noise. With its level
fixed, ``functools.partial(add_gaussian_noise, level=0.5)``, it is what training takes.
"""

import numpy as np
from numpy.typing import NDArray

from dae._checks import (
    check_count,
    check_images,
    check_nonnegative,
    check_rng,
    refuse,
)


def rng(seed: int, name: str) -> np.random.Generator:
    """Make the random numbers of one experiment, which no other experiment shares.

    Parameters
    ----------
    seed : int
        At least 0.
    name : str
        Of the experiment. Another name gives other, independent numbers.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    TypeError, ValueError
        If `seed` is not a whole number, at least 0, or `name` not a text.
    """
    check_count(seed, "seed", least=0)
    if not isinstance(name, str) or not name:
        refuse("name", "say which experiment it is", repr(name), TypeError)
    return np.random.default_rng([seed, *name.encode()])


def add_gaussian_noise(
    images: NDArray,
    rng: np.random.Generator,
    *,
    level: float | NDArray,
    clip: bool = True,
) -> NDArray[np.float32]:
    """Add white Gaussian noise, and clip the sum to [0, 1].

    Each pixel becomes ``x + level * eps`` with its own ``eps ~ N(0, 1)``.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        Clean images. They are not changed.
    rng : numpy.random.Generator
        Where the noise comes from.
    level : float, or ndarray of shape (N,)
        The standard deviation sigma, not the variance, in intensity units
        (1.0 = black to white); one for all images, or one for each.
    clip : bool
        Whether to clip to [0, 1], as a camera does. See the notes.

    Returns
    -------
    ndarray, float32, same shape as `images`
        Noisy images, in [0, 1] if `clip`, else unbounded.

    Raises
    ------
    TypeError
        If `images` is not a floating-point array, `level` not a number or
        `rng` not a Generator.
    ValueError
        If `images` has the wrong rank, is empty, holds NaN or leaves [0, 1];
        if `level` is negative, NaN or infinite, or an array of another shape.

    Notes
    -----
    Clipping is not neutral. The noise is no longer Gaussian, and its mean is no
    longer 0: a black pixel rises to ``level / sqrt(2 * pi)`` on average (the mean
    of a normal law rectified at 0), as long as the white end is far away.
    """
    images, level = _check_corruption(images, rng, level)
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    noisy = images + level * noise
    return np.clip(noisy, 0, 1, out=noisy) if clip else noisy


def add_speckle_noise(
    images: NDArray, rng: np.random.Generator, *, level: float, clip: bool = True
) -> NDArray[np.float32]:
    """Multiply by Gaussian noise of mean 1, and clip: the brighter, the noisier.

    Each pixel becomes ``x * (1 + level * eps)`` with its own ``eps ~ N(0, 1)``, the
    usual model of speckle in image processing [1]_. Black stays black.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    rng : numpy.random.Generator
    level : float, or ndarray of shape (N,)
        Standard deviation of a white pixel, in intensity units; that of a grey one is
        as much smaller as the pixel is darker.
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
    images, level = _check_corruption(images, rng, level)
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    noisy = images + images * level * noise
    return np.clip(noisy, 0, 1, out=noisy) if clip else noisy


def add_poisson_noise(
    images: NDArray, rng: np.random.Generator, *, level: float, clip: bool = True
) -> NDArray[np.float32]:
    """Count photons: what a camera sees in too little light.

    Each pixel becomes ``k / photons`` with ``k ~ Poisson(photons * x)``, of mean
    ``x`` and variance ``x / photons``. Black stays black.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    rng : numpy.random.Generator
    level : float, or ndarray of shape (N,)
        Standard deviation of a white pixel, in intensity units: a white pixel gets
        ``1 / level**2`` photons on average. The fewer, the noisier. Below 0.0001 it
        counts as that, which nobody sees.
    clip : bool
        Whether to clip to [0, 1].

    Returns
    -------
    ndarray, float32, same shape as `images`

    Raises
    ------
    TypeError, ValueError
        As `add_gaussian_noise`.
    """
    images, _ = _check_corruption(images, rng, level)
    level = np.maximum(np.asarray(level, np.float64), 1e-4)
    photons = _one_for_each(1 / level**2)
    counts = rng.poisson(images * photons)
    noisy = counts.astype(np.float32) / photons
    return np.clip(noisy, 0, 1, out=noisy) if clip else noisy


def add_salt_and_pepper(
    images: NDArray, rng: np.random.Generator, *, level: float
) -> NDArray[np.float32]:
    """Replace pixels by black or white: dead and hot pixels of a camera.

    With probability `level`, a pixel loses its value and becomes black or white, as
    a fair coin falls.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    rng : numpy.random.Generator
    level : float, or ndarray of shape (N,)
        Probability in [0, 1].

    Returns
    -------
    ndarray, float32, same shape as `images`, values in [0, 1]

    Raises
    ------
    TypeError, ValueError
        As `add_gaussian_noise`, and if `level` is above 1.
    """
    images, level = _check_corruption(images, rng, level, high=1)
    draw = rng.random(images.shape, dtype=np.float32)
    noisy = np.where(draw < level, np.float32(1), images)
    return np.where(draw < level / 2, np.float32(0), noisy)


def mask_pixels(
    images: NDArray, rng: np.random.Generator, *, level: float
) -> NDArray[np.float32]:
    """Set a fixed number of pixels to black, at random places in each image.

    The corruption by which Vincent et al. learnt features [1]_.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    rng : numpy.random.Generator
    level : float
        Share of an image's pixels in [0, 1], rounded to whole pixels.

    Returns
    -------
    ndarray, float32, same shape as `images`, values in [0, 1]

    Raises
    ------
    TypeError, ValueError
        As `add_gaussian_noise`, and if `level` is above 1, or an array.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, "Extracting and
       composing robust features with denoising autoencoders", ICML 2008, section
       2.3. doi:10.1145/1390156.1390294
    """
    images, _ = _check_corruption(images, rng, 0)
    level = check_nonnegative(level, "level", high=1)
    masked = images.reshape(len(images), -1).copy()
    count = round(float(level) * masked.shape[1])
    order = rng.random(masked.shape, dtype=np.float32).argsort(axis=1)
    np.put_along_axis(masked, order[:, :count], 0, axis=1)
    return masked.reshape(images.shape)


def _check_corruption(
    images: NDArray, rng: np.random.Generator, level: float | NDArray, **most: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    check_rng(rng)
    images = check_images(images)
    return images, _one_for_each(check_nonnegative(level, "level", len(images), **most))


def _one_for_each(level: NDArray) -> NDArray[np.float32]:
    """Shape what is one number for all images, or one for each, to go with them."""
    return np.reshape(level, (-1, 1, 1, 1)).astype(np.float32)
