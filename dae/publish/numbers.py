"""Numbers in the text: results, claims about them, and those of sections and figures.

A number is followed by an invisible comment that names the value and its format, as
in ``20.1<!-- results: test.denoised.psnr .1f --> dB``. The full run writes the
number; nobody types it. A sentence that compares is followed by its claim, as in
``<!-- claim: test.denoised.psnr > test.noisy.psnr -->``. Sections and figures are
counted, and a link to one takes the number from there.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from nbformat import NotebookNode

from dae.notebook import MINUS

MARK = re.compile(
    r"(?P<number>[-\N{MINUS SIGN}]?\d[\d.,]*%?)(?P<stars>\**)"
    r"(?P<comment><!-- (?P<source>\w+): (?P<key>[\w.+]+) (?P<format>\S+) -->)"
)
COMMENT = re.compile(r"<!--.*?-->", flags=re.DOTALL)
CLAIM = re.compile(r"<!-- claim: (.+?) -->")
KEY = re.compile(r"\b(?:([a-z]\w*):(\w[\w.]*)|([a-z]\w*\.[\w.]+))")
KNOWN = {f.__name__: f for f in (abs, all, any, len, max, min, sorted)}

ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
PLACE = r'^((?:<a id="([^"]+)"></a>\n+)?(## |\*\*Figure ))\d+(\..*)$'
NUMBERED = re.compile(PLACE, flags=re.MULTILINE)
LINK = re.compile(r"(\[[^\[\]]*)?\]\(#([^)\s]+)\)")
REFERENCE = re.compile(r"(\[(?:[Ss]ection |[Ff]igure )?)\d+(\. .*)?")


def look_up(results: Mapping, key: str) -> Any:
    """Follow a dotted key through nested mappings.

    Parameters
    ----------
    results : mapping
        As `json.loads` gives it.
    key : str
        Such as ``test.denoised.psnr``; several, with ``+`` between them, are added.

    Raises
    ------
    KeyError
        If there is no such value.
    """
    if "+" in key:
        return sum(look_up(results, part) for part in key.split("+"))
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


def holds(claim: str, sources: Mapping[str, Mapping]) -> bool:
    """Return whether a claim is true of the results.

    Parameters
    ----------
    claim : str
        A comparison of keys and numbers, with arithmetic, abs, all, any, len, max, min
        and sorted. ``test.noisy.psnr`` is a key of the results, ``seeds:a.b`` one of
        another source. An interval counts as its mean, a table as the list of what is
        in it.
    sources : mapping of str to results

    Raises
    ------
    KeyError
        If a source or value does not exist.
    SyntaxError, NameError
        If the claim is no such comparison.
    """

    def value(match: re.Match) -> str:
        source, key, plain = match.groups()
        return repr(mean_of(look_up(sources[source or "results"], key or plain)))

    names = {"__builtins__": {}, **KNOWN}  # all that a claim can call
    return bool(eval(KEY.sub(value, claim), names))  # noqa: S307


def mean_of(value: Any) -> Any:
    """Return the mean of an interval, the list of means of a table, or the value."""
    if not isinstance(value, Mapping):
        return value
    return value["mean"] if "mean" in value else [*map(mean_of, value.values())]


def claims_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield each claim of a text, after the sentence before it as a reader sees it."""
    for match in CLAIM.finditer(text):
        seen = COMMENT.sub("", text[: match.start()]).rstrip()
        line = seen.rpartition("\n")[2]
        yield re.split(r"(?<=[.?!]) ", line)[-1], match[1]


def renumber(notebook: NotebookNode) -> None:
    """Count sections and figures, and renew their numbers and the links to them.

    Parameters
    ----------
    notebook : NotebookNode
        Its sections are the headings ``## 1. Title``, from 0 on; its figures the
        captions ``**Figure 1.**``, from 1 on. One that is linked comes after a line of
        its own, ``<a id="name"></a>``, and an empty line. Renewed are
        ``[section 1](#name)``, ``[figure 1](#name)``, ``[1](#name)`` and, of a section,
        ``[1. Title](#name)``.

    Raises
    ------
    ValueError
        If an anchor is given twice, or a link leads to none: the cell is named, and
        nothing is changed.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    counts = {"## ": count(), "**Figure ": count(1)}
    targets = {}
    texts = [number_places(cell, counts, targets) for cell in cells]
    for cell, text in zip(cells, texts, strict=True):
        for _, name in LINK.findall(text):
            if name not in targets:
                raise ValueError(f"cell {cell.get('id')}: there is no anchor {name}")
    for cell, text in zip(cells, texts, strict=True):
        cell.source = LINK.sub(lambda match: renew_link(match, targets), text)


def number_places(cell: NotebookNode, counts: dict, targets: dict) -> str:
    """Return a cell's text with new numbers, and note what its anchors lead to."""
    for name in ANCHOR.findall(cell.source):
        if name in targets:
            raise ValueError(f"cell {cell.get('id')}: there is another anchor {name}")
        targets[name] = None

    def number(match: re.Match) -> str:
        before, name, kind, rest = match.groups()
        written = str(next(counts[kind]))
        if name:
            targets[name] = written, rest
        return f"{before}{written}{rest}"

    return NUMBERED.sub(number, cell.source)


def renew_link(match: re.Match, targets: Mapping) -> str:
    """Return a link with the number, and the title, of what it leads to."""
    text, name = match.groups()
    reference = REFERENCE.fullmatch(text or "")
    if not reference or not targets[name]:
        return match[0]
    number, title = targets[name]
    return f"{reference[1]}{number}{title if reference[2] else ''}](#{name})"
