"""The exercises: an empty cell fails, a wrong answer fails, each solution passes."""

import ast
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
    7: "lambda a, b: (np.std(a - b) / 100, (np.std(a) + np.std(b)) / 100)",
    8: "lambda y, sigma: y / sigma**2",
    9: "lambda y, sigma: np.tanh(y / sigma**2)",
    10: "lambda noisy, other, new: new",
}


def functions(notebook, *names):
    """The source of functions that the notebook defines."""
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            yield ast.unparse(node)


@pytest.fixture(scope="module")
def lesson(notebook, mnist):
    """What an exercise finds when the cells above it have run, on fewer images."""
    (x_train, _), (x_val, _), (x_test, _) = mnist
    names = {
        "np": np,
        "dae": dae,
        "SEED": 0,
        "SIGMA": 0.5,
        "x_train": x_train[:5_000],
        "x_val": x_val[:1_000],
        "x_sample": x_test[:300],
        "corrupt": partial(dae.add_gaussian_noise, level=0.5),
    }
    for source in functions(notebook, "flat"):
        exec(source, names)
    return names


@pytest.fixture
def said(monkeypatch):
    shown = []
    monkeypatch.setattr(dae.notebook, "display", lambda it: shown.append(it.data))
    return shown


def source_of(notebook, name):
    (cell,) = [c for c in notebook.cells if c.id == name]
    return cell.source


@pytest.mark.parametrize("number", range(1, 11))
def test_exercise(notebook, lesson, said, number):
    empty = source_of(notebook, f"exercise-{number}")
    place = re.compile(rf"^answer_{number} = \.\.\..*$", flags=re.M)
    assert len(place.findall(empty)) == 1
    assert re.search(r"^ +assert ", empty, flags=re.M)
    for answer in (
        f"answer_{number} = ...",
        f"answer_{number} = {WRONG[number]}",
        source_of(notebook, f"solution-{number}"),
    ):
        exec(place.sub(lambda _, a=answer: a, empty), dict(lesson))
    assert said[0] == "*Not yet:* replace the `...` by your answer."
    assert said[1].startswith("*Not yet:* ") and said[1] != said[0]
    assert said[2:] == ["**Right.**"]


def test_an_error_is_told_with_the_hint(said):
    with dae.exercise(0, "Think of limits."):
        1 / 0  # noqa: B018
    assert said == [
        "*Not yet:* the check stopped with `ZeroDivisionError: division by zero`. Has "
        "your answer the form that the comment asks for? Think of limits."
    ]


def test_an_interrupt_is_not_swallowed(said):
    with pytest.raises(KeyboardInterrupt), dae.exercise(1, "hint"):
        raise KeyboardInterrupt
    assert not said


def test_committed_outputs_are_those_of_empty_cells(notebook):
    for number in range(1, 11):
        (cell,) = [c for c in notebook.cells if c.id == f"exercise-{number}"]
        (output,) = cell.outputs
        assert output.data["text/markdown"].startswith("*Not yet:*")


def test_what_the_texts_say_about_the_answers(notebook, lesson):
    """A fifth of the rise is cut off at 1 (4); with strong noise the line is flatter
    than 1 (6); the ideal denoiser is least sure halfway, with variance 1 (10)."""
    names = dict(lesson)
    for number in (4, 6, 10):
        for kind in ("exercise", "solution"):
            exec(source_of(notebook, f"{kind}-{number}"), names)
    assert abs(1 - names["answer_4"](1) * np.sqrt(2 * np.pi) - 0.2) < 0.02
    assert 0 < names["answer_6"][0] < 1
    variance = names["answer_10"](np.linspace(-2, 2, 41), 0.5)
    assert variance.argmax() == 20 and variance[20] == 1
