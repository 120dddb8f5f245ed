"""The plan of the lesson: minutes of reading, and which section needs which.

A chapter begins in a cell with the heading ``# Title`` or ``## Title``; its name is the
anchor above that. It is a section if it is counted, ``## 1. Title``. Minutes follow one
rule: 130 words a minute, 6 seconds a line of code, 5 seconds a line of source that is
shown, 1 minute a formula on lines of its own, half a minute a figure, 1 minute a
"Try it", 5 minutes a star of an exercise. What the cells take to run is not included.
"""

import re
import symtable
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from dae.publish.edition import is_run
from dae.publish.numbers import COMMENT

HEADING = re.compile(r'^(?:<a id="([^"]+)"></a>\n+)?(##?) (.+)$', flags=re.MULTILINE)
TABLE = re.compile(r"(\|.*\n\|[-:| ]+\|)(?:\n\|.*)*")


def with_chapters(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, list[str]]]:
    """Yield each cell, cut before its headings, with the chapters that it is in."""
    inside = {"#": ""}
    for cell in notebook.cells:
        is_text = cell.cell_type == "markdown"
        cuts = [found.start() for found in HEADING.finditer(cell.source) if is_text]
        for start, end in pairwise([0, *cuts, len(cell.source)]):
            piece = NotebookNode(cell, source=cell.source[start:end])
            for name, marks, _ in headings(piece):
                inside = {"#": inside["#"], marks: name}
            yield piece, [*inside.values()]


def headings(cell: NotebookNode) -> list[tuple[str, str, str]]:
    """Return name, marks and title of each chapter that begins in a cell."""
    return HEADING.findall(cell.source) if cell.cell_type == "markdown" else []


def minutes(notebook: NotebookNode) -> dict[str, dict[str, float]]:
    """Estimate how long it takes to read each chapter.

    Parameters
    ----------
    notebook : NotebookNode
        With outputs, or else the source that it shows does not count.

    Returns
    -------
    dict of str to dict of str to float
        Of each chapter, by its name with ``_`` in place of ``-``: ``text``, ``code``,
        ``exercises``, and the sum of the three, ``minutes``. A chapter ``# Title``
        includes all up to the next one.
    """
    found = defaultdict(Counter)
    for cell, names in with_chapters(notebook):
        for name in names:
            found[name.replace("-", "_")].update(minutes_of(cell))
    return {name: {**c, "minutes": sum(c.values())} for name, c in found.items()}


def minutes_of(cell: NotebookNode) -> dict[str, float]:
    """Return the minutes that a cell takes, by the rule above."""
    if cell.cell_type != "markdown":
        told = [o.get("data", {}) for o in cell.get("outputs", [])]
        told = "\n".join(data.get("text/markdown", "") for data in told)
        source = "".join(re.findall(r"```python\n(.*?)```", told, flags=re.DOTALL))
        seen = "" if "hide-input" in cell.metadata.get("tags", []) else cell.source
        code, shown = (len(re.findall(r"\S.*", lines)) for lines in (seen, source))
        return {"code": code / 10 + shown / 12}
    text = COMMENT.sub("", cell.source)
    words = re.findall(r"\S*\w\S*", re.sub(r"\$\$.+?\$\$", "", text, flags=re.DOTALL))
    apart = text.count("$$") / 2 + text.count("**Figure ") / 2 + text.count("*Try it:*")
    stars = "".join(re.findall(r"^\*\*\d+ \((★+)\)", text, flags=re.MULTILINE))
    return {"text": len(words) / 130 + apart, "exercises": 5 * len(stars)}


def needs(notebook: NotebookNode) -> dict[str, set[str]]:
    """Find which chapters each chapter needs: those that bind names its cells use.

    Imports do not count, and neither does what cells tagged ``parameters`` or
    ``hide-input`` bind. After a cell that imports all of `dae.start`, nothing above it
    is needed.

    Parameters
    ----------
    notebook : NotebookNode

    Returns
    -------
    dict of str to set of str
    """
    found, owner = defaultdict(set), {}
    for cell, (*_, chapter) in with_chapters(notebook):
        if is_run(cell):
            bound, used = names_in(cell.source)
            found[chapter] |= {owner.get(name, chapter) for name in used}
            if "from dae.start import *" in cell.source:
                owner = {}  # what the cells above bind is there without them
            sets_up = {"parameters", "hide-input"} & {*cell.metadata.get("tags", [])}
            owner |= dict.fromkeys(bound, "" if sets_up else chapter)
    return {chapter: names - {"", chapter} for chapter, names in found.items()}


def names_in(code: str) -> tuple[set[str], set[str]]:
    """Return the global names that code binds, but for imports, and others it uses."""
    code = TransformerManager().transform_cell(code)  # magics are no Python
    tables = [symtable.symtable(code, "cell", "exec")]
    bound = {s.get_name() for s in tables[0].get_symbols() if s.is_assigned()}
    used = set()
    for table in tables:  # which grows by the scopes inside
        used |= {s.get_name() for s in table.get_symbols() if s.is_global()}
        tables += table.get_children()
    return bound, used - bound


def renew(notebook: NotebookNode) -> None:
    """Write the rows of the plan, in place: title, minutes and needs of each section.

    Parameters
    ----------
    notebook : NotebookNode
        The cell with the anchor ``plan`` has a table, whose head stays as it is.
    """
    found = [heading for cell in notebook.cells for heading in headings(cell)]
    sections = {n: title for n, _, title in found if n and re.match(r"\d+\. ", title)}
    times, needed, rows = minutes(notebook), needs(notebook), ""
    for name, title in sections.items():
        others = [other for other in sections if other in needed.get(name, ())]
        links = [f"[{sections[other].split('.')[0]}](#{other})" for other in others]
        time = times[name.replace("-", "_")]["minutes"]
        rows += f"\n| [{title}](#{name}) | {time:.0f} | {', '.join(links) or 'none'} |"
    for cell in notebook.cells:
        if '<a id="plan"></a>' in cell.source:
            cell.source = TABLE.sub(lambda head: head[1] + rows, cell.source, count=1)
