"""Exercises in the notebook: a cell to fill, and a word on whether it is right."""

from collections.abc import Iterator
from contextlib import contextmanager

from IPython.display import Markdown, display


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
