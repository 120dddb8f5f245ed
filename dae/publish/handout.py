"""What a teacher needs, made of the executed notebook: ``python -m dae --handout``.

The students' notebook, the solutions, the predictions as a printed page, and slides.
Nothing is written twice: a change of the lesson is in all of them.
"""

import base64
import copy
import mimetypes
import re
import tempfile
from itertools import takewhile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dae.publish.edition import (
    COMMENT,
    NO_ALT,
    PICTURE,
    ROOT,
    Block,
    check_executed,
    name_of,
    shown,
    title_and_abstract,
)
from dae.publish.pdf import drawn, on_paper, raw_typst, typeset
from dae.publish.transaction import write_all

PAGE = Path(__file__).with_name("handout.typ")
SOLUTIONS_ARE_HERE = " The solutions come at the end."
WHERE = (  # the package is, for the lesson and for what is handed out
    "the folder beside this notebook: start Jupyter or papermill there",
    "from the lesson's folder: put this file into it",
)
NEEDED = ("imports", "parameters", "load")  # by the exercises
BOX = re.compile(r"^> \*\*Predict first\.\*\* (.+)$", flags=re.MULTILINE)
TAKEAWAY = "**What to take from it.**"
SECTION = re.compile(r"## (\d+\. .+)")


def build_handout(notebook: NotebookNode, folder: str | Path) -> list[Path]:
    """Write the four files for a teacher, all or none.

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
    check_executed(notebook)
    contents = {
        folder / "students.ipynb": file_of(students(notebook)),
        folder / "solutions.ipynb": file_of(solutions(notebook)),
        folder / "predictions.pdf": set_handout(predictions(notebook), notebook),
        folder / "slides.pdf": set_slides(notebook),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_all(contents)
    return list(contents)


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
    kept, inside = [], False
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.match(r"##? ", cell.source):
            inside = cell.source.startswith("## Solutions")
        if not inside:
            kept.append(cell)
    notebook.cells = kept
    stars = points(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace(SOLUTIONS_ARE_HERE, "")
            attach_pictures(cell)
            continue
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.source = cell.source.replace(*WHERE)
        number = re.fullmatch(r"exercise-(\d+)", cell.id)
        if number:
            cell.metadata["nbgrader"] = {
                "schema_version": 3,
                "grade_id": cell.id,
                "cell_type": "code",
                "grade": True,
                "solution": True,
                "locked": False,
                "task": False,
                "points": stars[number[1]],
            }
    return notebook


def attach_pictures(cell: NotebookNode) -> None:
    """Put the pictures of a cell that are files beside the lesson into the notebook."""

    def attached(match: re.Match) -> str:
        path = ROOT / match["target"]
        mime = mimetypes.guess_type(path.name)[0]
        if not path.is_file():
            return match[0]
        content = base64.b64encode(path.read_bytes()).decode()
        cell.setdefault("attachments", {})[path.name] = {mime: content}
        return match[0].replace(match["target"], f"attachment:{path.name}")

    cell.source = PICTURE.sub(attached, cell.source)


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
    title = (
        "# Solutions\n\nOf the exercises of the lesson; each is checked. Where a text "
    )
    title += "names what is not here, such as `fine_tuned`, it is in the lesson."
    made = [new_markdown_cell(title, id="title")]
    needed = {n: cells[n].source.replace(*WHERE) for n in NEEDED if n in cells}
    made += [new_code_cell(source, id=n) for n, source in needed.items()]
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    bound = re.findall(r"^corrupt = .+$", code, flags=re.MULTILINE)
    made += [new_code_cell(line, id="corrupt") for line in bound]
    for number in points(notebook):
        for name in (f"exercise-{number}", f"solution-{number}"):
            if name not in cells:
                raise ValueError(f"notebook must have a cell with the id {name}")
        empty, answer = (
            cells[f"{n}-{number}"].source for n in ("exercise", "solution")
        )
        blank = re.compile(rf"^answer_{number} = \.\.\..*$", flags=re.MULTILINE)
        if not blank.search(empty):
            raise ValueError(
                f"exercise-{number} must have a line answer_{number} = ..."
            )
        text = (text_of_exercise(notebook, number), text_of_solution(notebook, number))
        words = "\n\n".join(filter(None, text))
        code = blank.sub(lambda _, a=answer: f"{a}\n", empty, 1)
        made.append(new_markdown_cell(words, id=f"exercise-{number}-text"))
        made.append(new_code_cell(code, id=f"exercise-{number}"))
    about = {k: v for k, v in notebook.metadata.items() if k != "date"}
    return new_notebook(cells=made, metadata=about)


def text_of_exercise(notebook: NotebookNode, number: str) -> str:
    """Return the paragraph that sets an exercise."""
    return paragraph(notebook, rf"\*\*{number} \(★")


def text_of_solution(notebook: NotebookNode, number: str) -> str:
    """Return the paragraph that explains a solution."""
    return paragraph(notebook, rf"\*\*{number}\.\*\* ")


def paragraph(notebook: NotebookNode, start: str) -> str:
    """Return the first paragraph that begins so, or nothing."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for part in COMMENT.sub("", cell.source).split("\n\n"):
                if re.match(start, part):
                    return part
    return ""


def slides(notebook: NotebookNode, folder: Path) -> list[str]:
    """Write a slide for each question, figure and takeaway, in the lesson's order.

    A section shows the figures of its cells tagged ``slide``, or else its first. What
    comes before a question in its own cell stands above it.

    Raises
    ------
    ValueError
        If a figure has no alt text.
    """
    parts, heading, shows = [], "", []
    for place, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            text = COMMENT.sub("", cell.source)
            title = SECTION.match(text)
            if title or text.startswith("# "):
                heading = f"# {title[1]}" if title else ""
                shows = figures_of_section(notebook.cells[place:])
                text = text.partition("\n")[2]
            before, mark, after = text.partition(TAKEAWAY)
            if heading and mark:
                parts += [heading, *fitted("", main_points(after), folder)]
                before = ""
            for box in BOX.finditer(text if heading else ""):
                introduction = before.partition(box[0])[0].strip()
                parts += [heading, *fitted(introduction, box[1], folder)]
        elif heading and any(cell is shown for shown in shows):
            picture = picture_of(cell)
            if picture.about == NO_ALT:
                told = f"the figure of {name_of(cell, place)} has no alt text"
                raise ValueError(f"{told}; dae.save_figure gives it one")
            parts += [heading, raw_typst(f"#large({drawn(picture, folder)})")]
    return parts


def figures_of_section(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Return the cells before the next section whose figures a slide shows."""
    own = takewhile(lambda cell: not re.match(r"##? ", cell.source), cells)
    own = [cell for cell in own if cell.cell_type == "code" and picture_of(cell)]
    return [c for c in own if "slide" in c.metadata.get("tags", [])] or own[:1]


def picture_of(cell: NotebookNode) -> Block | None:
    """Return the first picture that a cell shows, if there is one."""
    found = [shown(output, False) for output in cell.outputs]
    return next((b for b in found if b is not None and b.kind == "picture"), None)


def main_points(text: str) -> str:
    """Return a takeaway without what to try, questions, tables and what leads to them.

    Examples
    --------
    >>> main_points("Two calls do it. *Try it:* more noise.")
    'Two calls do it.'
    """
    parts = re.split(r"\n\n+", text.strip())
    parts = [
        p.split("*Try it:*")[0].strip() for p in parts if p[:1] not in (">", "|", "")
    ]
    return "\n\n".join(part for part in parts if part and part[-1] != ":")


def predictions(notebook: NotebookNode) -> str:
    """Return all "Predict first" boxes, each with room for an answer, as Markdown."""
    parts, title = ["# Predict first"], ""
    parts.append("Write your guess where the lesson asks, before you read on.")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = COMMENT.sub("", cell.source)
            heading = SECTION.match(text)
            title = heading[1] if heading else title
            for box in BOX.finditer(text):
                end = "" if title.endswith("?") else "."
                parts += [f"**{title}{end}** {box[1]}", raw_typst("#answer")]
    return "\n\n".join(parts)


def set_handout(text: str, notebook: NotebookNode) -> bytes:
    """Set a page of questions."""
    title = title_and_abstract(notebook)[0]
    inputs = {"kind": "page", "title": title}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return typeset(text, PAGE, Path(folder), inputs)


def set_slides(notebook: NotebookNode) -> bytes:
    """Set the slides."""
    title, abstract = title_and_abstract(notebook)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        parts = [f"# {title}", *fitted("", abstract, folder), *slides(notebook, folder)]
        inputs = {"kind": "slides", "title": title}
        return typeset("\n\n".join(parts), PAGE, folder, inputs)


def fitted(small: str, large: str, folder: Path) -> list[str]:
    """Fill a slide with words, and others, smaller, above them."""
    begin, between, end = map(raw_typst, ("#words[", "][", "]"))
    return [begin, on_text(small, folder), between, on_text(large, folder), end]


def on_text(text: str, folder: Path) -> str:
    """Write a text with its formulas; its links become words, references go."""
    words = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return on_paper(Block("text", re.sub(r" \[[A-Z][^\]]*\d{4}\]", "", words)), folder)
