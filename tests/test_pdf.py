"""The PDF edition: the notebook's words, numbers and pictures, and nothing raw."""

import base64
import re
from unicodedata import combining

import pytest
from conftest import ROOT, executed_notebook
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from pypdf import PdfReader

from dae.press.pdf import COMMENT, build_pdf
from dae.press.prose import MARK

PDF = ROOT / "denoising-autoencoder-tutorial.pdf"


def squeezed(text):
    """A text without spaces, so that line breaks do not matter."""
    return re.sub(r"\s+", "", text)


def text_of(path):
    return "".join(page.extract_text() for page in PdfReader(path).pages)


def bare(text):
    """Without numbers, the dots of the contents, and accents, which may come first."""
    return "".join(c for c in text if c not in "0123456789." and not combining(c))


@pytest.fixture(scope="module")
def pages():
    return squeezed(text_of(PDF))


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def outputs(notebook):
    return [output for cell in cells(notebook, "code") for output in cell.outputs]


def test_same_notebook_same_bytes_and_the_committed_ones(notebook, tmp_path, pages):
    for name in ("a.pdf", "b.pdf"):
        build_pdf(notebook, tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    if (tmp_path / "a.pdf").read_bytes() != PDF.read_bytes():
        # another Typst: the same text in the same order, on other pages
        assert bare(squeezed(text_of(tmp_path / "a.pdf"))) == bare(pages)


def test_title_and_headings_are_there(notebook, pages):
    prose = "\n".join(cell.source for cell in cells(notebook, "markdown"))
    headings = re.findall(r"^#+ (.+)$", COMMENT.sub("", prose), flags=re.M)
    assert len(headings) > 15
    for heading in headings:
        assert squeezed(heading.replace("*", "")) in pages, heading
    assert pages.count("Contents") == 1


def test_contents_and_sections_are_linked(notebook):
    links = re.findall(r"\]\(#", "".join(c.source for c in cells(notebook, "markdown")))
    named = [
        annotation.get_object()["/Dest"]
        for page in PdfReader(PDF).pages
        for annotation in page.get("/Annots", [])
        if "/Dest" in annotation.get_object()
    ]
    assert len(named) > len(links) > 30  # those, and the ones of the contents


def test_every_figure_is_there_with_its_caption(notebook, pages):
    captions = [c.source for c in notebook.cells if c.source.startswith("**Figure ")]
    for caption in captions:
        words = COMMENT.sub("", caption).replace("*", "")
        assert squeezed(words) in pages, caption
    counts = [len(page.images) for page in PdfReader(PDF).pages]
    assert counts[0] == 1  # the main result, once more on the title page
    assert sum(counts) == len(captions) + 1


def test_every_marked_number_is_there(notebook, pages):
    """With the words around it."""
    checked = 0
    for cell in cells(notebook, "markdown"):
        for mark in MARK.finditer(cell.source):
            after = COMMENT.sub("", cell.source[mark.end() :])[:12]
            if re.fullmatch(r"[\w ,.()%]+", after):
                assert squeezed(mark["number"] + after) in pages, mark[0]
                checked += 1
    assert checked > 50


RAW = r"<!-- --> \begin \frac \mathbb \sigma parallel **What Notyet: ``` |--- $$ ](http"


def test_nothing_raw(pages):
    for debris in (*RAW.split(), "widget", "VBox", "\x1b"):
        assert debris not in pages, debris
    assert not re.search(r"epoch\d+of\d+\(|\dsleft", pages)  # a progress line


def test_pages_are_a4_and_numbered_and_none_ends_in_a_title():
    for number, page in enumerate(PdfReader(PDF).pages, start=1):
        width, height = (float(side) for side in page.mediabox[2:])
        assert abs(width - 595.3) < 1 and abs(height - 841.9) < 1
        text = page.extract_text().rstrip()
        assert text.endswith(str(number))
        assert not text.rstrip("0123456789 \n").endswith("What to take from it.")


def test_code_never_runs_over_the_margin(notebook):
    """88 characters of 8 point DejaVu Sans Mono, 0.602 em wide, fit the text width."""
    assert 88 * 8 * 0.602 < 595.3 - 2 * (2.3 / 2.54 * 72) - 2 * 6
    lines = [line for c in cells(notebook, "code") for line in c.source.split("\n")]
    for output in outputs(notebook):
        shown = output.get("data", {}).get("text/markdown", "").split("\n")
        lines += [line for line in shown if not line.startswith("|")]
    assert max(map(len, lines)) <= 88


def test_other_kind_of_file_is_refused(notebook, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.pdf"):
        build_pdf(notebook, tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


PIXEL = base64.b64encode((ROOT / "figures/blur.png").read_bytes()).decode()
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
TABLE = "<table><tr><th>who</th></tr><tr><td>Ada &amp; Bob</td></tr></table>"


def cell_with(output_type="display_data", **content):
    """A cell of the reader's own, executed."""
    output = new_output(output_type, **content)
    return new_code_cell("pass", execution_count=1, outputs=[output])


def shows(mime, content, **about):
    return cell_with(data={mime: content, "text/plain": "<obj>"}, metadata=about)


READERS = {  # a cell, and what the page must show of it: words, or number of pictures
    "printed": (cell_with("stream", text="it is \x1b[31m42\x1b[0m\n"), "it is 42"),
    "a value": (cell_with("execute_result", data={"text/plain": "[1, 4]"}), "[1, 4]"),
    "an error": (cell_with("error", ename="KeyError", evalue="'x'"), "KeyError: 'x'"),
    "a table": (shows("text/html", TABLE), "Ada & Bob"),
    "a formula": (shows("text/latex", "$$x = y$$"), "="),
    "a plot without alt text": (shows("image/png", PIXEL), 1),
    "an SVG": (shows("image/svg+xml", SVG), "pass"),
    "raw": (new_raw_cell("as it stands #"), "as it stands #"),
    "empty": (new_code_cell(""), ""),
    "skipped": (
        new_code_cell("slow()", metadata={"tags": ["skip-execution"]}),
        "slow()",
    ),
    "attached": (
        new_markdown_cell(
            "![me](attachment:a.png)", attachments={"a.png": {"image/png": PIXEL}}
        ),
        1,
    ),
    "embedded": (new_markdown_cell(f"![me](data:image/png;base64,{PIXEL})"), 1),
    "by its path": (new_markdown_cell("![some](figures/blur.png)"), 1),
    "by link": (new_markdown_cell("![a cat](https://example.org/a.png)"), "a cat"),
    "a link to nowhere": (new_markdown_cell("See [there](#not-here)."), "Seethere."),
    "as HTML": (new_markdown_cell('<img src="x.png" alt="a dog" width=9>'), "a dog"),
    "progress": (
        cell_with(data={"text/plain": "epoch 1"}, metadata={"progress": True}),
        0,
    ),
}


@pytest.mark.parametrize("on_top", [False, True])
@pytest.mark.parametrize("name", READERS)
def test_what_readers_add_is_shown(tmp_path, monkeypatch, name, on_top):
    monkeypatch.chdir(tmp_path)  # paths are from the notebook's folder
    added, expected = READERS[name]
    notebook = executed_notebook()
    notebook.cells.insert(0 if on_top else len(notebook.cells), added)
    build_pdf(notebook, tmp_path / "a.pdf")
    text = squeezed(text_of(tmp_path / "a.pdf"))
    assert "Theabstract." in text and "epoch" not in text
    if isinstance(expected, str):
        assert squeezed(expected) in text
    else:
        pictures = [
            p for page in PdfReader(tmp_path / "a.pdf").pages for p in page.images
        ]
        assert len(pictures) == expected


def test_cell_that_cannot_be_set_is_named(tmp_path):
    notebook = executed_notebook()
    notebook.cells += [
        new_markdown_cell("Fine."),
        shows("image/png", base64.b64encode(b"no picture").decode()),
    ]
    with pytest.raises(ValueError, match=r"cell 4 \(pass\) cannot be set on paper"):
        build_pdf(notebook, tmp_path / "a.pdf")
    notebook.cells[-1] = new_code_cell("later()")
    with pytest.raises(ValueError, match=r"whose cell 4 \(later\(\)\) is not; python"):
        build_pdf(notebook, tmp_path / "a.pdf")
    notebook.cells = [notebook.cells[1]]  # code alone
    with pytest.raises(ValueError, match=r"Markdown cell that begins with # TITLE"):
        build_pdf(notebook, tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())
