"""Training under ``tf.distribute``: on two devices, or in two processes, as on one."""

import json
import socket

import keras
import numpy as np
import pytest
from conftest import (
    ROOT,
    environment,
    run_python,
    small_model,
    start_python,
    train_small,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's"
    ),
]

# in a process of its own, as devices cannot be split once TensorFlow has started
TWO_DEVICES = """
import json
import keras, numpy as np, tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
import dae
from conftest import corrupt

clean = dae.load_mnist()[0][0]
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def run(strategy, batch_size=32):
    keras.utils.set_random_seed(0)
    options = {"epochs": 2, "batch_size": batch_size, "learning_rate": 1e-3}
    with strategy.scope():
        model = dae.build_autoencoder()
        return dae.train(model, clean[:320], clean[320:421], corrupt, **options)

both = run(tf.distribute.get_strategy()), run(two)
try:
    run(two, batch_size=33)
except ValueError as error:
    print(json.dumps([*both, str(error)]))
"""


def test_two_devices_train_as_one():
    printed, errors, status = run_python("-c", TWO_DEVICES)
    assert status == 0, errors
    one, two, message = json.loads(printed.splitlines()[-1])
    for name in ("train_loss", "val_loss"):
        # the sums are added in another order, and Adam divides by small numbers
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4)
    assert one["val_loss"][1] < one["val_loss"][0]
    assert "batch_size must be a multiple of the 2 replicas" in message


# trained to its end; then again, and one of the two dies
WORKER = """
import json, os
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
from conftest import small_model, train_small
from dae import load_mnist

digits = load_mnist()[0][0][:1000]
worker = json.loads(os.environ["TF_CONFIG"])["task"]["index"]

def die(state):
    if worker == 1 and state.done > 1.5:
        os._exit(1)

with strategy.scope():
    print(json.dumps(train_small(small_model(), digits)), flush=True)
    train_small(small_model(), digits, report=die)
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_two_processes_train_as_one(digits):
    """Real ones on this machine; none waits for a dead one."""
    workers = {"worker": [f"127.0.0.1:{free_port()}" for _ in range(2)]}
    processes = []
    for index in (0, 1):
        task = {"cluster": workers, "task": {"type": "worker", "index": index}}
        env = environment(ROOT, ROOT / "tests", TF_CONFIG=json.dumps(task))
        processes.append(start_python("-c", WORKER, env=env))
    histories = [json.loads(process.stdout.readline()) for process in processes]
    assert processes[1].wait(60) == 1
    _, errors = processes[0].communicate(timeout=30)
    assert processes[0].returncode == 1
    assert "training stops, as another worker has stopped" in errors
    expected = train_small(small_model(), digits)
    for history in histories:
        for name in ("train_loss", "val_loss"):
            np.testing.assert_allclose(history[name], expected[name], rtol=1e-4)
