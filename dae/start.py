"""What the cells above a part leave behind, so that the part can be run alone.

``from dae.start import *`` in a notebook's cell gives the names that parts II and III
of the lesson and the exercises use: the settings of the full run, the digits, and the
networks. Ours is the one that comes with the package; the small ones are trained anew,
which takes a minute. Figures go to the folder ``scratch``.
"""

from functools import partial
from pathlib import Path

import numpy as np

import dae

with dae.quiet_start():
    import keras

__all__ = [
    "SAMPLE_SIZE", "SEED", "SIGMA", "autoencoder", "classifier", "corrupt", "dae",
    "decibels", "denoised", "first", "interval", "keras", "noisy_sample",
    "noisy_test", "np", "out", "partial", "results", "x_sample", "x_test",
    "x_train", "x_val", "y_sample", "y_test", "y_train",
]  # fmt: skip
SEED, SIGMA, SAMPLE_SIZE = 0, 0.5, 1_000
out = Path("scratch")
results = {}

(x_train, y_train), (x_val, _), (x_test, y_test) = dae.load_mnist()
corrupt = partial(dae.add_gaussian_noise, level=SIGMA)
autoencoder = dae.load_denoiser()
noisy_test = corrupt(x_test, dae.rng(SEED, "noise on test images"))
denoised = dae.denoise(autoencoder, noisy_test)

draw = dae.rng(0, "sample")
sample = np.sort(draw.choice(len(x_test), SAMPLE_SIZE, replace=False))
x_sample, y_sample = x_test[sample], y_test[sample]
noisy_sample = corrupt(x_sample, dae.rng(SEED, "noise on the sample"))
first = [np.argmax(y_sample == digit) for digit in range(10)]
classifier = dae.train_classifier(x_train, y_train, seed=SEED)


def interval(values):
    """Return the mean of a thousand values, and its 95-per-cent interval."""
    return dae.mean_interval(values, np.random.default_rng(0))


def decibels(clean, images):
    """Write the PSNR of each image."""
    return [f"{value:.1f} dB" for value in dae.psnr(clean, images)]
