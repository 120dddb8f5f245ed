"""Files that are whole or not there."""

import errno
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
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


class HalfReplacedError(OSError):
    """Some of several files are new, the others are old; the message says which."""


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write files, all or none.

    Parameters
    ----------
    contents : mapping of Path to bytes

    Raises
    ------
    OSError
        If one cannot be written; all are as before then.
    HalfReplacedError
        If, what is rarer still, one that is written already cannot be put back.
    """
    old = {path: path.read_bytes() if path.exists() else None for path in contents}
    try:
        with ExitStack() as at_the_end:  # all on the disk before one is replaced
            for path, content in contents.items():
                at_the_end.enter_context(written_whole(path)).write_bytes(content)
    except OSError as error:
        if new := [path for path in contents if not _put_back(path, old[path])]:
            names = ", ".join(str(path) for path in new)
            told = f"{error.strerror}; new already, unlike the others: {names}"
            raise HalfReplacedError(error.errno, told, error.filename) from error
        raise


def _put_back(path: Path, content: bytes | None) -> bool:
    """Give a file its old content, or none; return whether it has it."""
    with suppress(OSError):
        if content is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != content:
            with written_whole(path) as temporary:
                temporary.write_bytes(content)
        return True
    return False
