"""The edition for the web: one file, which needs a browser and nothing else.

pandoc writes the notebook's document as HTML, with its formulas in MathML. At the top
is the trained network, live (see `dae.publish.live`). No script is needed for reading,
and none but the page's own can run: it states a content security policy that forbids
all others, and any connection. The same notebook gives the same bytes.
"""

import base64
import hashlib
import html
import json
import re
import tempfile
from pathlib import Path

from nbformat import NotebookNode

from dae._files import written_whole
from dae.publish import edition
from dae.publish.live import Live, live_parts


def build_page(
    notebook: NotebookNode,
    path: str | Path,
    model: str | Path | None = None,
    *,
    files: str | Path = edition.ROOT,
) -> None:
    """Write the notebook as one page of HTML, whole or not at all.

    Parameters
    ----------
    notebook : NotebookNode
        As in `dae.publish.pdf.build_pdf`. Code is folded, but for what cells tagged
        ``paper`` hold or show.
    path : str or Path
        Ends in ``.html``.
    model : str or Path, optional
        The trained model that runs in the page; by default the package's.
    files : str or Path
        The folder in which pictures that the text names are looked for first.

    Raises
    ------
    FileNotFoundError
        If there is no such model.
    ValueError
        If a cell has not been executed or cannot be shown, if `path` does not end in
        ``.html``, or if the page's script does not know the model's layers.
    """
    path = Path(path)
    if path.suffix != ".html":
        raise ValueError(f"path must end in .html, got {path}")
    edition.check_executed(notebook)
    live = live_parts(model)
    with written_whole(path) as temporary:
        page = to_page(notebook, live, Path(files))
        temporary.write_text(page, encoding="utf-8", newline="\n")


def to_page(notebook: NotebookNode, live: Live, files: Path = edition.ROOT) -> str:
    """Write an executed notebook as a page of HTML.

    Raises
    ------
    ValueError
        If a cell cannot be shown, with its name.
    """
    title, abstract, below = edition.front(notebook)
    cover = []

    def embed(mime: str, content: bytes, shown: dict) -> str:
        shown.pop("drawing", None)
        url = f"data:{mime};base64,{base64.b64encode(content).decode()}"
        if alt := shown.pop("cover", None):
            cover.append(f'<img src="{url}" alt="{html.escape(alt)}">')
        return url

    document = edition.read_document(edition.take_apart(notebook, files))
    edition.change_pictures(document, embed, files)
    script = live.script.strip()  # pandoc would leave out a line's end
    digest = hashlib.sha256(script.encode()).digest()
    style = (edition.HERE / "page.css").read_text(encoding="utf-8") + live.style
    texts = {"heading": title, "summary": abstract, "below": below}
    variables = {name: html.escape(text) for name, text in texts.items()}
    variables |= {"date": notebook.metadata.get("date", ""), "style": style}
    variables |= {"live": live.markup, "cover": "".join(cover[:1])}
    variables |= {"script": script, "digest": base64.b64encode(digest).decode()}
    return write_html(document, variables)


def write_html(document: dict, variables: dict) -> str:
    """Have pandoc write a document as ``page.yaml`` and ``page.html`` say."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        more = Path(folder, "page.yaml")  # JSON is YAML, too
        more.write_text(json.dumps({"variables": variables}), encoding="utf-8")
        settings = [f"--defaults={path}" for path in (edition.HERE / "page.yaml", more)]
        text = edition.pandoc(json.dumps(document), *settings)
    for long in ("<pre", '<math display="block"'):  # moved by keyboard, too
        text = text.replace(long, f'{long} tabindex="0"')
    return re.sub(r"<th([^>]*)></th>", r"<td\1></td>", text)  # an empty corner
