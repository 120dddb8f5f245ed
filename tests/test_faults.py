"""Faults, injected and survived.

fault | what must happen | test, its name after `test_`
training stops at any step, or while saving | as unbroken | whatever_moment_it_stops_at
killed while it saves | the checkpoint before is whole | killed_while_saving
notebook interrupted or terminated | nothing replaced | interrupted_run_replaces_nothing
interrupted while its kernel starts | the same | interrupt_before_the_first_cell
its kernel dies at once, its ports taken | another | kernel_that_dies_before_it_is_ready
its kernel dies, out of memory | nothing replaced, told | dying_kernel_replaces_nothing
half a file of a killed run | not published | publish_puts_files_and_numbers_in_place
a file that another program has open | tried again | busy_file
such a checkpoint | told, again after the next epoch | busy_checkpoint
such a file while publishing | all as before, or said which | busy_file_while_publishing
disk full: all kinds of files | the old one whole, told | full_disk_leaves_the_old_file
disk full while training | the last epoch can be resumed | full_disk_while_training
disk full while publishing | nothing replaced, run kept | full_disk_while_publishing
figures/, runs/, ... or all is read-only | told before the run | read_only_folder
the terminal knows only ASCII | shown with a replacement | terminal_of_few_characters
a processor without AVX | what the kernel last said, and AVX | illegal_instruction
Keras set to channels_first or float16 | told at the start | keras_that_is_set_otherwise
the package is nowhere near | where to start is told | notebook_that_is_run_elsewhere
its file is edited after it was loaded | not shown as another | edited_module
the clone is read-only, for the kernel too | it works | fast_run_in_read_only_clone
an .npz that must not be read | no advice to delete it | file_without_permission
mnist.npz cut, longer, of flipped bits, or another | refused | damaged_mnist
mnist.npz of any size | refused, no memory taken | huge_mnist
checkpoint that claims, or unpacks to, far too much | the same | oversized_checkpoint
checkpoint cut, or of flipped bits | refused, or the same state | damaged_checkpoint
checkpoint of other contents | refused, no change | checkpoint_with_other_contents
checkpoint of another run or model | refused | checkpoint_of_another_run
damaged model in the package | refused | damaged_packaged_model_is_told_with_the_remedy
model cut, or of flipped bits | refused, or the same | damaged_model_is_refused_or_right
the reader's own matplotlibrc | the same figures | readers_own_matplotlibrc
threads, processes write one file | it is whole, one's | one_file_written_at_once
two runs, published one after the other | nothing is mixed | two_runs_at_once
resumed while still going on | refused, nothing touched | run_that_is_going_on
a file system without locks | the run goes on | file_system_without_locks
folder of a finished run stays | it has succeeded | folder_that_cannot_be_deleted
odd names of folders, another one to work in | files are written and read | odd_paths
a pickle in place of data | refused, its code is not run | pickles_are_not_run
code in a model | refused | model_with_code_in_it_is_refused
a loader of pickles in the package or notebook | there is none | nothing_loads_pickles
the network block of these tests | it blocks | the_block_of_the_network_blocks
no network | the main job asks for none | main_job_makes_no_connection
writing where nobody expects it | not done | main_job_writes_only_into_its_folder
this table and the tests disagree | told | the_table_is_true

A file that cannot grow (RLIMIT_FSIZE) stands in for a full disk: writes fail for real.
`ALL_BYTES=1` makes test_damaged_checkpoint try every byte.
"""

import ast
import contextlib
import errno
import hashlib
import importlib
import itertools
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from conftest import (
    ROOT,
    SITECUSTOMIZE,
    assert_equal,
    compiled,
    contents,
    environment,
    executed_notebook,
    finished_run,
    listing,
    names_in,
    run_python,
    small_model,
    start_python,
    train_small,
    write_project,
)
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

import dae
from dae.__main__ import FAST, main
from dae._files import written_whole
from dae.checkpoint import (
    Training,
    load_checkpoint,
    save_checkpoint,
    values_of,
    variables_of,
)
from dae.data import MNIST_PATH, load_mnist
from dae.plotting import in_own_style
from dae.publish.edition import ANSI
from dae.publish.page import build_page
from dae.publish.pdf import build_pdf

HISTORY = {"train_loss": [0.3, 0.2], "val_loss": [0.3, 0.25]}


# --- training that stops


def epochs_in(folder):
    """How many epochs the checkpoint in a folder holds; 0 if there is none."""
    if not (folder / "state.npz").exists():
        return 0
    with np.load(folder / "state.npz", allow_pickle=False) as archive:
        return len(json.loads(str(archive["text"]))["history"]["val_loss"])


def test_whatever_moment_it_stops_at(digits, tmp_path, monkeypatch):
    """What a killed process leaves is what lies in the folder at that moment."""
    folder, moments, savez = tmp_path / "run", [], np.savez
    folder.mkdir()

    def look(*_):
        moments.append(shutil.copytree(folder, tmp_path / f"left {len(moments)}"))

    def half_then_whole(path, **arrays):
        savez(path, **arrays)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        look()
        path.write_bytes(whole)

    monkeypatch.setattr("dae.checkpoint.np.savez", half_then_whole)
    train_small(small_model(), digits, checkpoint=folder / "state.npz", report=look)
    unbroken = small_model()
    expected = train_small(unbroken, digits)
    # in each of 3 epochs: 5 steps, half a checkpoint, and a whole one at the sixth
    assert len(moments) == 3 * 7
    resumed = set()
    for number, left in enumerate(moments):
        assert epochs_in(left) == (number + 1) // 7
        # half a file lies beside the whole one at one moment in each epoch
        assert len(set(names_in(left)) - {"state.npz"}) == (number % 7 == 5)
        path, model = left / "state.npz", small_model(seed=9)
        if path.exists() and path.read_bytes() not in resumed:
            resumed.add(path.read_bytes())
            history = train_small(model, digits, checkpoint=path, resume=True)
            assert history == expected
            assert_equal(model.get_weights(), unbroken.get_weights())
    assert len(resumed) == 3  # the last of them has nothing left to train


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


@pytest.mark.skipif(os.name == "nt", reason="signals are Unix's")
def test_killed_while_saving(tmp_path):
    *_, status = run_python("-c", KILLED, cwd=tmp_path)
    assert status == -signal.SIGKILL
    assert epochs_in(tmp_path / "left") == 1
    assert len(names_in(tmp_path / "left")) == 2  # half a file under another name


# --- files that are open elsewhere, on Windows or a network folder


def busy(monkeypatch, names, times, patience=-1):
    """Let files of these names refuse to be replaced, so many times each."""
    replace, tried = os.replace, []

    def refuse(source, target):
        name = os.path.basename(target)
        tried.append(name)
        if name in names and tried.count(name) <= times:
            raise PermissionError(errno.EACCES, "Permission denied", str(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr("dae._files.PATIENCE", patience)  # below 0: only one try


@pytest.mark.parametrize("name", ["a.json", "a.png", "a.keras"])
def test_busy_file(tmp_path, monkeypatch, name):
    make, write = WRITERS[name]
    path, thing = tmp_path / name, make()
    busy(monkeypatch, {name}, times=2, patience=5)
    write(thing, path)
    new = path.read_bytes()
    busy(monkeypatch, {name}, times=9)
    with pytest.raises(PermissionError, match=f"stays as it was: '.*{name}'"):
        write(thing, path)
    assert path.read_bytes() == new
    assert names_in(tmp_path) == [name]


def test_busy_checkpoint(digits, tmp_path, monkeypatch):
    expected = train_small(small_model(), digits)
    busy(monkeypatch, {"a.npz"}, times=1)
    with pytest.warns(
        UserWarning, match=r"a\.npz.*the training can go on, and is to be saved"
    ):
        history = train_small(small_model(), digits, checkpoint=tmp_path / "a.npz")
    assert history == expected
    assert names_in(tmp_path) == ["a.npz"]
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert len(json.loads(str(archive["text"]))["history"]["val_loss"]) == 3


def test_busy_file_while_publishing(project, monkeypatch, capsys):
    """The second figure; and, in the end, the first one refuses to be put back."""
    monkeypatch.setattr("dae.publish.run.execute", lambda *_: executed_notebook())
    before = contents(project)
    folder = finished_run(project)
    busy(monkeypatch, {"b.txt"}, times=99)
    assert main(["--resume"]) == 1
    assert contents(project) == before
    error = capsys.readouterr().err
    assert "figures/b.txt'" in error and "nothing was replaced" in error
    replace = os.replace

    def stuck(source, target):
        if Path(source).read_bytes() == b"old":  # the way back
            raise PermissionError(errno.EACCES, "Permission denied", str(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", stuck)
    assert main(["--resume"]) == 1
    error = capsys.readouterr().err
    assert "nothing was replaced" not in error
    new = {p for p, content in contents(project).items() if content != before.get(p)}
    assert new and all(str(path) in error for path in new)
    assert f"The whole run is in {folder}" in error and folder.exists()


# --- a full disk


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


def figure():
    return dae.plot_history(HISTORY)


def write_results(_, path):
    with written_whole(path) as temporary:
        temporary.write_text("{}" + 10_000 * " ")


def training_of(model):
    """After two of two epochs."""
    variables = values_of(variables_of(model))
    return Training({"epochs": 2}, model.get_weights(), variables, HISTORY, 2.0)


def write_checkpoint(model, path):
    save_checkpoint(path, training_of(model))


def read_checkpoint(path, model):
    """As a training that goes on does."""
    state = load_checkpoint(path)
    state.check(model, {"epochs": 2})
    state.restore(model)
    return state.history, state.best_weights


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
    write(thing, path)
    old = path.read_bytes()
    assert len(old) > 4096
    path.write_bytes(b"old")
    told = rf"large, so this file stays as it was: '.*{name}'$"
    with full_disk(4096), pytest.raises(OSError, match=told):
        write(thing, path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == [name]
    write(thing, path)  # there is room again
    assert path.stat().st_size == pytest.approx(len(old), rel=0.01)


def test_full_disk_while_publishing(project, monkeypatch, capsys):
    """The largest file does not fit; the smaller ones before and after it would."""

    def execute(folder, parameters):
        shutil.copytree(finished_run(project), folder, dirs_exist_ok=True)
        shutil.rmtree(project / "runs/1")
        large.rename(folder / "figures/aa.png")
        return executed_notebook()

    monkeypatch.setattr("dae.publish.run.execute", execute)
    before, large = contents(project), project / "large"
    large.write_bytes(bytes(20_000_000))
    with full_disk(10_000_000):
        assert main([]) == 1
    assert contents(project) == before
    (left,) = (project / "runs").iterdir()
    assert (left / "figures/aa.png").stat().st_size == 20_000_000
    error = capsys.readouterr().err
    told = r"\[.*large, so this file stays as it was: '.*figures/aa\.png'\n"
    assert re.search(told, error)
    assert "nothing was replaced. Go on after the last epoch with --resume" in error


# --- folders and files without permission


def unprivileged():
    """Make permissions bind the superuser too, in a process about to be started."""
    if os.geteuid() == 0:
        import ctypes

        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError("capabilities cannot be dropped")


def run_unprivileged(*arguments, **options):
    """Run Python as somebody whom permissions bind, or skip the test."""
    if os.name == "nt":
        pytest.skip("permissions are Unix's")
    try:
        return run_python(*arguments, preexec_fn=unprivileged, **options)
    except subprocess.SubprocessError as error:
        if "preexec_fn" not in str(error):
            raise
        pytest.skip("permissions do not bind the superuser here")


READ_ONLY = """
import os, sys
from dae.__main__ import main
for folder in sys.argv[1:]:
    os.chmod(folder, 0o555)
    for options in ([], ["--resume"]):
        try: main(options)
        except SystemExit as stop: print(stop.code)
    os.chmod(folder, 0o755)
"""


def test_read_only_folder(tmp_path):
    root = write_project(tmp_path / "clone")
    before = contents(root)
    folders = [root, root / "figures", root / "runs", root / "dae/pretrained"]
    options = {"cwd": root, "env": environment(root)}
    printed, errors, _ = run_unprivileged("-c", READ_ONLY, *folders, **options)
    assert printed == 8 * "2\n", errors
    for folder in folders:
        message = f"{folder} is not writable: make it so, or run with --fast"
        assert errors.count(message) == 2
    assert contents(root) == before
    assert names_in(root / "runs") == []


def test_fast_run_in_read_only_clone(tmp_path):
    root, temporary = write_project(tmp_path / "clone"), tmp_path / "temporary"
    temporary.mkdir()
    notebook = nbformat.read(root / dae.publish.run.NOTEBOOK.name, as_version=4)
    notebook.cells[1].source += "".join(f"\n{name} = 0" for name in FAST)
    refused = "try: open('here.txt', 'w')\nexcept PermissionError: print('refused')"
    notebook.cells.append(new_code_cell(refused))
    nbformat.write(notebook, root / dae.publish.run.NOTEBOOK.name)
    before = listing(root)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    options = {"cwd": root, "env": environment(root, TMPDIR=str(temporary))}
    for folder in folders:
        folder.chmod(0o555)
    try:
        _, errors, status = run_unprivileged("-m", "dae", "--fast", **options)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert status == 0, errors
    (folder,) = temporary.glob("dae-fast-*")
    assert (folder / "figures/a.txt").read_text() == '{"x": 7}'
    executed = nbformat.read(folder / dae.publish.run.NOTEBOOK.name, as_version=4)
    assert executed.cells[-1].outputs[0].text == "refused\n"  # it did bind the kernel
    assert listing(root) == before


NOT_READABLE = """
import sys
from dae import load_checkpoint, load_mnist
for load in (load_mnist, load_checkpoint):
    try: load(sys.argv[1])
    except Exception as error: print(type(error).__name__, error)
"""


def test_file_without_permission(saved, tmp_path):
    """Advice to delete it would be bad advice."""
    path = shutil.copy(saved[0], tmp_path / "state.npz")
    path.chmod(0)
    told, _, _ = run_unprivileged("-c", NOT_READABLE, path)
    assert told == 2 * f"PermissionError [Errno 13] Permission denied: '{path}'\n"


# --- a machine, a terminal or settings that do not fit


SPEAKS = """
import sys
from dae.__main__ import main
status = main([])
import dae
show = dae.LiveProgress()
losses = {"train_loss": [0.1], "val_loss": [0.2]}
show(dae.Training({"epochs": 2}, [], [], losses, 1.0))
sys.exit(status)
"""


def test_terminal_of_few_characters(tmp_path):
    root = write_project(tmp_path / "clone")
    env = environment(root, PYTHONIOENCODING="ascii")
    printed, errors, status = run_python("-c", SPEAKS, cwd=root, env=env)
    assert status == 0, errors
    assert "cell 1 of 2 ? Title" in printed and "Renewed" in printed
    assert "epoch 2 of 2 (50%) ? training 0.1000" in printed


@pytest.mark.parametrize("told", ["", "compiled to use AVX instructions"])
@pytest.mark.skipif(os.name == "nt", reason="signals are Unix's")
def test_illegal_instruction(project, capsys, told):
    """TensorFlow says what it misses, and aborts; NumPy just meets the instruction."""
    number = signal.SIGABRT if told else signal.SIGILL
    notebook = nbformat.read(dae.publish.run.NOTEBOOK, as_version=4)
    source = (
        "import os, sys, dae\n"
        "with dae.quiet_start():\n"
        f"    os.write(2, b'{told}')\n"
        f"    os.kill(os.getpid(), {number:d})"
    )
    notebook.cells.insert(1, new_code_cell(source, id="dies"))
    nbformat.write(notebook, dae.publish.run.NOTEBOOK)
    before = contents(project)
    assert main([]) == 1
    error = capsys.readouterr().err
    assert "The kernel died: TensorFlow and NumPy need a processor with AVX" in error
    assert (told or "Illegal instruction") in error.split("It last said:")[1]
    assert contents(project) == before


OTHERWISE = """
import dae
from test_shown import FULL
for start in (lambda: dae.load_denoiser(), lambda: dae.check_parameters(**FULL)):
    try: start()
    except ValueError as error: print(error)
"""


@pytest.mark.parametrize(
    "setting", ['"image_data_format": "channels_first"', '"floatx": "float16"']
)
def test_keras_that_is_set_otherwise(tmp_path, setting):
    (tmp_path / "keras.json").write_text(f"{{{setting}}}")
    env = environment(ROOT, ROOT / "tests", KERAS_HOME=str(tmp_path))
    printed, errors, _ = run_python("-c", OTHERWISE, env=env)
    told = r"(Keras must be set to channels_last and float32, got .*json, and .*\n){2}"
    assert re.fullmatch(told, printed), errors


def test_notebook_that_is_run_elsewhere(notebook, tmp_path):
    """Its first cell says where the package is."""
    (cell,) = [c for c in notebook.cells if c.id == "imports"]
    alone = new_notebook(cells=[new_code_cell(cell.source)])
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    client = NotebookClient(alone, resources={"metadata": {"path": str(tmp_path)}})
    with pytest.raises(CellExecutionError) as stop:
        client.execute(env=environment)
    told = ANSI.sub("", str(stop.value))
    assert "ModuleNotFoundError: No module named 'dae'" in told
    line = "# the folder beside this notebook: start Jupyter or papermill there"
    assert told.count(line) > 1  # in the error, too, not only in the cell


EDITED = """
def first(x):
    return x + 1

def second(x):
    return x + 2
"""


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("def first", "import os\n\n\n\ndef first"),
        lambda text: text.replace("x + 1", "x + 3"),
        lambda text: text + "def broken(",
        lambda text: "",
    ],
)
def test_edited_module(tmp_path, monkeypatch, edit):
    path = tmp_path / "edited.py"
    path.write_text(EDITED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "edited", raising=False)
    edited = importlib.import_module("edited")
    assert "return x + 1" in dae.show_source(edited.first).data
    assert dae.show_source(in_own_style(edited.second)).data.count("def ") == 1
    path.write_text(edit(EDITED))
    with pytest.raises(
        RuntimeError, match=r"edited\.py has changed .* restart the ker"
    ):
        dae.show_source(edited.first)


# --- damaged data


def flipped(content, place, bit=1):
    return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


def test_damaged_mnist(tmp_path):
    """Also another archive with the right arrays: what is known is the file."""
    content, path = MNIST_PATH.read_bytes(), tmp_path / "a.npz"
    size = len(content)
    damaged = [b"", content[:100], content[: size // 2], content[:-1], content + b"x"]
    damaged += [flipped(content, place) for place in (0, 5_000_000, size - 1)]
    with np.load(MNIST_PATH, allow_pickle=False) as arrays:
        np.savez(path, **arrays)
    for each in (path.read_bytes(), *damaged):
        path.write_bytes(each)
        found = hashlib.sha256(each[:12_000_000]).hexdigest()
        told = rf"a\.npz: not a readable copy of MNIST .*{found}.*path out"
        with pytest.raises(ValueError, match=told):
            load_mnist(path)


def assert_refused_without_memory(load, told, most):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=told):
            load()
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def test_huge_mnist(tmp_path):
    path = tmp_path / "a.npz"
    path.touch()
    os.truncate(path, 10**9)  # no room on the disk is taken
    told = "not a readable copy of MNIST"
    assert_refused_without_memory(lambda: load_mnist(path), told, 50_000_000)


def npy(count, data):
    """A ``.npy`` file by hand: the header may claim anything."""
    header = repr({"descr": "|u1", "fortran_order": False, "shape": (count,)}).encode()
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_oversized_checkpoint(tmp_path, method):
    path = tmp_path / "a.npz"

    def load():
        load_checkpoint(path)

    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("text.npy", npy(10**8, bytes(10**8)))
    assert path.stat().st_size < 1_000_000
    told = r"not a readable checkpoint \(.*compress"
    assert_refused_without_memory(load, told, 10_000_000)
    # what is only claimed is asked of the system, but never used
    for count in (10**10, 10**18, 10**30):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("text.npy", npy(count, b"1"))
        with pytest.raises(ValueError, match="not a readable checkpoint"):
            load()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint, and the model that it is of."""
    path, model = tmp_path_factory.mktemp("saved") / "state.npz", compiled()
    images = np.random.default_rng(0).random((8, 28, 28, 1)).astype("f4")
    model.train_on_batch(images, images)
    write_checkpoint(model, path)
    return path, model


def state(model):
    return values_of(variables_of(model))


def test_damaged_checkpoint(saved, tmp_path):
    """Cut short, or with a flipped bit, in every seventh byte, the bits in turns.

    All 6,898 bytes were flipped once: 5,679 were refused, 1,219 gave the same state.
    """
    content, path, model = saved[0].read_bytes(), tmp_path / "a.npz", compiled()
    untouched, expected = state(model), state(saved[1])
    assert np.any(untouched[0] != expected[0])
    every, accepted, refused = 1 if os.environ.get("ALL_BYTES") else 7, 0, []
    for place in range(0, len(content), every):
        path.write_bytes(content[:place])
        with pytest.raises(ValueError, match=r"a\.npz: not a readable c.* \(.+\);"):
            read_checkpoint(path, model)
        path.write_bytes(flipped(content, place, 1 << place % 8))
        try:
            history, best = read_checkpoint(path, model)
        except ValueError as error:
            refused.append(str(error))
            continue
        accepted += 1
        assert history == HISTORY
        assert_equal(best, saved[1].get_weights())
        assert_equal(state(model), expected)
        for variable, old in zip(variables_of(model), untouched, strict=True):
            variable.assign(old)
    assert_equal(state(model), untouched)  # no refused one has changed it
    assert all("delete it and start anew" in told for told in refused)
    # what may change unnoticed are dates and other remarks of the zip format
    assert accepted < 0.25 * len(content) / every
    # NumPy would read half of the data, and not see that the sum is wrong
    path.write_bytes(content.replace(b"'<f4'", b"'<f2'", 1))
    with pytest.raises(ValueError, match=r"the checksum of state_0\.npy is wrong"):
        read_checkpoint(path, model)


def without(name):
    return lambda arrays: {k: v for k, v in arrays.items() if k != name}


OTHER_CONTENTS = {
    "one is missing": without("best_0"),
    "one too many": lambda arrays: arrays | {"state_999": arrays["state_0"]},
    "a shape": lambda arrays: arrays | {"state_0": arrays["state_0"][..., :1]},
    "a type": lambda arrays: arrays | {"state_1": arrays["state_1"].astype(str)},
    "foreign": lambda arrays: {"x": np.zeros(3)},
    "the text": lambda arrays: arrays | {"text": np.array("[1, 2]")},
    "no array": without("state_4"),
}


@pytest.mark.parametrize("fault", OTHER_CONTENTS)
def test_checkpoint_with_other_contents(saved, tmp_path, fault):
    """Intact archives, yet not what `save_checkpoint` writes for this model."""
    path, model = tmp_path / "a.npz", compiled()
    with np.load(saved[0], allow_pickle=False) as archive:
        assert archive["state_4"].dtype.kind == "i"
        np.savez(path, **OTHER_CONTENTS[fault](dict(archive)))
    if fault == "no array":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("state_4", "1")
    before = state(model)
    with pytest.raises(ValueError, match="; delete it and start anew"):
        read_checkpoint(path, model)
    assert_equal(state(model), before)


# --- odd surroundings


READERS = {
    "image.origin": "lower",
    "font.family": ["No Such Font"],
    "font.size": 20,
    "axes.facecolor": "red",
    "axes.prop_cycle": matplotlib.cycler(color=["red"]),
    "savefig.bbox": "tight",
    "text.usetex": True,
}


def test_readers_own_matplotlibrc(digits, tmp_path, caplog):
    """Even with a font that is missing, and a TeX that may be."""

    def drawn():
        for figure in (
            dae.plot_image_rows({"a": digits[:3]}),
            dae.plot_history(HISTORY),
        ):
            yield dae.save_figure(figure, tmp_path / "a.png").data

    usual = list(drawn())
    with matplotlib.rc_context(READERS):
        before = dict(matplotlib.rcParams)
        assert list(drawn()) == usual
        assert dict(matplotlib.rcParams) == before
    assert caplog.messages == []


WRITE = """
import sys, threading
from dae._files import written_whole
barrier = threading.Barrier(3)

def write(letter):
    for _ in range(40):
        with written_whole("a.txt") as temporary:
            temporary.write_text(letter * 10_000)
            barrier.wait(timeout=10)  # all have written, none has moved

for letter in sys.argv[1]:
    threading.Thread(target=write, args=[letter]).start()
"""


def test_one_file_written_at_once(tmp_path):
    path, seen = tmp_path / "a.txt", set()
    both = [start_python("-c", WRITE, s, cwd=tmp_path) for s in ("abc", "def")]
    while any(process.poll() is None for process in both):
        if path.exists():
            seen.add(path.read_text())
    assert [process.communicate() for process in both] == [("", ""), ("", "")]
    seen.add(path.read_text())
    assert seen <= {x * 10_000 for x in "abcdef"}
    assert names_in(tmp_path) == ["a.txt"]


TWO_RUNS = """
import sys
from dae.publish import run
x = sys.argv[1]
folder = run.ROOT / "runs" / x
folder.mkdir()
notebook = run.execute(folder, {"X": int(x)})
print("executed", flush=True)
sys.stdin.readline()
run.publish(notebook, folder)
"""


def test_two_runs_at_once(tmp_path):
    """Executed at the same time; published one after the other, the second stays."""
    root = write_project(tmp_path / "clone")
    options = {"cwd": root, "env": environment(root), "stdin": subprocess.PIPE}
    processes = {x: start_python("-c", TWO_RUNS, x, **options) for x in ("1", "2")}
    for process in processes.values():
        executed = "executed\n" in iter(process.stdout.readline, "")
        assert executed, process.stderr.read()
    for x in processes:
        for path in (root / "runs" / x / "figures").iterdir():
            assert path.read_text() == f'{{"x": {x}}}'
    assert (root / "figures/a.txt").read_text() == "old"
    for x, process in processes.items():
        _, errors = process.communicate("go\n", timeout=60)
        assert process.returncode == 0, errors
        for path in (root / "figures").iterdir():
            assert path.read_text() == f'{{"x": {x}}}'
        assert (root / "README.md").read_text() == f"{x}<!-- results: x d -->"
        written = nbformat.read(root / dae.publish.run.NOTEBOOK.name, as_version=4)
        assert f"It is {x}<!-- results: x d -->." in written.cells[0].source
    assert names_in(root / "runs") == []


@pytest.mark.parametrize("deaths", [2, 3])
def test_kernel_that_dies_before_it_is_ready(project, monkeypatch, capsys, deaths):
    """As when another process takes its ports: another one is started, up to twice."""
    before, start = contents(project), NotebookClient.async_start_new_kernel
    starts = []

    async def start_and_die(client, **options):
        await start(client, **options)
        starts.append(client)
        if len(starts) <= deaths:
            client.km.provisioner.process.kill()

    monkeypatch.setattr(NotebookClient, "async_start_new_kernel", start_and_die)
    status = main([])
    assert len(starts) == 3
    assert names_in(project / "runs") == []
    if deaths == 2:
        assert status == 0
        assert contents(project) != before
    else:
        assert status == 1
        assert "The kernel died" in capsys.readouterr().err
        assert contents(project) == before


def test_interrupt_before_the_first_cell(project, monkeypatch):
    """While the kernel starts."""
    before = contents(project)

    async def interrupt(client, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(NotebookClient, "async_start_new_kernel", interrupt)
    assert main([]) == 130
    assert names_in(project / "runs") == []
    assert contents(project) == before


HOLDS_A_LOCK = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_run_that_is_going_on(project, monkeypatch, capsys):
    """Be it another process's, until that is killed, or this one's."""
    folder, calls = finished_run(project), []

    def execute(*arguments):
        calls.append(arguments)
        assert main(["--resume"]) == 1
        raise ZeroDivisionError

    monkeypatch.setattr("dae.publish.run.execute", execute)
    lock = "runs/1.lock"  # which an older filelock touches
    with start_python("-c", HOLDS_A_LOCK, project / lock) as process:
        assert process.stdout.readline() == "held\n"
        before = listing(project) | {lock: None}
        assert main(["--resume"]) == 1
        process.kill()
    told = f"the last run, in {folder}, is still going on in another process: wait for"
    assert told in capsys.readouterr().err
    assert listing(project) | {lock: None} == before
    assert calls == []
    with pytest.raises(ZeroDivisionError):
        main(["--resume"])
    assert calls == [(folder, {"RESUME": True})]
    assert told in capsys.readouterr().err
    assert names_in(project / "runs") == ["1"]


def test_file_system_without_locks(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with dae.publish.run.claim(tmp_path / "1"):
        pass
    assert names_in(tmp_path) == []


def test_folder_that_cannot_be_deleted(project, monkeypatch, capsys):
    """As on a network folder, in which something is still open."""
    rmdir = os.rmdir

    def busy(path, **options):
        if "figures" in str(path):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        rmdir(path, **options)

    def execute(folder, parameters):
        (folder / "figures").mkdir(exist_ok=True)
        return executed_notebook()

    folder = finished_run(project)
    notebook = nbformat.read(dae.publish.run.NOTEBOOK, as_version=4)
    monkeypatch.setattr("dae.publish.run.execute", execute)
    monkeypatch.setattr(os, "rmdir", busy)
    assert main(["--resume"]) == 0
    assert "Renewed" in capsys.readouterr().out
    assert (project / "figures/a.txt").read_text() == "new"
    assert folder.exists()
    nbformat.write(notebook, dae.publish.run.NOTEBOOK)
    assert main([]) == 1  # no results to publish; the folder is no reason to crash
    assert "nothing was replaced. No epoch was kept." in capsys.readouterr().err


@pytest.mark.parametrize("absolute", [True, False])
def test_odd_paths(tmp_path, monkeypatch, absolute):
    odd = tmp_path / "mes données + 数字 (1)%20"
    try:
        odd.mkdir()
    except UnicodeEncodeError:
        pytest.skip("the system's file names have no such letters")
    monkeypatch.chdir(odd)
    folder = odd / "a b" if absolute else Path("a b")
    model = compiled()
    dae.save_figure(figure(), folder / "bild é.png", alt="Kurven: é, 数字.")
    dae.save_denoiser(model, folder / "modèle.keras")
    write_checkpoint(model, folder / "état.npz")
    build_pdf(executed_notebook(), folder / "leçon.pdf")
    shutil.copy(MNIST_PATH, folder / "mnist 数.npz")
    assert names_in(odd) == ["a b"]
    names = {"bild é.png", "modèle.keras", "état.npz", "leçon.pdf", "mnist 数.npz"}
    assert set(names_in(odd / "a b")) == names
    loaded = dae.load_denoiser(folder / "modèle.keras")
    assert_equal(loaded.get_weights(), model.get_weights())
    other = compiled()
    other.set_weights([w + 1 for w in other.get_weights()])
    assert read_checkpoint(folder / "état.npz", other)[0] == HISTORY
    assert_equal(state(other), state(model))
    assert load_mnist(folder / "mnist 数.npz")[2][0].shape == (10_000, 28, 28, 1)
    assert (folder / "leçon.pdf").read_bytes().startswith(b"%PDF")


# --- safety


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_pickles_are_not_run(tmp_path, saved):
    """In place of all that the package loads, and within it."""
    mark, model = tmp_path / "the code was run", compiled()
    bomb = pickle.dumps(Bomb(mark))
    os.rmdir(pickle.loads(bomb) or mark)  # the bomb works
    dae.save_denoiser(model, tmp_path / "weights.keras")
    with zipfile.ZipFile(tmp_path / "weights.keras") as good:
        kept = {name: good.read(name) for name in ("metadata.json", "config.json")}
    with zipfile.ZipFile(tmp_path / "weights.keras", "w") as bad:
        for name, content in (kept | {"model.weights.npz": bomb}).items():
            bad.writestr(name, content)  # Keras knows this name
    for name in ("raw.npz", "raw.keras"):
        (tmp_path / name).write_bytes(bomb)
    objects = np.array([Bomb(mark)], dtype=object)
    np.save(tmp_path / "array.npy", objects, allow_pickle=True)
    with np.load(saved[0], allow_pickle=False) as archive:
        np.savez(tmp_path / "within.npz", **dict(archive) | {"text": objects})
    paths = list(tmp_path.iterdir())
    assert len(paths) == 5
    loaders = (load_mnist, dae.load_denoiser, load_checkpoint)
    for path, loader in itertools.product(paths, loaders):
        with pytest.raises(ValueError, match=r".{20}"):
            loader(path)
        assert not mark.exists(), path


def test_nothing_loads_pickles(notebook):
    """Neither the package nor the notebook, by the names in their source."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    package = [path.read_text("utf-8") for path in (ROOT / "dae").rglob("*.py")]
    unsafe = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    models = 0
    trees = map(ast.parse, [*package, *cells])
    for node in itertools.chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(a.name for a in node.names)]
            assert not unsafe & {name.split(".")[0] for name in names}
        elif isinstance(node, ast.Name):
            assert node.id not in {"eval", "exec", "__import__"}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # NumPy's own is safe without it, but then by a default only
            safe = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if ast.unparse(node.func) in ("np.load", "numpy.load"):
                assert safe.get("allow_pickle") == "False"
            if node.func.attr == "load_model":
                assert safe.get("safe_mode") == "True"
                models += 1
    assert len(package) > 20 and len(cells) > 50 and models == 1


def test_main_job_makes_no_connection(fast_run):
    """As far as Python code goes, in the job itself and in the kernel it starts."""
    lines = fast_run.network_log.read_text().splitlines()
    started = [line for line in lines if line.startswith("started: ")]
    assert any("-m dae --fast" in line for line in started)
    assert any("ipykernel_launcher" in line for line in started)
    assert [line for line in lines if line not in started] == []


CALLS = """
import socket, urllib.request
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
far = ("192.0.2.1", 9)
for call, *arguments in (
    (s.connect, far), (s.connect_ex, far), (s.sendto, b"x", far),
    (socket.create_connection, far), (socket.getaddrinfo, "example.org", 80),
    (socket.gethostbyname, "example.org"),
    (urllib.request.urlopen, "http://example.org"),
):
    try: call(*arguments)
    except OSError as error: print("no network in this test" in str(error))
s.connect(("127.0.0.1", 9))
socket.getaddrinfo("localhost", 80)
"""


def test_the_block_of_the_network_blocks(tmp_path):
    """192.0.2.1 is nobody's address; nearby ones go through."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    env = environment(tmp_path, NETWORK_LOG=str(tmp_path / "log.txt"))
    assert run_python("-c", CALLS, env=env) == ("True\n" * 7, "", 0)
    assert (tmp_path / "log.txt").read_text().count("refused: ") == 7


def test_main_job_writes_only_into_its_folder(fast_run):
    """What IPython, Matplotlib and Keras put into a new home is theirs."""
    assert listing(ROOT) == fast_run.before
    assert [p.name for p in fast_run.elsewhere.iterdir()] == [fast_run.folder.name]
    found = {name.split(os.sep)[0] for name in listing(fast_run.home)}
    assert found <= {".cache", ".ipython", ".keras"}


# --- the table


def defined_in(path):
    return set(re.findall(r"^def test_(\w+)", path.read_text("utf-8"), flags=re.M))


def test_the_table_is_true():
    named = re.findall(r"^\S.* \| .+ \| (\w+)$", __doc__, flags=re.M)
    assert 2 * len(named) == __doc__.count(" | ") - 2  # beside the heading
    assert len(set(named)) == len(named) > 30
    paths = (ROOT / "tests").glob("test_*.py")
    assert set(named) <= set.union(*map(defined_in, paths))
    assert defined_in(Path(__file__)) <= set(named)
