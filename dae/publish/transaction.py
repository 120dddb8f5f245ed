"""Several files, replaced all or none."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from dae._files import written_whole


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
