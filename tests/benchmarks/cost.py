"""How time and memory of training grow with the images and with the epochs.

    PYTHONPATH=. python tests/benchmarks/cost.py

Each run is a process of its own, which loads MNIST, trains the tutorial's model and
tells the seconds that `train` took after a warm-up, and its peak memory. The runs take
turns, and the median of three counts. Writes cost.json.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import common
import numpy as np

import dae

SIGMA = 0.5
BY_IMAGES = [(5_000, 1), (10_000, 1), (20_000, 1), (55_000, 1)]
BY_EPOCHS = [(10_000, 1), (10_000, 2), (10_000, 4), (10_000, 8)]


def measure(images, epochs):
    """Print the seconds and the peak memory in MB of one training."""
    (x_train, _), (x_val, _), _ = dae.load_mnist()
    model = dae.build_autoencoder()

    def train(images, epochs):
        noise = common.noise(SIGMA)
        dae.train(model, x_train[:images], x_val, noise, epochs=epochs)

    train(common.BATCH, 1)  # makes what is made once
    start = time.perf_counter()
    train(images, epochs)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


def off_the_line(sizes, seconds):
    """Largest distance from the straight line through the points, as a share."""
    line = np.polyval(np.polyfit(sizes, seconds, 1, w=1 / np.array(seconds)), sizes)
    return float(np.abs(np.array(seconds) / line - 1).max())


def main():
    """Let the runs take turns, and write cost.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", type=int, nargs=2, metavar=("IMAGES", "EPOCHS"))
    options = parser.parse_args()
    if options.one:
        measure(*options.one)
        return
    runs = sorted(set(BY_IMAGES + BY_EPOCHS))
    found = {run: [] for run in runs}
    for _ in range(options.rounds):
        for run in runs:
            command = [sys.executable, __file__, "--one", *map(str, run)]
            printed = subprocess.check_output(command).splitlines()[-1]
            found[run].append(json.loads(printed))
    results = {}
    for name, chosen in (("by_images", BY_IMAGES), ("by_epochs", BY_EPOCHS)):
        sizes = [run[name == "by_epochs"] for run in chosen]
        entry = {"sizes": sizes}
        for key in ("seconds", "peak_mb"):
            entry[key] = [
                float(np.median([one[key] for one in found[run]])) for run in chosen
            ]
        entry["times"] = [s / entry["seconds"][0] for s in entry["seconds"]]
        entry["off_the_line_percent"] = 100 * off_the_line(sizes, entry["seconds"])
        growth = max(entry["peak_mb"]) / min(entry["peak_mb"]) - 1
        entry["memory_growth_percent"] = 100 * growth
        results[name] = entry
    results["off_the_line_percent"] = max(
        entry["off_the_line_percent"] for entry in results.values()
    )
    common.save("cost", results)


if __name__ == "__main__":
    main()
