"""What the notebook uses to show things: source code, tables and figures."""

import inspect
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from IPython.display import Image, Markdown
from matplotlib.figure import Figure
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from dae.checks import check_path, check_type
from dae.files import written_whole
from dae.prose import MINUS
from dae.quiet import each_message_once

DPI = 200
# what stands in a column of numbers
NUMERIC = re.compile(r"[-\N{MINUS SIGN}]?\d|[\N{EN DASH}∞]?$")


def show_source(function: Callable) -> Markdown:
    """Show the source of a function, without its docstring.

    Parameters
    ----------
    function : callable
        Written in Python.

    Returns
    -------
    IPython.display.Markdown
        A block of code, which Jupyter, GitHub and the printed page all highlight.

    Raises
    ------
    TypeError
        If it is not a function written in Python.
    """
    if not inspect.isfunction(function):
        raise TypeError(
            "function must be a function written in Python, got "
            f"{type(function).__name__}"
        )
    source = inspect.getsource(function)
    lines = source.splitlines()
    quotes = [i for i, line in enumerate(lines) if '"""' in line]
    if function.__doc__ and quotes:
        end = quotes[0] if lines[quotes[0]].count('"""') == 2 else quotes[1]
        lines = lines[: quotes[0]] + lines[end + 1 :]
    return Markdown("```python\n" + "\n".join(lines) + "\n```")


def show_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """Show a table; columns of numbers, but for the first, are aligned on the right.

    A hyphen before a digit, at the beginning of a word, becomes a minus sign.

    Parameters
    ----------
    header : sequence
        At least one cell.
    rows : iterable of sequences
        As long as the header; each cell is shown by ``str``, in one line.

    Returns
    -------
    IPython.display.Markdown

    Raises
    ------
    TypeError, ValueError
        If the header or a row is no sequence, the header is empty, or a row has another
        length.
    """
    cells = [_cells(header, "header")]
    check_type(rows, Iterable, "rows", "rows of cells")
    cells += [_cells(row, f"rows[{i}]") for i, row in enumerate(rows)]
    for i, row in enumerate(cells):
        if len(row) != len(header) or not row:
            raise ValueError(
                f"header must hold at least one cell, and each row as many, got "
                f"{len(header)} and {len(row)} in row {i}"
            )
    _, *columns = zip(*cells, strict=True)
    numbers = (all(map(NUMERIC.match, column[1:])) for column in columns)
    rule = ["---", *("---:" if number else "---" for number in numbers)]
    lines = [cells[0], rule, *cells[1:]]
    return Markdown("\n".join("| " + " | ".join(row) + " |" for row in lines))


def _cells(row: Sequence[object], name: str) -> list[str]:
    if isinstance(row, str):
        raise TypeError(f"{name} must be a sequence of cells, got str")
    check_type(row, Sequence, name, "a sequence of cells")
    texts = (" ".join(str(cell).replace("|", r"\|").splitlines()) for cell in row)
    return [MINUS.sub("\N{MINUS SIGN}", text) for text in texts]


def save_figure(figure: Figure, path: str | Path, alt: str) -> Image:
    """Save a figure as PNG, whole or not at all, and show the saved file.

    With 256 colours, which is plenty here and a third of the size.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
        Ends in ``.png``. Its folder is made if need be.
    alt : str
        What the figure shows, for those who cannot see it. Also stored in the file.

    Returns
    -------
    IPython.display.Image
        The file's own bytes: what the reader sees is what was saved.

    Raises
    ------
    TypeError
        If `figure`, `path` or `alt` is something else.
    ValueError
        If `alt` is empty or `path` does not end in ``.png``.
    """
    check_type(figure, Figure, "figure", "a Matplotlib figure")
    path = check_path(path, suffix=".png")
    if not check_type(alt, str, "alt", "a text").strip():
        raise ValueError(f"alt must say in words what {path.name} shows, got {alt!r}")
    drawn, about = io.BytesIO(), PngInfo()
    with each_message_once("matplotlib.font_manager"):
        figure.savefig(drawn, dpi=DPI, format="png")
    about.add_itxt("Description", alt)
    few_colours = Picture.open(drawn).convert("RGB").quantize(256, dither=0)
    with written_whole(path) as temporary:
        few_colours.save(temporary, pnginfo=about, dpi=(DPI, DPI), optimize=True)
    width = round(figure.get_figwidth() * 100)
    return Image(data=path.read_bytes(), width=width, alt=alt)
