"""The edition for paper: from the executed notebook to a PDF, offline.

pandoc writes the notebook's document in Typst's language, Typst sets the pages. Both
come as Python packages. The same notebook gives the same bytes.
"""

import hashlib
import io
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import typst
from nbformat import NotebookNode
from PIL import Image as Picture

from dae import __version__
from dae._files import written_whole
from dae.publish.edition import (
    HERE,
    ROOT,
    SUFFIXES,
    change_pictures,
    check_executed,
    front,
    pandoc,
    read_document,
    take_apart,
)

STYLE = HERE / "style.typ"
HIGHEST = 56  # of a picture, in hundredths of the width of the text
AUTHOR = "the denoising-autoencoder-tutorial authors"


def build_pdf(
    notebook: NotebookNode, path: str | Path, *, files: str | Path = ROOT
) -> None:
    """Set the notebook as a PDF, and write it whole or not at all.

    It keeps to the standard PDF/UA-1, for readers who cannot see it: what breaks that,
    such as a character that no font has, is told, and the PDF does without it.

    Parameters
    ----------
    notebook : NotebookNode
        Executed. A cell begins with the title, as a heading, and a paragraph of plain
        text, the abstract. The picture that the cell tagged ``cover`` shows, if there
        is one, is on the title page too. Of code, what cells tagged ``paper`` hold or
        show is printed; of others, their names. What readers add is shown as well:
        pictures (those by link as links), tables, printed text, raw cells. The
        notebook's metadata may have a ``date``, of the form 2026-01-31.
    path : str or Path
        Ends in ``.pdf``.
    files : str or Path
        The folder with ``figures/``, where charts are drawings as well; by default the
        notebook's own.

    Raises
    ------
    ValueError
        If a cell has not been executed or cannot be set, or `path` does not end in
        ``.pdf``.
    """
    path = Path(path)
    if path.suffix != ".pdf":
        raise ValueError(f"path must end in .pdf, got {path}")
    check_executed(notebook)
    with written_whole(path) as temporary:
        temporary.write_bytes(set_pages(notebook, Path(files)))


def set_pages(notebook: NotebookNode, files: Path = ROOT, **options) -> bytes | list:
    """Set an executed notebook as the content of a PDF, or as Typst's options say."""
    title, abstract, below = front(notebook)
    pieces = take_apart(notebook, files)
    about = {
        "title": title,
        "abstract": abstract,
        "author": AUTHOR,
        "date": notebook.metadata.get("date", ""),
        "version": __version__,
        "caption": below,
    }
    return typeset(pieces, STYLE, about, files, **options)


def typeset(
    pieces: list[dict], style: Path, about: Mapping, files: Path = ROOT, **options
) -> bytes | list:
    """Set pieces, under a style in Typst's language that reads what they are about.

    By default as a PDF that keeps to PDF/UA-1.
    """
    document, inputs = read_document(pieces), {"cover": "", "alt": "", **about}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)

        def write(mime: str, content: bytes, shown: dict) -> str:
            if "drawing" in shown:
                mime, content = "image/svg+xml", Path(shown["drawing"]).read_bytes()
            else:
                shown["share"] = share_of_width(mime, content)
            file = hashlib.sha256(content).hexdigest()[:16] + SUFFIXES[mime]
            (folder / file).write_bytes(content)
            if "cover" in shown:
                inputs.update(cover=file, alt=shown["cover"])
            return file

        change_pictures(document, write, files)
        paper = f"--lua-filter={HERE / 'paper.lua'}"
        body = pandoc(json.dumps(document), "--from=json", "--to=typst", paper)
        main = folder / "main.typ"
        main.write_text(style.read_text(encoding="utf-8") + body, encoding="utf-8")
        return run_typst(main, inputs, options)


def share_of_width(mime: str, content: bytes) -> str:
    """Say how much of the text's width a picture has, so that it is not too high."""
    if mime == "image/svg+xml":
        return "100"
    with Picture.open(io.BytesIO(content)) as opened:
        return str(min(100, HIGHEST * opened.width // opened.height))


def run_typst(main: Path, inputs: dict, options: dict) -> bytes | list:
    """Compile a file in Typst's language; name the cell that cannot be set.

    With Typst's own fonts, the same on every machine; with the system's, if characters
    need them; and at last without the standard, which allows no missing character, and
    no heading of a reader's own that is two levels down.
    """
    told, usual = "", options or {"format": "pdf", "pdf_standards": "ua-1"}
    for fonts, settings in ((True, usual), (False, usual), (False, {"format": "pdf"})):
        compiler = typst.Compiler(
            main, root=main.parent, ignore_system_fonts=fonts, sys_inputs=inputs
        )
        try:
            content = compiler.compile(**settings)
            if told and settings != usual:
                print(told, file=sys.stderr)
            return content
        except typst.TypstError as error:
            if "PDF/UA-1 error" not in error.diagnostic:
                raise ValueError(where(main, error)) from error
            told = f"{where(main, error)}; so the PDF does not keep to PDF/UA-1"
    raise ValueError(told)


def where(main: Path, error: typst.TypstError) -> str:
    """Say which cell Typst complains of, by the line of the file."""
    lines = main.read_text(encoding="utf-8").split("\n")
    place = re.search(r"main\.typ:(\d+):", error.diagnostic)
    above = lines[: int(place[1])] if place else []
    names = [line for line in above if line.startswith("// cell ")]
    cell = names[-1].removeprefix("// ") if names else "notebook"
    return f"{cell} cannot be set on paper: {error.message}"
