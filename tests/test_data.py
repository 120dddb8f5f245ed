"""MNIST: the real thing, or an error that says what is wrong."""

import hashlib
import inspect
import struct

import keras
import numpy as np
import pytest

from dae.data import MNIST_PATH, MNIST_SHA256, load_mnist

# of the original IDX files
PUBLISHED = {
    "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@pytest.fixture(scope="module")
def arrays():
    with np.load(MNIST_PATH, allow_pickle=False) as archive:
        return dict(archive)


def idx_sha256(array):
    """SHA-256 of the IDX file that holds `array`, header written by hand."""
    magic = {3: b"\x00\x00\x08\x03", 1: b"\x00\x00\x08\x01"}[array.ndim]
    header = magic + b"".join(struct.pack(">I", size) for size in array.shape)
    return hashlib.sha256(header + array.tobytes()).hexdigest()


def test_arrays_are_the_published_ones(arrays):
    assert {name: idx_sha256(array) for name, array in arrays.items()} == PUBLISHED


def test_keras_s_own_file_is_known_too():
    ours = hashlib.sha256(MNIST_PATH.read_bytes()).hexdigest()
    (other,) = MNIST_SHA256 - {ours}
    assert f'"{other}"' in inspect.getsource(keras.datasets.mnist.load_data)


def test_split_is_the_original_order_with_its_types_and_ranges(mnist, arrays):
    x, y = arrays["x_train"], arrays["y_train"]
    test = arrays["x_test"], arrays["y_test"]
    parts = (x[:55_000], y[:55_000]), (x[55_000:], y[55_000:]), test
    for (images, labels), (original, digits) in zip(mnist, parts, strict=True):
        assert images.shape == (*original.shape, 1) and images.dtype == np.float32
        assert images.min() == 0 and images.max() == 1
        np.testing.assert_array_equal(np.rint(images * 255), original[..., None])
        np.testing.assert_array_equal(labels, digits)
        assert labels.dtype == np.uint8 and set(labels) == set(range(10))


def test_a_missing_or_empty_file_is_told_with_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"gone\.npz.*path out"):
        load_mnist(tmp_path / "gone.npz")
    monkeypatch.setattr("dae.data.MNIST_PATH", tmp_path / "mnist.npz")
    for error in (FileNotFoundError, ValueError):
        with pytest.raises(error, match=r"git checkout -- dae/mnist/mnist\.npz"):
            load_mnist()
        (tmp_path / "mnist.npz").touch()
