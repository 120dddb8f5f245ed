"""Where a training stands, in memory and on disk.

One file holds everything: the weights, the optimiser's state, the best weights so far,
the losses and the settings of the training. It is replaced in one step, so what lies on
the disk is always one whole, finished epoch.
"""

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dae._checks import check_path, refuse
from dae._files import BUSY, written_whole

PRETRAINED_PATH = Path(__file__).parent / "pretrained" / "denoiser.npz"
REMEDY = "'git checkout -- dae/pretrained' brings it back"
History = dict[str, list[float]]


@dataclass
class Training:
    """Where a training stands, after any of its steps.

    Parameters
    ----------
    settings : dict
        What the training was started with, as JSON can hold it; ``epochs`` among it.
    best_weights : list of ndarray
        As ``model.get_weights()`` gave them after the best epoch so far; before the
        first one has ended, the weights that it began with.
    variables : list of ndarray
        What the model and its optimiser held at the end of the last whole epoch, or at
        the beginning. Empty if no training can go on from here.
    history : dict of str to list of float
        ``train_loss`` and ``val_loss``, one value for each epoch that has ended.
    done : float
        How many epochs are done; whole at an epoch's end only.
    """

    settings: dict
    best_weights: list[NDArray]
    variables: list[NDArray]
    history: History = field(default_factory=lambda: {"train_loss": [], "val_loss": []})
    done: float = 0.0

    @property
    def epochs(self) -> int:
        """How many epochs the whole training has."""
        return self.settings["epochs"]

    @property
    def epoch_ended(self) -> bool:
        """Whether an epoch has just ended, so that its losses are known."""
        return 0 < self.done == self.epochs_done

    @property
    def epochs_done(self) -> int:
        """How many epochs have ended."""
        return len(self.history["val_loss"])

    def end_epoch(self, model: Any, train_loss: float, val_loss: float) -> None:
        """Note the losses of an epoch, and all that is needed to go on after it."""
        losses = {"train_loss": train_loss, "val_loss": val_loss}
        self.variables = values_of(variables_of(model))
        self.history = {name: [*self.history[name], losses[name]] for name in losses}
        self.done = float(self.epochs_done)

    def restore(self, model: Any) -> None:
        """Put a model and its optimiser where they were at the end of an epoch."""
        if self.variables:
            pairs = zip(variables_of(model), self.variables, strict=True)
            for variable, value in pairs:
                variable.assign(value)

    def check(self, model: Any, settings: dict) -> None:
        """Raise a ValueError unless a model, and a run's settings, are this training's.

        Parameters
        ----------
        model : keras.Model
            Compiled.
        settings : dict
            What the run was started with.
        """
        saved = self.settings
        differing = [
            f"{name}: {saved.get(name)!r} in the checkpoint, {settings.get(name)!r} now"
            for name in settings | saved
            if saved.get(name) != settings.get(name)
        ]
        if differing:
            wanted = "be of this run; use the same settings, or start without it"
            refuse("state", wanted, f"another run ({'; '.join(differing)})")
        if not self.variables and self.epochs_done < self.epochs:
            refuse("state", "hold the optimiser for a training to go on", "none")
        variables = values_of(variables_of(model)) if self.variables else []
        wanted = _forms([*model.get_weights(), *variables])
        if _forms([*self.best_weights, *self.variables]) != wanted:
            raise ValueError(
                "state is of another model, or written by another version of Keras; "
                "delete it and start anew"
            )


def variables_of(model: Any) -> list:
    """Return all that a training changes: also the state of layers that draw numbers.

    Parameters
    ----------
    model : keras.Model
        Compiled, with its optimiser built.

    Returns
    -------
    list of keras.Variable
    """
    return [*model.variables, *model.optimizer.variables]


def values_of(variables: list) -> list[NDArray]:
    """Return copies of what variables hold, as arrays."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def save_checkpoint(path: str | Path, state: Training) -> None:
    """Write where a training stood at the end of its last whole epoch.

    Of several processes that train together, let one write it.

    Parameters
    ----------
    path : str or Path
        An ``.npz`` file; replaced whole. If another program keeps it busy, a
        warning says so, and the file stays as it was.
    state : Training
        As `training_loop` gives it. With ``dataclasses.replace(state, variables=[])``
        the file has a quarter of the size: the weights stay, but no training can go on
        from them.

    Raises
    ------
    TypeError
        If JSON cannot hold the history or the settings, or `path` is not a path.
    ValueError
        If `path` does not end in ``.npz``.
    """
    try:
        write_checkpoint(path, state)
    except OSError as error:
        if error.errno not in BUSY:
            raise
        told = f"{error}; the training can go on, and is to be saved again"
        warnings.warn(told, stacklevel=2)


def write_checkpoint(path: str | Path, state: Training) -> None:
    """Write a checkpoint as `save_checkpoint` does, or raise an OSError."""
    path = check_path(path, suffix=".npz")
    arrays = {f"state_{i}": array for i, array in enumerate(state.variables)}
    arrays |= {f"best_{i}": array for i, array in enumerate(state.best_weights)}
    text = json.dumps({"history": state.history, "settings": state.settings})
    with written_whole(path) as temporary:
        np.savez(temporary, text=np.array(text), **arrays)


def load_checkpoint(path: str | Path | None = None) -> Training:
    """Read where a training stood.

    Parameters
    ----------
    path : str or Path, optional
        What `save_checkpoint` wrote; by default the training of the tutorial's full
        run, which comes with the package: finished, without its optimiser.

    Returns
    -------
    Training
        To be given to `training_loop`, which compares its settings. Nothing else is
        changed.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    TypeError
        If `path` is not a path.
    ValueError
        If it cannot be read, or does not hold what `save_checkpoint` writes.
    """
    path = PRETRAINED_PATH if path is None else check_path(path)
    is_ours = path == PRETRAINED_PATH
    if not path.is_file():
        remedy = REMEDY if is_ours else "it is there once an epoch has been saved"
        raise FileNotFoundError(f"{path}: there is no such checkpoint; {remedy}")
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)  # whose checksums are compared
            text = json.loads(str(arrays.pop("text")))
            history, settings = text["history"], dict(text["settings"])
            done, epochs = len(history["val_loss"]), settings["epochs"]
            best_weights, variables = _pop(arrays, "best"), _pop(arrays, "state")
            whole = all(isinstance(x, np.ndarray) for x in best_weights + variables)
            if arrays or not best_weights or not whole or not 0 <= done <= epochs:
                raise ValueError("it holds other things")
        except Exception as error:  # damage makes zipfile and NumPy raise many kinds
            raise ValueError(
                f"{path}: not a readable checkpoint "
                f"({str(error) or type(error).__name__}); "
                f"{REMEDY if is_ours else 'delete it and start anew'}"
            ) from error
    return Training(settings, best_weights, variables, history, float(done))


def _pop(arrays: dict[str, NDArray], name: str) -> list[NDArray]:
    """Take the arrays called ``name_0``, ``name_1``, ... out of a dict, as a list."""
    found = []
    while (key := f"{name}_{len(found)}") in arrays:
        found.append(arrays.pop(key))
    return found


def _forms(arrays: list[NDArray]) -> list[tuple]:
    """Shape and type of each array; backends have integers of different sizes."""
    return [(x.shape, x.dtype if x.dtype.kind == "f" else x.dtype.kind) for x in arrays]
