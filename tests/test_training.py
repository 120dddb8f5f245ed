"""Training: fresh noise, fixed validation, best weights, resuming, clear failures."""

import json

import keras
import numpy as np
import pytest

from dae import (
    add_gaussian_noise,
    build_autoencoder,
    compile_denoiser,
    evaluate,
    load_checkpoint,
    noisy_batches,
    save_checkpoint,
    train,
    train_epoch,
)


def corrupt(images, rng):
    return add_gaussian_noise(images, 0.5, rng)


def small_model(seed=0):
    """A denoiser that trains in a moment."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(4, 4, strides=4, activation="relu"),
            keras.layers.Conv2DTranspose(1, 4, strides=4, activation="sigmoid"),
        ]
    )
    return model


def run(model, digits, **options):
    options = {"epochs": 3, "batch_size": 32, "seed": 5} | options
    return train(model, digits[:200], digits[200:260], corrupt, **options)


def test_batches_hold_each_image_once_with_its_own_noise(digits, rng):
    batches = list(noisy_batches(digits[:100], corrupt, 32, rng))
    assert [clean.shape for _, clean in batches] == [(32, 28, 28, 1)] * 3  # 4 left over
    seen = {clean.tobytes() for _, batch in batches for clean in batch}
    assert len(seen) == 96
    assert seen <= {image.tobytes() for image in digits[:100]}
    for noisy, clean in batches:
        assert noisy.dtype == np.float32
        black = noisy[clean == 0]  # half of the noise on black pixels is clipped off
        assert abs(np.mean(black == 0) - 0.5) < 4 * 0.5 / np.sqrt(black.size)
        assert len({image.tobytes() for image in noisy - clean}) == 32


def test_targets_are_clean_and_input_is_left_alone(digits, rng):
    before = digits[:64].copy()
    for noisy, clean in noisy_batches(digits[:64], corrupt, 64, rng):
        np.testing.assert_array_equal(np.sort(clean, 0), np.sort(before, 0))
        assert np.mean(noisy != clean) > 0.4
    np.testing.assert_array_equal(digits[:64], before)


class Recorder:
    """A corruption that remembers what it was asked to corrupt, and its noise."""

    def __init__(self):
        self.calls = []

    def __call__(self, images, rng):
        noisy = corrupt(images, rng)
        self.calls.append((images.copy(), noisy))
        return noisy


def test_two_epochs_see_different_noise_while_validation_noise_stays(
    digits, monkeypatch
):
    evaluated, recorder = [], Recorder()
    monkeypatch.setattr(
        "dae.training.evaluate",
        lambda model, noisy, clean: evaluated.append((noisy.copy(), clean.copy())) or 1,
    )
    train(small_model(), digits[:64], digits[64:100], recorder, epochs=2, batch_size=64)
    (_, _), (_, _), (first, noisy_1), (second, noisy_2) = recorder.calls
    order_1, order_2 = (np.lexsort(x.reshape(64, -1).T) for x in (first, second))
    np.testing.assert_array_equal(first[order_1], second[order_2])  # the same digits
    assert np.mean(noisy_1[order_1] != noisy_2[order_2]) > 0.5  # other noise
    # evaluated: training part and validation part, twice
    np.testing.assert_array_equal(evaluated[0][0], evaluated[2][0])
    np.testing.assert_array_equal(evaluated[1][0], evaluated[3][0])
    np.testing.assert_array_equal(evaluated[0][1], digits[:36])
    np.testing.assert_array_equal(evaluated[1][1], digits[64:100])
    assert np.mean(evaluated[1][0] != evaluated[1][1]) > 0.4  # not clean input


def test_same_seed_same_numbers_other_seed_others(digits):
    a, b, c = small_model(), small_model(), small_model()
    assert run(a, digits) == run(b, digits) != run(c, digits, seed=6)
    for first, second in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_losses_are_those_of_the_weights_at_the_end_of_the_epoch(digits):
    model = small_model()
    history = run(model, digits, epochs=1)
    fixed = np.random.default_rng(np.random.SeedSequence(5).spawn(2)[0])
    for images, name in ((digits[200:260], "val_loss"), (digits[:60], "train_loss")):
        noisy = corrupt(images, fixed)
        q = np.clip(model.predict(noisy, verbose=0).astype(float), 1e-7, 1 - 1e-7)
        by_hand = -np.mean(images * np.log(q) + (1 - images) * np.log(1 - q))
        np.testing.assert_allclose(history[name], [by_hand], rtol=1e-5)


def test_evaluation_covers_all_images_once(digits):
    """More than one batch, the last one smaller; weighted by images, not batches."""
    model = small_model()
    compile_denoiser(model, 1)
    noisy = corrupt(digits, np.random.default_rng(1))
    clean = digits.copy()
    clean[900:] = 0  # so that the last batch differs
    q = np.clip(model.predict(noisy[:930], verbose=0).astype(float), 1e-7, 1 - 1e-7)
    by_hand = -np.mean(clean[:930] * np.log(q) + (1 - clean[:930]) * np.log(1 - q))
    for _ in range(2):  # what was evaluated before makes no difference
        found = evaluate(model, noisy[:930], clean[:930])
        assert found == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize(
    ("val_losses", "best_epoch"),
    [([3.0, 1.0, 2.0, 1.5], 1), ([3.0, 1.0, 1.0, 1.5], 1)],  # the first one, if tied
)
def test_best_weights_are_kept(digits, monkeypatch, val_losses, best_epoch):
    after_epoch = []

    def scripted(model, noisy, clean):
        # of the two calls in an epoch, the second is for validation
        loss = val_losses[len(after_epoch) // 2] if len(after_epoch) % 2 else 0.0
        after_epoch.append([w.copy() for w in model.get_weights()])
        return loss

    monkeypatch.setattr("dae.training.evaluate", scripted)
    model = small_model()
    history = run(model, digits, epochs=4)
    assert history == {"train_loss": [0.0] * 4, "val_loss": val_losses}
    best, last = after_epoch[2 * best_epoch + 1], after_epoch[-1]
    for kept, then, end in zip(model.get_weights(), best, last, strict=True):
        np.testing.assert_array_equal(kept, then)
        assert np.any(kept != end)


def test_corruption_may_return_any_layout(digits):
    def columns_first(images, rng):
        return np.asfortranarray(corrupt(images, rng))

    plain, other = small_model(), small_model()
    assert run(plain, digits) == train(
        other, digits[:200], digits[200:260], columns_first,
        epochs=3, batch_size=32, seed=5,
    )  # fmt: skip


class Unplugged(Exception):
    """Somebody closed the laptop."""


@pytest.mark.parametrize("stop", [1, 1.5, 2, 2.5])
def test_resumed_run_is_the_unbroken_run(digits, tmp_path, stop):
    unbroken, broken, fresh = small_model(), small_model(), small_model(seed=9)
    expected = run(unbroken, digits)

    def unplug(epochs, done, history):
        if done >= stop and len(history["val_loss"]) >= int(stop):
            raise Unplugged

    path = tmp_path / "state.npz"
    with pytest.raises(Unplugged):
        run(broken, digits, checkpoint=path, report=unplug)
    assert path.exists()
    # the process is gone: a new model, with other weights, takes over
    assert run(fresh, digits, checkpoint=path, resume=True) == expected
    for a, b in zip(unbroken.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert list(tmp_path.iterdir()) == [path]
    # a finished run can be "resumed" too: nothing is left to train
    third = small_model(seed=10)
    assert run(third, digits, checkpoint=path, resume=True) == expected
    for a, b in zip(unbroken.get_weights(), third.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_resumed_run_remembers_the_best_weights(digits, tmp_path, monkeypatch):
    """The first epoch was the best; neither the second nor the last takes its place."""
    after_first, path = [], tmp_path / "state.npz"

    def scripted(model, noisy, clean):  # twice an epoch, worse each time
        if len(losses) == 0:
            after_first[:] = model.get_weights()
        losses.append(float(len(losses)))
        return losses[-1]

    def unplug(epochs, done, history):
        if len(history["val_loss"]) == 2:
            raise Unplugged

    monkeypatch.setattr("dae.training.evaluate", scripted)
    losses = []
    with pytest.raises(Unplugged):
        run(small_model(), digits, checkpoint=path, report=unplug)
    model = small_model(seed=9)
    history = run(model, digits, checkpoint=path, resume=True)
    assert history == {"train_loss": [0.0, 2.0, 4.0], "val_loss": [1.0, 3.0, 5.0]}
    for kept, best in zip(model.get_weights(), after_first, strict=True):
        np.testing.assert_array_equal(kept, best)


def test_checkpoint_is_whole_at_every_moment(digits, tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    model = small_model()

    def savez(file, **arrays):
        with open(file, "wb") as half_written:
            half_written.write(b"PK half")
        raise OSError("No space left on device")

    def fill_disk(epochs, done, history):
        if done == 2:
            monkeypatch.setattr("dae.checkpoint.np.savez", savez)

    with pytest.raises(OSError, match="No space left"):
        run(model, digits, checkpoint=path, report=fill_disk)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]
    assert (
        len(run(small_model(), digits, checkpoint=path, resume=True)["val_loss"]) == 3
    )


def test_resume_without_checkpoint(digits, tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint to resume from"):
        run(small_model(), digits, checkpoint=tmp_path / "no.npz", resume=True)
    with pytest.raises(ValueError, match="resume needs the checkpoint"):
        run(small_model(), digits, resume=True)


@pytest.fixture
def checkpoint(digits, tmp_path):
    def unplug(epochs, done, history):
        if len(history["val_loss"]) == 1:
            raise Unplugged

    with pytest.raises(Unplugged):
        run(small_model(), digits, checkpoint=tmp_path / "a.npz", report=unplug)
    return tmp_path / "a.npz"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 6}, "seed: 5 in the checkpoint, 6 now"),
        ({"epochs": 4}, "epochs: 3 in the checkpoint, 4 now"),
        ({"loss": "mse"}, "loss: 'binary_crossentropy' in the checkpoint, 'mse' now"),
        ({"learning_rate": 0.1}, "learning_rate: 0.01 in the checkpoint, 0.1 now"),
        ({"batch_size": 33}, "batch_size: 32 in the checkpoint, 33 now"),
    ],
)
def test_checkpoint_of_another_run(digits, checkpoint, change, named):
    with pytest.raises(ValueError, match=named):
        run(small_model(), digits, checkpoint=checkpoint, resume=True, **change)


def test_checkpoint_of_another_noise_or_model(digits, checkpoint):
    options = {"epochs": 3, "batch_size": 32, "seed": 5}
    with pytest.raises(ValueError, match="noisy_validation_crc32"):
        train(
            small_model(),
            digits[:200],
            digits[200:260],
            lambda x, rng: add_gaussian_noise(x, 0.2, rng),
            checkpoint=checkpoint,
            resume=True,
            **options,
        )
    with pytest.raises(ValueError, match=r"training_images: 200 in the chec.*190 now"):
        train(
            small_model(),
            digits[:190],
            digits[200:260],
            corrupt,
            checkpoint=checkpoint,
            resume=True,
            **options,
        )
    with pytest.raises(ValueError, match="weights: "):
        run(build_autoencoder(), digits, checkpoint=checkpoint, resume=True)


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_damaged_checkpoint(digits, checkpoint, damage):
    content = bytearray(checkpoint.read_bytes())
    content[content.index(b"\x93NUMPY") + 130] ^= 0xFF  # in the data of an array
    damaged = {"truncate": content[:500], "flip": content, "empty": b""}[damage]
    checkpoint.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"a\.npz: not a readable checkpoint"):
        run(small_model(), digits, checkpoint=checkpoint, resume=True)


def test_checkpoint_of_a_model_compiled_elsewhere(digits, tmp_path):
    """Keras makes the optimiser's variables at the first step only; this is before."""
    model, other = small_model(), small_model()
    for each in (model, other):
        each.compile("adam", "mse")
    save_checkpoint(tmp_path / "a.npz", model, model.get_weights(), {"a": [1.0]}, {})
    other.train_on_batch(digits[:8], digits[:8])
    history, best = load_checkpoint(tmp_path / "a.npz", other, {})
    assert history == {"a": [1.0]}
    for one, two, three in zip(
        other.get_weights(), model.get_weights(), best, strict=True
    ):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
    assert all(not np.any(v) for v in other.optimizer.variables if v.ndim)
    assert int(other.optimizer.iterations) == 0


def test_checkpoint_holds_no_pickle(checkpoint):
    with np.load(checkpoint, allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)
        text = json.loads(str(archive["text"]))
    assert len(text["history"]["val_loss"]) == 1


def test_diverged_training_stops_at_once(digits):
    model = small_model()
    compile_denoiser(model, 10)
    bad = digits[:32].copy()
    bad[0, 0, 0] = np.nan
    steps = train_epoch(model, iter([(digits[:32], digits[:32]), (bad, bad)] * 5))
    assert next(steps) == 1
    with pytest.raises(FloatingPointError, match=r"became nan in batch 2.*lower l"):
        next(steps)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"epochs": 2.5}, TypeError, "epochs must be a whole number, got 2.5"),
        ({"batch_size": 500}, ValueError, "at least one batch of 500, got 200"),
    ],
)
def test_arguments_are_checked_before_any_work(digits, change, error, message):
    with pytest.raises(error, match=message):
        run(small_model(), digits, **change)


def test_corruption_that_changes_the_shape(digits):
    with pytest.raises(ValueError, match=r"val_images and corrupt\(val_images, rng\)"):
        train(small_model(), digits, digits[:9], lambda x, rng: x[:, ::2], epochs=1)


def test_images_are_checked_before_any_work(digits):
    with pytest.raises(TypeError, match="images must be floating point"):
        train(small_model(), digits.astype(int), digits, corrupt)
    with pytest.raises(ValueError, match="val_images must have all values"):
        train(small_model(), digits, digits * 2, corrupt)


def test_report_is_told_of_each_step_and_each_epoch(digits):
    told = []

    def report(epochs, done, history):
        told.append((epochs, done, len(history["train_loss"])))

    run(small_model(), digits, epochs=2, batch_size=100, report=report)
    assert told == [
        (2, 0.5, 0), (2, 1.0, 0), (2, 1, 1), (2, 1.5, 1), (2, 2.0, 1), (2, 2, 2),
    ]  # fmt: skip


def test_train_hands_its_settings_on(digits, monkeypatch):
    calls = []

    def compile_and_note(model, *settings):
        calls.append(settings)
        compile_denoiser(model, *settings)

    monkeypatch.setattr("dae.training.compile_denoiser", compile_and_note)
    run(small_model(), digits, epochs=2, learning_rate=0.02, loss="mse", batch_size=30)
    assert calls == [(2 * 6, 0.02, "mse")]  # 200 images make 6 batches of 30


def test_training_images_alone_are_learnt_from(digits):
    recorder = Recorder()
    train(small_model(), digits[:64], digits[64:90], recorder, epochs=2, batch_size=32)
    validation, probe, *batches = [images for images, _ in recorder.calls]
    np.testing.assert_array_equal(validation, digits[64:90])
    np.testing.assert_array_equal(probe, digits[:26])
    known = {image.tobytes() for image in digits[:64]}
    seen = [image.tobytes() for batch in batches for image in batch]
    assert len(batches) == 4 and set(seen) == known and len(seen) == 128
    orders = [b"".join(seen[:64]), b"".join(seen[64:]), digits[:64].tobytes()]
    assert len(set(orders)) == 3  # shuffled, and anew in each epoch


def test_compiled_with_adam_and_the_loss_asked_for(digits):
    model = small_model()
    compile_denoiser(model, 10)
    assert type(model.optimizer) is keras.optimizers.Adam
    noisy = corrupt(digits[:40], np.random.default_rng(0))
    q = np.clip(model.predict(noisy, verbose=0).astype(float), 1e-7, 1 - 1e-7)
    x = digits[:40]
    entropy = -np.mean(x * np.log(q) + (1 - x) * np.log(1 - q))
    assert evaluate(model, noisy, x) == pytest.approx(entropy, rel=1e-5)
    compile_denoiser(model, 10, loss="mse")
    assert evaluate(model, noisy, x) == pytest.approx(np.mean((q - x) ** 2), rel=1e-5)
    highest = model.optimizer._learning_rate.get_config()["warmup_target"]
    assert highest == 1e-2  # by default


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
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_epoch_takes_a_step_from_noisy_to_clean_for_each_batch(digits):
    def pairs():
        return noisy_batches(digits[:64], corrupt, 16, np.random.default_rng(2))

    by_hand, model = small_model(), small_model()
    for each in (by_hand, model):
        compile_denoiser(each, 10)
    for noisy, clean in pairs():
        by_hand.train_on_batch(noisy, clean)
    assert list(train_epoch(model, pairs())) == [1, 2, 3, 4]
    for a, b in zip(by_hand.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loss_of_an_earlier_epoch_does_not_stop_the_next(digits):
    """The loss is a mean over the epoch: one that is infinite must not stay in it."""
    model = small_model()
    compile_denoiser(model, 10)
    weights = model.get_weights()
    bad = np.full_like(digits[:8], np.nan)
    with pytest.raises(FloatingPointError):
        list(train_epoch(model, [(bad, bad)]))
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    assert list(train_epoch(model, [(digits[:8], digits[:8])])) == [1]


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
