"""The live network at the top of the page: its markup, its style, its script, its data.

The network runs in the reader's browser, in the JavaScript of ``network.js``, which
knows one architecture, that of `dae.build_autoencoder`. Another one is refused.
"""

import base64
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dae.notebook import quiet_start

HERE = Path(__file__).parent
LAYERS = {  # what network.js knows: the shapes of the kernels, in the order of use
    "encoder/patches": (4, 4, 1, 64),
    "encoder/neighbours_1": (3, 3, 64, 16),
    "encoder/neighbours_2": (3, 3, 16, 64),
    "encoder/code": (64, 8),
    "decoder/whole": (392, 784),
    "decoder/join": (24, 64),
    "decoder/neighbours_1": (3, 3, 64, 16),
    "decoder/neighbours_2": (3, 3, 16, 64),
    "decoder/paint": (64, 16),
}
OF_EACH = 10  # test digits of each class


class Live(NamedTuple):
    """What a page with the live network needs, as text."""

    markup: str
    style: str
    script: str


def live_parts(path: str | Path | None = None) -> Live:
    """Put the live network together.

    Parameters
    ----------
    path : str or Path, optional
        The trained model, as `dae.load_denoiser` loads it; by default the package's.

    Returns
    -------
    Live
        The markup holds the weights as float16, and a hundred test digits.

    Raises
    ------
    FileNotFoundError
        If there is no such model, or MNIST is not there.
    ValueError
        If its layers are not those that the page's JavaScript computes.
    """
    text = {name: (HERE / name).read_text(encoding="utf-8") for name in FILES}
    data = json.dumps(live_data(path))
    data = f'<script type="application/json" id="live-data">{data}</script>\n'
    script = text["network.js"] + text["live.js"].replace('"use strict";\n', "")
    return Live(text["live.html"] + data, text["live.css"], script)


FILES = ("live.html", "live.css", "network.js", "live.js")


def live_data(path: str | Path | None = None) -> dict[str, object]:
    """Return what the script needs: weights, digits, and what the maps say on average.

    Parameters
    ----------
    path : str or Path, optional
        As in `live_parts`.

    Returns
    -------
    dict
        ``layers``, a list of name, size of the kernel, and outputs; the arrays
        ``weights`` and ``meanCode``, float16, and ``digits``, uint8, in base64;
        ``spread``, how far a number of the code is from its mean, at most, in 99 of
        100 cases.
    """
    with quiet_start():  # here, as it takes seconds to start TensorFlow
        from dae.data import load_mnist
        from dae.model import load_denoiser
        from dae.noise import add_gaussian_noise

    model = load_denoiser(path)
    kernels = check_layers(model)
    _, (x_val, _), (x_test, y_test) = load_mnist()
    noisy = add_gaussian_noise(x_val[:1_000], np.random.default_rng(0), level=0.5)
    codes = model.get_layer("encoder").predict(noisy, batch_size=500, verbose=0)
    mean = codes.mean(axis=0)
    first = [np.flatnonzero(y_test == digit)[:OF_EACH] for digit in range(10)]
    digits = x_test[np.concatenate(first)]
    parts = [part.ravel() for pair in kernels.values() for part in pair]
    return {
        "layers": [[n, *(part.size for part in pair)] for n, pair in kernels.items()],
        "weights": encoded(np.concatenate(parts).astype("<f2")),
        "meanCode": encoded(mean.astype("<f2")),
        "spread": round(float(np.quantile(abs(codes - mean), 0.99)), 3),
        "digits": encoded(np.round(255 * digits).astype(np.uint8)),
    }


def check_layers(model) -> dict[str, list[NDArray[np.float32]]]:
    """Return kernel and bias of each layer with weights, if the page knows them all."""
    found = {}
    for part in model.layers:
        for layer in getattr(part, "layers", [part]):
            if layer.weights:
                found[f"{part.name}/{layer.name}"] = layer.get_weights()
    shapes = {name: weights[0].shape for name, weights in found.items()}
    if shapes != LAYERS:
        told = f"model must have the layers that network.js computes, {LAYERS}"
        raise ValueError(f"{told}; got {shapes}: change both together")
    return found


def encoded(array: NDArray) -> str:
    """Write an array's bytes as base64."""
    return base64.b64encode(array.tobytes()).decode()
