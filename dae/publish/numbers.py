"""Numbers in prose, tied to the results they were measured in.

A number is followed by an invisible comment that names the value and its format, as
in ``20.1<!-- results: test.denoised.psnr .1f --> dB``. The full run writes the
number; nobody types it.
"""

import re
from collections.abc import Mapping

from dae.notebook import MINUS

MARK = re.compile(
    r"(?P<number>[-\N{MINUS SIGN}]?\d[\d.,]*%?)(?P<stars>\**)"
    r"(?P<comment><!-- (?P<source>\w+): (?P<key>[\w.]+) (?P<format>\S+) -->)"
)


def look_up(results: Mapping, key: str) -> float:
    """Follow a dotted key through nested mappings.

    Parameters
    ----------
    results : mapping
        As `json.loads` gives it.
    key : str
        Such as ``test.denoised.psnr``.

    Raises
    ------
    KeyError
        If there is no such value.
    """
    value = results
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(f"{key}: there is no {part!r} in the results")
        value = value[part]
    return value


def update_numbers(text: str, sources: Mapping[str, Mapping]) -> str:
    """Write the present value in front of every mark.

    Parameters
    ----------
    text : str
        Markdown.
    sources : mapping of str to results
        What a mark's first word may be.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If a mark names a source or value that does not exist.
    """

    def renew(match: re.Match) -> str:
        value = look_up(sources[match["source"]], match["key"])
        number = MINUS.sub("\N{MINUS SIGN}", f"{value:{match['format']}}")
        return f"{number}{match['stars']}{match['comment']}"

    return MARK.sub(renew, text)
