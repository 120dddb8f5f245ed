"""Several files, all on the disk before the first is replaced."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from dae._files import written_whole


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write files, each of which is whole at every moment.

    Parameters
    ----------
    contents : mapping of Path to bytes
        The first is the last to be replaced.

    Raises
    ------
    OSError
        If one cannot be written, as when the disk is full; none is replaced then. If
        one that has been written cannot take its place, which is rare, others may have
        taken theirs: write all again.
    """
    with ExitStack() as at_the_end:
        for path, content in contents.items():
            at_the_end.enter_context(written_whole(path)).write_bytes(content)
