"""Each part of the lesson runs by itself: in a fresh kernel, in an empty folder."""

import copy
import re

import pytest
from conftest import ROOT, names_in
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from dae.__main__ import FAST
from dae.publish.plan import with_chapters
from dae.publish.run import set_parameters

FEWER = """
x_train, y_train, x_val = x_train[:{0}], y_train[:{0}], x_val[:300]
x_test, y_test = x_test[:300], y_test[:300]
noisy_test, denoised = noisy_test[:300], denoised[:300]
x_sample, y_sample, noisy_sample = x_sample[:100], y_sample[:100], noisy_sample[:100]
first = [np.argmax(y_sample == digit) for digit in range(10)]
SAMPLE_SIZE = 100
"""


def code_of(notebook, *parts):
    """The cells of code in these parts, by their ids."""
    cells = (cell for cell, names in with_chapters(notebook) if names[0] in parts)
    return {cell.id: cell for cell in cells if cell.cell_type == "code"}


def small(notebook, part):
    """A notebook with a part alone: few images, and few steps on the spiral."""
    if part == "part-1":
        set_parameters(notebook, FAST)
        return new_notebook(cells=[*code_of(notebook, "", part).values()])
    begin, *rest = code_of(notebook, part).values()
    assert begin.id == part.replace("part", "start")
    for cell in rest:
        cell.source = cell.source.replace("range(2_000)", "range(20)")
    fewer = FEWER.format(1_280 if part == "part-2" else 640)
    return new_notebook(cells=[begin, new_code_cell(fewer), *rest])


@pytest.mark.slow
@pytest.mark.parametrize("part", ["part-1", "part-2", "part-3"])
def test_part_runs_alone(notebook, part, tmp_path, monkeypatch):
    """And its figures are in the folder for trials; the exercises: test_handout.py."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    alone = small(copy.deepcopy(notebook), part)
    about = {"metadata": {"path": tmp_path}}
    NotebookClient(alone, timeout=300, resources=about).execute()
    assert names_in(tmp_path) == ["scratch"]
    saved = re.findall(r"figures/\w+\.png", "\n".join(c.source for c in alone.cells))
    assert len(saved) > 4
    assert all((tmp_path / "scratch" / name).exists() for name in saved)


def test_set_up_is_one_short_cell_and_the_arrow_needs_nothing_else(notebook):
    for part in ("part-2", "part-3", "your-turn"):
        starts = [c for name, c in code_of(notebook, part).items() if "start-" in name]
        assert len(starts) == 1 and len(starts[0].source.splitlines()) <= 12
    sections = [n[1] for _, n in with_chapters(notebook) if n[0] == "part-3" and n[1:]]
    assert sections[0] == "score"
