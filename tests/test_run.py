"""``python -m dae``: the fast run, its safety, and how parts are put into place."""

import copy
import json
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock, call

import nbformat
import pytest
from conftest import (
    ROOT,
    assert_equal,
    contents,
    environment,
    executed_notebook,
    finished_run,
    listing,
    names_in,
    start_python,
)
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import dae.publish.run
from dae.__main__ import FAST, main
from dae.checkpoint import load_checkpoint, save_checkpoint
from dae.publish.run import parameter_cell, publish, set_parameters, unfinished_run


def test_fast_run_makes_everything_the_full_run_makes(fast_run):
    folder = fast_run.folder
    assert names_in(folder / "figures") == names_in(ROOT / "figures")
    assert (folder / "checkpoint.npz").exists()
    assert (folder / dae.publish.run.PDF.name).exists()
    results = json.loads((folder / "figures/results.json").read_text())
    assert results["settings"]["epochs"] == FAST["EPOCHS"]
    assert results["settings"]["training_images"] == FAST["TRAIN_SIZE"]


def test_fast_run_has_a_clean_executed_notebook(fast_run, notebook):
    (path,) = fast_run.folder.glob("*.ipynb")
    executed = nbformat.read(path, as_version=4)
    for cell in executed.cells:
        if cell.cell_type == "code":
            assert cell.execution_count
            for output in cell.outputs:
                assert output.output_type not in ("error", "stream"), cell.id
    assert [c.source for c in executed.cells] == [c.source for c in notebook.cells]


def test_fast_run_tells_cell_epoch_losses_and_time_left(fast_run):
    assert re.search(r"cell 1 of \d+ · 0\. ", fast_run.printed)
    losses = r"training 0\.\d+ · validation 0\.\d+ · best 0\.\d+ in epoch 1"
    told = rf"epoch 2 of 2 \(\d+%\) · {losses} · \d+ min \d\d s left"
    assert re.search(told, fast_run.printed)


def test_pretrained_model_for_training(tmp_path, results, notebook, monkeypatch):
    """In part I; the other parts make no difference between the two."""
    part_1 = copy.deepcopy(notebook)
    ids = [cell.id for cell in part_1.cells]
    part_1.cells = part_1.cells[: ids.index("part-2")]
    part_1.cells.append(notebook.cells[ids.index("save")])
    monkeypatch.setattr("dae.publish.run.NOTEBOOK", tmp_path / "part-1.ipynb")
    nbformat.write(part_1, dae.publish.run.NOTEBOOK)
    sizes = {key: FAST[key] for key in FAST if key != "EPOCHS"}
    dae.publish.run.execute(tmp_path, {"PRETRAINED": True, **sizes})
    found = json.loads((tmp_path / "figures/results.json").read_text())
    assert found["training"]["best_epoch"] == results["training"]["best_epoch"]
    for part in ("training", "validation"):  # the same weights, on fewer images
        expected = results["training"][part]["loss"]
        assert found["training"][part]["loss"] == pytest.approx(expected, rel=0.02)
    # 500 test images instead of 10,000: the mean lies within half a decibel
    expected = results["test"]["denoised"]["psnr"]
    assert found["test"]["denoised"]["psnr"] == pytest.approx(expected, abs=0.5)
    assert not (tmp_path / "dae").exists()  # nothing trained, nothing to keep


def test_notebook_with_cells_of_the_readers_own(project, capsys):
    """Empty ones, first, in the middle and last; or one to be skipped."""
    notebook = nbformat.read(dae.publish.run.NOTEBOOK, as_version=4)
    skipped = new_code_cell("1 / 0", metadata={"tags": ["skip-execution"]})
    notebook.cells[:0] = [new_code_cell("")]
    notebook.cells[3:3] = [new_code_cell(""), skipped, new_code_cell("X")]
    notebook.cells += [new_code_cell("\n"), new_code_cell("")]
    nbformat.write(notebook, dae.publish.run.NOTEBOOK)
    assert main([]) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    assert "cell 1 of 3" in printed and "cell 3 of 3 · Title" in printed
    assert (project / "figures/a.txt").read_text() == '{"x": 7}'


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda cells: cells.append(new_markdown_cell(BROKEN)),
            r"cell 4 \(!\[a picture",
        ),
        (lambda cells: cells.pop(0), "Markdown cell that begins with # TITLE"),
        (
            lambda cells: cells[1].metadata.clear(),
            "one cell tagged 'parameters', got 0",
        ),
        (
            lambda cells: cells.append(new_code_cell("", metadata=cells[1].metadata)),
            "one cell tagged 'parameters', got 2",
        ),
    ],
)
def test_notebook_that_cannot_be_published_is_not_run(project, capsys, change, told):
    notebook = nbformat.read(dae.publish.run.NOTEBOOK, as_version=4)
    change(notebook.cells)
    nbformat.write(notebook, dae.publish.run.NOTEBOOK)
    before = contents(project)
    for options in ([], ["--fast"]):
        with pytest.raises(SystemExit) as stop:
            main(options)
        assert stop.value.code == 2
        assert re.search(told, capsys.readouterr().err)
    assert names_in(project / "runs") == []
    assert contents(project) == before


BROKEN = "![a picture](data:image/png;base64,bm90IG9uZQ==)"
PROGRESS = """OUTPUT = "."
from IPython.display import display
line = display({"text/plain": ""}, raw=True, display_id=True)
line.update({"text/plain": "epoch 1 of 2 (5%)"}, raw=True)
"""


def test_terminal_shows_the_running_cell_and_its_progress(project, monkeypatch):
    status = Mock()
    monkeypatch.setattr("dae.publish.run.Console.status", status)
    cell = new_code_cell(PROGRESS, metadata={"tags": ["parameters"]})
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), cell])
    nbformat.write(notebook, dae.publish.run.NOTEBOOK)
    dae.publish.run.execute(project, {})
    label = "cell 1 of 1 · Title"
    update = call().update(f"{label} · epoch 1 of 2 (5%)")
    assert status.mock_calls == [call(label), call().start(), update, call().stop()]


def test_pdf_alone(project, capsys):
    """Built from the executed notebook as it is, and from no other."""
    assert main(["--pdf"]) == 1
    message = capsys.readouterr().err
    assert "must be executed" in message and "python -m dae executes it" in message
    assert not dae.publish.run.PDF.exists()
    nbformat.write(executed_notebook(), dae.publish.run.NOTEBOOK)
    before = dae.publish.run.NOTEBOOK.read_bytes()
    assert main(["--pdf"]) == 0
    assert "Wrote denoising-autoencoder-tutorial.pdf" in capsys.readouterr().out
    assert dae.publish.run.PDF.read_bytes().startswith(b"%PDF")
    assert dae.publish.run.NOTEBOOK.read_bytes() == before


def test_what_is_told_before_any_run(project, capsys):
    """Help; that no run can be resumed; that a benchmark's results are missing."""
    missing = "recipe.json is missing from tests/benchmarks: run tests/benchmarks/rec"
    for readme, options, code, told in (
        ("", ["--help"], 0, ("--fast", "--resume", "--pdf")),
        ("", ["--resume"], 2, ["no interrupted run to resume"]),
        ("1<!-- recipe: ratio d -->", [], 2, [missing]),
    ):
        (project / "README.md").write_text(readme)
        with pytest.raises(SystemExit) as stop:
            main(options)
        assert stop.value.code == code
        text = "".join(capsys.readouterr())
        assert all(words in text for words in told)
    dae.publish.run.NOTEBOOK.unlink()
    with pytest.raises(SystemExit):
        main(["--fast"])
    assert "is missing: run in a clone of the repository" in capsys.readouterr().err


def test_latest_unfinished_run_is_found(project):
    for name in ("1", "2", "3"):
        finished_run(project, name)
    (project / "runs/3/checkpoint.npz").unlink()
    (project / "runs/4.lock").touch()
    assert unfinished_run() == project / "runs/2"


@pytest.mark.parametrize("line", ["EPOCHS = 1", "EPOCHS=1 ", "EPOCHS = 25 * 2 - 1"])
def test_a_run_with_other_settings_is_refused_before_it(project, capsys, line):
    """But for a fast one, which has settings of its own and replaces nothing."""
    notebook = nbformat.read(dae.publish.run.NOTEBOOK, as_version=4)
    notebook.cells[1].source += f"\n{line}"
    nbformat.write(notebook, dae.publish.run.NOTEBOOK)
    before = contents(project)
    with pytest.raises(SystemExit):
        main([])
    assert "EPOCHS = " in (told := capsys.readouterr().err)
    assert "is to replace nothing: set the parameters back" in told
    assert contents(project) == before and names_in(project / "runs") == []
    notebook.cells[1].source = notebook.cells[1].source.replace(line, "EPOCHS = 50")
    nbformat.write(notebook, dae.publish.run.NOTEBOOK)
    assert main([]) == 0


def test_a_run_that_had_other_settings_is_not_published(project, monkeypatch, capsys):
    """As when a cell of the reader's own sets them."""

    def execute(folder, parameters):
        shutil.copytree(finished_run(project), folder, dirs_exist_ok=True)
        shutil.rmtree(project / "runs/1")
        settings = {"epochs": 50, "sigma": 0.3, "test_images": 10_000}
        path = folder / "figures/results.json"
        path.write_text(json.dumps({"x": 7, "settings": settings}))
        return executed_notebook()

    monkeypatch.setattr("dae.publish.run.execute", execute)
    before = contents(project)
    assert main([]) == 1
    told = capsys.readouterr().err
    assert "a run with SIGMA = 0.3 is to replace" in told
    assert "nothing was replaced" in told
    assert contents(project) == before


def test_a_full_run_replaces_the_trained_network(project):
    """By that of its checkpoint, without the optimiser."""
    run, path = finished_run(project), project / "dae/pretrained/denoiser.npz"
    state = load_checkpoint(run / "checkpoint.npz")
    best_weights = [0.5 * weights for weights in state.best_weights]
    state = replace(state, best_weights=best_weights, variables=best_weights)
    save_checkpoint(run / "checkpoint.npz", state)
    publish(executed_notebook(), run)
    published = load_checkpoint(path)
    assert_equal(published.best_weights, best_weights)
    assert published.variables == [] and published.history == state.history


def test_set_parameters_changes_values_and_gives_back_the_source():
    before = "OUTPUT = '.'  # folder\nEPOCHS=50\nRESUME = False; é = 'é'"
    parameters = new_code_cell(before, metadata={"tags": ["parameters"]})
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), parameters])
    assert set_parameters(notebook, {"OUTPUT": "a b", "EPOCHS": 2}) == before
    assert parameter_cell(notebook).source == (
        "OUTPUT = 'a b'  # folder\nEPOCHS=2\nRESUME = False; é = 'é'"
    )
    with pytest.raises(KeyError, match="no parameter EPOCH"):
        set_parameters(notebook, {"EPOCH": 2})


def test_publish_puts_files_and_numbers_in_place(project):
    """Once none of the numbers is missing; no half file of a killed run."""
    notebook, run = executed_notebook(), finished_run(project)
    (run / "figures/.a-0123.txt").write_text("ha")
    notebook.cells[0].source += " It is **1**<!-- results: gone d -->."
    before = contents(project)
    with pytest.raises(KeyError, match="gone"):
        publish(notebook, run)
    assert contents(project) == before
    assert run.exists()
    notebook.cells[0].source = notebook.cells[0].source.replace("gone", "x")
    publish(notebook, run)
    assert names_in(project / "figures") == ["a.txt", "b.txt", "results.json"]
    assert (project / "figures/a.txt").read_text() == "new"
    for readme in (project / "README.md", project / "tests/benchmarks/README.md"):
        assert readme.read_text() == "7<!-- results: x d -->"
    written = nbformat.read(dae.publish.run.NOTEBOOK, as_version=4)
    assert "It is **7**<!-- results: x d -->." in written.cells[0].source
    assert dae.publish.run.PDF.read_bytes().startswith(b"%PDF")
    assert names_in(project / "runs") == []


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_replaces_nothing(tmp_path, request_to_stop):
    before, env = listing(ROOT), environment(ROOT, TMPDIR=str(tmp_path))
    process = start_python("-m", "dae", "--fast", env=env)
    assert "cell 1 of" in process.stdout.readline()
    process.send_signal(request_to_stop)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The run stopped; nothing was replaced. No epoch was kept." in error
    assert "Traceback" not in error
    assert listing(ROOT) == before
    assert list(tmp_path.glob("dae-fast-*")) == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "The kernel died"),
        ("raise ValueError('sigma is odd')", "sigma is odd"),
    ],
)
def test_dying_kernel_replaces_nothing(project, capsys, source, told):
    notebook = nbformat.read(dae.publish.run.NOTEBOOK, as_version=4)
    notebook.cells.insert(2, new_code_cell(source, id="ends"))
    nbformat.write(notebook, dae.publish.run.NOTEBOOK)
    before = contents(project)
    assert main([]) == 1
    assert names_in(project / "runs") == []
    error = capsys.readouterr().err
    assert told in error
    assert "The run stopped; nothing was replaced. No epoch was kept." in error
    assert contents(project) == before


def test_package_names_no_machine():
    for path in [*Path(dae.__file__).parent.rglob("*.py"), ROOT / "README.md"]:
        assert not re.search(r"/(home|root|tmp|work|Users)/", path.read_text())
