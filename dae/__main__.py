"""Run the tutorial from top to bottom.

This renews the notebook's outputs, the figures, results.json, the trained model, the
editions and the numbers in the text. Nothing is replaced before all has succeeded.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from dae.publish import run
from dae.publish.handout import build_handout
from dae.publish.page import build_page
from dae.publish.pdf import build_pdf

FAST = {"EPOCHS": 2, "TRAIN_SIZE": 1_280, "TEST_SIZE": 300, "SAMPLE_SIZE": 100}
FAST |= {"RESUME": False}
# a cell's; the kernel's and pandoc's; what is refused; a number's without a result
STOPS = CellExecutionError, RuntimeError, SyntaxError, ValueError, KeyError, OSError


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; ``build`` is a builder and its path, if one is wanted."""
    parser = argparse.ArgumentParser(prog="python -m dae", description=__doc__)
    add = parser.add_mutually_exclusive_group().add_argument
    told = "a few epochs on a subset, into a temporary folder; replaces nothing"
    add("--fast", action="store_true", help=told)
    told = "go on with the last run that stopped, or put it into place if all cells ran"
    add("--resume", action="store_true", help=told)
    for name, *made in ("--pdf", build_pdf, run.PDF), ("--page", build_page, run.PAGE):
        told = "only build this edition, from the executed notebook"
        add(name, dest="build", action="store_const", const=made, help=told)
    told = "write the students' notebook, solutions, predictions and slides there"
    add("--handout", dest="build", metavar="FOLDER", type=for_teachers, help=told)
    return parser.parse_args(arguments)


def for_teachers(folder: str) -> tuple:
    """Return the builder of what a teacher needs, and where it is to be."""
    return build_handout, folder


def main(arguments: list[str] | None = None) -> int:
    """Run the tutorial, or what the arguments ask for; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # an odd character ends no run
    options = parse(arguments)
    builder, path = options.build or (None, None)
    try:
        notebook = nbformat.read(run.NOTEBOOK, as_version=4)
        if not (options.fast or builder is build_handout):
            run.check_publishing(notebook, runs=builder is None)
        if builder is build_handout:
            print("Wrote", *builder(notebook, path))
            return 0
        if builder:
            run.build_edition(builder, notebook, path)
            print("Wrote", path)
            return 0
        folder = folder_of_run(options)
        lock = run.claim(folder)
    except STOPS as error:
        said = error.args[0] if isinstance(error, KeyError) else error  # no quotes
        print(said, file=sys.stderr)
        return 1
    status = carry_out(notebook, folder, options)
    lock.release()
    if status == 0 and not options.fast:
        shutil.rmtree(folder, ignore_errors=True)  # it has succeeded all the same
    return status


def folder_of_run(options: argparse.Namespace) -> Path:
    """Return the folder that a run writes to; make it, if it begins anew."""
    if options.fast:
        return Path(tempfile.mkdtemp(prefix="dae-fast-"))
    if options.resume:
        return run.unfinished_run()
    folder = run.ROOT / "runs" / time.strftime(f"%Y%m%d-%H%M%S-{os.getpid()}")
    folder.mkdir(parents=True)
    return folder


def carry_out(notebook: NotebookNode, folder: Path, options: argparse.Namespace) -> int:
    """Execute and publish, or say what has stopped it; return the exit status."""
    finished = False
    try:
        finished = run.executed_before(notebook, folder)
        if not finished:
            parameters = FAST if options.fast else {"RESUME": options.resume}
            notebook, finished = run.execute(folder, parameters), True
        (run.build_editions if options.fast else run.publish)(notebook, folder)
    except (*STOPS, KeyboardInterrupt) as error:
        print(f"\n{error}\n{what_is_left(folder, finished, options)}", file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    told = "the notebook, its editions, the READMEs, figures/ and dae/pretrained/"
    fast = f"Everything runs: see {folder}, where the networks are hardly trained"
    print(fast if options.fast else f"Renewed {told}")
    return 0


def what_is_left(folder: Path, finished: bool, options: argparse.Namespace) -> str:
    """Say what a run that stopped has left, and how to go on; tidy up if nothing."""
    if not options.fast and finished:
        told = "--resume puts it into place, without running any cell again"
        return f"All cells were run, and what they made is kept in {folder}: {told}."
    if not options.fast and (folder / run.CHECKPOINT).exists():
        told = "Go on after the last epoch with --resume."
    else:
        told = "No epoch was kept."
        shutil.rmtree(folder, ignore_errors=True)
    return f"The run stopped; nothing was replaced. {told}"


if __name__ == "__main__":
    sys.exit(main())
