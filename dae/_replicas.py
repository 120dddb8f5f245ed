"""Several devices or machines at once, under the caller's ``tf.distribute`` strategy.

TensorFlow keeps the replicas of the model in step and adds up their gradients; what is
left to do is to hand each of them its part of every batch. All processes draw the same
batches, from the same seed, so that nothing but gradients goes between them.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


def replicas_of(model: keras.Model) -> int:
    """Return how many replicas of the model train in step; 1 without a strategy."""
    strategy = getattr(model, "distribute_strategy", None)  # only under TensorFlow
    return strategy.num_replicas_in_sync if strategy else 1


def in_step(model: keras.Model) -> Any:
    """Return the model itself or, if there are several, all its replicas as one."""
    if replicas_of(model) == 1 or isinstance(model, Replicas):
        return model
    return Replicas(model)


class Replicas:
    """What a Keras model does with a batch, done by all its replicas [1]_.

    Parameters
    ----------
    model : keras.Model
        Compiled, built in the scope of a ``tf.distribute`` strategy.

    References
    ----------
    .. [1] TensorFlow, "Distributed training with TensorFlow",
       https://www.tensorflow.org/guide/distributed_training
    """

    def __init__(self, model: keras.Model):
        import tensorflow as tf

        self.model, self.strategy = model, model.distribute_strategy
        self.errors = tf.errors
        self._compiled_step = tf.function(self._step)

    def __getattr__(self, name: str) -> Any:
        """Give what is the model's own, such as its weights."""
        return getattr(self.model, name)

    def train_on_batch(self, noisy: NDArray, clean: NDArray) -> float:
        """Take a step, each replica with an equal part; return the loss.

        Raises
        ------
        RuntimeError
            If another process has stopped.
        """
        try:
            return float(self._compiled_step(self._shared(noisy), self._shared(clean)))
        except (self.errors.UnavailableError, self.errors.InternalError) as error:
            raise RuntimeError(
                "training stops, as another worker has stopped or cannot be reached; "
                "start all of them again, from the checkpoint if there is one"
            ) from error

    def _step(self, noisy, clean):
        logs = self.strategy.run(self.model.train_step, args=((noisy, clean),))
        return self.strategy.reduce("MEAN", logs["loss"], axis=None)

    def _shared(self, array: NDArray):
        parts = np.split(array, self.strategy.num_replicas_in_sync)
        return self.strategy.experimental_distribute_values_from_function(
            lambda replica: keras.ops.convert_to_tensor(
                parts[replica.replica_id_in_sync_group]
            )
        )

    def test_on_batch(self, noisy: NDArray, clean: NDArray) -> float:
        """Return the mean loss; each process computes it alone, with its own copy."""
        losses = keras.losses.get(self.model.loss)(clean, self.predict_on_batch(noisy))
        return float(keras.ops.mean(losses))

    def predict_on_batch(self, images: NDArray) -> NDArray:
        """Return the answers of this process's own copy."""
        return keras.ops.convert_to_numpy(self.model(images, training=False))
