"""Several devices at once, under a ``tf.distribute`` strategy that the caller gives.

TensorFlow keeps the replicas of the model in step and adds up their gradients; all
that is left to do is to hand each of them its part of every batch.
"""

from collections.abc import Iterator

import keras
import numpy as np
from numpy.typing import NDArray


def replicas_of(model: keras.Model) -> int:
    """Return how many replicas of the model train in step; 1 without a strategy."""
    strategy = getattr(model, "distribute_strategy", None)  # only under TensorFlow
    return strategy.num_replicas_in_sync if strategy else 1


def shared_out(
    batches: Iterator[tuple[NDArray, NDArray]], model: keras.Model
) -> Iterator[tuple]:
    """Split every batch among the replicas of a model.

    Parameters
    ----------
    batches : iterator of (noisy, clean)
        Arrays whose length is a multiple of the number of replicas.
    model : keras.Model
        If there are several, built in the scope of a ``tf.distribute`` strategy [1]_.

    Yields
    ------
    noisy, clean
        What `train_on_batch` takes: with one replica the arrays themselves, else values
        that the strategy holds one part of for each replica.

    References
    ----------
    .. [1] TensorFlow, "Distributed training with TensorFlow",
       https://www.tensorflow.org/guide/distributed_training
    """
    replicas = replicas_of(model)
    if replicas == 1:
        yield from batches
        return
    strategy = model.distribute_strategy

    def share(array):
        parts = [keras.ops.convert_to_tensor(p) for p in np.split(array, replicas)]
        return strategy.experimental_distribute_values_from_function(
            lambda replica: parts[replica.replica_id_in_sync_group]
        )

    for noisy, clean in batches:
        yield share(noisy), share(clean)
