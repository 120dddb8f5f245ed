"""What the notebook uses to show things: source code, tables and figures."""

import inspect
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from IPython.display import Image, Markdown
from matplotlib.figure import Figure
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from dae.files import written_whole
from dae.quiet import each_message_once

DPI = 200


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
    """
    source = inspect.getsource(function)
    lines = source.splitlines()
    quotes = [i for i, line in enumerate(lines) if '"""' in line]
    if function.__doc__ and quotes:
        end = quotes[0] if lines[quotes[0]].count('"""') == 2 else quotes[1]
        lines = lines[: quotes[0]] + lines[end + 1 :]
    return Markdown("```python\n" + "\n".join(lines) + "\n```")


def show_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Markdown:
    """Show a table; the first column is left-aligned, the others right-aligned.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences
        As long as the header; each cell is shown by ``str``.

    Returns
    -------
    IPython.display.Markdown
    """
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return Markdown("\n".join("| " + " | ".join(map(str, row)) + " |" for row in lines))


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
    ValueError
        If `alt` is empty or `path` does not end in ``.png``.
    """
    path = Path(path)
    if not alt.strip():
        raise ValueError(f"alt must say in words what {path.name} shows, got {alt!r}")
    if path.suffix != ".png":
        raise ValueError(f"path must end in .png, got {path}")
    drawn, about = io.BytesIO(), PngInfo()
    with each_message_once("matplotlib.font_manager"):
        figure.savefig(drawn, dpi=DPI, format="png")
    about.add_itxt("Description", alt)
    few_colours = Picture.open(drawn).convert("RGB").quantize(256, dither=0)
    with written_whole(path) as temporary:
        few_colours.save(temporary, pnginfo=about, dpi=(DPI, DPI), optimize=True)
    width = round(figure.get_figwidth() * 100)
    return Image(data=path.read_bytes(), width=width, alt=alt)
