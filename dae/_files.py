"""Files that are whole or not there."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dae._checks import check_path

# what Windows and network folders answer while another program has the file open
BUSY = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY}


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
        If `path` is not a path, or does not name a file.
    OSError
        If the file cannot be written, as when the disk is full, or another program
        has it open on Windows: the error of the system, with the name of the file.

    Examples
    --------
    >>> with written_whole("figures/results.json") as temporary:
    ...     temporary.write_text("{}", encoding="utf-8")
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
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
