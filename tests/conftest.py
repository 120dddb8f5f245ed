"""What several test modules use."""

import hashlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import nbformat
import numpy as np
import pytest

from dae import load_mnist

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def mnist():
    """The three labelled sets. Not to be written to."""
    return load_mnist()


@pytest.fixture(scope="session")
def digits(mnist):
    """A thousand clean training images."""
    return mnist[0][0][:1000]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def notebook():
    """The committed notebook."""
    return nbformat.read(ROOT / "denoising-autoencoder-tutorial.ipynb", as_version=4)


@pytest.fixture(scope="session")
def results():
    """The committed results."""
    return json.loads((ROOT / "figures/results.json").read_text())


def refused(call, name):
    """Make sure that a call is refused by the package, which names the argument.

    Without a warning, and not by an error from deep inside a library.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError), match=name) as caught:
            call()
    assert caught.traceback[-1].path.parent == ROOT / "dae", caught.getrepr()
    assert "must" in str(caught.value)


def tree_state():
    """Every file that a run might replace, with a hash of its content."""
    folders = ["figures", "dae/pretrained", "tests/benchmarks"]
    files = [p for f in folders for p in (ROOT / f).iterdir() if p.is_file()]
    files += [ROOT / "README.md", ROOT / "denoising-autoencoder-tutorial.ipynb"]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="session", autouse=True)
def fast_run_begun(request, tmp_path_factory):
    """Begin the main job in fast mode beside the other tests, if one asks for it.

    From another folder, and with a temporary folder whose name is odd.
    """
    if not any("fast_run" in item.fixturenames for item in request.session.items):
        yield None
        return
    elsewhere = tmp_path_factory.mktemp("some where é")
    before = tree_state()
    with subprocess.Popen(
        [sys.executable, "-m", "dae", "--fast"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(elsewhere)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield before, process, elsewhere
        process.kill()
