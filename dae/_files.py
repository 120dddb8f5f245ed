"""Files that are whole or not there, and archives of arrays read with distrust."""

import errno
import io
import math
import os
import secrets
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from dae._checks import check_path

# NumPy's two; zipfile unpacks others without regard to the size that a file claims
UNPACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to, and move it into place at the end.

    Parameters
    ----------
    path : str or Path
        The file to write or replace. Its folder is made if need be.

    Yields
    ------
    Path
        A file name in the same folder, with the same suffix. If the block ends
        without an error, that file takes the place of `path` in one step; if not,
        it is deleted and `path` stays as it was.

    Raises
    ------
    TypeError, ValueError
        If `path` is no path, or names no file.
    OSError
        If the file cannot be written, as when the disk is full: the error of the
        system, with the name of the file.

    Examples
    --------
    >>> with written_whole("figures/results.json") as temporary:
    ...     temporary.write_text("{}")
    """
    path = check_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # no two processes or threads share a name
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before the name points at it
        os.replace(temporary, path)
    except OSError as error:
        if error.filename and str(error.filename) != str(temporary):
            raise  # of another file
        raise OSError(
            error.errno or errno.EIO,
            f"{error.strerror or error}, so this file stays as it was",
            str(path),
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def read_arrays(
    path: str | Path, most_bytes: int, names: Collection[str] | None = None
) -> dict[str, NDArray]:
    """Read all arrays of an ``.npz`` file that may be damaged or made to do harm.

    Pickled objects are refused, and so is what unpacks to more than was expected or
    claims a larger array than it holds, before memory is taken for it.

    Parameters
    ----------
    path : str or Path
    most_bytes : int
        How much the unpacked arrays may take, headers included.
    names : collection of str, optional
        What the arrays must be called; by default anything.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it can, but is not such an archive.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = {
                    member.filename.removesuffix(".npy"): member
                    for member in archive.infolist()
                }
                if names is not None and sorted(members) != sorted(names):
                    raise ValueError(
                        f"expected the arrays {sorted(names)}, found {list(members)}"
                    )
                if any(m.compress_type not in UNPACKED for m in members.values()):
                    raise ValueError("it is packed in a way that NumPy does not use")
                unpacked = sum(member.file_size for member in members.values())
                if unpacked > most_bytes:
                    raise ValueError(
                        f"it would unpack to {unpacked:,} bytes, expected at most "
                        f"{most_bytes:,}"
                    )
                return {
                    name: _parse_array(name, _unpack(archive, member))
                    for name, member in members.items()
                }
        except zipfile.BadZipFile as error:
            raise ValueError(
                f"it is not an npz archive, or only part of one: {error}"
            ) from error
        except Exception as error:  # damage makes zipfile and NumPy raise many kinds
            raise ValueError(str(error) or type(error).__name__) from error


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read a member to its end, where its checksum is compared, but not beyond."""
    with archive.open(member) as file:
        return file.read(member.file_size)


def _parse_array(name: str, content: bytes) -> NDArray:
    file = io.BytesIO(content)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"{name} is in version {version} of the npy format")
    shape, by_columns, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError(f"{name} holds pickled objects, which are never loaded")
    claimed, found = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
    if claimed != found:
        raise ValueError(f"{name} claims {claimed:,} bytes of data, but has {found:,}")
    array = np.frombuffer(content, dtype, offset=file.tell())
    return array.reshape(shape, order="F" if by_columns else "C").copy()
