"""Training: fresh noise, fixed validation, best weights, resuming, clear failures."""

import gc

import keras
import numpy as np
import pytest
from conftest import assert_equal, compiled, corrupt, small_model, train_small

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
    train_epoch,
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
    val, probe, *batches = calls
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


def test_report_is_told_of_each_step_and_each_epoch(digits):
    told = []

    def report(epochs, done, history):
        told.append((epochs, done, len(history["train_loss"])))

    train_small(small_model(), digits, epochs=2, batch_size=100, report=report)
    first, second = [(2, 0.5, 0), (2, 1, 0), (2, 1, 1)], [(2, 1.5, 1), (2, 2, 1)]
    assert told == [*first, *second, (2, 2, 2)]


def test_train_hands_its_settings_on(digits, monkeypatch):
    calls = []

    def compile_and_note(model, *settings):
        calls.append(settings)
        compile_denoiser(model, *settings)

    monkeypatch.setattr("dae.training.compile_denoiser", compile_and_note)
    options = {"epochs": 2, "learning_rate": 0.02, "loss": "mse", "batch_size": 30}
    train_small(small_model(), digits, **options)
    assert calls == [(2 * 6, 0.02, "mse")]  # 200 images make 6 batches of 30


def half(images, rng):
    return images[:, ::2]


def weaker(images, rng):
    return add_gaussian_noise(images, 0.2, rng)


MISSING = {"resume": True, "checkpoint": "no.npz"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"epochs": 2.5}, TypeError, "epochs must be a whole number, got 2.5"),
        ({"batch_size": 500}, ValueError, "at least one batch of 500, got 200"),
        ({"resume": True}, ValueError, "resume needs the checkpoint to resume from"),
        ({"noise": half}, ValueError, r"val_images and corrupt\(val_images, rng\)"),
        (MISSING, FileNotFoundError, r"no\.npz: no checkpoint to resume from"),
    ],
)
def test_arguments_are_checked_before_any_work(digits, change, error, message):
    with pytest.raises(error, match=message):
        train_small(small_model(), digits, **change)


# --- resuming, beside what is in test_faults.py


class Unplugged(Exception):
    """Somebody closed the laptop."""


def unplug_after(count):
    def report(epochs, done, history):
        if len(history["val_loss"]) == count:
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
        ({"learning_rate": 0.1}, "learning_rate: 0.01 in the checkpoint, 0.1 now"),
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
    model, other = small_model(), small_model()
    model.compile("adam", "mse")
    other.compile("adam", "mse")
    save_checkpoint(tmp_path / "a.npz", model, model.get_weights(), {"a": [1.0]}, {})
    other.train_on_batch(digits[:8], digits[:8])
    history, best = load_checkpoint(tmp_path / "a.npz", other, {})
    assert history == {"a": [1.0]}
    assert_equal(other.get_weights(), model.get_weights())
    assert_equal(best, model.get_weights())
    assert all(not np.any(v) for v in other.optimizer.variables if v.ndim)
    assert int(other.optimizer.iterations) == 0


# --- one epoch, one evaluation


def test_an_epoch_takes_a_step_from_noisy_to_clean_for_each_batch(digits):
    def pairs():
        return noisy_batches(digits[:64], corrupt, 16, np.random.default_rng(2))

    by_hand, model = compiled(), compiled()
    for noisy, clean in pairs():
        by_hand.train_on_batch(noisy, clean)
    assert list(train_epoch(model, pairs())) == [1, 2, 3, 4]
    assert_equal(model.get_weights(), by_hand.get_weights())


def test_diverged_training_stops_at_once(digits):
    bad = digits[:32].copy()
    bad[0, 0, 0] = np.nan
    steps = train_epoch(compiled(), iter([(digits[:32], digits[:32]), (bad, bad)] * 5))
    assert next(steps) == 1
    with pytest.raises(FloatingPointError, match=r"became nan in batch 2.*lower l"):
        next(steps)


def test_a_loss_of_an_earlier_epoch_does_not_stop_the_next(digits):
    """The loss is a mean over the epoch: one that is infinite must not stay in it."""
    model = compiled()
    weights = model.get_weights()
    bad = np.full_like(digits[:8], np.nan)
    with pytest.raises(FloatingPointError):
        list(train_epoch(model, [(bad, bad)]))
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    assert list(train_epoch(model, [(digits[:8], digits[:8])])) == [1]


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
