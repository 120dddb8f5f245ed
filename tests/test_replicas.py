"""Training under ``tf.distribute``: on two devices as on one."""

import json

import keras
import numpy as np
import pytest
from conftest import run_python

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

def run(strategy, batch_size=32):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = dae.build_autoencoder()
        history = dae.train(
            model, clean[:320], clean[320:421], corrupt, epochs=2,
            batch_size=batch_size, learning_rate=1e-3,
        )
        restored = dae.denoise(model, clean[:5])
    return history, restored.ravel().tolist()

two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
sizes = []
share = two.experimental_distribute_values_from_function

def watch(function):
    values = share(function)
    sizes.append([len(part) for part in two.experimental_local_results(values)])
    return values

single = run(tf.distribute.get_strategy())
two.experimental_distribute_values_from_function = watch
both = run(two)
message = ""
try:
    run(two, batch_size=33)
except ValueError as error:
    message = str(error)
print(json.dumps([single, both, sizes, message]))
"""


pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's"
)


def test_two_devices_train_as_one_and_share_batches_evenly():
    printed, errors, status = run_python("-c", TWO_DEVICES)
    assert status == 0, errors
    found = json.loads(printed.splitlines()[-1])
    (one, image_1), (two, image_2), sizes, message = found
    for name in ("train_loss", "val_loss"):
        # the sums are added in another order, and Adam divides by small numbers
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4)
    assert one["val_loss"][1] < one["val_loss"][0]
    assert len(image_1) == len(image_2) == 5 * 784
    np.testing.assert_allclose(image_2, image_1, atol=0.01)
    # each device gets half of every batch: 2 epochs of 10, noisy and clean
    assert sizes == [[16, 16]] * 40
    told = "batch_size must be a multiple of the 2 replicas of the model, got 33"
    assert message == told
