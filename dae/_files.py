"""Files that are whole or not there."""

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dae._checks import check_path

# what Windows and network folders answer while another program has the file open
BUSY = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY}
PATIENCE = 5  # seconds


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
        If the file cannot be written, as when the disk is full: the error of the
        system, with the name of the file. One that another program has open, which
        Windows does not let go, is tried again for some seconds.

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
        replace(temporary, path)
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


def replace(source: Path, target: Path) -> None:
    """Move a file into another's place; if that is busy, try again for a while."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return os.replace(source, target)
        except OSError as error:
            if error.errno not in BUSY or time.monotonic() > end:
                raise
        time.sleep(0.1)
