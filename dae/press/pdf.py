"""The edition for paper: from the executed notebook to a PDF, offline.

pandoc turns the notebook's Markdown into Typst's language, Typst sets the pages. Both
come as Python packages. The same notebook gives the same bytes.
"""

import base64
import json
import mimetypes
import re
import tempfile
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pypandoc
import typst

from dae._files import written_whole
from dae.notebook import PROGRESS

ROOT = Path(__file__).resolve().parents[2]  # with the notebook, and its pictures
STYLE = Path(__file__).with_name("style.typ")
TIMES = " \N{MULTIPLICATION SIGN} "
UNBROKEN = TIMES.replace(" ", "\N{NO-BREAK SPACE}")  # no line ends within 3 x 3
CAPTION = re.compile(r"\*\*Figure \d+\.\*\* ")
ANSI = re.compile(r"\x1b\[[\d;]*m")  # colours of a terminal
HEADING = re.compile(r"^(#+) (.+)$", flags=re.MULTILINE)
LINK = re.compile(r"\]\(#([^)\s]+)\)")  # to a heading, by Jupyter's name of it
COMMENT = re.compile(r"<!--.*?-->", flags=re.DOTALL)
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<target>[^)\s]+)[^)]*\)")
IMG = re.compile(r"<img\b[^>]*>", flags=re.IGNORECASE)
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg"}
SUFFIXES |= {"image/gif": ".gif", "image/webp": ".webp"}


def build_pdf(notebook: nbformat.NotebookNode, path: str | Path) -> None:
    """Set the notebook as a PDF, and write it whole or not at all.

    Parameters
    ----------
    notebook : NotebookNode
        Executed. A cell begins with the title, as a heading, and a paragraph of plain
        text, the abstract. The picture that the cell tagged ``cover`` shows, if there
        is one, is on the title page too. What readers add is shown as well: pictures
        (those by link as links), tables, printed text, raw cells.
    path : str or Path
        Ends in ``.pdf``.

    Raises
    ------
    ValueError
        If a cell has not been executed or cannot be set, or `path` does not end in
        ``.pdf``.
    """
    path = Path(path)
    if path.suffix != ".pdf":
        raise ValueError(f"path must end in .pdf, got {path}")
    for place, cell in enumerate(notebook.cells, start=1):
        if is_run(cell) and not cell.execution_count:
            raise ValueError(
                f"notebook must be executed, got one whose {name_of(cell, place)} is "
                "not; python -m dae executes it"
            )
    try:
        pages = set_pages(notebook)
    except Exception as error:  # of pandoc or Typst
        for place, cell in enumerate(notebook.cells, start=1):
            title = nbformat.v4.new_markdown_cell("# Title")
            alone = nbformat.v4.new_notebook(cells=[title, cell])
            try:
                set_pages(alone)
            except Exception as reason:
                told = f"{name_of(cell, place)} cannot be set on paper: {reason}"
                raise ValueError(told) from error
        raise ValueError(f"notebook cannot be set on paper: {error}") from error
    with written_whole(path) as temporary:
        temporary.write_bytes(pages)


def is_run(cell: nbformat.NotebookNode) -> bool:
    """Whether a run executes this cell: it is code, not empty and not to be skipped."""
    if cell.cell_type != "code" or not cell.source.strip():
        return False
    return "skip-execution" not in cell.metadata.get("tags", [])


def name_of(cell: nbformat.NotebookNode, place: int) -> str:
    """Name a cell by its place, from 1, and its first line."""
    return f"cell {place} ({(cell.source.strip().splitlines() or ['empty'])[0]:.60})"


def set_pages(notebook: nbformat.NotebookNode) -> bytes:
    """Set an executed notebook as the content of a PDF."""
    title, abstract = title_and_abstract(notebook)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        text = to_markdown(notebook, Path(folder))
        body = pypandoc.convert_text(
            text, "typst", format="markdown-smart", extra_args=["--columns=10000"]
        )
        main = Path(folder, "main.typ")
        main.write_text(STYLE.read_text(encoding="utf-8") + body, encoding="utf-8")
        inputs = {"title": title, "abstract": abstract}
        inputs["cover"] = cover(notebook, Path(folder))
        compiler = typst.Compiler(
            main, root=folder, ignore_system_fonts=True, sys_inputs=inputs
        )
        return compiler.compile(format="pdf")


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


def to_markdown(notebook: nbformat.NotebookNode, folder: Path) -> str:
    """Write the notebook as one Markdown text, and its pictures as files.

    Parameters
    ----------
    notebook : NotebookNode
    folder : Path
        For the pictures.

    Returns
    -------
    str
        Without title and abstract. Code and figures are in Typst's language already.
    """
    first = title_cell(notebook)
    # the title page has the picture already
    parts = [p for p in paragraphs(first)[2:] if not p.startswith("![")]
    others = [cell for cell in notebook.cells if cell is not first]
    for cell, following in zip(others, [*others[1:], None], strict=True):
        if cell.cell_type == "markdown":
            text = COMMENT.sub("", with_pictures(cell, folder)).replace(TIMES, UNBROKEN)
            if CAPTION.match(text):
                parts.append(f"::: {{typst:text:size=9pt}}\n{text}\n:::")
                continue
            before_code = following is not None and following.cell_type == "code"
            parts.append(kept_together(text, before_code))
        elif cell.cell_type == "raw":
            parts.append(plain(cell.source))
        else:
            number, code = cell.execution_count or 0, quoted(cell.source)
            hidden = "hide-input" in cell.metadata.get("tags", [])
            if cell.source.strip() and not hidden:
                parts.append(raw_typst(f"#cell({number}, {code})"))
            parts += [shown(output, folder) for output in cell.outputs]
    return linked("\n\n".join(parts))


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
    if mime not in SUFFIXES:
        raise ValueError(f"pictures must be of {', '.join(SUFFIXES)}, got {mime}")
    if isinstance(content, str):
        svg = mime == "image/svg+xml" and content.lstrip().startswith("<")
        content = content.encode() if svg else base64.b64decode(content)
    name = f"{len(list(folder.iterdir()))}{SUFFIXES[mime]}"
    (folder / name).write_bytes(content)
    return name


def linked(text: str) -> str:
    """Name the headings, and make the links to them lead there; others stay words."""
    names = {label(m[2].replace(" ", "-")) for m in HEADING.finditer(text)}
    text = HEADING.sub(lambda m: f"{m[0]} {{#{label(m[2].replace(' ', '-'))}}}", text)

    def target(match: re.Match) -> str:
        name = label(match[1])
        return f"](#{name})" if name in names else "]{}"

    return LINK.sub(target, text)


def label(anchor: str) -> str:
    """Turn Jupyter's name of a heading into one that Typst allows."""
    return re.sub(r"[^\w.-]", "", anchor)


def cover(notebook: nbformat.NotebookNode, folder: Path) -> str:
    """Write the picture for the title page, and return its name, or an empty one."""
    for cell in notebook.cells:
        if "cover" in cell.metadata.get("tags", []):
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    return written("image/png", output.data["image/png"], folder)
    return ""


def kept_together(text: str, before_code: bool) -> str:
    """Keep a title in bold on one page with what follows.

    And, if that is a cell of code, a box, an exercise or a few last words.
    """
    *others, last = re.split(r"\n\n+", text)
    parts = [sticky(p) if re.fullmatch(r"\*\*[^*]+\*\*", p) else p for p in others]
    few_words = len(last) < 200 and not last.startswith("#")
    if before_code and (few_words or re.match(r"> |\*\*\d+", last)):
        last = sticky(last)
    return "\n\n".join([*parts, last])


def sticky(paragraph: str) -> str:
    """Mark a paragraph to stand on the page of the next one."""
    return f"::: {{typst:sticky=true}}\n{paragraph}\n:::"


def paragraphs(cell: nbformat.NotebookNode) -> list[str]:
    """Take a cell of Markdown apart, without its comments."""
    return re.split(r"\n\n+", COMMENT.sub("", cell.source))


def shown(output: nbformat.NotebookNode, folder: Path) -> str:
    """Return one output of a cell as Markdown; what is of the moment, as nothing.

    That is progress lines, and what an exercise says as long as it waits for an answer.
    """
    if output.output_type == "stream":
        return plain(output.text)
    if output.output_type == "error":
        return plain(f"{output.ename}: {output.evalue}")
    data, about = output.data, output.metadata
    for mime in SUFFIXES:
        if mime in data:
            alt = about.get(mime, {}).get("alt", "A picture without a description.")
            name = written(mime, data[mime], folder)
            return raw_typst(f"#picture({quoted(name)}, {quoted(alt)})")
    text = data.get("text/markdown", data.get("text/latex", ""))
    if text.startswith("```python"):  # what show_source shows
        return raw_typst(f"#source({quoted(text[10:-4])})")
    if text or PROGRESS in about:
        return "" if text.startswith("*Not yet:*") else text
    html = data.get("text/html", "")
    if html and not html.lstrip().startswith("<pre"):  # as Keras shows a model
        return pypandoc.convert_text(html, "markdown", format="html")
    return plain(data.get("text/plain", ""))


def plain(text: str) -> str:
    """Show a text as it stands, without a terminal's colours."""
    text = ANSI.sub("", text).strip("\n")
    return raw_typst(f"#source({quoted(text)})") if text.strip() else ""


def raw_typst(code: str) -> str:
    """Mark a piece of Typst's language for pandoc to pass on."""
    return f"````{{=typst}}\n{code}\n````"


def quoted(text: str) -> str:
    """Write a text as a string in Typst's language, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)
