"""Training state on disk, so that an interrupted run can go on where it stopped.

One file holds everything: the weights, the optimiser's state, the best weights so
far, the history and the settings of the run. It is replaced in one step at the end
of each epoch, so what lies on the disk is always one whole, finished epoch.
"""

import json
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from dae._checks import check_model, check_path
from dae._files import read_arrays, written_whole

History = dict[str, list[float]]


def save_checkpoint(
    path: str | Path,
    model: keras.Model,
    best_weights: list[NDArray],
    history: History,
    settings: dict,
) -> None:
    """Write the state of a training run after an epoch.

    Parameters
    ----------
    path : str or Path
        An ``.npz`` file; replaced whole.
    model : keras.Model
        Compiled, with its optimiser built.
    best_weights : list of ndarray
        As ``model.get_weights()`` gave them after the best epoch.
    history : dict of str to list of float
        One value an epoch.
    settings : dict
        What the run was started with, as JSON can hold it.

    Raises
    ------
    TypeError
        If JSON cannot hold `history` or `settings`, `model` is no model that is built,
        or `path` no path.
    ValueError
        If `path` does not end in ``.npz``, `model` is not compiled, or `best_weights`
        are not as many as its weights.
    """
    path = check_path(path, suffix=".npz")
    if len(best_weights) != len(check_model(model).weights):
        raise ValueError(
            f"best_weights must hold {len(model.weights)} arrays, got "
            f"{len(best_weights)}"
        )
    arrays = {
        f"state_{i}": keras.ops.convert_to_numpy(v)
        for i, v in enumerate(_variables(model))
    }
    arrays |= {f"best_{i}": w for i, w in enumerate(best_weights)}
    arrays["text"] = np.array(json.dumps({"history": history, "settings": settings}))
    with written_whole(path) as temporary:
        np.savez(temporary, **arrays)


def load_checkpoint(
    path: str | Path, model: keras.Model, settings: dict
) -> tuple[History, list[NDArray]]:
    """Put a model and its optimiser back into a saved state.

    Parameters
    ----------
    path : str or Path
        What `save_checkpoint` wrote.
    model : keras.Model
        Compiled like the saved one. It is changed.
    settings : dict
        What this run was started with; it must equal what was saved.

    Returns
    -------
    history : dict of str to list of float
    best_weights : list of ndarray

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    TypeError
        If `model` is no model that is built, or `path` no path.
    ValueError
        If it cannot be read, or belongs to a run with other settings or another model;
        if `model` is not compiled.
    """
    path = check_path(path)
    variables = _variables(model)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no checkpoint to resume from; start without resume"
        )
    try:
        arrays = read_arrays(path, path.stat().st_size)  # nothing in it is compressed
        text = json.loads(str(arrays.pop("text")))
        history, saved_settings = text["history"], dict(text["settings"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not a readable checkpoint ({error}); delete it and start anew"
        ) from error
    _check_settings(path, saved_settings, settings)
    expected = {f"state_{i}": tuple(v.shape) for i, v in enumerate(variables)}
    expected |= {f"best_{i}": tuple(w.shape) for i, w in enumerate(model.weights)}
    if {name: array.shape for name, array in arrays.items()} != expected:
        raise ValueError(
            f"{path}: of another model, or written by another version of Keras; "
            "delete it and start anew"
        )
    for i, variable in enumerate(variables):
        variable.assign(arrays[f"state_{i}"])
    best_weights = [arrays[f"best_{i}"] for i in range(len(model.weights))]
    return history, best_weights


def _variables(model: keras.Model) -> list[keras.Variable]:
    if getattr(check_model(model), "optimizer", None) is None:
        raise ValueError("model must be compiled, such as by compile_denoiser")
    model.optimizer.build(model.trainable_variables)
    return model.weights + model.optimizer.variables


def _check_settings(path: Path, saved: dict, wanted: dict) -> None:
    differing = [
        f"{name}: {saved.get(name)!r} in the checkpoint, {value!r} now"
        for name, value in wanted.items()
        if saved.get(name) != value
    ]
    if differing:
        raise ValueError(
            f"{path}: the checkpoint is of another run ({'; '.join(differing)}); "
            "use the same settings, or start without resume"
        )
