"""How good the model is at sigma = 0.2, and what limits it there.

    PYTHONPATH=. python tests/benchmarks/low_noise.py --epochs 50 --short 2

The default model is trained for 50 epochs and scored on the test images, once. What
limits it is asked of validation images, after a few epochs each: a code of four times
the size, a model of twice the width, and skip connections past the code at full
resolution. Writes low_noise.json.
"""

import argparse

import common
import keras
from keras import layers

import dae

SIGMA = 0.2


def build_default():
    """The tutorial's model."""
    return dae.build_autoencoder()


def build_large_code():
    """A code of 7 x 7 x 32 = 1,568 numbers."""
    return dae.build_autoencoder(
        dae.build_encoder(32), dae.build_decoder(32, overview_channels=4)
    )


def build_wide():
    """Twice as many channels everywhere but in the code."""
    return dae.build_autoencoder(
        dae.build_encoder(channels=128), dae.build_decoder(channels=128)
    )


def build_with_skips():
    """Sixteen maps of 28 x 28 go past the code, as in a U-Net."""
    images = keras.Input((28, 28, 1), name="images")
    coarse = dae.build_autoencoder()(images)
    detail = layers.Conv2D(16, 3, padding="same", activation="relu")(images)
    x = layers.Concatenate()([coarse, detail])  # 28 x 28 x 17
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    return keras.Model(images, x, name="with_skips")


VARIANTS = {
    "default": build_default,
    "large_code": build_large_code,
    "wide": build_wide,
    "with_skips": build_with_skips,
}


def train(build, x_train, x_val, epochs):
    """A model after its epochs."""
    keras.utils.set_random_seed(0)
    model = build()
    dae.train(model, x_train, x_val, common.noise(SIGMA), epochs=epochs)
    return model


def main():
    """Run both parts and write low_noise.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--short", type=int, default=2)
    options = parser.parse_args()
    (x_train, _), (x_val, _), (x_test, _) = dae.load_mnist()
    results = {"epochs": options.epochs, "short_epochs": options.short}
    for name, build in VARIANTS.items():
        model = train(build, x_train, x_val, options.short)
        results[name] = common.score(model, x_val, SIGMA)
        print(name, results[name], flush=True)
    model = train(build_default, x_train, x_val, options.epochs)
    results["validation"] = common.score(model, x_val, SIGMA)
    results["test"] = common.score(model, x_test, SIGMA)
    common.save("low_noise", results)


if __name__ == "__main__":
    main()
