"""Checks of the arguments that several modules take.

Each function raises at once, with the argument's name, what was expected and
what was received, or returns the argument in the form the package works with.
"""

import numbers

import numpy as np
from numpy.typing import NDArray


def check_images(images: NDArray, name: str = "images") -> NDArray[np.float32]:
    """Return a batch of images as float32, or say what is wrong with it.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        N must be at least 1.
    name : str
        What the caller calls this argument, for the error message.

    Returns
    -------
    ndarray, float32, same shape
        ``images`` itself where it is float32 already, else a converted copy.

    Raises
    ------
    TypeError
        If `images` is no array, or not of a floating-point type.
    ValueError
        If it has the wrong rank, is empty, holds NaN, or leaves [0, 1].
    """
    if not isinstance(images, np.ndarray):
        raise TypeError(
            f"{name} must be a NumPy array of shape (N, H, W, C), "
            f"got {type(images).__name__}"
        )
    if not np.issubdtype(images.dtype, np.floating):
        raise TypeError(
            f"{name} must be floating point with values in [0, 1], got dtype "
            f"{images.dtype}; for 8-bit images: images.astype('float32') / 255"
        )
    if images.ndim != 4:
        raise ValueError(
            f"{name} must have shape (N, H, W, C), got {images.shape}; "
            "one grey image becomes a batch by image[None, :, :, None]"
        )
    if images.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {images.shape}")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise ValueError(
            f"{name} must have all values in [0, 1], got values from {low} to {high}"
        )
    return images.astype(np.float32, copy=False)


def check_same_shape(first: NDArray, second: NDArray, names: tuple[str, str]) -> None:
    """Raise a ValueError unless two arrays have the same shape."""
    if first.shape != second.shape:
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same shape, "
            f"got {first.shape} and {second.shape}"
        )


def check_sigma(sigma: float) -> float:
    """Return a noise level as a float, or say what is wrong with it.

    Parameters
    ----------
    sigma : real number, finite, >= 0
        Standard deviation in intensity units (1.0 = black to white).

    Raises
    ------
    TypeError
        If `sigma` is not a real number.
    ValueError
        If `sigma` is negative, NaN or infinite.
    """
    if isinstance(sigma, (bool, np.bool_)) or not isinstance(sigma, numbers.Real):
        raise TypeError(
            f"sigma must be a real number, got {sigma!r} ({type(sigma).__name__})"
        )
    if not 0 <= sigma < float("inf"):  # NaN fails too
        raise ValueError(
            "sigma must be finite and >= 0 (a standard deviation in intensity "
            f"units), got {sigma}"
        )
    return float(sigma)


def check_count(value: int, name: str, least: int = 1) -> int:
    """Return a whole number of at least `least`, or say what is wrong with it."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


def check_rng(rng: np.random.Generator) -> np.random.Generator:
    """Return a NumPy random generator, or say how to make one."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "rng must be a numpy.random.Generator such as "
            f"numpy.random.default_rng(0), got {type(rng).__name__}"
        )
    return rng
