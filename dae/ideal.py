"""The best denoiser that a finite set of points allows, in closed form."""

import numbers

import numpy as np
from numpy.typing import NDArray

from dae._checks import check_nonnegative, check_numbers, refuse


def posterior_mean(
    noisy: NDArray,
    data: NDArray,
    sigma: float,
    values: NDArray | None = None,
    batch_size: int = 100,
) -> NDArray:
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
    values : ndarray, float32 or float64, shape (M, K), optional
        What to take the weighted mean of; the default is `data` itself.
    batch_size : int
        Noisy points at a time; it bounds the memory, and changes nothing else.

    Returns
    -------
    ndarray, of the type of `values`, shape (N, D), or (N, K) with `values`

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
    values = data if values is None else values
    lengths = np.einsum("md,md->m", data, data, dtype=np.float64).astype(data.dtype)
    means = []
    for start in range(0, len(noisy), batch_size):
        part = noisy[start : start + batch_size]
        # -|y - x|^2 / 2 sigma^2 less what is the same for every x
        logits = part @ data.T - lengths / 2
        logits /= float(sigma) ** 2
        logits -= logits.max(axis=1, keepdims=True)
        weights = np.exp(logits, out=logits)
        means.append(weights @ values / weights.sum(axis=1, keepdims=True))
    return np.concatenate(means)


def local_posterior_mean(
    noisy: NDArray, data: NDArray, sigma: float, side: int
) -> NDArray:
    """Posterior mean of each pixel, given only what is near it.

    For each pixel, `posterior_mean` over the windows that the images of `data` have at
    the same place [1]_. The pixel's neighbourhood is compared, nothing else: digits
    may be put together from many. A window is cut off at the border; windows are not
    shifted.

    Parameters
    ----------
    noisy : ndarray, float32 or float64, shape (N, H, W, 1)
        Images under Gaussian noise that was not clipped.
    data : ndarray, float32 or float64, shape (M, H, W, 1)
        Clean images.
    sigma : float
        Standard deviation of the noise, above 0.
    side : int
        Of the window, in pixels, odd. Twice the image's is memory of whole images.

    Returns
    -------
    ndarray, of the type of `data`, shape (N, H, W, 1)

    Raises
    ------
    ValueError, TypeError
        As `posterior_mean`, or if `side` is not an odd number above 0.

    References
    ----------
    .. [1] M. Kamb and S. Ganguli, "An analytic theory of creativity in convolutional
       diffusion models", ICML 2025. arXiv:2412.20292. (Its "local score".)
    """
    for name, images in {"noisy": noisy, "data": data}.items():
        check_numbers(images, name, (None, *np.shape(noisy)[1:3], 1))
    if not isinstance(side, numbers.Integral) or side < 1 or side % 2 == 0:
        refuse("side", "be an odd number of pixels, 1 or more", repr(side))
    answers = np.empty(noisy.shape, data.dtype)
    for row, column in np.ndindex(noisy.shape[1:3]):
        top, left = max(row - side // 2, 0), max(column - side // 2, 0)
        near = np.s_[:, top : row + side // 2 + 1, left : column + side // 2 + 1]
        seen, known = (part[near].reshape(len(part), -1) for part in (noisy, data))
        values = data[:, row, column]  # what the pixel is in each of the images
        answers[:, row, column] = posterior_mean(seen, known, sigma, values, 20)
    return answers


def score(noisy: NDArray, data: NDArray, sigma: float) -> NDArray:
    """Gradient of the log density of noisy points, by Tweedie's formula.

    ``(E[x | y] - y) / sigma**2`` [1]_ [2]_, with `posterior_mean`.

    Parameters
    ----------
    noisy, data, sigma
        As in `posterior_mean`.

    Returns
    -------
    ndarray, floating point, shape (N, D)
        In units of 1 / (unit of the points).

    Raises
    ------
    TypeError, ValueError
        As `posterior_mean`.

    References
    ----------
    .. [1] H. Robbins, "An empirical Bayes approach to statistics", Proceedings of the
       Third Berkeley Symposium on Mathematical Statistics and Probability 1:157-163,
       1956.
    .. [2] B. Efron, "Tweedie's formula and selection bias", Journal of the American
       Statistical Association 106(496):1602-1614, 2011. doi:10.1198/jasa.2011.tm11181
    """
    return (posterior_mean(noisy, data, sigma) - noisy) / sigma**2


def _check_points(noisy: NDArray, data: NDArray, sigma: float) -> None:
    check_nonnegative(sigma, "sigma", positive=True)
    for name, points in {"noisy": noisy, "data": data}.items():
        dtype = check_numbers(points, name, (None, None)).dtype
        if dtype.str[1:] not in ("f4", "f8"):
            refuse(name, "be float32 or float64", dtype, TypeError)
    if noisy.shape[1] != data.shape[1]:
        shapes = f"shapes {noisy.shape} and {data.shape}"
        refuse("noisy and data", "be tables with equally many columns", shapes)
