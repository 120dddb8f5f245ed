"""What several test modules use."""

import base64
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import nbformat
import numpy as np
import pytest
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
    new_raw_cell,
)

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


def refused(call, name):
    """Make sure that the package itself, without a warning, refuses an argument."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError), match=name) as caught:
            call()
    assert caught.traceback[-1].path.parent == ROOT / "dae", caught.getrepr()
    assert "must" in str(caught.value)


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


# what readers add to a notebook
PIXEL = base64.b64encode((ROOT / "figures/blur.png").read_bytes()).decode()
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
TABLE = "<table><tr><th>who</th></tr><tr><td>Ada &amp; Bob</td></tr></table>"


def cell_with(output_type="display_data", **content):
    """A cell of the reader's own, executed."""
    output = new_output(output_type, **content)
    return new_code_cell("pass", execution_count=1, outputs=[output])


def shows(mime, content, **about):
    return cell_with(data={mime: content, "text/plain": "<obj>"}, metadata=about)


READERS = {  # a cell, and what the page must show of it: words, or number of pictures
    "printed": (cell_with("stream", text="it is \x1b[31m42\x1b[0m\n"), "it is 42"),
    "a value": (cell_with("execute_result", data={"text/plain": "[1, 4]"}), "[1, 4]"),
    "an error": (cell_with("error", ename="KeyError", evalue="'x'"), "KeyError: 'x'"),
    "a table": (shows("text/html", TABLE), "Ada & Bob"),
    "a formula": (shows("text/latex", "$$x = y$$"), "="),
    "a plot without alt text": (shows("image/png", PIXEL), 1),
    "an SVG": (shows("image/svg+xml", SVG), "pass"),
    "raw": (new_raw_cell("as it stands #"), "as it stands #"),
    "empty": (new_code_cell(""), ""),
    "skipped": (
        new_code_cell("slow()", metadata={"tags": ["skip-execution"]}),
        "slow()",
    ),
    "attached": (
        new_markdown_cell(
            "![me](attachment:a.png)", attachments={"a.png": {"image/png": PIXEL}}
        ),
        1,
    ),
    "embedded": (new_markdown_cell(f"![me](data:image/png;base64,{PIXEL})"), 1),
    "by its path": (new_markdown_cell("![some](figures/blur.png)"), 1),
    "by link": (new_markdown_cell("![a cat](https://example.org/a.png)"), "a cat"),
    "a link to nowhere": (new_markdown_cell("See [there](#not-here)."), "Seethere."),
    "as HTML": (new_markdown_cell('<img src="x.png" alt="a dog" width=9>'), "a dog"),
    "progress": (
        cell_with(data={"text/plain": "epoch 1"}, metadata={"progress": True}),
        0,
    ),
}


PARAMETERS = "OUTPUT = '.'\nRESUME = False\nX = 7"
WRITES = """
import shutil, time
from pathlib import Path
folder = Path(OUTPUT) / "figures"
folder.mkdir(exist_ok=True)
for name in ("a.txt", "b.txt", "results.json"):
    with open(folder / name, "x") as file:
        file.write('{"x": %d}' % X)
    time.sleep(0.05)
shutil.copy("dae/pretrained/denoiser.npz", Path(OUTPUT, "checkpoint.npz"))
"""


def write_project(root):
    """Write a small clone, without TensorFlow in its notebook, that can be run."""
    for folder in ("figures", "runs", "tests/benchmarks", "dae/pretrained"):
        (root / folder).mkdir(parents=True)
    for path in (ROOT / "dae").iterdir():
        if path.is_file():
            shutil.copy(path, root / "dae")
    shutil.copytree(ROOT / "dae/publish", root / "dae/publish")
    for name in ("mnist/mnist.npz", "pretrained/denoiser.npz"):
        (root / "dae" / name).parent.mkdir(exist_ok=True)
        (root / "dae" / name).symlink_to(ROOT / "dae" / name)
    for name in ("a.txt", "b.txt"):
        (root / "figures" / name).write_text("old")
    for readme in ("README.md", "tests/benchmarks/README.md"):
        (root / readme).write_text("0<!-- results: x d -->")
    words = new_markdown_cell("# Title\n\nIt is 0<!-- results: x d -->.")
    parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    cells = [words, parameters, new_code_cell(WRITES)]
    nbformat.write(new_notebook(cells=cells), root / dae.publish.run.NOTEBOOK.name)
    return root


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small clone, which `dae.publish.run` takes for the repository."""
    root = write_project(tmp_path / "clone")
    for name in ("ROOT", "NOTEBOOK", "README", "PDF", "PAGE"):
        path = root / getattr(dae.publish.run, name).relative_to(ROOT)
        monkeypatch.setattr(dae.publish.run, name, path)
    return root


def contents(root):
    """What is in every file of a small clone but those of runs."""
    paths = [path for path in root.rglob("*") if path.is_file()]
    apart = {"runs", "__pycache__"}
    return {path: path.read_bytes() for path in paths if not apart & set(path.parts)}


def finished_run(root, name="1"):
    """What a full run makes, in its folder."""
    folder = root / "runs" / name
    (folder / "figures").mkdir(parents=True)
    for file in ("a.txt", "b.txt"):
        (folder / "figures" / file).write_text("new")
    (folder / "figures/results.json").write_text('{"x": 7}')
    shutil.copy(ROOT / "dae/pretrained/denoiser.npz", folder / "checkpoint.npz")
    return folder


def listing(folder):
    """Every file below a folder, with size and time of change; caches left out."""
    caches = {"__pycache__", ".git", ".hypothesis", ".pytest_cache", ".ruff_cache"}
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and not caches & set(path.relative_to(folder).parts)
    }


# Python imports a module of this name before anything else. Its hook is asked about
# every connection that Python code makes, and about every name it looks up.
SITECUSTOMIZE = """
import os, sys

def log(text):
    with open(os.environ["NETWORK_LOG"], "a") as file:
        file.write(text + "\\n")

def is_near(host):
    if not isinstance(host, (str, bytes)):
        return True  # not an internet address
    host = os.fsdecode(host)
    return host in ("", "localhost", "::1") or host.startswith("127.")

def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        near = not isinstance(address, tuple) or is_near(address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        near = is_near(arguments[0])
    else:
        return
    if not near:
        log(f"refused: {event} {arguments[1:] or arguments}")
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
        before=listing(ROOT),
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
