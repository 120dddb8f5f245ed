"""What the benchmark scripts share."""

import inspect
import json
import os
import platform
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

import dae

FOLDER = Path(__file__).parent
# images in a training step of this project's model
BATCH = inspect.signature(dae.train).parameters["batch_size"].default


def noise(sigma):
    """The corruption with this level."""
    return partial(_corrupt, sigma)


def _corrupt(sigma, images, rng):
    return dae.add_gaussian_noise(images, sigma, rng)


def score(model, clean, sigma):
    """Mean MSE and PSNR of a denoiser on images with noise that no training saw."""
    noisy = dae.add_gaussian_noise(clean, sigma, np.random.default_rng(99))
    restored = dae.denoise(model, noisy)
    return {
        "mse": float(dae.mse(clean, restored).mean()),
        "psnr": float(dae.psnr(clean, restored).mean()),
    }


def build_with_skips():
    """Our network with 16 maps of 28 x 28 past its code, as in a U-Net."""
    images = keras.Input((28, 28, 1), name="images")
    coarse = dae.build_autoencoder()(images)
    detail = layers.Conv2D(16, 3, padding="same", activation="relu")(images)
    x = layers.Concatenate()([coarse, detail])  # 28 x 28 x 17
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    return keras.Model(images, x, name="with_skips")


def save_as(parser, name):
    """Let the command line choose another name for results, as of a second machine."""
    parser.add_argument("--save-as", default=name, metavar="NAME")


def save(name, results):
    """Write the results beside the script, with what they were measured on."""
    import tensorflow as tf

    results["machine"] = {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "cores": os.cpu_count(),
    }
    with dae.written_whole(FOLDER / f"{name}.json") as path:
        path.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))
