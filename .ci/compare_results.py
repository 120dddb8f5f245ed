"""Compare two results.json: the same numbers, within the stated tolerance.

The same machine with the same library versions gives the same numbers. Another
processor adds its floating-point sums in another order, and training drifts from there
as it would under another seed. How far that can be, five seeds have shown:
`tests/benchmarks/seeds.json` has the lowest and the highest value of each number, and
two runs may differ by as much as these two. Where five seeds happen to lie close
together, the tolerance is 2 %, and for small differences and extremes of large numbers
what stands below. Whole numbers that no seed has changed must be equal. The best epoch
is left out: near the end all are nearly equal. So is the number of steps of a climb.
"""

import json
import math
import re
import sys
from pathlib import Path

SEEDS = Path(__file__).parents[1] / "tests/benchmarks/seeds.json"
RELATIVE = 0.02
SLACK = {  # by the beginning of the key; the longest counts
    "": 0,
    "noise.noise_0_1.black_pixel": 1e-3,  # a mean of 0
    "noise.noise_0_2.black_pixel": 1e-3,
    "noise.noise_0_5.black_pixel": 1e-3,
    "test.plain": 0.4,  # dB
    "spread.worst": 1.0,  # dB
    "code": 2.5,  # dB; five seeds: 1.3 to 4.0
    "ladder": 0.3,  # dB
    "rise_of_the_loss": 0.004,
    "fresh_noise": 1.5,  # dB
    "sweep": 0.5,  # dB
    "sweep.trained_at_0_2": 1.0,  # dB; five seeds: 16.6 to 17.6 at noise 0.5
    "corruption": 1.5,  # dB; five seeds: up to 2.9
    "bottleneck": 0.5,  # dB
    "bottleneck.network_plain": 1.0,  # dB; five seeds: 0.5
    "made_up": 1.0,  # percentage points
    "made_up.noisy": 20.0,  # percentage points; five seeds: 14 to 33
    "empty": 18.0,  # percentage points; five seeds: 45 to 57
    "targets": 0.4,  # dB
    "pages": 0.3,  # dB, and a ratio of errors
    "score.relative_error": 1.0,  # percentage points
    "ideal": 0.5,  # dB
    "ideal.tuned_memory.training": 2.0,  # dB; five seeds: 1.3
    "generalising": 0.5,  # dB
    "generalising.networks_100_digits": 1.5,  # dB
    "generated": 6.0,  # percentage points, of 200 pictures; two processors: 3.0
    "generated.made.ink": 32.0,  # percentage points; five seeds: 75 to 98
    "holes": 13.0,  # percentage points, of a hundred digits; five seeds: 12
}
LEFT_OUT = {"best_epoch", "steps"}


def leaves(value, key=""):
    """Yield every (dotted key, number or text) of nested mappings and lists."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{key}.{name}".lstrip("."))
    else:
        yield key, value


def between_seeds(numbers, key):
    """Distance of the highest from the lowest value that the seeds gave, 0 if unknown.

    The ends of an interval move with its mean.
    """
    for part in re.sub(r"\.(low|high)$", ".mean", key).split("."):
        numbers = numbers.get(part, {})
    return numbers.get("highest", 0) - numbers.get("lowest", 0)


def differences(committed, reproduced, seeds):
    """Say where two results differ by more than the tolerance."""
    old, new = dict(leaves(committed)), dict(leaves(reproduced))
    for key in sorted(old.keys() ^ new.keys()):
        yield f"{key}: in one of the two only"
    for key in sorted(old.keys() & new.keys()):
        if LEFT_OUT & set(key.split(".")):
            continue
        spread = between_seeds(seeds, key)
        if isinstance(old[key], float) and isinstance(new[key], float):
            slack = SLACK[max((p for p in SLACK if key.startswith(p)), key=len)]
            slack = max(slack, spread)
            same = math.isclose(old[key], new[key], rel_tol=RELATIVE, abs_tol=slack)
        else:
            same = abs(old[key] - new[key]) <= spread
        if not same:
            yield f"{key}: {old[key]} committed, {new[key]} reproduced"


if __name__ == "__main__":
    first, second = (
        json.loads(Path(path).read_text("utf-8")) for path in sys.argv[1:3]
    )
    seeds = json.loads(SEEDS.read_text("utf-8"))["numbers"]
    found = list(differences(first, second, seeds))
    print("\n".join(found) or "results agree within the stated tolerance")
    sys.exit(bool(found))
