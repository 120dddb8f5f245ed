"""Pictures of any size: a network of convolutions alone, and files."""

from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dae._checks import check_count, check_images, check_path, refuse
from dae._files import written_whole
from dae.checkpoint import PRETRAINED_PATH
from dae.model import residual_block


def build_unet(channels: int = 1, width: int = 24) -> keras.Model:
    """Build an autoencoder with shortcuts [1]_, for pictures of any height and width.

    Three times, two by two pixels become one, with more features; then the way back.
    On it, what was there at the same size is added: the shortcuts. What comes out is
    added to the input, so the network has to find the noise only. It has convolutions
    alone, so the same weights serve pictures of any size.

    Parameters
    ----------
    channels : int
        1 for grey pictures, 3 for colour.
    width : int
        Features at half the size, at least 4; twice and four times as many below.

    Returns
    -------
    keras.Model
        From pictures, float32, shape (N, H, W, channels), values in [0, 1], H and W
        multiples of 8, to the same shape, unbounded. `denoise` takes any H and W.

    Raises
    ------
    TypeError, ValueError
        If `channels` or `width` is not a whole number, at least 1 or 4.

    References
    ----------
    .. [1] O. Ronneberger, P. Fischer and T. Brox, "U-Net: convolutional networks for
       biomedical image segmentation", MICCAI 2015, pp. 234-241. arXiv:1505.04597.
       (There, shortcuts are put beside, not added.)
    """
    check_count(channels, "channels")
    check_count(width, "width", least=4)
    halved = {"kernel_size": 2, "strides": 2, "activation": "relu"}
    doubled = {"kernel_size": 2, "strides": 2}
    pictures = keras.Input((None, None, channels), name="pictures")
    x = layers.Conv2D(width, name="half", **halved)(pictures)
    half = residual_block(x, "half_block")
    x = layers.Conv2D(2 * width, name="quarter", **halved)(half)
    quarter = residual_block(x, "quarter_block")
    x = layers.Conv2D(4 * width, name="eighth", **halved)(quarter)
    x = residual_block(residual_block(x, "eighth_block"), "eighth_again")
    x = layers.Conv2DTranspose(2 * width, name="to_quarter", **doubled)(x)
    x = residual_block(layers.Add(name="at_quarter")([x, quarter]), "quarter_again")
    x = layers.Conv2DTranspose(width, name="to_half", **doubled)(x)
    x = residual_block(layers.Add(name="at_half")([x, half]), "half_again")
    # at the beginning the answer is the input
    doubled["kernel_initializer"] = "zeros"
    change = layers.Conv2DTranspose(channels, name="change", **doubled)(x)
    return keras.Model(
        pictures, layers.Add(name="sum")([pictures, change]), name="unet"
    )


def load_photo_denoiser(channels: int = 3) -> keras.Model:
    """Load the denoiser of photographs that comes with the package.

    `build_unet`, trained by ``tests/benchmarks/photographs.py`` on clipped Gaussian
    noise of unknown level, with standard deviations between 0 and 0.3.

    Parameters
    ----------
    channels : {1, 3}
        1 for grey pictures, 3 for colour.

    Returns
    -------
    keras.Model
        See `build_unet`.

    Raises
    ------
    ValueError
        If `channels` is another number.
    """
    if channels not in (1, 3):
        refuse("channels", "be 1, for grey pictures, or 3, for colour", repr(channels))
    model = build_unet(channels)
    with np.load(PRETRAINED_PATH.with_name(f"photographs_{channels}.npz")) as weights:
        model.set_weights([weights[name].astype(np.float32) for name in weights])
    return model


def read_picture(path: str | Path) -> NDArray[np.float32]:
    """Read a picture from a file of any kind that Pillow knows.

    It is turned as the camera was held (EXIF). Transparent parts become white. Of an
    animation, the first picture is taken.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ndarray, float32, shape (1, H, W, C), values in [0, 1]
        C is 1 for a grey picture and 3, red, green and blue, for any other.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a picture, is damaged, or holds floating-point numbers, which do
        not say what white is.
    """
    path = check_path(path)
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            picture.load()
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: no picture that can be read ({error})") from error
    if picture.mode == "F":
        raise ValueError(
            f"{path}: has floating-point numbers; save it with 8 or 16 bits"
        )
    if picture.mode.startswith("I"):  # 16 bits, grey
        values = np.clip(np.asarray(picture, np.float32) / 65_535, 0, 1)
        return values[np.newaxis, ..., np.newaxis]
    grey = picture.mode in ("1", "L", "LA", "La")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    values = np.asarray(picture.convert("L" if grey else "RGB"), np.float32) / 255
    return values.reshape(1, *values.shape[:2], -1)


def write_picture(
    picture: NDArray, path: str | Path, *, overwrite: bool = False
) -> None:
    """Write a picture to a file, with 8 bits a channel, whole or not at all.

    Parameters
    ----------
    picture : ndarray, floating point, shape (1, H, W, C), values in [0, 1]
        C is 1 or 3.
    path : str or Path
        Its ending says the format, such as ``.png``.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    TypeError, ValueError
        If `picture` is not such an array, or the ending of `path` is no format.
    FileExistsError
        If there is such a file.
    """
    picture, path = check_images(picture, "picture"), check_path(path)
    if len(picture) != 1 or picture.shape[-1] not in (1, 3):
        refuse("picture", "have shape (1, H, W, 1) or (1, H, W, 3)", picture.shape)
    if path.suffix.lower() not in Image.registered_extensions():
        refuse("path", "end in a format of pictures, such as .png", repr(str(path)))
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there; give another name, or overwrite=True")
    values = np.uint8(np.round(255 * picture[0]))
    image = Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)
    with written_whole(path) as temporary:
        image.save(temporary)
