"""How good a larger network gets with the same code of 392 numbers.

    PYTHONPATH=. python tests/benchmarks/large.py --epochs 50

Three times the channels, two residual blocks on each side, twice the overview: trained
as the tutorial's model is, and scored on the test images. "time" is that of an epoch,
as a multiple of the tutorial's model's. Writes large.json.
"""

import argparse

import common
import keras
from common import SIGMA
from frontier import build

import dae


def build_large():
    """The larger setting."""
    return build(channels=192, overview=32, blocks=2)


def main():
    """Train, score and time it, and write large.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    epochs = parser.parse_args().epochs
    (x_train, _), (x_val, _), (x_test, _) = dae.load_mnist()
    pair = {"default": dae.build_autoencoder, "large": build_large}
    seconds = common.times_in_turns(
        {name: common.Training(make, x_train, 1) for name, make in pair.items()}
    )
    keras.utils.set_random_seed(0)
    model = build_large()
    dae.train(model, x_train, x_val, common.noise(SIGMA), epochs=epochs)
    results = {
        "epochs": epochs,
        "weights": model.count_params(),
        "time": seconds["large"] / seconds["default"],
        "validation": common.score(model, x_val, SIGMA),
        "test": common.score(model, x_test, SIGMA),
    }
    common.save("large", results)


if __name__ == "__main__":
    main()
