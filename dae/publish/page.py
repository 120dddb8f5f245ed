"""The edition for the web: one file, which needs a browser and nothing else.

pandoc turns the notebook's Markdown into HTML, with its formulas in MathML. At the top
is the trained network, live (see `dae.publish.live`). No script is needed for reading,
and none but the page's own can run: it states a content security policy that forbids
all others, and any connection. The same notebook gives the same bytes.
"""

import base64
import hashlib
import html
import re
import tempfile
from pathlib import Path

import nbformat
import pypandoc

from dae._files import written_whole
from dae.publish.edition import (
    SUFFIXES,
    Block,
    as_bytes,
    blocks,
    check_executed,
    cover,
    cover_caption,
    or_name_the_cell,
    title_and_abstract,
)
from dae.publish.live import Live, live_parts

TEMPLATE = Path(__file__).with_name("page.html")
STYLE = Path(__file__).with_name("page.css")
OPTIONS = ["--mathml", "--wrap=none", "--shift-heading-level-by=1"]
OPTIONS += ["--table-of-contents", "--toc-depth=3", "--columns=10000"]
TABLE = re.compile(r"<table.*?</table>", flags=re.DOTALL)


def build_page(
    notebook: nbformat.NotebookNode, path: str | Path, model: str | Path | None = None
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
    check_executed(notebook)
    live = live_parts(model)
    with written_whole(path) as temporary:
        page = to_page(notebook, live)
        temporary.write_text(page, encoding="utf-8", newline="\n")


def to_page(notebook: nbformat.NotebookNode, live: Live) -> str:
    """Write an executed notebook as a page of HTML.

    Raises
    ------
    ValueError
        If a cell cannot be shown, with its name.
    """
    title, abstract = title_and_abstract(notebook)
    body = or_name_the_cell(to_markdown, notebook, "shown in the page")
    options = [*OPTIONS, f"--template={TEMPLATE}"]
    options += [f"--variable=heading:{html.escape(title)}"]
    options += [f"--metadata=pagetitle:{title}"]
    options += [f"--variable=summary:{html.escape(abstract)}"]
    options += [f"--variable=date:{notebook.metadata.get('date', '')}"]
    text = pypandoc.convert_text(
        body,
        "html5",
        format="markdown-smart-implicit_figures",
        extra_args=options,
    )
    # a table that is too wide moves by itself, not the page
    text = TABLE.sub(r'<div class="wide" tabindex="0" role="group">\g<0></div>', text)
    for long in ("<pre", '<math display="block"'):  # moved by keyboard, too
        text = text.replace(long, f'{long} tabindex="0"')
    text = re.sub(r"<th([^>]*)></th>", r"<td\1></td>", text)  # an empty corner
    first = cover(notebook)
    script = f"\n{live.script}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    marks = {
        "[[SCRIPT-HASH]]": digest,
        "[[STYLE]]": STYLE.read_text(encoding="utf-8") + live.style,
        "[[COVER]]": as_img(first) if first else "",
        "[[CAPTION]]": html.escape(cover_caption(notebook)),
        "[[LIVE]]": live.markup,
        "[[SCRIPT]]": script,
    }
    for mark, content in marks.items():
        text = text.replace(mark, content, 1)
    return text


def to_markdown(notebook: nbformat.NotebookNode) -> str:
    """Write the notebook as one Markdown text for pandoc, pictures and all."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        row = blocks(notebook, Path(folder))
        in_text = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    mimes = {suffix: mime for mime, suffix in SUFFIXES.items()}

    def embedded(match: re.Match) -> str:
        name = match[1]
        if name not in in_text:
            return match[0]
        return f"]({data_url(mimes[Path(name).suffix], in_text[name])})"

    parts = []
    for block, following in zip(row, [*row[1:], None], strict=True):
        captioned = following is not None and following.kind == "caption"
        if block.kind == "picture":
            end = "" if captioned else "</figure>"
            parts.append(raw_html(f"<figure>{as_img(block)}{end}"))
        elif block.kind == "caption":
            text = f"::: {{.caption}}\n{block.content}\n:::"
            alone = not parts or not parts[-1].startswith("```{=html}\n<figure><img")
            parts.append(text if alone else f"{text}\n\n" + raw_html("</figure>"))
        elif block.kind == "text":
            parts.append(re.sub(r"\]\((\d+\.\w+)\)", embedded, block.content))
        elif block.kind == "plain":
            parts.append(fenced(block.content, "plain"))
        else:
            parts.append(folded(block))
    return "\n\n".join(parts)


def folded(block: Block) -> str:
    """Show code; fold it, unless it is part of what the lesson teaches."""
    code = fenced(block.content, "python")
    if block.shown:
        return code
    name = f"Code: {html.escape(block.about)}"
    begin = raw_html(f"<details><summary>{name}</summary>")
    return f"{begin}\n\n{code}\n\n{raw_html('</details>')}"


def as_img(block: Block) -> str:
    """Return a picture as HTML, its content included."""
    url = data_url(block.mime, as_bytes(block.mime, block.content))
    return f'<img src="{url}" alt="{html.escape(block.about)}">'


def data_url(mime: str, content: bytes) -> str:
    """Return a file's content in the form of an address."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def fenced(text: str, kind: str) -> str:
    """Mark a text as code, whatever backquotes it has."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence} {{.{kind}}}\n{text}\n{fence}"


def raw_html(code: str) -> str:
    """Mark a piece of HTML for pandoc to pass on."""
    return f"```{{=html}}\n{code}\n```"
