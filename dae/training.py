"""Training with noise that is drawn anew in every epoch."""

import inspect
import json
import math
import zlib
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dae._checks import check_count, check_images, check_model, check_same_shape, refuse
from dae._replicas import in_step, replicas_of
from dae.checkpoint import History, Training, values_of, variables_of
from dae.model import build_autoencoder
from dae.optimizer import compile_denoiser

Corruption = Callable[[NDArray, np.random.Generator], NDArray]
DIVERGED = (
    "training has diverged; try a lower learning_rate, and look at the images for odd "
    "values"
)


def noisy_batches(
    images: NDArray, corrupt: Corruption, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield one epoch of training pairs: shuffled, with noise drawn on the spot.

    Parameters
    ----------
    images : ndarray, float32, shape (N, 28, 28, 1), values in [0, 1]
        Clean images.
    corrupt : callable (images, rng) -> images
        Such as ``partial(add_gaussian_noise, level=0.5)``.
    batch_size : int
        Images in a batch. What is left over at the end is dropped; as the order is
        shuffled, other images are left over in each epoch.
    rng : numpy.random.Generator
        For the order and for the noise.

    Yields
    ------
    noisy, clean : ndarray, float32, shape (batch_size, 28, 28, 1)

    Raises
    ------
    TypeError, ValueError
        At the first batch, if `batch_size` is not a whole number above 0.
    """
    batch_size = check_count(batch_size, "batch_size")
    order = rng.permutation(len(images))
    for start in range(0, len(images) - batch_size + 1, batch_size):
        clean = images[order[start : start + batch_size]]
        yield corrupt(clean, rng), clean


def evaluate(model: keras.Model, noisy: NDArray, clean: NDArray) -> float:
    """Mean loss of a compiled model over pairs of images, in batches of 500.

    Parameters
    ----------
    model : keras.Model
    noisy, clean : ndarray, float32, shape (N, 28, 28, 1)
        The clean ones with values in [0, 1].

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If the two are not such batches, their shapes differ, or `model` does not take
        them or is not compiled.
    FloatingPointError
        If the loss is not finite.
    """
    clean, noisy = check_images(clean, "clean"), np.asarray(noisy, np.float32)
    check_same_shape(noisy, clean, ("noisy", "clean"))
    check_model(model, shape=clean.shape[1:])
    total, model = 0.0, in_step(model)
    for start in range(0, len(clean), 500):
        part = slice(start, start + 500)
        model.reset_metrics()  # some versions of Keras do so themselves
        found = model.test_on_batch(noisy[part], clean[part])
        total += float(np.ravel(found)[0]) * len(clean[part])  # without other metrics
    loss = total / len(clean)
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss over the images is {loss}: {DIVERGED}")
    return loss


def _generators(seed: int, count: int) -> list[np.random.Generator]:
    """Make independent sources of random numbers from one seed.

    Parameters
    ----------
    seed, count : int

    Returns
    -------
    list of numpy.random.Generator
    """
    seeds = np.random.SeedSequence(seed).spawn(count)
    return [np.random.default_rng(each) for each in seeds]


def checked(loop: Callable) -> Callable:
    """Check the arguments of `training_loop` at the call, and make a state if need be.

    A generator would do so only when its first value is asked for.
    """
    signature = inspect.signature(loop)

    @wraps(loop)
    def start(*arguments, **options) -> Iterator[Training]:
        call = signature.bind(*arguments, **options)
        call.apply_defaults()
        given = call.arguments
        settings, model = _check_training(given), given["model"]
        if given["state"] is None:
            variables = values_of(variables_of(model))
            given["state"] = Training(settings, model.get_weights(), variables)
        given["state"].check(model, settings)
        given["model"] = in_step(model)  # itself, unless it is spread over devices
        return _say_where_interrupted(loop(**given), given["state"])

    return start


def _say_where_interrupted(
    loop: Iterator[Training], state: Training
) -> Iterator[Training]:
    try:
        yield from loop
    except KeyboardInterrupt:
        told = f"interrupted after {state.done:.2f} of {state.epochs} epochs: "
        told += "the network stays as it is, after its last step"
        raise KeyboardInterrupt(told) from None


@checked  # checks the arguments; puts a new state in the place of None
def training_loop(
    model, images, val_images, corrupt, *, epochs=50, batch_size=256, seed=0, state=None
):
    """Train a denoiser step by step, and say after each step where the training stands.

    All else is up to the caller's ``for`` loop: to show progress, to look at answers,
    to save a checkpoint, or to stop early with ``break``.

    Parameters
    ----------
    model : keras.Model
        (N, H, W, C) to the same shape; compiled for ``epochs`` times batches in an
        epoch, such as by `compile_denoiser`. Trained in place: it has the weights of
        the last step, the best ones are in the state. Under a ``tf.distribute``
        strategy, for several devices or machines, build, compile and train it in the
        strategy's scope: each replica gets its part of every batch.
    images, val_images : ndarray, float32, shape (N, H, W, C), values in [0, 1]
        Clean images to learn from, and others to choose the best epoch by. At least
        one batch of the first.
    corrupt : callable (images, rng) -> images
        The noise to learn to undo, such as ``partial(add_gaussian_noise, level=0.5)``.
        Training images get fresh noise in each epoch, validation images the same noise
        throughout. (It is tried once on the validation images before.)
    epochs, batch_size : int
        Passes over `images`, and images in a step, of all replicas together.
    seed : int
        Of order and noise, at least 0. (The initial weights are the model's own.)
    state : Training, optional
        Where to go on, as `load_checkpoint` gives it; the outcome is that of an
        unbroken run. It is changed in place. By default, training begins.

    Yields
    ------
    Training
        After each step, always the same object. At an epoch's end both losses are known
        and ``done`` is whole. They are measured alike: with the weights at the end of
        the epoch, with noise of the same law that stays fixed; ``val_loss`` on all
        validation images, ``train_loss`` on the first training images, as many if there
        are so many.

    Raises
    ------
    TypeError, ValueError
        At the call, if an argument is not as described above, `state` is of another
        run, or the model's loss or optimiser is one that cannot be written to a
        checkpoint.
    FloatingPointError
        If the loss at an epoch's end is not finite.

    Notes
    -----
    An interrupt leaves the model as it is, after its last step; one that comes in a
    step says so. The same call with the state that the loop last gave goes on after the
    last whole epoch.

    Examples
    --------
    >>> compile_denoiser(model, 50 * (len(x_train) // 256))
    >>> for state in training_loop(model, x_train, x_val, corrupt):
    ...     if state.done == 10:
    ...         break
    >>> model.set_weights(state.best_weights)
    """
    fixed, *fresh = _generators(seed, 1 + epochs)  # random numbers, anew in each epoch
    val_noisy = corrupt(val_images, fixed)  # once, so that epochs can be compared
    some = images[: len(val_images)]  # equally many training images
    some_noisy = corrupt(some, fixed)
    steps = len(images) // batch_size
    state.restore(model)
    for epoch in range(state.epochs_done, epochs):
        batches = noisy_batches(images, corrupt, batch_size, fresh[epoch])
        for step, (noisy, clean) in enumerate(batches, start=1):
            model.train_on_batch(noisy, clean)
            state.done = epoch + step / steps
            if step < steps:  # after the last step, the loop yields below
                yield state
        train_loss = evaluate(model, some_noisy, some)
        val_loss = evaluate(model, val_noisy, val_images)
        if val_loss < min(state.history["val_loss"], default=np.inf):
            state.best_weights = model.get_weights()
        state.end_epoch(model, train_loss, val_loss)  # what is needed to go on
        yield state


def train(
    model: keras.Model,
    images: NDArray,
    val_images: NDArray,
    corrupt: Corruption,
    *,
    epochs: int = 50,
    batch_size: int = 256,
    learning_rate: float = 1e-2,
    seed: int = 0,
) -> History:
    """Compile and train a denoiser, and leave it with the weights of its best epoch.

    Parameters
    ----------
    model, images, val_images, corrupt, epochs, batch_size, seed
        See `training_loop`; the model need not be compiled.
    learning_rate
        See `compile_denoiser`.

    Returns
    -------
    dict of str to list of float
        ``train_loss`` and ``val_loss``, one value an epoch.

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As the two raise them.
    """
    steps = len(check_images(images)) // check_count(batch_size, "batch_size")
    total_steps = check_count(epochs, "epochs") * max(1, steps)
    compile_denoiser(check_model(model), total_steps, learning_rate)
    options = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    for state in training_loop(model, images, val_images, corrupt, **options):
        best_weights = state.best_weights
    model.set_weights(best_weights)
    return state.history


def short_run(
    corrupt: Corruption,
    images: NDArray,
    val_images: NDArray,
    *,
    epochs: int = 1,
    seed: int = 0,
    start: keras.Model | None = None,
) -> keras.Model:
    """Train the lesson's network for a short time, or go on with a trained one.

    Parameters
    ----------
    corrupt : callable (images, rng) -> images
        The noise to learn to undo, such as ``partial(add_gaussian_noise, level=0.2)``.
    images, val_images : ndarray, float32, shape (N, 28, 28, 1), values in [0, 1]
        Clean images to learn from, and others to choose the best epoch by, of which
        the first thousand are used.
    epochs : int
        Passes over `images`, in batches of 64.
    seed : int
        Of the initial weights, the order and the noise.
    start : keras.Model, optional
        A trained network, which stays as it is: a copy of it is trained on, with a
        fifth of the learning rate.

    Returns
    -------
    keras.Model
        With the weights of its best epoch.

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As `train`.
    """
    val_images = check_images(val_images, "val_images")[:1_000]
    keras.utils.set_random_seed(check_count(seed, "seed", least=0))
    network, rate = build_autoencoder(), 1e-2
    if start is not None:
        if not isinstance(start, keras.Model):
            refuse("start", "be a Keras model", type(start).__name__, TypeError)
        network, rate = keras.models.clone_model(start), 2e-3
        network.set_weights(start.get_weights())
    options = {"epochs": epochs, "seed": seed, "batch_size": 64}
    train(network, images, val_images, corrupt, learning_rate=rate, **options)
    return network


def _check_training(given: dict[str, Any]) -> dict:
    """Check what `training_loop` is given, in place; return the run's settings."""
    model = check_model(given["model"])
    for name in ("images", "val_images"):
        given[name] = check_images(given[name], name).view()
        given[name].flags.writeable = False  # a corruption in place would spoil them
    images, val_images = given["images"], given["val_images"]
    check_same_shape(images[0], val_images[0], ("images[0]", "val_images[0]"))
    check_model(model, shape=images.shape[1:])
    for name, least in {"epochs": 1, "batch_size": 1, "seed": 0}.items():
        given[name] = check_count(given[name], name, least)
    batch_size, replicas = given["batch_size"], replicas_of(model)
    if len(images) < batch_size:
        refuse("images", f"hold at least one batch of {batch_size}", len(images))
    if batch_size % replicas:
        wanted = f"be a multiple of the {replicas} replicas of the model"
        refuse("batch_size", wanted, batch_size)
    if not isinstance(given["state"], Training | None):
        refuse("state", "be a Training", type(given["state"]).__name__, TypeError)
    if getattr(model, "optimizer", None) is None:
        refuse("model", "be compiled, such as by compile_denoiser", "one that is not")
    model.optimizer.build(model.trainable_variables)
    return _settings(given)


def _settings(given: dict[str, Any]) -> dict:
    """Collect what a resumed run must have in common with the first one, for JSON."""
    model, val_images = given["model"], given["val_images"]
    (fixed,) = _generators(given["seed"], 1)
    noisy = np.asarray(given["corrupt"](val_images, fixed))
    check_same_shape(val_images, noisy, ("val_images", "corrupt(val_images, rng)"))
    settings = {name: given[name] for name in ("epochs", "batch_size", "seed")} | {
        "training_images": len(given["images"]),
        "weights": [list(w.shape) for w in model.weights],
        "noisy_validation_crc32": zlib.crc32(np.ascontiguousarray(noisy)),
    }
    try:
        optimizer = keras.saving.serialize_keras_object(model.optimizer)
        settings["loss"] = keras.saving.serialize_keras_object(model.loss)
        settings |= {"optimizer": optimizer["class_name"], **optimizer["config"]}
        settings.pop("name")  # which Keras may number
        return json.loads(json.dumps(settings))
    except (TypeError, ValueError) as error:
        wanted = "have a loss and an optimiser that a checkpoint can hold"
        refuse("model", wanted, f"others ({error})", TypeError)
