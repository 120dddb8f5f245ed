"""The exercises: an empty cell fails, a wrong answer fails, each solution passes."""

import re
from functools import partial

import numpy as np
import pytest

import dae.notebook

WRONG = {  # what one might well answer
    1: "0.5",
    2: "(24.0, 0.03)",
    3: "(196, 196 * 784)",
    4: "lambda sigma: sigma / np.sqrt(2 * np.pi)",
    5: "lambda images, rng: dae.mask_pixels(images, rng, level=0.5)",
    6: "(1, -0.2)",
    7: "lambda noisy: dae.baselines.gaussian(noisy, 1.0)",
    8: "lambda y, sigma: y / sigma**2",
    9: "lambda y, sigma: np.tanh(y / sigma**2)",
    10: "lambda noisy, other, new: new",
}


@pytest.fixture(scope="module")
def cells(notebook):
    return {cell.id: cell for cell in notebook.cells}


@pytest.fixture(scope="module")
def lesson(mnist):
    """What an exercise finds when the cells above it have run, on fewer images."""
    (x_train, _), (x_val, _), (x_test, _) = mnist
    names = {"np": np, "dae": dae, "SEED": 0, "SIGMA": 0.5, "x_sample": x_test[:300]}
    names |= {"x_train": x_train[:5_000], "x_val": x_val[:1_000]}
    return names | {"corrupt": partial(dae.add_gaussian_noise, level=0.5)}


@pytest.fixture
def said(monkeypatch):
    shown = []
    monkeypatch.setattr(dae.notebook, "display", lambda it: shown.append(it.data))
    return shown


@pytest.mark.parametrize("number", WRONG)
def test_exercise(cells, lesson, said, number):
    empty = cells[f"exercise-{number}"]
    place = re.compile(rf"^answer_{number} = \.\.\..*$", flags=re.M)
    answers = [f"answer_{number} = {text}" for text in ("...", WRONG[number])]
    for answer in [*answers, cells[f"solution-{number}"].source]:
        exec(place.sub(lambda _, a=answer: a, empty.source), dict(lesson))
    assert said[0] == "*Not yet:* replace the `...` by your answer."
    assert said[1].startswith("*Not yet:* ") and said[1] != said[0]
    assert said[2:] == ["**Right.**"]
    (committed,) = empty.outputs
    assert committed.data["text/markdown"].startswith("*Not yet:*")


def test_an_error_is_told_with_the_hint_and_an_interrupt_is_not_swallowed(said):
    with dae.exercise(0, "Think of limits."):
        1 / 0  # noqa: B018
    with pytest.raises(KeyboardInterrupt), dae.exercise(1, "hint"):
        raise KeyboardInterrupt
    (told,) = said
    assert told.startswith("*Not yet:*") and "ZeroDivisionError" in told
    assert told.endswith("Think of limits.")
