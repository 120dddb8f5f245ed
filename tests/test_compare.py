"""The check that compares a new run with the committed one."""

import copy
import importlib.util
import json

import numpy as np
import pytest
from conftest import ROOT

SCRIPT = ROOT / ".ci/compare_results.py"


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("compare_results", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def seeds(script):
    return json.loads(script.SEEDS.read_text())


OLD = {"a": {"mean": 10.0, "low": 9.0, "high": 11.0}, "b": [1.0, 50.0], "n": 3, "m": 5}
SEEDS = {
    "a": {"mean": {"lowest": 9.5, "highest": 12.5}},
    "b": {"0": {"lowest": 1.0, "highest": 1.25}, "1": {"lowest": 50, "highest": 50}},
    "n": {"lowest": 3, "highest": 3},
    "m": {"lowest": 4, "highest": 6},
}


@pytest.mark.parametrize(
    ("key", "value", "same"),
    [
        ("a.mean", 12.9, True),  # less than 3 apart, as two seeds can be
        ("a.mean", 13.1, False),
        ("b.0", 1.2, True),
        ("b.0", 0.7, False),
        ("b.1", 50.9, True),  # 2 %
        ("n", 4, False),  # whole numbers that no seed changes
        ("m", 8, False),
        ("best_epoch", 1, True),  # left out
    ],
)
def test_two_runs_may_differ_as_two_seeds_do(script, key, value, same):
    old = OLD | {"best_epoch": 49}
    new = copy.deepcopy(old)
    first, _, second = key.partition(".")
    if second:
        new[first][int(second) if second.isdigit() else second] = value
    else:
        new[first] = value
    told = f"{key}: {dict(script.leaves(old))[key]} committed, {value} reproduced"
    assert list(script.differences(old, new, SEEDS)) == ([] if same else [told])


def test_what_only_one_of_the_two_has_is_told(script):
    assert list(script.differences({"x": 1.0}, {"y": 1.0}, {})) == [
        "x: in one of the two only",
        "y: in one of the two only",
    ]


def test_the_committed_run_is_one_of_the_seeds(script, seeds, results):
    """If this fails, the model has changed since tests/benchmarks/seeds.py was run."""
    assert seeds["seeds"][0] == 0 and len(set(seeds["seeds"])) == 5
    checked = 0
    for key, value in script.leaves(results):
        if key.startswith("settings.") or key.endswith((".low", ".high")):
            continue
        entry = seeds["numbers"]
        for part in key.split("."):
            entry = entry[part]
        assert entry["lowest"] <= value <= entry["highest"], key
        between = np.clip(entry["mean"], entry["lowest"], entry["highest"])
        assert entry["mean"] == pytest.approx(between)  # up to rounding
        checked += 1
    assert checked > 250
