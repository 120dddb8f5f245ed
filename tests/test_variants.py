"""Relatives of the autoencoder: each differs in the one thing it says."""

import keras
import numpy as np
import pytest

from dae import (
    build_autoencoder,
    build_encoder,
    build_linear_output,
    build_stride_2_decoder,
    build_with_skips,
    denoise,
)


def set_biases(model, rng):
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(rng.normal(0, 0.3, weight.shape))


def test_without_biases_twice_the_input_is_twice_the_output(digits, rng):
    bare = build_linear_output(use_bias=False)
    once, twice = (bare.predict_on_batch(k * digits[:5]) for k in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-4, atol=1e-6)
    assert np.abs(once).max() > 1e-3
    biased = build_linear_output(use_bias=True)
    set_biases(biased, rng)
    once, twice = (biased.predict_on_batch(k * digits[:5]) for k in (1, 2))
    assert np.abs(twice - 2 * once).max() > 1e-2


def test_linear_output_differs_from_the_autoencoder_in_nothing_else():
    ordinary = build_autoencoder()
    with_bias = build_linear_output(use_bias=True)
    without = build_linear_output(use_bias=False)
    assert [w.shape for w in with_bias.weights] == [w.shape for w in ordinary.weights]
    biases = [w.shape for w in ordinary.weights if w.name == "bias"]
    lost = ordinary.count_params() - without.count_params()
    assert lost == sum(int(np.prod(shape)) for shape in biases) > 0


def test_denoise_clips_what_a_linear_output_puts_outside(digits, rng):
    model = build_linear_output(use_bias=True)
    set_biases(model, rng)
    raw = model.predict_on_batch(digits[:20])
    assert raw.min() < 0
    np.testing.assert_array_equal(denoise(model, digits[:20]), np.clip(raw, 0, 1))


def test_skips_carry_what_the_code_does_not(digits):
    model = build_with_skips(2)
    assert model.get_layer("autoencoder").get_layer("encoder").output_shape[-1] == 2
    encoder = model.get_layer("autoencoder").get_layer("encoder")
    encoder.set_weights([np.zeros_like(w) for w in encoder.get_weights()])
    a, b = denoise(model, digits[:2])
    assert np.abs(a - b).max() > 1e-4  # the code is the same for both


@pytest.mark.parametrize("kernel", [3, 4])
def test_stride_2_decoder_fits_the_encoder(digits, kernel):
    keras.utils.set_random_seed(0)
    model = build_autoencoder(build_encoder(4), build_stride_2_decoder(kernel, 4))
    assert denoise(model, digits[:2]).shape == (2, 28, 28, 1)
    layers = model.get_layer(f"kernel_{kernel}").layers
    assert [la.kernel_size[0] for la in layers if la.__class__.__name__.endswith(
        "Transpose")] == [kernel, kernel]  # fmt: skip


def test_kernel_size_is_checked():
    with pytest.raises(ValueError, match="kernel_size must be at least 2, got 1"):
        build_stride_2_decoder(1)
