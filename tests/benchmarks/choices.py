"""The choices the tutorial made, each against its alternatives, on validation images.

    PYTHONPATH=. python tests/benchmarks/choices.py --epochs 3

Every run starts from the same seed and differs from the default in one thing. Writes
choices.json, which the tutorial quotes.
"""

import argparse

import common
import keras

import dae

SIGMA = 0.5
VARIANTS = {
    "bce": {},
    "mse": {"loss": "mean_squared_error"},
    "slow": {"learning_rate": 2.5e-3},
    "mse_slow": {"loss": "mean_squared_error", "learning_rate": 2.5e-3},
    "bce_faint": {"paint": 0.25},  # the painting layer's initial weights, as a share
    "mse_faint": {"paint": 0.25, "loss": "mean_squared_error"},
    "default_start": {"patches": "glorot_uniform"},  # Keras's default
    "little_overview": {"overview_channels": 1},
}


def build(overview_channels=16, patches=None, paint=1.0):
    """The tutorial's model, with a change to its layers or its initial weights."""
    keras.utils.set_random_seed(0)
    decoder = dae.build_decoder(overview_channels=overview_channels)
    model = dae.build_autoencoder(decoder=decoder)
    if patches:
        kernel = model.get_layer("encoder").get_layer("patches").kernel
        kernel.assign(keras.initializers.get(patches)(kernel.shape))
    kernel = decoder.get_layer("paint").kernel
    kernel.assign(paint * kernel)
    return model


def main():
    """Train and score each variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    epochs = parser.parse_args().epochs
    (x_train, _), (x_val, _), _ = dae.load_mnist()
    results = {"epochs": epochs}
    for name, options in VARIANTS.items():
        of_training = {k: options[k] for k in options if k in ("loss", "learning_rate")}
        model = build(**{k: options[k] for k in options if k not in of_training})
        corrupt = common.noise(SIGMA)
        dae.train(model, x_train, x_val, corrupt, epochs=epochs, **of_training)
        results[name] = common.score(model, x_val, SIGMA)
        print(name, results[name], flush=True)
    results["lead_of_start"] = results["bce"]["psnr"] - results["default_start"]["psnr"]
    results["lead_of_cross_entropy"] = results["bce"]["psnr"] - results["mse"]["psnr"]
    common.save("choices", results)


if __name__ == "__main__":
    main()
