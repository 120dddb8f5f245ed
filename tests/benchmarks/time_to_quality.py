"""How soon the model is as good as two public ones are after 50 epochs.

    PYTHONPATH=. python tests/benchmarks/time_to_quality.py --sigma 0.5 0.2

The public ones are the recipe of `recipe.py` and Keras's example of `public_models.py`.
At each noise level both are trained for 50 epochs, and this project's model for 2, 3,
4, ... epochs, each from the start and with its whole schedule. The first of ours whose
error on validation images is at most a public model's has reached it.

The share of time is measured after that: both are trained anew for as many epochs as
ours then needs, taking turns after each, so that a slow minute of the machine meets
both, and the public model's time is scaled to its 50 epochs. `--times-only` does this
part alone, as on another machine. On two cores all of it takes almost an hour. Writes
time_to_quality.json.
"""

import argparse
import json

import common
from public_models import build_keras_example
from recipe import build_recipe, our_training, recipe_training

import dae

TRIED = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15)
PUBLIC = {"recipe": build_recipe, "keras_example": build_keras_example}


def train(training, epochs, x_val, sigma):
    """Validation score after so many epochs."""
    for _ in range(epochs):
        training.epoch()
    found = {"epochs": epochs} | common.score(training.model, x_val, sigma)
    print(sigma, found, flush=True)
    return found


def qualities(x_train, x_val, sigma, epochs):
    """Train all at one level; for each public model, add the first of ours as good."""
    tried = [train(our_training(x_train, n, sigma), n, x_val, sigma) for n in TRIED]
    found = {"tried": tried}
    for name, build in PUBLIC.items():
        public = recipe_training(x_train, sigma, build)
        found[name] = train(public, epochs, x_val, sigma)
        as_good = [ours for ours in tried if ours["mse"] <= found[name]["mse"]]
        found[name]["ours"] = as_good[0] if as_good else None
    return found


def share_of_time(x_train, sigma, build, ours, epochs):
    """Seconds of our training among the public model's, both measured in turns."""
    pair = our_training(x_train, ours, sigma), recipe_training(x_train, sigma, build)
    seconds = [[training.epoch() for training in pair] for _ in range(ours)]
    our_seconds, public_seconds = map(sum, zip(*seconds, strict=True))
    return our_seconds / (public_seconds * epochs / ours)


def main():
    """Measure, and write time_to_quality.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.5, 0.2])
    parser.add_argument("--times-only", action="store_true")
    options = parser.parse_args()
    (x_train, _), (x_val, _), _ = dae.load_mnist()
    results = json.loads((common.FOLDER / "time_to_quality.json").read_text())
    for sigma in options.sigma:
        key = f"sigma_{round(10 * sigma)}"
        if not options.times_only:
            results[key] = qualities(x_train, x_val, sigma, options.epochs)
        for name, build in PUBLIC.items():
            public = results[key][name]
            if public["ours"]:
                public["share_of_time"] = share_of_time(
                    x_train, sigma, build, public["ours"]["epochs"], public["epochs"]
                )
            print(sigma, name, public, flush=True)
    common.save("time_to_quality", results)


if __name__ == "__main__":
    main()
