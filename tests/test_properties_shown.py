"""Whatever is to be shown, written or made up: it is, or the argument is named."""

import string
from contextlib import suppress

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import dae
import dae.notebook

NAN, INF = float("nan"), float("inf")
NO_PATH = [None, 5, b"a", ["a"], ""]

cells = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.none(),
    st.text(string.ascii_letters + "|\n\r\\ *", max_size=6),
)  # fmt: skip


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    table=st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1)
    )
)
def test_a_table_has_the_rows_and_columns_it_was_given(table):
    lines = dae.show_table(table[0], table[1:]).data.split("\n")
    assert len(lines) == len(table) + 1
    for line in lines:
        bars = line.count("|") - line.count(r"\|")
        assert bars == len(table[0]) + 1, line


def test_a_table_as_text():
    rows = [("a", 1.5, None), ("b|c", "d", True)]
    assert dae.show_table(("name", "one", "two"), rows).data == (
        "| name | one | two |\n"
        "| --- | --- | --- |\n"
        "| a | 1.5 | None |\n"
        r"| b\|c | d | True |"
    )


def test_a_table_of_numbers_has_them_on_the_right_with_minus_signs():
    rows = [(1, "-0.5 [-1.0, 0.1]", "", "k-9"), (2, "3 x 4", "\N{EN DASH}", -7)]
    assert dae.show_table(("n", "value", "dead", "text"), rows).data == (
        "| n | value | dead | text |\n"
        "| --- | ---: | ---: | --- |\n"
        "| 1 | \N{MINUS SIGN}0.5 [\N{MINUS SIGN}1.0, 0.1] |  | k-9 |\n"
        "| 2 | 3 x 4 | \N{EN DASH} | \N{MINUS SIGN}7 |"
    )


ONE = np.full((1, 28, 28, 1), 0.5, np.float32)
SHOWN = {
    "header": (
        lambda v: dae.show_table(v, [[1, 2]]), [None, "ab", 5, [], ["a"], [1, 2, 3]],
    ),
    "header ": (lambda v: dae.show_table(v, []), [[], ()]),
    "row": (
        lambda v: dae.show_table(["a", "b"], v),
        [[5], [None], ["ab"], [[1]], [[1, 2], [1, 2, 3]], [[]], 5, None],
    ),
    "function": (dae.show_source, [None, 5, "f", len, np.add, string, Figure]),
    "figure": (
        lambda v: dae.save_figure(v, "never.png", "x"), [None, 5, np.ones((2, 2)), "a"],
    ),
    "path": (lambda v: dae.save_figure(Figure(), v, "x"), [*NO_PATH, "a", "a.jpg"]),
    "alt": (
        lambda v: dae.save_figure(Figure(), "never.png", v), [None, 5, "", " \n", b"a"],
    ),
    "path ": (lambda v: dae.written_whole(v).__enter__(), [*NO_PATH, ".", "/"]),
    "path  ": (dae.load_mnist, NO_PATH[1:]),
    "seconds_between": (dae.LiveProgress, [-1, NAN, INF, None, "1", True, [1]]),
    "epochs": (
        lambda v: dae.LiveProgress()(v, 0.5, {"train_loss": [], "val_loss": []}),
        [0, -1, 2.5, None, "3"],
    ),
    "count": (
        lambda v: dae.generate(lambda x: x, v, np.random.default_rng(0)),
        [0, -1, 2.5, None, True, "3"],
    ),
    "rng": (lambda v: dae.generate(lambda x: x, 1, v), [None, 0, np.random]),
    "start": (
        lambda v: dae.generate(lambda x: x, 1, np.random.default_rng(0), start=v),
        [None, 255, -1, NAN, INF, [0.5], np.full((28, 28), 0.5)],
    ),
    "beta": (
        lambda v: dae.generate(lambda x: x, 1, np.random.default_rng(0), beta=v),
        [-1, 2, NAN, INF],
    ),
    "shape": (
        lambda v: dae.generate(lambda x: x, 1, np.random.default_rng(0), shape=v),
        [(28, 28), (28,), ()],
    ),
    "most_steps": (
        lambda v: dae.generate(lambda x: x, 1, np.random.default_rng(0), most_steps=v),
        [0, -1, 2.5, None],
    ),
    "until": (
        lambda v: dae.generate(lambda x: x, 1, np.random.default_rng(0), until=v),
        [-1, NAN, INF, "0"],
    ),
    "values": (
        lambda v: dae.mean_interval(v, np.random.default_rng(0)),
        [[1j], ["a"], [None], [[1.0]], [], [NAN]],
    ),
    "use_bias": (lambda v: dae.build_linear_output(use_bias=v), [None, "no", 0]),
    "batch_size": (
        lambda v: next(dae.noisy_batches(ONE, None, v, np.random.default_rng(0))),
        [0, -1, 2.5, None, True],
    ),
    "rng ": (lambda v: next(dae.noisy_batches(ONE, None, 1, v)), [None, 0, np.random]),
    "total_steps": (
        lambda v: dae.compile_denoiser(None, v), [0, -1, 2.5, None, True],
    ),
}  # fmt: skip


def test_generate_refuses_what_is_no_restored_picture():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"images and restore\(images\) must have the"):
        dae.generate(lambda x: x[:1], 2, rng, most_steps=1)
    images, _ = dae.generate(lambda x: x.astype(np.float64), 1, rng, most_steps=2)
    assert images.dtype == np.float32


@pytest.mark.parametrize("name", SHOWN)
def test_what_cannot_be_shown_or_written_is_refused_by_name(name):
    call, wrong = SHOWN[name]
    for value in wrong:
        refused(lambda value=value: call(value), name.strip())


names = st.text(string.ascii_letters + string.digits + " é._-", min_size=1, max_size=20)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    name=names.filter(lambda n: n.strip() and n[-1] != "."),
    content=st.binary(max_size=99),
)
def test_any_file_is_written_whole_or_left(tmp_path_factory, name, content):
    path = tmp_path_factory.mktemp("any") / "new" / "deep" / name
    with dae.written_whole(path) as temporary:
        temporary.write_bytes(content)
        assert temporary.suffix == path.suffix and not path.exists()
    with suppress(KeyError), dae.written_whole(str(path)) as temporary:
        temporary.write_bytes(b"half")
        raise KeyError
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(content=st.binary(max_size=200), magic=st.sampled_from([b"", b"PK\x03\x04"]))
def test_what_is_not_mnist_is_refused_with_its_name(tmp_path_factory, magic, content):
    path = tmp_path_factory.mktemp("bad") / "x.npz"
    path.write_bytes(magic + content)
    with pytest.raises(ValueError, match=r"x\.npz: not a readable copy of MNIST"):
        dae.load_mnist(path)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    answer=st.one_of(cells, st.just(...), st.just(np.ones(3)), st.just(np.array([]))),
    outcome=st.sampled_from([None, AssertionError(), AssertionError("why"), OSError()]),
)
def test_every_answer_gets_one_word_on_it(answer, outcome):
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dae.notebook, "display", lambda it: said.append(it.data))
        with dae.exercise(answer, "A hint."):
            if outcome:
                raise outcome
    (word,) = said
    assert (word == "**Right.**") == (outcome is None and answer is not ...)
    assert word.endswith("A hint.") == (outcome is not None and answer is not ...)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    losses=st.lists(st.floats(0, 9), max_size=5),
    epochs=st.integers(5, 9),
    part=st.floats(0, 1),
)
def test_progress_says_where_it_is_whatever_the_losses(losses, epochs, part):
    done = min(len(losses) + part, epochs)
    history = {"train_loss": losses, "val_loss": losses}
    text = dae.notebook.describe(epochs, done, history, 61)
    assert text.startswith(f"epoch {min(len(losses) + 1, epochs)} of {epochs} (")
    assert (f"best {min(losses, default=10):.4f}" in text) == bool(losses)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    count=st.integers(1, 4),
    shape=st.tuples(*[st.integers(1, 6)] * 2, st.integers(1, 2)),
    beta=st.floats(0, 1),
    start=st.floats(0, 1),
)
def test_whatever_is_generated_are_pictures(count, shape, beta, start):
    found = [
        dae.generate(
            lambda x: 0.9 * x, count, np.random.default_rng(0),
            shape=shape, beta=beta, start=start, most_steps=5,
        )
        for _ in range(2)
    ]  # fmt: skip
    (images, levels), (again, _) = found
    assert images.shape == (count, *shape) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1 and np.isfinite(levels).all()
    np.testing.assert_array_equal(images, again)
