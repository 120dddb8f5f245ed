"""The notebook's parameters and results: what makes sense, and where a run writes."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dae._checks import check_count, check_keras, check_level
from dae._files import written_whole

FULL_RUN = {  # the value there, and the lowest and the highest that make sense
    "EPOCHS": (50, 1, 1_000),
    "TRAIN_SIZE": (55_000, 300, 55_000),
    "VAL_SIZE": (5_000, 300, 5_000),
    "TEST_SIZE": (10_000, 300, 10_000),
    "SIGMA": (0.5, 0.01, 10),
    "SEED": (0, 0, 2**31),
    "CODE_CHANNELS": (8, 1, 64),
    "DIGIT": (0, 0, 9_999),
    "SHORT_EPOCHS": (1, 1, 100),
    "SAMPLE_SIZE": (1_000, 100, 10_000),
}
SO_FAR = "runs/results_so_far.json"
_variables: Mapping = {}


def begin(variables: Mapping) -> dict:
    """Check the notebook's parameters before any work is done; begin its results.

    The variables are remembered, not copied: whatever is saved later goes where the
    parameters say *then*, see `output_path`.

    Parameters
    ----------
    variables : mapping
        The notebook's ``globals()``.

    Returns
    -------
    Results
        A dict; only ``"settings"`` yet: what the run was started with.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of another kind or outside its limits, or if the trained
        model was not trained for the others.
    """
    global _variables
    check_keras()
    test_size = variables["TEST_SIZE"]
    for name, (full, low, high) in FULL_RUN.items():
        value = variables[name]
        if isinstance(full, float):
            check_level(value, name)
        else:
            check_count(value, name, least=0)
        high = {"DIGIT": test_size - 1, "SAMPLE_SIZE": test_size}.get(name, high)
        if not low <= value <= high:
            raise ValueError(f"{name} must be from {low} to {high}, got {value}")
    if variables["PRETRAINED"] and any(
        variables[name] != FULL_RUN[name][0] for name in ("SIGMA", "CODE_CHANNELS")
    ):
        raise ValueError(
            "PRETRAINED must be False, as the trained model is for SIGMA = 0.5 and "
            "CODE_CHANNELS = 8"
        )
    _variables = variables
    sets = {
        f"{name} images": variables[f"{short}_SIZE"]
        for name, short in (("training", "TRAIN"), ("validation", "VAL"))
    }
    settings = {name: variables[name.upper()] for name in ("epochs", "sigma", "seed")}
    return Results({"settings": settings | sets | {"test images": test_size}})


def is_full_run() -> bool:
    """Whether this is, at this moment, the run that the text tells of.

    It has that run's parameters; and once the notebook has a history, or denoised test
    digits, the training is over.
    """
    others = any(_variables[name] != full for name, (full, *_) in FULL_RUN.items())
    losses = (_variables.get("history") or {}).get("val_loss", [])
    trained = len(losses) == FULL_RUN["EPOCHS"][0]
    begun = not _variables.keys().isdisjoint({"history", "denoised"})
    return not others and not _variables["PRETRAINED"] and (trained or not begun)


def output_path(path: str | Path) -> Path:
    """Say where a file of this run goes, by the parameters as they are now.

    Parameters
    ----------
    path : str or Path
        Such as ``"figures/training_loss.png"``; an absolute one stays as it is.

    Returns
    -------
    Path
        Below the folder `OUTPUT`. If that is the repository's own and this is not the
        full run, see `is_full_run`, below ``scratch``, so that the committed files stay
        as they are.
    """
    folder = _variables.get("OUTPUT", ".")
    if folder == "." and _variables and not is_full_run():
        folder = "scratch"
    return Path(folder, path)


class Results(dict):
    """Results by section; those so far are on the disk too, should the kernel die."""

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        with suppress(OSError, TypeError, ValueError):  # it is only a second copy
            save_results(self, SO_FAR)


def save_results(results: Mapping, path: str | Path = "figures/results.json") -> None:
    """Write results as JSON, whole or not at all.

    Names become keys: in lower case, ``_`` for all that is no letter or digit, and
    without what stands in parentheses, such as a unit. NumPy's numbers become plain
    ones, an `Interval` its mean and two ends.

    Parameters
    ----------
    results : mapping
        Of names to numbers, texts, sequences, Intervals or further mappings.
    path : str or Path
        See `output_path`.

    Raises
    ------
    ValueError
        If two names become the same key, or a number is not finite.
    """
    text = json.dumps(plain(results), indent=1, allow_nan=False) + "\n"
    with written_whole(output_path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    if isinstance(results, Results) and path != SO_FAR:
        output_path(SO_FAR).unlink(missing_ok=True)


def plain(value: object) -> object:
    """Turn a result into what JSON can hold, see `save_results`."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        keys = {name: key_of(name) for name in value}
        if len(set(keys.values())) < len(keys):
            raise ValueError(f"names must become different keys, got {keys}")
        return {keys[name]: plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value.item() if hasattr(value, "item") else value


def key_of(name: object) -> str:
    """Turn a name into a key: ``"median (3)"`` into ``median``, 0.5 into ``0_5``."""
    words = re.sub(r"\(.*?\)", "", str(name)).lower()
    return re.sub(r"\W+", "_", words).strip("_")
