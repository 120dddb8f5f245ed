"""What quality costs: models of one family, test PSNR over training time.

    PYTHONPATH=. python tests/benchmarks/frontier.py --epochs 10
    PYTHONPATH=. python tests/benchmarks/frontier.py --draw

First the models take turns in one process, a few steps at a time, and the median time
of a step is kept. Then each is trained at noise 0.5 for the same epochs, with the same
schedule and one seed. As a slower model is to be compared at equal time, ours is also
trained for fewer and for more epochs, and a U-Net for about as long as ours takes.
"time" is that of the whole training, as a multiple of our network's. Nothing is chosen
by these scores; validation and test PSNR are both written. Writes frontier.json, and
draws it as frontier.svg; with --draw it only draws.
"""

import argparse
import json
import re

import common
import keras
from common import SIGMA
from keras import layers
from matplotlib import rc_context
from matplotlib.figure import Figure

import dae
from dae.plotting import GREY, ORANGE, in_own_style

PICTURE = common.FOLDER / "frontier.svg"


def build(channels=64, overview=16, blocks=1):
    """The tutorial's model, with any number of residual blocks on each side."""
    images = keras.Input((28, 28, 1))
    start = {"activation": "relu", "kernel_initializer": "he_normal"}
    x = layers.Conv2D(channels, 4, strides=4, **start)(images)
    for i in range(blocks):
        x = dae.residual_block(x, f"encoder_{i}")
    z = layers.Dense(8)(x)
    whole = layers.Dense(49 * overview, activation="relu")(layers.Flatten()(z))
    x = layers.Concatenate()([z, layers.Reshape((7, 7, overview))(whole)])
    x = layers.Dense(channels, activation="relu")(x)
    for i in range(blocks):
        x = dae.residual_block(x, f"decoder_{i}")
    x = dae.join_patches(layers.Dense(16)(x))
    return keras.Model(images, layers.Activation("sigmoid")(x))


def build_unet(width=8):
    """A U-Net [Ronneberger et al. 2015] of two levels, with its skip connections."""

    def conv(filters, x):
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)

    images = keras.Input((28, 28, 1))
    top = conv(width, conv(width, images))
    middle = conv(2 * width, conv(2 * width, layers.MaxPooling2D()(top)))
    x = conv(4 * width, conv(4 * width, layers.MaxPooling2D()(middle)))
    x = layers.Concatenate()([layers.UpSampling2D()(x), middle])
    x = layers.Concatenate()([layers.UpSampling2D()(conv(2 * width, x)), top])
    x = layers.Conv2D(1, 3, padding="same")(conv(width, x))
    return keras.Model(images, layers.Activation("sigmoid")(x))


MODELS = {
    "tiny": lambda: build(16, overview=4),
    "small": lambda: build(32, overview=8),
    "narrow": lambda: build(48),
    "ours": dae.build_autoencoder,
    "deep": lambda: build(blocks=2),
    "overview of 32": lambda: build(overview=32),
    "wide": lambda: build(128),
    "U-Net": build_unet,
}
SHORTER_OR_LONGER = {  # other trainings: the model, and its epochs
    "ours, 5": ("ours", 5),
    "ours, 15": ("ours", 15),
    "ours, 24": ("ours", 24),  # about as long as ten of the wide one
    "U-Net, 4": ("U-Net", 4),  # about as long as ten of ours
}
NAMES_AT = {  # in points from the mark; all others stand above it, on its left
    "ours": (-6, -10),
    "ours, 15": (6, -10),
    "ours, 24": (-6, -10),
    "U-Net, 4": (6, -10),
    "U-Net": (6, 10),
}


@in_own_style
def draw(models, path=PICTURE):
    """Draw quality over time, with a line through those that no other beats.

    The picture's description has the names and numbers. The same numbers give the same
    bytes.
    """
    figure = Figure(figsize=(6.5, 3.6), layout="constrained")
    axis = figure.subplots()
    best = []  # no faster one is as good
    for entry in sorted(models.values(), key=lambda entry: entry["time"]):
        if not best or entry["validation"] > best[-1]["validation"]:
            best.append(entry)
    line = [(entry["time"], entry["validation"]) for entry in best]
    axis.plot(*zip(*line, strict=True), "-", color="0.7")
    for name, entry in models.items():
        place = entry["time"], entry["validation"]
        colour, marker = (ORANGE, "s") if name == "ours" else (GREY, "o")
        filling = colour if entry in best else "white"
        axis.plot(*place, marker, color=colour, mfc=filling, ms=6)
        x, y = NAMES_AT.get(name, (-6, 10))
        text = axis.annotate(name, place, (x, y), textcoords="offset points")
        text.set(va="center", ha="left" if x > 0 else "right")
        text.set_weight("bold" if name == "ours" else "normal")
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.margins(x=0.15, y=0.1)
    axis.set_xlabel("training time (ours, 10 epochs: 1)")
    axis.set_ylabel("PSNR on validation digits, dB")
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    about = {"Title": "What quality costs", "Description": describe(models)}
    about |= {"Creator": None, "Date": None}
    with rc_context({"svg.hashsalt": "dae"}):
        figure.savefig(path, format="svg", metadata=about)


def describe(models):
    """What the picture shows, in words."""
    points = (
        f"{n} {m['validation']:.2f} at {m['time']:.2f}" for n, m in models.items()
    )
    return f"PSNR on validation digits in dB, over training time: {'; '.join(points)}."


def main():
    """Time, train and score the models, write frontier.json, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument(
        "--only", nargs="*", help="train only these, or none; measure all times anew"
    )
    parser.add_argument("--draw", action="store_true", help="only draw frontier.json")
    options = parser.parse_args()
    if options.draw:
        draw(json.loads((common.FOLDER / "frontier.json").read_text())["models"])
        return
    (x_train, _), (x_val, _), (x_test, _) = dae.load_mnist()

    seconds = common.times_in_turns(
        {name: common.Training(make, x_train, 1) for name, make in MODELS.items()}
    )
    trainings = {name: (name, options.epochs) for name in MODELS} | SHORTER_OR_LONGER
    results = {"epochs": options.epochs, "models": {}}
    if options.only is not None:
        before = json.loads((common.FOLDER / "frontier.json").read_text())
        kept = {n: before["models"][n] for n in trainings if n not in options.only}
        results["models"] = kept
    for name in trainings if options.only is None else options.only:
        keras.utils.set_random_seed(0)
        kind, epochs = trainings[name]
        model = MODELS[kind]()
        dae.train(model, x_train, x_val, common.noise(SIGMA), epochs=epochs)
        results["models"][name] = {
            "epochs": epochs,
            "weights": model.count_params(),
            "validation": common.score(model, x_val, SIGMA)["psnr"],
            "test": common.score(model, x_test, SIGMA)["psnr"],
        }
        print(name, results["models"][name], flush=True)
    for name, entry in results["models"].items():  # of the whole training
        ratio = seconds[trainings[name][0]] / seconds["ours"]
        entry["time"] = ratio * entry["epochs"] / options.epochs
    # the same under names without spaces and signs, for the marks in the text
    results["by_key"] = {
        re.sub(r"\W+", "_", name): entry for name, entry in results["models"].items()
    }
    common.save("frontier", results)
    draw(results["models"])


if __name__ == "__main__":
    main()
