"""What the notebook shows things with: code, tables, figures, progress, exercises."""

import ast
import base64
import gzip
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
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Image, Markdown, display
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from dae._checks import check_nonnegative, check_path
from dae._files import written_whole
from dae.plotting import in_own_style

if TYPE_CHECKING:  # for real, it would start TensorFlow
    from dae.checkpoint import Training

MINUS = re.compile(r"(?<![\w.)])-(?=\d)")  # a hyphen that stands for one
DPI = 200
VECTOR = "application/vnd.dae.chart"  # an SVG, packed; no viewer takes it for a picture
PROGRESS = "progress"  # marks an output that is of the moment
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
        If one is not a function written in Python.
    RuntimeError
        If its file has changed since it was loaded: what it does is not written there.
    """
    sources = "\n\n\n".join(map(_without_docstring, functions))
    return Markdown(f"```python\n{sources}\n```")


def _without_docstring(function: Callable) -> str:
    if not inspect.isfunction(function):
        raise TypeError(
            "functions must be functions written in Python, got "
            f"{type(function).__name__}"
        )
    function = inspect.unwrap(function)
    file = Path(function.__code__.co_filename)
    if file.is_file() and not _holds(file.read_text(encoding="utf-8"), function):
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


def _holds(text: str, function: Callable) -> bool:
    """Whether a file with this text has the very function, at the same place."""
    try:
        module = compile(text, function.__code__.co_filename, "exec")
    except SyntaxError:
        return False
    return function.__code__ in _list_code(module)


def _list_code(code: CodeType) -> Iterator[CodeType]:
    """Yield all code within a compiled module, class or function, and its own."""
    yield code
    for part in code.co_consts:
        if inspect.iscode(part):
            yield from _list_code(part)


def show_table(
    rows: Mapping[object, object],
    corner: str = "",
    *,
    value: str = "value",
    digits: int | Mapping[object, int] = 2,
) -> Markdown:
    """Show a table; columns of numbers, but for the first, are aligned on the right.

    Parameters
    ----------
    rows : mapping of name to mapping of heading to cell
        Or of name to cell, for a table with one column. A text stays as it is, whole
        numbers get commas, others and an `Interval` get `digits`. A cell that a row
        does not have stays empty.
    corner : str
        What the names are.
    value : str
        The heading, if there is only one.
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
        name: row if isinstance(row, Mapping) else {value: row}
        for name, row in rows.items()
    }
    headings = list(dict.fromkeys(h for row in rows.values() for h in row))
    if not isinstance(digits, Mapping):
        digits = dict.fromkeys(headings, digits)
    cells = [[corner, *headings]] + [
        [name, *(_text(row.get(h, ""), digits.get(h, 2)) for h in headings)]
        for name, row in rows.items()
    ]
    cells = [[_in_one_line(cell) for cell in line] for line in cells]
    _, *columns = zip(*cells, strict=True)
    numbers = (all(map(NUMERIC.match, column[1:])) for column in columns)
    rule = ["---", *("---:" if number else "---" for number in numbers)]
    lines = [cells[0], rule, *cells[1:]]
    return Markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def _text(cell: object, digits: int) -> str:
    if isinstance(cell, numbers.Integral):
        return f"{cell:,}"
    if isinstance(cell, numbers.Real) or hasattr(cell, "_fields"):  # or an Interval
        return f"{cell:.{digits}f}"
    return str(cell)


def _in_one_line(cell: object) -> str:
    text = " ".join(str(cell).replace("|", r"\|").splitlines())
    return MINUS.sub("\N{MINUS SIGN}", text)


@in_own_style
def save_figure(figure: Figure, path: str | Path, alt: str = "") -> Image:
    """Save a figure as PNG, whole or not at all, and show the saved file.

    With 256 colours, which is plenty here and a third of the size.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
        Ends in ``.png``. Replaced whole; its folder is made if need be.
    alt : str
        What the figure looks like, for those who cannot see it; by default the
        figure's own label, or what `describe_figure` says. Also stored in the file.

    Returns
    -------
    IPython.display.Image
        The file's own bytes: what the reader sees is what was saved.

    Raises
    ------
    ValueError
        If `path` does not end in ``.png``.
    """
    path = check_path(path, suffix=".png")
    alt = alt or figure.get_label() or describe_figure(figure)
    drawn, about = io.BytesIO(), PngInfo()
    figure.savefig(drawn, dpi=DPI, format="png")
    about.add_itxt("Description", alt)
    is_chart = not any(axis.images for axis in figure.axes)
    few_colours = Picture.open(drawn).convert("RGB").quantize(256, dither=0)
    with written_whole(path) as temporary:
        few_colours.save(temporary, pnginfo=about, dpi=(DPI, DPI), optimize=True)
    width = round(figure.get_figwidth() * 100)
    # as metadata: IPython 7, which Colab has, does not know `alt`
    content = {"data": path.read_bytes(), "width": width, "metadata": {"alt": alt}}
    return Chart(figure, **content) if is_chart else Image(**content)


class Chart(Image):
    """A chart as a picture, and as lines and curves for the edition on paper."""

    def __init__(self, figure: Figure, **content):
        super().__init__(**content)
        drawn = io.StringIO()
        with rc_context({"svg.hashsalt": "dae"}):  # the same figure, the same bytes
            figure.savefig(drawn, format="svg", metadata={"Date": None})
        packed = gzip.compress(drawn.getvalue().encode(), mtime=0)
        self.vector = base64.b64encode(packed).decode()

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = super()._repr_mimebundle_(include, exclude)
        return {**data, VECTOR: self.vector}, metadata


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
        names = names or texts or [text.get_text() for text in axis.texts]
        labels = filter(None, [axis.get_ylabel(), axis.get_xlabel()])
        head = ": ".join(filter(None, [axis.get_title(), " over ".join(labels)]))
        panels.append(f"{head} ({'; '.join(names)})")
    return f"Chart. {'. '.join(panels)}."


class LiveProgress:
    """Show which epoch is running, the losses so far and the time left.

    Call it with each state that `training_loop` gives. In Jupyter it is one line of
    output that renews itself; in a plain terminal, a line at the end of each epoch.

    Parameters
    ----------
    seconds_between : float
        At least so long between two renewals within an epoch.

    Raises
    ------
    TypeError, ValueError
        If `seconds_between` is negative, not finite or no number.
    """

    def __init__(self, seconds_between: float = 0.5):
        self.seconds_between = seconds_between
        check_nonnegative(seconds_between, "seconds_between")
        self.started = self.first = self.shown = self.handle = None

    def __call__(self, state: "Training") -> None:
        """Show where a training stands, if it is time to."""
        now = time.monotonic()
        if self.started is None:
            self.started, self.first = now, state.done
            if InteractiveShell.initialized():
                shown = {"metadata": {PROGRESS: True}, "raw": True}
                self.handle = display({"text/plain": ""}, display_id=True, **shown)
        shown_lately = self.shown and now - self.shown < self.seconds_between
        if shown_lately and not state.epoch_ended:
            return
        self.shown = now
        seconds_left = None  # at first, nothing is known of the pace
        if state.done > self.first:
            pace = (now - self.started) / (state.done - self.first)
            seconds_left = pace * (state.epochs - state.done)
        self._show(describe(state, seconds_left), state.epoch_ended)

    def _show(self, text: str, epoch_ended: bool) -> None:
        if self.handle:
            about = {PROGRESS: True}
            self.handle.update({"text/plain": text}, raw=True, metadata=about)
        elif epoch_ended:  # no Jupyter to renew the line
            encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
            print(text.encode(encoding, "replace").decode(encoding), flush=True)


def describe(state: "Training", seconds_left: float | None) -> str:
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
        parts += [
            f"training {state.history['train_loss'][-1]:.4f}",
            f"validation {losses[-1]:.4f}",
            f"best {best:.4f} in epoch {losses.index(best) + 1}",
        ]
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
    problem = None
    try:
        yield
    except AssertionError as error:
        problem = str(error) or "this is not it."
    except Exception as error:
        problem = (
            f"the check stopped with `{type(error).__name__}: {error}`. Has your "
            "answer the form that the comment asks for?"
        )
    if answer is ...:
        display(Markdown("*Not yet:* replace the `...` by your answer."))
    elif problem:
        display(Markdown(f"*Not yet:* {problem} {hint}"))
    else:
        display(Markdown("**Right.**"))


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
