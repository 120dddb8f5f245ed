"""The edition for paper: from the executed notebook to a PDF, offline.

pandoc turns the notebook's Markdown into Typst's language, Typst sets the pages. Both
come as Python packages. The same notebook gives the same bytes.
"""

import base64
import json
import re
import tempfile
from pathlib import Path

import nbformat
import pypandoc
import typst

from dae._files import written_whole

STYLE = Path(__file__).with_name("style.typ")
TIMES = " \N{MULTIPLICATION SIGN} "
UNBROKEN = TIMES.replace(" ", "\N{NO-BREAK SPACE}")  # no line ends within 3 x 3
CAPTION = re.compile(r"\*\*Figure \d+\.\*\* ")
ANSI = re.compile(r"\x1b\[[\d;]*m")  # colours of a terminal
HEADING = re.compile(r"^(#+) (.+)$", flags=re.MULTILINE)
LINK = re.compile(r"\]\(#([^)\s]+)\)")  # to a heading, by Jupyter's name of it
COMMENT = re.compile(r"<!--.*?-->", flags=re.DOTALL)


def build_pdf(notebook: nbformat.NotebookNode, path: str | Path) -> None:
    """Set the notebook as a PDF, and write it whole or not at all.

    Parameters
    ----------
    notebook : NotebookNode
        Executed. Its first cell begins with the title, as a heading, and a paragraph
        of plain text, the abstract. The picture that the cell tagged ``cover`` shows,
        if there is one, is on the title page too.
    path : str or Path
        Ends in ``.pdf``.

    Raises
    ------
    ValueError
        If the notebook has not been executed, or `path` does not end in ``.pdf``.
    typst.TypstError
        If it cannot be set.
    """
    path = Path(path)
    if path.suffix != ".pdf":
        raise ValueError(f"path must end in .pdf, got {path}")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not all(cell.execution_count for cell in code):
        raise ValueError(
            "notebook must be executed, got one with cells that are not; "
            "python -m dae executes it"
        )
    title, abstract, *_ = paragraphs(notebook.cells[0])
    with tempfile.TemporaryDirectory() as folder:
        text = to_markdown(notebook, Path(folder))
        body = pypandoc.convert_text(
            text, "typst", format="markdown-smart", extra_args=["--columns=10000"]
        )
        main = Path(folder, "main.typ")
        main.write_text(STYLE.read_text(encoding="utf-8") + body, encoding="utf-8")
        compiler = typst.Compiler(
            main,
            root=folder,
            ignore_system_fonts=True,
            sys_inputs={
                "title": title.removeprefix("# "),
                "abstract": abstract,
                "cover": cover(code, Path(folder)),
            },
        )
        with written_whole(path) as temporary:
            temporary.write_bytes(compiler.compile(format="pdf"))


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
    first, *others = notebook.cells
    # the title page has the picture already
    parts = [p for p in paragraphs(first)[2:] if not p.startswith("![")]
    for cell, following in zip(others, [*others[1:], None], strict=True):
        if cell.cell_type == "markdown":
            text = COMMENT.sub("", cell.source).replace(TIMES, UNBROKEN)
            if CAPTION.match(text):
                parts.append(f"::: {{typst:text:size=9pt}}\n{text}\n:::")
                continue
            before_code = following is not None and following.cell_type == "code"
            parts.append(kept_together(text, before_code))
        else:
            number, code = cell.execution_count, quoted(cell.source)
            if "hide-input" not in cell.metadata.get("tags", []):
                parts.append(raw_typst(f"#cell({number}, {code})"))
            parts += [shown(output, folder) for output in cell.outputs]
    return linked("\n\n".join(parts))


def linked(text: str) -> str:
    """Name the headings, and make the links to them lead there."""
    text = HEADING.sub(lambda m: f"{m[0]} {{#{label(m[2].replace(' ', '-'))}}}", text)
    return LINK.sub(lambda m: f"](#{label(m[1])})", text)


def label(anchor: str) -> str:
    """Turn Jupyter's name of a heading into one that Typst allows."""
    return re.sub(r"[^\w.-]", "", anchor)


def cover(code: list[nbformat.NotebookNode], folder: Path) -> str:
    """Write the picture for the title page, and return its name, or an empty one."""
    for cell in code:
        if "cover" in cell.metadata.get("tags", []):
            picture = base64.b64decode(cell.outputs[0].data["image/png"])
            (folder / "cover.png").write_bytes(picture)
            return "cover.png"
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
    data = output.get("data", {})
    if "image/png" in data:
        name = f"{len(list(folder.iterdir()))}.png"
        (folder / name).write_bytes(base64.b64decode(data["image/png"]))
        alt = quoted(output.metadata["image/png"]["alt"])
        return raw_typst(f"#picture({quoted(name)}, {alt})")
    text = data.get("text/markdown", "")
    if text.startswith("```python"):  # what show_source shows
        return raw_typst(f"#source({quoted(text[10:-4])})")
    if "text/html" in data:  # what Keras shows of a model, in a frame of characters
        return raw_typst(f"#source({quoted(ANSI.sub('', data['text/plain']).strip())})")
    return "" if text.startswith("*Not yet:*") else text


def raw_typst(code: str) -> str:
    """Mark a piece of Typst's language for pandoc to pass on."""
    return f"````{{=typst}}\n{code}\n````"


def quoted(text: str) -> str:
    """Write a text as a string in Typst's language, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)
