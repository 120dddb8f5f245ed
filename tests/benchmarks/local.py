"""How much is local memory of all 55,000 training digits worth?

    PYTHONPATH=. python tests/benchmarks/local.py

Section 16's experiment at noise 0.5, not clipped, on the same 200 noisy test digits as
there (those of seed 0), but with every training digit known. Writes local.json: for
each side of the window, the mean PSNR in dB and its interval.
"""

import common
import numpy as np

import dae


def main():
    """Measure, and write local.json."""
    (x_train, _), _, (x_test, _) = dae.load_mnist()
    draw = np.random.default_rng([0, 70])  # as in the notebook's cells
    sample = np.sort(draw.choice(len(x_test), 1_000, replace=False))
    rng = np.random.default_rng([0, 15, len("test digits")])
    noisy = dae.add_gaussian_noise(x_test[sample], rng, level=0.5, clip=False)[::5]
    clean = x_test[sample][::5]
    found = {"digits": len(clean)}
    for side in (7, 9):
        answer = dae.local_posterior_mean(noisy, x_train, 0.5, side)
        psnr = dae.psnr(clean, np.clip(answer, 0, 1))
        interval = dae.mean_interval(psnr, np.random.default_rng(1))
        found[f"side_{side}"] = interval._asdict()
    common.save("local", found)


if __name__ == "__main__":
    main()
