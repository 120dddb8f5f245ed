"""The plain training loop against `model.fit` on a PyDataset, with the same noise.

    PYTHONPATH=. python tests/benchmarks/loop.py

Each way runs in a process of its own, as they leave memory in different states, and the
processes take turns. Prints and writes (loop.json) the median time of an epoch of
12,800 images and the page faults in it, as shares of those of `fit`.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import common
import keras
import numpy as np

import dae

SIGMA, IMAGES, EPOCHS = 0.5, 12_800, 3


class FreshNoise(keras.utils.PyDataset):
    """Fresh noise for `model.fit`, the way Keras suggests."""

    def __init__(self, images):
        super().__init__()
        self.images, self.passes = images, 0

    def __len__(self):
        return len(self.images) // common.BATCH

    def __getitem__(self, index):
        rng = np.random.default_rng([self.passes, index])
        clean = self.images[index * common.BATCH : (index + 1) * common.BATCH]
        return dae.add_gaussian_noise(clean, rng, level=SIGMA), clean

    def on_epoch_end(self):
        self.passes += 1


def measure(way):
    """Print the seconds and page faults of each epoch, the first one left out."""
    images = dae.load_mnist()[0][0][:IMAGES]
    model = dae.build_autoencoder()
    dae.compile_denoiser(model, (EPOCHS + 1) * IMAGES // common.BATCH)
    dataset, rng = FreshNoise(images), np.random.default_rng(0)
    seconds, faults = [], []
    for _ in range(EPOCHS + 1):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start = time.perf_counter()
        if way == "fit":
            model.fit(dataset, shuffle=False, verbose=0)
        else:
            noise = common.noise(SIGMA)
            batches = dae.noisy_batches(images, noise, common.BATCH, rng)
            for noisy, clean in batches:
                model.train_on_batch(noisy, clean)
        seconds.append(time.perf_counter() - start)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    print(json.dumps({"seconds": seconds[1:], "faults": faults[1:]}))


def main():
    """Let the two ways take turns, and write loop.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--way", choices=["fit", "loop"])
    way = parser.parse_args().way
    if way:
        measure(way)
        return
    found = {way: {"seconds": [], "faults": []} for way in ("fit", "loop")}
    for _ in range(2):
        for way, lists in found.items():
            printed = subprocess.check_output([sys.executable, __file__, "--way", way])
            for key, values in json.loads(printed.splitlines()[-1]).items():
                lists[key] += values
    median = {
        w: {k: float(np.median(v)) for k, v in x.items()} for w, x in found.items()
    }
    shares = {
        f"{key}_ratio": median["loop"][key] / median["fit"][key]
        for key in ("seconds", "faults")
    }
    common.save("loop", median | shares)


if __name__ == "__main__":
    main()
