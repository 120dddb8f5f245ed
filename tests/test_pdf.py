"""The PDF edition: the notebook's words, numbers and pictures, and nothing raw."""

import base64
import io
import re
from unicodedata import combining

import numpy as np
import pytest
from conftest import READERS, ROOT, executed_notebook, shows
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image as Picture
from pypdf import PdfReader

import dae
from dae.notebook import VECTOR
from dae.publish.edition import COMMENT, as_bytes, blocks, title_and_abstract
from dae.publish.numbers import MARK
from dae.publish.pdf import build_pdf, in_words, set_pages

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


def test_title_headings_and_contents_are_there(notebook, pages):
    prose = "\n".join(cell.source for cell in cells(notebook, "markdown"))
    headings = re.findall(r"^#+ (.+)$", COMMENT.sub("", prose), flags=re.M)
    assert len(headings) > 15
    for heading in headings:
        assert squeezed(heading.replace("*", "")) in pages, heading
    assert pages.count("Contents") == 1


def targets(reader):
    """Where links within the document lead, and the page they stand on."""
    return [
        (annotation.get_object()["/Dest"], number)
        for number, page in enumerate(reader.pages, start=1)
        for annotation in page.get("/Annots", [])
        if "/Dest" in annotation.get_object()
    ]


def test_sections_figures_and_sources_are_linked(notebook):
    text = COMMENT.sub("", "".join(c.source for c in cells(notebook, "markdown")))
    mentions = re.findall(r"(?<!\[)\b[Ss]ection \d|\](?=\(#)|\d{4}\](?!\()", text)
    assert len(targets(PdfReader(PDF))) > len(mentions) > 90


def test_contents_give_the_page_of_each_section(notebook):
    first, *others = [page.extract_text() for page in PdfReader(PDF).pages]
    prose = "\n".join(cell.source for cell in cells(notebook, "markdown"))
    titles = re.findall(r"^## (\d+\. [\w ]+)", prose, flags=re.M)
    assert len(titles) == 23
    for title in titles:
        (page,) = re.findall(rf"{title[:20]}.* (\d+)\n", first.replace("\xa0", " "))
        assert f"\n{title[:20]}" in "\n" + others[int(page) - 2], title


def test_parts_begin_a_page_and_no_page_ends_early(notebook):
    pictures = set_pages(notebook, format="png", ppi=30)
    text = [page.extract_text() for page in PdfReader(PDF).pages]
    parts = [i for i, words in enumerate(text) if re.match("Part I+: ", words)]
    assert len(parts) == 3
    assert len(pictures) == len(text) <= 42
    for i, picture in enumerate(pictures[:-1]):
        with Picture.open(io.BytesIO(picture)) as opened:
            grey = np.asarray(opened.convert("L"))
        inked = np.flatnonzero((grey < 200).any(axis=1))
        blank = np.diff(inked).max() / len(grey)  # the last ink is the page's number
        assert blank < (1 if i + 1 in parts else 1 / 3), i + 1


def test_short_paragraphs_and_points_are_not_torn(notebook):
    on_page = [squeezed(page.extract_text()) for page in PdfReader(PDF).pages]
    text = COMMENT.sub("", "\n\n".join(c.source for c in cells(notebook, "markdown")))
    pieces = re.split(r"\n\n+|\n(?=- )", text)
    plain = [
        re.sub(r"[*`]|^- ", "", p) for p in pieces if not re.search(r"[$|\[>#]", p)
    ]
    short = [squeezed(p) for p in plain if 160 < len(p) < 750]
    found = [sum(p in page for page in on_page) for p in short]
    assert len(short) > 75
    assert found.count(1) == len(short), short[found.index(0)]


def test_pdf_says_what_it_is_to_those_who_cannot_see_it(notebook):
    reader = PdfReader(PDF)
    about = reader.metadata
    assert about.title == title_and_abstract(notebook)[0]
    assert about.author == "the denoising-autoencoder-tutorial authors"
    assert f"{about.creation_date:%Y-%m-%d}" == notebook.metadata.date
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "en" and root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid:part>1<" in reader.xmp_metadata.stream.get_data()


def bundle(figure, path):
    shown = dae.save_figure(figure, path, alt="Two losses fall.")
    data, metadata = shown._repr_mimebundle_()
    data["image/png"] = data["image/png"].strip()
    return data, metadata


def test_charts_are_lines_on_paper_and_pictures_elsewhere(tmp_path, monkeypatch):
    """The same bytes each time; a picture of digits stays one."""
    figures = [
        dae.plot_history(dae.load_checkpoint().history, floor=0.06) for _ in range(2)
    ]
    (data, metadata), again = (bundle(f, tmp_path / "a.png") for f in figures)
    assert data[VECTOR] == again[0][VECTOR]
    digits = dae.plot_image_rows({"digits": np.zeros((2, 28, 28, 1), np.float32)})
    assert VECTOR not in bundle(digits, tmp_path / "b.png")[0]
    notebook = executed_notebook()
    output = new_output("display_data", data=data, metadata=metadata)
    notebook.cells.append(new_code_cell("x", execution_count=2, outputs=[output]))
    notebook.cells.append(new_markdown_cell("**Figure 1.** Losses."))
    build_pdf(notebook, tmp_path / "a.pdf")
    (page,) = PdfReader(tmp_path / "a.pdf").pages
    assert not page.images
    assert "Figure 1. Losses." in page.extract_text()
    assert page.get_contents().get_data().count(b" l\n") > 100  # lines


def test_a_picture_by_its_path_above_a_caption_is_a_figure(tmp_path):
    notebook = executed_notebook()
    notebook.cells += [
        new_markdown_cell("![A diagram.](dae/pictures/schematic.svg)"),
        new_markdown_cell("**Figure 1.** From left to right."),
        new_markdown_cell("![Blends.](figures/blur.png)"),
    ]
    *_, before, caption, alone = blocks(notebook, tmp_path)
    assert (before.kind, before.about, caption.kind) == (
        "picture",
        "A diagram.",
        "caption",
    )
    assert b"</svg>" in as_bytes(before.mime, before.content)
    assert alone.kind == "text"  # as large as it is
    build_pdf(notebook, tmp_path / "a.pdf")
    (page,) = PdfReader(tmp_path / "a.pdf").pages
    assert "Figure 1. From left to right." in page.extract_text()


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (r"\frac{1}{\sigma^2}\,\mathbb{E}[x]", "(1) / ( sigma ^2) E[x]"),
        (
            r"\tilde x = \min(1, x + \sigma\varepsilon)",
            "tilde x = min (1, x + sigma varepsilon )",
        ),
        (r"\sqrt{2\pi}", "sqrt 2 pi"),
    ],
)
def test_formulas_have_words(formula, words):
    assert in_words(formula) == words


def test_every_figure_is_there_with_its_caption(notebook, pages):
    captions = [c.source for c in notebook.cells if c.source.startswith("**Figure ")]
    for caption in captions:
        words = COMMENT.sub("", caption).replace("*", "")
        assert squeezed(words) in pages, caption
    counts = [len(page.images) for page in PdfReader(PDF).pages]
    assert counts[0] == 1  # the main result, once more on the title page
    charts = [o for o in outputs(notebook) if VECTOR in o.get("data", {})]
    charts += [c for c in notebook.cells if "pictures/frontier.svg" in c.source]
    assert sum(counts) == len(captions) + 1 - len(charts)  # those are lines


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
