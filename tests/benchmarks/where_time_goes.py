"""Where the time of a training step goes: TensorFlow's own profiler, summed by kind.

    PYTHONPATH=. python tests/benchmarks/where_time_goes.py

The profiler notes how long each operation ran. Two operations may run side by side,
each on a core, so these times add up to more than the step takes; shares are of their
sum. The rate of the blocks' 3 x 3 convolutions is that of an operation while it runs,
as a share of the machine's in a product of matrices, measured in the same process.
Writes where_time_goes.json.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import common
import keras
import numpy as np
import tensorflow as tf
from speed import SIZE, timed
from tensorflow.tsl.profiler.protobuf import xplane_pb2

import dae

KINDS = {  # the first whose words are all in an operation's name
    "block_backward": ("neighbours", "Backprop"),
    "block_forward": ("neighbours", "FusedConv2D"),
    "overview": ("whole", "MatMul"),
    "patches": ("patches", "Conv2D"),
    "other_dense": ("MatMul",),
    "rest": (),
}


def profiled(model, batch, steps):
    """Seconds of each operation in some steps: [(name, seconds)]."""
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(steps):
                model.train_on_batch(*batch)
        (path,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    (plane,) = (p for p in space.planes if p.name == "/host:CPU")
    events = [e for line in plane.lines if "Compute" in line.name for e in line.events]
    names = {key: value.name for key, value in plane.event_metadata.items()}
    named = ((names[e.metadata_id], e.duration_ps / 1e12) for e in events)
    # an operation is "its/scope:Kind", the profiler's own have "::"
    return [(name, s) for name, s in named if ":" in name and "::" not in name]


def kind_of(name):
    """Return which of the kinds an operation belongs to."""
    return next(kind for kind, words in KINDS.items() if all(w in name for w in words))


def main():
    """Profile and write where_time_goes.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    steps = parser.parse_args().steps
    clean = dae.load_mnist()[1][0][: common.BATCH]
    noisy = dae.add_gaussian_noise(clean, np.random.default_rng(0), level=0.5)
    model = dae.build_autoencoder()
    dae.compile_denoiser(model, 1000)
    left, right = (keras.random.normal((SIZE, SIZE), seed=i) for i in (0, 1))
    profiled(model, (noisy, clean), 5)  # warm up
    found = profiled(model, (noisy, clean), steps)
    product = timed(lambda: np.asarray(keras.ops.matmul(left, right)), 10)

    seconds, names = Counter(), {name for name, _ in found}
    for name, duration in found:
        seconds[kind_of(name)] += duration
    parts = (model.get_layer(name).layers for name in ("encoder", "decoder"))
    blocks = [x for part in parts for x in part if isinstance(x, keras.layers.Conv2D)]
    weights = sum(np.prod(x.kernel.shape) for x in blocks if "neighbours" in x.name)
    forward = 2 * weights * 49 * common.BATCH * steps  # at each of 49 positions
    top = 2 * SIZE**3 / product
    results = {
        "share_percent": {k: 100 * s / seconds.total() for k, s in seconds.items()},
        "rest_operations": sum(kind_of(name) == "rest" for name in names),
        "rate_percent": {  # a step back takes two products for each one forwards
            "block_forward": 100 * forward / seconds["block_forward"] / top,
            "block_backward": 100 * 2 * forward / seconds["block_backward"] / top,
        },
    }
    common.save("where_time_goes", results)


if __name__ == "__main__":
    main()
