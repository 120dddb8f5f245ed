"""Checks of the arguments that several modules take.

Each function raises at once, with the argument's name, what was expected and
what was received, or returns the argument in the form the package works with.
"""

import numbers
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray


def refuse(name: str, wanted: str, got: object, error: type = ValueError) -> NoReturn:
    """Raise an error that says what an argument must be or have, and what it is."""
    raise error(f"{name} must {wanted}, got {got}")


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
        If `images` is not an array, or not of a floating-point type.
    ValueError
        If it has the wrong rank, is empty, holds NaN, or leaves [0, 1].
    """
    if not isinstance(images, np.ndarray):
        kind = type(images).__name__
        refuse(name, "be an array of shape (N, H, W, C)", kind, TypeError)
    if not np.issubdtype(images.dtype, np.floating):
        white = " / 255" if images.dtype == np.uint8 else ", divided by white's value"
        got = f"dtype {images.dtype}; try {name}.astype('float32'){white}"
        refuse(name, "be floating point with values in [0, 1]", got, TypeError)
    if images.ndim != 4 or images.size == 0:
        wanted = "have shape (N, H, W, C) and not be empty"
        refuse(name, wanted, f"{images.shape}{remedy_for(images.shape, name)}")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        refuse(name, "have all values in [0, 1]", f"values from {low} to {high}")
    return images.astype(np.float32, copy=False)


def remedy_for(shape: tuple[int, ...], name: str = "images") -> str:
    """Say how an array becomes grey images, where that is right for any values."""
    if 0 in shape:
        return "; there is no image in it"
    digit = {(784,), (28, 28), (28, 28, 1)}  # of other sizes, a table looks the same
    if len(shape) < 4 and digit & {shape, shape[1:]}:  # one digit, or several
        return f"; try {name}.reshape(-1, 28, 28, 1)"
    if len(shape) == 4 and shape[-1] in (3, 4):  # where a fourth one is transparency
        return f"; try {name}[..., :3].mean(axis=-1, keepdims=True)"
    return "; images come first, channels last, and grey images have one channel"


def check_pair(**named: NDArray) -> list[NDArray[np.float32]]:
    """Return two batches of images of the same shape, given by their names."""
    first, second = (check_images(images, name) for name, images in named.items())
    check_same_shape(first, second, tuple(named))
    return [first, second]


def check_same_shape(first: NDArray, second: NDArray, names: tuple[str, str]) -> None:
    """Raise a ValueError unless two arrays have the same shape."""
    if first.shape != second.shape:
        shapes = f"{first.shape} and {second.shape}"
        refuse(" and ".join(names), "have the same shape", shapes)


def check_numbers(
    values: ArrayLike, name: str, shape: tuple, *, nan=False, low=-np.inf, high=np.inf
) -> NDArray:
    """Return finite numbers as an array of a given shape.

    Parameters
    ----------
    values : array_like of integers, floating-point numbers or truth values
    name : str
        What the caller calls this argument, for the error message.
    shape : tuple of int or None
        The shape wanted; None is any length above 0.
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
        If the values are not real numbers.
    ValueError
        If they have another shape, are none, are not finite or leave the range.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        refuse(name, "be a real number or an array of such", repr(values), TypeError)
    pairs = zip(array.shape, shape, strict=False)
    fits = array.ndim == len(shape) and all(b in (None, a) for a, b in pairs)
    if not (fits and array.size):
        wanted = str(shape).replace("None", "any")
        refuse(name, f"have shape {wanted} and not be empty", array.shape)
    known = array[~np.isnan(array)] if nan else array
    for value in (known.min(), known.max()) if known.size else ():  # NaN if one is
        if not (np.isfinite(value) and low <= value <= high):
            limits = f" and in [{low:g}, {high:g}]" if low > -np.inf else ""
            refuse(name, f"be finite{limits}", value)
    return array


def check_nonnegative(
    level: float | NDArray, name: str, count=None, *, high=np.inf, positive=False
) -> NDArray[np.float32]:
    """Return a number that is not negative, or say what is wrong with it.

    Parameters
    ----------
    level : real number, finite, in [0, high]
        Or, if `count` is given, an array of shape (count,), one for each image.
    name : str
        What the caller calls this argument, for the error message.
    count : int, optional
        Number of images.
    high : float
        The highest level there is: 1 for a probability.
    positive : bool
        Whether 0 is refused.

    Returns
    -------
    ndarray, float32, shape () or (count,)

    Raises
    ------
    TypeError
        If `level` is neither a real number nor an array of real numbers.
    ValueError
        If it is negative, NaN, infinite or above `high`, or an array of another shape.
    """
    shape = (count,) if count and np.ndim(level) else ()
    level = check_numbers(level, name, shape, low=0, high=high)
    level = level.astype(np.float64).astype(np.float32)
    if positive and not level.all():
        refuse(name, "be above 0", 0)
    return level


def check_count(value: int, name: str, least: int = 1) -> int:
    """Return a whole number of at least `least`, or say what is wrong with it."""
    if not isinstance(value, numbers.Integral):
        refuse(name, "be a whole number", repr(value), TypeError)
    if value < least:
        refuse(name, f"be at least {least}", value)
    return int(value)


def check_rng(rng: np.random.Generator) -> np.random.Generator:
    """Return a NumPy random generator, or say how to make one."""
    if not isinstance(rng, np.random.Generator):
        wanted = "be a numpy.random.Generator such as numpy.random.default_rng(0)"
        refuse("rng", wanted, type(rng).__name__, TypeError)
    return rng


def check_path(path: str | Path, name: str = "path", suffix: str = "") -> Path:
    """Return where a file is or is to be, or say what is wrong with it."""
    path = Path(path)
    if not path.name or path.suffix != (suffix or path.suffix):
        ending = f" that must end in {suffix}" if suffix else ""
        refuse(name, f"name a file{ending}", repr(str(path)))
    return path


def check_keras() -> None:
    """Make sure that Keras is set as this package needs it, or say how to set it."""
    import keras  # which starts TensorFlow

    found = keras.config.image_data_format(), keras.config.floatx()
    if found != ("channels_last", "float32"):
        wanted = "be set to channels_last and float32"
        remedy = "mend ~/.keras/keras.json, and restart Python or the kernel"
        refuse("Keras", wanted, f"{found[0]} and {found[1]}; {remedy}")


def fits_shape(shape: tuple[int, ...], side: tuple[int | None, ...]) -> bool:
    """Return whether images (H, W, C) fit a side of a model, where None is any."""
    sizes = zip((None, *shape), side, strict=False)
    return len(side) == 4 and all(its in (None, wanted) for wanted, its in sizes)


def check_model(model: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Return a Keras model that is built, from images of a shape (H, W, C) to such."""
    sides = [getattr(model, side, None) for side in ("input_shape", "output_shape")]
    if sides[0] is None:
        remedy = "keras.Sequential([keras.Input((28, 28, 1)), model]) gives it shapes"
        got = f"{type(model).__name__}; {remedy}"
        refuse("model", "be a Keras model whose shapes are known", got, TypeError)
    if shape is not None and not all(fits_shape(shape, side) for side in sides):
        wanted = f"take and give batches of shape {(None, *shape)}"
        refuse("model", wanted, f"{sides[0]} and {sides[1]}{remedy_for((1, *shape))}")
    return model
