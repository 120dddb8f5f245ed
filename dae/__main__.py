"""Run the tutorial from top to bottom: ``python -m dae``."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError

from dae.publish import run
from dae.publish.handout import build_handout
from dae.publish.page import build_page
from dae.publish.pdf import build_pdf
from dae.publish.transaction import HalfReplacedError

FAST = {"EPOCHS": 2, "TRAIN_SIZE": 1_280, "VAL_SIZE": 500, "TEST_SIZE": 500}
FAST |= {"SAMPLE_SIZE": 100, "RESUME": False}
STOPS = CellExecutionError, DeadKernelError, ValueError, KeyError, OSError
CHOICES = {
    "fast": "a few epochs on a subset, into a temporary folder; replaces nothing",
    "resume": "go on with the last run that was interrupted while training",
    "pdf": "only build the edition for paper anew, from the executed notebook",
    "page": "only build the edition for the web anew, from the executed notebook",
}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; stop with a message where it asks for the impossible."""
    parser = argparse.ArgumentParser(
        prog="python -m dae",
        description="Run the denoising-autoencoder tutorial from top to bottom, and "
        "renew the notebook's outputs, the figures, results.json, the trained model, "
        "the editions for paper and web, and the numbers in the text. Nothing is "
        "replaced before all has succeeded.",
    )
    choice = parser.add_mutually_exclusive_group()
    for name, what in CHOICES.items():
        choice.add_argument(f"--{name}", action="store_true", help=what)
    told = "write the students' notebook, solutions, predictions and slides there"
    choice.add_argument("--handout", metavar="FOLDER", help=told)
    options = parser.parse_args(arguments)
    if not run.NOTEBOOK.is_file():
        parser.error(f"{run.NOTEBOOK} is missing: run in a clone of the repository")
    try:
        if not options.fast:
            run.check_marks()
        if not (options.pdf or options.page or options.handout):
            run.check_notebook()
            if not options.fast:
                run.check_full_run()
                run.check_folders()
    except (OSError, KeyError, ValueError) as error:
        parser.error(error.args[-1])
    if options.resume and run.unfinished_run() is None:
        parser.error("no interrupted run to resume; run without --resume")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the tutorial; return the exit status."""
    for stream in (sys.stdout, sys.stderr):  # an odd character ends no run
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = parse(arguments)
    if options.pdf:
        return build(build_pdf, run.PDF)
    if options.page:
        return build(build_page, run.PAGE)
    if options.handout:
        return build(build_handout, Path(options.handout))
    parameters = {"RESUME": options.resume}
    if options.fast:
        folder, parameters = Path(tempfile.mkdtemp(prefix="dae-fast-")), FAST
    elif options.resume:
        folder = run.unfinished_run()
    else:
        folder = run.ROOT / "runs" / time.strftime(f"%Y%m%d-%H%M%S-{os.getpid()}")
        folder.mkdir(parents=True)

    try:
        with run.claim(folder):
            return carry_out(folder, parameters, options.fast)
    except BlockingIOError as error:
        print(error, file=sys.stderr)
        return 1


def build(builder: Callable, path: Path) -> int:
    """Build something of the executed notebook; return the exit status."""
    try:
        made = builder(nbformat.read(run.NOTEBOOK, as_version=4), path) or [path]
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    told = f"Wrote {', '.join(path.name for path in made)}"
    if len(made) > 1:
        told += f" to {path}; the notebooks need dae: run them in the lesson's folder"
    print(told)
    return 0


def carry_out(folder: Path, parameters: dict, fast: bool) -> int:
    """Execute and publish, or say what has stopped it; return the exit status."""
    try:
        notebook = run.execute(folder, parameters)
        if fast:
            run.build_editions(notebook, folder)
        else:
            run.publish(notebook, folder)
    except HalfReplacedError as error:
        print(f"\n{error}\nThe whole run is in {folder}.", file=sys.stderr)
        return 1
    except STOPS as error:
        print(f"\n{error}", file=sys.stderr)
        return stopped(folder, 1)
    except KeyboardInterrupt:
        return stopped(folder, 130)
    told = (
        f"Everything runs. The executed notebook, its figures and its editions are in "
        f"{folder}; as the networks were hardly trained, they do not fit the text."
        if fast
        else f"Renewed {run.NOTEBOOK.name}, its editions, the numbers in the READMEs, "
        "figures/ and dae/pretrained/"
    )
    print(told)
    return 0


def stopped(folder: Path, status: int) -> int:
    """Say what a run that stopped has left behind, and pass on the exit status."""
    print("\nThe run stopped; nothing was replaced.", end=" ", file=sys.stderr)
    if folder.parent == run.ROOT / "runs" and (folder / run.CHECKPOINT).exists():
        print("Go on after the last epoch with --resume.", file=sys.stderr)
    else:
        print("No epoch was kept.", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
