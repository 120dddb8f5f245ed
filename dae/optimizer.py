"""The optimiser, and the learning rate that it follows."""

import gc
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from dae._checks import check_count, check_nonnegative


@keras.saving.register_keras_serializable("dae")
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
        # TensorFlow gives its own variable, not Keras's: only an index leads from it to
        # its average, see https://github.com/keras-team/keras/issues/21793
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
        # TensorFlow keeps the graph of a sum over replicas, even over one, and with it
        # 10 MB for each model, as long as the process lives (a leak like the one in
        # https://github.com/keras-team/tf-keras/issues/286). Keras has no public way to
        # leave the sum out: https://github.com/keras-team/keras/issues/19308
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


def warm_up_and_decay(
    total_steps: int, learning_rate: float
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Rise for a twentieth of the steps, then fall along half a cosine wave to 0 [1]_.

    Parameters
    ----------
    total_steps : int
        Batches in the whole run, at least 1.
    learning_rate : float
        The highest one, above 0.

    Returns
    -------
    keras.optimizers.schedules.LearningRateSchedule
        From the number of a step to its learning rate.

    Raises
    ------
    TypeError, ValueError
        If one of the two is not such a number.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm
       restarts", ICLR 2017. arXiv:1608.03983
    """
    warmup_steps = check_count(total_steps, "total_steps") // 20
    check_nonnegative(learning_rate, "learning_rate", positive=True)
    highest = float(learning_rate)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=highest / 20,
        warmup_target=highest,
        warmup_steps=warmup_steps,
        decay_steps=max(1, total_steps - warmup_steps),
    )


def compile_denoiser(
    model: keras.Model,
    total_steps: int,
    learning_rate: float = 1e-2,
    loss: str | keras.losses.Loss = "binary_crossentropy",
    optimizer: Callable[..., keras.optimizers.Optimizer] = Muon,
) -> None:
    """Give a model its loss, its optimiser and its learning rates, all anew.

    Parameters
    ----------
    model : keras.Model
        Changed in place; its weights stay. Of several devices or machines, call this in
        the scope of their ``tf.distribute`` strategy.
    total_steps : int
        Batches in the whole run: epochs times batches in an epoch.
    learning_rate : float
        The highest one, see `warm_up_and_decay`.
    loss : str or keras.losses.Loss
        Any of Keras's that compares images in [0, 1].
    optimizer : callable (schedule) -> keras.optimizers.Optimizer
        `Muon`, or a class of Keras's, such as ``keras.optimizers.Adam``.

    Raises
    ------
    TypeError, ValueError
        If `total_steps` or `learning_rate` is not a number above 0, or `total_steps`
        not a whole one.
    """
    schedule = warm_up_and_decay(total_steps, learning_rate)
    gc.collect()  # models and graphs that nothing uses any more: some MB for each
    model.compile(optimizer(schedule), loss)
    # now, or else the first step makes its variables and is compiled twice
    model.optimizer.build(model.trainable_variables)
