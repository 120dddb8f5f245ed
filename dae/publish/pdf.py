"""The edition for paper: from the executed notebook to a PDF, offline.

pandoc writes the notebook's document in Typst's language, Typst sets the pages. Both
come as Python packages. The same notebook gives the same bytes.
"""

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import typst
from nbformat import NotebookNode

from dae import __version__
from dae._files import written_whole
from dae.publish import edition

STYLE = edition.HERE / "style.typ"
AUTHOR = "the denoising-autoencoder-tutorial authors"


def build_pdf(
    notebook: NotebookNode, path: str | Path, *, files: str | Path = edition.ROOT
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
    edition.check_executed(notebook)
    files = Path(files)
    date = notebook.metadata.get("date", "")
    about = {"author": AUTHOR, "date": date, "version": __version__}
    about["title"], about["abstract"], about["caption"] = edition.front(notebook)
    pieces = edition.take_apart(notebook, files)
    with written_whole(path) as temporary:
        temporary.write_bytes(typeset(pieces, STYLE, about, files))


def typeset(
    pieces: list[dict], style: Path, about: Mapping, files: Path = edition.ROOT
) -> bytes:
    """Set pieces as a PDF, under a style in Typst's language that reads `about`."""
    document, inputs = edition.read_document(pieces), {"cover": "", "alt": "", **about}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)

        def write(mime: str, content: bytes, shown: dict) -> str:
            if "drawing" in shown:
                mime, content = "image/svg+xml", Path(shown["drawing"]).read_bytes()
            file = hashlib.sha256(content).hexdigest()[:16] + edition.SUFFIXES[mime]
            (folder / file).write_bytes(content)
            if "cover" in shown:
                inputs.update(cover=file, alt=shown["cover"])
            return file

        edition.change_pictures(document, write, files)
        to = "--to=typst-smart", f"--lua-filter={edition.HERE / 'paper.lua'}"
        body = edition.pandoc(json.dumps(document), "--from=json", *to)
        main = folder / "main.typ"
        main.write_text(style.read_text(encoding="utf-8") + body, encoding="utf-8")
        return run_typst(main, inputs)


def run_typst(main: Path, inputs: dict) -> bytes:
    """Compile a file in Typst's language; name the cell that cannot be set.

    With Typst's own fonts, the same on every machine; with the system's, if characters
    need them; and at last without the standard, which allows no missing character, and
    no heading of a reader's own that is two levels down.
    """
    told = ""
    for fonts, standard in ((True, "ua-1"), (False, "ua-1"), (False, [])):
        compiler = typst.Compiler(
            main, root=main.parent, ignore_system_fonts=fonts, sys_inputs=inputs
        )
        try:
            content = compiler.compile(format="pdf", pdf_standards=standard)
            if not standard:
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
