"""The PDF edition: the notebook's words, numbers and pictures, and nothing raw."""

import re
from unicodedata import combining

import pytest
from conftest import ROOT
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
