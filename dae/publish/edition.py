"""What the editions for paper and for the web share: the notebook as a row of blocks.

An edition is prose and pictures first: a figure and its caption come before the code
that made them. A cell tagged ``paper``, whose code is what the lesson teaches, comes
before what it shows; so does what `dae.show_source` shows in such a cell.
"""

import base64
import gzip
import io
import mimetypes
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

import nbformat
import pypandoc
from PIL import Image as Picture

from dae.notebook import PROGRESS, VECTOR

ROOT = Path(__file__).resolve().parents[2]  # with the notebook, and its pictures
CAPTION = re.compile(r"\*\*(Figure (\d+)\.)\*\* ")
ANSI = re.compile(r"\x1b\[[\d;]*m")  # colours of a terminal
HEADING = re.compile(r"^(#+) (.+)$", flags=re.MULTILINE)
LINK = re.compile(r"\]\(#([^)\s]+)\)")  # to a heading, by Jupyter's name of it
COMMENT = re.compile(r"<!--.*?-->", flags=re.DOTALL)
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<target>[^)\s]+)[^)]*\)")
IMG = re.compile(r"<img\b[^>]*>", flags=re.IGNORECASE)
NO_ALT = "A picture without a description."
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg"}
SUFFIXES |= {"image/gif": ".gif", "image/webp": ".webp"}
TIMES = " \N{MULTIPLICATION SIGN} "
SEAM = "\n\n\x1e\n\n"  # between texts, while they are one
UNBROKEN = TIMES.replace(" ", "\N{NO-BREAK SPACE}")  # no line ends within 3 x 3

# what becomes a link: a section, a figure, [Name year], Name [year]; the first
# alternative, code, formulas, links and headings, stays as it is
REFERENCE = re.compile(
    r"(?P<kept>`[^`]*`|\$[^$]*\$|!?\[[^\]]*\](?:\([^)]*\)|\{[^}]*\})|^#.*$)"
    r"|(?P<place>\b(?:[Ss]ection|Figure) (?P<number>\d+)\b)"
    r"|(?P<author>[A-Z][\w-]+)(?P<more> et al\.| & [A-Z][\w-]+|) \[(?P<year>\d{4})\]"
    r"|\[(?P<cited>[A-Z][^\[\]]*\b\d{4})\](?!\()",
    flags=re.MULTILINE,
)
ENTRY = re.compile(r"^- ((?P<authors>[^(\n]+) \((?P<year>\d{4})\)\.)", flags=re.M)


class Block(NamedTuple):
    """A piece of an edition.

    Parameters
    ----------
    kind : str
        ``text`` and ``caption``, Markdown; ``code``, a cell's; ``source``, code that a
        cell shows; ``plain``, text as it stands; ``picture``, its bytes in base64, or
        the text of an SVG.
    content : str
    about : str
        Of a picture, its alt text; of code, what to call it; of a caption, ``Figure-1``
        or the like.
    mime : str
        Of a picture.
    vector : str
        Of a chart, the same as an SVG.
    shown : bool
        Whether code is part of what the lesson teaches.
    """

    kind: str
    content: str
    about: str = ""
    mime: str = ""
    vector: str = ""
    shown: bool = False


def check_executed(notebook: nbformat.NotebookNode) -> None:
    """Make sure that a notebook has been executed.

    Raises
    ------
    ValueError
        If a cell has not been.
    """
    for place, cell in enumerate(notebook.cells, start=1):
        if is_run(cell) and not cell.execution_count:
            raise ValueError(
                f"notebook must be executed, got one whose {name_of(cell, place)} is "
                "not; python -m dae executes it"
            )


def or_name_the_cell(make: Callable, notebook: nbformat.NotebookNode, done: str) -> Any:
    """Return what `make` makes of a notebook; if it fails, say which cell it is."""
    try:
        return make(notebook)
    except OSError:  # a full disk
        raise
    except Exception as error:
        for place, cell in enumerate(notebook.cells, start=1):
            title = nbformat.v4.new_markdown_cell("# Title")
            try:
                make(nbformat.v4.new_notebook(cells=[title, cell]))
            except Exception as reason:
                told = f"{name_of(cell, place)} cannot be {done}: {reason}"
                raise ValueError(told) from error
        raise ValueError(f"notebook cannot be {done}: {error}") from error


def is_run(cell: nbformat.NotebookNode) -> bool:
    """Whether a run executes this cell: it is code, not empty and not to be skipped."""
    if cell.cell_type != "code" or not cell.source.strip():
        return False
    return "skip-execution" not in cell.metadata.get("tags", [])


def name_of(cell: nbformat.NotebookNode, place: int) -> str:
    """Name a cell by its place, from 1, and its first line."""
    return f"cell {place} ({(cell.source.strip().splitlines() or ['empty'])[0]:.60})"


def title_cell(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the cell with the title; cells of the reader's own may come before."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            return cell
    raise ValueError("notebook must have a Markdown cell that begins with # TITLE")


def title_and_abstract(notebook: nbformat.NotebookNode) -> tuple[str, str]:
    """Return the title, and the paragraph below it, which may be missing."""
    title, *others = paragraphs(title_cell(notebook))
    return title.removeprefix("# "), others[0] if others else ""


def paragraphs(cell: nbformat.NotebookNode) -> list[str]:
    """Take a cell of Markdown apart, without its comments."""
    return re.split(r"\n\n+", COMMENT.sub("", cell.source))


def blocks(notebook: nbformat.NotebookNode, folder: Path) -> list[Block]:
    """Take a notebook apart, without its title and abstract.

    Parameters
    ----------
    notebook : NotebookNode
        Executed.
    folder : Path
        Where the pictures in the text are written to.

    Returns
    -------
    list of Block
        In the order of reading; all that is mentioned in them is linked.
    """
    row = with_figures(list(_in_reading_order(notebook, folder)), folder)
    texts = [block.content for block in row if block.kind in ("text", "caption")]
    texts = iter(linked(SEAM.join(texts)).split(SEAM))
    return [
        block._replace(content=next(texts))
        if block.kind in ("text", "caption")
        else block
        for block in row
    ]


def _in_reading_order(notebook: nbformat.NotebookNode, folder: Path) -> Iterator[Block]:
    first = title_cell(notebook)
    # the title page, or the top of the page, has the picture already
    rest = [p for p in paragraphs(first)[2:] if not p.startswith("![")]
    yield Block("text", "\n\n".join(rest))
    cells = [cell for cell in notebook.cells if cell is not first]
    waiting: list[Block] = []  # code whose caption comes first
    for cell in cells:
        if cell.cell_type == "markdown":
            text = COMMENT.sub("", with_pictures(cell, folder)).replace(TIMES, UNBROKEN)
            caption = CAPTION.match(text)
            if caption:
                name = f"Figure-{caption[2]}"
                text = f"**[{caption[1]}]{{#{name}}}** {text[caption.end() :]}"
                yield Block("caption", text, name)
            yield from waiting
            waiting = []
            if not caption:
                yield Block("text", text)
            continue
        yield from waiting
        waiting = []
        if cell.cell_type == "raw":
            yield Block("plain", cell.source)
            continue
        taught = "paper" in cell.metadata.get("tags", [])
        outputs = [found for output in cell.outputs if (found := shown(output, taught))]
        code = []
        if cell.source.strip() and not is_hidden(cell):
            code = [Block("code", cell.source, called(cell), shown=taught)]
        if not any(output.kind == "picture" for output in outputs) or taught:
            yield from code
            yield from outputs
        else:
            yield from outputs
            waiting = code
    yield from waiting


def with_figures(row: list[Block], folder: Path) -> list[Block]:
    """Make each text that is a picture only, before a caption, a picture of its own."""
    mimes = {suffix: mime for mime, suffix in SUFFIXES.items()}
    for k, following in enumerate(row[1:]):
        alone = PICTURE.fullmatch(row[k].content.strip())
        if alone and row[k].kind == "text" and following.kind == "caption":
            file = folder / alone["target"]
            content = base64.b64encode(file.read_bytes()).decode()
            row[k] = Block(
                "picture", content, alone["alt"] or NO_ALT, mimes[file.suffix]
            )
    return row


def is_hidden(cell: nbformat.NotebookNode) -> bool:
    """Whether only what a cell shows is of interest: source code, or nothing at all."""
    tagged = "hide-input" in cell.metadata.get("tags", [])
    return tagged or cell.source.startswith("dae.show_source(")


def called(cell: nbformat.NotebookNode) -> str:
    """Say what to call a cell: by its number, and its id or, if made up, first line."""
    made_up = re.fullmatch(r"[0-9a-f-]+|.*[^a-z0-9-].*", cell.id)
    name = cell.source.strip().splitlines()[0] if made_up else cell.id
    return f"[{cell.execution_count or ' '}] {name:.50}"


def shown(output: nbformat.NotebookNode, taught: bool) -> Block | None:
    """Return one output of a cell; what is of the moment, as nothing.

    That is progress lines, and what an exercise says as long as it waits for an answer.
    """
    if output.output_type == "stream":
        return plain(output.text)
    if output.output_type == "error":
        return plain(f"{output.ename}: {output.evalue}")
    data, about = output.data, output.metadata
    for mime in SUFFIXES:
        if mime in data:
            alt = about.get(mime, {}).get("alt") or NO_ALT
            vector = unpacked(data[VECTOR]) if VECTOR in data else ""
            return Block("picture", data[mime], alt, mime, vector)
    text = data.get("text/markdown", data.get("text/latex", ""))
    if text.startswith("```python"):  # what show_source shows
        names = ", ".join(re.findall(r"^(?:class|def) (\w+)", text, flags=re.M))
        return Block("source", text[10:-4], names, shown=taught)
    if text or PROGRESS in about:
        of_the_moment = PROGRESS in about or text.startswith("*Not yet:*")
        return None if of_the_moment else Block("text", text)
    html = data.get("text/html", "")
    if html and not html.lstrip().startswith("<pre"):  # as Keras shows a model
        return Block("text", pypandoc.convert_text(html, "markdown", format="html"))
    return plain(data.get("text/plain", ""))


def unpacked(chart: str) -> str:
    """Return the SVG that `dae.notebook.Chart` has packed."""
    return gzip.decompress(base64.b64decode(chart)).decode()


def plain(text: str) -> Block | None:
    """Show a text as it stands, without a terminal's colours."""
    text = ANSI.sub("", text).strip("\n")
    return Block("plain", text) if text.strip() else None


def with_pictures(cell: nbformat.NotebookNode, folder: Path) -> str:
    """Return a Markdown cell's text, its pictures written to files or made links."""
    attached = cell.get("attachments", {})

    def local(match: re.Match) -> str:
        alt, target = match["alt"], match["target"]
        kind, _, name = target.partition(":")
        file = ROOT / unquote(target)
        mime = mimetypes.guess_type(file.name)[0]
        if kind == "attachment" and name in attached:
            ((mime, content),) = attached[name].items()
        elif kind == "data" and ";base64," in name:
            mime, _, content = name.partition(";base64,")
        elif mime in SUFFIXES and file.is_file():
            content = file.read_bytes()
        else:
            return f"[{alt or 'a picture'}]({target})"
        return f"![{alt}]({written(mime, content, folder)})"

    text = IMG.sub(as_markdown, cell.source)
    return PICTURE.sub(local, text)


def as_markdown(tag: re.Match) -> str:
    """Turn an ``<img>`` of HTML into Markdown."""
    found = dict(re.findall(r"""(src|alt)\s*=\s*["']([^"']*)["']""", tag[0]))
    return f"![{found.get('alt', '')}]({found.get('src', '')})"


def written(mime: str, content: str | bytes, folder: Path) -> str:
    """Write a picture to a file, and return its name."""
    content = as_bytes(mime, content)
    name = f"{len(list(folder.iterdir()))}{SUFFIXES[mime]}"
    (folder / name).write_bytes(content)
    return name


def as_bytes(mime: str, content: str | bytes) -> bytes:
    """Return a picture's bytes; as text, a notebook has it in base64, or it is an SVG.

    Raises
    ------
    ValueError
        If it is no picture, or of a kind that the editions cannot show.
    """
    if mime not in SUFFIXES:
        raise ValueError(f"pictures must be of {', '.join(SUFFIXES)}, got {mime}")
    if isinstance(content, str):
        is_svg = content.lstrip().startswith("<")
        content = content.encode() if is_svg else base64.b64decode(content)
    try:
        if mime == "image/svg+xml":
            ElementTree.fromstring(content)
        else:
            Picture.open(io.BytesIO(content)).verify()
    except Exception as error:  # of many kinds
        raise ValueError(f"its {mime} is damaged ({error})") from error
    return content


def cover(notebook: nbformat.NotebookNode) -> Block | None:
    """Return the picture that the cell tagged ``cover`` shows, if there is one."""
    for cell in notebook.cells:
        if "cover" in cell.metadata.get("tags", []):
            for output in cell.get("outputs", []):
                found = shown(output, False)
                if found and found.kind == "picture":
                    return found
    return None


def cover_caption(notebook: nbformat.NotebookNode) -> str:
    """Return what the title's cell says of its picture, in the line below it."""
    pictures = [p for p in paragraphs(title_cell(notebook)) if p.startswith("![")]
    return pictures[0].partition("\n")[2].strip("*") if pictures else ""


def linked(text: str) -> str:
    """Give headings and references names, and lead all mentions of them there.

    Parameters
    ----------
    text : str
        A whole edition's Markdown. A link within it that leads nowhere stays words.

    Returns
    -------
    str
        For pandoc.
    """
    names = {label(m[2]) for m in HEADING.finditer(text)}
    text = HEADING.sub(lambda m: f"{m[0]} {{#{label(m[2])}}}", text)
    sections = {m[1]: m[0] for name in names if (m := re.match(r"(\d+)\.-.*", name))}
    entries = {key(m["authors"], m["year"]) for m in ENTRY.finditer(text)}
    text = ENTRY.sub(lambda m: f"- [{m[1]}]{{#{key(m['authors'], m['year'])}}}", text)
    figures = set(re.findall(r"\{#(Figure-\d+)\}", text))

    def lead(match: re.Match) -> str:
        if match["place"]:
            name = sections.get(match["number"], "")
            if match["place"].startswith("Figure"):
                name = f"Figure-{match['number']}"
                name = name if name in figures else ""
            return f"[{match['place']}](#{name})" if name else match[0]
        if match["author"]:
            name = f"{match['author']}-{match['year']}"
            if name in entries:
                who = f"{match['author']}{match['more']}"
                return f"{who} \\[[{match['year']}](#{name})\\]"
        if match["cited"]:
            parts = re.split(r"(?<=\d{4}), ", match["cited"])
            found = [key(part[:-5], part[-4:]) for part in parts]
            if entries.issuperset(found):
                links = map("[{}](#{})".format, parts, found)
                return f"\\[{', '.join(links)}\\]"
        return match[0]

    def target(match: re.Match) -> str:
        name = label(match[1])
        return f"](#{name})" if name in names else "]{}"

    return REFERENCE.sub(lead, LINK.sub(target, text))


def label(heading: str) -> str:
    """Turn a heading, or Jupyter's name of it, into one that Typst and HTML allow."""
    return re.sub(r"[^\w.-]", "", heading.replace(" ", "-"))


def key(authors: str, year: str) -> str:
    """Name a reference by the surname of its first author, and its year."""
    first = re.split(r",| et al\.| and | & ", authors)[0]
    return f"{first.split()[-1]}-{year}"
