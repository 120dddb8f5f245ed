"""How soon the model is as good as the recipe of `recipe.py` is after 50 epochs.

    PYTHONPATH=. python tests/benchmarks/time_to_quality.py --sigma 0.5 0.2

At each noise level the recipe is trained for 50 epochs, then this
project's model for 2, 3, 4, 6, ... epochs, each from the start and with its whole
schedule, until it has at most the recipe's error on validation images. The share is
that of the successful training in the recipe's seconds. On two cores it takes almost an
hour. Writes time_to_quality.json.
"""

import argparse

import common
from recipe import our_training, recipe_training

import dae

TRIED = (2, 3, 4, 6, 8, 10, 12, 15, 20, 30, 50)


def train(model, epochs, x_val, sigma):
    """Seconds and validation score of a training."""
    seconds = sum(model.epoch() for _ in range(epochs))
    return {"epochs": epochs, "seconds": seconds} | common.score(
        model.model, x_val, sigma
    )


def main():
    """Train both at each level, and write time_to_quality.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.5, 0.2])
    options = parser.parse_args()
    (x_train, _), (x_val, _), _ = dae.load_mnist()
    results = {}
    for sigma in options.sigma:
        recipe = train(recipe_training(x_train, sigma), options.epochs, x_val, sigma)
        print(sigma, "recipe", recipe, flush=True)
        for epochs in TRIED:
            ours = train(our_training(x_train, epochs, sigma), epochs, x_val, sigma)
            print(sigma, "ours", ours, flush=True)
            if ours["mse"] <= recipe["mse"]:
                break
        results[f"sigma_{round(10 * sigma)}"] = {
            "recipe": recipe,
            "ours": ours,
            "reached": ours["mse"] <= recipe["mse"],
            "share_of_time": ours["seconds"] / recipe["seconds"],
        }
    common.save("time_to_quality", results)


if __name__ == "__main__":
    main()
