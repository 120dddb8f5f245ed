"""What the notebook shows things with: code, tables, figures, progress, exercises."""

import ast
import hashlib
import inspect
import io
import logging
import numbers
import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Image, Markdown, display
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from dae._checks import check_path
from dae._files import written_whole
from dae.plotting import in_own_style

MINUS = re.compile(r"(?<![\w.)])-(?=\d)")  # a hyphen that stands for one
DPI = 200
PROGRESS = "progress"  # marks an output that is of the moment
RENEWED = {"raw": True, "metadata": {PROGRESS: True}}
WIDGET = "application/vnd.jupyter.widget-view+json"
# what stands in a column of numbers
NUMERIC = re.compile(r"[-\N{MINUS SIGN}]?\d|\N{EN DASH}?$")


def show_source(*functions: Callable) -> Markdown:
    """Show the source of functions, without their docstrings.

    Parameters
    ----------
    *functions : callable
        Written in Python.

    Returns
    -------
    IPython.display.Markdown
        A block of code, which Jupyter, GitHub and the printed page all highlight.

    Raises
    ------
    TypeError
        If the source of one is not known, as of what is not written in Python.
    RuntimeError
        If its file has changed since it was loaded: what it does is not written there.
    """
    sources = "\n\n\n".join(map(_without_docstring, functions))
    return Markdown(f"```python\n{sources}\n```")


def _without_docstring(function: Callable) -> str:
    function = inspect.unwrap(function)
    file = Path(inspect.getfile(function))
    same = not file.is_file()  # but a cell of the notebook
    with suppress(SyntaxError):
        same = same or _holds(compile(file.read_bytes(), file, "exec"), function)
    if not same:
        raise RuntimeError(
            f"{file.name} has changed since {function.__name__} was loaded from it: "
            "restart the kernel, and run the cells again"
        )
    source = textwrap.dedent(inspect.getsource(function))
    (definition,) = ast.parse(source).body
    lines = source.splitlines()
    if ast.get_docstring(definition):
        docstring = definition.body[0]
        del lines[docstring.lineno - 1 : docstring.end_lineno]
    return "\n".join(lines)


def _holds(code: CodeType, function: Callable) -> bool:
    """Whether compiled code is a function's very own, or holds it at the same place."""
    parts = filter(inspect.iscode, code.co_consts)
    return code == function.__code__ or any(_holds(part, function) for part in parts)


def show_table(
    rows: Mapping[object, object],
    corner: str = "",
    *,
    digits: int | Mapping[object, int] = 2,
) -> Markdown:
    """Show a table; columns of numbers, but for the first, are aligned on the right.

    Parameters
    ----------
    rows : mapping of name to mapping of heading to cell
        Or of name to cell, for a table with one column, "value". A text stays as it is,
        whole numbers get commas, others and an `Interval` get `digits`. A cell that a
        row does not have stays empty.
    corner : str
        What the names are.
    digits : int, or mapping of heading to int
        After the decimal point.

    Returns
    -------
    IPython.display.Markdown

    Raises
    ------
    ValueError
        If there are no rows.
    """
    if not rows:
        raise ValueError("rows must hold at least one row, got none")
    rows = {
        name: row if isinstance(row, Mapping) else {"value": row}
        for name, row in rows.items()
    }
    headings = list(dict.fromkeys(h for row in rows.values() for h in row))
    if not isinstance(digits, Mapping):
        digits = dict.fromkeys(headings, digits)
    lines = [
        [_text(str(name)), *(_text(row.get(h, ""), digits.get(h, 2)) for h in headings)]
        for name, row in rows.items()
    ]
    _, *columns = zip(*lines, strict=True)
    numbers = (all(map(NUMERIC.match, column)) for column in columns)
    rule = ["---", *("---:" if number else "---" for number in numbers)]
    lines = [[_text(str(h)) for h in (corner, *headings)], rule, *lines]
    return Markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def _text(cell: object, digits: int = 2) -> str:
    """Write what a cell holds in one line."""
    if isinstance(cell, numbers.Integral):
        cell = f"{cell:,}"
    elif isinstance(cell, numbers.Real) or hasattr(cell, "_fields"):  # or an Interval
        cell = f"{cell:.{digits}f}"
    text = " ".join(str(cell).replace("|", r"\|").splitlines())
    return MINUS.sub("\N{MINUS SIGN}", text)


@in_own_style
def save_figure(figure: Figure, path: str | Path, alt: str = "") -> Image:
    """Save a figure as PNG, whole or not at all, and show the saved file.

    With 256 colours, which is plenty here and a third of the size. A chart, which has
    no images in it, is also saved as SVG beside it, for an edition on paper.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
        Ends in ``.png``. Replaced whole; its folder is made if need be.
    alt : str
        What the figure looks like, for those who cannot see it; by default what
        `describe_figure` says. Also stored in the file.

    Returns
    -------
    IPython.display.Image
        The file's own bytes: what the reader sees is what was saved. Its metadata has
        the `alt`, and for a chart the name of the `svg` and the first 16 hexadecimal
        digits of its `sha256`.

    Raises
    ------
    ValueError
        If `path` does not end in ``.png``.
    """
    path = check_path(path, suffix=".png")
    # as metadata: IPython 7, which Colab has, does not know `alt`
    shown = {"alt": alt or describe_figure(figure)}
    drawn, stored = io.BytesIO(), PngInfo()
    figure.savefig(drawn, dpi=DPI, format="png")
    stored.add_itxt("Description", shown["alt"])
    few_colours = Picture.open(drawn).convert("RGB").quantize(256, dither=0)
    with written_whole(path) as temporary:
        few_colours.save(temporary, pnginfo=stored, dpi=(DPI, DPI), optimize=True)
    if not any(axis.images for axis in figure.axes):  # a chart
        drawing = path.with_suffix(".svg")
        with written_whole(drawing) as temporary, open(temporary, "wb") as file:
            figure.savefig(file, format="svg", metadata={"Date": None})
        digest = hashlib.sha256(drawing.read_bytes()).hexdigest()
        shown |= {"svg": drawing.name, "sha256": digest[:16]}
    width = round(figure.get_figwidth() * 100)
    return Image(path.read_bytes(), width=width, metadata=shown)


def describe_figure(figure: Figure) -> str:
    """Say in words what a figure shows, with its numbers.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    str
        At most sixty words. Of rows of pictures: names, how many there are, how bright
        they are, and what is written at them. Of a chart: the labels, and for each name
        its value, or the first, last, highest and lowest; of a table the best.
    """
    is_chart = not any(axis.images for axis in figure.axes)
    parts = (_describe_chart if is_chart else _describe_pictures)(figure)
    words = " ".join(f"{part}." for part in parts).split()
    more = "\N{HORIZONTAL ELLIPSIS}" if len(words) > 60 else ""
    return MINUS.sub("\N{MINUS SIGN}", " ".join(words[:60]) + more)


def _describe_pictures(figure: Figure) -> Iterator[str]:
    rows, name = {}, "pictures"
    for axis in figure.axes:
        if axis.images:  # else a bar of colours
            name = axis.get_ylabel() or name  # at the first of a row
            rows.setdefault(name, []).append(axis)
    yield f"Rows of {len(rows[name])} pictures"
    for name, axes in rows.items():
        pictures = [axis.images[0] for axis in axes]
        low = pictures[-1].norm.vmin  # of a code, leave out the input
        shown = [np.ma.filled(p.get_array(), 0) for p in pictures if p.norm.vmin == low]
        values = np.concatenate([picture.ravel() for picture in shown])
        facts = [f"mean brightness {_short(values.mean())}"]
        if low is not None and low < 0:
            facts = [f"values {_short(values.min())} to {_short(values.max())}"]
        facts += _captions(axis.get_xlabel() or axis.get_title() for axis in axes)
        yield f"{name}: {', '.join(facts)}"


def _captions(texts: Iterable[str]) -> list[str]:
    """Leave of more than two numbers in one unit only the lowest and the highest."""
    texts = [" ".join(text.split()) for text in texts if text]
    found = [re.fullmatch(r"([-\N{MINUS SIGN}]?[\d.]+)(\D*)", text) for text in texts]
    if len(texts) < 3 or not all(found) or len({match[2] for match in found}) > 1:
        return texts
    numbers = [match[1].replace("\N{MINUS SIGN}", "-") for match in found]
    low, high = (end(numbers, key=float) for end in (min, max))
    return [f"{low} to {high}{found[0][2]}"]


def _describe_chart(figure: Figure) -> Iterator[str]:
    panels = [_values_of(axis) for axis in figure.axes]
    heads = [axis.get_title() for axis in figure.axes]
    for axis in figure.axes[:1]:
        labels = filter(None, [axis.get_ylabel(), axis.get_xlabel()])
        heads.insert(0, " over ".join(labels).replace("\n", ", "))
        if panels[0].keys() & {line.get_label() for line in axis.lines}:  # curves
            heads[0] += " from {} to {}".format(*map(_short, axis.dataLim.intervalx))
    yield f"Chart of {'; '.join(filter(None, heads))}"
    for name in dict.fromkeys(name for values in panels for name in values):
        yield f"{name}: {' and '.join(v[name] for v in panels if name in v)}"


def _values_of(axis: Axes) -> dict[str, str]:
    """Say for each name in a panel what its numbers are."""
    columns = [tick.get_text() for tick in axis.get_xticklabels()]
    rows = [tick.get_text() for tick in axis.figure.axes[0].get_yticklabels()]
    if any(isinstance(drawn, QuadMesh) for drawn in axis.collections):  # a table
        bold = [text for text in axis.texts if text.get_weight() == "bold"]
        cells = sorted((*map(int, t.get_position()), t.get_text()) for t in bold)
        told = {}
        for j, i, text in cells:
            told.setdefault(f"best, {columns[j]}", []).append(f"{rows[i]} {text}")
        return {name: " and ".join(parts) for name, parts in told.items()}
    if isinstance(axis.yaxis.get_major_formatter(), FuncFormatter):  # a ladder
        return dict(zip(rows, (text.get_text() for text in axis.texts), strict=False))
    curves = {line.get_label(): line.get_xydata() for line in axis.lines}
    return {
        name: _course(points)
        for name, points in curves.items()
        if len(points) and not name.startswith("_")  # has none
    }


def _course(points: NDArray) -> str:
    """Say how a curve begins and ends, and where it is lower or higher than there."""
    x, y = ([_short(value) for value in column] for column in points.T)
    if len(y) == 1:
        return f"{y[0]} at {x[0]}"
    if len(set(y)) == 1:
        return f"always {y[0]}"
    text, values = f"{y[0]} to {y[-1]}", points[:, 1]
    for word, k in {"lowest": values.argmin(), "highest": values.argmax()}.items():
        if y[k] not in (y[0], y[-1]):
            text += f", {word} {y[k]} at {x[k]}"
    return text


def _short(value: float) -> str:
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


class LiveProgress:
    """Show which epoch is running, the losses so far and the time left.

    Call it with each state that `training_loop` gives. In Jupyter it is one line of
    output that renews itself; in a plain terminal, a line at the end of each epoch.
    """

    seconds_between = 0.5  # two renewals within an epoch, at least

    def __init__(self):
        self.began, self.due, self.handle = None, 0.0, None

    def __call__(self, state: Any) -> None:
        """Show where a `Training` stands, if it is time to."""
        now = time.monotonic()
        if self.began is None:
            self.began = now, state.done
            if InteractiveShell.initialized():
                self.handle = display({"text/plain": ""}, display_id=True, **RENEWED)
        if now < self.due and not state.epoch_ended:
            return
        self.due = now + self.seconds_between
        started, first = self.began
        seconds_left = None  # at first, nothing is known of the pace
        if state.done > first:
            pace = (now - started) / (state.done - first)
            seconds_left = pace * (state.epochs - state.done)
        text = describe(state, seconds_left)
        if self.handle:
            self.handle.update({"text/plain": text}, **RENEWED)
        elif state.epoch_ended:  # no Jupyter to renew the line
            encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
            print(text.encode(encoding, "replace").decode(encoding), flush=True)


def describe(state: Any, seconds_left: float | None) -> str:
    """Say in one line where a training stands.

    Parameters
    ----------
    state : Training
    seconds_left : float or None

    Returns
    -------
    str
    """
    epochs, losses = state.epochs, state.history["val_loss"]
    current = min(len(losses) + 1, epochs)
    parts = [f"epoch {current} of {epochs} ({state.done / epochs:.0%})"]
    if losses:
        best = min(losses)
        parts.append(f"training {state.history['train_loss'][-1]:.4f}")
        parts.append(f"validation {losses[-1]:.4f}")
        parts.append(f"best {best:.4f} in epoch {losses.index(best) + 1}")
    if len(losses) == epochs:
        parts.append("done")
    elif seconds_left is not None:
        minutes, seconds = divmod(round(seconds_left), 60)
        parts.append(f"{minutes} min {seconds:02d} s left")
    return " · ".join(parts)


@contextmanager
def exercise(answer: object, hint: str) -> Iterator[None]:
    """Check an answer with the ``assert`` statements of the block, and say the outcome.

    An answer that is missing or wrong is told in one line, and the next cells run.

    Parameters
    ----------
    answer : object
        What the reader has put in place of ``...``, which counts as nothing.
    hint : str
        What to say if it is wrong; not before there is an answer.

    Examples
    --------
    >>> with exercise(2 + 2, "Count on your fingers."):
    ...     assert 2 + 2 == 4
    """
    verdict = "**Right.**"
    try:
        yield
    except AssertionError as error:
        verdict = f"*Not yet:* {str(error) or 'this is not it.'} {hint}"
    except Exception as error:
        verdict = (
            f"*Not yet:* the check stopped with `{type(error).__name__}: {error}`. Has "
            f"your answer the form that the comment asks for? {hint}"
        )
    if answer is ...:
        verdict = "*Not yet:* replace the `...` by your answer."
    display(Markdown(verdict))


@contextmanager
def quiet_start() -> Iterator[None]:
    """Hide what TensorFlow writes to standard error while it is imported.

    TensorFlow's native code reports the processor's features and the absence of a GPU
    there, before its log level is read, so in Jupyter the first cell would fill with
    it. Python errors are raised as ever.

    Examples
    --------
    >>> with quiet_start():
    ...     import keras
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors are raised, not logged
    kept = os.dup(2)
    if "DAE_KERNEL_LOG" not in os.environ:  # or else `python -m dae` has it in a file
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        # many small models in one process are what part II wants, not worth a warning
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
