"""Relatives of the autoencoder, for experiments that change one thing at a time."""

import keras
from keras import layers

from dae._checks import check_count
from dae.model import build_autoencoder, build_decoder, build_encoder


def build_linear_output(*, use_bias: bool) -> keras.Model:
    """Build the autoencoder with a linear output, with or without additive constants.

    Without them, twice the input gives twice the output: noise at twice the level is
    the known task on a picture of twice the contrast, which helps where contrasts vary
    [1]_. That leaves no place for a sigmoid; hence the linear output, in both.

    Parameters
    ----------
    use_bias : bool
        Whether the layers have biases.

    Returns
    -------
    keras.Model
        From images, float32, shape (N, 28, 28, 1), to images of the same shape,
        unbounded: `denoise` clips them. To be trained with squared error.

    References
    ----------
    .. [1] S. Mohan, Z. Kadkhodaie, E. P. Simoncelli and C. Fernandez-Granda, "Robust
       and interpretable blind image denoising via bias-free convolutional neural
       networks", ICLR 2020. arXiv:1906.05478
    """

    def rebuild(layer):
        config = layer.get_config()
        if "use_bias" in config:
            config["use_bias"] = use_bias
        if layer.name == "grey":
            config["activation"] = "linear"
        return type(layer).from_config(config)

    return keras.models.clone_model(
        build_autoencoder(), clone_function=rebuild, recursive=True
    )


def build_with_skips(code_channels: int = 8) -> keras.Model:
    """Build the autoencoder with connections past its code, at full resolution.

    Sixteen maps of 28 x 28 take what the code cannot carry straight to the output, as
    in a U-Net [1]_.

    Parameters
    ----------
    code_channels : int
        Maps in the code.

    Returns
    -------
    keras.Model
        From images, float32, shape (N, 28, 28, 1), values in [0, 1], to the same.

    References
    ----------
    .. [1] O. Ronneberger, P. Fischer and T. Brox, "U-Net: convolutional networks for
       biomedical image segmentation", MICCAI 2015, pp. 234-241.
       doi:10.1007/978-3-319-24574-4_28
    """
    images = keras.Input((28, 28, 1), name="images")
    narrow = build_encoder(code_channels), build_decoder(code_channels)
    coarse = build_autoencoder(*narrow)(images)
    detail = layers.Conv2D(16, 3, padding="same", activation="relu")(images)
    x = layers.Concatenate()([coarse, detail])  # 28 x 28 x 17
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    return keras.Model(images, x, name="with_skips")


def build_stride_2_decoder(kernel_size: int, code_channels: int = 8) -> keras.Model:
    """Build a decoder of two transposed convolutions with stride 2, as is usual.

    Parameters
    ----------
    kernel_size : int
        Side of their windows, at least 2. If it is odd, the windows overlap unevenly
        [1]_.
    code_channels : int
        Maps in the code.

    Returns
    -------
    keras.Model
        From codes, float32, shape (N, 7, 7, code_channels), to images, float32,
        shape (N, 28, 28, 1), values in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If `kernel_size` is not a whole number of at least 2.

    References
    ----------
    .. [1] A. Odena, V. Dumoulin and C. Olah, "Deconvolution and checkerboard
       artifacts", Distill, 2016. doi:10.23915/distill.00003
    """
    k = check_count(kernel_size, "kernel_size", least=2)
    up = {"strides": 2, "padding": "same"}
    code = keras.Input((7, 7, code_channels), name="code")
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(code)  # 7 x 7 x 64
    x = layers.Conv2DTranspose(32, k, activation="relu", **up)(x)  # 14 x 14 x 32
    x = layers.Conv2DTranspose(1, k, activation="sigmoid", **up)(x)  # 28 x 28 x 1
    return keras.Model(code, x, name=f"kernel_{k}")
