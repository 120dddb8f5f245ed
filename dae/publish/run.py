"""Execute the notebook in a kernel of its own, and put what it made into place."""

import ast
import asyncio
import atexit
import copy
import json
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import nbformat
from filelock import FileLock, Timeout
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from rich.console import Console

from dae._files import written_whole
from dae.notebook import WIDGET
from dae.publish import numbers, plan
from dae.publish.edition import ROOT, is_run
from dae.publish.handout import check_ids
from dae.publish.live import Live
from dae.publish.page import build_page, to_page
from dae.publish.pdf import build_pdf
from dae.publish.transaction import write_all
from dae.results import turned_knobs

NOTEBOOK = ROOT / "denoising-autoencoder-tutorial.ipynb"
PDF = NOTEBOOK.with_suffix(".pdf")
PAGE = NOTEBOOK.with_suffix(".html")
README = ROOT / "README.md"
RESULTS = "figures/results.json"
PRETRAINED = "dae/pretrained/denoiser.npz"
CHECKPOINT, LOG, LOCK = "checkpoint.npz", "kernel.log", "runs.lock"


# --- before: one gate for whatever replaces committed files


def check_publishing(notebook: NotebookNode, runs: bool) -> None:
    """Make sure, before a cell is run or a file replaced, that all can be published.

    Parameters
    ----------
    notebook : NotebookNode
        Stays as it is.
    runs : bool
        Whether a run is to renew the results; if not, those that are committed must
        have all that the text quotes.

    Raises
    ------
    KeyError, OSError, RuntimeError, ValueError
        If its parameters are not those of the full run, a folder cannot be written to,
        a number has no result, a link no target, an exercise no solution, or a cell
        cannot be shown.
    """
    check_ids(notebook)
    check_full_run(notebook)
    check_folders()
    check_results(notebook, runs)
    notebook = copy.deepcopy(notebook)
    numbers.renumber(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":  # as if it had been run, without an output
            cell.execution_count, cell.outputs = 1, []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        build_pdf(notebook, Path(folder, PDF.name))
    to_page(notebook, Live("", "", ""))


def check_full_run(notebook: NotebookNode) -> None:
    """Make sure that the notebook is set to the run that the text tells of.

    Raises
    ------
    ValueError
        If a cell gives one of its parameters another value, or one that is computed.
    """
    parameter_cell(notebook)
    turned = {}
    for cell in filter(is_run, notebook.cells):
        code = TransformerManager().transform_cell(cell.source)  # magics are no Python
        for statement in ast.parse(code, f"cell {cell.id}").body:
            turned |= turned_knobs(bound_values(statement))
    if turned:
        told = ", ".join(f"{name} = {value}" for name, value in sorted(turned.items()))
        remedy = "set the parameters back, or run the notebook in Jupyter: see scratch"
        raise ValueError(f"a run with {told} is to replace nothing: {remedy}")


def bound_values(statement: ast.stmt) -> dict[str, object]:
    """Return the names that a statement binds, each with its value if that is plain."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    plain = isinstance(getattr(statement, "value", None), ast.Constant)
    value = statement.value.value if plain else "..."
    return {name.id: value for name in names if isinstance(name.ctx, ast.Store)}


def parameter_cell(notebook: NotebookNode) -> NotebookNode:
    """Return the one cell tagged ``parameters``.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    found = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(found) != 1:
        told = "the notebook must have one cell tagged 'parameters'"
        raise ValueError(f"{told}, got {len(found)}")
    return found[0]


def check_folders() -> None:
    """Raise a PermissionError if a folder to write to is not writable."""
    for name in ("", "runs", "figures", "dae/pretrained", "tests/benchmarks"):
        folder = ROOT / name
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            told = "make it so, or run with --fast, which writes to a temporary folder"
            raise PermissionError(f"{folder} is not writable: {told}")


def check_results(notebook: NotebookNode, runs: bool) -> None:
    """Raise a KeyError if a number or a claim in the texts has no result."""
    sources = {"plan": plan.minutes(notebook), **benchmark_results()}
    if not runs:  # or else nobody knows yet what they will be
        sources["results"] = read_json(ROOT / RESULTS)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    texts += [path.read_text(encoding="utf-8") for path in readmes()]
    for source, key in (pair for text in texts for pair in quoted(text)):
        if source in sources:
            numbers.look_up(sources[source], key)
        elif source != "results":
            told = f"tests/benchmarks/{source}.json is missing: run {source}.py there"
            raise KeyError(told)


def quoted(text: str) -> Iterator[tuple[str, str]]:
    """Yield the source and the key of each result that a text makes use of."""
    for mark in numbers.MARK.finditer(text):
        yield mark["source"], mark["key"]
    for _, claim in numbers.claims_in(text):
        for source, key, plain in numbers.KEY.findall(claim):
            yield source or "results", key or plain


# --- a run


class ReportingClient(NotebookClient):
    """A notebook client that says in the terminal which cell is running.

    The notebook's own progress line, which it renews while training, is shown too.
    """

    def __init__(self, notebook: NotebookNode, **options):
        super().__init__(notebook, **options)
        self.status = Console(highlight=False).status("The kernel starts")
        self.on_cell_execute, self.on_cell_executed = self.announce, self.finish

    async def async_start_new_kernel(self, **options) -> None:
        """Start it; from then on, a request to stop is a KeyboardInterrupt."""
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # Windows has no such handlers
            for request in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(request)  # nbclient's
                signal.signal(request, signal.default_int_handler)
        # what an interrupt leaves of nbclient's tasks has nothing to say
        loop.set_exception_handler(lambda *_: None)
        await super().async_start_new_kernel(**options)

    def announce(self, cell: NotebookNode, cell_index: int) -> None:
        """Show the place of a cell that begins to run."""
        number, count = self.code_cells_executed + 1, sum(map(is_run, self.nb.cells))
        above = [c.source for c in self.nb.cells[:cell_index] if "outputs" not in c]
        headings = re.findall(r"^##? (.+)$", "\n".join(above), flags=re.M)
        self.label = f"cell {number} of {count} · {headings[-1] if headings else ''}"
        self.status.update(self.label)
        self.begun, self.epoch = time.monotonic(), ""

    def finish(self, cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        """Say how long a cell took."""
        seconds = time.monotonic() - self.begun
        self.status.console.print(f"{self.label} · {seconds:.1f} s")

    def process_message(self, msg: dict, cell: NotebookNode, cell_index: int):
        """Show the progress line, and leave the rest to nbclient."""
        if msg["msg_type"] == "update_display_data":
            text = msg["content"]["data"].get("text/plain", "")
            self.status.update(f"{self.label} · {text}")
            epoch = text.split(" (")[0]
            if epoch != self.epoch and not self.status.console.is_terminal:
                self.status.console.print(f"  {text}", soft_wrap=True)
            self.epoch = epoch
        return super().process_message(msg, cell, cell_index)


def set_parameters(notebook: NotebookNode, parameters: dict) -> str:
    """Give parameters other values, at the end of their cell, in place.

    Parameters
    ----------
    notebook : NotebookNode
    parameters : dict
        New values by name; the cell must have each name already.

    Returns
    -------
    str
        The source of the cell as it was.

    Raises
    ------
    KeyError
        If the cell does not have one of the names.
    """
    cell = parameter_cell(notebook)
    before = cell.source
    for name, value in parameters.items():
        if not re.search(rf"^{name}\b", before, flags=re.M):
            raise KeyError(f"the notebook has no parameter {name}")
        cell.source += f"\n{name} = {value!r}"
    return before


def execute(folder: Path, parameters: dict) -> NotebookNode:
    """Run the notebook in a fresh kernel, with all that it writes under a folder.

    Parameters
    ----------
    folder : Path
        Exists. Gets the figures, the results, the model and, at last, the executed
        notebook.
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
        If the kernel dies, with what it last said.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    before = set_parameters(notebook, {"OUTPUT": str(folder), **parameters})
    options = {"kernel_name": "python3", "shutdown_kernel": "immediate"}
    options |= {"timeout": None, "record_timing": False, "store_widget_state": False}
    # errors only; and what native code says goes to the log at once
    told = ["--log-level=40", "--IPKernelApp.capture_fd_output=False"]
    client = ReportingClient(notebook, extra_arguments=told, **options)
    others = {"DAE_KERNEL_LOG": LOG, "PYTHONFAULTHANDLER": "1"}
    kernel = {"cwd": str(ROOT), "env": os.environ | others}
    try:
        with open(folder / LOG, "wb") as said, client.status:
            # which, unlike `execute`, stops the kernel after an interrupt
            asyncio.run(client.async_execute(stderr=said, **kernel))
    except RuntimeError as error:
        atexit.unregister(client._cleanup_kernel)  # nbclient's; there is none left
        raise DeadKernelError(why_it_died(error, folder / LOG)) from error
    parameter_cell(notebook).source = before
    remove_widgets(notebook)
    with written_whole(folder / NOTEBOOK.name) as temporary:
        nbformat.write(notebook, temporary)
    return notebook


def why_it_died(error: RuntimeError, log: Path) -> str:
    """Say what a kernel last wrote to its log before it died, and what to look at."""
    said = log.read_text(encoding="utf-8", errors="replace").splitlines()
    frames = ("  File", "Thread", "Current thread")  # of the Python code that ran
    said = "\n".join(line for line in said if not line.startswith(frames))
    causes = "too little memory, or, if it speaks of AVX or an illegal instruction, "
    causes += "a processor that TensorFlow and NumPy do not know?"
    return f"{error}: {causes} It last said:\n{said.strip()[-2_000:] or 'nothing'}"


def remove_widgets(notebook: NotebookNode) -> None:
    """Leave the pictures that stand in for widgets, which died with the kernel."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)


def unfinished_run() -> Path:
    """Return the folder of the latest full run that left a checkpoint.

    Raises
    ------
    ValueError
        If there is none.
    """
    folders = [path.parent for path in (ROOT / "runs").glob(f"*/{CHECKPOINT}")]
    if not folders:
        raise ValueError("no interrupted run to resume; run without --resume")
    return max(folders)


def executed_before(notebook: NotebookNode, folder: Path) -> bool:
    """Give a notebook the outputs of a run that got to its end but not into place.

    Parameters
    ----------
    notebook : NotebookNode
        Its prose may have changed since then.
    folder : Path
        Where the run wrote.

    Returns
    -------
    bool
        False if the run has not got to its end, or the notebook has other code now.
    """
    if not (folder / NOTEBOOK.name).exists():
        return False
    done = nbformat.read(folder / NOTEBOOK.name, as_version=4)
    ours, theirs = ([c for c in n.cells if "outputs" in c] for n in (notebook, done))
    same = [cell.source for cell in ours] == [cell.source for cell in theirs]
    for cell, executed in zip(ours, theirs, strict=False) if same else ():
        cell.update(executed)
    return same


def claim(folder: Path) -> FileLock:
    """Keep other processes from going on with a run that is not over.

    Parameters
    ----------
    folder : Path
        Where the run writes.

    Returns
    -------
    FileLock
        To be released at the end; a process that is killed releases it, too.

    Raises
    ------
    BlockingIOError
        If another process has it.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        told = "is still going on in another process: wait for its end"
        raise BlockingIOError(f"the last run, in {folder}, {told}") from error
    except OSError:  # a file system without locks
        pass
    return lock


# --- after it


def read_json(path: Path) -> dict:
    """Read results."""
    return json.loads(path.read_text(encoding="utf-8"))


def benchmark_results() -> dict[str, dict]:
    """Return what the benchmark scripts last measured, by the name of the script."""
    paths = (ROOT / "tests/benchmarks").glob("*.json")
    return {path.stem: read_json(path) for path in paths}


def readmes() -> list[Path]:
    """Return the texts beside the notebook that quote results."""
    return [README, *(ROOT / "tests/benchmarks").glob("README.md")]


def build_editions(notebook: NotebookNode, folder: Path) -> None:
    """Build the editions of an executed notebook in the folder of its run.

    Raises
    ------
    ValueError
        If one cannot be built.
    """
    build_pdf(notebook, folder / PDF.name, files=folder)
    # the page has the network of this run
    build_page(notebook, folder / PAGE.name, folder / CHECKPOINT, files=folder)


def renewed(notebook: NotebookNode, folder: Path) -> dict[Path, bytes]:
    """Renew the counts and the plan of a notebook, and the marked numbers, in place.

    Parameters
    ----------
    notebook : NotebookNode
    folder : Path
        With the results.

    Returns
    -------
    dict of Path to bytes
        The notebook's file, which is the last to be replaced, as what is not in place
        can be made of it; and the READMEs.
    """
    numbers.renumber(notebook)
    plan.renew(notebook)
    sources = {"results": read_json(folder / RESULTS), **benchmark_results()}
    sources["plan"] = plan.minutes(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = numbers.update_numbers(cell.source, sources)
    contents = {NOTEBOOK: f"{nbformat.writes(notebook)}\n".encode()}
    for path in readmes():
        text = numbers.update_numbers(path.read_text(encoding="utf-8"), sources)
        contents[path] = text.encode()
    return contents


def build_edition(builder: Callable, notebook: NotebookNode, path: Path) -> None:
    """Build an edition, after the text has been renewed from the committed results."""
    before = [cell.source for cell in notebook.cells]
    contents = renewed(notebook, ROOT)
    if [cell.source for cell in notebook.cells] == before:
        del contents[NOTEBOOK]  # it stays as it is, to the byte
    builder(notebook, path)
    write_all(contents)


def publish(notebook: NotebookNode, folder: Path) -> None:
    """Put the outcome of a full run into place.

    Each file is whole at every moment, and all are on the disk before the first is
    replaced.

    Parameters
    ----------
    notebook : NotebookNode
        As `execute` returned it. Its sections, figures and links, the marked numbers
        in its prose, and those in the READMEs, are renewed from the run's results,
        and the editions are built.
    folder : Path
        Where the run wrote. It stays, so that a failure can be mended: publish again.

    Raises
    ------
    KeyError, OSError, ValueError
        If a number has no result, an edition cannot be built, or a file not be written.
    """
    notebook.metadata["date"] = time.strftime("%Y-%m-%d")
    contents = renewed(notebook, folder)
    build_editions(notebook, folder)
    keep_trained_network(folder)
    # but for half a file, whose name begins with a dot, that a killed run has left
    for pattern in ("figures/[!.]*", "dae/pretrained/[!.]*", PDF.name, PAGE.name):
        for path in folder.glob(pattern):
            contents[ROOT / path.relative_to(folder)] = path.read_bytes()
    write_all(contents)


def keep_trained_network(folder: Path) -> None:
    """Write what the package is to load: a run's checkpoint without its optimiser."""
    from dae.checkpoint import load_checkpoint, write_checkpoint  # starts TensorFlow

    finished = load_checkpoint(folder / CHECKPOINT)
    write_checkpoint(folder / PRETRAINED, replace(finished, variables=[]))
