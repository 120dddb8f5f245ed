"""The autoencoder: an encoder to a small code, a decoder back to an image."""

import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from dae._checks import (
    check_count,
    check_images,
    check_keras,
    check_model,
    check_path,
    check_same_shape,
    fits_shape,
    refuse,
    remedy_for,
)
from dae._files import written_whole
from dae._replicas import in_step
from dae.checkpoint import PRETRAINED_PATH, load_checkpoint

check_keras()
TILE, MARGIN = 512, 64  # pixels


def residual_block(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Two 3 x 3 convolutions whose output is added to their input [1]_.

    Between the two there are a quarter as many channels, for a quarter of the work.

    Parameters
    ----------
    x : KerasTensor, shape (N, H, W, C)
    name : str
        First part of the layers' names.

    Returns
    -------
    KerasTensor, same shape

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016, pp. 770-778. doi:10.1109/CVPR.2016.90
    """
    c = x.shape[-1]
    h = layers.Conv2D(c // 4, 3, padding="same", activation="relu", name=f"{name}_1")(x)
    h = layers.Conv2D(c, 3, padding="same", name=f"{name}_2")(h)
    h = layers.Add(name=f"{name}_sum")([x, h])
    return layers.ReLU(name=f"{name}_out")(h)


def join_patches(pixels: keras.KerasTensor) -> keras.KerasTensor:
    """Lay the pixels of 7 x 7 patches out as an image: "depth to space" [1]_.

    Parameters
    ----------
    pixels : KerasTensor, shape (N, 7, 7, 16)
        The 4 x 4 pixels of each patch, row by row.

    Returns
    -------
    KerasTensor, shape (N, 28, 28, 1)

    References
    ----------
    .. [1] W. Shi et al., "Real-time single image and video super-resolution using an
       efficient sub-pixel convolutional neural network", CVPR 2016, pp. 1874-1883.
       doi:10.1109/CVPR.2016.207
    """
    x = layers.Reshape((7, 7, 4, 4), name="by_patch")(pixels)
    x = layers.Permute((1, 3, 2, 4), name="by_row")(x)  # rows together, columns too
    return layers.Reshape((28, 28, 1), name="image")(x)


def build_encoder(code_channels: int = 8, channels: int = 64) -> keras.Model:
    """Build the encoder: from an image to its code.

    Parameters
    ----------
    code_channels : int
        Maps in the code; 8 make 7 * 7 * 8 = 392 numbers, half of the 784 pixels.
    channels : int
        Features of each 4 x 4 patch, at least 4.

    Returns
    -------
    keras.Model
        From images, float32, shape (N, 28, 28, 1), values in [0, 1], to codes,
        float32, shape (N, 7, 7, code_channels), unbounded.

    Notes
    -----
    The patches' initial weights have a variance of 2 over their 16 inputs [1]_.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers: surpassing
       human-level performance on ImageNet classification", ICCV 2015, pp. 1026-1034.
       doi:10.1109/ICCV.2015.123
    """
    images = keras.Input((28, 28, 1), name="images")
    # 28 x 28 x 1 -> 7 x 7 x 64: what is in each patch of 4 x 4 pixels
    x = layers.Conv2D(
        channels,
        4,
        strides=4,
        activation="relu",
        kernel_initializer="he_normal",  # not too faint at the start
        name="patches",
    )(images)
    x = residual_block(x, "neighbours")  # 7 x 7 x 64: what is around it
    # no activation: ReLU could switch a map of the code off for good
    code = layers.Dense(code_channels, name="code")(x)  # 7 x 7 x 8
    return keras.Model(images, code, name="encoder")


def build_decoder(
    code_channels: int = 8, channels: int = 64, overview_channels: int = 16
) -> keras.Model:
    """Build the decoder: from a code to an image.

    Parameters
    ----------
    code_channels, channels : int
        As in `build_encoder`.
    overview_channels : int
        Maps made by a dense layer that sees the whole code.

    Returns
    -------
    keras.Model
        From codes, float32, shape (N, 7, 7, code_channels), to images, float32,
        shape (N, 28, 28, 1), values in [0, 1].
    """
    code = keras.Input((7, 7, code_channels), name="code")
    # every position hears of the whole digit: 392 numbers -> 7 x 7 x 16
    whole = layers.Flatten(name="flatten")(code)
    whole = layers.Dense(49 * overview_channels, activation="relu", name="whole")(whole)
    whole = layers.Reshape((7, 7, overview_channels), name="overview")(whole)
    x = layers.Concatenate(name="both")([code, whole])  # 7 x 7 x 24
    x = layers.Dense(channels, activation="relu", name="join")(x)  # 7 x 7 x 64
    x = residual_block(x, "neighbours")  # 7 x 7 x 64
    # 7 x 7 x 64 -> 28 x 28 x 1: each position paints its 4 x 4 pixels
    x = join_patches(layers.Dense(16, name="paint")(x))
    images = layers.Activation("sigmoid", name="grey")(x)
    return keras.Model(code, images, name="decoder")


def build_autoencoder(
    encoder: keras.Model | None = None, decoder: keras.Model | None = None
) -> keras.Model:
    """Join an encoder and a decoder.

    Parameters
    ----------
    encoder, decoder : keras.Model, optional
        By default those of `build_encoder` and `build_decoder`. They stay usable on
        their own, and share their weights with the whole.

    Returns
    -------
    keras.Model
        From images to images, float32, shape (N, 28, 28, 1), values in [0, 1]. Its
        parts are ``get_layer("encoder")`` and ``get_layer("decoder")``.

    Raises
    ------
    ValueError
        If the decoder does not take what the encoder gives.
    """
    encoder = build_encoder() if encoder is None else encoder
    decoder = build_decoder() if decoder is None else decoder
    if encoder.output_shape != decoder.input_shape:
        wanted = f"take what encoder gives, {encoder.output_shape}"
        got = f"{decoder.input_shape}; build both with the same code_channels"
        refuse("decoder", wanted, got)
    images = keras.Input((28, 28, 1), name="images")
    return keras.Model(images, decoder(encoder(images)), name="autoencoder")


def train_classifier(images: NDArray, classes: NDArray, seed: int = 0) -> keras.Model:
    """Train a small classifier of digits, in one pass over the images.

    Parameters
    ----------
    images : ndarray, float32, shape (N, 28, 28, 1), values in [0, 1]
    classes : ndarray, integer, shape (N,)
        From 0 to 9.
    seed : int
        Of the initial weights and the order.

    Returns
    -------
    keras.Model
        From images to ten probabilities each, shape (N, 10).

    Raises
    ------
    TypeError, ValueError
        If `images` is not such a batch, or `seed` not a whole number, at least 0.
    """
    images = check_images(images)
    keras.utils.set_random_seed(check_count(seed, "seed", least=0))
    classifier = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Conv2D(32, 5, 2, activation="relu"),
            keras.layers.Conv2D(64, 3, 2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    classifier.compile("adam", "sparse_categorical_crossentropy")
    classifier.fit(images, classes, batch_size=64, verbose=0)
    return classifier


def denoise(
    model: keras.Model, images: NDArray, batch_size: int = 500
) -> NDArray[np.float32]:
    """Apply a denoiser to a batch of any size.

    A model that takes any height and width, such as `build_unet`, gets large images in
    tiles of 512 pixels, and 64 more on each side. They are more than what a pixel of
    `build_unet` sees, so no seams show, and memory does not grow with the image.

    Parameters
    ----------
    model : keras.Model
        Such as `load_denoiser` gives.
    images : ndarray, floating point, shape (N, H, W, C), values in [0, 1]
        Noisy images; for the lesson's network (N, 28, 28, 1), digits white on black.
    batch_size : int
        Images at a time; it bounds the memory, and changes nothing else.

    Returns
    -------
    ndarray, float32, same shape as `images`, values in [0, 1]
        What a model without a sigmoid puts outside is clipped.

    Raises
    ------
    TypeError, ValueError
        If `images` is not such a batch, or `batch_size` not a whole number above 0.
    ValueError
        If the model takes other images, gives anything but as many images of that
        shape, or gives NaN.
    """
    images = check_images(images)
    if not fits_shape(images.shape[1:], check_model(model).input_shape):
        wanted = str(model.input_shape).replace("None", "N", 1).replace("None", "any")
        remedy = remedy_for(images.shape, "images")
        if images.shape[1:3] != (28, 28) and images.shape[-1] in (1, 3):
            name = f"load_photo_denoiser({images.shape[-1]})"
            remedy = f"; {name} takes any height and width"
        refuse("images", f"have shape {wanted}", f"{images.shape}{remedy}")
    starts = range(0, len(images), check_count(batch_size, "batch_size"))
    parts = [_in_tiles(model, images[i : i + batch_size]) for i in starts]
    restored = np.concatenate(parts)
    check_same_shape(images, restored, ("images", "what model gives"))
    return check_images(np.clip(restored, 0, 1), "what model gives")


def _in_tiles(model: keras.Model, images: NDArray) -> NDArray[np.float32]:
    """Apply a model to tiles of images, if it takes any size, or else to the whole."""
    predict = in_step(model).predict_on_batch
    height, width = images.shape[1:3]
    if None not in model.input_shape[1:3]:
        return predict(images)
    fill = [(0, 0), (0, -height % 8), (0, -width % 8), (0, 0)]  # two by two, thrice
    images = np.pad(images, fill, mode="symmetric")
    restored = np.empty_like(images)
    for y in range(0, images.shape[1], TILE):
        for x in range(0, images.shape[2], TILE):
            top, left = max(y - MARGIN, 0), max(x - MARGIN, 0)
            ends = y + TILE + MARGIN, x + TILE + MARGIN
            answer = predict(images[:, top : ends[0], left : ends[1]])
            kept = answer[:, y - top :, x - left :][:, :TILE, :TILE]
            restored[:, y : y + TILE, x : x + TILE] = kept
    return restored[:, :height, :width]


def load_denoiser(path: str | Path | None = None) -> keras.Model:
    """Load a trained denoiser; by default the one that comes with the package.

    It was trained by the tutorial's full run on clipped Gaussian noise with standard
    deviation 0.5, and is at its best there.

    Parameters
    ----------
    path : str or Path, optional
        A ``.keras`` file, loaded in Keras's safe mode: no code in it is run. Or a
        checkpoint, ``.npz``, of the tutorial's own network.

    Returns
    -------
    keras.Model
        From images to images, see `build_autoencoder`.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If it is not such a file, is damaged, or would run code of its own.
    """
    path = PRETRAINED_PATH if path is None else check_path(path)
    if path.suffix == ".npz":
        best_weights = load_checkpoint(path).best_weights
        model = build_autoencoder()
        shapes = [w.shape for w in model.weights]
        if [w.shape for w in best_weights] != shapes:
            raise ValueError(f"{path}: no checkpoint of the tutorial's own network")
        model.set_weights(best_weights)
        return model
    if not path.is_file():
        remedy = "give the path of a .keras file, or leave it out for the package's"
        raise FileNotFoundError(f"{path}: there is no such model; {remedy}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: no model that can be loaded (no whole .keras file)")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of many kinds, and not all say which file it was
        raise ValueError(f"{path}: no model that can be loaded ({error})") from error


def save_denoiser(model: keras.Model, path: str | Path) -> None:
    """Write a model to a file, whole or not at all.

    Parameters
    ----------
    model : keras.Model
        Its layers and weights are saved, not its optimiser.
    path : str or Path
        Ends in ``.keras``. Its folder is made if need be.

    Raises
    ------
    TypeError
        If `model` is not a Keras model with known shapes.
    ValueError
        If `path` does not end in ``.keras``, or if `load_denoiser` could not load what
        would be saved, as with a Lambda layer.
    """
    check_model(model)
    path = check_path(path, suffix=".keras")
    try:
        copy = type(model).from_config(model.get_config())  # without the optimiser
        copy.set_weights(model.get_weights())
    except Exception as error:  # of many kinds
        raise ValueError(
            "model must be one that load_denoiser can build again: of Keras's layers, "
            "or of classes of your own with get_config and the decorator "
            "@keras.saving.register_keras_serializable(), but without lambdas"
        ) from error
    with written_whole(path) as temporary:
        copy.save(temporary)
