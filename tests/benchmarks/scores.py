"""What `dae.score` says of five denoisers, from black to ours.

    PYTHONPATH=. python tests/benchmarks/scores.py

All of them are made as in the lesson, from training and validation digits. Writes
scores.json. A much larger network with the same code is in large.json.
"""

from functools import partial

import common
import keras
import numpy as np

import dae


def methods():
    """Denoisers by name, from the worst to the best."""
    (x_train, _), (x_val, _), _ = dae.load_mnist()
    corrupt = common.noise(common.SIGMA)
    noisy_train = corrupt(x_train, dae.rng(0, "noise for the affine denoiser"))
    noisy_val = corrupt(x_val, dae.rng(0, "tuning"))
    few = {"noisy": noisy_train[:200], "clean": x_train[:200]}
    with_curve = partial(dae.baselines.with_curve, **few)
    blurs = [partial(dae.baselines.gaussian, width=w) for w in (0.8, 0.9, 1.0, 1.2)]
    curved = [with_curve(blur) for blur in blurs]
    keras.utils.set_random_seed(0)
    plain = common.build_plain()
    plain.compile(optimizer="adam", loss="binary_crossentropy")
    plain.fit(noisy_train, x_train, epochs=3, batch_size=256, verbose=0)
    return {
        "black": np.zeros_like,
        "gaussian_blur": dae.baselines.tune(curved, noisy_val[:200], x_val[:200]),
        "plain_network": partial(dae.denoise, plain),
        "affine": with_curve(dae.baselines.fit_affine_denoiser(noisy_train, x_train)),
        "ours": partial(dae.denoise, dae.load_denoiser()),
    }


def main():
    """Score them, and write scores.json."""
    found = {}
    for name, method in methods().items():
        found[name] = {k: v._asdict() for k, v in dae.score(method).items()}
        print(name, found[name], flush=True)
    names = {"PSNR (dB)": "psnr", "SSIM": "ssim", "MSE": "mse"}
    common.save(
        "scores",
        {m: {names[k]: v for k, v in each.items()} for m, each in found.items()},
    )


if __name__ == "__main__":
    main()
