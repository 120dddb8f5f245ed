"""MNIST, from the file that comes with the package: no download, no surprise."""

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dae._checks import check_path

MNIST_PATH = Path(__file__).parent / "mnist" / "mnist.npz"

MNIST_SHA256 = {
    "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64",  # ours
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",  # Keras's
}
MOST_BYTES = 12_000_000  # both files are a little smaller
VALIDATION_SIZE = 5_000
REMEDY = "leave path out, or restore ours: git checkout -- dae/mnist/mnist.npz"

Labelled = tuple[NDArray[np.float32], NDArray[np.uint8]]


def load_mnist(path: str | Path | None = None) -> tuple[Labelled, Labelled, Labelled]:
    """Load the handwritten digits, split into training, validation and test set.

    The 60,000 training images of the original are split once and for all: the
    first 55,000 train the model, the last 5,000 are the validation set. The 10,000
    test images are the original's.

    Parameters
    ----------
    path : str or Path, optional
        The ``mnist.npz`` that Keras downloads, or a copy of the one in the package,
        which is the default.

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
        If the file is neither of the two, by its SHA-256: what it holds is not even
        unpacked then.
    TypeError
        If `path` is not a path.

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
    validation = x[cut:].copy(), y[cut:]  # kept alone, it does not keep all of x
    return (x[:cut], y[:cut]), validation, test


def _read_verified(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the four arrays of a file that is known, and refuse any other."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; {REMEDY}")
    with open(path, "rb") as file:
        content = file.read(MOST_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if found not in MNIST_SHA256:
        raise ValueError(
            f"{path}: not a readable copy of MNIST (its SHA-256 is {found}); {REMEDY}"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


def _to_unit_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images[..., np.newaxis].astype(np.float32) / np.float32(255)
