"""How much of the machine training uses, and how fast images are denoised.

    PYTHONPATH=. python tests/benchmarks/speed.py

The floating-point rate of a training step, as a share of what the same machine reaches
in a product of two 2048 x 2048 float32 matrices; both counted as two operations for a
multiplication and an addition, three times the forward pass for a training step. Then
images per second through `denoise` one by one and a thousand at once, for the
tutorial's model, that of `recipe.py`, and non-local means. All take turns in one
process; medians. Writes speed.json.
"""

import argparse
import time
from functools import partial

import common
import keras
import numpy as np
from recipe import RECIPE_BATCH, build_recipe

import dae

SIZE = 2048
BATCHES = {"ours": common.BATCH, "recipe": RECIPE_BATCH}


def timed(function, repeats):
    """Seconds of one call, mean of a few in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - start) / repeats


def median_times(jobs, rounds):
    """Median seconds of each job, {name: (function, repeats)}, measured in turns."""
    times = {name: [] for name in jobs}
    for _ in range(rounds + 1):
        for name, (function, repeats) in jobs.items():
            times[name].append(timed(function, repeats))
    return {name: float(np.median(t[1:])) for name, t in times.items()}


def main():
    """Measure both and write speed.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    common.save_as(parser, "speed")
    options = parser.parse_args()
    rounds = options.rounds
    clean = dae.load_mnist()[1][0]
    noisy = dae.add_gaussian_noise(clean, np.random.default_rng(0), level=0.5)

    models = {"ours": dae.build_autoencoder(), "recipe": build_recipe()}
    for model in models.values():
        dae.compile_denoiser(model, 1000)
    left, right = (keras.random.normal((SIZE, SIZE), seed=i) for i in (0, 1))

    jobs = {"product": (lambda: np.asarray(keras.ops.matmul(left, right)), 3)}
    for name, model in models.items():
        batch = noisy[: BATCHES[name]], clean[: BATCHES[name]]
        jobs[name] = (partial(model.train_on_batch, *batch), 8)
    times = median_times(jobs, rounds)
    product = 2 * SIZE**3 / times["product"]
    results = {"product_gflops": product / 1e9}
    for name, model in models.items():
        rate = 3 * 2 * common.multiplications(model) * BATCHES[name] / times[name]
        results[name] = {"share_percent": 100 * rate / product}

    ways = {name: partial(dae.denoise, model) for name, model in models.items()}
    ways["non_local_means"] = partial(dae.baselines.non_local_means, strength=0.5)
    for size in (1, 1000):
        jobs = {
            name: (partial(way, noisy[:size]), 30 if size == 1 else 1)
            for name, way in ways.items()
        }
        times = median_times(jobs, rounds)
        results[f"batch_{size}"] = {
            name: {"images_per_second": size / t, "time": t / times["recipe"]}
            for name, t in times.items()
        }
    common.save(options.save_as, results)


if __name__ == "__main__":
    main()
