"""What a teacher gets: it is the lesson's, all of it or nothing, and it works."""

import base64
import json
import re

import nbformat
import pytest
from conftest import ROOT, executed_notebook, names_in, shows
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell
from pypdf import PdfReader

from dae.publish.handout import build_handout
from dae.publish.numbers import COMMENT

STRAIGHT = str.maketrans("“”‘’", "\"\"''")
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


def text_of(path):
    texts = [page.extract_text() for page in PdfReader(path).pages]
    return [" ".join(text.split()).translate(STRAIGHT) for text in texts]


def markdown(notebook):
    sources = (c.source for c in notebook.cells if c.cell_type == "markdown")
    return COMMENT.sub("", "\n\n".join(sources))


def test_students_notebook_is_the_lesson_without_outputs_and_solutions(
    notebook, folder
):
    students = read(folder / "students.ipynb")
    kept = {cell.id: cell for cell in students.cells}
    left_out = [cell.id for cell in notebook.cells if cell.id not in kept]
    assert len(left_out) > 10 and all(name.startswith("solution") for name in left_out)
    for cell in students.cells:
        assert cell.id == "references" or not re.search(r"\b[Ss]olution", cell.source)
        assert "](figures/" not in cell.source and "](dae/" not in cell.source
        assert not cell.get("outputs") and not cell.get("execution_count")
    (name,) = re.findall(r"\]\(attachment:(.+?)\)", kept["title"].source)
    picture = base64.b64decode(kept["title"].attachments[name]["image/png"])
    assert picture == (ROOT / "figures" / name).read_bytes()
    marked = [cell for cell in students.cells if "nbgrader" in cell.metadata]
    assert [cell.id for cell in marked] == [f"exercise-{n}" for n in range(1, 11)]
    points = [cell.metadata.nbgrader.points for cell in marked]
    assert points == [1, 1, 1, 2, 2, 2, 2, 2, 3, 3]
    for cell in marked:
        assert cell.metadata.nbgrader.grade_id == cell.id
        assert cell.metadata.nbgrader.solution and "= ..." in cell.source


@pytest.mark.slow
def test_solutions_run_alone_and_pass_every_check(folder, tmp_path, monkeypatch):
    """In an empty folder."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    solutions = read(folder / "solutions.ipynb")
    about = {"metadata": {"path": tmp_path}}
    NotebookClient(solutions, timeout=300, resources=about).execute()
    outputs = [output for cell in solutions.cells for output in cell.get("outputs", [])]
    said = [output.get("data", {}).get("text/markdown", "") for output in outputs]
    assert said.count("**Right.**") == 10 and "Not yet" not in "".join(said)
    for number in range(1, 11):
        assert f"**{number} (★" in markdown(solutions)
        assert f"**{number}.** " in markdown(solutions)


def test_predictions_fill_one_page_and_slides_have_all(notebook, folder):
    """And each slide begins with its title: nothing runs over to another page."""
    (page,) = text_of(folder / "predictions.pdf")
    first, *slides = text_of(folder / "slides.pdf")
    prose = markdown(notebook)
    for box in re.findall(r"^> \*\*Predict first\.\*\* (.+)$", prose, flags=re.M):
        assert box.replace("*", "") in page, box
        assert sum(box.replace("*", "") in slide for slide in slides) == 1, box
    titles = re.findall(r"^## (\d+\. .+)$", prose, flags=re.M)
    titles = [title.replace("*", "") for title in titles]
    for title in titles[:-1]:  # the last one has neither figure nor takeaway
        assert 1 <= sum(slide.startswith(title) for slide in slides) <= 5, title
    assert first.startswith("Denoising autoencoders")
    assert all(slide.startswith(tuple(titles)) for slide in slides)
    for debris in ("Try it", "[Vincent", "Predict first", "**", "|", "<a "):
        assert debris not in " ".join(slides).replace("x | y", ""), debris


def refused(notebook, folder, message, kind=ValueError):
    before = names_in(folder.parent)
    with pytest.raises(kind, match=message):
        build_handout(notebook, folder)
    assert names_in(folder.parent) == before


def test_what_cannot_be_handed_out_is_refused(notebook, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        refused(notebook, folder, "must be new or an empty folder", FileExistsError)
    folder = tmp_path / "new"
    colab = json.loads(nbformat.writes(notebook))
    for cell in colab["cells"]:
        cell["metadata"]["id"] = cell.pop("id")  # where Colab keeps it
    colab = nbformat.reads(json.dumps(colab | {"nbformat_minor": 0}), as_version=4)
    refused(colab, folder, "cells must have ids")

    small = executed_notebook()
    refused(small, folder, "must have exercises")
    small.cells += [new_markdown_cell("## 1. A\n\n**1 (★). B.** C.")]
    refused(small, folder, "must have a cell with the id exercise-1")
    small.cells += [
        new_code_cell("answer_1 = 3", id="exercise-1", execution_count=1),
        new_code_cell("answer_1 = 4", id="solution-1", execution_count=1),
    ]
    refused(small, folder, r"must have a line answer_1 = \.\.\.")
    small.cells[-2].source = "answer_1 = ..."
    picture = (ROOT / "figures/blur.png").read_bytes()
    small.cells.append(shows("image/png", base64.b64encode(picture).decode()))
    refused(small, folder, r"figure of cell 6 \(pass\) has no alt text")
    small.cells.pop()
    build_handout(small, folder)
    build_handout(small, tmp_path / "again")
    assert names_in(folder) == FILES
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
