"""Writing files so that a reader finds the old one or the new one, never half."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dae.checks import check_path


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

    Examples
    --------
    >>> with written_whole("figures/results.json") as temporary:
    ...     temporary.write_text("{}")
    """
    path = check_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before the name points at it
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
