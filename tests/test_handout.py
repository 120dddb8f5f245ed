"""What a teacher gets: it is the lesson's, all of it or nothing, and it works."""

import base64
import re

import nbformat
import pytest
from conftest import ROOT, executed_notebook, names_in, shows
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell
from pypdf import PdfReader

from dae.publish.handout import build_handout, main_points

FILES = ["predictions.pdf", "slides.pdf", "solutions.ipynb", "students.ipynb"]


@pytest.fixture(scope="module")
def folder(notebook, tmp_path_factory):
    folder = tmp_path_factory.mktemp("handout") / "new"
    build_handout(notebook, folder)
    return folder


def read(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def lines_of(page):
    return page.get_contents().get_data().count(b" l\n")


def text_of(path):
    return [" ".join(page.extract_text().split()) for page in PdfReader(path).pages]


def test_four_files_the_same_from_the_same_notebook(notebook, folder, tmp_path):
    assert names_in(folder) == FILES
    build_handout(notebook, tmp_path / "again")
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_students_notebook_is_the_lesson_without_outputs_and_solutions(
    notebook, folder
):
    students = read(folder / "students.ipynb")
    left_out = [
        c.id for c in notebook.cells if c.id not in {c.id for c in students.cells}
    ]
    assert len(left_out) == 20 and all(name.startswith("solution") for name in left_out)
    sources = {cell.id: cell.source for cell in notebook.cells}
    for cell in students.cells:
        if cell.id != "references":
            assert not re.search(r"\b[Ss]olution", cell.source), cell.id
        pictures = ("schematic", "frontier-figure")  # attached
        changed = ("title", "imports", "exercises", *pictures)
        assert (cell.source != sources[cell.id]) == (cell.id in changed), cell.id
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None


def test_notebooks_need_nothing_beside_them_but_the_package(folder):
    students, solutions = (
        read(folder / f"{n}.ipynb") for n in ("students", "solutions")
    )
    for notebook in (students, solutions):
        cells = {cell.id: cell for cell in notebook.cells}
        assert "dae  # from the lesson's folder: put this" in cells["imports"].source
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                assert "](figures/" not in cell.source
    (title,) = [c for c in students.cells if c.id == "title"]
    (name,) = re.findall(r"\]\(attachment:(.+?)\)", title.source)
    picture = base64.b64decode(title.attachments[name]["image/png"])
    assert picture == (ROOT / "figures" / name).read_bytes()


def test_exercises_are_marked_for_nbgrader(folder):
    """As its schema 3 wants it, for answers that a person grades."""
    students = read(folder / "students.ipynb")
    marked = [cell for cell in students.cells if "nbgrader" in cell.metadata]
    assert [cell.id for cell in marked] == [f"exercise-{n}" for n in range(1, 11)]
    points = []
    for cell in marked:
        about = dict(cell.metadata.nbgrader)
        assert about.pop("grade_id") == cell.id
        points.append(about.pop("points"))
        assert about == {
            "schema_version": 3,
            "cell_type": "code",
            "grade": True,
            "solution": True,
            "locked": False,
            "task": False,
        }
        assert "answer_" in cell.source and "= ..." in cell.source
    assert points == [1, 1, 1, 2, 2, 2, 2, 2, 3, 3]


def test_solutions_run_and_pass_every_check(folder):
    solutions = read(folder / "solutions.ipynb")
    client = NotebookClient(
        solutions, timeout=300, resources={"metadata": {"path": ROOT}}
    )
    client.execute()
    said = [
        output.data["text/markdown"]
        for cell in solutions.cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    assert said.count("**Right.**") == 10
    assert not [text for text in said if "Not yet" in text]
    text = "\n".join(c.source for c in solutions.cells if c.cell_type == "markdown")
    for number in range(1, 11):
        assert f"**{number} (★" in text and f"**{number}.** " in text


def test_predictions_fill_one_page(notebook, folder):
    (page,) = text_of(folder / "predictions.pdf")
    boxes = re.findall(
        r"^> \*\*Predict first\.\*\* (.+)$",
        "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown"),
        flags=re.M,
    )
    assert len(boxes) == 14
    for box in boxes:
        assert box.replace("*", "") in page, box
    width, height = PdfReader(folder / "predictions.pdf").pages[0].mediabox[2:]
    assert abs(width - 595.3) < 1 and abs(height - 841.9) < 1


def test_slides_have_all_questions_takeaways_and_figures(notebook, folder):
    """And each slide begins with its title: nothing runs over to another page."""
    reader = PdfReader(folder / "slides.pdf")
    slides = text_of(folder / "slides.pdf")
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    titles = re.findall(r"^## (\d+\. .+)$", prose, flags=re.M)
    titles = [title.replace("*", "") for title in titles]
    for title in titles[:-1]:  # the last one has neither figure nor takeaway
        assert 1 <= sum(slide.startswith(title) for slide in slides) <= 5, title
    first, *others = slides
    assert first.startswith("Denoising autoencoders") and len(others) > 50
    assert all(slide.startswith(tuple(titles)) for slide in others)
    for words in (
        "The same architecture, trained in three ways",  # what a question is about
        "Which of the three gives the worst pictures?",
        "Fresh noise brings the same layers to",  # and what came of it, to the end
        "what they paint no longer hangs on single pictures",
    ):
        assert sum(words in slide for slide in slides) == 1, words
    for debris in ("Try it", "[Vincent", "Predict first", "**", "|"):
        assert debris not in " ".join(slides).replace("x | y", ""), debris
    for page in reader.pages:
        width, height = page.mediabox[2:]
        assert abs(width / height - 16 / 9) < 0.01
    drawn = [page for page in reader.pages if page.images or lines_of(page) > 100]
    assert len(drawn) >= 20
    charts = [s for p, s in zip(reader.pages, slides, strict=True) if lines_of(p) > 100]
    assert any(slide.startswith("7. Floors and fair baselines") for slide in charts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" It works. How? So. *Try it:* more.", "It works. How? So."),
        ("\n\n- **One.** Yes.\n- Two.\n\n*Try it:* x", "- **One.** Yes.\n- Two."),
        (" Well.\n\n> **Predict first.** What?", "Well."),
        (
            " Well.\n\nWho else? See:\n\n| a |\n|---|\n\nEnd. *Try it:* y",
            "Well.\n\nEnd.",
        ),
    ],
)
def test_takeaways_are_whole_but_for_what_is_beside_them(text, expected):
    assert main_points(text) == expected


def refused(notebook, folder, message, kind=ValueError):
    before = names_in(folder.parent)
    with pytest.raises(kind, match=message):
        build_handout(notebook, folder)
    assert names_in(folder.parent) == before


def test_folder_with_something_in_it_is_left_alone(notebook, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        refused(notebook, folder, "must be new or an empty folder", FileExistsError)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_what_cannot_be_handed_out_is_refused(tmp_path):
    folder = tmp_path / "new"
    notebook = executed_notebook()
    refused(notebook, folder, "must have exercises")
    notebook.cells += [new_markdown_cell("## 1. A\n\n**1 (★). B.** C.")]
    refused(notebook, folder, "must have a cell with the id exercise-1")
    notebook.cells += [
        new_code_cell("answer_1 = 3", id="exercise-1", execution_count=1),
        new_code_cell("answer_1 = 4", id="solution-1", execution_count=1),
    ]
    refused(notebook, folder, r"must have a line answer_1 = \.\.\.")
    notebook.cells[-2].source = "answer_1 = ..."
    picture = (ROOT / "figures/blur.png").read_bytes()
    notebook.cells.append(shows("image/png", base64.b64encode(picture).decode()))
    refused(notebook, folder, r"figure of cell 6 \(pass\) has no alt text")
    notebook.cells[-1] = new_code_cell("later()")
    refused(notebook, folder, r"whose cell 6 \(later\(\)\) is not")
    notebook.cells.pop()
    build_handout(notebook, folder)
    assert names_in(folder) == FILES
