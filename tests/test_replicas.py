"""Training under ``tf.distribute``: on two devices, or in two processes, as on one."""

import json
import socket
import time

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
        history = dae.train(model, clean[:320], clean[320:421], corrupt, **options)
        restored = dae.denoise(model, clean[:5])
    return history, restored.ravel().tolist()

both = run(tf.distribute.get_strategy()), run(two)
try:
    run(two, batch_size=33)
except ValueError as error:
    print(json.dumps([*both, str(error)]))
"""


def test_two_devices_train_as_one():
    printed, errors, status = run_python("-c", TWO_DEVICES)
    assert status == 0, errors
    (one, image_1), (two, image_2), message = json.loads(printed.splitlines()[-1])
    for name in ("train_loss", "val_loss"):
        # the sums are added in another order, and Adam divides by small numbers
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4)
    assert one["val_loss"][1] < one["val_loss"][0]
    np.testing.assert_allclose(image_2, image_1, atol=0.01)
    assert "batch_size must be a multiple of the 2 replicas" in message


# stopped in its second epoch, resumed, and at last one of the two dies
WORKER = """
import json, os
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
from conftest import small_model, train_small
from dae import load_mnist, save_checkpoint

digits = load_mnist()[0][0][:1000]
worker = json.loads(os.environ["TF_CONFIG"])["task"]["index"]

def stop(state):
    if state.epoch_ended and worker == 0:
        save_checkpoint("state.npz", state)
    if state.done > 1.5:
        raise ZeroDivisionError

def die(state):
    if worker == 1 and state.done > 1.5:
        os._exit(1)

with strategy.scope():
    model = small_model()
    try: train_small(model, digits, report=stop)
    except ZeroDivisionError: pass
    options = {"checkpoint": "state.npz", "resume": True, "keep": False}
    history = train_small(model, digits, **options)
    first = model.get_weights()[0].ravel().tolist()
    print(json.dumps([history, first]), flush=True)
    train_small(small_model(), digits, report=die)
"""


def free_ports():
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_two_processes_train_as_one(digits, tmp_path):
    """Real ones on this machine; one writes, both resume, none waits for a dead one."""
    workers = {"worker": [f"127.0.0.1:{port}" for port in free_ports()]}
    processes = []
    for index in (0, 1):
        task = {"cluster": workers, "task": {"type": "worker", "index": index}}
        env = environment(ROOT, ROOT / "tests", TF_CONFIG=json.dumps(task))
        processes.append(start_python("-c", WORKER, cwd=tmp_path, env=env))
    outcomes = [json.loads(process.stdout.readline()) for process in processes]
    assert processes[1].wait(60) == 1
    died = time.monotonic()
    _, errors = processes[0].communicate(timeout=60)
    assert time.monotonic() - died < 30
    assert processes[0].returncode == 1
    assert "training stops, as another worker has stopped" in errors

    model = small_model()
    expected = train_small(model, digits)
    for history, first in outcomes:
        for name in ("train_loss", "val_loss"):
            np.testing.assert_allclose(history[name], expected[name], rtol=1e-4)
        found = np.reshape(first, model.get_weights()[0].shape)
        np.testing.assert_allclose(found, model.get_weights()[0], atol=1e-3)
