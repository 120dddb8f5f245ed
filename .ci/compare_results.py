"""Compare two results.json: the same numbers, within the stated tolerance.

The same machine with the same library versions gives the same numbers. Another
processor adds its floating-point sums in another order, and training drifts from there
as it would under another seed; hence the tolerance of 2 %, and none on whole numbers
that count the data or the model. Small differences and extremes of large numbers get
an absolute tolerance, as have the sections of parts II and III, whose networks are
trained for a single pass. The best epoch is left out: near the end all are nearly
equal. So are counts of generated pictures, which a rounding error can turn into others.
"""

import json
import math
import sys
from pathlib import Path

RELATIVE = 0.02
ABSOLUTE = {
    "gap_percent": 2.0,
    "least_gain": 1.0,
    "black_free": 1e-3,
}  # their own units
SECTIONS = {
    "ladder": 0.3,  # dB
    "objective": 1.5,  # dB, and thousandths of a nat
    "sweep": 0.5,  # dB
    "corruption": 1.0,  # dB
    "bottleneck": 0.5,  # dB
    "checkerboard": 0.5,  # dB, and multiples of the mean power
    "probe": 4.0,  # percentage points
    "twin": 0.05,  # ratio
    "flips": 1.0,  # percentage points
    "empty": 20.0,  # percentage points
    "strangers": 0.5,  # dB
    "score": 0.02,  # cosine, share of a length
    "ideal": 1.0,  # dB, and percentage points
    "generated": 8.0,  # dB, and percentage points: pictures drawn at random
}
LEFT_OUT = {"best_epoch", "steps", "least", "most", "closest"}


def leaves(value, key=""):
    """Yield every (dotted key, number or text) of nested mappings and lists."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{key}.{name}".lstrip("."))
    else:
        yield key, value


def differences(committed, reproduced):
    """Say where two results differ by more than the tolerance."""
    old, new = dict(leaves(committed)), dict(leaves(reproduced))
    for key in sorted(old.keys() ^ new.keys()):
        yield f"{key}: in one of the two only"
    for key in sorted(old.keys() & new.keys()):
        name = key.split(".")[-1]
        if name in LEFT_OUT:
            continue
        if isinstance(old[key], float) and isinstance(new[key], float):
            slack = ABSOLUTE.get(name, SECTIONS.get(key.split(".")[0], 0))
            same = math.isclose(old[key], new[key], rel_tol=RELATIVE, abs_tol=slack)
        else:
            same = old[key] == new[key]
        if not same:
            yield f"{key}: {old[key]} committed, {new[key]} reproduced"


if __name__ == "__main__":
    first, second = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
    found = list(differences(first, second))
    print("\n".join(found) or f"results agree within {RELATIVE:.0%}")
    sys.exit(bool(found))
