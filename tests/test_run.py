"""``python -m dae``: the fast run, a full one of a small lesson, and its parts."""

import json
import os
import re
import shutil
import signal
import time
from dataclasses import replace

import nbformat
import pytest
from conftest import (
    FIGURES,
    ROOT,
    assert_equal,
    contents,
    environment,
    finished_run,
    names_in,
    run_python,
    small_lesson,
    start_python,
    write_project,
)
from nbformat.v4 import new_code_cell

from dae.__main__ import FAST, main
from dae.checkpoint import load_checkpoint, save_checkpoint
from dae.publish import run

# --- in fast mode, with the lesson itself


@pytest.mark.slow
def test_fast_run_makes_everything_the_full_run_makes(fast_run, notebook):
    """And it tells cell, epoch, losses and the time that is left."""
    made, committed = (
        {name for name in names_in(folder / "figures") if not name.endswith(".svg")}
        for folder in (fast_run.folder, ROOT)
    )
    assert made == committed  # beside them, drawings
    for name in (run.CHECKPOINT, run.PDF.name, run.PAGE.name):
        assert (fast_run.folder / name).exists()
    settings = json.loads((fast_run.folder / run.RESULTS).read_text("utf-8"))[
        "settings"
    ]
    assert settings["epochs"] == FAST["EPOCHS"]
    assert settings["train_size"] == FAST["TRAIN_SIZE"]
    executed = nbformat.read(fast_run.folder / run.NOTEBOOK.name, as_version=4)
    assert [c.source for c in executed.cells] == [c.source for c in notebook.cells]
    for cell in executed.cells:
        assert cell.cell_type == "markdown" or cell.execution_count
        for output in cell.get("outputs", []):
            assert output.output_type not in ("error", "stream"), cell.id
    assert re.search(r"cell 1 of \d+ · 0\. ", fast_run.printed)
    losses = r"training 0\.\d+ · validation 0\.\d+ · best 0\.\d+ in epoch 1"
    told = rf"epoch 2 of 2 \(\d+%\) · {losses} · \d+ min \d\d s left"
    assert re.search(told, fast_run.printed)


@pytest.mark.slow
def test_fast_run_makes_no_connection(fast_run):
    """As far as Python code goes, in the job itself and in the kernel it starts."""
    lines = fast_run.network_log.read_text("utf-8").splitlines()
    started = [line for line in lines if line.startswith("started: ")]
    assert any("-m dae --fast" in line for line in started)
    assert any("ipykernel_launcher" in line for line in started)
    assert [line for line in lines if line not in started] == []


@pytest.mark.slow
def test_fast_run_writes_only_into_its_folder(fast_run):
    """What IPython, Matplotlib and Keras put into a new home is theirs."""
    assert contents(ROOT) == fast_run.before
    assert names_in(fast_run.elsewhere) == [fast_run.folder.name]
    assert set(names_in(fast_run.home)) <= {".cache", ".config", ".ipython", ".keras"}


# --- a full run, of a small lesson


def has_been_renewed(root):
    """Figures, numbers in the texts and editions are those of a run."""
    for name in FIGURES:
        assert (root / "figures" / name).read_text("utf-8") == '{"x": 7}'
    assert names_in(root / "figures") == FIGURES
    for readme in (root / "README.md", root / "tests/benchmarks/README.md"):
        assert readme.read_text("utf-8") == "7<!-- results: x d -->"
    written = nbformat.read(root / run.NOTEBOOK.name, as_version=4)
    (text,) = (cell.source for cell in written.cells if cell.id == "text")
    assert "It is 7<!-- results: x d -->, as in" in text
    assert (root / run.PDF.name).read_bytes().startswith(b"%PDF")
    assert "It is 7" in (root / run.PAGE.name).read_text("utf-8")
    return written


@pytest.mark.slow
def test_full_run_renews_all_and_shows_where_it_is(tmp_path):
    """With cells of the reader's own, in a terminal that knows only ASCII."""
    root, lesson = write_project(tmp_path / "clone"), small_lesson()
    skipped = new_code_cell("1 / 0", metadata={"tags": ["skip-execution"]})
    lesson.cells[:0] = [new_code_cell("")]
    lesson.cells[4:4] = [new_code_cell("\n"), skipped, new_code_cell("%pwd\nX")]
    nbformat.write(lesson, root / run.NOTEBOOK.name)
    env = environment(root, PYTHONIOENCODING="ascii")
    printed, errors, status = run_python("-m", "dae", cwd=root, env=env)
    assert status == 0, errors
    lines = printed.splitlines()
    assert re.fullmatch(r"cell 1 of 5 \? 0\. Start \? \d\.\d s", lines[0])
    assert lines[2].startswith("  epoch 1 of 2 (5%) ? ?")
    assert lines[-2].startswith("cell 5 of 5 ?") and lines[-1].startswith("Renewed")
    written = has_been_renewed(root)
    counts = [cell.execution_count for cell in written.cells if "outputs" in cell]
    assert counts == [None, 1, None, None, 2, 3, 4, 5]
    assert [c.source for c in written.cells[3:]] == [c.source for c in lesson.cells[3:]]
    assert names_in(root / "runs") == []


@pytest.mark.slow
def test_finished_run_is_put_into_place_without_running_a_cell(project, capsys):
    """Once its text has been corrected; no half file of a killed run."""
    finished_run(project, "0")
    folder = finished_run(project)  # the latest
    (folder / "figures/.a-0123.txt").write_text("ha")
    state = load_checkpoint(folder / run.CHECKPOINT)
    weights = [0.5 * weights for weights in state.best_weights]
    state = replace(state, best_weights=weights, variables=weights)
    save_checkpoint(folder / run.CHECKPOINT, state)
    lesson = small_lesson()
    lesson.cells[1].source += " It is **1**<!-- results: gone d -->."
    nbformat.write(lesson, run.NOTEBOOK)
    before = contents(project)
    assert main(["--resume"]) == 1
    assert f"kept in {folder}: --resume puts it" in (told := capsys.readouterr().err)
    assert "gone" in told and contents(project) == before
    nbformat.write(small_lesson(), run.NOTEBOOK)
    assert main(["--resume"]) == 0
    has_been_renewed(project)
    assert names_in(project / "runs") == ["0"]
    published = load_checkpoint(project / run.PRETRAINED)
    assert_equal(published.best_weights, weights)
    assert published.variables == []  # the optimiser's, which nobody needs
    assert published.history == state.history


def test_run_of_other_code_is_not_taken_for_this_one(project):
    folder, lesson = finished_run(project), small_lesson()
    lesson.cells[0].source = "# Another title"
    assert run.executed_before(lesson, folder)
    assert lesson.cells[2].execution_count == 1
    lesson.cells[2].source += "\n1"
    assert not run.executed_before(lesson, folder)


@pytest.mark.slow
def test_edition_alone(project, capsys):
    """Built from the executed notebook as it is, and from no other."""
    for option, path in (("--pdf", run.PDF), ("--page", run.PAGE)):
        nbformat.write(small_lesson(), run.NOTEBOOK)
        assert main([option]) == 1
        assert "must be executed" in capsys.readouterr().err
        shutil.copy(finished_run(project, option) / run.NOTEBOOK.name, run.NOTEBOOK)
        before = contents(project)
        assert main([option]) == 0
        assert f"Wrote {path}" in capsys.readouterr().out
        after = contents(project)
        assert after.pop(path)[:5] in (b"%PDF-", b"<!DOC") and after == before
    lesson = nbformat.read(run.NOTEBOOK, as_version=4)
    lesson.cells[1].source += "\n\n## 7. New\n\n5<!-- results: x d -->"
    lesson.cells[1].source += '\n\n<a id="plan"></a>\n\n| a | b | c |\n|---|---|---|'
    nbformat.write(lesson, run.NOTEBOOK)
    assert main(["--page"]) == 0  # what is counted and measured needs no new run
    text = nbformat.read(run.NOTEBOOK, as_version=4).cells[1].source
    _, counted, table = text.partition("## 1. New\n\n0<!-- results: x d -->\n")
    assert counted and table.splitlines()[-1] == "| [0. Start](#start) | 5 | none |"


def test_parameters_get_other_values_for_a_run():
    lesson = small_lesson()
    before = lesson.cells[2].source = "OUTPUT = '.'  # folder\nX=7\nRESUME = False"
    assert run.set_parameters(lesson, {"OUTPUT": "a 'b' é", "X": 2}) == before
    values = {}
    exec(lesson.cells[2].source, values)
    assert (values["OUTPUT"], values["X"]) == ("a 'b' é", 2)
    with pytest.raises(KeyError, match="no parameter EPOCH"):
        run.set_parameters(lesson, {"EPOCH": 2})


SLEEPS = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
STARTS_LATE = f"""
import sys
if "ipykernel_launcher" in sys.orig_argv:
    {SLEEPS}
"""


@pytest.mark.slow
@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_replaces_nothing(tmp_path, request_to_stop, early):
    """While the kernel starts, or in a cell; and the kernel ends, too."""
    root, lesson = write_project(tmp_path / "clone"), small_lesson()
    lesson.cells.insert(3, new_code_cell("" if early else SLEEPS, id="sleeps"))
    nbformat.write(lesson, root / run.NOTEBOOK.name)
    if early:
        (tmp_path / "sitecustomize.py").write_text(STARTS_LATE)
    before, env = contents(root), environment(tmp_path, root)
    with start_python("-m", "dae", cwd=root, env=env) as process:
        pid = wait_for(root / "pid")
        process.send_signal(request_to_stop)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "The run stopped; nothing was replaced. No epoch was kept." in error
    assert "Traceback" not in error and "Error" not in error
    (root / "pid").unlink()
    assert contents(root) == before and names_in(root / "runs") == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def wait_for(path):
    """Return the number that a process writes to a file, once it is there."""
    end = time.monotonic() + 120
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return int(path.read_text())
