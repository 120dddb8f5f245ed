"""What a teacher needs, made of the executed notebook: ``python -m dae --handout``.

The students' notebook, the solutions, the predictions as a printed page, and slides.
Nothing is written twice: a change of the lesson is in all of them.
"""

import ast
import copy
import io
import re
import tempfile
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image as Picture

from dae._files import write_all
from dae.press.edition import (
    COMMENT,
    Block,
    as_bytes,
    check_executed,
    name_of,
    shown,
    title_and_abstract,
)
from dae.press.pdf import drawn, on_paper, raw_typst, typeset

PAGE = Path(__file__).with_name("handout.typ")
SOLUTIONS_ARE_HERE = " The solutions come at the end."
NEEDED = ("imports", "parameters", "load")  # by the exercises
BOX = re.compile(r"^> \*\*Predict first\.\*\* (.+)$", flags=re.MULTILINE)
TAKEAWAY = "**What to take from it.**"
SENTENCE_END = r"(?:(?<=[a-z)*\d%][.?])|(?<=dB\.)|(?<=[.?]\*\*)) (?=[A-Z*(`\d])"
SECTION = re.compile(r"## (\d+\. .+)")


@dataclass
class Section:
    """What a slide shows of a section; a late question comes after the takeaway."""

    title: str
    questions: list[tuple[str, bool]] = field(default_factory=list)
    figure: Block | None = None
    takeaway: str = ""


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
            continue
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
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
    made += [new_code_cell(cells[n].source, id=n) for n in NEEDED if n in cells]
    made += [new_code_cell(f, id="corrupt") for f in function(notebook, "corrupt")]
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


def function(notebook: NotebookNode, name: str) -> list[str]:
    """Return the source of a function that a cell defines, if one does."""
    sources = [c.source for c in notebook.cells if f"def {name}(" in c.source]
    nodes = [(source, node) for source in sources for node in ast.parse(source).body]
    return [
        ast.get_source_segment(source, node)
        for source, node in nodes
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]


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


def sections(notebook: NotebookNode) -> list[Section]:
    """Take the numbered sections apart.

    Raises
    ------
    ValueError
        If a figure has no alt text.
    """
    found = []
    for place, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            text = COMMENT.sub("", cell.source)
            heading = SECTION.match(text)
            if heading:
                found.append(Section(heading[1]))
            if not found or (text.startswith("# ") and not heading):
                continue
            before, mark, after = text.partition(TAKEAWAY)
            for part, late in ((before, False), (after, True)):
                for box in BOX.finditer(part):
                    found[-1].questions.append((box[1], late))
            if mark and not found[-1].takeaway:
                found[-1].takeaway = main_points(after)
        elif cell.cell_type == "code" and found:
            for output in cell.outputs:
                block = shown(output, False)
                if block is None or block.kind != "picture":
                    continue
                if not output.metadata.get(block.mime, {}).get("alt"):
                    told = f"the figure of {name_of(cell, place)} has no alt text"
                    raise ValueError(f"{told}; dae.save_figure gives it one")
                if found[-1].figure is None or "slide" in cell.metadata.get("tags", []):
                    found[-1].figure = block
    return [section for section in found if section.figure or section.takeaway]


def main_points(text: str) -> str:
    """Shorten a takeaway to its points, or its first sentences.

    Examples
    --------
    >>> main_points("Two calls do it. How? By training. *Try it:* more noise.")
    'Two calls do it. How? By training.'
    """
    text = re.split(r"\*Try it:\*|\n\n>", text)[0].strip()
    points = re.findall(r"^- (.+)$", text, flags=re.MULTILINE)
    if points:
        return "\n".join(f"- {first_sentences(point, 130)}" for point in points)
    return first_sentences(text.split("\n\n")[0], 260)


def first_sentences(text: str, most: int) -> str:
    """Return as many sentences as have no more characters than `most`; at least one."""
    first, *others = re.split(SENTENCE_END, text)
    for sentence in others:
        if len(first) + len(sentence) > most:
            break
        first = f"{first} {sentence}"
    return first


def predictions(notebook: NotebookNode) -> str:
    """Return all "Predict first" boxes, each with room for an answer, as Markdown."""
    parts, title = ["# Predict first"], ""
    parts.append("Write your guess before you read the section.")
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
    """Set the slides: a section's question, then its figure and its takeaway."""
    title, abstract = title_and_abstract(notebook)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        parts = [f"# {title}", *large(abstract)]
        for section in sections(notebook):
            heading = f"# {section.title}"
            early, late = (
                [
                    [heading, *large(on_text(question, folder))]
                    for question, is_late in section.questions
                    if is_late == wanted
                ]
                for wanted in (False, True)
            )
            shows = [heading, *figure_and(section, folder)]
            parts += chain.from_iterable([*early, shows, *late])
        inputs = {"kind": "slides", "title": title}
        return typeset("\n\n".join(parts), PAGE, folder, inputs)


def large(words: str) -> list[str]:
    """Fill a slide with words in large type."""
    return [raw_typst("#question["), words, raw_typst("]")]


def figure_and(section: Section, folder: Path) -> list[str]:
    """Write a section's figure, as large as the slide allows, and its takeaway.

    Below a wide figure, beside a tall one.
    """
    block, words = section.figure, on_text(section.takeaway, folder)
    if block is None:
        return large(words)
    way = "beside" if is_tall(block) else "below"
    return [raw_typst(f"#{way}({drawn(block, folder)})["), words, raw_typst("]")]


def is_tall(block: Block) -> bool:
    """Whether a picture is nearly half as high as it is wide, or more."""
    if block.mime == "image/svg+xml":
        return False
    with Picture.open(io.BytesIO(as_bytes(block.mime, block.content))) as picture:
        return picture.height > 0.45 * picture.width


def on_text(text: str, folder: Path) -> str:
    """Write a text with its formulas; its links become words."""
    words = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return on_paper(Block("text", words), folder)
