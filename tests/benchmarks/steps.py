"""From a plain convolutional autoencoder to this project's: one factor at a time.

    PYTHONPATH=. python tests/benchmarks/steps.py

The first row is the network of TensorFlow's tutorial, trained with noise that is drawn
once, cross-entropy, and Adam at its default rate, in batches of 128. Each later row
changes one thing and keeps the changes before it; the last row is this project's
network and training. (The tutorial has squared error, on other pictures with milder
noise. With it, the plain network here gets stuck on black pictures, so no row can start
from there: "squared_error" has the plain network and ours with that loss, "stuck" says
how many seeds ended on black, and the lead of cross-entropy leaves those out.) All rows
have the same number of epochs on the same images; the weights after the last epoch are
scored on validation images, with noise that is the same for all. Over three seeds (of
initial weights, order and noise): the mean, the lowest and the highest. A gain compares
rows seed by seed. "time" is that of an epoch, as a multiple of the last row's, all rows
taking turns. Writes steps.json.
"""

import argparse

import common
import keras
import numpy as np
from keras import layers

import dae


def build_without_overview():
    """This project's network, with a decoder that does not see the code as a whole."""
    code = keras.Input((7, 7, 8))
    x = layers.Dense(64, activation="relu")(code)
    x = dae.residual_block(x, "neighbours")
    x = dae.join_patches(layers.Dense(16)(x))
    decoder = keras.Model(code, layers.Activation("sigmoid")(x))
    return dae.build_autoencoder(decoder=decoder)


PLAIN = {
    "build": common.build_plain,
    "frozen": True,
    "loss": "binary_crossentropy",
    "constant": True,
    "batch": 128,
    "optimizer": keras.optimizers.Adam,
}
CHANGES = {
    "plain": {},
    "fresh_noise": {"frozen": False},
    "rate": {"constant": False},
    "patches": {"build": build_without_overview},
    "overview": {"build": dae.build_autoencoder},
    "batch": {"batch": common.BATCH},
    "muon": {"optimizer": dae.Muon},
}


def rows_of(changes):
    """The options of each row, with all changes up to its own."""
    rows, options = {}, PLAIN
    for name, change in changes.items():
        rows[name] = options = options | change
    return rows


STEPS = rows_of(CHANGES)
OTHER_LOSS = {
    name: STEPS[row] | {"loss": "mean_squared_error"}
    for name, row in {"plain": "plain", "ours": "muon"}.items()
}


def spread(values):
    """Mean, lowest and highest over the seeds."""
    return {
        "mean": float(np.mean(values)),
        "lowest": float(np.min(values)),
        "highest": float(np.max(values)),
    }


def psnr_after_training(row, seed, epochs, x_train, x_val):
    """Mean PSNR in dB on validation images, with the weights after the last epoch."""
    training = common.Training(clean=x_train, epochs=epochs, seed=seed, **row)
    for _ in range(epochs):
        training.epoch()
    return common.score(training.model, x_val, common.SIGMA)["psnr"]


def main():
    """Train all rows with each seed, and write steps.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    (x_train, _), (x_val, _), _ = dae.load_mnist()
    rows = STEPS | {f"{name}, squared error": row for name, row in OTHER_LOSS.items()}
    psnr = {name: [] for name in rows}
    for seed in range(options.seeds):
        for name, row in rows.items():
            psnr[name].append(
                psnr_after_training(row, seed, options.epochs, x_train, x_val)
            )
            print(seed, name, psnr[name][-1], flush=True)
    psnr = {name: np.array(values) for name, values in psnr.items()}

    trainings = {
        name: common.Training(clean=x_train, epochs=options.epochs, **row)
        for name, row in STEPS.items()
    }
    seconds = common.times_in_turns(trainings)
    results = {"epochs": options.epochs, "seeds": options.seeds}
    before = "plain"
    for name, training in trainings.items():
        results[name] = {
            "psnr": spread(psnr[name]),
            "gain": spread(psnr[name] - psnr[before]),
            "weights": training.model.count_params(),
            "multiplications": common.multiplications(training.model),
            "time": seconds[name] / seconds["muon"],
        }
        before = name
    results["all"] = spread(psnr["muon"] - psnr["plain"])
    black = float(dae.psnr(x_val, np.zeros_like(x_val)).mean())
    results["squared_error"] = {}
    for name in OTHER_LOSS:
        found = psnr[f"{name}, squared error"]
        stuck = found < black + 1
        results["squared_error"][name] = spread(found) | {"stuck": int(stuck.sum())}
    lead = (psnr["muon"] - found)[~stuck]  # of ours, with those seeds that trained
    results["squared_error"]["lead_of_cross_entropy"] = spread(lead)
    common.save("steps", results)


if __name__ == "__main__":
    main()
