"""MNIST, from the file that comes with the package: no download, no surprise."""

import hashlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dae._checks import check_path
from dae._files import read_arrays

MNIST_PATH = Path(__file__).parent / "mnist" / "mnist.npz"

# name -> shape and SHA-256 of the original IDX file that held the array
MNIST_ARRAYS = {
    "x_train": (
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "y_train": (
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "x_test": (
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "y_test": (
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
VALIDATION_SIZE = 5_000
HEADER_SIZE = 1_024  # bytes; NumPy writes 128 or fewer before each array

Labelled = tuple[NDArray[np.float32], NDArray[np.uint8]]


def load_mnist(path: str | Path | None = None) -> tuple[Labelled, Labelled, Labelled]:
    """Load the handwritten digits, split into training, validation and test set.

    The 60,000 training images of the original are split once and for all: the
    first 55,000 train the model, the last 5,000 are the validation set. The 10,000
    test images are the original's.

    Parameters
    ----------
    path : str or Path, optional
        An ``mnist.npz`` with the arrays that Keras's file has; by default the one
        in the package.

    Returns
    -------
    (x_train, y_train), (x_val, y_val), (x_test, y_test)
        Images: float32, shape (N, 28, 28, 1), values in [0, 1], 0 is black.
        Labels: uint8, shape (N,), values 0 to 9.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read, or does not hold exactly MNIST: names, shapes,
        types and the SHA-256 published for the four original files are compared.
    TypeError
        If `path` is no path.

    Notes
    -----
    Yann LeCun and Corinna Cortes hold the copyright of MNIST, which is available
    under the Creative Commons Attribution-ShareAlike 3.0 licence.

    Examples
    --------
    >>> (x_train, y_train), (x_val, y_val), (x_test, y_test) = load_mnist()
    >>> x_train.shape, x_val.shape, x_test.shape
    ((55000, 28, 28, 1), (5000, 28, 28, 1), (10000, 28, 28, 1))
    """
    arrays = _read_verified(MNIST_PATH if path is None else check_path(path))
    x, y = _to_unit_float(arrays["x_train"]), arrays["y_train"]
    cut = len(x) - VALIDATION_SIZE
    test = _to_unit_float(arrays["x_test"]), arrays["y_test"]
    return (x[:cut], y[:cut]), (x[cut:], y[cut:]), test


def _read_verified(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the four arrays, and refuse anything but MNIST."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. {_remedy(path)}")
    sizes = [math.prod(shape) for shape, _ in MNIST_ARRAYS.values()]
    try:
        most_bytes = sum(sizes) + len(sizes) * HEADER_SIZE
        arrays = read_arrays(path, most_bytes, MNIST_ARRAYS)
        for name, array in arrays.items():
            _check_array(name, array)
    except ValueError as error:
        raise ValueError(
            f"{path}: not a readable copy of MNIST ({error}). {_remedy(path)}"
        ) from error
    return arrays


def _check_array(name: str, array: NDArray) -> None:
    shape, published = MNIST_ARRAYS[name]
    if array.shape != shape or array.dtype != np.uint8:
        raise ValueError(
            f"expected {name} as uint8 {shape}, found {array.dtype} {array.shape}"
        )
    # an IDX file is a big-endian header (0, 0, 8 = uint8, rank, the sizes), then data
    header = bytes([0, 0, 8, array.ndim]) + np.array(shape, ">u4").tobytes()
    if hashlib.sha256(header + array.tobytes()).hexdigest() != published:
        raise ValueError(f"{name} differs from the published SHA-256 {published}")


def _remedy(path: Path) -> str:
    if path == MNIST_PATH:
        return (
            "Get it back with 'git checkout -- dae/mnist/mnist.npz', "
            "or from a fresh copy of this repository."
        )
    return "Use a copy of Keras's mnist.npz, or leave path out to use the package's."


def _to_unit_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images[..., np.newaxis].astype(np.float32) / np.float32(255)
