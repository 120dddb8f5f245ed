"""What several test modules use."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import dae.publish.run
from dae import (
    add_gaussian_noise,
    compile_denoiser,
    load_checkpoint,
    load_mnist,
    save_checkpoint,
    training_loop,
)

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the slow tests, too")


def pytest_collection_modifyitems(config, items):
    """Leave the slow tests out, but where they are asked for or named."""
    named = config.option.markexpr or any("::" in name for name in config.args)
    if not (config.option.all or named):
        slow = {item for item in items if item.get_closest_marker("slow")}
        config.stash[LEFT_OUT] = len(slow)
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def pytest_terminal_summary(terminalreporter, config):
    if count := config.stash.get(LEFT_OUT, 0):
        told = f"{count} slow tests were left out: python -m pytest --all runs them too"
        terminalreporter.write_line(told)


@pytest.fixture(scope="session")
def mnist():
    """The three labelled sets. Not to be written to."""
    return load_mnist()


@pytest.fixture(scope="session")
def digits(mnist):
    """A thousand clean training images."""
    return mnist[0][0][:1000]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def notebook():
    """The committed notebook, whose cells the tests find by their ids."""
    name = "denoising-autoencoder-tutorial.ipynb"
    found = nbformat.read(ROOT / name, as_version=4)
    if "load" not in {cell.id for cell in found.cells}:
        pytest.fail(
            "the ids of the notebook's cells have changed, as by nbstripout without "
            f"--keep-id, or jupytext: 'git checkout -- {name}' brings them back"
        )
    return found


@pytest.fixture(scope="session")
def results():
    """The committed results."""
    return json.loads((ROOT / "figures/results.json").read_text())


def corrupt(images, rng):
    return add_gaussian_noise(images, rng, level=0.5)


def small_model(seed=0):
    """A denoiser that trains in a moment."""
    keras.utils.set_random_seed(seed)
    smaller = keras.layers.Conv2D(4, 4, strides=4, activation="relu")
    larger = keras.layers.Conv2DTranspose(1, 4, strides=4, activation="sigmoid")
    return keras.Sequential([keras.Input((28, 28, 1)), smaller, larger])


def compiled():
    model = small_model()
    compile_denoiser(model, 10)
    return model


def train_small(
    model, digits, noise=corrupt, count=200, *, checkpoint=None, resume=False,
    keep=True, report=lambda state: None, learning_rate=1e-2,
    loss="binary_crossentropy", **options
):  # fmt: skip
    """Three epochs of six batches, as the notebook does it."""
    options = {"epochs": 3, "batch_size": 32, "seed": 5} | options
    steps = int(options["epochs"]) * (count // options["batch_size"])
    compile_denoiser(model, max(1, steps), learning_rate, loss)
    options["state"] = load_checkpoint(checkpoint) if resume else None
    state = options["state"]
    images, val_images = digits[:count], digits[200:260]
    for state in training_loop(model, images, val_images, noise, **options):
        if checkpoint and keep and state.epoch_ended:
            save_checkpoint(checkpoint, state)
        report(state)
    model.set_weights(state.best_weights)
    return state.history


def assert_equal(found, expected):
    """Two lists of arrays, such as weights, are the same."""
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def environment(*folders, **others):
    """That of this process, with these folders to import from."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), **others}


def start_python(*arguments, **options):
    """Start a process of its own, which finds the package and these tests."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    options = pipes | {"env": environment(ROOT, ROOT / "tests")} | options
    return subprocess.Popen([sys.executable, *arguments], **options)


def run_python(*arguments, **options):
    """The same, to its end: what it printed, its errors, and its exit status."""
    with start_python(*arguments, **options) as process:
        try:
            return *process.communicate(timeout=300), process.returncode
        finally:
            process.kill()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def executed_notebook():
    cell = new_code_cell("1", execution_count=1)
    text = "# Title\n\nThe abstract."
    return new_notebook(cells=[new_markdown_cell(text), cell])


def shows(mime, content, **about):
    """A cell of the reader's own, executed, which shows something."""
    data = {mime: content, "text/plain": "<obj>"}
    output = new_output("display_data", data=data, metadata=about)
    return new_code_cell("pass", execution_count=1, outputs=[output])


# a small lesson, without TensorFlow, which writes what the full run writes
FIGURES = ["a.txt", "b.txt", "results.json"]
TEXT = """# Part I

<a id="start"></a>

## 0. Start

It is 0<!-- results: x d -->, as in [section 0](#start).

**1 (★). Count.** How many?"""
WRITES = """
import shutil
from pathlib import Path
from IPython.display import display
line = display({"text/plain": ""}, raw=True, display_id=True)
line.update({"text/plain": "epoch 1 of 2 (5%) · é"}, raw=True)
folder = Path(OUTPUT) / "figures"
folder.mkdir(exist_ok=True)
for name in ("a.txt", "b.txt", "results.json"):
    with open(folder / name, "x") as file:
        file.write('{"x": %d}' % X)
shutil.copy("dae/pretrained/denoiser.npz", Path(OUTPUT, "checkpoint.npz"))
"""


def small_lesson():
    parameters = "OUTPUT = '.'\nRESUME = False\nX = 7"
    cells = [
        new_markdown_cell("# Title\n\nThe abstract.", id="title"),
        new_markdown_cell(TEXT, id="text"),
        new_code_cell(parameters, id="knobs", metadata={"tags": ["parameters"]}),
        new_code_cell(WRITES, id="writes"),
        new_code_cell("answer_1 = ...", id="exercise-1"),
        new_code_cell("answer_1 = 3", id="solution-1"),
    ]
    return new_notebook(cells=cells)


def write_project(root):
    """Write a small clone, with a small lesson, that can be run."""
    for folder in ("figures", "runs", "tests/benchmarks"):
        (root / folder).mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__", "mnist.npz")
    shutil.copytree(ROOT / "dae", root / "dae", ignore=ignored)
    (root / "dae/mnist/mnist.npz").symlink_to(ROOT / "dae/mnist/mnist.npz")
    for name in FIGURES:
        (root / "figures" / name).write_text('{"x": 0}')
    for readme in ("README.md", "tests/benchmarks/README.md"):
        (root / readme).write_text("0<!-- results: x d -->")
    nbformat.write(small_lesson(), root / dae.publish.run.NOTEBOOK.name)
    return root


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small clone, which `dae.publish.run` takes for the repository."""
    root = write_project(tmp_path / "clone")
    for name in ("ROOT", "NOTEBOOK", "README", "PDF", "PAGE"):
        path = root / getattr(dae.publish.run, name).relative_to(ROOT)
        monkeypatch.setattr(dae.publish.run, name, path)
    return root


def finished_run(root, name="1"):
    """What a full run makes, in its folder."""
    folder, lesson = root / "runs" / name, small_lesson()
    (folder / "figures").mkdir(parents=True)
    for file in FIGURES:
        (folder / "figures" / file).write_text('{"x": 7}')
    shutil.copy(ROOT / "dae/pretrained/denoiser.npz", folder / "checkpoint.npz")
    for cell in lesson.cells[2:]:
        cell.execution_count = 1
    nbformat.write(lesson, folder / dae.publish.run.NOTEBOOK.name)
    return folder


def contents(root):
    """What is in every file below a folder, but those of runs and caches."""
    apart = {"runs", "__pycache__", ".git", ".hypothesis", ".pytest_cache"}
    paths = [path for path in root.rglob("*") if path.is_file()]
    return {
        path: path.read_bytes()
        for path in paths
        if not (apart | {".ruff_cache"}) & set(path.relative_to(root).parts)
    }


# Python imports a module of this name before anything else. Its hook is asked about
# every connection that Python code makes, and about every name it looks up.
SITECUSTOMIZE = """
import os, sys

def log(text):
    with open(os.environ["NETWORK_LOG"], "a") as file:
        file.write(text + "\\n")

def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else ""
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    host = os.fsdecode(host or "")
    if not (host in ("", "localhost", "::1") or host.startswith("127.")):
        log(f"refused: {event} {host}")
        raise PermissionError(f"{event}: no network in this test")

sys.addaudithook(hook)
log("started: " + " ".join(sys.orig_argv))
"""


@pytest.fixture(scope="session", autouse=True)
def fast_run_begun(request, tmp_path_factory):
    """Begin the main job in fast mode beside the other tests, if one asks for it.

    From another, odd folder, with a home of its own; Python code reaches no network.
    """
    if not any("fast_run" in item.fixturenames for item in request.session.items):
        yield None
        return
    folders = ("some where é", "home", "blocked")
    elsewhere, home, blocked = map(tmp_path_factory.mktemp, folders)
    (blocked / "sitecustomize.py").write_text(SITECUSTOMIZE)
    begun = SimpleNamespace(
        before=contents(ROOT),
        elsewhere=elsewhere,  # its folder for temporary files
        home=home,
        network_log=blocked / "log.txt",
    )
    others = {"TMPDIR": elsewhere, "HOME": home, "NETWORK_LOG": begun.network_log}
    env = environment(blocked, ROOT, **others)
    options = {"cwd": elsewhere, "env": env, "stderr": subprocess.STDOUT}
    with start_python("-m", "dae", "--fast", **options) as begun.process:
        yield begun
        begun.process.kill()


@pytest.fixture(scope="session")
def fast_run(fast_run_begun):
    """The main job in fast mode, finished: what it printed and made is known too."""
    fast_run_begun.printed, _ = fast_run_begun.process.communicate(timeout=600)
    assert fast_run_begun.process.returncode == 0, fast_run_begun.printed
    (fast_run_begun.folder,) = fast_run_begun.elsewhere.glob("dae-fast-*")
    return fast_run_begun
