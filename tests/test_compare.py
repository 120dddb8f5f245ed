"""The check that compares a new run with the committed one."""

import json
import runpy

import pytest
from conftest import ROOT

SCRIPT = runpy.run_path(str(ROOT / ".ci/compare_results.py"))
OLD = {"a": {"mean": 10.0}, "b": [1.0, 50.0], "n": 3, "m": 5, "best_epoch": 49}
SEEDS = {
    "a": {"mean": {"lowest": 9.5, "highest": 12.5}},
    "b": {"0": {"lowest": 1.0, "highest": 1.25}, "1": {"lowest": 50, "highest": 50}},
    "n": {"lowest": 3, "highest": 3},
    "m": {"lowest": 4, "highest": 6},
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"a": {"mean": 12.9}}, None),  # less than 3 apart, as two seeds can be
        ({"a": {"mean": 13.1}}, "a.mean: 10.0 committed, 13.1 reproduced"),
        ({"b": [1.2, 50.9]}, None),  # within the seeds' range; 2 %
        ({"b": [0.7, 50.0]}, "b.0: 1.0 committed, 0.7 reproduced"),
        ({"n": 4}, "n: 3 committed, 4 reproduced"),  # whole, and no seed changes it
        ({"m": 8}, "m: 5 committed, 8 reproduced"),
        ({"best_epoch": 1}, None),  # left out
        ({"x": 1.0}, "x: in one of the two only"),
    ],
)
def test_two_runs_may_differ_as_two_seeds_do(change, told):
    found = list(SCRIPT["differences"](OLD, OLD | change, SEEDS))
    assert found == ([told] if told else [])


def test_the_committed_run_is_one_of_the_seeds(results):
    """If this fails, the model has changed since tests/benchmarks/seeds.py was run."""
    seeds = json.loads(SCRIPT["SEEDS"].read_text(encoding="utf-8"))
    assert seeds["seeds"][0] == 0 and len(set(seeds["seeds"])) == 5
    ranges = dict(SCRIPT["leaves"](seeds["numbers"]))
    for key, value in SCRIPT["leaves"](results):
        if not key.startswith("settings.") and not key.endswith((".low", ".high")):
            assert ranges[f"{key}.lowest"] <= value <= ranges[f"{key}.highest"], key
