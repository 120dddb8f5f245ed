"""Faults, injected and survived.

A file that cannot grow (RLIMIT_FSIZE) stands in for a full disk: writes fail for real.
"""

import contextlib
import errno
import hashlib
import importlib
import itertools
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import DEFAULT, Mock

import keras
import matplotlib
import nbformat
import numpy as np
import pytest
from conftest import (
    assert_equal,
    compiled,
    contents,
    environment,
    executed_notebook,
    finished_run,
    names_in,
    run_python,
    small_lesson,
    small_model,
    train_small,
    write_project,
)
from nbformat.v4 import new_code_cell

import dae
from dae import Training, load_checkpoint, save_checkpoint
from dae.__main__ import main
from dae._files import written_whole
from dae.checkpoint import values_of, variables_of
from dae.data import MNIST_PATH, load_mnist
from dae.publish import run
from dae.publish.page import build_page
from dae.publish.pdf import build_pdf
from dae.results import FULL_RUN

HISTORY = {"train_loss": [0.3, 0.2], "val_loss": [0.3, 0.25]}


# --- training that stops


KILLED = """
import os, signal
import numpy as np
from conftest import small_model, train_small
from dae import load_mnist

def save(path, **arrays):
    savez(path, **arrays)
    if len(os.listdir("left")) == 2:  # beside an earlier checkpoint
        os.truncate(path, 1000)
        os.kill(os.getpid(), signal.SIGKILL)

savez, np.savez = np.savez, save
train_small(small_model(), load_mnist()[0][0][:1000], checkpoint="left/state.npz")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are Unix's")
def test_killed_while_saving(digits, tmp_path):
    """Half a file lies beside the checkpoint of the epoch before, which goes on."""
    left, unbroken, model = tmp_path / "left", small_model(), small_model(seed=9)
    *_, status = run_python("-c", KILLED, cwd=tmp_path)
    assert status == -signal.SIGKILL and len(names_in(left)) == 2
    assert load_checkpoint(left / "state.npz").epochs_done == 1
    expected = train_small(unbroken, digits)
    path = left / "state.npz"
    assert train_small(model, digits, checkpoint=path, resume=True) == expected
    assert_equal(model.get_weights(), unbroken.get_weights())


def test_busy_checkpoint(digits, tmp_path, monkeypatch):
    """As on Windows, while another program reads it."""
    busy = PermissionError(errno.EACCES, "Permission denied")
    replace = Mock(wraps=os.replace, side_effect=[busy, DEFAULT, DEFAULT])
    monkeypatch.setattr(os, "replace", replace)
    with pytest.warns(UserWarning, match="the training can go on, and is to be saved"):
        train_small(small_model(), digits, checkpoint=tmp_path / "state.npz")
    assert load_checkpoint(tmp_path / "state.npz").epochs_done == 3
    assert names_in(tmp_path) == ["state.npz"]


# --- a run: what is told, and that nothing is replaced


def add(source, **options):
    return lambda cells: cells.append(new_code_cell(source, **options))


def write(text):
    return lambda cells: cells[1].update(source=cells[1].source + text)


NO_PICTURE = "\n\n![a picture](data:image/png;base64,bm90IG9uZQ==)"
REFUSED = {
    "EPOCHS = 1 is to replace nothing": add("EPOCHS=1 "),
    "SIGMA = 0.3 is to replace nothing": add("%pwd\nSIGMA = 0.3"),
    "EPOCHS = ... is to replace nothing": add("EPOCHS = 25 * 2 - 1"),
    "SEED = ... is to replace nothing": add("for SEED, x in [(1, 2)]: pass"),
    "PRETRAINED = True is to replace nothing": add("PRETRAINED = True"),
    "invalid syntax (cell ": add("EPOCHS ="),
    "one cell tagged 'parameters', got 0": lambda cells: cells.pop(2),
    "one cell tagged 'parameters', got 2": add("", metadata={"tags": ["parameters"]}),
    "recipe.json is missing": write(" 1<!-- recipe: ratio d -->"),
    "seeds.json is missing": write(" Yes.<!-- claim: 1 < seeds:b.c -->"),
    "there is no anchor nowhere": write(" See [section 0](#nowhere)."),
    "a cell with the id solution-1": lambda cells: cells.pop(5),
    "its image/png is damaged": write(NO_PICTURE),
}


@pytest.mark.parametrize("told", REFUSED)
def test_refused_before_it(project, capsys, told):
    lesson = small_lesson()
    REFUSED[told](lesson.cells)
    nbformat.write(lesson, run.NOTEBOOK)
    before = contents(project)
    for options in (["--pdf"], []):
        assert main(options) == 1
        assert told in capsys.readouterr().err
    assert contents(project) == before and names_in(project / "runs") == []


def test_edition_of_a_number_without_a_result_is_refused(project, capsys):
    """A run may make it; the edition alone cannot."""
    lesson = small_lesson()
    write(" 1<!-- results: new.one d -->")(lesson.cells)
    nbformat.write(lesson, run.NOTEBOOK)
    assert main(["--pdf"]) == 1 and "no 'new'" in capsys.readouterr().err
    run.check_publishing(lesson, runs=True)


DIES = "import os, sys, dae\nwith dae.quiet_start():\n    os.kill(os.getpid(), {})"
FAILS = {
    "sigma is odd": "raise ValueError('sigma is odd')",
    "Kernel died": DIES.format(9),
    "last said:\nFatal Python error: Illegal instruction": DIES.format(4),
    "speaks of AVX": DIES.format(6),
    "died before replying": "",
}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are Unix's")
@pytest.mark.parametrize("told", FAILS)
def test_run_that_fails(project, capsys, monkeypatch, told):
    lesson = small_lesson()
    lesson.cells.insert(2, new_code_cell(FAILS[told], id="ends"))
    nbformat.write(lesson, run.NOTEBOOK)
    if not FAILS[told]:
        early = "import os, sys\n'ipykernel_launcher' in sys.orig_argv and os._exit(1)"
        (project / "sitecustomize.py").write_text(early)
        monkeypatch.setenv("PYTHONPATH", str(project))
    before = contents(project)
    assert main([]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert "The run stopped; nothing was replaced. No epoch was kept." in error
    assert contents(project) == before and names_in(project / "runs") == []


@contextlib.contextmanager
def full_disk(free):
    """Let no file of this process grow beyond so many bytes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["full", "stuck"])
def test_finished_run_that_cannot_be_put_into_place(project, capsys, fault):
    """The disk is full for the largest file, or a folder stands in a file's place."""
    folder, stuck = finished_run(project), project / "figures/b.txt"
    (folder / "figures/aa.png").write_bytes(bytes(20_000_000))
    if fault == "stuck":
        stuck.unlink()
        stuck.mkdir()
    before = contents(project)
    with full_disk(10_000_000) if fault == "full" else contextlib.nullcontext():
        assert main(["--resume"]) == 1
    error = capsys.readouterr().err
    name = "aa.png" if fault == "full" else "b.txt"
    assert f"so this file stays as it was: '{project / 'figures' / name}'" in error
    assert f"kept in {folder}: --resume puts it into place" in error
    after = contents(project)
    assert after[run.NOTEBOOK] == before[run.NOTEBOOK]
    if fault == "full":  # nothing is replaced
        assert after == before
    else:
        stuck.rmdir()
    assert main(["--resume"]) == 0
    assert stuck.read_text() == '{"x": 7}' and names_in(project / "runs") == []


@pytest.mark.slow
def test_two_runs_at_once(project):
    """Published one after the other, the second stays, and nothing is mixed."""
    for name, value in (("1", 3), ("2", 7)):
        for path in (finished_run(project, name) / "figures").iterdir():
            path.write_text(f'{{"x": {value}}}')
    for value in (7, 3):  # the latest is the first
        assert main(["--resume"]) == 0
        for path in (project / "figures").iterdir():
            assert path.read_text() == f'{{"x": {value}}}'
        assert (project / "README.md").read_text() == f"{value}<!-- results: x d -->"
        assert f"It is {value}<!--" in run.NOTEBOOK.read_text("utf-8")


@pytest.mark.slow
def test_run_that_is_going_on(project, capsys, monkeypatch):
    folder, before = finished_run(project), contents(project)
    lock = run.claim(folder)  # as another process
    assert main(["--resume"]) == 1
    assert f"in {folder}, is still going on" in capsys.readouterr().err
    assert contents(project) == before and (folder / run.CHECKPOINT).exists()
    lock.release()
    if fcntl := sys.modules.get("fcntl"):  # a file system without locks is no hindrance
        no_locks = OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        monkeypatch.setattr(fcntl, "flock", Mock(side_effect=no_locks))
    assert main(["--resume"]) == 0


# --- folders and files without permission


def unprivileged():
    """Make permissions bind the superuser too, in a process about to be started."""
    if os.geteuid() == 0:
        import ctypes

        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError("capabilities cannot be dropped")


READ_ONLY = """
import os
from pathlib import Path
from dae import load_mnist
from dae.__main__ import main
for folder in map(Path, ("", "figures", "runs", "dae/pretrained")):
    os.chmod(folder, 0o555)
    print(main([]), main(["--pdf"]))
    os.chmod(folder, 0o755)
os.chmod("README.md", 0)
try: load_mnist("README.md")
except PermissionError: print("no permission")
folders = [".", *(path for path in Path().rglob("*") if path.is_dir())]
for folder in folders: os.chmod(folder, 0o555)
print("status", main(["--fast"]))
for folder in folders: os.chmod(folder, 0o755)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="permissions are Unix's")
def test_without_permission(tmp_path):
    """It is told before a run; the fast run is none of a clone's business."""
    root, lesson = write_project(tmp_path / "clone"), small_lesson()
    lesson.cells[2].source += "".join(f"\n{n} = {v[0]}" for n, v in FULL_RUN.items())
    refused = "try: open('here.txt', 'w')\nexcept PermissionError: print('refused')"
    lesson.cells.append(new_code_cell(refused, id="last"))
    nbformat.write(lesson, root / run.NOTEBOOK.name)
    before, temporary = contents(root), tmp_path / "temporary"
    temporary.mkdir()
    env = environment(root, TMPDIR=str(temporary))
    options = {"cwd": root, "env": env, "preexec_fn": unprivileged}
    try:
        printed, errors, _ = run_python("-B", "-c", READ_ONLY, **options)
    except subprocess.SubprocessError:
        pytest.skip("permissions do not bind the superuser here")
    assert printed.startswith(4 * "1 1\n" + "no permission\n"), errors
    for name in ("", "figures", "runs", "dae/pretrained"):
        assert errors.count(f"{root / name} is not writable: make it so, or") == 2
    assert "status 0" in printed, errors
    (path,) = temporary.glob(f"dae-fast-*/{run.NOTEBOOK.name}")
    (output,) = nbformat.read(path, as_version=4).cells[-1].outputs
    assert output.text == "refused\n"  # it did bind the kernel
    (root / "README.md").chmod(0o644)
    assert contents(root) == before


# --- files of all kinds


def training_of(model):
    """After two of two epochs."""
    variables = values_of(variables_of(model))
    return Training({"epochs": 2}, model.get_weights(), variables, HISTORY, 2.0)


def write_checkpoint(model, path):
    save_checkpoint(path, training_of(model))


def write_results(_, path):
    with written_whole(path) as temporary:
        temporary.write_text("{}" + 10_000 * " ")


def figure():
    return dae.plot_history(HISTORY)


WRITERS = {
    "a.png": (figure, lambda thing, path: dae.save_figure(thing, path, alt="Curves.")),
    "a.keras": (compiled, dae.save_denoiser),
    "a.npz": (compiled, write_checkpoint),
    "a.json": (str, write_results),
    "a.pdf": (executed_notebook, build_pdf),
    "a.html": (executed_notebook, build_page),
}


@pytest.mark.parametrize("name", WRITERS)
def test_full_disk_leaves_the_old_file(tmp_path, name):
    make, write = WRITERS[name]
    path, thing = tmp_path / name, make()
    path.write_bytes(b"old")
    told = rf"large, so this file stays as it was: '.*{name}'$"
    with full_disk(4096), pytest.raises(OSError, match=told):
        write(thing, path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == [name]
    write(thing, path)  # there is room again
    assert path.stat().st_size > 4096


def test_one_file_written_at_once(tmp_path):
    path, letters, barrier = tmp_path / "a.txt", "abcdef", threading.Barrier(6)

    def write(letter):
        for _ in range(9):
            with written_whole(path) as temporary:
                temporary.write_text(letter * 10_000)
                barrier.wait(timeout=10)  # all have written, none has moved
            assert path.read_text() in {x * 10_000 for x in letters}

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, letters))
    assert names_in(tmp_path) == ["a.txt"]


@pytest.mark.slow
def test_odd_paths(tmp_path, monkeypatch):
    odd = tmp_path / "mes données + 数字 (1)%20"
    odd.mkdir()
    monkeypatch.chdir(odd)
    model, folder = compiled(), Path("a b")
    for name, (make, write) in WRITERS.items():
        write(model if make is compiled else make(), folder / f"é 数{name}")
    shutil.copy(MNIST_PATH, folder / "é 数mnist.npz")
    assert names_in(odd) == ["a b"] and len(names_in(folder)) == 8  # a chart's SVG
    loaded = dae.load_denoiser(folder / "é 数a.keras")
    assert_equal(loaded.get_weights(), model.get_weights())
    assert load_checkpoint(folder / "é 数a.npz").history == HISTORY
    assert load_mnist(folder / "é 数mnist.npz")[2][0].shape == (10_000, 28, 28, 1)


# --- damaged data


def flipped(content, place, bit=1):
    return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


def test_damaged_mnist(tmp_path):
    """Also another archive with the right arrays: what is known is the file."""
    content, path = MNIST_PATH.read_bytes(), tmp_path / "a.npz"
    size = len(content)
    damaged = [b"", content[: size // 2], content[:-1], content + b"x"]
    damaged += [flipped(content, place) for place in (0, 5_000_000, size - 1)]
    with np.load(MNIST_PATH, allow_pickle=False) as arrays:
        np.savez(path, **arrays)
    for each in (path.read_bytes(), *damaged):
        path.write_bytes(each)
        found = hashlib.sha256(each[:12_000_000]).hexdigest()
        told = rf"a\.npz: not a readable copy of MNIST .*{found}.*path out"
        with pytest.raises(ValueError, match=told):
            load_mnist(path)
    with open(path, "wb") as file:
        file.truncate(10**9)  # no room on the disk is taken
    tracemalloc.start()
    with pytest.raises(ValueError, match="not a readable copy of MNIST"):
        load_mnist(path)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def read_checkpoint(path, model):
    """As a training that goes on does."""
    state = load_checkpoint(path)
    state.check(model, {"epochs": 2})
    state.restore(model)
    return state


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint, and the model that it is of."""
    path, model = tmp_path_factory.mktemp("saved") / "state.npz", compiled()
    images = np.random.default_rng(0).random((8, 28, 28, 1)).astype("f4")
    model.train_on_batch(images, images)
    write_checkpoint(model, path)
    return path, model


@pytest.mark.slow
def test_damaged_checkpoint(saved, tmp_path):
    """Cut short, or with a flipped bit, in every 23rd byte, the bits in turns."""
    content, path, model = saved[0].read_bytes(), tmp_path / "a.npz", compiled()
    untouched, expected = (values_of(variables_of(m)) for m in (model, saved[1]))
    accepted = 0
    for place in range(0, len(content), 23):
        path.write_bytes(content[:place])
        with pytest.raises(ValueError, match=r"not a readable.*; delete it and start"):
            read_checkpoint(path, model)
        path.write_bytes(flipped(content, place, 1 << place % 8))
        try:
            state = read_checkpoint(path, model)
        except ValueError:
            assert_equal(values_of(variables_of(model)), untouched)
            continue
        accepted += 1
        assert state.history == HISTORY
        assert_equal(state.best_weights, saved[1].get_weights())
        assert_equal(values_of(variables_of(model)), expected)
        Training({"epochs": 2}, [], untouched).restore(model)
    # what may change unnoticed are dates and other remarks of the zip format
    assert accepted < 0.25 * len(content) / 23
    for count in (10**10, 10**30):  # what is only claimed
        about = {"descr": "|u1", "fortran_order": False, "shape": (count,)}
        header = repr(about).encode().ljust(117) + b"\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("text.npy", b"\x93NUMPY\x01\x00v\x00" + header + b"1")
        with pytest.raises(ValueError, match="not a readable checkpoint"):
            load_checkpoint(path)


OTHER_CONTENTS = {
    "one is missing": lambda arrays: arrays.pop("best_0"),
    "one too many": lambda arrays: arrays.update(state_999=arrays["state_0"]),
    "a shape": lambda arrays: arrays.update(state_0=arrays["state_0"][..., :1]),
    "a type": lambda arrays: arrays.update(state_1=arrays["state_1"].astype(str)),
    "the text": lambda arrays: arrays.update(text=np.array("[1, 2]")),
    "no array": lambda arrays: arrays.pop("state_4"),
}


@pytest.mark.parametrize("fault", OTHER_CONTENTS)
def test_checkpoint_with_other_contents(saved, tmp_path, fault):
    """Intact archives, yet not what `save_checkpoint` writes for this model."""
    path, model = tmp_path / "a.npz", compiled()
    with np.load(saved[0], allow_pickle=False) as archive:
        arrays = dict(archive)
    OTHER_CONTENTS[fault](arrays)
    np.savez(path, **arrays)
    if fault == "no array":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("state_4", "1")
    before = values_of(variables_of(model))
    with pytest.raises(ValueError, match="; delete it and start anew"):
        read_checkpoint(path, model)
    assert_equal(values_of(variables_of(model)), before)


class Bomb:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("the code was run",)


def test_pickles_are_not_run(tmp_path, saved, monkeypatch):
    """In place of all that the package loads, and within it."""
    monkeypatch.chdir(tmp_path)
    os.rmdir(pickle.loads(pickle.dumps(Bomb())) or "the code was run")  # it works
    for name in ("raw.npz", "raw.keras"):
        Path(name).write_bytes(pickle.dumps(Bomb()))
    np.save("array.npy", np.array([Bomb()]), allow_pickle=True)
    with np.load(saved[0], allow_pickle=False) as archive:
        np.savez("within.npz", **dict(archive) | {"text": np.array([Bomb()])})
    loaders = (load_mnist, dae.load_denoiser, load_checkpoint)
    for path, load in itertools.product(list(Path().iterdir()), loaders):
        with pytest.raises(ValueError, match=r".{20}"):
            load(path)
    assert len(names_in(Path())) == 4


# --- odd surroundings


def test_keras_that_is_set_otherwise(monkeypatch):
    for name, other in (("image_data_format", "channels_first"), ("floatx", "float16")):
        with monkeypatch.context() as patch:
            patch.setattr(keras.config, name, lambda other=other: other)
            with pytest.raises(ValueError, match=f"to channels_last and .*{other}"):
                dae.check_parameters()


@pytest.mark.slow
def test_notebook_that_is_run_elsewhere(notebook, tmp_path):
    """Its first cell says where the package is."""
    (cell,) = [c for c in notebook.cells if c.id == "imports"]
    (tmp_path / "lesson.py").write_text(cell.source)
    _, errors, _ = run_python("lesson.py", cwd=tmp_path, env=environment())
    assert "No module named 'dae'" in errors and "beside this notebook" in errors


@pytest.mark.parametrize("edit", [("x + 1", "x + 3"), ("def second", "def bro ken(")])
def test_edited_module(tmp_path, monkeypatch, edit):
    text = "def first(x):\n    return x + 1\n\n\ndef second(x):\n    return x + 2\n"
    path = tmp_path / "edited.py"
    path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "edited", raising=False)
    first = importlib.import_module("edited").first
    assert "return x + 1" in dae.show_source(first).data
    path.write_text(text.replace(*edit))
    with pytest.raises(RuntimeError, match=r"edited\.py has changed .* restart the"):
        dae.show_source(first)


def test_readers_own_matplotlibrc(digits, tmp_path):
    """Even with a font that is missing, and a TeX that may be."""

    def drawn():
        figures = dae.plot_image_rows({"a": digits[:3]}), figure()
        return [dae.save_figure(each, tmp_path / "a.png").data for each in figures]

    usual = drawn()
    theirs = {"image.origin": "lower", "font.family": ["No Such Font"]}
    theirs |= {"font.size": 20, "axes.facecolor": "red", "text.usetex": True}
    with matplotlib.rc_context(theirs):
        assert drawn() == usual
