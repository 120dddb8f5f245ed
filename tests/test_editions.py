"""The editions show what Jupyter shows: of the lesson, and of what readers add.

``readers.ipynb`` has all that readers were seen to add, a cell each; what becomes of it
stands in ``readers.txt``. ``RENEW=1 python -m pytest tests/test_editions.py`` writes
that anew: look at what has changed.
"""

import base64
import hashlib
import html
import os
import re
from collections import Counter
from pathlib import Path

import html5lib
import nbformat
import pytest
from conftest import ROOT, executed_notebook, shows
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from pypdf import PdfReader

import dae
from dae.publish.live import Live
from dae.publish.numbers import COMMENT, MARK
from dae.publish.page import build_page, to_page
from dae.publish.pdf import build_pdf

NAME = ROOT / "denoising-autoencoder-tutorial"
GOLDEN = Path(__file__).with_name("readers.txt")
NO_LIVE = Live("", "", "")
STRAIGHT = str.maketrans("“”‘’", "\"\"''")
DATA = re.compile(r'<script type="application/json" id="live-data">(.*?)</script>')


def parsed(page):
    """The page's elements, if it keeps to the standard."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(page)


def seen(element):
    """What a page shows as text, with its pictures and links."""
    if str(element.tag).endswith(("script", "style", "annotation")):
        return element.tail or ""
    text = (element.text or "") + "".join(map(seen, element))
    target = element.get("href") or ""
    if element.tag == "img":
        text = f"[picture: {element.get('alt')}]"
    elif target and not target.startswith("#cb"):  # pandoc's anchor of a line
        text = f"{text} [to {target}]"
    return f"{text}{' | ' if element.tag in ('td', 'th') else ''}{element.tail or ''}"


def squeezed(text):
    return re.sub(r"\s+", "", text)


def words_of(content):
    """All words of a PDF, without spaces: lines may break elsewhere."""
    return squeezed("".join(p.extract_text() for p in PdfReader(content).pages))


def about_pictures(reader):
    """The alt texts of a PDF's pictures and formulas, in the order of reading."""
    found, waiting = [], [reader.trailer["/Root"]["/StructTreeRoot"]]
    while waiting:
        node = waiting.pop().get_object()
        if isinstance(node, list):
            waiting += reversed(node)
        elif isinstance(node, dict):
            found += [str(node["/Alt"])] if "/Alt" in node else []
            waiting += [node.raw_get("/K")] if "/K" in node else []
    return found


def links_of(reader):
    """Where a PDF's links lead: an address, a name, or a place on a page."""
    notes = [note.get_object() for p in reader.pages for note in p.annotations or []]
    targets = [n.get("/A", {}).get("/URI", n.get("/Dest")) for n in notes]
    return [t if isinstance(t, str) else "a place" for t in targets]


def both(notebook, folder):
    build_pdf(notebook, folder / "a.pdf")
    return to_page(notebook, NO_LIVE), folder / "a.pdf"


def test_what_readers_add_is_shown_as_in_jupyter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.read(ROOT / "tests/readers.ipynb", as_version=4)
    page, paper = both(notebook, tmp_path)
    article = next(parsed(page).iter("article"))
    lines = [" ".join(seen(part).split()) for part in article]
    reader = PdfReader(paper)
    paper_words = words_of(paper).replace("Inthenotebook:", "\nInthenotebook:")
    found = ["PAGE", *filter(None, lines), "PAPER", paper_words]
    found += ["ALT", *about_pictures(reader), "LINKS", *links_of(reader)]
    found = "\n".join(found) + "\n"
    if "RENEW" in os.environ:
        GOLDEN.write_text(found, encoding="utf-8")
    assert found.split("\n") == GOLDEN.read_text(encoding="utf-8").split("\n")
    assert 'src="http' not in page
    assert b"pdfuaid:part>1<" in reader.xmp_metadata.stream.get_data()
    before = paper.read_bytes()
    assert both(notebook, tmp_path) == (page, paper) and paper.read_bytes() == before


TYPED = """\
It's "so": 9<!-- results: a .1f --> dB, **5** %, 7 × 7, [−2.4, 2.6], 2.95 to 3.00;
`it's "x" % 2 to 3`, $a'$.

| 1.0 [−2.35, 3.00] | 'a' |
|---|---|
"""
SET = (
    "It’s “so”: 9~dB, 5~%, 7~×~7, [−2.4,~2.6], 2.95~to~3.00;",
    """it's "x" % 2 to 3""",
    "1.0 [−2.35,~3.00]",
    "‘a’",
)


def test_units_intervals_and_quotes_are_set_alike_in_all_editions(tmp_path):
    """A tilde stands for a space at which no line ends."""
    notebook = executed_notebook()
    notebook.cells.append(new_markdown_cell(TYPED))
    page, paper = both(notebook, tmp_path)
    on_page = seen(next(parsed(page).iter("article"))).replace("\xa0", "~")
    on_paper = squeezed("".join(p.extract_text() for p in PdfReader(paper).pages))
    for text in SET:
        assert text in on_page
        assert re.sub("[ ~]", "", text) in on_paper


SMILE = "Well done \N{SMILING FACE WITH SMILING EYES}"


def test_characters_without_a_font_stop_nothing(tmp_path, capsys):
    notebook = executed_notebook()
    notebook.cells.append(
        new_markdown_cell("Well done \N{SMILING FACE WITH SMILING EYES}")
    )
    page, paper = both(notebook, tmp_path)
    assert SMILE in page
    assert "Welldone" in words_of(paper)
    printed = capsys.readouterr().err
    assert not printed or "cell 3 (Well done" in printed  # fonts of this machine


NO_PICTURE = base64.b64encode(b"no picture").decode()


@pytest.mark.parametrize(
    "cell",
    [
        shows("image/png", NO_PICTURE),
        shows("text/html", f'<img src="data:image/png;base64,{NO_PICTURE}">'),
        new_markdown_cell(f"![x](data:image/png;base64,{NO_PICTURE})"),
        new_markdown_cell("![x](data:image/x;base64,AAAA)"),
        new_code_cell("later()"),
    ],
)
def test_the_cell_at_fault_is_named(tmp_path, cell):
    """And not one whose link leads to another."""
    broken = executed_notebook()
    broken.cells += [new_markdown_cell("See [below](#Below)."), cell]
    broken.cells += [new_markdown_cell("## Below")]
    first_line = re.escape(cell.source[:9])
    for build, name in ((build_pdf, "a.pdf"), (build_page, "a.html")):
        with pytest.raises(ValueError, match=rf"cell 4 \({first_line}"):
            build(broken, tmp_path / name)
        with pytest.raises(ValueError, match=r"must end in"):
            build(broken, tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


# the lesson


@pytest.fixture(scope="module")
def page():
    return NAME.with_suffix(".html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(page):
    return parsed(page)


@pytest.fixture(scope="module")
def paper():
    return PdfReader(NAME.with_suffix(".pdf"))


@pytest.fixture(scope="module")
def sheets(paper):
    return [page.extract_text() for page in paper.pages]


@pytest.fixture(scope="module")
def words(tree, sheets):
    """All that page and paper say."""
    on_page = re.sub(r" \[to [^]]*\]| \| ", "", seen(tree))
    texts = {"page": on_page, "paper": "".join(sheets)}
    return {name: squeezed(text).translate(STRAIGHT) for name, text in texts.items()}


def letters(text):
    """How often each is there: other versions space formulas in another way."""
    return Counter(filter(str.isalpha, text))


def test_committed_editions_are_the_notebook_s(notebook, page, tmp_path, words):
    build_page(notebook, tmp_path / "a.html")
    again = (tmp_path / "a.html").read_text(encoding="utf-8")
    if DATA.sub("", again) != DATA.sub("", page):  # another pandoc
        texts = [seen(parsed(DATA.sub("", text))) for text in (again, page)]
        assert letters(texts[0]) == letters(texts[1])
    build_pdf(notebook, tmp_path / "a.pdf")
    if (tmp_path / "a.pdf").read_bytes() != NAME.with_suffix(".pdf").read_bytes():
        assert letters(words_of(tmp_path / "a.pdf")) == letters(words["paper"])


@pytest.mark.parametrize("edition", ["page", "paper"])
def test_all_headings_captions_and_numbers_are_there(notebook, words, edition):
    sources = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    prose = COMMENT.sub("", "\n".join(sources))
    lines = re.findall(r"^(?:#+ |\*\*Figure ).+$", prose, flags=re.M)
    plain = [re.sub(r"^#+ |[*`]", "", line) for line in lines if "$" not in line]
    after = [
        (m, COMMENT.sub("", s[m.end() :])[:12])
        for s in sources
        for m in MARK.finditer(s)
    ]
    plain += [m["number"] + a for m, a in after if re.fullmatch(r"[\w ,.()%]+", a)]
    missing = [text for text in plain if squeezed(text) not in words[edition]]
    assert len(plain) > 100 and not missing
    for debris in (
        r"\frac",
        "<!--",
        "**What",
        "Notyet:",
        ":::",
        "{=",
        "|---",
        "epoch1of",
    ):
        assert debris not in words[edition], debris


def test_every_figure_is_there_with_alt_text_and_caption(notebook, tree, paper):
    captions = [
        c
        for c in notebook.cells
        if re.match(r"\*\*Figure |<a id=.*\n+\*\*Fig", c.source)
    ]
    pictures = list(tree.iter("img"))
    alts = [picture.get("alt") for picture in pictures]
    assert len(pictures) == len(captions) + 1  # the main result, once more on top
    assert all(len(alt) > 20 for alt in alts)
    figures = [f for f in tree.iter("figure") if f.find(".//img") is not None]
    assert [len(f.findall("figcaption")) for f in figures] == [1] * len(pictures)
    assert Counter(alts) <= Counter(about_pictures(paper))
    outputs = [o for c in notebook.cells for o in c.get("outputs", [])]
    charts = [o for o in outputs if "svg" in o.get("metadata", {}).get("image/png", {})]
    named = re.findall(r"\]\((dae/.*svg)\)", "".join(c.source for c in notebook.cells))
    drawn = [p for p in named if "<image" not in (ROOT / p).read_text("utf-8")]
    on_paper = sum(len(page.images.keys()) for page in paper.pages)
    assert on_paper == len(pictures) - len(charts) - len(drawn)  # those are lines


def test_chart_is_drawn_as_lines_if_its_drawing_is_at_hand(tmp_path):
    history = dae.load_checkpoint().history
    figure = dae.plot_history(history, floor=0.06)
    data, about = dae.save_figure(
        figure, tmp_path / "figures/a.png"
    )._repr_mimebundle_()
    notebook = executed_notebook()
    output = new_output("display_data", data=data, metadata=about)
    notebook.cells += [
        new_code_cell("x", execution_count=2, outputs=[output]),
        new_markdown_cell("**Figure 1.** Losses."),
    ]
    for changed, count in ((False, 0), (True, 1)):
        if changed:  # the drawing of another figure
            (tmp_path / "figures/a.svg").write_text("<svg/>")
        build_pdf(notebook, tmp_path / "a.pdf", files=tmp_path)
        (page,) = PdfReader(tmp_path / "a.pdf").pages
        assert len(page.images) == count
        assert "Figure 1. Losses." in page.extract_text()


def test_links_lead_somewhere(tree, paper):
    names = Counter(e.get("id") for e in tree.iter() if e.get("id"))
    assert max(names.values()) == 1
    targets = [a.get("href") for a in tree.iter("a") if a.get("href")]
    inside = [target[1:] for target in targets if target.startswith("#")]
    assert names.keys() >= set(inside) and {"Vincent-2008", "baselines"} <= set(inside)
    assert all(re.match("#|https://", target) for target in targets)
    contents = [a.get("href") for a in tree.find(".//nav").iter("a")]
    in_text = [t for t in inside if not re.match(r"cb\d|lesson", t)]
    on_paper = [link for link in links_of(paper) if not re.match("https?:", link)]
    assert len(on_paper) >= len(in_text) - len(contents) > 90


def test_no_unit_and_no_quote_of_the_lesson_is_left_as_typed(page):
    article = re.search("<article.*</article>", page, flags=re.DOTALL)[0]
    no_text = r"<(pre|code|math|summary)\b.*?</\1>|<[^>]*>"
    text = html.unescape(re.sub(no_text, "", article, flags=re.DOTALL))
    assert not re.findall(r"\d (?:dB|%)|\d × \d|.{9}[\"'].{9}", text)


def test_page_states_what_it_is_and_loads_nothing(page, tree):
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert len(tree.findall(".//h1")) == 1
    (script,) = (e for e in tree.iter("script") if e.get("type") is None)
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{digest}';" in page
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|import\(", page)
    for element in tree.iter():
        assert (element.get("src") or "data:").startswith("data:")
        assert element.tag not in ("link", "iframe")
    assert len(page) < 5e6


def test_paper_is_for_all_and_gives_pages(notebook, paper, sheets):
    about, root = paper.metadata, paper.trailer["/Root"]
    assert about.title.startswith("Denoising autoencoders") and root["/Lang"] == "en"
    assert f"{about.creation_date:%Y-%m-%d}" == notebook.metadata.date
    assert b"pdfuaid:part>1<" in paper.xmp_metadata.stream.get_data()
    first, *others = sheets
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    for title in re.findall(r"^## (\d+\. [\w ]+)", prose, flags=re.M):
        (place,) = re.findall(rf"{title[:20]}.* (\d+)\n", first.replace("\xa0", " "))
        assert f"\n{title[:20]}" in "\n" + others[int(place) - 2], title
    for sheet in sheets:
        last = sheet.rstrip("0123456789 \n").splitlines()[-1]
        assert not re.match(r"\d+\. |What to take from it\.$", last), last
