"""The best denoiser that a finite set of points allows, in closed form."""

import numbers

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from dae._checks import check_nonnegative, check_numbers, refuse


def posterior_mean(noisy: NDArray, data: NDArray, sigma: float) -> NDArray:
    """Mean of the points that a noisy point may come from, ``E[x | y]``.

    If ``x`` is one of the rows of `data`, each equally likely, and
    ``y = x + sigma * eps`` with ``eps ~ N(0, I)``, then by Bayes' rule row ``x`` has
    a weight proportional to ``exp(-|y - x|**2 / (2 * sigma**2))``. The weighted mean
    of the rows is the denoiser with the least squared error [1]_.

    Parameters
    ----------
    noisy : ndarray, float32 or float64, shape (N, D)
        Points under Gaussian noise that was not clipped.
    data : ndarray, float32 or float64, shape (M, D)
        The clean points.
    sigma : float
        Standard deviation of the noise, above 0, in the units of the points.

    Returns
    -------
    ndarray, of the type of `data`, shape (N, D)

    Raises
    ------
    ValueError
        If the two are not tables with equally many columns, or are empty, or hold
        values that are not finite; if `sigma` is not above 0.
    TypeError
        If `sigma` is not a number, or the tables are not of floating-point numbers.

    References
    ----------
    .. [1] T. Hastie, R. Tibshirani and J. Friedman, "The Elements of Statistical
       Learning", 2nd ed., Springer, 2009, section 2.4.
       doi:10.1007/978-0-387-84858-7
    """
    _check_points(noisy, data, sigma)
    lengths = np.einsum("md,md->m", data, data, dtype=np.float64).astype(data.dtype)
    means = []
    for start in range(0, len(noisy), 100):  # a hundred at a time, to save memory
        part = noisy[start : start + 100]
        # -|y - x|^2 / 2 sigma^2 less what is the same for every x
        logits = part @ data.T - lengths / 2
        logits /= float(sigma) ** 2
        logits -= logits.max(axis=1, keepdims=True)
        weights = np.exp(logits, out=logits)
        means.append(weights @ data / weights.sum(axis=1, keepdims=True))
    return np.concatenate(means)


def local_posterior_mean(
    noisy: NDArray,
    data: NDArray,
    sigma: float,
    side: int = 7,
    *,
    temperature: float = 1.0,
    clip: bool = False,
) -> NDArray:
    """Posterior mean of each pixel, given only what is near it.

    For each pixel, the weighted mean of that pixel in the images of `data`. The weight
    of an image is the likelihood of the noisy window around the pixel, if the clean
    window were the one that this image has at the same place [1]_. An answer may be
    put together from many images. A window is cut off at the border.

    Parameters
    ----------
    noisy : ndarray, float32 or float64, shape (N, H, W, 1)
        Images under Gaussian noise.
    data : ndarray, float32 or float64, shape (M, H, W, 1)
        Clean images.
    sigma : float
        Standard deviation of the noise, above 0.
    side : int
        Of the window, in pixels, odd.
    temperature : float
        Above 0. The log likelihood is divided by it: above 1, more images share the
        weight than Bayes' rule asks for.
    clip : bool
        Whether the noisy values were clipped to [0, 1]. A pixel at 0 (or 1) then has
        the probability that noise leads there or beyond.

    Returns
    -------
    ndarray, of the type of `data`, shape (N, H, W, 1)

    Raises
    ------
    ValueError, TypeError
        If `noisy` and `data` are not such batches of equally large images, `sigma` or
        `temperature` is not above 0, or `side` is not an odd number above 0.

    References
    ----------
    .. [1] M. Kamb and S. Ganguli, "An analytic theory of creativity in convolutional
       diffusion models", ICML 2025. arXiv:2412.20292. (Its "local score".)
    """
    for name, images in {"noisy": noisy, "data": data}.items():
        check_numbers(images, name, (None, *np.shape(noisy)[1:3], 1))
    for name, value in {"sigma": sigma, "temperature": temperature}.items():
        check_nonnegative(value, name, positive=True)
    if not isinstance(side, numbers.Integral) or side < 1 or side % 2 == 0:
        refuse("side", "be an odd number of pixels, 1 or more", repr(side))
    seen, known = _log_likelihood(noisy / sigma, data / sigma, 1 / sigma, clip)
    seen /= temperature
    answers = np.empty(noisy.shape, data.dtype)
    for row, column in np.ndindex(noisy.shape[1:3]):
        top, left = max(row - side // 2, 0), max(column - side // 2, 0)
        near = np.s_[:, top : row + side // 2 + 1, left : column + side // 2 + 1]
        ours, theirs = (part[near].reshape(len(part), -1) for part in (seen, known))
        values = data[:, row, column, 0]  # what the pixel is in each of the images
        for start in range(0, len(noisy), 250):
            part = slice(start, start + 250)
            weights = ours[part] @ theirs.T  # log likelihoods
            weights -= weights.max(axis=1, keepdims=True)
            np.exp(weights, out=weights)
            answers[part, row, column, 0] = weights @ values / weights.sum(axis=1)
    return answers


def _log_likelihood(noisy: NDArray, data: NDArray, white: float, clip: bool) -> tuple:
    """Split the log likelihood of noisy pixels, given clean ones, into two factors.

    All in units of the noise. Along the last axis of the two, the sum of products is
    the log likelihood, but for what does not depend on the clean pixel.
    """
    if not clip:
        seen, known = [noisy, np.full_like(noisy, -0.5)], [data, data**2]
    else:
        black, bright = noisy <= 0, noisy >= white
        free = ~(black | bright)
        seen = [free * noisy, free * -0.5, black, bright]
        known = [data, data**2, log_ndtr(-data), log_ndtr(data - white)]
    parts = (np.concatenate(each, axis=-1) for each in (seen, known))
    return tuple(part.astype(data.dtype, copy=False) for part in parts)


def _check_points(noisy: NDArray, data: NDArray, sigma: float) -> None:
    check_nonnegative(sigma, "sigma", positive=True)
    for name, points in {"noisy": noisy, "data": data}.items():
        dtype = check_numbers(points, name, (None, None)).dtype
        if dtype.str[1:] not in ("f4", "f8"):
            refuse(name, "be float32 or float64", dtype, TypeError)
    if noisy.shape[1] != data.shape[1]:
        shapes = f"shapes {noisy.shape} and {data.shape}"
        refuse("noisy and data", "be tables with equally many columns", shapes)
