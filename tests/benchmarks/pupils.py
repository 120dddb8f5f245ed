"""Do two networks that know the same digits agree, if only chance sets them apart?

    PYTHONPATH=. python tests/benchmarks/pupils.py

The pairs of section 17 differ in their digits and in chance: first weights, order and
noise. Here network A is trained a second time, with the chance of network B: what the
pair (A, A again) differs in comes from chance alone, what the pair (A
again, B) differs in, from the digits. All as in the notebook, at seed 0. Writes
pupils.json: for each size of set, how alike the answers to a thousand new noisy digits
are, in dB.
"""

from itertools import chain, count, islice

import common
import keras
import numpy as np

import dae

STEPS, SIZES = 859, (100, 27_500)


def unclipped(images, rng):
    """Add noise as in the notebook."""
    return dae.add_gaussian_noise(images, rng, level=0.5, clip=False)


def pupil(images, seed):
    """Train a network as the notebook's function of that name does."""
    keras.utils.set_random_seed(seed)
    model = dae.build_autoencoder(dae.build_encoder(8), dae.build_decoder(8))
    rng = np.random.default_rng([seed, 170])
    passes = (dae.noisy_batches(images, unclipped, 50, rng) for _ in count())
    dae.compile_denoiser(model, STEPS)
    for noisy, clean in islice(chain.from_iterable(passes), STEPS):
        model.train_on_batch(noisy, clean)
    return model


def main():
    """Train three networks of each size, and write pupils.json."""
    (x_train, _), _, (x_test, _) = dae.load_mnist()
    draw = np.random.default_rng([0, 70])
    sample = np.sort(draw.choice(len(x_test), 1_000, replace=False))
    noisy = unclipped(x_test[sample], np.random.default_rng([0, 15, 11]))
    half, other_half = np.array_split(x_train, 2)
    found = {}
    for size in SIZES:
        a, again, b = (
            pupil(images[:size], seed).predict_on_batch(noisy)
            for images, seed in ((half, 0), (half, 1), (other_half, 1))
        )
        pairs = {"both": (a, b), "chance": (a, again), "digits": (again, b)}
        found[str(size)] = {
            name: dae.psnr(*pair).mean() for name, pair in pairs.items()
        }
    common.save("pupils", found)


if __name__ == "__main__":
    main()
