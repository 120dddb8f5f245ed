"""How close a restored image is to the clean one, and how sure the mean is."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap
from skimage.metrics import structural_similarity

from dae._checks import (
    check_images,
    check_numbers,
    check_pair,
    check_rng,
    check_same_shape,
)
from dae.data import load_mnist
from dae.noise import add_gaussian_noise
from dae.noise import rng as named_rng

# of the noisy test digits, in 256 steps of grey
NOISE_SHA256 = "cd5e885fc41a2e68a9a071d322fa1d010f844292f7fb59216dc3b0c5baea68a4"


def mse(clean: NDArray, restored: NDArray) -> NDArray[np.float64]:
    """Mean squared error of each image.

    Parameters
    ----------
    clean, restored : ndarray, floating point, shape (N, H, W, C), values in [0, 1]

    Returns
    -------
    ndarray, float64, shape (N,)
        In squared intensity units; 0 for a perfect copy, at most 1.

    Raises
    ------
    TypeError, ValueError
        If one of the two is not such a batch, or their shapes differ.
    """
    clean, restored = check_pair(clean=clean, restored=restored)
    return np.mean((restored - clean) ** 2, axis=(1, 2, 3), dtype=np.float64)


def psnr(clean: NDArray, restored: NDArray) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio of each image.

    ``10 * log10(1 / mse)``, with a peak of 1 because images are in [0, 1] [1]_.

    Parameters
    ----------
    clean, restored : ndarray, floating point, shape (N, H, W, C), values in [0, 1]

    Returns
    -------
    ndarray, float64, shape (N,)
        In decibels; infinite for a perfect copy. 3 dB more is half the squared
        error, 10 dB more a tenth.

    Raises
    ------
    TypeError, ValueError
        As `mse`.

    References
    ----------
    .. [1] Q. Huynh-Thu and M. Ghanbari, "Scope of validity of PSNR in image/video
       quality assessment", Electronics Letters 44(13):800-801, 2008.
       doi:10.1049/el:20080522
    """
    with np.errstate(divide="ignore"):  # log10(0): a perfect copy
        return -10 * np.log10(mse(clean, restored))


def ssim(clean: NDArray, restored: NDArray) -> NDArray[np.float64]:
    """Structural similarity index of each image.

    The constants and the Gaussian window (standard deviation 1.5 pixels) of the
    original paper [1]_, computed by scikit-image, averaged over channels.

    Parameters
    ----------
    clean, restored : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        H and W at least 11 pixels, the width of the window.

    Returns
    -------
    ndarray, float64, shape (N,)
        At most 1, which only a perfect copy reaches.

    Raises
    ------
    TypeError, ValueError
        As `mse`, and if an image is smaller than the window.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality
       assessment: from error visibility to structural similarity", IEEE
       Transactions on Image Processing 13(4):600-612, 2004.
       doi:10.1109/TIP.2003.819861
    """
    clean, restored = check_pair(clean=clean, restored=restored)
    settings = {"data_range": 1.0, "channel_axis": -1, "use_sample_covariance": False}
    settings |= {"gaussian_weights": True, "sigma": 1.5}
    pairs = zip(clean, restored, strict=True)
    found = [structural_similarity(a, b, **settings) for a, b in pairs]
    return np.array(found, dtype=np.float64)


class Interval(NamedTuple):
    """A mean, and the two ends of its confidence interval."""

    mean: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """Format all three numbers alike, as in ``17.7 [17.6, 17.8]``."""
        mean, low, high = (format(value, spec) for value in self)
        return f"{mean} [{low}, {high}]"


def mean_interval(values: NDArray, rng: np.random.Generator) -> Interval:
    """Mean over images, with its 95 % bootstrap interval.

    Images are drawn with replacement, as many as there are, and their mean taken, a
    thousand times; the interval leaves out the lowest and the highest 2.5 % of these
    means (the percentile bootstrap [1]_, computed by SciPy). To compare two methods
    on the same images, give the differences, image by image.

    Parameters
    ----------
    values : ndarray, shape (N,)
        One finite number, or truth value, for each image.
    rng : numpy.random.Generator
        For the draws.

    Returns
    -------
    Interval
        ``mean``, ``low`` and ``high``, floats in the units of `values`.

    Raises
    ------
    ValueError
        If `values` is not one-dimensional, is empty, or holds NaN or infinity (as
        `psnr` of a perfect copy does).
    TypeError
        If `values` are not real numbers, or `rng` is not a Generator.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman
       & Hall, 1993, chapter 13.
    """
    values = check_numbers(values, "values", (None,)).astype(np.float64)
    mean = float(values.mean())
    if len(values) == 1:  # nothing to draw from
        return Interval(mean, mean, mean)
    settings = {"n_resamples": 1000, "batch": 50, "method": "percentile"}
    found = bootstrap((values,), np.mean, rng=check_rng(rng), **settings)
    low, high = found.confidence_interval
    return Interval(mean, float(low), float(high))


def score(denoiser: Callable[[NDArray], NDArray]) -> dict[str, Interval]:
    """How good a denoiser is on all 10,000 test digits, under noise 0.5.

    Everybody gets the same noisy digits, those of the lesson: clipped Gaussian noise of
    standard deviation 0.5. A digest makes sure of it.

    Parameters
    ----------
    denoiser : callable (images) -> images
        Of any framework. It takes noisy digits, float32, shape (N, 28, 28, 1), values
        in [0, 1], 500 at a time, and gives an array of the same shape and range.

    Returns
    -------
    dict of str to Interval
        ``PSNR (dB)``, ``SSIM`` and ``MSE``: means with 95 % intervals.

    Raises
    ------
    TypeError, ValueError
        If what `denoiser` gives has another shape, leaves [0, 1] or holds NaN.
    RuntimeError
        If this NumPy draws other noise.

    Examples
    --------
    >>> network = load_denoiser()
    >>> print(format(score(partial(denoise, network))["PSNR (dB)"], ".2f"))
    """
    _, _, (clean, _) = load_mnist()
    noisy = add_gaussian_noise(clean, named_rng(0, "noise on test images"), level=0.5)
    steps = np.round(255 * noisy).astype(np.uint8)
    if hashlib.sha256(steps.tobytes()).hexdigest() != NOISE_SHA256:
        raise RuntimeError("this NumPy draws other noise; try another version of it")
    restored = []
    for start in range(0, len(noisy), 500):
        part = noisy[start : start + 500]
        answer = check_images(np.asarray(denoiser(part.copy())), "what denoiser gives")
        check_same_shape(part, answer, ("what denoiser gets", "what it gives"))
        restored.append(answer)
    answers = np.concatenate(restored)
    measures = {"PSNR (dB)": psnr, "SSIM": ssim, "MSE": mse}
    return {
        name: mean_interval(measure(clean, answers), np.random.default_rng(0))
        for name, measure in measures.items()
    }
