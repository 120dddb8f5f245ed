"""How close is a restored image to the clean one? One number per image."""

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from dae.checks import check_images, check_same_shape


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
    clean = check_images(clean, "clean")
    restored = check_images(restored, "restored")
    check_same_shape(clean, restored, ("clean", "restored"))
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
    clean = check_images(clean, "clean")
    restored = check_images(restored, "restored")
    check_same_shape(clean, restored, ("clean", "restored"))
    settings = {
        "data_range": 1.0,
        "channel_axis": -1,
        "gaussian_weights": True,
        "sigma": 1.5,
        "use_sample_covariance": False,
    }
    return np.array(
        [
            structural_similarity(a, b, **settings)
            for a, b in zip(clean, restored, strict=True)
        ],
        dtype=np.float64,
    )
