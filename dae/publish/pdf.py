"""The edition for paper: from the executed notebook to a PDF, offline.

pandoc turns the notebook's Markdown into Typst's language, Typst sets the pages. Both
come as Python packages. The same notebook gives the same bytes.
"""

import io
import itertools
import json
import re
import tempfile
from pathlib import Path

import nbformat
import pypandoc
import typst
from PIL import Image as Picture

from dae import __version__
from dae._files import written_whole
from dae.publish.edition import (
    LINK,
    NO_ALT,
    PICTURE,
    Block,
    as_bytes,
    blocks,
    check_executed,
    cover,
    cover_caption,
    or_name_the_cell,
    title_and_abstract,
    written,
)

STYLE = Path(__file__).with_name("style.typ")
FORMULA = re.compile(r"(`[^`]*`)|(\$\$?)([^$]+)\2")
HIGHEST = 56  # of a picture, in hundredths of the width of the text
LONG = 15  # lines of a table that may go on, on another page
AUTHOR = "the denoising-autoencoder-tutorial authors"


def build_pdf(notebook: nbformat.NotebookNode, path: str | Path) -> None:
    """Set the notebook as a PDF, and write it whole or not at all.

    It keeps to the standard PDF/UA-1, for readers who cannot see it: what breaks that,
    such as a formula without a text, ends the build.

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
        content = or_name_the_cell(set_pages, notebook, "set on paper")
        temporary.write_bytes(content)


def set_pages(notebook: nbformat.NotebookNode, **options) -> bytes | list[bytes]:
    """Set an executed notebook as the content of a PDF, or as Typst's options say."""
    title, abstract = title_and_abstract(notebook)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        text = to_markdown(notebook, Path(folder))
        first = cover(notebook)
        inputs = {
            "title": title,
            "abstract": abstract,
            "author": AUTHOR,
            "date": notebook.metadata.get("date", ""),
            "version": __version__,
            "cover": written(first.mime, first.content, Path(folder)) if first else "",
            "alt": first.about if first else "",
            "caption": cover_caption(notebook),
        }
        return typeset(text, STYLE, Path(folder), inputs, **options)


def typeset(
    text: str, style: Path, folder: Path, inputs: dict[str, str], **options
) -> bytes | list[bytes]:
    """Set a text in Markdown, under a style in Typst's language that reads `inputs`.

    Its pictures are in `folder`. By default as a PDF that keeps to PDF/UA-1.
    """
    body = pypandoc.convert_text(
        text, "typst", format="markdown-smart", extra_args=["--columns=10000"]
    )
    main = folder / "main.typ"
    main.write_text(style.read_text(encoding="utf-8") + body, encoding="utf-8")
    compiler = typst.Compiler(
        main, root=folder, ignore_system_fonts=True, sys_inputs=inputs
    )
    options = options or {"format": "pdf", "pdf_standards": "ua-1"}
    return compiler.compile(**options)


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
    row = blocks(notebook, folder)
    row[0] = row[0]._replace(content=with_page_numbers(row[0].content))
    parts, before = [], None
    for named, group in itertools.groupby(row, key=is_only_named):
        if named:
            parts.append(raw_typst(f"#named({quoted(names_of(list(group)))})"))
            continue
        for block in group:
            text = on_paper(block, folder)
            if block.kind == "caption" and before and before.kind == "picture":
                text = with_caption(before, parts.pop(), text)
            parts.append(text)
            before = block
    return "\n\n".join(parts)


def with_caption(block: Block, picture: str, caption: str) -> str:
    """Join a picture in Typst's language and its caption, which stay on one page."""
    width = 100
    if block.mime != "image/svg+xml":
        with Picture.open(io.BytesIO(as_bytes(block.mime, block.content))) as opened:
            width = min(width, HIGHEST * opened.width // opened.height)
    begin = picture.replace("#picture(", "#figure-with(").removesuffix(")\n````")
    return f"{begin}, {width}%)[\n````\n\n{caption}\n\n{raw_typst(']')}"


def with_page_numbers(plan: str) -> str:
    """Make the table of the sections a table of contents."""

    def add(match: re.Match) -> str:
        link = LINK.search(match[0])
        page = f"`#page-of(<{link[1]}>)`{{=typst}}" if link else ""
        row = re.sub(r"\[(\d+)\. ", "[\\1.\N{NO-BREAK SPACE}", match[0])  # no list
        return f"{row} {page} |"

    plan = re.sub(r"^\|(?! section|-).*\|$", add, plan, flags=re.MULTILINE)
    return plan.replace("| section |", "| Contents |").replace(
        "| afterwards you can |\n|---|---:|---:|---|",
        "| afterwards you can | page |\n|---|---:|---:|---|---:|",
    )


def is_only_named(block: Block) -> bool:
    """Whether it is code that is not printed."""
    return block.kind in ("code", "source") and not block.shown


def names_of(code: list[Block]) -> str:
    """Say in one line which code is left out, and how long it is."""
    lines = [len(block.content.strip().splitlines()) for block in code]
    lines = [f"{n} lines" if n > 1 else "1 line" for n in lines]
    names = (f"{block.about}, {n}" for block, n in zip(code, lines, strict=True))
    return f"In the notebook: {'; '.join(names)}"


def on_paper(block: Block, folder: Path) -> str:
    """Write a block as Markdown or as Typst's language."""
    content = quoted(block.content)
    if block.kind == "picture":
        return raw_typst(f"#picture({drawn(block, folder)})")
    if block.kind == "code":
        return raw_typst(f"#cell({quoted(block.about)}, {content})")
    if block.kind in ("source", "plain"):
        return raw_typst(f"#source({content})")
    text = FORMULA.sub(with_words, PICTURE.sub(as_image, block.content))
    if block.kind == "caption":
        return f"::: {{typst:text:size=9pt}}\n{text}\n:::"
    text = kept_together(text)
    if text.count("\n|") > LONG:
        free = "#[#show figure: set block(breakable: true)"
        text = f"{raw_typst(free)}\n\n{text}\n\n{raw_typst(']')}"
    return text


def drawn(block: Block, folder: Path) -> str:
    """Write a picture's file, a chart's as lines; return its name and alt text."""
    mime, content = block.mime, block.content
    if block.vector:
        mime, content = "image/svg+xml", block.vector
    return f"{quoted(written(mime, content, folder))}, {quoted(block.about)}"


def as_image(match: re.Match) -> str:
    """Write a picture in Typst's language: pandoc would drop its alt text."""
    name, alt = quoted(match["target"]), match["alt"] or NO_ALT
    return f"`#box(image({name}, alt: {quoted(alt)}))`{{=typst}}"


def with_words(match: re.Match) -> str:
    """Give a formula a text for those who cannot see it."""
    if match[1]:  # code
        return match[0]
    words = quoted(in_words(match[3]))
    return f"`#formula({words})[`{{=typst}}{match[0]}`]`{{=typst}}"


def in_words(formula: str) -> str:
    r"""Write a formula of TeX without what only sets it.

    Examples
    --------
    >>> in_words(r"\frac{1}{\sigma^2}\,\mathbb{E}[x]")
    '(1) / ( sigma ^2) E[x]'
    """
    text = re.sub(r"\\(?:math\w+|text|operatorname)\b", "", formula)
    text = re.sub(r"\\[dt]?frac\{((?:[^{}]|\{[^{}]*\})*)\}\{", r"(\1) / {", text)
    text = re.sub(r"/ \{((?:[^{}]|\{[^{}]*\})*)\}", r"/ (\1)", text)
    text = re.sub(r"\\(?:left|right|big|Big|quad|qquad)\b|\\[,;:! ]|&", " ", text)
    text = re.sub(r"\\([A-Za-z]+)", r" \1 ", text)
    return " ".join(re.sub(r"[{}\\]", "", text).split())


def kept_together(text: str) -> str:
    """Keep a title in bold, and what ends in a colon, on one page with what follows."""
    leads_on = re.compile(r"\*\*[^*]+\*\*|[^-|>#].*:", flags=re.DOTALL).fullmatch
    parts = re.split(r"\n\n+", text)
    return "\n\n".join(sticky(part) if leads_on(part) else part for part in parts)


def sticky(paragraph: str) -> str:
    """Mark a paragraph to stand on the page of the next one."""
    return f"::: {{typst:sticky=true}}\n{paragraph}\n:::"


def raw_typst(code: str) -> str:
    """Mark a piece of Typst's language for pandoc to pass on."""
    return f"````{{=typst}}\n{code}\n````"


def quoted(text: str) -> str:
    """Write a text as a string in Typst's language, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)
