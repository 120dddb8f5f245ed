"""Checks of the arguments that several modules take.

Each function raises at once, with the argument's name, what was expected and
what was received, or returns the argument in the form the package works with.
"""

import numbers
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


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


def check_numbers(
    values: ArrayLike,
    name: str,
    shape: tuple[int | None, ...] | None = None,
    *,
    nan: bool = False,
    low: float = -float("inf"),
    high: float = float("inf"),
) -> NDArray:
    """Return real numbers as an array of a given shape.

    Parameters
    ----------
    values : array_like of integers or floating-point numbers
    name : str
        What the caller calls this argument, for the error message.
    shape : tuple of int or None, optional
        The shape wanted; None is any length above 0. By default any shape.
    nan : bool
        Whether NaN may stand for what is not known. Infinity never may.
    low, high : float
        The lowest and the highest number allowed.

    Returns
    -------
    ndarray, of the type that the values have

    Raises
    ------
    TypeError
        If the values are no real numbers.
    ValueError
        If they have another shape, are none, are not finite or leave the range.
    """
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        array = np.asarray(None)
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"{name} must be an array of real numbers, got {type(values).__name__} "
            f"of dtype {array.dtype}"
        )
    shape = array.shape if shape is None else shape
    pairs = zip(array.shape, shape, strict=False)
    if array.ndim != len(shape) or any(b not in (None, a) for a, b in pairs):
        wanted = str(shape).replace("None", "any")
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
    if not array.size:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    wrong = array[~(np.isfinite(array) & (array >= low) & (array <= high))]
    wrong = wrong[~np.isnan(wrong)] if nan else wrong
    if wrong.size:
        limits = f" and in [{low:g}, {high:g}]" if high < float("inf") else ""
        raise ValueError(f"{name} must be finite{limits}, got {wrong.flat[0]}")
    return array


def check_same_shape(first: NDArray, second: NDArray, names: tuple[str, str]) -> None:
    """Raise a ValueError unless two arrays have the same shape."""
    if first.shape != second.shape:
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same shape, "
            f"got {first.shape} and {second.shape}"
        )


def check_level(
    level: float | NDArray,
    name: str,
    count: int | None = None,
    high: float = float("inf"),
) -> NDArray[np.float32]:
    """Return how strong a corruption is, in a shape to multiply images with.

    Parameters
    ----------
    level : real number, finite, in [0, high]
        Or, if `count` is given, an ndarray of shape (count,), one for each image.
    name : str
        What the caller calls this argument, for the error message.
    count : int, optional
        Number of images.
    high : float
        The highest level there is: 1 for a probability.

    Returns
    -------
    ndarray, float32, shape () or (count, 1, 1, 1)

    Raises
    ------
    TypeError
        If `level` is neither a real number nor an array of real numbers.
    ValueError
        If it is negative, NaN, infinite or above `high`, or an array of another shape.
    """
    is_array = count is not None and isinstance(level, np.ndarray) and level.ndim > 0
    if is_array and level.shape != (count,):
        raise ValueError(
            f"{name} must be one number, or an array of one for each of the {count} "
            f"images, got shape {level.shape}"
        )
    one = level.flat[0] if is_array else level
    if isinstance(one, (bool, np.bool_)) or not isinstance(one, numbers.Real):
        raise TypeError(
            f"{name} must be a real number, got {level!r} ({type(level).__name__})"
        )
    values = np.asarray(level, dtype=np.float64)
    wrong = values[~((values >= 0) & (values <= high) & np.isfinite(values))]
    if wrong.size:  # NaN is wrong too
        above = "" if high == float("inf") else f" and <= {high:g}"
        raise ValueError(f"{name} must be finite and >= 0{above}, got {wrong.flat[0]}")
    shape = (count, 1, 1, 1) if is_array else ()
    return values.astype(np.float32).reshape(shape)


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


def check_type(value: Any, kind: Any, name: str, wanted: str) -> Any:
    """Return a value of the type `kind`, or say what is `wanted` in its place."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {wanted}, got {type(value).__name__}")
    return value


def check_mapping(value: Mapping, name: str, of: str = "entry") -> Mapping:
    """Return a mapping that holds something, or say what is wrong with it."""
    check_type(value, Mapping, name, "a mapping")
    if not value:
        raise ValueError(f"{name} must hold at least one {of}, got none")
    return value


def check_texts(texts: Sequence[str], name: str, count: int | None = None) -> list[str]:
    """Return several texts as a list, `count` of them if given."""
    if isinstance(texts, str) or not isinstance(texts, (Sequence, np.ndarray)):
        raise TypeError(
            f"{name} must be a sequence of texts, got {type(texts).__name__}"
        )
    if count not in (None, len(texts)):
        raise ValueError(f"{name} must hold {count} texts, got {len(texts)}")
    return [check_type(text, str, f"each of {name}", "a text") for text in texts]


def check_choice(value: str | None, choices: Collection[str], name: str) -> str | None:
    """Return one of several names, or None, or say which there are."""
    if value is not None and value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}, got {value!r}")
    return value


def check_path(path: str | Path, name: str = "path", suffix: str = "") -> Path:
    """Return where a file is or is to be, or say what is wrong with it."""
    path = Path(check_type(path, (str, os.PathLike), name, "a str or a Path"))
    if not path.name or path.suffix != (suffix or path.suffix):
        ending = f" that must end in {suffix}" if suffix else ""
        raise ValueError(f"{name} must name a file{ending}, got {str(path)!r}")
    return path


def check_model(
    model: Any,
    name: str = "model",
    *,
    takes: tuple[int, ...] | None = None,
    gives: tuple[int, ...] | None = None,
) -> Any:
    """Return a Keras model that is built, for arrays of these shapes (without N)."""
    if not hasattr(model, "input_shape"):
        raise TypeError(
            f"{name} must be a keras.Model that is built, got {type(model).__name__}"
        )
    for verb, wanted, side in (("take", takes, "input"), ("give", gives, "output")):
        if wanted is not None and getattr(model, f"{side}_shape") != (None, *wanted):
            found = getattr(model, f"{side}_shape")
            raise ValueError(
                f"{name} must {verb} batches of shape {(None, *wanted)}, but its "
                f"{side} has shape {found}"
            )
    return model
