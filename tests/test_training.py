"""Training: fresh noise, fixed validation, best weights, resuming, clear failures."""

import copy
import gc
import pickle
from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import (
    ROOT,
    assert_equal,
    compiled,
    corrupt,
    environment,
    run_python,
    small_model,
    train_small,
)

from dae import (
    Muon,
    add_gaussian_noise,
    build_autoencoder,
    compile_denoiser,
    evaluate,
    load_checkpoint,
    noisy_batches,
    orthogonal,
    save_checkpoint,
    train,
    training_loop,
)


def cross_entropy(model, noisy, clean):
    """By hand, in double precision."""
    q = np.clip(model.predict(noisy, verbose=0).astype(float), 1e-7, 1 - 1e-7)
    return -np.mean(clean * np.log(q) + (1 - clean) * np.log(1 - q))


def scripted(monkeypatch, losses, weights):
    """Let `evaluate` say these losses, and note the weights at each call."""

    def say(model, noisy, clean):
        weights.append(model.get_weights())
        return losses[len(weights) - 1]

    monkeypatch.setattr("dae.training.evaluate", say)


# --- batches, noise and losses


def test_batches_hold_each_image_once_with_its_own_noise(digits, rng):
    before = digits[:100].copy()
    batches = list(noisy_batches(digits[:100], corrupt, 32, rng))
    assert [clean.shape for _, clean in batches] == [(32, 28, 28, 1)] * 3  # 4 left over
    seen = {clean.tobytes() for _, batch in batches for clean in batch}
    assert len(seen) == 96
    assert seen <= {image.tobytes() for image in before}
    np.testing.assert_array_equal(digits[:100], before)
    for noisy, clean in batches:
        assert noisy.dtype == np.float32
        black = noisy[clean == 0]  # half of the noise on black pixels is clipped off
        assert abs(np.mean(black == 0) - 0.5) < 4 * 0.5 / np.sqrt(black.size)
        assert len({image.tobytes() for image in noisy - clean}) == 32


def test_what_is_learnt_from_and_what_is_evaluated(digits, monkeypatch):
    """Fresh noise on shuffled training images, fixed noise on the other ones."""
    calls, evaluated = [], []

    def recorder(images, rng):
        noisy = corrupt(images, rng)
        calls.append((images.copy(), noisy))
        return noisy

    def look(model, noisy, clean):
        evaluated.append((noisy.copy(), clean.copy()))
        return 1.0

    monkeypatch.setattr("dae.training.evaluate", look)
    model, validation = small_model(), digits[64:90]
    train(model, digits[:64], validation, recorder, epochs=2, batch_size=32)
    tried, val, probe, *batches = calls
    np.testing.assert_array_equal(tried, val)  # at the call
    # in each epoch as many training images, then the validation images, noise as ever
    assert len(evaluated) == 4
    for (noisy, clean), (images, expected) in zip(
        evaluated, [probe, val, probe, val], strict=True
    ):
        np.testing.assert_array_equal(clean, images)
        np.testing.assert_array_equal(noisy, expected)
        assert np.mean(noisy != clean) > 0.4
    np.testing.assert_array_equal(probe[0], digits[:26])
    np.testing.assert_array_equal(val[0], validation)
    seen = [image.tobytes() for images, _ in batches for image in images]
    known = [image.tobytes() for image in digits[:64]]
    assert len(batches) == 4
    assert sorted(seen[:64]) == sorted(seen[64:]) == sorted(known)
    assert seen[:64] != seen[64:] and known not in (seen[:64], seen[64:])
    noisy = np.concatenate([noisy for _, noisy in batches])
    again = [64 + seen[64:].index(image) for image in seen[:64]]
    assert np.mean(noisy[:64] != noisy[again]) > 0.5  # other noise on the same digits


def test_same_seed_same_numbers_other_seed_others(digits):
    a, b, c = small_model(), small_model(), small_model()
    assert train_small(a, digits) == train_small(b, digits)
    assert train_small(c, digits, seed=6) != train_small(small_model(), digits)
    assert_equal(a.get_weights(), b.get_weights())
    # whatever the layout in memory
    by_columns = train_small(small_model(), digits, lambda *a: corrupt(*a).copy("F"))
    assert by_columns == train_small(small_model(), digits)


def test_losses_are_those_of_the_weights_at_the_end_of_the_epoch(digits):
    model = small_model()
    history = train_small(model, digits, epochs=1)
    fixed = np.random.default_rng(np.random.SeedSequence(5).spawn(2)[0])
    for images, name in ((digits[200:260], "val_loss"), (digits[:60], "train_loss")):
        by_hand = cross_entropy(model, corrupt(images, fixed), images)
        np.testing.assert_allclose(history[name], [by_hand], rtol=1e-5)


def test_best_weights_are_kept(digits, monkeypatch):
    """The first ones, if tied."""
    val_losses, weights, model = [3.0, 1.0, 1.0, 2.0, 1.5], [], small_model()
    scripted(monkeypatch, [x for loss in val_losses for x in (0.0, loss)], weights)
    history = train_small(model, digits, epochs=5)
    assert history == {"train_loss": [0.0] * 5, "val_loss": val_losses}
    assert_equal(model.get_weights(), weights[3])
    for kept, end in zip(model.get_weights(), weights[-1], strict=True):
        assert np.any(kept != end)


def test_a_state_after_each_step_and_one_at_the_end_of_an_epoch(digits):
    told = []

    def report(state):
        losses = len(state.history["train_loss"])
        told.append((state.epochs, state.done, losses, state.epoch_ended))

    train_small(small_model(), digits, epochs=2, batch_size=100, report=report)
    first, second = [(2, 0.5, 0, False), (2, 1, 1, True)], [(2, 1.5, 1, False)]
    assert told == [*first, *second, (2, 2, 2, True)]


def test_train_hands_its_settings_on(digits, monkeypatch):
    calls = []

    def compile_and_note(model, *settings):
        calls.append(settings)
        compile_denoiser(model, *settings)

    monkeypatch.setattr("dae.training.compile_denoiser", compile_and_note)
    options = {"epochs": 2, "learning_rate": 0.02, "loss": "mse", "batch_size": 30}
    train(small_model(), digits[:200], digits[200:260], corrupt, **options)
    assert calls == [(2 * 6, 0.02, "mse")]  # 200 images make 6 batches of 30


def half(images, rng):
    return images[:, ::2]


def weaker(images, rng):
    return add_gaussian_noise(images, rng, level=0.2)


MISSING = {"resume": True, "checkpoint": "no.npz"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"epochs": 2.5}, TypeError, "epochs must be a whole number, got 2.5"),
        ({"batch_size": 500}, ValueError, "at least one batch of 500, got 200"),
        ({"noise": half}, ValueError, r"val_images and corrupt\(val_images, rng\)"),
        (MISSING, FileNotFoundError, r"no\.npz: there is no such checkpoint"),
    ],
)
def test_arguments_are_checked_before_any_work(digits, change, error, message):
    with pytest.raises(error, match=message):
        train_small(small_model(), digits, **change)


def test_arguments_are_checked_at_the_call_not_at_the_first_step(digits):
    for wrong, name in (
        ({"seed": -1}, "seed must"),
        ({"seed": None}, "seed must"),
        ({"batch_size": 0}, "batch_size must"),
        ({"corrupt": half}, "val_images and corrupt"),
        ({"state": {}}, "state must be a Training"),
        ({"model": small_model()}, "model must be compiled"),
    ):
        options = {"model": compiled(), "corrupt": corrupt, "epochs": 1} | wrong
        with pytest.raises((TypeError, ValueError), match=name):
            training_loop(images=digits, val_images=digits[:9], **options)


def test_a_break_leaves_the_best_weights_so_far(digits, monkeypatch):
    """The second epoch is the best; the loop is left within the fourth."""
    weights, model = [], compiled()
    scripted(monkeypatch, [0.0, 3.0, 0.0, 1.0, 0.0, 2.0], weights)
    data = digits[:64], digits[64:90], corrupt
    initial = model.get_weights()
    for state in training_loop(model, *data, epochs=5, batch_size=32):
        if state.done < 1:
            assert_equal(state.best_weights, initial)
        if state.done > 3:
            break
    assert_equal(state.best_weights, weights[3])
    with pytest.raises(AssertionError):  # the model itself has those of the last step
        assert_equal(model.get_weights(), weights[3])


@pytest.mark.parametrize("where", ["in a step", "in the caller's loop"])
def test_an_interrupt_leaves_the_network_as_it_is(digits, monkeypatch, where):
    model, steps, before = compiled(), [], []
    step = model.train_on_batch

    def train_on_batch(*pair):
        if len(steps) == 3 and where == "in a step":
            raise KeyboardInterrupt
        steps.append(step(*pair))
        before[:] = model.get_weights()

    monkeypatch.setattr(model, "train_on_batch", train_on_batch)
    told = r"interrupted after 1\.50 of 4 epochs: the network stays as it is"
    data = digits[:64], digits[64:90], corrupt

    def run():
        for _ in training_loop(model, *data, epochs=4, batch_size=32):
            if len(steps) == 3 and where != "in a step":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=told if where == "in a step" else "^$"):
        run()
    assert_equal(model.get_weights(), before)


def test_a_stopped_training_goes_on_from_its_state_in_memory(digits):
    """Stopped within its first and within its second epoch, as if it never was."""
    unbroken, stopped = small_model(), small_model()
    expected = train_small(unbroken, digits)
    compile_denoiser(stopped, 18)
    options = {"epochs": 3, "batch_size": 32, "seed": 5, "state": None}
    for end in (0.5, 1.5, 3):
        loop = training_loop(stopped, digits[:200], digits[200:260], corrupt, **options)
        for state in loop:
            if state.done >= end:
                break
        options["state"] = state
    assert state.history == expected
    assert_equal(state.best_weights, unbroken.get_weights())


def test_a_finished_training_has_no_step_left(digits, tmp_path):
    """With its optimiser or, as the one in the package, without."""
    model = small_model()
    history = train_small(model, digits, checkpoint=tmp_path / "a.npz")
    finished = load_checkpoint(tmp_path / "a.npz")
    small = replace(finished, variables=[])
    save_checkpoint(tmp_path / "b.npz", small)
    sizes = [(tmp_path / name).stat().st_size for name in ("a.npz", "b.npz")]
    assert sizes[1] < 0.6 * sizes[0]
    for name in ("a.npz", "b.npz"):
        other = small_model(seed=9)
        again = train_small(other, digits, checkpoint=tmp_path / name, resume=True)
        assert again == history
        assert_equal(other.get_weights(), model.get_weights())
    begun = replace(small, history={"train_loss": [], "val_loss": []})
    options = {"epochs": 3, "batch_size": 32, "seed": 5, "state": begun}
    compile_denoiser(model, 18)
    with pytest.raises(ValueError, match="state holds no optimiser"):
        training_loop(model, digits[:200], digits[200:260], corrupt, **options)


RANDOM = """
import json
import keras
from conftest import train_small
from dae import load_mnist

class StoppedError(Exception): pass

def network(kind):
    keras.utils.set_random_seed(0)
    smaller = keras.layers.Conv2D(4, 4, strides=4, activation="relu")
    larger = keras.layers.Conv2DTranspose(1, 4, strides=4, activation="sigmoid")
    between = getattr(keras.layers, kind)(0.3)
    return keras.Sequential([keras.Input((28, 28, 1)), smaller, between, larger])

def stop(state):
    if state.done > 1.5:
        raise StoppedError

digits = load_mnist()[0][0][:1000]
for kind in ("Dropout", "GaussianNoise"):
    whole = train_small(network(kind), digits)
    try: train_small(network(kind), digits, checkpoint=f"{kind}.npz", report=stop)
    except StoppedError: pass
    kept = {"checkpoint": f"{kind}.npz", "resume": True}
    print(train_small(network(kind), digits, **kept) == whole)
"""


def test_layers_that_draw_numbers_go_on_where_they_were(tmp_path):
    """In one thread: else Keras's Dropout does not repeat itself."""
    env = environment(ROOT, ROOT / "tests", TF_NUM_INTEROP_THREADS="1")
    assert run_python("-c", RANDOM, cwd=tmp_path, env=env)[::2] == ("True\nTrue\n", 0)


def test_a_trained_network_can_be_saved_copied_and_pickled(digits, tmp_path):
    model = small_model()
    train_small(model, digits, epochs=1)
    model.save(tmp_path / "a.keras")
    copies = [
        keras.saving.load_model(tmp_path / "a.keras"),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ]
    for again in copies:
        assert isinstance(again.optimizer, Muon)
        assert_equal(again.get_weights(), model.get_weights())
        again.train_on_batch(digits[:8], digits[:8])


def test_what_no_checkpoint_can_hold_is_refused_at_the_call(digits):
    class Own(keras.losses.Loss):
        def call(self, clean, answer):
            return keras.ops.mean((clean - answer) ** 2)

        def get_config(self):
            return {"name": "own", "what": object()}

    model = small_model()
    compile_denoiser(model, 10, loss=Own())
    with pytest.raises(TypeError, match="model must have a loss and an optimiser that"):
        training_loop(model, digits, digits[:90], corrupt, epochs=1)
    history = train_small(small_model(), digits, epochs=1, loss=keras.losses.Huber())
    assert len(history["val_loss"]) == 1


# --- resuming, beside what is in test_faults.py


class Unplugged(Exception):
    """Somebody closed the laptop."""


def unplug_after(count):
    def report(state):
        if state.done == count:
            raise Unplugged

    return report


@pytest.fixture
def checkpoint(digits, tmp_path):
    """Of a run that was interrupted after its first epoch."""
    path = tmp_path / "a.npz"
    with pytest.raises(Unplugged):
        train_small(small_model(), digits, checkpoint=path, report=unplug_after(1))
    return path


def test_a_resumed_run_remembers_the_best_weights(digits, tmp_path, monkeypatch):
    """The first epoch was the best; neither the second nor the last takes its place."""
    path, weights = tmp_path / "state.npz", []
    scripted(monkeypatch, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], weights)
    with pytest.raises(Unplugged):
        train_small(small_model(), digits, checkpoint=path, report=unplug_after(2))
    model = small_model(seed=9)
    history = train_small(model, digits, checkpoint=path, resume=True)
    assert history == {"train_loss": [0.0, 2.0, 4.0], "val_loss": [1.0, 3.0, 5.0]}
    assert_equal(model.get_weights(), weights[1])


def test_full_disk_while_training(digits, checkpoint, monkeypatch):
    def savez(file, **arrays):
        file.write_bytes(b"PK half")
        raise OSError("No space left on device")

    options = {"checkpoint": checkpoint, "resume": True}
    monkeypatch.setattr("dae.checkpoint.np.savez", savez)
    with pytest.raises(OSError, match="No space left"):
        train_small(small_model(), digits, **options)
    monkeypatch.undo()
    assert list(checkpoint.parent.iterdir()) == [checkpoint]
    assert len(train_small(small_model(), digits, **options)["val_loss"]) == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 6}, "seed: 5 in the checkpoint, 6 now"),
        ({"epochs": 4}, "epochs: 3 in the checkpoint, 4 now"),
        ({"loss": "mse"}, "loss: 'binary_crossentropy' in the checkpoint, 'mse' now"),
        ({"learning_rate": 0.1}, "learning_rate: .*0.01.* in the checkpoint, .*0.1"),
        ({"batch_size": 33}, "batch_size: 32 in the checkpoint, 33 now"),
        ({"count": 190}, "training_images: 200 in the checkpoint, 190 now"),
        ({"noise": weaker}, "noisy_validation_crc32: "),
        ({}, "weights: "),
    ],
)
def test_checkpoint_of_another_run(digits, checkpoint, change, told):
    model = small_model() if change else build_autoencoder()
    with pytest.raises(ValueError, match=rf"of another run \({told}"):
        train_small(model, digits, checkpoint=checkpoint, resume=True, **change)


def test_checkpoint_of_a_model_compiled_elsewhere(digits, tmp_path):
    """Keras makes the optimiser's variables at the first step only; this is before."""
    model, other = small_model(), small_model(seed=9)
    data = digits[:64], digits[64:90], corrupt
    model.compile("adam", "mse")
    for state in training_loop(model, *data, epochs=2, batch_size=32):
        if state.epoch_ended:
            save_checkpoint(tmp_path / "a.npz", state)
            break
    ended = model.get_weights()
    other.compile("adam", "mse")
    state = load_checkpoint(tmp_path / "a.npz")
    state = next(training_loop(other, *data, epochs=2, batch_size=32, state=state))
    assert state.done == 1.5
    assert int(other.optimizer.iterations) == 3
    assert_equal(state.best_weights, ended)


# --- one epoch, one evaluation


def test_an_epoch_takes_a_step_from_noisy_to_clean_for_each_batch(digits):
    by_hand, model = compiled(), compiled()
    rng = np.random.default_rng(np.random.SeedSequence(5).spawn(2)[1])
    for noisy, clean in noisy_batches(digits[:64], corrupt, 16, rng):
        by_hand.train_on_batch(noisy, clean)
    data = digits[:64], digits[64:90], corrupt
    done = [
        s.done for s in training_loop(model, *data, epochs=1, batch_size=16, seed=5)
    ]
    assert done == [0.25, 0.5, 0.75, 1]
    assert_equal(model.get_weights(), by_hand.get_weights())


def test_diverged_training_stops_at_the_end_of_its_epoch(digits):
    """And does not stop the next one, from good weights."""
    model = compiled()
    weights, noise = model.get_weights(), [np.nan, 1.0]

    def spoil(images, rng):
        return images * np.float32(noise[0] if len(images) == 16 else 1)

    data = digits[:64], digits[64:90], spoil
    with pytest.raises(FloatingPointError, match=r"the loss over the im.*lower learn"):
        for _ in training_loop(model, *data, epochs=3, batch_size=16):
            pass
    noise.pop(0)
    model.set_weights(weights)
    compile_denoiser(model, 4)
    *_, state = training_loop(model, *data, epochs=1, batch_size=16)
    assert np.isfinite(state.history["val_loss"]).all()


def test_evaluate_is_the_mean_over_all_images_and_trains_nothing(digits):
    model = small_model()
    compile_denoiser(model, 10, loss="mse")
    before = model.get_weights()
    noisy = corrupt(digits, np.random.default_rng(0))
    error = (model.predict(noisy, verbose=0).astype(float) - digits) ** 2
    for count in (3, 500, 600, 1000):  # more than one batch, also in parts
        for _ in range(2):  # what was measured before does not count
            found = evaluate(model, noisy[:count], digits[:count])
            assert isinstance(found, float)
            assert found == pytest.approx(error[:count].mean(), rel=1e-4)
    assert_equal(model.get_weights(), before)


def test_compiled_with_muon_and_cross_entropy_by_default(digits):
    model, x = compiled(), digits[:40]
    assert type(model.optimizer) is Muon
    noisy = corrupt(x, np.random.default_rng(0))
    entropy = cross_entropy(model, noisy, x)
    assert evaluate(model, noisy, x) == pytest.approx(entropy, rel=1e-5)
    highest = model.optimizer._learning_rate.get_config()["warmup_target"]
    assert highest == 1e-2


def test_another_optimiser_can_be_chosen():
    model = small_model()
    compile_denoiser(model, 10, optimizer=keras.optimizers.SGD)
    assert type(model.optimizer) is keras.optimizers.SGD


@pytest.mark.parametrize("shape", [(576, 16), (144, 64), (9, 1)])
def test_orthogonal_brings_all_singular_values_near_one(rng, shape):
    matrix = rng.standard_normal(shape).astype(np.float32)
    found = np.asarray(orthogonal(matrix))
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    values = np.linalg.svd(found, compute_uv=False)
    assert values.min() > 0.6 and values.max() < 1.3
    # the directions stay: in them, the matrix is diagonal and positive
    in_directions = left.T @ found @ right.T
    assert np.diag(in_directions).min() > 0.6
    assert abs(in_directions - np.diag(np.diag(in_directions))).max() < 1e-3
    # and its size does not matter
    np.testing.assert_allclose(orthogonal(100 * matrix), found, atol=1e-4)


def test_muon_steps_by_hand(rng):
    """Kernels between maps by Muon's rule, the rest as Adam does."""
    shapes = [(3, 3, 4, 2), (4, 4, 1, 8), (5, 3), (3,)]
    starts = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    optimisers = Muon(0.1), keras.optimizers.Adam(0.1)
    (kernel, *ours), (_, *theirs) = (
        [keras.Variable(start) for start in starts] for _ in optimisers
    )
    average, expected = 0, starts[0].astype(float)
    for _ in range(3):
        gradients = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        average = 0.95 * average + gradients[0]
        matrix = (gradients[0] + 0.95 * average).reshape(36, 2)
        x = matrix / np.linalg.norm(matrix)
        for _ in range(5):
            u, s, v = np.linalg.svd(x, full_matrices=False)
            x = u * (3.4445 * s - 4.775 * s**3 + 2.0315 * s**5) @ v
        expected = expected - 0.1 * np.sqrt(18) * x.reshape(3, 3, 4, 2)
        optimisers[0].apply(gradients, [kernel, *ours])
        optimisers[1].apply(gradients[1:], theirs)
    np.testing.assert_allclose(kernel, expected, atol=1e-4)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_learning_rate_rises_then_falls_to_zero():
    model = small_model()
    compile_denoiser(model, 100, learning_rate=1.0)
    rate = model.optimizer._learning_rate
    values = [float(rate(step)) for step in range(101)]
    assert values[0] == pytest.approx(0.05)
    assert max(values) == pytest.approx(1.0)
    assert int(np.argmax(values)) == 5
    middle = values[5 + 95 // 2]  # half-way down the cosine, near one half
    assert middle == pytest.approx(0.5, abs=0.02)
    assert values[100] == pytest.approx(0, abs=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its graphs")
def test_a_trained_model_leaves_nothing_in_memory():
    """Keras's sum over replicas, even over one, would keep the graph of each step."""
    import tensorflow as tf

    def graphs():
        gc.collect()
        return sum(isinstance(thing, tf.Graph) for thing in gc.get_objects())

    before = graphs()
    images = np.zeros((8, 28, 28, 1), np.float32)
    model = compiled()
    model.train_on_batch(images, images)
    assert graphs() > before
    del model
    assert graphs() <= before
