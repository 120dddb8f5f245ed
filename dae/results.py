"""The notebook's parameters and results: what makes sense, and where files go."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dae._checks import check_count, check_keras, check_nonnegative, refuse
from dae._files import written_whole

FULL_RUN = {  # the value there, and the lowest and the highest that make sense
    "EPOCHS": (50, 1, 1_000),
    "TRAIN_SIZE": (55_000, 1_200, 55_000),
    "TEST_SIZE": (10_000, 300, 10_000),
    "SIGMA": (0.5, 0.01, 10),
    "SEED": (0, 0, 10**9),
    "CODE_CHANNELS": (8, 1, 64),
    "SAMPLE_SIZE": (1_000, 100, 10_000),
}


def check_parameters(**parameters: float) -> dict[str, float]:
    """Check the notebook's parameters before any work is done.

    Parameters
    ----------
    **parameters : int, float or bool
        All of them by name, but for the folder to write to.

    Returns
    -------
    dict
        Those that decide on the outcome: all but `RESUME`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of another kind or outside its limits, or if the trained
        model was not trained for the others; or if Keras is set otherwise than the
        package needs it.
    """
    check_keras()
    for name, (full, low, high) in FULL_RUN.items():
        value = parameters[name]
        if isinstance(full, float):
            check_nonnegative(value, name)
        else:
            check_count(value, name, least=0)
        if name == "SAMPLE_SIZE":  # among the test images
            high = parameters["TEST_SIZE"]
        if not low <= value <= high:
            refuse(name, f"be from {low} to {high}", value)
    for name in ("PRETRAINED", "RESUME"):
        if not isinstance(parameters[name], bool):
            refuse(name, "be True or False", repr(parameters[name]), TypeError)
    turned = turned_knobs(parameters)
    if parameters["PRETRAINED"] and {"SIGMA", "CODE_CHANNELS"} & turned.keys():
        wanted = "be False, unless SIGMA is 0.5 and CODE_CHANNELS is 8"
        refuse("PRETRAINED", wanted, True)
    return {n: value for n, value in parameters.items() if n != "RESUME"}


def turned_knobs(parameters: Mapping[str, float]) -> dict[str, float]:
    """Return the parameters that differ from the full run, which the text tells of.

    Parameters
    ----------
    parameters : mapping of name to value
        Of some or all parameters.

    Returns
    -------
    dict
        Those that differ, with their values.
    """
    full_run = {name: full for name, (full, *_) in FULL_RUN.items()}
    full_run["PRETRAINED"] = False
    known = full_run.keys() & parameters.keys()
    return {n: parameters[n] for n in known if parameters[n] != full_run[n]}


def output_folder(folder: str | Path, parameters: Mapping[str, float]) -> Path:
    """Say where the notebook's files go.

    Parameters
    ----------
    folder : str or Path
        What the notebook's `OUTPUT` says. ``"."`` is the folder of the notebook itself,
        with the committed figures.
    parameters : mapping of name to value
        As `check_parameters` returns them.

    Returns
    -------
    Path
        That folder; but ``scratch`` in place of the current one if a parameter is not
        that of the full run, so that the committed files stay as they are.
    """
    folder = Path(folder).expanduser()
    if folder.resolve() == Path.cwd() and turned_knobs(parameters):
        return Path("scratch")
    return folder


class Results(dict):
    """Results by section; those so far are on the disk too, should the kernel die.

    Parameters
    ----------
    so_far : str or Path
        The file that is written anew with each section, and deleted by `save_results`.
    """

    def __init__(self, so_far: str | Path):
        self.so_far = Path(so_far)

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        with suppress(OSError, TypeError, ValueError):  # it is only a second copy
            save_results(dict(self), self.so_far)


def save_results(results: Mapping, path: str | Path) -> None:
    """Write results as JSON, whole or not at all.

    Names become keys: in lower case, ``_`` for all that is no letter or digit, and
    without what stands in parentheses, such as a unit. NumPy's numbers become plain
    ones, an `Interval` its mean and two ends.

    Parameters
    ----------
    results : mapping
        Of names to numbers, texts, sequences, Intervals or further mappings. If it is
        `Results`, its file of results so far is deleted.
    path : str or Path
        Replaced whole. Its folder is made if need be.

    Raises
    ------
    ValueError
        If two names become the same key, or a number is not finite.
    """
    text = json.dumps(plain(results), indent=1, allow_nan=False) + "\n"
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    if isinstance(results, Results):
        results.so_far.unlink(missing_ok=True)


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
