"""Execute the notebook in a kernel of its own, and put what it made into place."""

import ast
import asyncio
import atexit
import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import nbformat
from filelock import FileLock, Timeout
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from rich.console import Console

from dae._files import written_whole
from dae.notebook import WIDGET
from dae.publish.edition import is_run
from dae.publish.live import Live
from dae.publish.numbers import MARK, look_up, update_numbers
from dae.publish.page import build_page, to_page
from dae.publish.pdf import build_pdf
from dae.publish.transaction import write_all
from dae.results import turned_knobs

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "denoising-autoencoder-tutorial.ipynb"
PDF = NOTEBOOK.with_suffix(".pdf")
PAGE = NOTEBOOK.with_suffix(".html")
README = ROOT / "README.md"
PRETRAINED = "dae/pretrained/denoiser.npz"
SETTINGS = {  # what results call the parameters
    "epochs": "EPOCHS",
    "sigma": "SIGMA",
    "seed": "SEED",
    "training_images": "TRAIN_SIZE",
    "validation_images": "VAL_SIZE",
    "test_images": "TEST_SIZE",
}
CHECKPOINT, LOG = "checkpoint.npz", "kernel.log"


class ReportingClient(NotebookClient):
    """A notebook client that says in the terminal which cell is running.

    The notebook's own progress line, which it renews while training, is shown too.
    """

    def __init__(self, notebook: nbformat.NotebookNode, **options):
        super().__init__(notebook, **options)
        self.console = Console(highlight=False)
        self.on_cell_start = self._announce
        self.on_cell_executed = self._finish
        self.started = None  # no cell yet

    def _announce(self, cell, cell_index: int) -> None:
        with suppress(NotImplementedError):  # Windows has no such handlers
            # nbclient's own would end in errors of its insides; without them, Ctrl-C
            # and a request to terminate are a KeyboardInterrupt
            for request in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().remove_signal_handler(request)
                signal.signal(request, signal.default_int_handler)
        code = [i for i, c in enumerate(self.nb.cells) if is_run(c)]
        if cell_index in code:
            heading = _heading_above(self.nb, cell_index)
            number = code.index(cell_index) + 1
            self.label = f"cell {number} of {len(code)} · {heading}"
            self.status = self.console.status(self.label)
            self.status.start()
            self.started, self.epoch = time.monotonic(), ""

    def abandon(self) -> None:
        """Stop the kernel at once, after an interrupt, and keep nbclient from it."""
        atexit.unregister(self._cleanup_kernel)
        if self.started:
            self.status.stop()
        if self.km is not None and self.km.has_kernel:  # else nbclient was first
            self.km.provisioner.process.kill()

    def _finish(self, cell, cell_index: int, execute_reply) -> None:
        self.status.stop()
        self.console.print(f"{self.label} · {time.monotonic() - self.started:.1f} s")

    def process_message(self, msg, cell, cell_index):
        """Show the progress line, and leave the rest to nbclient."""
        if msg["msg_type"] == "update_display_data":
            text = msg["content"]["data"].get("text/plain", "")
            self.status.update(f"{self.label} · {text}")
            epoch = text.split(" (")[0]
            if epoch != self.epoch and not self.console.is_terminal:
                self.console.print(f"  {text}", soft_wrap=True)
            self.epoch = epoch
        return super().process_message(msg, cell, cell_index)


def set_parameters(notebook: nbformat.NotebookNode, parameters: dict) -> str:
    """Change values in the cell tagged ``parameters``, in place.

    Parameters
    ----------
    notebook : NotebookNode
    parameters : dict
        New values by name; each name must be assigned in that cell already.

    Returns
    -------
    str
        The source of the cell as it was.

    Raises
    ------
    KeyError
        If the cell does not assign one of the names.
    """
    cell = parameter_cell(notebook)
    before = cell.source
    lines = cell.source.splitlines()
    for name, value in parameters.items():
        if name not in (found := assignments(cell)):
            raise KeyError(f"the notebook has no parameter {name}")
        old = found[name]
        line = lines[old.lineno - 1].encode()  # places are counted in bytes
        new = line[: old.col_offset] + repr(value).encode() + line[old.end_col_offset :]
        lines[old.lineno - 1] = new.decode()
        cell.source = "\n".join(lines)
    return before


def assignments(cell: nbformat.NotebookNode) -> dict[str, ast.expr]:
    """Return what a cell assigns to single names, each on one line, by the names."""
    try:
        module = ast.parse(cell.source)
    except SyntaxError as error:
        raise ValueError(f"the cell of parameters is no Python: {error}") from error
    found = {}
    for node in module.body:
        if not isinstance(node, ast.Assign) or len(node.targets) > 1:
            continue
        (target,), value = node.targets, node.value
        if isinstance(target, ast.Name) and value.lineno == value.end_lineno:
            found[target.id] = value
    return found


def check_full_run() -> None:
    """Make sure that the notebook is set to the run that the text tells of.

    Raises
    ------
    ValueError
        If one of its parameters has another value: what such a run makes must not
        replace what is committed.
    """
    cell = parameter_cell(nbformat.read(NOTEBOOK, as_version=4))
    found, given = assignments(cell), {}
    names = [node for node in ast.walk(ast.parse(cell.source)) if is_bound(node)]
    for name in (node.id for node in names):
        try:
            given[name] = ast.literal_eval(found[name])
        except (KeyError, ValueError):
            given[name] = "..."  # a formula, or bound in another way
    refuse_other_settings(given)


def is_bound(node: ast.AST) -> bool:
    """Whether a part of a program gives a name a value, in whatever way."""
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def refuse_other_settings(parameters: dict) -> None:
    """Raise a ValueError if parameters are not those of the full run."""
    if turned := turned_knobs(parameters):
        told = ", ".join(f"{name} = {value}" for name, value in sorted(turned.items()))
        raise ValueError(
            f"a run with {told} is to replace nothing: set the parameters back, or run "
            "the notebook in Jupyter or with papermill, and find its files in scratch"
        )


def parameter_cell(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the one cell tagged ``parameters``.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    found = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(found) != 1:
        raise ValueError(
            f"the notebook must have one cell tagged 'parameters', got {len(found)}; "
            f"'git checkout -- {NOTEBOOK.name}' brings the original back"
        )
    return found[0]


def execute(folder: Path, parameters: dict) -> nbformat.NotebookNode:
    """Run the notebook in a fresh kernel, with all that it writes under a folder.

    Parameters
    ----------
    folder : Path
        Exists. Gets the figures, the results, the model and the executed notebook.
    parameters : dict
        Values for the notebook's parameters.

    Returns
    -------
    NotebookNode
        Executed; its parameters as they are in the committed file.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    nbclient.exceptions.DeadKernelError
        If the kernel dies; before the first cell, if two more do so as well.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    before = set_parameters(notebook, {"OUTPUT": str(folder), **parameters})
    client = ReportingClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        # errors only; and what native code says goes to the log at once
        extra_arguments=["--log-level=40", "--IPKernelApp.capture_fd_output=False"],
        store_widget_state=False,
        resources={"metadata": {"path": str(ROOT)}},
    )
    try:
        for attempts_left in (2, 1, 0):
            try:
                with open(folder / LOG, "wb") as said:
                    others = {"DAE_KERNEL_LOG": LOG, "PYTHONFAULTHANDLER": "1"}
                    client.execute(stderr=said, env={**os.environ, **others})
                break
            except RuntimeError as error:
                atexit.unregister(client._cleanup_kernel)  # there is none left
                if client.started and not isinstance(error, DeadKernelError):
                    raise
                if client.started or not attempts_left:
                    raise DeadKernelError(why_it_died(folder / LOG)) from error
                # perhaps another process has taken its ports: start another one
    except KeyboardInterrupt:
        client.abandon()
        raise
    parameter_cell(notebook).source = before
    remove_widgets(notebook)
    with written_whole(folder / NOTEBOOK.name) as temporary:
        nbformat.write(notebook, temporary)
    return notebook


def why_it_died(log: Path) -> str:
    """Say what a kernel last wrote to its log before it died, and what to look at."""
    said = log.read_text(encoding="utf-8", errors="replace")
    frames = re.compile(r'^(  File ".*|(Thread|Current thread) 0x.*|)\n', flags=re.M)
    said = frames.sub("", said).strip()[-2_000:]
    if re.search("AVX|illegal instruction", said, flags=re.IGNORECASE):
        cause = "TensorFlow and NumPy need a processor with AVX: has this one none?"
    else:
        cause = "was there too little memory?"
    last = f" It last said:\n{said}" if said else ""
    return f"The kernel died: {cause}{last}"


def remove_widgets(notebook: nbformat.NotebookNode) -> None:
    """Leave the pictures that stand in for widgets, which died with the kernel."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)


def benchmark_results() -> dict[str, dict]:
    """Return what the benchmark scripts last measured, by the name of the script."""
    paths = (ROOT / "tests/benchmarks").glob("*.json")
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def readmes() -> list[Path]:
    """Return the texts beside the notebook that quote results."""
    return [README, *(ROOT / "tests/benchmarks").glob("README.md")]


def check_marks() -> None:
    """Make sure, before hours of work, that every mark can be filled after it.

    Raises
    ------
    KeyError
        If the notebook or a README quotes a benchmark that has no results.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    sources = benchmark_results()
    texts = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    for text in [*texts, *(path.read_text(encoding="utf-8") for path in readmes())]:
        for mark in MARK.finditer(text):
            if mark["source"] == "results":
                continue
            if mark["source"] not in sources:
                raise KeyError(
                    f"{mark['source']}.json is missing from tests/benchmarks: run "
                    f"tests/benchmarks/{mark['source']}.py first"
                )
            look_up(sources[mark["source"]], mark["key"])


def check_notebook() -> None:
    """Make sure, before any cell is run, that the notebook can be run and printed.

    Raises
    ------
    ValueError
        If it cannot be read, has no cell of parameters, or a cell that an edition
        cannot show.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    parameter_cell(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":  # as if it had been run, with no output
            cell.execution_count, cell.outputs = 1, []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        build_pdf(notebook, Path(folder, PDF.name))
    to_page(notebook, Live("", "", ""))


def build_editions(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Build the editions of an executed notebook in the folder of its run.

    Raises
    ------
    ValueError
        If one cannot be built.
    """
    build_pdf(notebook, folder / PDF.name)
    model = folder / CHECKPOINT  # the page runs the network of this run
    build_page(notebook, folder / PAGE.name, model if model.exists() else None)


def check_folders() -> None:
    """Make sure, before the run, that its outcome can be put into place.

    Raises
    ------
    PermissionError
        If one of the folders to write to is not writable.
    """
    for name in ("", "runs", "figures", "dae/pretrained", "tests/benchmarks"):
        folder = ROOT / name
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(
                f"{folder} is not writable: make it so, or run with --fast, which "
                "writes to a temporary folder"
            )


def publish(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Put the outcome of a full run into place, and clean up.

    Each file is whole at every moment; if one cannot be written, none is replaced, or
    it is said which.

    Parameters
    ----------
    notebook : NotebookNode
        As `execute` returned it. The marked numbers in its prose, and in the
        READMEs, are renewed from the run's results, and the editions are built.
    folder : Path
        Where the run wrote; deleted at the end, if it can be.

    Raises
    ------
    ValueError
        If the run had other settings than the full run.
    """
    results = json.loads((folder / "figures/results.json").read_text("utf-8"))
    settings = results.get("settings", {})  # of the run, whatever the first cell says
    named = {SETTINGS[key]: value for key, value in settings.items()}
    refuse_other_settings(named)
    sources = {"results": results, **benchmark_results()}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = update_numbers(cell.source, sources)
    texts = {
        path: update_numbers(path.read_text(encoding="utf-8"), sources)
        for path in readmes()
    }
    notebook.metadata["date"] = time.strftime("%Y-%m-%d")
    build_editions(notebook, folder)
    keep_trained_network(folder)

    patterns = ("figures/*", "dae/pretrained/*", PDF.name, PAGE.name)
    paths = [path for pattern in patterns for path in folder.glob(pattern)]
    contents = {
        ROOT / path.relative_to(folder): path.read_bytes()
        for path in paths
        if not path.name.startswith(".")  # half a file that a killed run has left
    } | {path: text.encode() for path, text in texts.items()}
    written = nbformat.writes(notebook) + "\n"
    write_all(contents | {NOTEBOOK: written.encode()})
    shutil.rmtree(folder, ignore_errors=True)  # the run has succeeded all the same


def keep_trained_network(folder: Path) -> None:
    """Write what the package is to load: a run's checkpoint without its optimiser."""
    from dae.checkpoint import load_checkpoint, write_checkpoint  # starts TensorFlow

    finished = load_checkpoint(folder / CHECKPOINT)
    write_checkpoint(folder / PRETRAINED, replace(finished, variables=[]))


def unfinished_run() -> Path | None:
    """Return the folder of the latest full run that left a checkpoint, if any."""
    folders = [path.parent for path in (ROOT / "runs").glob(f"*/{CHECKPOINT}")]
    return max(folders, default=None)


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Keep other processes from going on with a run that is not over.

    The lock is a file beside the folder, so that the folder can be deleted at the
    end. A process that is killed frees it.

    Parameters
    ----------
    folder : Path
        Where the run writes.

    Yields
    ------
    None
        While the run is this process's.

    Raises
    ------
    BlockingIOError
        If another process has it.
    """
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise BlockingIOError(
            f"the last run, in {folder}, is still going on in another process: wait "
            "for its end"
        ) from error
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        with suppress(OSError):  # Windows has none of it while it is open
            os.remove(lock.lock_file)
        with suppress(OSError):
            lock.release()


def _heading_above(notebook: nbformat.NotebookNode, index: int) -> str:
    above = "\n".join(
        cell.source for cell in notebook.cells[:index] if cell.cell_type == "markdown"
    )
    headings = re.findall(r"^##? (.+)$", above, flags=re.M)
    return headings[-1] if headings else ""
