"""Start TensorFlow without its start-up messages."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


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
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        # many small models in one process are what part II wants, not worth a warning
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextmanager
def each_message_once(logger: str) -> Iterator[None]:
    """Let a logger say the same thing only once, as long as the block runs.

    Matplotlib reports a font that is missing for every word it draws.

    Parameters
    ----------
    logger : str
        Its name.
    """
    said = set()

    def is_new(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        new = message not in said
        said.add(message)
        return new

    logging.getLogger(logger).addFilter(is_new)
    try:
        yield
    finally:
        logging.getLogger(logger).removeFilter(is_new)
