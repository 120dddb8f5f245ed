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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure
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
    """Say in words what a figure is made of: rows of pictures, or panels of curves."""
    rows = [axis.get_ylabel() for axis in figure.axes if axis.images and not axis.texts]
    named = [" ".join(row.split()) for row in rows if row]
    if named:
        return f"Rows of {len(rows) // len(named)} pictures: {'; '.join(named)}."
    panels = []
    for axis in figure.axes:
        _, names = axis.get_legend_handles_labels()
        ticks = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
        texts = [text for text in ticks if not NUMERIC.match(text)]
        labels = filter(None, [axis.get_ylabel(), axis.get_xlabel()])
        head = ": ".join(filter(None, [axis.get_title(), " over ".join(labels)]))
        panels.append(f"{head} ({'; '.join(names or texts)})")
    return f"Chart. {'. '.join(panels)}."


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
