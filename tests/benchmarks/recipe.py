"""This project's model against a wider one of convolutions and max-pooling.

    PYTHONPATH=. python tests/benchmarks/recipe.py --epochs 2

The recipe: encoder Conv 32, max-pool, Conv 64, max-pool, Conv 64 (the code, 7 x 7 x
64); decoder Conv 64, upsample, Conv 32, upsample, Conv 1 with sigmoid; all 3 x 3; Adam
1e-3, binary cross-entropy, batches of 128, noise drawn once. (What of this makes the
difference is asked by `steps.py`.) Both models take their epochs in turn, in one
process, on the same images, each in batches of its own size, through the same step
(`train_on_batch`); the recipe's frozen noise is made beforehand, off the clock. "At
equal seconds" gives this project's model as many epochs as fit in the recipe's time.
Validation images score both. Peak memory is that of a process of its own for each.
"""

import argparse
import resource
import subprocess
import sys

import common
import keras
import numpy as np
from common import SIGMA
from keras import layers

import dae

RECIPE_BATCH = 128


def build_recipe():
    """The recipe's network, with its 3,136-number code."""
    images = keras.Input((28, 28, 1))

    def conv(filters, x, activation="relu"):
        return layers.Conv2D(filters, 3, padding="same", activation=activation)(x)

    x = layers.MaxPooling2D()(conv(32, images))
    x = layers.MaxPooling2D()(conv(64, x))
    x = layers.UpSampling2D()(conv(64, conv(64, x)))
    x = layers.UpSampling2D()(conv(32, x))
    return keras.Model(images, conv(1, x, "sigmoid"))


def recipe_training(x_train, sigma=SIGMA, build=build_recipe):
    """The recipe's training, which is the same however many its epochs are."""
    return common.Training(
        build,
        x_train,
        1,
        common.noise(sigma),
        batch=RECIPE_BATCH,
        frozen=True,
        constant=True,
    )


def our_training(x_train, epochs, sigma=SIGMA):
    """This project's model and training."""
    return common.Training(dae.build_autoencoder, x_train, epochs, common.noise(sigma))


def peak_memory(name, x_train):
    """Print the peak memory in MB of a process with all data, after 50 or 100 steps."""
    trained = recipe_training(x_train) if name == "recipe" else our_training(x_train, 1)
    trained.epoch(50 * common.BATCH)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main():
    """Run the comparison and write recipe.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--memory", choices=["recipe", "ours"])
    common.save_as(parser, "recipe")
    options = parser.parse_args()
    if options.memory:
        peak_memory(options.memory, dae.load_mnist()[0][0])
        return

    # first, while this process is small: Linux hands its own peak on to its children
    memory = {
        name: float(
            subprocess.check_output([sys.executable, __file__, "--memory", name])
        )
        for name in ("recipe", "ours")
    }
    (x_train, _), (x_val, _), _ = dae.load_mnist()

    recipe, ours = recipe_training(x_train), our_training(x_train, options.epochs)
    seconds = {"recipe": [], "ours": []}
    for _ in range(options.epochs):
        seconds["recipe"].append(recipe.epoch())
        seconds["ours"].append(ours.epoch())
        print({name: round(s[-1], 1) for name, s in seconds.items()}, flush=True)
    ratios = np.array(seconds["ours"]) / seconds["recipe"]

    fitting = int(sum(seconds["recipe"]) / np.median(seconds["ours"]))
    longer = our_training(x_train, fitting)
    used = sum(longer.epoch() for _ in range(fitting))
    common.save(
        options.save_as,
        {
            "epochs": options.epochs,
            "seconds": {name: float(np.median(s)) for name, s in seconds.items()},
            "seconds_ratio": float(np.median(ratios)),
            "seconds_ratio_lowest": float(ratios.min()),
            "seconds_ratio_highest": float(ratios.max()),
            "peak_memory_mb": memory,
            "equal_epochs": {
                "recipe": common.score(recipe.model, x_val, SIGMA),
                "ours": common.score(ours.model, x_val, SIGMA),
            },
            "equal_seconds": {
                "epochs": fitting,
                "seconds_ratio": used / sum(seconds["recipe"]),
                "ours": common.score(longer.model, x_val, SIGMA),
            },
        },
    )


if __name__ == "__main__":
    main()
