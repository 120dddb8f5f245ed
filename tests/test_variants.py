"""Relatives of the autoencoder: each differs in the one thing it says."""

import keras
import numpy as np
import pytest
from test_model import conv

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


@pytest.mark.parametrize("use_bias", [True, False])
def test_linear_output_changes_biases_and_the_last_activation_only(use_bias):
    ordinary, variant = build_autoencoder(), build_linear_output(use_bias=use_bias)
    for part in ("encoder", "decoder"):
        layers = (model.get_layer(part).layers for model in (ordinary, variant))
        for a, b in zip(*layers, strict=True):
            expected = a.get_config()
            if "use_bias" in expected:
                expected["use_bias"] = use_bias
            if a.name == "grey":
                expected["activation"] = "linear"
            assert type(a) is type(b) and b.get_config() == expected


@pytest.mark.parametrize("build", [build_with_skips, lambda: build_stride_2_decoder(4)])
def test_every_layer_bends_and_the_last_gives_images(build):
    *hidden, last = [la for la in build().layers if hasattr(la, "kernel")]
    assert [layer.activation.__name__ for layer in hidden] == ["relu"] * len(hidden)
    assert last.activation.__name__ == "sigmoid" and last.filters == 1
    assert len(hidden) == 2


def test_weights_of_the_variants_by_formula():
    added = build_with_skips().count_params() - build_autoencoder().count_params()
    assert added == conv(3, 1, 16) + conv(3, 17, 16) + conv(3, 16, 1)
    decoder = build_stride_2_decoder(5, 3)
    assert decoder.count_params() == conv(3, 3, 64) + conv(5, 64, 32) + conv(5, 32, 1)
    assert decoder.input_shape == (None, 7, 7, 3)
    assert build_stride_2_decoder(4).input_shape == build_encoder().output_shape


def test_skips_take_the_details_from_the_image_and_the_rest_from_the_code(digits):
    model = build_with_skips()
    coarse = model.get_layer("autoencoder")
    before = model.predict_on_batch(digits[:2])
    coarse.set_weights([w + 1 for w in coarse.get_weights()])
    assert np.abs(model.predict_on_batch(digits[:2]) - before).max() > 1e-4


def test_denoise_clips_what_a_linear_output_puts_outside(digits, rng):
    model = build_linear_output(use_bias=True)
    set_biases(model, rng)
    raw = model.predict_on_batch(digits[:20])
    assert raw.min() < 0
    np.testing.assert_array_equal(denoise(model, digits[:20]), np.clip(raw, 0, 1))


def test_skips_carry_what_the_code_does_not(digits):
    model = build_with_skips(2)
    encoder = model.get_layer("autoencoder").get_layer("encoder")
    assert encoder.output_shape[-1] == 2
    encoder.set_weights([np.zeros_like(w) for w in encoder.get_weights()])
    a, b = denoise(model, digits[:2])
    assert np.abs(a - b).max() > 1e-4  # the code is the same for both


@pytest.mark.parametrize("kernel", [3, 4])
def test_stride_2_decoder_fits_the_encoder(digits, kernel):
    keras.utils.set_random_seed(0)
    model = build_autoencoder(build_encoder(4), build_stride_2_decoder(kernel, 4))
    assert denoise(model, digits[:2]).shape == (2, 28, 28, 1)
    layers = model.get_layer(f"kernel_{kernel}").layers
    upsampling = [la for la in layers if type(la).__name__ == "Conv2DTranspose"]
    assert [layer.kernel_size[0] for layer in upsampling] == [kernel, kernel]
