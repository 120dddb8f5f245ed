"""Training with noise that is drawn anew in every epoch."""

import gc
import math
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from dae._checks import (
    check_count,
    check_images,
    check_level,
    check_model,
    check_path,
    check_same_shape,
    refuse,
)
from dae._files import BUSY
from dae._replicas import in_step, leads, replicas_of
from dae.checkpoint import History, load_checkpoint, save_checkpoint

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
        Such as ``lambda x, rng: add_gaussian_noise(x, 0.5, rng)``.
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


class Muon(keras.optimizers.Adam):
    """Adam [1]_, and Muon [2]_ for the kernels of convolutions between maps.

    Adam weighs each number by itself. Muon reads a kernel's averaged gradient as a
    matrix, one column for each map that comes out, and steps along the nearest matrix
    all of whose singular values are 1, about: no direction outweighs the others.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization",
       ICLR 2015. arXiv:1412.6980
    .. [2] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
       2024. https://kellerjordan.github.io/posts/muon/
    """

    def build(self, variables: list[keras.Variable]) -> None:
        """Make the optimiser's variables, once."""
        if self.built:
            return
        super().build(variables)
        self.averages = [
            self.add_variable_from_reference(kernel, name="average")
            if len(kernel.shape) == 4 and kernel.shape[2] > 1
            else None
            for kernel in variables
        ]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Take a step with one variable."""
        average = self.averages[self._get_variable_index(variable)]
        if average is None:
            super().update_step(gradient, variable, learning_rate)
            return
        self.assign(average, 0.95 * average + gradient)
        matrix = ops.reshape(gradient + 0.95 * average, (-1, variable.shape[-1]))
        scale = max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
        step = ops.reshape(scale * orthogonal(matrix), variable.shape)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)

    def _all_reduce_sum_gradients(self, gradients_and_variables):
        # Keras's own, for replicas: TensorFlow keeps the graph of a sum over them, and
        # with it 10 MB for each model, as long as the process lives
        if self._distribution_strategy.num_replicas_in_sync == 1:
            return gradients_and_variables
        return super()._all_reduce_sum_gradients(gradients_and_variables)


def orthogonal(matrix: Any) -> Any:
    """Nearly the nearest matrix whose singular values are all 1.

    Parameters
    ----------
    matrix : array or tensor, float32, shape (M, N)
        Best with N at most M: time and memory grow with N squared.

    Returns
    -------
    tensor, float32, shape (M, N)
        Singular values between 0.6 and 1.3, where they were not far below the largest:
        the polynomial of [1]_ drives them there fast, not exactly.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
       2024. https://kellerjordan.github.io/posts/muon/
    """
    x = matrix / (ops.norm(matrix) + 1e-7)
    for _ in range(5):
        square = ops.matmul(ops.transpose(x), x)
        polynomial = -4.7750 * square + 2.0315 * ops.matmul(square, square)
        x = 3.4445 * x + ops.matmul(x, polynomial)
    return x


def compile_denoiser(
    model: keras.Model,
    total_steps: int,
    learning_rate: float = 1e-2,
    loss: str = "binary_crossentropy",
    optimizer: Callable[..., keras.optimizers.Optimizer] = Muon,
) -> None:
    """Give a model its loss, its optimiser and its learning-rate schedule.

    The learning rate rises for the first twentieth of the steps to `learning_rate`,
    then falls along half a cosine wave to zero [1]_.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    total_steps : int
        Batches in the whole run.
    learning_rate : float
        The highest learning rate.
    loss : str
        Any Keras loss that compares images in [0, 1].
    optimizer : callable (schedule) -> keras.optimizers.Optimizer
        `Muon`, or a class of Keras's, such as ``keras.optimizers.Adam``.

    Raises
    ------
    TypeError, ValueError
        If `total_steps` is not a whole number above 0.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm
       restarts", ICLR 2017. arXiv:1608.03983
    """
    warmup_steps = check_count(total_steps, "total_steps") // 20
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=learning_rate / 20,
        warmup_target=learning_rate,
        warmup_steps=warmup_steps,
        decay_steps=max(1, total_steps - warmup_steps),
    )
    model.compile(optimizer(schedule), loss)
    # now, or else the first step makes its variables and is compiled twice
    model.optimizer.build(model.trainable_variables)


def train_epoch(
    model: keras.Model, batches: Iterator[tuple[NDArray, NDArray]]
) -> Iterator[int]:
    """Take one optimiser step for each batch, and say so after each.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    batches : iterator of (noisy, clean)
        What `noisy_batches` gives.

    Yields
    ------
    int
        The number of steps taken so far in this epoch.

    Raises
    ------
    FloatingPointError
        As soon as the loss is no longer a finite number.
    """
    model.reset_metrics()
    for done, (noisy, clean) in enumerate(batches, start=1):
        loss = model.train_on_batch(noisy, clean)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {loss} in batch {done}: {DIVERGED}"
            )
        yield done


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
        loss = model.test_on_batch(noisy[part], clean[part])
        total += float(loss) * len(clean[part])
    loss = total / len(clean)
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss over the images is {loss}: {DIVERGED}")
    return loss


def _report_nothing(epochs: int, done: float, history: History) -> None:
    pass


def train(
    model: keras.Model,
    images: NDArray,
    val_images: NDArray,
    corrupt: Corruption,
    *,
    epochs: int = 50,
    batch_size: int = 256,
    learning_rate: float = 1e-2,
    loss: str = "binary_crossentropy",
    seed: int = 0,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    report: Callable[[int, float, History], None] = _report_nothing,
) -> History:
    """Train a denoiser, and leave it with the weights of its best epoch.

    Parameters
    ----------
    model : keras.Model
        (N, 28, 28, 1) to the same shape, output in [0, 1] for cross-entropy.
        Compiled here, and trained in place. Under a ``tf.distribute`` strategy, for
        several devices or several machines, build it and call `train` in the
        strategy's scope: each replica gets its part of every batch. Of several
        processes, one writes the checkpoint, and all resume from it.
    images, val_images : ndarray, float32, shape (N, 28, 28, 1), values in [0, 1]
        Clean images to learn from, and others to choose the best epoch by. At least
        one batch of the first.
    corrupt : callable (images, rng) -> images
        The noise to learn to undo. Training images get fresh noise in each epoch,
        validation images the same noise throughout.
    epochs, batch_size : int
        Passes over `images`, and images in a step, of all replicas together.
    learning_rate, loss
        See `compile_denoiser`.
    seed : int
        Of order and noise. (The initial weights are the model's own.)
    checkpoint : str or Path, optional
        An ``.npz`` file to keep the state in, written whole after each epoch.
    resume : bool
        Whether to go on from `checkpoint`; the result is that of an unbroken run.
    report : callable (epochs, epochs done, history) -> None, optional
        Called after each step and each epoch, such as a `LiveProgress`; the number
        of epochs done is a fraction.

    Returns
    -------
    dict of str to list of float
        ``train_loss`` and ``val_loss``, one value an epoch. Both are measured alike:
        with the weights at the end of the epoch, with noise of the same law that
        stays fixed; ``val_loss`` on all validation images, ``train_loss`` on the
        first training images, as many if there are so many.

    Raises
    ------
    FileNotFoundError, ValueError
        If `resume` finds no checkpoint, or one of other settings.
    FloatingPointError
        If the loss stops being finite.
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    If it is stopped, by an interrupt or an error, the model is as it was before; the
    checkpoint has the last epoch that was finished.
    """
    images, val_images = _check_training(
        model, images, val_images, epochs, batch_size, learning_rate, checkpoint, resume
    )
    steps = len(images) // batch_size
    gc.collect()  # models and graphs that nothing uses any more: some MB for each
    compile_denoiser(model, epochs * steps, float(learning_rate), loss)

    # one independent stream of random numbers for evaluation, and one for each epoch
    seeds = np.random.SeedSequence(seed).spawn(1 + epochs)
    fixed, *streams = map(np.random.default_rng, seeds)
    val_noisy = _fixed_noise(corrupt, val_images, fixed, "val_images")
    probe = images[: len(val_images)]  # as many training images, to compare
    probe_noisy = _fixed_noise(corrupt, probe, fixed, "images")

    options = epochs, batch_size, learning_rate, loss, seed
    settings = _settings(*options, model, images, val_noisy)
    history, best_weights = {"train_loss": [], "val_loss": []}, model.get_weights()
    learner = in_step(model)  # the model itself, unless it is spread over devices
    with as_before_if_stopped(model):
        if resume:
            history, best_weights = load_checkpoint(checkpoint, model, settings)
        for epoch in range(len(history["val_loss"]), epochs):
            batches = noisy_batches(images, corrupt, batch_size, streams[epoch])
            for done in train_epoch(learner, batches):
                report(epochs, epoch + done / steps, history)
            history["train_loss"].append(evaluate(model, probe_noisy, probe))
            history["val_loss"].append(evaluate(model, val_noisy, val_images))
            if int(np.argmin(history["val_loss"])) == epoch:  # the first one, if tied
                best_weights = model.get_weights()
            if checkpoint:
                keep(checkpoint, model, best_weights, history, settings)
            report(epochs, epoch + 1, history)

    model.set_weights(best_weights)
    return history


@contextmanager
def as_before_if_stopped(model: keras.Model) -> Iterator[None]:
    """Give a model its weights back if the block ends in an error or an interrupt."""
    before = model.get_weights()
    try:
        yield
    except BaseException:
        model.set_weights(before)
        raise


def keep(checkpoint: str | Path, model: keras.Model, *state: Any) -> None:
    """Save a checkpoint; if another program keeps the file busy, warn and go on."""
    if not leads(model):
        return
    try:
        save_checkpoint(checkpoint, model, *state)
    except OSError as error:
        if error.errno not in BUSY:
            raise
        told = f"{error}; training goes on, and tries again after the next epoch"
        warnings.warn(told, stacklevel=3)


def _check_training(
    model, images, val_images, epochs, batch_size, learning_rate, checkpoint, resume
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    images, val_images = check_images(images), check_images(val_images, "val_images")
    check_same_shape(images[0], val_images[0], ("images[0]", "val_images[0]"))
    check_model(model, shape=images.shape[1:])
    check_count(epochs, "epochs")
    check_count(batch_size, "batch_size")
    check_level(learning_rate, "learning_rate", positive=True)
    if len(images) < batch_size:
        refuse("images", f"hold at least one batch of {batch_size}", len(images))
    if batch_size % replicas_of(model):
        wanted = f"be a multiple of the {replicas_of(model)} replicas of the model"
        refuse("batch_size", wanted, batch_size)
    if checkpoint is not None:
        check_path(checkpoint, "checkpoint", suffix=".npz")
    if resume and checkpoint is None:
        raise ValueError("resume needs the checkpoint to resume from, got None")
    return images, val_images


def _fixed_noise(
    corrupt: Corruption, images: NDArray, rng: np.random.Generator, name: str
) -> NDArray:
    """Corrupt images once and for all, with noise that is not to work in place."""
    images = images.view()
    images.flags.writeable = False
    noisy = np.ascontiguousarray(corrupt(images, rng))
    check_same_shape(images, noisy, (name, f"corrupt({name}, rng)"))
    return noisy


def _settings(
    epochs, batch_size, learning_rate, loss, seed, model, images, val_noisy
) -> dict:
    """Collect what a resumed run must have in common with the first one, for JSON."""
    return {
        "epochs": int(epochs),
        "batch_size": int(batch_size),
        "learning_rate": float(learning_rate),
        "loss": loss,
        "seed": int(seed),
        "training_images": len(images),
        "weights": [list(w.shape) for w in model.weights],
        "noisy_validation_crc32": zlib.crc32(val_noisy),
    }
