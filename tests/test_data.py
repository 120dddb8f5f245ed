"""MNIST: the real thing, or an error that says what is wrong."""

import hashlib
import struct
import zipfile

import numpy as np
import pytest

from dae.data import MNIST_PATH, load_mnist


def idx_sha256(array):
    """SHA-256 of the IDX file that holds `array`, header written by hand."""
    magic = {3: b"\x00\x00\x08\x03", 1: b"\x00\x00\x08\x01"}[array.ndim]
    header = magic + b"".join(struct.pack(">I", size) for size in array.shape)
    return hashlib.sha256(header + array.tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "published"),
    [
        (
            "x_train",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        (
            "y_train",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        (
            "x_test",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        (
            "y_test",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ],
)
def test_arrays_are_the_published_ones(name, published):
    with np.load(MNIST_PATH, allow_pickle=False) as archive:
        assert idx_sha256(archive[name]) == published


def test_split_shapes_types_and_ranges(mnist):
    for (images, labels), size in zip(mnist, (55_000, 5_000, 10_000), strict=True):
        assert images.shape == (size, 28, 28, 1) and images.dtype == np.float32
        assert images.min() == 0 and images.max() == 1
        assert labels.shape == (size,) and labels.dtype == np.uint8
        assert set(np.unique(labels)) == set(range(10))


def test_split_is_the_original_order_and_shares_no_image(mnist):
    (x_train, y_train), (x_val, y_val), (x_test, y_test) = mnist
    with np.load(MNIST_PATH) as archive:
        original = archive["x_train"][..., None]
        np.testing.assert_array_equal(np.rint(x_train * 255), original[:55_000])
        np.testing.assert_array_equal(np.rint(x_val * 255), original[55_000:])
        np.testing.assert_array_equal(np.r_[y_train, y_val], archive["y_train"])
        np.testing.assert_array_equal(y_test, archive["y_test"])
        np.testing.assert_array_equal(
            np.rint(x_test * 255), archive["x_test"][..., None]
        )


@pytest.fixture
def arrays():
    with np.load(MNIST_PATH) as archive:
        return dict(archive)


def test_missing_file_is_named_with_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.npz.*no such file.*path out"):
        load_mnist(tmp_path / "gone.npz")


def test_remedy_for_the_packaged_file_is_git(tmp_path, monkeypatch):
    monkeypatch.setattr("dae.data.MNIST_PATH", tmp_path / "mnist.npz")
    with pytest.raises(
        FileNotFoundError, match=r"git checkout -- dae/mnist/mnist\.npz"
    ):
        load_mnist()


@pytest.mark.parametrize("kept", [0, 100, 5_000_000])
def test_truncated_file(tmp_path, kept):
    path = tmp_path / "short.npz"
    path.write_bytes(MNIST_PATH.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"short\.npz: not a readable copy of MNIST"):
        load_mnist(path)


@pytest.mark.parametrize("place", [100, 5_000_000])  # zlib's error, and a wrong sum
def test_flipped_byte(tmp_path, place):
    content = bytearray(MNIST_PATH.read_bytes())
    content[place] ^= 0xFF
    path = tmp_path / "flipped.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"flipped\.npz: not a readable copy"):
        load_mnist(path)


def test_one_altered_label(tmp_path, arrays):
    arrays["y_test"][17] += 1
    np.savez(tmp_path / "altered.npz", **arrays)
    with pytest.raises(ValueError, match=r"altered\.npz.*y_test differs.*ff7bcf"):
        load_mnist(tmp_path / "altered.npz")


def test_wrong_type_and_shape(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays | {"x_test": arrays["x_test"][:5]})
    with pytest.raises(ValueError, match=r"expected x_test as uint8 \(10000, 28, 28\)"):
        load_mnist(tmp_path / "a.npz")


def test_wrong_names(tmp_path):
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with pytest.raises(ValueError, match=r"expected the arrays .*found \['images'\]"):
        load_mnist(tmp_path / "other.npz")


def test_pickles_are_refused(tmp_path, arrays):
    arrays["y_test"] = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "pickled.npz", **arrays)
    with pytest.raises(ValueError, match=r"pickled\.npz.*y_test holds pickled objects"):
        load_mnist(tmp_path / "pickled.npz")


def test_file_of_another_kind(tmp_path):
    np.save(tmp_path / "plain.npy", np.zeros(3))
    with pytest.raises(ValueError, match="not an npz archive"):
        load_mnist(tmp_path / "plain.npy")
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("x_train.npy", "hello")
    with pytest.raises(ValueError, match="expected the arrays"):
        load_mnist(tmp_path / "text.npz")
