"""What the benchmark scripts share."""

import importlib
import inspect
import json
import math
import os
import platform
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

import dae

FOLDER = Path(__file__).parent

SIGMA = 0.5  # the noise of the lesson
BATCH = inspect.signature(dae.train).parameters["batch_size"].default


def noise(sigma):
    """The corruption with this level."""
    return partial(dae.add_gaussian_noise, level=sigma)


def score(model, clean, sigma):
    """Mean MSE and PSNR of a denoiser on images with noise that no training saw."""
    noisy = dae.add_gaussian_noise(clean, np.random.default_rng(99), level=sigma)
    restored = dae.denoise(model, noisy)
    return {
        "mse": float(dae.mse(clean, restored).mean()),
        "psnr": float(dae.psnr(clean, restored).mean()),
    }


def build_plain():
    """The small autoencoder of TensorFlow's own tutorial, with a code of 7 x 7 x 8."""
    relu = {"padding": "same", "activation": "relu"}
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, **relu),
            layers.Conv2D(8, 3, strides=2, **relu),  # the code
            layers.Conv2DTranspose(8, 3, strides=2, **relu),
            layers.Conv2DTranspose(16, 3, strides=2, **relu),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )


def multiplications(model):
    """How many multiplications one image takes in the layers with weight matrices.

    Windows that reach over the border count in full.
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiplications(layer)
        elif isinstance(layer, (layers.Dense, layers.Conv2D, layers.Conv2DTranspose)):
            # each weight is used once at each position: of the output, but of the
            # input where the convolution is a transposed one
            transposed = isinstance(layer, layers.Conv2DTranspose)
            place = layer.input if transposed else layer.output
            total += math.prod(place.shape[1:-1]) * math.prod(layer.kernel.shape)
    return total


class Training:
    """A new model and how it is trained, epoch by epoch.

    The noise, that of the lesson if none is given, is fresh or, if `frozen`, drawn
    once. The learning rate is scheduled over all epochs (`dae.compile_denoiser`) or, if
    `constant`, Adam's default of 0.001.
    """

    def __init__(
        self, build, clean, epochs, corrupt=None, *, batch=BATCH, frozen=False,
        constant=False, loss="binary_crossentropy", seed=0, optimizer=dae.Muon,
    ):  # fmt: skip
        keras.utils.set_random_seed(seed)
        self.model, self.clean, self.batch = build(), clean, batch
        if constant:
            self.model.compile(keras.optimizers.Adam(1e-3), loss)
        else:
            steps = epochs * (len(clean) // batch)
            dae.compile_denoiser(self.model, steps, loss=loss, optimizer=optimizer)
        self.rng, self.noise = np.random.default_rng(seed), corrupt or noise(SIGMA)
        self.noisy = None
        if frozen:
            self.noisy = self.noise(clean, self.rng)

    def batches(self, size):
        """Pairs of one pass over the first images, in a new order."""
        if self.noisy is None:
            images = self.clean[:size]
            yield from dae.noisy_batches(images, self.noise, self.batch, self.rng)
            return
        order = self.rng.permutation(len(self.clean[:size]))
        for start in range(0, len(order) - self.batch + 1, self.batch):
            part = order[start : start + self.batch]
            yield self.noisy[part], self.clean[part]

    def epoch(self, size=None):
        """Seconds of one pass, noise drawn on the clock unless it is frozen."""
        start = time.perf_counter()
        for noisy, clean in self.batches(size):
            self.model.train_on_batch(noisy, clean)
        return time.perf_counter() - start


def times_in_turns(trainings, rounds=7, size=5120):
    """Median seconds of a pass over so many images, the trainings taking turns."""
    seconds = {name: [] for name in trainings}
    for _ in range(1 + rounds):  # the first pass compiles
        for name, training in trainings.items():
            seconds[name].append(training.epoch(size))
    return {name: float(np.median(s[1:])) for name, s in seconds.items()}


def save_as(parser, name):
    """Let the command line choose another name for results, as of a second machine."""
    parser.add_argument("--save-as", default=name, metavar="NAME")


def save(name, results):
    """Write the results beside the script, with what they were measured on."""
    backend = keras.backend.backend()
    results["machine"] = {
        "python": platform.python_version(),
        "keras": keras.__version__,
        backend: importlib.import_module(backend).__version__,
        "cores": os.cpu_count(),
    }
    with dae.written_whole(FOLDER / f"{name}.json") as path:
        path.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))
