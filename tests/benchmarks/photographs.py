"""How good is a small network of convolutions on photographs that it has not seen?

    PYTHONPATH=. python tests/benchmarks/photographs.py --steps 3000

Trains `dae.build_unet` with the lesson's loop on crops of a few free photographs, and
of the same at half the size, once for colour and once for grey, and writes the weights
that `dae.load_photo_denoiser` loads. Then it compares with non-local means and total
variation, which are told the level, tuned on training photographs, and get a curve that
is fitted there too, on photographs that nobody has seen. ``--measure`` leaves the
training out. Writes photographs.json.

Licences: "astronaut" and "hubble" are NASA's, public domain; "rocket" is SpaceX's,
public domain; "retina" (M. Haeggstroem), "cell" (P. Mueller et al.), "cat" (S. van der
Walt), "cup" (R. Michetti) and "camera" (L. Varshney) are CC0; "text" is public domain;
"tissue" and "coins" have no known copyright restrictions; "china" (danielbuechele) and
"flower" (vultilion) are CC BY 2.0. scikit-image and scikit-learn ship all of them.
"""

import argparse
import time
from functools import partial

import common
import keras
import numpy as np
from skimage import data
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
from sklearn.datasets import load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d

import dae
from dae.checkpoint import PRETRAINED_PATH

LEVELS = (25 / 255, 50 / 255)
HELD_OUT = {
    "cat": data.chelsea,
    "cup": data.coffee,
    "camera": data.camera,
    "coins": data.coins,
}


def as_picture(array, channels):
    """A photograph of 8 bits as (1, H, W, C), in [0, 1]."""
    array = np.float32(array) / 255
    if array.ndim == 3 and channels == 1:
        array = array.mean(axis=-1)
    return array.reshape(1, *array.shape[:2], channels)


def training_pictures(channels):
    """Photographs to learn from, and the same at half the size."""
    found = [data.astronaut, data.hubble_deep_field, data.rocket, data.retina]
    found = [make() for make in (*found, data.immunohistochemistry)]
    found += load_sample_images().images
    if channels == 1:
        found += [data.text(), data.cell()]
    found = [as_picture(array, channels) for array in found]
    whole = [p[:, : p.shape[1] // 2 * 2, : p.shape[2] // 2 * 2] for p in found]
    halves = [
        p.reshape(1, p.shape[1] // 2, 2, -1, 2, channels).mean(axis=(2, 4))
        for p in whole
    ]
    return found + halves


def crops_of(pictures, count, size, seed):
    """Crops from random places, as many of each picture; every other one is turned."""
    rng = np.random.default_rng(seed)
    pictures = [p for p in pictures if min(p.shape[1:3]) > size]
    options = {"max_patches": count // len(pictures) + 1}
    crops = [
        extract_patches_2d(
            p[0], (size, size), random_state=int(rng.integers(2**31)), **options
        ).reshape(-1, size, size, p.shape[-1])
        for p in pictures
    ]
    crops = rng.permutation(np.concatenate(crops))[:count]
    crops[::2] = crops[::2].swapaxes(1, 2).copy()
    return crops


def any_level(images, rng):
    """Add noise of another level to each image."""
    levels = rng.uniform(0, 0.3, len(images))
    return dae.add_gaussian_noise(images, rng, level=levels)


def train(channels, steps):
    """Train a network, and keep its weights with half the precision."""
    pictures = training_pictures(channels)
    crops = crops_of(pictures, 16 * steps, 48, seed=0)
    val_crops = crops_of(pictures, 256, 48, seed=1)
    keras.utils.set_random_seed(0)
    network = dae.build_unet(channels)
    dae.compile_denoiser(network, steps, 4e-3, loss="mean_squared_error")
    start = time.process_time()
    options = {"epochs": 1, "batch_size": 16}
    for _state in dae.training_loop(network, crops, val_crops, any_level, **options):
        pass
    seconds = time.process_time() - start
    path = PRETRAINED_PATH.with_name(f"photographs_{channels}.npz")
    weights = [weight.astype(np.float16) for weight in network.get_weights()]
    np.savez_compressed(path, *weights)
    return seconds


def non_local_means(images, level, strength, distance, told):
    """Non-local means; `told` is how much of the level the patches' distances allow."""
    options = {"patch_size": 5, "patch_distance": distance, "channel_axis": -1}
    options |= {"h": strength * level, "sigma": told * level}
    restored = [denoise_nl_means(x, **options) for x in images]
    return np.clip(restored, 0, 1).astype(np.float32).reshape(images.shape)


def total_variation(images, level, weight):
    """Total variation, with a weight that grows with the level."""
    restored = [
        denoise_tv_chambolle(x, weight * level, channel_axis=-1) for x in images
    ]
    return np.clip(restored, 0, 1).astype(np.float32)


def tuned(channels, level):
    """Both filters, tuned and given a curve on crops of training photographs."""
    clean = crops_of(training_pictures(channels), 28, 128, seed=2)
    noisy = dae.add_gaussian_noise(clean, np.random.default_rng(3), level=level)
    alike = [
        partial(non_local_means, level=level, strength=h, distance=d, told=told)
        for h in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
        for d in (6, 9)
        for told in (0, 1)
    ]
    smooth = [
        partial(total_variation, level=level, weight=w)
        for w in (0.4, 0.6, 0.8, 1.0, 1.2, 1.5)
    ]
    chosen = {
        "non_local_means": dae.baselines.tune(alike, noisy, clean),
        "total_variation": dae.baselines.tune(smooth, noisy, clean),
    }
    told = {name: each.keywords for name, each in chosen.items()}
    with_curve = dae.baselines.with_curve
    return {name: with_curve(f, noisy, clean) for name, f in chosen.items()}, told


def measure():
    """PSNR of each method on each photograph that nobody has seen."""
    found, settings = {}, {}
    for channels in (3, 1):
        network = dae.load_photo_denoiser(channels)
        for level in LEVELS:
            key = f"level_{round(255 * level)}"
            methods, settings[f"{key}_channels_{channels}"] = tuned(channels, level)
            methods["ours"] = partial(dae.denoise, network)
            methods["noisy"] = np.copy
            for name, make in HELD_OUT.items():
                if (make().ndim == 3) != (channels == 3):
                    continue
                clean = as_picture(make(), channels)
                rng = dae.rng(0, f"{name} {key}")
                noisy = dae.add_gaussian_noise(clean, rng, level=level)
                quality = {
                    m: float(dae.psnr(clean, f(noisy))[0]) for m, f in methods.items()
                }
                found.setdefault(name, {})[key] = quality
                print(name, key, quality, flush=True)
    return {"held_out": found, "tuned": settings}


def main():
    """Train, measure, and write photographs.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--channels", type=int, nargs="+", default=[3, 1])
    given = parser.parse_args()
    if not given.measure:
        print({c: train(c, given.steps) for c in given.channels})
    if len(given.channels) == 2:
        common.save("photographs", {"steps": given.steps, **measure()})


if __name__ == "__main__":
    main()
