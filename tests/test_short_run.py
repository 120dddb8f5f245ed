"""Further networks, and the streams of random numbers that they draw from."""

import itertools
from functools import partial

import numpy as np
import pytest

import dae

noise = partial(dae.add_gaussian_noise, level=0.5)


@pytest.mark.slow
def test_a_short_run_is_what_train_does_from_the_seed_s_first_weights(digits):
    found = dae.short_run(noise, digits[:256], digits[256:300], seed=3)
    again = dae.short_run(noise, digits[:256], digits[256:300], seed=3)
    other = dae.short_run(noise, digits[:256], digits[256:300], seed=4)
    one, two, three = (m.get_weights() for m in (found, again, other))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], three[0])


@pytest.mark.slow
def test_a_trained_network_is_left_as_it_is_when_a_copy_goes_on(digits):
    first = dae.load_denoiser()
    before = first.get_weights()
    copy = dae.short_run(noise, digits[:256], digits[256:300], start=first)
    assert all(map(np.array_equal, before, first.get_weights()))
    noisy = noise(digits[300:500], np.random.default_rng(0))
    old, new = (dae.psnr(digits[300:500], dae.denoise(m, noisy)) for m in (first, copy))
    assert not np.array_equal(before[0], copy.get_weights()[0])
    assert new.mean() > old.mean() - 1  # it has gone on, not begun anew: 9 dB less


@pytest.mark.slow
def test_the_classifier_reads_digits(mnist):
    (images, classes), _, (others, truth) = mnist
    model = dae.train_classifier(images[:6_000], classes[:6_000])
    chances = model.predict(others[:1_000], verbose=0)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert np.mean(chances.argmax(axis=1) == truth[:1_000]) > 0.85


def test_each_experiment_has_random_numbers_of_its_own():
    streams = itertools.product((0, 1, 256), ("a", "b", "ab", "ba", "aa"))
    first = [dae.rng(seed, name).integers(2**62) for seed, name in streams]
    assert len(set(first)) == len(first)
    assert dae.rng(1, "a").integers(2**62) == dae.rng(1, "a").integers(2**62)
    with pytest.raises(TypeError, match="name must say which experiment"):
        dae.rng(0, 7)
