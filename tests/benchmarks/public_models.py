"""Two other models side by side with this project's: size, work, time, quality.

    PYTHONPATH=. python tests/benchmarks/public_models.py

Keras's own example, "Convolutional autoencoder for image denoising"
(keras.io/examples/vision/autoencoder): convolutions of 32 maps, two max-poolings, two
transposed convolutions. And the wider recipe of `recipe.py`. Both with noise 0.5 drawn
once, Adam at 0.001, binary cross-entropy, batches of 128. (The example's noise is 0.4,
and before it learns to denoise, it learns to copy clean digits; here it only denoises.)
Their quality is what `time_to_quality.py` wrote, and ours that of the committed model;
all three are scored after as many epochs on the same validation images with the same
noise. "time" is that of an epoch, as a multiple of ours, all three taking turns.
Writes public_models.json.
"""

import argparse
import json

import common
import keras
from keras import layers
from recipe import build_recipe, our_training, recipe_training

import dae


def build_keras_example():
    """The network of Keras's example, with its 1,568-number code."""
    relu = {"padding": "same", "activation": "relu"}
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, **relu),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, **relu),
            layers.MaxPooling2D(),  # the code, 7 x 7 x 32
            layers.Conv2DTranspose(32, 3, strides=2, **relu),
            layers.Conv2DTranspose(32, 3, strides=2, **relu),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )


CODES = {"keras_example": 7 * 7 * 32, "recipe": 7 * 7 * 64, "ours": 7 * 7 * 8}


def main():
    """Put the three side by side, and write public_models.json."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    (x_train, _), (x_val, _), _ = dae.load_mnist()
    builders = {"keras_example": build_keras_example, "recipe": build_recipe}
    trainings = {
        name: recipe_training(x_train, build=build) for name, build in builders.items()
    } | {"ours": our_training(x_train, 1)}
    seconds = common.times_in_turns(trainings)
    written = json.loads((common.FOLDER / "time_to_quality.json").read_text())
    scores = written["sigma_5"] | {
        "ours": common.score(dae.load_denoiser(), x_val, common.SIGMA)
    }
    results = {"epochs": written["sigma_5"]["recipe"]["epochs"]}
    for name, training in trainings.items():
        results[name] = {
            "code": CODES[name],
            "weights": training.model.count_params(),
            "multiplications": common.multiplications(training.model),
            "time": seconds[name] / seconds["ours"],
            "psnr": scores[name]["psnr"],
        }
    common.save("public_models", results)


if __name__ == "__main__":
    main()
