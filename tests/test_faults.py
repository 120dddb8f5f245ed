"""Faults, injected and survived.

fault | what must happen
    test

training stops at any step of any epoch | resumed, it is the unbroken run
    test_whatever_moment_training_stops_at_it_can_go_on
killed in the midst of saving | the last epoch is on the disk, whole
    test_killed_process_leaves_a_whole_checkpoint
the notebook is interrupted or terminated | committed files as they were
    test_interrupted_run_replaces_nothing_and_says_so
its kernel dies, as when memory runs out | committed files as they were, told
    test_dying_kernel_or_failing_cell_replaces_nothing
a killed run has left half a file | it is not published
    test_half_a_file_that_a_killed_run_has_left_is_not_published
disk full: figure, model, checkpoint, JSON, PDF | old file whole, no debris, told
    test_full_disk_leaves_the_old_file
disk full while training | the last one can be resumed
    test_checkpoint_is_whole_at_every_moment
disk full while publishing | nothing replaced, the run is kept, told in a line
    test_full_disk_while_publishing_replaces_nothing
figures/, dae/pretrained/, runs/ or all is read-only | told before the run
    test_read_only_folder_is_told_before_the_run
the clone, and so the kernel's folder, is read-only | the fast run works
    test_fast_run_in_a_clone_that_is_not_writable
an .npz that must not be read | system's error, no advice to delete it
    test_file_without_permission_is_not_called_damaged
mnist.npz cut short, longer, or with a flipped bit | refused
    test_damaged_mnist
mnist.npz of other contents | refused
    test_another_archive_is_refused
mnist.npz of any size | refused without taking the memory
    test_huge_file_in_place_of_mnist_takes_no_memory
checkpoint that claims, or unpacks to, far too much | refused, no memory taken
    test_oversized_checkpoint_takes_no_memory
checkpoint cut short anywhere, or with a flipped bit | refused, or the same state
    test_damaged_checkpoint
checkpoint with other contents | refused, the model unchanged
    test_checkpoint_with_other_contents
checkpoint of another run | refused
    test_checkpoint_of_another_run
    test_checkpoint_of_another_model
damaged model in the package | refused with the remedy
    test_damaged_packaged_model_is_told_with_the_remedy
any model file cut short or with a flipped bit | refused, or the same weights
    test_damaged_model_is_refused_or_right
missing font | the figure is drawn, one message
    test_missing_font
threads or processes write one file at once | it is one of theirs, whole
    test_one_file_written_by_threads_and_processes_at_once
two runs at once, published one after the other | nothing is mixed
    test_two_runs_at_once
resumed while it is still going on | refused, nothing touched
    test_run_that_is_going_on_is_not_resumed
a file system without locks | the run goes on
    test_file_system_without_locks_does_not_end_the_run
the folder of a finished run cannot be deleted | it has succeeded all the same
    test_finished_run_whose_folder_cannot_be_deleted
other working directory, odd names of folders | all files are written and read
    test_odd_paths_and_another_working_directory
    test_fast_run_tells_cell_epoch_losses_and_time_left
a pickle in place of data | refused, its code is not run
    test_pickles_are_not_run
code in a model | refused
    test_model_with_code_in_it_is_refused
a loader of pickles in the package or notebook | there is none
    test_nothing_loads_pickles
the network block of these tests | it blocks
    test_the_block_of_the_network_blocks
no network | the main job needs none and asks for none
    test_main_job_makes_no_connection
writing where nobody expects it | the main job does not
    test_main_job_writes_only_into_its_folder
this table and the tests disagree | told
    test_the_table_is_true

A file that cannot grow (RLIMIT_FSIZE) stands in for a full disk: writes fail for real.
`ALL_BYTES=1` makes test_damaged_checkpoint try every byte.
"""

import ast
import contextlib
import errno
import io
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

import keras
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
    executed_notebook,
    finished_run,
    listing,
    names_in,
    small_model,
    train_small,
    write_project,
)
from nbformat.v4 import new_code_cell

import dae
from dae.__main__ import main
from dae._files import written_whole
from dae.checkpoint import load_checkpoint, save_checkpoint
from dae.data import MNIST_PATH, load_mnist
from dae.press.pdf import build_pdf
from dae.press.run import publish

HISTORY = {"train_loss": [0.3, 0.2], "val_loss": [0.3, 0.25]}


def run_python(*arguments, **options):
    """In a process of its own, which finds the package and these tests."""
    path = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    options = {"env": {**os.environ, "PYTHONPATH": path}, "timeout": 100} | options
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


# --- training that stops


@pytest.fixture(scope="module")
def unbroken(digits):
    """History and final weights of three epochs without a fault."""
    model = small_model()
    return train_small(model, digits), model.get_weights()


def assert_goes_on(folder, digits, unbroken):
    """Resume what lies in a folder, with a model that has other weights at first."""
    model = small_model(seed=9)
    history = train_small(model, digits, checkpoint=folder / "state.npz", resume=True)
    assert history == unbroken[0]
    assert_equal(model.get_weights(), unbroken[1])


def epochs_in(folder):
    """How many epochs the checkpoint in a folder holds; 0 if there is none."""
    if not (folder / "state.npz").exists():
        return 0
    with np.load(folder / "state.npz", allow_pickle=False) as archive:
        return len(json.loads(str(archive["text"]))["history"]["val_loss"])


def half_then_whole(between):
    """A ``numpy.savez`` that does something when half of the file is written."""
    savez = np.savez

    def slow(path, **arrays):
        whole = io.BytesIO()
        savez(whole, **arrays)
        half = len(whole.getvalue()) // 2
        with open(path, "wb") as file:
            file.write(whole.getvalue()[:half])
            file.flush()
            between()
            file.write(whole.getvalue()[half:])

    return slow


def test_whatever_moment_training_stops_at_it_can_go_on(
    digits, tmp_path, monkeypatch, unbroken
):
    """What a killed process leaves is what lies in the folder at that moment."""
    folder, moments = tmp_path / "run", []
    folder.mkdir()

    def look(*_):
        moments.append({path.name: path.read_bytes() for path in folder.iterdir()})

    monkeypatch.setattr("dae.checkpoint.np.savez", half_then_whole(look))
    train_small(small_model(), digits, checkpoint=folder / "state.npz", report=look)
    # in each of 3 epochs: 6 steps (the last comes when the epoch is all but over),
    # half a checkpoint, a whole one
    assert len(moments) == 3 * 8
    resumed = set()
    for number, files in enumerate(moments):
        left = tmp_path / f"left {number}"
        left.mkdir()
        for name, content in files.items():
            (left / name).write_bytes(content)
        assert epochs_in(left) == (number + 1) // 8
        # half a file lies beside the whole one at one moment in each epoch
        assert len(set(files) - {"state.npz"}) == (number % 8 == 6)
        state = files.get("state.npz")
        if state is not None and state not in resumed:
            resumed.add(state)
            assert_goes_on(left, digits, unbroken)
    assert len(resumed) == 3  # the last of them has nothing left to train


KILLED = """
import os, signal, sys
import numpy as np
import dae.checkpoint
from conftest import small_model, train_small
from test_faults import half_then_whole

moments = iter([lambda: None, lambda: os.kill(os.getpid(), signal.SIGKILL)])
dae.checkpoint.np.savez = half_then_whole(lambda: next(moments)())
train_small(small_model(), np.load("digits.npy"), checkpoint="left/state.npz")
"""


def test_killed_process_leaves_a_whole_checkpoint(digits, tmp_path, unbroken):
    np.save(tmp_path / "digits.npy", digits[:260])
    killed = run_python("-c", KILLED, cwd=tmp_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert epochs_in(tmp_path / "left") == 1
    assert len(names_in(tmp_path / "left")) == 2  # half a file under another name
    assert_goes_on(tmp_path / "left", digits, unbroken)


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


def write_checkpoint(model, path):
    save_checkpoint(path, model, model.get_weights(), HISTORY, {})


WRITERS = {
    "a.png": (figure, lambda thing, path: dae.save_figure(thing, path, alt="Curves.")),
    "a.keras": (compiled, dae.save_denoiser),
    "a.npz": (compiled, write_checkpoint),
    "a.json": (str, write_results),
    "a.pdf": (executed_notebook, build_pdf),
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


def test_full_disk_while_publishing_replaces_nothing(
    project, tmp_path, monkeypatch, capsys
):
    """The largest file does not fit; the smaller ones before and after it would."""
    large = tmp_path / "large"

    def execute(folder, parameters):
        shutil.copytree(finished_run(project), folder, dirs_exist_ok=True)
        shutil.rmtree(project / "runs/1")
        large.rename(folder / "figures/aa.png")
        return executed_notebook()

    monkeypatch.setattr("dae.press.run.execute", execute)
    before = contents(project)
    large.write_bytes(bytes(2_000_000))
    with full_disk(1_000_000):
        assert main([]) == 1
    assert contents(project) == before
    (left,) = (project / "runs").iterdir()
    assert (left / "figures/aa.png").stat().st_size == 2_000_000
    error = capsys.readouterr().err
    told = r"\[.*large, so this file stays as it was: '.*figures/aa\.png'\n"
    assert re.search(told, error)
    assert "nothing was replaced. Go on after the last epoch with --resume" in error


def test_half_a_file_that_a_killed_run_has_left_is_not_published(project):
    folder = finished_run(project)
    (folder / "figures/.a-0123.txt").write_text("ha")
    publish(executed_notebook(), folder)
    assert names_in(project / "figures") == ["a.txt", "b.txt", "results.json"]
    assert (project / "figures/a.txt").read_text() == "new"
    assert names_in(project / "runs") == []


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


@contextlib.contextmanager
def mode(permissions, *paths):
    before = [path.stat().st_mode for path in paths]
    for path in paths:
        path.chmod(permissions)
    try:
        yield
    finally:
        for path, permissions in zip(paths, before, strict=True):
            path.chmod(permissions)


def test_read_only_folder_is_told_before_the_run(tmp_path):
    root = write_project(tmp_path / "clone")
    before = contents(root)
    code = (
        "import os, sys; from dae.__main__ import main\n"
        "for folder in sys.argv[1:]:\n"
        "    os.chmod(folder, 0o555)\n"
        "    for options in ([], ['--resume']):\n"
        "        try: main(options)\n"
        "        except SystemExit as stop: print(stop.code)\n"
        "    os.chmod(folder, 0o755)\n"
    )
    folders = [root, root / "figures", root / "runs", root / "dae/pretrained"]
    told = run_unprivileged("-c", code, *folders, cwd=root, env={**os.environ})
    assert told.stdout == 8 * "2\n", told.stderr
    for folder in folders:
        message = f"{folder} is not writable: make it so, or run with --fast"
        assert told.stderr.count(message) == 2
    assert contents(root) == before
    assert names_in(root / "runs") == []


def test_fast_run_in_a_clone_that_is_not_writable(tmp_path):
    root, temporary = write_project(tmp_path / "clone"), tmp_path / "temporary"
    notebook = nbformat.read(root / dae.press.run.NOTEBOOK.name, as_version=4)
    sizes = "\n".join(f"{name} = 0" for name in dae.__main__.FAST)
    notebook.cells[1].source += "\n" + sizes
    refused = "try: open('here.txt', 'w')\nexcept PermissionError: print('refused')"
    notebook.cells.append(new_code_cell(refused, id="refused"))
    nbformat.write(notebook, root / dae.press.run.NOTEBOOK.name)
    temporary.mkdir()
    before = listing(root)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    with mode(0o555, *folders):
        done = run_unprivileged(
            "-m",
            "dae",
            "--fast",
            cwd=root,
            env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(root)},
        )
    assert done.returncode == 0, done.stderr
    (folder,) = temporary.glob("dae-fast-*")
    assert (folder / "figures/a.txt").read_text() == '{"x": 7}'
    executed = nbformat.read(folder / dae.press.run.NOTEBOOK.name, as_version=4)
    assert executed.cells[-1].outputs[0].text == "refused\n"  # it did bind the kernel
    assert listing(root) == before


def test_file_without_permission_is_not_called_damaged(saved, tmp_path):
    """Advice to delete it would be bad advice."""
    path = shutil.copy(saved[0], tmp_path / "state.npz")
    code = (
        "import sys; from dae import load_checkpoint, load_mnist\n"
        "from conftest import compiled\n"
        "checkpoint = lambda path: load_checkpoint(path, compiled(), {})\n"
        "for load in (load_mnist, checkpoint):\n"
        "    try: load(sys.argv[1])\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
    )
    with mode(0, path):
        told = run_unprivileged("-c", code, path).stdout
    assert told == 2 * f"PermissionError [Errno 13] Permission denied: '{path}'\n"


# --- damaged data


def test_damaged_mnist(tmp_path):
    content, path = MNIST_PATH.read_bytes(), tmp_path / "a.npz"
    size = len(content)
    damaged = [b"", content[:100], content[: size // 2], content[:-1], content + b"x"]
    for place in (0, 5_000_000, size - 1):
        flipped = bytearray(content)
        flipped[place] ^= 1
        damaged.append(flipped)
    for each in damaged:
        path.write_bytes(each)
        with pytest.raises(ValueError, match=r"a\.npz: not a readable copy of MNIST"):
            load_mnist(path)


def peak_memory(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_huge_file_in_place_of_mnist_takes_no_memory(tmp_path):
    path = tmp_path / "a.npz"
    path.touch()
    os.truncate(path, 10**9)  # no room on the disk is taken

    def load():
        with pytest.raises(ValueError, match="not a readable copy of MNIST"):
            load_mnist(path)

    assert peak_memory(load) < 50_000_000


def npy(shape, data, descr="|u1"):
    """A ``.npy`` file by hand: the header may claim anything."""
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def zip_of(path, content, method):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("text.npy", content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_oversized_checkpoint_takes_no_memory(tmp_path, method):
    model = compiled()
    large = npy((100_000_000,), bytes(100_000_000))
    path = zip_of(tmp_path / "a.npz", large, method)
    assert path.stat().st_size < 1_000_000

    def load():
        with pytest.raises(ValueError, match=r"not a readable checkpoint \(.*compress"):
            load_checkpoint(path, model, {})

    assert peak_memory(load) < 10_000_000
    # what is only claimed is asked of the system, but never used
    for count in (10**10, 10**18, 10**30):
        zip_of(path, npy((count,), b"1"), zipfile.ZIP_STORED)
        with pytest.raises(ValueError, match="not a readable checkpoint"):
            load_checkpoint(path, model, {})


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint, and the model that it is of."""
    path, model = tmp_path_factory.mktemp("saved") / "state.npz", compiled()
    images = np.random.default_rng(0).random((8, 28, 28, 1)).astype("f4")
    model.train_on_batch(images, images)
    write_checkpoint(model, path)
    return path, model


def variables_of(model):
    return [*model.weights, *model.optimizer.variables]


def state(model):
    return [np.copy(keras.ops.convert_to_numpy(v)) for v in variables_of(model)]


def test_damaged_checkpoint(saved, tmp_path):
    """Cut short, or with a flipped bit, in every seventh byte, the bits in turns.

    All 6,898 bytes were flipped once: 5,679 were refused, 1,219 gave the same state.
    """
    content, path, model = saved[0].read_bytes(), tmp_path / "a.npz", compiled()
    untouched, expected = state(model), state(saved[1])
    assert np.any(untouched[0] != expected[0])
    every, accepted = 1 if os.environ.get("ALL_BYTES") else 7, 0
    for place in range(0, len(content), every):
        path.write_bytes(content[:place])
        with pytest.raises(ValueError, match=r"a\.npz: not a readable c.* \(.+\);"):
            load_checkpoint(path, model, {})
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        told = ""
        try:
            history, best = load_checkpoint(path, model, {})
        except ValueError as error:
            told = str(error)
        assert ("delete it and start anew" in told) == bool(told)
        if not told:
            accepted += 1
            assert history == HISTORY
            assert_equal(best, saved[1].get_weights())
            assert_equal(state(model), expected)
            for variable, old in zip(variables_of(model), untouched, strict=True):
                variable.assign(old)
    assert_equal(state(model), untouched)  # no refused one has changed it
    # what may change unnoticed are dates and other remarks of the zip format
    assert accepted < 0.25 * len(content) / every
    # NumPy would read half of the data, and not see that the sum is wrong
    path.write_bytes(content.replace(b"'<f4'", b"'<f2'", 1))
    with pytest.raises(ValueError, match=r"the checksum of state_0\.npy is wrong"):
        load_checkpoint(path, model, {})


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
    with pytest.raises(ValueError, match=r"a\.npz: .*; delete it and start anew"):
        load_checkpoint(path, model, {})
    assert_equal(state(model), before)


# --- odd surroundings


def test_missing_font(digits, tmp_path, caplog):
    rows, captions = {"noisy": digits[:10]}, {"noisy": ["20 dB"] * 10}
    with matplotlib.rc_context({"font.family": ["No Such Font"]}):
        figure = dae.plot_image_rows(rows, captions)
        image = dae.save_figure(figure, tmp_path / "a.png", alt="Ten digits.")
    assert caplog.messages == ["findfont: Font family 'No Such Font' not found."]
    # the words are there all the same, in Matplotlib's own font
    figure = dae.plot_image_rows(rows, captions)
    usual = dae.save_figure(figure, tmp_path / "b.png", alt="Ten digits.")
    assert len(image.data) > 0.9 * len(usual.data)


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


def test_one_file_written_by_threads_and_processes_at_once(tmp_path):
    path, seen = tmp_path / "a.txt", set()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, letters],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        for letters in ("abc", "def")
    ]
    while any(process.poll() is None for process in processes):
        if path.exists():
            seen.add(path.read_text())
    assert [process.stderr.read() for process in processes] == [b"", b""]
    seen.add(path.read_text())
    assert seen <= {x * 10_000 for x in "abcdef"}
    assert names_in(tmp_path) == ["a.txt"]


TWO_RUNS = """
import sys
from pathlib import Path
from dae.press import run
name, x = sys.argv[1:]
folder = run.ROOT / "runs" / name
folder.mkdir()
notebook = run.execute(folder, {"X": int(x)})
print("executed", flush=True)
sys.stdin.readline()
run.publish(notebook, folder)
"""


def test_two_runs_at_once(tmp_path):
    """Executed at the same time; published one after the other, the second stays."""
    root = write_project(tmp_path / "clone")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_RUNS, name, str(x)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, x in (("one", 1), ("two", 2))
    ]
    for process in processes:
        while line := process.stdout.readline():
            if line == "executed\n":
                break
        assert line == "executed\n"
    for name, x in (("one", 1), ("two", 2)):
        for path in (root / "runs" / name / "figures").iterdir():
            assert path.read_text() == f'{{"x": {x}}}'
    assert (root / "figures/a.txt").read_text() == "old"
    for x, process in enumerate(processes, start=1):
        process.communicate("go\n", timeout=60)
        assert process.returncode == 0
        for path in (root / "figures").iterdir():
            assert path.read_text() == f'{{"x": {x}}}'
        assert (root / "README.md").read_text() == f"{x}<!-- results: x d -->"
        written = nbformat.read(root / dae.press.run.NOTEBOOK.name, as_version=4)
        assert f"It is {x}<!-- results: x d -->." in written.cells[0].source
    assert names_in(root / "runs") == []


HOLDS_A_LOCK = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_run_that_is_going_on_is_not_resumed(project, monkeypatch, capsys):
    """Be it another process's, until that is killed, or this one's."""
    folder, calls = finished_run(project), []

    def execute(*arguments):
        calls.append(arguments)
        assert main(["--resume"]) == 1
        raise ZeroDivisionError

    monkeypatch.setattr("dae.press.run.execute", execute)
    command = [sys.executable, "-c", HOLDS_A_LOCK, project / "runs/1.lock"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        before = listing(project)
        assert main(["--resume"]) == 1
        process.kill()
    told = f"the last run, in {folder}, is still going on in another process: wait for"
    assert told in capsys.readouterr().err
    assert listing(project) == before
    assert calls == []
    with pytest.raises(ZeroDivisionError):
        main(["--resume"])
    assert calls == [(folder, {"RESUME": True})]
    assert told in capsys.readouterr().err
    assert names_in(project / "runs") == ["1"]


def test_file_system_without_locks_does_not_end_the_run(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with dae.press.run.claim(tmp_path / "1"):
        pass
    assert names_in(tmp_path) == []


def test_finished_run_whose_folder_cannot_be_deleted(project, monkeypatch, capsys):
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
    monkeypatch.setattr("dae.press.run.execute", execute)
    monkeypatch.setattr(os, "rmdir", busy)
    assert main(["--resume"]) == 0
    assert "Renewed" in capsys.readouterr().out
    assert (project / "figures/a.txt").read_text() == "new"
    assert folder.exists()
    assert main([]) == 1  # no results to publish; the folder is no reason to crash
    assert "nothing was replaced. No epoch was kept." in capsys.readouterr().err


@pytest.mark.parametrize("absolute", [True, False])
def test_odd_paths_and_another_working_directory(tmp_path, monkeypatch, absolute):
    odd = tmp_path / "mes données + 数字 (1)%20"
    odd.mkdir()
    monkeypatch.chdir(odd)
    folder = odd / "a b" if absolute else Path("a b")
    model = compiled()
    dae.save_figure(figure(), folder / "bild é.png", alt="Kurven: é, 数字.")
    dae.save_denoiser(model, folder / "modèle.keras")
    write_checkpoint(model, folder / "état.npz")
    build_pdf(executed_notebook(), folder / "leçon.pdf")
    shutil.copy(MNIST_PATH, folder / "mnist 数.npz")
    assert names_in(odd) == ["a b"]
    assert sorted(names_in(odd / "a b")) == sorted(
        ["bild é.png", "modèle.keras", "état.npz", "leçon.pdf", "mnist 数.npz"]
    )
    loaded = dae.load_denoiser(folder / "modèle.keras")
    assert_equal(loaded.get_weights(), model.get_weights())
    other = compiled()
    other.set_weights([w + 1 for w in other.get_weights()])
    assert load_checkpoint(folder / "état.npz", other, {})[0] == HISTORY
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
    with (
        zipfile.ZipFile(tmp_path / "weights.keras") as good,
        zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad,
    ):
        for member in ("metadata.json", "config.json"):
            bad.writestr(member, good.read(member))
        bad.writestr("model.weights.npz", bomb)  # Keras knows this name
    os.replace(tmp_path / "bad.keras", tmp_path / "weights.keras")
    for name in ("raw.npz", "raw.keras"):
        (tmp_path / name).write_bytes(bomb)
    objects = np.array([Bomb(mark)], dtype=object)
    np.save(tmp_path / "array.npy", objects, allow_pickle=True)
    with np.load(saved[0], allow_pickle=False) as archive:
        np.savez(tmp_path / "within.npz", **dict(archive) | {"text": objects})
    paths = list(tmp_path.iterdir())
    assert len(paths) == 5
    loaders = (load_mnist, dae.load_denoiser, lambda p: load_checkpoint(p, model, {}))
    for path, loader in itertools.product(paths, loaders):
        with pytest.raises(ValueError, match=r".{20}"):
            loader(path)
        assert not mark.exists(), path


def test_nothing_loads_pickles(notebook):
    """Neither the package nor the notebook, by the names in their source."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    package = [
        path.read_text(encoding="utf-8") for path in (ROOT / "dae").rglob("*.py")
    ]
    unsafe = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    models = 0
    for source in [*package, *cells]:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                assert not unsafe & {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in unsafe
            elif isinstance(node, ast.Name):
                assert node.id not in {"eval", "exec", "__import__"}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                # NumPy's own is safe without it, but then by a default only
                safe = {k.arg: ast.unparse(k.value) for k in node.keywords}
                if called in ("np.load", "numpy.load"):
                    assert safe.get("allow_pickle") == "False", called
                if node.func.attr == "load_model":
                    assert safe.get("safe_mode") == "True", called
                    models += 1
    assert len(package) > 20 and len(cells) > 50 and models == 1


def test_main_job_makes_no_connection(fast_run):
    """As far as Python code goes, in the job itself and in the kernel it starts."""
    lines = fast_run.network_log.read_text().splitlines()
    started = [line for line in lines if line.startswith("started: ")]
    assert any("-m dae --fast" in line for line in started)
    assert any("ipykernel_launcher" in line for line in started)
    assert [line for line in lines if line not in started] == []


def test_the_block_of_the_network_blocks(tmp_path):
    """192.0.2.1 is nobody's address; nearby ones go through."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    code = (
        "import socket, urllib.request\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "far = ('192.0.2.1', 9)\n"
        "for call in (lambda: s.connect(far), lambda: s.connect_ex(far),\n"
        "             lambda: s.sendto(b'x', far),\n"
        "             lambda: socket.create_connection(far),\n"
        "             lambda: socket.getaddrinfo('example.org', 80),\n"
        "             lambda: socket.gethostbyname('example.org'),\n"
        "             lambda: urllib.request.urlopen('http://example.org')):\n"
        "    try: call()\n"
        "    except OSError as error: print('no network in this test' in str(error))\n"
        "s.connect(('127.0.0.1', 9))\n"
        "socket.getaddrinfo('localhost', 80)\n"
    )
    log = tmp_path / "log.txt"
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "NETWORK_LOG": str(log)}
    done = run_python("-c", code, env=env)
    assert done.stdout == "True\n" * 7, done.stderr
    assert done.returncode == 0
    assert log.read_text().count("refused: ") == 7


def test_main_job_writes_only_into_its_folder(fast_run):
    """What IPython, Matplotlib and Keras put into a new home is theirs."""
    assert listing(ROOT) == fast_run.before
    assert [p.name for p in fast_run.elsewhere.iterdir()] == [fast_run.folder.name]
    assert {name.split(os.sep)[0] for name in listing(fast_run.home)} <= {
        ".cache", ".ipython", ".keras",
    }  # fmt: skip


# --- the table


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_table_is_true():
    rows = re.findall(r"^(\S.*) \| (.+)\n((?:    \w+\n)+)", __doc__, flags=re.M)
    heading, *rows = rows
    assert heading == ("fault", "what must happen", "    test\n")
    named = [name for _, _, names in rows for name in names.split()]
    assert len(rows) == __doc__.count(" | ") - 1
    assert len(set(named)) == len(named) > 30
    paths = (ROOT / "tests").glob("test_*.py")
    existing = {name for path in paths for name in functions(path)}
    assert set(named) <= existing
    own = {name for name in functions(Path(__file__)) if name.startswith("test_")}
    assert own <= set(named)
