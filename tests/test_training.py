"""Training: fresh noise, fixed validation, best weights, resuming, clear failures."""

import copy
import gc
import pickle
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
from conftest import assert_equal, compiled, corrupt, small_model

from dae import (
    Muon,
    add_gaussian_noise,
    compile_denoiser,
    evaluate,
    load_checkpoint,
    noisy_batches,
    orthogonal,
    save_checkpoint,
    train,
    training_loop,
)
from dae.checkpoint import values_of, variables_of

OPTIONS = {"epochs": 3, "batch_size": 32, "seed": 5}


def cross_entropy(model, noisy, clean):
    """By hand, in double precision."""
    q = np.clip(model.predict(noisy, verbose=0).astype(float), 1e-7, 1 - 1e-7)
    return -np.mean(clean * np.log(q) + (1 - clean) * np.log(1 - q))


@pytest.fixture(scope="module")
def renewed():
    """One network for all tests, as TensorFlow takes seconds for each; as at first."""
    model = small_model()
    compile_denoiser(model, 18)
    first = values_of(variables_of(model))

    def renew():
        for variable, value in zip(variables_of(model), first, strict=True):
            variable.assign(value)
        return model

    return renew


@pytest.fixture
def model(renewed):
    return renewed()


def run(model, digits, end=3, noise=corrupt, state=None, **options):
    """Train for some epochs; return where the training stands."""
    data = digits[:200], digits[200:260], noise
    steps = training_loop(model, *data, state=state, **OPTIONS | options)
    return next((s for s in steps if s.done >= end), state)


@pytest.fixture(scope="module")
def whole(renewed, digits, tmp_path_factory):
    """Three epochs, with a checkpoint after each."""
    folder, state, model = tmp_path_factory.mktemp("whole"), None, renewed()
    for end in (1, 2, 3):
        state = run(model, digits, end, state=state)
        save_checkpoint(folder / f"{end}.npz", state)
    return state, folder


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
        black = noisy[clean == 0]  # half of the noise on black pixels is clipped off
        assert abs(np.mean(black == 0) - 0.5) < 4 * 0.5 / np.sqrt(black.size)
        assert len({image.tobytes() for image in noisy - clean}) == 32


def test_an_epoch_takes_a_step_from_noisy_to_clean_for_each_batch(model, digits):
    """Fresh noise in each epoch; for both losses the same noise, drawn once."""
    by_hand, first, told = compiled(), model.get_weights(), []
    compile_denoiser(by_hand, 18)
    fixed, *fresh = map(np.random.default_rng, np.random.SeedSequence(5).spawn(3))
    pairs = [(corrupt(x, fixed), x) for x in (digits[200:260], digits[:60])]
    data = digits[:200], digits[200:260], corrupt
    for state in training_loop(model, *data, epochs=2, batch_size=64, seed=5):
        told.append((state.done, state.epoch_ended))
        if state.done < 1:
            assert_equal(state.best_weights, first)
        if not state.epoch_ended:
            continue
        for noisy, clean in noisy_batches(digits[:200], corrupt, 64, fresh.pop(0)):
            by_hand.train_on_batch(noisy, clean)
        assert_equal(model.get_weights(), by_hand.get_weights())
        for name, pair in zip(("val_loss", "train_loss"), pairs, strict=True):
            loss = cross_entropy(model, *pair)
            np.testing.assert_allclose(state.history[name][-1], loss, rtol=1e-5)
    thirds = (1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2)
    assert told == [(pytest.approx(done), done in (1, 2)) for done in thirds]


def test_train_compiles_and_runs_the_loop(digits, whole):
    model, data = small_model(), (digits[:200], digits[200:260], corrupt)
    assert train(model, *data, learning_rate=1e-2, **OPTIONS) == whole[0].history


def test_seed_matters_and_layout_in_memory_does_not(model, digits, whole):
    by_columns = run(model, digits, 1, lambda *a: np.asfortranarray(corrupt(*a)))
    assert by_columns.history["val_loss"] == whole[0].history["val_loss"][:1]
    assert run(model, digits, 1, seed=6).history != by_columns.history


def test_best_weights_are_kept(model, digits, monkeypatch):
    """The first ones, if tied; also where a training is broken off and goes on."""
    script, weights, state = [3.0, 1.0, 1.0, 2.0, 1.5], [], None

    def say(model, noisy, clean):
        weights.append(model.get_weights())
        return 0.0 if len(weights) % 2 else script[len(weights) // 2 - 1]

    monkeypatch.setattr("dae.training.evaluate", say)
    for end in (1, 2, 3.5, 5):
        state = run(model, digits, end, state=state, epochs=5)
        assert_equal(state.best_weights, weights[1 if end == 1 else 3])
    assert state.history == {"train_loss": [0.0] * 5, "val_loss": script}
    weights.clear()
    other = small_model()
    train(other, digits[:64], digits[:9], corrupt, epochs=4, batch_size=32)
    assert_equal(other.get_weights(), weights[3])


def test_a_corruption_in_place_is_refused_before_it_spoils_the_targets(model, digits):
    def in_place(images, rng):
        images *= 0.5
        return images

    before = digits.copy()
    with pytest.raises(ValueError, match="read-only"):
        run(model, digits, noise=in_place)
    np.testing.assert_array_equal(digits, before)


@pytest.mark.parametrize(("steps", "done"), [(0, "0.00"), (3, "1.50")])
def test_an_interrupt_leaves_the_network_as_it_is(
    model, digits, monkeypatch, steps, done
):
    step, weights = model.train_on_batch, [model.get_weights()]

    def train_on_batch(*pair):
        if len(weights) > steps:
            raise KeyboardInterrupt
        step(*pair)
        weights.append(model.get_weights())

    monkeypatch.setattr(model, "train_on_batch", train_on_batch)
    with pytest.raises(KeyboardInterrupt, match=f"after {done} of 3 epochs"):
        run(model, digits, batch_size=100)
    assert_equal(model.get_weights(), weights[-1])


def test_diverged_training_stops_at_the_end_of_its_epoch(model, digits):
    def spoil(images, rng):
        return images * np.float32(np.nan if len(images) == 32 else 1)

    with pytest.raises(FloatingPointError, match="the loss over the images is nan"):
        run(model, digits, noise=spoil)


def test_evaluate_is_the_mean_cross_entropy_and_trains_nothing(model, digits):
    before, noisy = model.get_weights(), corrupt(digits, np.random.default_rng(0))
    for count in (3, 500, 600, 1000):  # more than one batch, also in parts
        expected = cross_entropy(model, noisy[:count], digits[:count])
        for _ in range(2):  # what was measured before does not count
            found = evaluate(model, noisy[:count], digits[:count])
            assert found == pytest.approx(expected, rel=1e-5)
    assert_equal(model.get_weights(), before)


# --- resuming, beside what is in test_faults.py


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_resumed_training_is_as_unbroken(model, digits, whole, epochs):
    """From the first weights; where all epochs are done, no step is left."""
    state = load_checkpoint(whole[1] / f"{epochs}.npz")
    state = run(model, digits, state=state)
    assert state.history == whole[0].history
    assert_equal(state.best_weights, whole[0].best_weights)


def test_a_stopped_training_goes_on_from_its_state_in_memory(model, digits, whole):
    """Stopped within its first and within its second epoch, as if it never was."""
    state, numbers = None, {name: np.int64(number) for name, number in OPTIONS.items()}
    for end in (0.5, 1.5, 3):
        state = run(model, digits, end, state=state, **numbers)
    assert state.history == whole[0].history
    assert_equal(state.best_weights, whole[0].best_weights)


def test_a_finished_training_needs_no_optimiser(model, digits, whole, tmp_path):
    """As the one in the package."""
    save_checkpoint(tmp_path / "a.npz", replace(whole[0], variables=[]))
    sizes = [p.stat().st_size for p in (tmp_path / "a.npz", whole[1] / "3.npz")]
    assert sizes[0] < 0.6 * sizes[1]
    state = load_checkpoint(tmp_path / "a.npz")
    assert run(model, digits, state=state).history == whole[0].history
    begun = replace(state, history={"train_loss": [], "val_loss": []})
    with pytest.raises(ValueError, match="state must hold the optimiser"):
        run(model, digits, state=begun)


def test_layers_that_draw_numbers_go_on_where_they_were(digits, tmp_path):
    layers = [keras.Input((28, 28, 1)), keras.layers.GaussianNoise(0.3)]
    model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
    compile_denoiser(model, 18)
    state = run(model, digits, 1)
    save_checkpoint(tmp_path / "a.npz", state)
    unbroken = run(model, digits, state=state).history
    again = run(model, digits, state=load_checkpoint(tmp_path / "a.npz")).history
    assert again == unbroken


OTHERS = {  # what differs in the model or in its compilation
    "weights": (keras.layers.Dense(1, "sigmoid"), {}),
    "loss": (keras.layers.Identity(), {"loss": "mse"}),
    "learning_rate": (keras.layers.Identity(), {"learning_rate": 0.1}),
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 6}, "seed: 5 in the checkpoint, 6 now"),
        ({"epochs": 4}, "epochs"),
        ({"batch_size": 33}, "batch_size"),
        ({"noise": partial(add_gaussian_noise, level=0.2)}, "noisy_validation_crc32"),
        *(({}, name) for name in OTHERS),
    ],
)
def test_checkpoint_of_another_run(model, digits, whole, change, told):
    if told in OTHERS:
        layer, options = OTHERS[told]
        model = keras.Sequential([keras.Input((28, 28, 1)), layer])
        compile_denoiser(model, 18, **options)
    before, state = model.get_weights(), load_checkpoint(whole[1] / "1.npz")
    with pytest.raises(ValueError, match=rf"another run \(.*{told}"):
        run(model, digits, state=state, **change)
    assert_equal(model.get_weights(), before)


def test_what_no_checkpoint_can_hold_is_refused_at_the_call(digits):
    class Own(keras.losses.Loss):
        def get_config(self):
            return {"name": "own", "what": object()}

    model = small_model()
    compile_denoiser(model, 10, loss=Own())
    with pytest.raises(TypeError, match="model must have a loss and an optimiser that"):
        run(model, digits)


@pytest.mark.slow
def test_a_trained_network_can_be_saved_copied_and_pickled(digits, tmp_path):
    model = compiled()
    model.train_on_batch(digits[:8], digits[:8])
    model.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    for again in (loaded, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert isinstance(again.optimizer, Muon)
        assert_equal(again.get_weights(), model.get_weights())
        again.train_on_batch(digits[:8], digits[:8])


# --- the optimiser


def by_svd(matrix):
    """Muon's polynomial, five times, on each singular value."""
    u, s, v = np.linalg.svd(matrix / np.linalg.norm(matrix), full_matrices=False)
    for _ in range(5):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    assert s.min() > 0.6 and s.max() < 1.3  # all near one
    return u * s @ v


@pytest.mark.parametrize("shape", [(576, 16), (144, 64), (9, 1)])
def test_orthogonal_brings_all_singular_values_near_one(rng, shape):
    matrix = rng.standard_normal(shape).astype(np.float32)
    for size in (1, 100):
        found = orthogonal(size * matrix)
        np.testing.assert_allclose(found, by_svd(matrix), atol=1e-3)


@pytest.mark.parametrize("shape", [(3, 3, 4, 2), (3, 3, 2, 30)])  # high, and wide
def test_muon_steps_by_hand(rng, shape):
    """Kernels between maps by Muon's rule, the rest as Adam does."""
    shapes = [shape, (4, 4, 1, 8), (5, 3), (3,)]
    starts = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    optimisers = Muon(0.1), keras.optimizers.Adam(0.1)
    (kernel, *ours), (_, *theirs) = (
        [keras.Variable(start) for start in starts] for _ in optimisers
    )
    average, expected = 0, starts[0].astype(float)
    for _ in range(3):
        gradients = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        average = 0.95 * average + gradients[0]
        matrix = (gradients[0] + 0.95 * average).reshape(-1, shape[3])
        scale = np.sqrt(max(1, len(matrix) / shape[3]))
        expected = expected - 0.1 * scale * by_svd(matrix).reshape(shape)
        optimisers[0].apply(gradients, [kernel, *ours])
        optimisers[1].apply(gradients[1:], theirs)
    np.testing.assert_allclose(kernel, expected, atol=1e-4)
    assert_equal(map(np.asarray, ours), map(np.asarray, theirs))


def test_compiled_with_muon_and_a_rate_that_rises_then_falls_to_zero():
    model = small_model()
    compile_denoiser(model, 100)
    assert type(model.optimizer) is Muon
    rate = model.optimizer._learning_rate
    values = [float(rate(step)) / 1e-2 for step in range(101)]
    assert values[0] == pytest.approx(0.05)
    assert max(values) == pytest.approx(1) and int(np.argmax(values)) == 5
    middle = values[5 + 95 // 2]  # half-way down the cosine, near one half
    assert middle == pytest.approx(0.5, abs=0.02)
    assert values[100] == pytest.approx(0, abs=1e-6)
    compile_denoiser(model, 10, optimizer=keras.optimizers.SGD)
    assert type(model.optimizer) is keras.optimizers.SGD


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
