"""How far the lesson's numbers move with the seed.

    PYTHONPATH=. python tests/benchmarks/seeds.py --seeds 1 2 3 4

Runs the whole notebook with each seed, which decides on initial weights, order, noise
and the digits drawn at random, and compares with the committed run, which has seed 0.
Writes seeds.json: for every number of `figures/results.json` but the ends of intervals,
its mean over the seeds, standard deviation (of a sample: n - 1), lowest and highest.
"""

import argparse
import json
import tempfile
from pathlib import Path

import common
import numpy as np

from dae.publish import run


def summary(values):
    """What becomes of one number under several seeds, nested as in results.json."""
    if isinstance(values[0], list):
        values = [{str(i): v for i, v in enumerate(value)} for value in values]
    if isinstance(values[0], dict):
        left_out = {"low", "high"} if "mean" in values[0] else set()
        keys = [key for key in values[0] if key not in left_out]
        return {key: summary([value[key] for value in values]) for key in keys}
    return {
        "mean": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)),
        "lowest": min(values),
        "highest": max(values),
    }


def main():
    """Run the notebook with each seed, and write seeds.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    seeds = parser.parse_args().seeds
    found = [json.loads((run.ROOT / "figures/results.json").read_text())]
    for done, seed in enumerate(seeds, start=1):
        with tempfile.TemporaryDirectory() as folder:
            run.execute(Path(folder), {"SEED": seed})
            path = Path(folder) / "figures/results.json"
            found.append(json.loads(path.read_text()))
        numbers = summary(found)  # so far
        del numbers["settings"]
        common.save("seeds", {"seeds": [0, *seeds[:done]], "numbers": numbers})


if __name__ == "__main__":
    main()
