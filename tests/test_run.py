"""``python -m dae``: the fast run, its safety, and how parts are put into place."""

import copy
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, tree_state
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import dae.press.run
from dae.__main__ import FAST, main
from dae._files import written_whole
from dae.press.run import parameter_cell, publish, set_parameters, unfinished_run


def test_fast_run_touches_nothing_committed(fast_run):
    assert tree_state() == fast_run.tree_before


def test_fast_run_makes_everything_the_full_run_makes(fast_run):
    folder = fast_run.folder
    made = {path.name for path in (folder / "figures").iterdir()}
    assert made == {path.name for path in (ROOT / "figures").iterdir()}
    assert (folder / "dae/pretrained/denoiser.keras").exists()
    assert (folder / dae.press.run.PDF.name).exists()
    results = json.loads((folder / "figures/results.json").read_text())
    assert results["settings"]["epochs"] == FAST["EPOCHS"]
    assert results["settings"]["training_images"] == FAST["TRAIN_SIZE"]


def test_fast_run_has_a_clean_executed_notebook(fast_run):
    folder = fast_run.folder
    (path,) = folder.glob("*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count
            for output in cell.outputs:
                assert output.output_type not in ("error", "stream"), cell.id
    committed = nbformat.read(dae.press.run.NOTEBOOK, as_version=4)
    assert [c.source for c in notebook.cells] == [c.source for c in committed.cells]


def test_fast_run_tells_cell_epoch_losses_and_time_left(fast_run):
    printed = fast_run.printed
    assert re.search(r"cell 1 of \d+ · 0\. ", printed)
    assert re.search(
        r"epoch 2 of 2 \(\d+%\) · training 0\.\d+ · validation 0\.\d+ · "
        r"best 0\.\d+ in epoch 1 · \d+ min \d\d s left",
        printed,
    )


def test_pretrained_model_can_take_the_place_of_training(
    tmp_path, results, notebook, monkeypatch
):
    """In part I; the other parts make no difference between the two."""
    part_1 = copy.deepcopy(notebook)
    ids = [cell.id for cell in part_1.cells]
    part_1.cells = part_1.cells[: ids.index("part-2")]
    part_1.cells.append(notebook.cells[ids.index("save")])
    monkeypatch.setattr("dae.press.run.NOTEBOOK", tmp_path / "part-1.ipynb")
    nbformat.write(part_1, dae.press.run.NOTEBOOK)
    sizes = {key: FAST[key] for key in FAST if key != "EPOCHS"}
    dae.press.run.execute(tmp_path, {"PRETRAINED": True, **sizes})
    found = json.loads((tmp_path / "figures/results.json").read_text())
    for key in ("best_epoch", "val_loss", "train_loss"):  # from the shipped history
        assert found["training"][key] == results["training"][key]
    # 500 test images instead of 10,000: the mean lies within half a decibel
    expected = results["test"]["denoised"]["psnr"]
    assert found["test"]["denoised"]["psnr"] == pytest.approx(expected, abs=0.5)
    assert not (tmp_path / "dae").exists()  # nothing trained, nothing to keep


def test_pdf_alone(project, capsys):
    """Built from the executed notebook as it is."""
    notebook = tiny_notebook()
    notebook.cells[0].source = "# Title\n\nThe abstract."
    notebook.cells[1].execution_count = 1
    nbformat.write(notebook, dae.press.run.NOTEBOOK)
    before = dae.press.run.NOTEBOOK.read_bytes()
    assert main(["--pdf"]) == 0
    assert "Renewed denoising-autoencoder-tutorial.pdf" in capsys.readouterr().out
    assert dae.press.run.PDF.read_bytes().startswith(b"%PDF")
    assert dae.press.run.NOTEBOOK.read_bytes() == before


def test_pdf_of_a_notebook_that_was_not_executed(project, capsys):
    nbformat.write(tiny_notebook(), dae.press.run.NOTEBOOK)
    assert main(["--pdf"]) == 1
    message = capsys.readouterr().err
    assert "must be executed" in message and "python -m dae executes it" in message
    assert not dae.press.run.PDF.exists()


def test_help_explains_itself(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "--fast" in text
    assert "--resume" in text


def test_resume_without_a_broken_run(capsys, project):
    nbformat.write(tiny_notebook(), dae.press.run.NOTEBOOK)
    with pytest.raises(SystemExit):
        main(["--resume"])
    assert "no interrupted run to resume" in capsys.readouterr().err


def test_latest_unfinished_run_is_found(monkeypatch, tmp_path):
    monkeypatch.setattr("dae.press.run.ROOT", tmp_path)
    for name, file in (("1", "checkpoint.npz"), ("2", "checkpoint.npz"), ("3", "x")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / file).touch()
    assert unfinished_run() == tmp_path / "runs" / "2"


def tiny_notebook(source="OUTPUT = '.'  # folder\nEPOCHS = 50\nRESUME = False"):
    parameters = new_code_cell(source, metadata={"tags": ["parameters"]})
    return new_notebook(cells=[new_markdown_cell("# Title"), parameters])


def test_set_parameters_changes_values_and_gives_back_the_source():
    notebook = tiny_notebook()
    before = set_parameters(notebook, {"OUTPUT": "a b", "EPOCHS": 2})
    assert parameter_cell(notebook).source == (
        "OUTPUT = 'a b'  # folder\nEPOCHS = 2\nRESUME = False"
    )
    assert before == tiny_notebook().cells[1].source
    with pytest.raises(KeyError, match="no parameter EPOCH"):
        set_parameters(notebook, {"EPOCH": 2})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project to publish into, and what a run has made for it."""
    root, run = tmp_path / "root", tmp_path / "run"
    for name in ("ROOT", "NOTEBOOK", "README", "PDF"):
        path = root / getattr(dae.press.run, name).relative_to(ROOT)
        monkeypatch.setattr(dae.press.run, name, path)
    for folder in (root / "figures", root / "tests/benchmarks", run / "figures"):
        folder.mkdir(parents=True)
    (root / "figures/a.png").write_bytes(b"old")
    dae.press.run.README.write_text("1<!-- results: x d -->")
    (root / "tests/benchmarks/README.md").write_text("2<!-- results: x d -->")
    (run / "figures/a.png").write_bytes(b"new")
    (run / "figures/results.json").write_text('{"x": 7}')
    return root, run


def test_publish_puts_files_and_numbers_in_place(project):
    root, run = project
    notebook = tiny_notebook()
    notebook.cells[0].source = "# Title\n\nIt is **1**<!-- results: x d -->."
    notebook.cells[1].execution_count = 1
    publish(notebook, run)
    assert (root / "figures/a.png").read_bytes() == b"new"
    for readme in (dae.press.run.README, root / "tests/benchmarks/README.md"):
        assert readme.read_text() == "7<!-- results: x d -->"
    written = nbformat.read(dae.press.run.NOTEBOOK, as_version=4)
    assert "It is **7**<!-- results: x d -->." in written.cells[0].source
    assert dae.press.run.PDF.read_bytes().startswith(b"%PDF")
    assert not run.exists()


def test_publish_replaces_nothing_if_a_number_is_missing(project):
    root, run = project
    notebook = tiny_notebook()
    notebook.cells[0].source = "# Title\n\n1<!-- results: gone d -->"
    with pytest.raises(KeyError, match="gone"):
        publish(notebook, run)
    assert (root / "figures/a.png").read_bytes() == b"old"
    assert run.exists()


def test_missing_benchmark_is_told_before_the_run(project, capsys):
    nbformat.write(tiny_notebook(), dae.press.run.NOTEBOOK)
    dae.press.run.README.write_text("1<!-- recipe: ratio d -->")
    with pytest.raises(SystemExit):
        main([])
    message = "recipe.json is missing from tests/benchmarks: run tests/benchmarks/rec"
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_replaces_nothing_and_says_so(tmp_path, request_to_stop):
    before = tree_state()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "dae", "--fast"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "cell 1 of" in process.stdout.readline()
    process.send_signal(request_to_stop)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The run stopped; nothing was replaced. No epoch was kept." in error
    assert "Traceback" not in error
    assert tree_state() == before
    assert list(tmp_path.glob("dae-fast-*")) == []


def test_dying_kernel_stops_the_run_and_replaces_nothing(project, capsys):
    root, _ = project
    notebook = tiny_notebook()
    ending = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    notebook.cells.append(new_code_cell(ending))
    nbformat.write(notebook, dae.press.run.NOTEBOOK)
    before = dae.press.run.NOTEBOOK.read_bytes()
    assert main([]) == 1
    assert list((root / "runs").iterdir()) == []
    error = capsys.readouterr().err
    assert "The kernel died" in error and "nothing was replaced" in error
    assert dae.press.run.NOTEBOOK.read_bytes() == before
    assert (root / "figures/a.png").read_bytes() == b"old"


def test_failing_cell_stops_the_run_and_replaces_nothing(project, capsys):
    root, _ = project
    notebook = tiny_notebook()
    notebook.cells.append(new_code_cell("raise ValueError('sigma is odd')"))
    nbformat.write(notebook, dae.press.run.NOTEBOOK)
    before = dae.press.run.NOTEBOOK.read_bytes()
    assert main([]) == 1
    assert list((root / "runs").iterdir()) == []
    error = capsys.readouterr().err
    assert "sigma is odd" in error
    assert "nothing was replaced" in error
    assert dae.press.run.NOTEBOOK.read_bytes() == before
    assert (root / "figures/a.png").read_bytes() == b"old"


def test_written_whole_replaces_or_leaves(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with written_whole(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
        assert temporary.suffix == ".txt"
    assert path.read_text() == "one"
    with pytest.raises(ZeroDivisionError), written_whole(path) as second:
        second.write_text(f"tw{1 / 0}")
    assert path.read_text() == "one"
    assert list(path.parent.iterdir()) == [path]


def test_loading_and_denoising_need_no_network(monkeypatch, mnist):
    def refuse(*args, **kwargs):
        raise AssertionError("network used")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    dae.load_mnist()
    dae.denoise(dae.load_denoiser(), mnist[1][0][:2])


def test_package_names_no_machine():
    for path in [*Path(dae.__file__).parent.rglob("*.py"), ROOT / "README.md"]:
        assert not re.search(r"/(home|root|tmp|work|Users)/", path.read_text())
