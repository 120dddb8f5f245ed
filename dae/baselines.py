"""Denoisers that no network is needed for, behind one signature.

Each takes images and one strength, and returns images: ``gaussian(noisy, 1.1)``. `tune`
chooses among several, `with_curve` puts the best rising curve behind a denoiser, and
`fit_affine_denoiser` finds the best denoiser that is a matrix.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
from sklearn.isotonic import IsotonicRegression

from dae._checks import check_images, check_nonnegative, check_pair, refuse
from dae.metrics import psnr

Denoiser = Callable[[NDArray], NDArray]


def gaussian(images: NDArray, width: float) -> NDArray[np.float32]:
    """Blur: replace each pixel by a weighted mean of its neighbourhood.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    width : float
        Standard deviation of the Gaussian weights, in pixels.

    Returns
    -------
    ndarray, float32, same shape, values in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `images` is not such a batch, or `width` negative or not finite.
    """
    images = check_images(images)
    width = float(check_nonnegative(width, "width"))
    return ndimage.gaussian_filter(images, (0, width, width, 0))


def total_variation(images: NDArray, weight: float) -> NDArray[np.float32]:
    """Stay close to the image, but with small differences between neighbours [1]_.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    weight : float
        How much smoothness counts against closeness, at least 0.

    Returns
    -------
    ndarray, float32, same shape, values in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `images` is not such a batch, or `weight` negative or not finite.

    References
    ----------
    .. [1] L. I. Rudin, S. Osher and E. Fatemi, "Nonlinear total variation based noise
       removal algorithms", Physica D 60:259-268, 1992.
       doi:10.1016/0167-2789(92)90242-F. By the algorithm of A. Chambolle, Journal of
       Mathematical Imaging and Vision 20:89-97, 2004, in scikit-image.
    """
    images = check_images(images)
    weight = float(check_nonnegative(weight, "weight"))
    restored = [denoise_tv_chambolle(x, weight, channel_axis=-1) for x in images]
    return np.clip(restored, 0, 1).astype(np.float32)


def non_local_means(images: NDArray, strength: float) -> NDArray[np.float32]:
    """Average pixels whose surroundings look alike, wherever they are [1]_.

    Patches of 5 x 5 pixels, at most 6 pixels away.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
    strength : float
        How different patches may be (`h` in the paper), in intensity units, at least 0.

    Returns
    -------
    ndarray, float32, same shape, values in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `images` is not such a batch, or `strength` negative or not finite.

    References
    ----------
    .. [1] A. Buades, B. Coll and J.-M. Morel, "A non-local algorithm for image
       denoising", CVPR 2005, vol. 2, pp. 60-65. doi:10.1109/CVPR.2005.38
    """
    images = check_images(images)
    strength = float(check_nonnegative(strength, "strength"))
    options = {"patch_size": 5, "patch_distance": 6, "channel_axis": -1}
    restored = [denoise_nl_means(x, h=strength, **options) for x in images]
    return np.clip(restored, 0, 1).astype(np.float32).reshape(images.shape)


def tune(denoisers: Sequence[Denoiser], noisy: NDArray, clean: NDArray) -> Denoiser:
    """Choose the denoiser with the highest mean PSNR.

    Parameters
    ----------
    denoisers : sequence of callable (images) -> images
        What to try, such as one filter at several strengths:
        ``[partial(gaussian, width=w) for w in (0.5, 1.0, 1.5)]``.
    noisy, clean : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        Validation images: a strength that was chosen on an image is not judged on it.

    Returns
    -------
    callable (images) -> images
        One of `denoisers`, the first of the best.

    Raises
    ------
    TypeError, ValueError
        If there is nothing to try, or if noisy and clean images are not such batches
        or differ in shape.
    """
    noisy, clean = check_pair(noisy=noisy, clean=clean)
    if not denoisers:
        refuse("denoisers", "hold at least one", "none")
    quality = [psnr(clean, denoise(noisy)).mean() for denoise in denoisers]
    return denoisers[int(np.argmax(quality))]


def with_curve(denoiser: Denoiser, noisy: NDArray, clean: NDArray) -> Denoiser:
    """Put the best rising curve behind a denoiser, the same for all pixels.

    Each value that comes out becomes the mean of the clean values that belong to it, as
    far as the curve can go there without ever falling: isotonic regression [1]_, by
    scikit-learn. That undoes the bias which clipped noise brings, and more: what is
    probably black becomes black.

    Parameters
    ----------
    denoiser : callable (images) -> images
    noisy, clean : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        Training images.

    Returns
    -------
    callable (images) -> images
        The denoiser and the curve in one.

    Raises
    ------
    TypeError, ValueError
        If one of the two is not such a batch, or their shapes differ.

    References
    ----------
    .. [1] R. E. Barlow, D. J. Bartholomew, J. M. Bremner and H. D. Brunk,
       "Statistical Inference under Order Restrictions", Wiley, 1972.
    """
    noisy, clean = check_pair(noisy=noisy, clean=clean)
    curve = IsotonicRegression(out_of_bounds="clip")
    curve.fit(denoiser(noisy).ravel(), clean.ravel())

    def restore(images: NDArray) -> NDArray[np.float32]:
        restored = denoiser(check_images(images))
        values = curve.predict(restored.ravel()).astype(np.float32)
        return values.reshape(restored.shape)

    return restore


def fit_affine_denoiser(noisy: NDArray, clean: NDArray) -> Denoiser:
    """Find the best denoiser whose every output pixel is a weighted sum of the input's.

    ``A y + b`` with the least squared error on the pairs given plus the squared weights
    ``A``: ridge regression [1]_ with a penalty of 1, in closed form. The sums over the
    images are taken a part at a time, as copies of all of them would be large.

    Parameters
    ----------
    noisy, clean : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        Training images.

    Returns
    -------
    callable (images) -> images
        Values in [0, 1]: what falls outside is clipped.

    Raises
    ------
    TypeError, ValueError
        If one of the two is not such a batch, or their shapes differ.

    References
    ----------
    .. [1] T. Hastie, R. Tibshirani and J. Friedman, "The Elements of Statistical
       Learning", 2nd ed., Springer, 2009, section 3.4.1.
       doi:10.1007/978-0-387-84858-7
    """
    noisy, clean = check_pair(noisy=noisy, clean=clean)
    flat, answers = (images.reshape(len(images), -1) for images in (noisy, clean))
    mean_in, mean_out = (table.mean(axis=0, dtype=float) for table in (flat, answers))
    gram = np.eye(len(mean_in))  # the penalty
    cross = np.zeros((len(mean_in), len(mean_out)))
    for start in range(0, len(flat), 5_000):
        part = flat[start : start + 5_000] - mean_in
        gram += part.T @ part
        cross += part.T @ (answers[start : start + 5_000] - mean_out)
    weights = linalg.lstsq(gram, cross)[0]  # even where pixels never vary
    offset = (mean_out - mean_in @ weights).astype(np.float32)
    weights = weights.astype(np.float32)

    def affine(images: NDArray) -> NDArray[np.float32]:
        found = check_images(images).reshape(len(images), -1) @ weights + offset
        return np.clip(found, 0, 1, dtype=np.float32).reshape(images.shape)

    return affine
