"""Training state on disk, so that an interrupted run can go on where it stopped.

One file holds everything: the weights, the optimiser's state, the best weights so
far, the history and the settings of the run. It is replaced in one step at the end
of each epoch, so what lies on the disk is always one whole, finished epoch.
"""

import json
import zipfile
from pathlib import Path
from typing import IO

import keras
import numpy as np
from numpy.typing import NDArray

from dae._checks import check_model, check_path
from dae._files import written_whole

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
        If JSON cannot hold `history` or `settings`, or `path` is not a path.
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
    arrays = _named(_variables(model), best_weights)
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
        If `path` is not a path.
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
    with open(path, "rb") as file:
        try:
            arrays = _read_arrays(file)
            text = json.loads(str(arrays.pop("text")))
            history, saved_settings = text["history"], dict(text["settings"])
        except Exception as error:  # damage makes zipfile and NumPy raise many kinds
            raise ValueError(
                f"{path}: not a readable checkpoint "
                f"({str(error) or type(error).__name__}); delete it and start anew"
            ) from error
    _check_settings(path, saved_settings, settings)
    if _forms(arrays) != _forms(_named(variables, model.get_weights())):
        raise ValueError(
            f"{path}: of another model, or written by another version of Keras; "
            "delete it and start anew"
        )
    for i, variable in enumerate(variables):
        variable.assign(arrays[f"state_{i}"])
    best_weights = [arrays[f"best_{i}"] for i in range(len(model.weights))]
    return history, best_weights


def _read_arrays(file: IO[bytes]) -> dict[str, NDArray]:
    """Read an archive that may be damaged; pickled objects are refused."""
    with zipfile.ZipFile(file) as archive:
        if any(m.compress_type != zipfile.ZIP_STORED for m in archive.infolist()):
            raise ValueError("it is compressed, and may unpack to any size")
        if damaged := archive.testzip():
            raise ValueError(f"the checksum of {damaged} is wrong")
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def _named(
    variables: list[keras.Variable], best_weights: list[NDArray]
) -> dict[str, NDArray]:
    values = map(keras.ops.convert_to_numpy, variables)
    arrays = {f"state_{i}": value for i, value in enumerate(values)}
    return arrays | {f"best_{i}": w for i, w in enumerate(best_weights)}


def _forms(arrays: dict[str, NDArray]) -> dict[str, tuple]:
    """Shape and kind of each; NumPy gives bytes for a member that is not an array."""
    return {
        name: (np.shape(array), np.asarray(array).dtype.kind)
        for name, array in arrays.items()
    }


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
