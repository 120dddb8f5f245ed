"""The main training on an accelerator, with Keras on JAX: how long, how good, and why.

    KERAS_BACKEND=jax PYTHONPATH=. python tests/benchmarks/accelerator.py

Trains as section 4 does and writes (accelerator.json) seconds for each epoch and for
the whole, and the PSNR on test digits; whether two trainings end with the same
weights; and what a step takes in the lesson's loop, in Keras's `fit` with one or with
several steps a call, and on the device alone.
"""

import argparse
import time

import common
import jax
import keras
import numpy as np
from jax import numpy as jnp

import dae


def new_model(weights, steps):
    """The lesson's network with the given first weights, compiled."""
    model = dae.build_autoencoder()
    if weights:
        model.set_weights([array for _, array in sorted(np.load(weights).items())])
    dae.compile_denoiser(model, steps)
    return model


def main_job(model, images, val_images, epochs):
    """Train as the lesson does; seconds, and quality on test digits."""
    ends, noise = [time.perf_counter()], common.noise(common.SIGMA)
    for state in dae.training_loop(model, images, val_images, noise, epochs=epochs):
        if state.epoch_ended:
            ends.append(time.perf_counter())
    model.set_weights(state.best_weights)
    seconds = np.diff(ends)
    return {
        "epochs": epochs,
        "seconds": float(seconds.sum()),
        "first_epoch": float(seconds[0]),
        "epoch": float(np.median(seconds[1:])),
        "val_loss": min(state.history["val_loss"]),
        "test": common.score(model, dae.load_mnist()[2][0], common.SIGMA),
    }


def same_twice(weights, images, val_images):
    """Whether two trainings from the same weights end with the same, bit for bit."""
    ends = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        model = new_model(weights, 1)
        noise = common.noise(common.SIGMA)
        dae.train(model, images[:12_800], val_images, noise, epochs=2)
        ends.append(model.get_weights())
    return all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


def step_times(weights, images, rounds=3):
    """Milliseconds of a step, by the way it is called; medians, taking turns."""
    steps = len(images) // common.BATCH
    rng, noise = np.random.default_rng(0), common.noise(common.SIGMA)
    pairs = list(dae.noisy_batches(images, noise, common.BATCH, rng))
    noisy, clean = map(np.concatenate, zip(*pairs, strict=True))
    models = {name: new_model(weights, 10_000) for name in ("loop", "ready")}
    for several in (1, 10, 50):
        name = f"fit_{several}"
        models[name] = new_model(weights, 10_000)
        models[name].compile(
            models[name].optimizer, "binary_crossentropy", steps_per_execution=several
        )
    step, scan, state = bare_steps(new_model(weights, 10_000))
    on_device = [tuple(map(jnp.asarray, pair)) for pair in pairs]
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *on_device)

    def noise_only():
        for _ in dae.noisy_batches(images, noise, common.BATCH, rng):
            pass

    def in_loop(batches, model):
        for noisy, clean in batches:
            model.train_on_batch(noisy, clean)

    def one_by_one():
        carried = state
        for pair in on_device:
            carried, loss = step(carried, pair)
        jax.block_until_ready(loss)

    fits = {
        name: lambda model=model: model.fit(
            noisy, clean, batch_size=common.BATCH, shuffle=False, verbose=0
        )
        for name, model in models.items()
        if name.startswith("fit")
    }
    ways = fits | {
        "noise_only": noise_only,
        "loop": lambda: in_loop(
            dae.noisy_batches(images, noise, common.BATCH, rng), models["loop"]
        ),
        "loop_noise_ready": lambda: in_loop(iter(pairs), models["ready"]),
        "device_one_by_one": one_by_one,
        "device_all_in_one_call": lambda: jax.block_until_ready(scan(state, stacked)),
    }
    seconds = {name: [] for name in ways}
    for _ in range(1 + rounds):  # the first round compiles
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * float(np.median(s[1:])) / steps for name, s in seconds.items()}


def bare_steps(model):
    """A step of training without Keras's loop, and one call that takes many."""
    optimizer = model.optimizer
    state = tuple(
        [variable.value for variable in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            optimizer.variables,
        )
    )

    def loss_of(trainable, fixed, noisy, clean):
        answers, fixed = model.stateless_call(trainable, fixed, noisy, training=True)
        return keras.losses.binary_crossentropy(clean, answers).mean(), fixed

    def step(state, pair):
        trainable, fixed, of_optimizer = state
        gradient = jax.value_and_grad(loss_of, has_aux=True)
        (loss, fixed), gradients = gradient(trainable, fixed, *pair)
        trainable, of_optimizer = optimizer.stateless_apply(
            of_optimizer, gradients, trainable
        )
        return (trainable, fixed, of_optimizer), loss

    return jax.jit(step), jax.jit(lambda s, pairs: jax.lax.scan(step, s, pairs)), state


def main():
    """Train, time, and write accelerator.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--images", type=int, default=55_000)
    parser.add_argument("--weights", help="an .npz of first weights, arr_0, arr_1, ...")
    options = parser.parse_args()
    (images, _), (val_images, _), _ = dae.load_mnist()
    images = images[: options.images]

    keras.utils.set_random_seed(0)
    model = new_model(options.weights, 1)
    results = {"device": jax.devices()[0].device_kind}
    print(results, flush=True)
    for name, found in (
        ("main", lambda: main_job(model, images, val_images, options.epochs)),
        ("milliseconds", lambda: step_times(options.weights, images[:12_800])),
        ("same_twice", lambda: same_twice(options.weights, images, val_images)),
    ):
        results[name] = found()
        print(name, results[name], flush=True)
    common.save("accelerator", results)


if __name__ == "__main__":
    main()
