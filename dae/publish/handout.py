"""What a teacher needs, made of the executed notebook: ``python -m dae --handout``.

The students' notebook, the solutions, the predictions as a printed page, and slides.
Nothing is written twice: a change of the lesson is in all of them.
"""

import base64
import copy
import mimetypes
import re
from itertools import takewhile
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dae.publish import edition
from dae.publish.numbers import ANCHOR, COMMENT
from dae.publish.pdf import typeset
from dae.publish.transaction import write_all

STYLE = edition.HERE / "handout.typ"
SOLUTIONS_ARE_HERE = " The [solutions](#solutions) come at the end."
START = "start-exercises"  # the cell that gives the exercises what they need
BOX = re.compile(r"^> \*\*Predict first\.\*\* (.+)$", flags=re.MULTILINE)
TAKEAWAY = "**What to take from it.**"
SECTION = re.compile(r"## (\d+\. .+)")
HEADING = re.compile(r"##? .*")
UNSEEN = re.compile(rf"{COMMENT.pattern}|{ANCHOR.pattern}\s*", flags=re.DOTALL)


def build_handout(notebook: NotebookNode, folder: str | Path) -> list[Path]:
    """Write the four files for a teacher, each whole.

    Parameters
    ----------
    notebook : NotebookNode
        Executed.
    folder : str or Path
        New, or empty.

    Returns
    -------
    list of Path
        ``students.ipynb``, ``solutions.ipynb``, ``predictions.pdf``, ``slides.pdf``.

    Raises
    ------
    FileExistsError
        If there is something in `folder`, or if it is a file.
    ValueError
        If a cell has not been executed, a figure has no alt text, or the notebook has
        no exercises, or one without a solution.
    """
    folder = Path(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise FileExistsError(f"{folder} must be new or an empty folder")
    edition.check_executed(notebook)
    check_ids(notebook)
    pieces = edition.take_apart(notebook)
    title, abstract, _ = edition.front(notebook)
    page, screen = ({"kind": kind, "title": title} for kind in ("page", "slides"))
    contents = {
        folder / "students.ipynb": file_of(students(notebook)),
        folder / "solutions.ipynb": file_of(solutions(notebook)),
        folder / "predictions.pdf": typeset(predictions(pieces), STYLE, page),
        folder / "slides.pdf": typeset(slides(title, abstract, pieces), STYLE, screen),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_all(contents)
    return list(contents)


def check_ids(notebook: NotebookNode) -> None:
    """Make sure that each cell has an id and each exercise its solution.

    Raises
    ------
    ValueError
        If something is missing, with what.
    """
    if any("id" not in cell for cell in notebook.cells):
        told = "the notebook's cells must have ids, and what Colab saves has none"
        raise ValueError(f"{told}: take the text of yours over into the original")
    cells = {cell.id: cell.source for cell in notebook.cells}
    for number in points(notebook):
        for name in (f"exercise-{number}", f"solution-{number}"):
            if name not in cells:
                raise ValueError(f"notebook must have a cell with the id {name}")
        if not blank(number).search(cells[f"exercise-{number}"]):
            told = f"exercise-{number} must have a line answer_{number} = ..."
            raise ValueError(told)


def blank(number: str) -> re.Pattern:
    """Return what finds the line of an exercise that waits for an answer."""
    return re.compile(rf"^answer_{number} = \.\.\..*$", flags=re.MULTILINE)


def file_of(notebook: NotebookNode) -> bytes:
    """Return a notebook as the content of its file."""
    return (nbformat.writes(notebook) + "\n").encode()


def students(notebook: NotebookNode) -> NotebookNode:
    """Take the solutions and all outputs out, and mark the exercises.

    Their cells carry the metadata of nbgrader's schema 3, as answers that a person
    grades: the check in the cell helps the student, and does not fail. A star is a
    point.
    """
    notebook = copy.deepcopy(notebook)
    notebook, _ = ClearOutputPreprocessor().preprocess(notebook, {})
    ids, inside = {}, False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = HEADING.match(UNSEEN.sub("", cell.source))
            inside = heading[0] == "## Solutions" if heading else inside
            cell.source = cell.source.replace(SOLUTIONS_ARE_HERE, "")
            attach_pictures(cell)
        if not inside:
            ids[cell.id] = cell
    notebook.cells = list(ids.values())
    for number, stars in points(notebook).items():
        name = f"exercise-{number}"
        about = {"schema_version": 3, "grade_id": name, "cell_type": "code"}
        about |= {"grade": True, "solution": True, "locked": False, "task": False}
        ids[name].metadata["nbgrader"] = about | {"points": stars}
    return notebook


def attach_pictures(cell: NotebookNode) -> None:
    """Put the pictures of a cell that are files beside the lesson into the notebook."""

    def attached(match: re.Match) -> str:
        path = edition.ROOT / match[1]
        if not path.is_file():
            return match[0]
        mime = mimetypes.guess_type(path.name)[0]
        content = base64.b64encode(path.read_bytes()).decode()
        cell.setdefault("attachments", {})[path.name] = {mime: content}
        return f"](attachment:{path.name})"

    cell.source = re.sub(r"\]\(([^):#]+)\)", attached, cell.source)


def points(notebook: NotebookNode) -> dict[str, int]:
    """Return the number of stars of each exercise, by its number."""
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    found = re.findall(r"^\*\*(\d+) \((★+)\)", text, flags=re.MULTILINE)
    if not found:
        raise ValueError("notebook must have exercises, such as **1 (★). Count.**")
    return {number: len(stars) for number, stars in found}


def solutions(notebook: NotebookNode) -> NotebookNode:
    """Put the solutions into the exercises: a notebook that says "Right" ten times."""
    cells = {cell.id: cell for cell in notebook.cells}
    title = "# Solutions\n\nOf the exercises of the lesson; each is checked."
    made = [new_markdown_cell(title, id="title")]
    if START in cells:
        made.append(new_code_cell(cells[START].source, id=START))
    for number in points(notebook):
        empty = cells[f"exercise-{number}"].source
        answer = cells[f"solution-{number}"].source
        starts = rf"\*\*{number} \(★", rf"\*\*{number}\.\*\* "
        words = "\n\n".join(filter(None, (paragraph(notebook, s) for s in starts)))
        code = blank(number).sub(lambda _, a=answer: f"{a}\n", empty, 1)
        made.append(new_markdown_cell(words, id=f"exercise-{number}-text"))
        made.append(new_code_cell(code, id=f"exercise-{number}"))
    about = {k: v for k, v in notebook.metadata.items() if k != "date"}
    return new_notebook(cells=made, metadata=about)


def paragraph(notebook: NotebookNode, start: str) -> str:
    """Return the first paragraph that begins so, or nothing."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for part in COMMENT.sub("", cell.source).split("\n\n"):
                if re.match(start, part):
                    return part
    return ""


def slides(title: str, abstract: str, pieces: list[dict]) -> list[dict]:
    """Make a slide of each question, figure and takeaway, in the lesson's order.

    A section shows the figures of its cells tagged ``slide``, or else its first. What
    comes before a question in its own cell stands above it.

    Raises
    ------
    ValueError
        If a figure has no alt text.
    """
    made, heading, shows = [words(f"# {title}", "", abstract)], "", []
    for place, piece in enumerate(pieces):
        if piece["kind"] == "text":
            text = UNSEEN.sub("", piece["text"])
            section = SECTION.match(text)
            if section or HEADING.match(text):
                heading = section[0].removeprefix("#") if section else ""
                shows = figures_of_section(pieces[place + 1 :])
                text = text.partition("\n")[2]
            before, mark, after = text.partition(TAKEAWAY)
            if heading and mark:
                made.append(words(heading, "", main_points(after)))
                before = ""
            for box in BOX.finditer(text if heading else ""):
                introduction = before.partition(box[0])[0].strip()
                made.append(words(heading, introduction, box[1]))
        elif heading and any(piece is shown for shown in shows):
            if piece["alt"] == edition.NO_ALT:
                told = f"the figure of {piece['cell']} has no alt text"
                raise ValueError(f"{told}; dae.save_figure gives it one")
            made.append({**piece, "kind": "large", "heading": heading, "caption": None})
    return made


def words(heading: str, small: str, large: str) -> dict:
    """Make a slide of words, and others, smaller, above them; without references."""
    small, large = (re.sub(r" \[[A-Z][^\]]*\d{4}\]", "", t) for t in (small, large))
    return {"kind": "words", "heading": heading, "small": small, "large": large}


def figures_of_section(pieces: list[dict]) -> list[dict]:
    """Return the pictures before the next section that a slide shows."""

    def is_inside(piece: dict) -> bool:
        is_text = piece["kind"] == "text"
        return not (is_text and HEADING.match(UNSEEN.sub("", piece["text"])))

    own = [p for p in takewhile(is_inside, pieces) if p["kind"] == "picture"]
    return [p for p in own if "slide" in p["tags"]] or own[:1]


def main_points(text: str) -> str:
    """Return a takeaway without what to try, questions, tables and what leads to them.

    Examples
    --------
    >>> main_points("Two calls do it. *Try it:* more noise.")
    'Two calls do it.'
    """
    parts = re.split(r"\n\n+", text.strip())
    parts = [p.split("*Try it:*")[0].strip() for p in parts if p[:1] not in ">|"]
    return "\n\n".join(part for part in parts if part and part[-1] != ":")


def predictions(pieces: list[dict]) -> list[dict]:
    """Return all "Predict first" boxes, each with room for an answer."""
    told = "Write your guess where the lesson asks, before you read on."
    made, title = [{"kind": "text", "text": f"# Predict first\n\n{told}"}], ""
    for piece in pieces:
        if piece["kind"] == "text":
            text = UNSEEN.sub("", piece["text"])
            heading = SECTION.match(text)
            title = heading[1] if heading else title
            for box in BOX.finditer(text):
                end = "" if title.endswith("?") else "."
                made.append({"kind": "text", "text": f"**{title}{end}** {box[1]}"})
                made.append({"kind": "room"})
    return made
