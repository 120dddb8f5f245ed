"""A line of progress that renews itself while a model trains."""

import time

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from dae.checkpoint import History
from dae.checks import check_count, check_level


class LiveProgress:
    """Show which epoch is running, the losses so far and the time left.

    Pass an instance to `train` as `report`. In Jupyter it is one line of output that
    renews itself; in a plain terminal, a line at the end of each epoch.

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
        check_level(seconds_between, "seconds_between")
        self.started = self.first = self.shown = self.handle = None

    def __call__(self, epochs: int, done: float, history: History) -> None:
        """Show the state after `done` of `epochs` epochs, if it is time to."""
        check_count(epochs, "epochs")
        now = time.monotonic()
        if self.started is None:
            self.started, self.first = now, done
            if InteractiveShell.initialized():
                self.handle = display({"text/plain": ""}, raw=True, display_id=True)
        epoch_ended = len(history["val_loss"]) == done  # and its losses are known
        shown_lately = self.shown and now - self.shown < self.seconds_between
        if shown_lately and not epoch_ended:
            return
        self.shown = now
        left = (now - self.started) / max(done - self.first, 1e-9) * (epochs - done)
        text = describe(epochs, done, history, left if done > self.first else None)
        self._show(text, epoch_ended)

    def _show(self, text: str, epoch_ended: bool) -> None:
        if self.handle:
            self.handle.update({"text/plain": text}, raw=True)
        elif epoch_ended:  # no Jupyter to renew the line
            print(text, flush=True)


def describe(
    epochs: int, done: float, history: History, seconds_left: float | None
) -> str:
    """Say in one line where a training run stands.

    Parameters
    ----------
    epochs, done : int, float
        Epochs in all and done.
    history : dict of str to list of float
        ``train_loss`` and ``val_loss`` so far.
    seconds_left : float or None

    Returns
    -------
    str
    """
    finished = len(history["val_loss"])
    parts = [f"epoch {min(finished + 1, epochs)} of {epochs} ({done / epochs:.0%})"]
    if finished:
        best = min(history["val_loss"])
        parts += [
            f"training {history['train_loss'][-1]:.4f}",
            f"validation {history['val_loss'][-1]:.4f}",
            f"best {best:.4f} in epoch {history['val_loss'].index(best) + 1}",
        ]
    if finished == epochs:
        parts.append("done")
    elif seconds_left is not None:
        minutes, seconds = divmod(round(seconds_left), 60)
        parts.append(f"{minutes} min {seconds:02d} s left")
    return " · ".join(parts)
