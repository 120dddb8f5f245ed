"""What the editions for paper and for the web share: from a notebook to a document.

nbconvert takes the notebook apart, by the template ``edition.json.j2``: text, code,
pictures and what is printed become pieces. pandoc reads them, by ``edition.lua``, as
one document, a tree that its writers turn into HTML or Typst's language.

An edition is prose and pictures first: a figure and its caption come before the code
that made them. A cell tagged ``paper``, whose code is what the lesson teaches, comes
before what it shows; so does what `dae.show_source` shows in such a cell.
"""

import base64
import hashlib
import io
import json
import mimetypes
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pypandoc
from nbconvert import TemplateExporter
from nbconvert.filters import strip_ansi
from nbconvert.preprocessors import CoalesceStreamsPreprocessor, Preprocessor
from nbformat import NotebookNode
from PIL import Image as Picture
from traitlets.config import Config

from dae.notebook import PROGRESS
from dae.publish.numbers import COMMENT

HERE = Path(__file__).parent
ROOT = HERE.parents[1]  # with the notebook, and its pictures
CAPTION = re.compile(r"(?:<a id=[^>]*></a>\s*)?\*\*Figure \d+\.\*\* ")
PICTURE = re.compile(r"!\[[^\]]*\]\([^)\s]+\)")
DRAWING = re.compile(r"<svg\b.*?</svg>", flags=re.DOTALL)
NO_ALT = "A picture without a description."
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg"}
SUFFIXES |= {"image/gif": ".gif", "image/webp": ".webp"}
BEST_FIRST = [*SUFFIXES, "text/markdown", "text/latex", "text/html", "text/plain"]


def check_executed(notebook: NotebookNode) -> None:
    """Make sure that a notebook has been executed.

    Raises
    ------
    ValueError
        If a cell has not been.
    """
    for place, cell in enumerate(notebook.cells, start=1):
        if is_run(cell) and not cell.execution_count:
            told = f"notebook must be executed, and {name_of(cell, place)} is not"
            raise ValueError(f"{told}; python -m dae executes it")


def is_run(cell: NotebookNode) -> bool:
    """Whether a run executes this cell: it is code, not empty and not to be skipped."""
    if cell.cell_type != "code" or not cell.source.strip():
        return False
    return "skip-execution" not in cell.metadata.get("tags", [])


def name_of(cell: NotebookNode, place: int) -> str:
    """Name a cell by its place, from 1, and its first line."""
    return f"cell {place} ({(cell.source.strip().splitlines() or ['empty'])[0]:.60})"


def title_cell(notebook: NotebookNode) -> NotebookNode:
    """Return the cell with the title; cells of the reader's own may come before."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            return cell
    raise ValueError("notebook must have a Markdown cell that begins with # TITLE")


def take_front(notebook: NotebookNode) -> tuple[list[str], list[str]]:
    """Return the title cell's paragraphs for the title page, and the others.

    The first are title and abstract, and the pictures with what is said below them.
    """
    parts = re.split(r"\n\n+", COMMENT.sub("", title_cell(notebook).source))
    others = [part for part in parts[2:] if not part.startswith("![")]
    return [part for part in parts if part not in others], others


def front(notebook: NotebookNode) -> tuple[str, str, str]:
    """Return title, abstract, and what is said of the title's picture, or nothing."""
    title, abstract, picture = (*take_front(notebook)[0], "", "")[:3]
    return title.removeprefix("# "), abstract, picture.partition("\n")[2].strip("*")


class InReadingOrder(Preprocessor):
    """Tell the template of each cell what it has to know; drop what is of the moment.

    That is progress lines, and what an exercise says as long as it waits for an answer.
    """

    def preprocess(self, notebook, resources):
        """Change a notebook, in place."""
        first = title_cell(notebook)
        for place, cell in enumerate(notebook.cells, start=1):
            known = {"tags": [], "caption": None, "place": name_of(cell, place)}
            cell.metadata = NotebookNode(known | cell.metadata)
            if cell.cell_type == "code":
                prepare(cell)
        first.source = "\n\n".join(take_front(notebook)[1])
        rest = [cell for cell in notebook.cells if cell is not first]
        notebook.cells = with_captions([first, *rest])
        return notebook, resources


def prepare(cell: NotebookNode) -> None:
    """Say what a cell of code is called, and keep what is to be seen of its outputs."""
    about = cell.metadata
    about["taught"] = "paper" in about["tags"]
    shows_source = cell.source.startswith("dae.show_source(")
    about["hidden"] = "hide-input" in about["tags"] or shows_source
    given = re.fullmatch(r"[a-z][a-z0-9-]*", cell.get("id", ""))
    made_up = not given or re.fullmatch(r"[0-9a-f-]{8,}", cell.id)
    name = (cell.source.strip().splitlines() or [""])[0] if made_up else cell.id
    about["called"] = f"[{cell.execution_count or ' '}] {name:.50}"
    for output in cell.outputs:
        if output.output_type == "stream":
            output.text = on_a_terminal(strip_ansi(output.text))
        elif output.output_type == "error":
            output.evalue = strip_ansi(output.evalue)
        else:
            data = output.data  # Keras shows a model as a block of text
            if data.get("text/html", "").lstrip().startswith("<pre"):
                del data["text/html"]
            if "text/html" in data:
                data["text/html"] = DRAWING.sub(as_img, data["text/html"])
            if data.keys().isdisjoint(BEST_FIRST):
                data["text/plain"] = f"({', '.join(data)})"
            if "text/plain" in data:
                data["text/plain"] = strip_ansi(data["text/plain"]).strip("\n")
    cell.outputs = [output for output in cell.outputs if is_kept(output)]
    about["figure"] = is_figure(cell) and not about["taught"]


def as_img(drawing: re.Match) -> str:
    """Write an SVG within HTML as a picture, which pandoc can show."""
    content = base64.b64encode(drawing[0].encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{content}">'


def is_kept(output: NotebookNode) -> bool:
    """Whether there is something to be seen in an output, for more than a moment."""
    if "data" not in output:
        return bool(output.get("text", "-").strip())
    waits = output.data.get("text/markdown", "").startswith("*Not yet:*")
    return any(output.data.values()) and not waits and PROGRESS not in output.metadata


def on_a_terminal(text: str) -> str:
    r"""Return what is left to be seen of a text with ``\r`` and ``\b``.

    Examples
    --------
    >>> on_a_terminal("1 of 9\r2 of 9\b3")
    '2 of 3'
    """
    lines = []
    for line in text.strip("\n").split("\n"):
        seen, place = [], 0
        for character in line:
            if character in "\r\b":
                place = 0 if character == "\r" else max(0, place - 1)
            else:
                seen[place : place + 1] = character
                place += 1
        lines.append("".join(seen))
    return "\n".join(lines)


def with_captions(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Return cells; a caption becomes part of the cell above, if that is a figure."""
    kept = cells[:1]
    for cell in cells[1:]:
        is_caption = cell.cell_type == "markdown" and CAPTION.match(cell.source)
        if is_caption and is_figure(kept[-1]) and not kept[-1].metadata["caption"]:
            kept[-1].metadata["caption"] = cell.source
        else:
            kept.append(cell)
    return kept


def is_figure(cell: NotebookNode) -> bool:
    """Whether a cell shows a picture, or is nothing else."""
    if cell.cell_type == "code":
        return any(SUFFIXES.keys() & o.get("data", {}).keys() for o in cell.outputs)
    return bool(PICTURE.fullmatch(cell.source.strip()))


def take_apart(notebook: NotebookNode, files: Path = ROOT) -> list[dict]:
    """Take a notebook apart, without its title and abstract.

    Parameters
    ----------
    notebook : NotebookNode
        Executed.
    files : Path
        The folder with ``figures/``, whose SVG files are the drawings of charts.

    Returns
    -------
    list of dict
        In the order of reading. Each has ``kind`` and ``cell``, what to call its cell;
        the rest depends on the kind, see ``edition.lua``.
    """
    config = Config({"NbConvertBase": {"display_data_priority": BEST_FIRST}})
    order = [CoalesceStreamsPreprocessor(enabled=True), InReadingOrder(enabled=True)]
    options = {"template_file": str(HERE / "edition.json.j2"), "preprocessors": order}
    lines, _ = TemplateExporter(config=config, **options).from_notebook_node(notebook)
    pieces = [json.loads(line) for line in lines.splitlines() if line.strip()]
    for piece in pieces:
        if piece["kind"] == "picture":
            add_picture(piece, files)
        elif piece["kind"] == "source":
            names = re.findall(r"^(?:class|def) (\w+)", piece["text"], flags=re.M)
            piece["name"] = ", ".join(names) or "source"
    return pieces


def add_picture(piece: dict, files: Path) -> None:
    """Give a piece that an output was made of its alt text, address and drawing."""
    mime, content, about = (piece.pop(name) for name in ("mime", "content", "about"))
    piece["alt"] = about.get("alt") or NO_ALT
    if mime == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    piece["src"] = f"data:{mime};base64,{''.join(content.split())}"
    drawing = files / "figures" / Path(about.get("svg", "none")).name
    if drawing.is_file():
        digest = hashlib.sha256(drawing.read_bytes()).hexdigest()
        if digest.startswith(about.get("sha256", "none")):  # of this very output
            piece["drawing"] = str(drawing)


def read_document(pieces: list[dict]) -> dict:
    """Read pieces as one document: pandoc's tree, as JSON has it."""
    known = ({k: v for k, v in p.items() if v is not None} for p in pieces)
    lines = "\n".join(map(json.dumps, known))
    return json.loads(pandoc(lines, f"--from={HERE / 'edition.lua'}", "--to=json"))


def pandoc(text: str, *options: str) -> str:
    """Run pandoc on a text.

    Raises
    ------
    ValueError
        If pandoc cannot read it, in pandoc's words.
    """
    command = [pypandoc.get_pandoc_path(), "--wrap=none", *options]
    done = subprocess.run(command, input=text.encode(), capture_output=True)
    if done.returncode:
        raise ValueError(done.stderr.decode(errors="replace").strip())
    return done.stdout.decode()


def change_pictures(document: dict, show: Callable, files: Path = ROOT) -> None:
    """Give each picture of a document the address that an edition needs, in place.

    Parameters
    ----------
    document : dict
        As `read_document` returns it.
    show : callable
        From a picture's MIME type, its bytes and its attributes, a dict that it may
        change, to the address.
    files : Path
        Where pictures that the text names are looked for first; then in `ROOT`.

    Raises
    ------
    ValueError
        If a picture is damaged, or of a kind that no edition shows, with its cell.
    """

    def change(element: Any, cell: str, in_link: bool = False) -> None:
        if isinstance(element, list):
            for part in element:
                change(part, cell, in_link)
        if not isinstance(element, dict):
            return
        kind, content = element.get("t"), element.get("c")
        if kind == "Div":
            cell = dict(content[0][2]).get("cell", cell)
        if kind != "Image":
            return change(content, cell, in_link or kind == "Link")
        try:
            found = read_picture(content[2][0], files)
        except ValueError as error:
            raise ValueError(f"{cell} cannot be shown: {error}") from error
        words = content[1] or [{"t": "Str", "c": "a picture"}]
        if found:
            content[1] = content[1] or [{"t": "Str", "c": NO_ALT}]
            about = dict(content[0][2])
            content[2][0] = show(*found, about)
            content[0][2] = [list(pair) for pair in about.items()]
        elif in_link or content[2][0].startswith("attachment:"):  # a badge, or lost
            element.update(t="Span", c=[["", [], []], words])
        else:
            element.update(t="Link", c=[content[0], words, content[2]])

    change(document["blocks"], "the notebook")


def read_picture(address: str, files: Path) -> tuple[str, bytes] | None:
    """Return a picture's MIME type and bytes, or nothing if it is not at hand.

    Raises
    ------
    ValueError
        If it is no picture, or of a kind that the editions cannot show.
    """
    kind, _, content = address.partition(";base64,")
    mime, is_file = kind.removeprefix("data:"), not kind.startswith("data:")
    if is_file:
        name = unquote(address)
        paths = [path for path in (files / name, ROOT / name) if path.is_file()]
        mime = mimetypes.guess_type(name)[0]
        if not paths or mime not in SUFFIXES:
            return None
    if mime not in SUFFIXES:
        raise ValueError(f"pictures must be of {', '.join(SUFFIXES)}, got {mime}")
    try:
        content = paths[0].read_bytes() if is_file else base64.b64decode(content)
        if mime == "image/svg+xml":
            ElementTree.fromstring(content)
        else:
            Picture.open(io.BytesIO(content)).verify()
    except Exception as error:  # of many kinds
        raise ValueError(f"its {mime} is damaged ({error})") from error
    return mime, content
