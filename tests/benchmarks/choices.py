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
    "rate_002": {"learning_rate": 2e-3},
    "mse_002": {"loss": "mean_squared_error", "learning_rate": 2e-3},
    "little_overview": {"overview_channels": 1},
}


def main():
    """Train and score each variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    epochs = parser.parse_args().epochs
    (x_train, _), (x_val, _), _ = dae.load_mnist()
    results = {"epochs": epochs}
    for name, options in VARIANTS.items():
        keras.utils.set_random_seed(0)
        options = dict(options)
        decoder = dae.build_decoder(
            overview_channels=options.pop("overview_channels", 16)
        )
        model = dae.build_autoencoder(decoder=decoder)
        corrupt = common.noise(SIGMA)
        dae.train(model, x_train, x_val, corrupt, epochs=epochs, **options)
        results[name] = common.score(model, x_val, SIGMA)
        print(name, results[name], flush=True)
    common.save("choices", results)


if __name__ == "__main__":
    main()
