"""What several test modules use."""

import json
import os
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
