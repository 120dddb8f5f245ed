"""What each requirement costs on the disk, in MB.

    PYTHONPATH=. python tests/benchmarks/installed.py

For each line of requirements.txt the size of what would not be installed without it:
the package and what only it needs. What several need is counted in the total alone.
Run it in an environment made from requirements.txt. Writes installed.json.
"""

import argparse
import re
from importlib import metadata

import common
from packaging.requirements import Requirement

REQUIREMENTS = common.FOLDER.parents[1] / "requirements.txt"


def plain(name):
    """A package's name in the form that is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


INSTALLED = {plain(d.metadata["Name"]): d for d in metadata.distributions()}


def megabytes(name):
    """Size of a package's own files, in units of 1,000,000 bytes."""
    paths = (d.locate() for d in INSTALLED[name].files or [])
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def needed(names):
    """The packages themselves and all that they need."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in INSTALLED:
            continue
        found.add(name)
        for line in INSTALLED[name].requires or []:
            wanted = Requirement(line)
            if not wanted.marker or wanted.marker.evaluate({"extra": ""}):
                waiting.append(plain(wanted.name))
    return found


def main():
    """Add up the sizes and write installed.json."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    lines = [line.strip() for line in REQUIREMENTS.read_text().splitlines()]
    tops = [plain(Requirement(x).name) for x in lines if x and not x.startswith("#")]
    everything = needed(tops)
    results = {"total_mb": sum(map(megabytes, everything)), "requirements": {}}
    for top in tops:
        only = everything - needed([other for other in tops if other != top])
        results["requirements"][top.replace("-", "_")] = {
            "own_mb": megabytes(top),
            "saved_without_mb": sum(map(megabytes, only)),
        }
    tests = ("pytest", "hypothesis", "pypdf", "ruff")
    results["requirements"]["tests_mb"] = sum(
        results["requirements"][name]["saved_without_mb"] for name in tests
    )
    common.save("installed", results)


if __name__ == "__main__":
    main()
