"""A panel to play with: move the noise, and see what the network makes of it."""

from collections.abc import Callable, Mapping

import ipywidgets as widgets
import keras
import numpy as np
from IPython.display import Image
from numpy.typing import NDArray
from PIL import Image as Picture

from dae._checks import check_images
from dae.metrics import psnr
from dae.model import denoise
from dae.notebook import WIDGET

SIDE = 196  # screen pixels of a picture


class Panel:
    """Controls, and a digit before, under and after the noise.

    Show it as the last line of a cell. Where widgets cannot run, such as on GitHub or
    on paper, a picture is shown in its place.

    Parameters
    ----------
    images : ndarray, floating point, shape (N, 28, 28, 1), values in [0, 1]
        Clean digits to choose from.
    models : mapping of str to keras.Model
        Denoisers to choose from, by name.
    corruptions : mapping of str to callable (images, rng, *, level) -> images
        Corruptions to choose from, by name; the level goes from 0 to 1.
    picture : IPython.display.Image
        What to show where widgets cannot run, as `save_figure` returns it.

    Raises
    ------
    TypeError, ValueError
        If `images` is not such a batch.
    """

    def __init__(
        self,
        images: NDArray,
        models: Mapping[str, keras.Model],
        corruptions: Mapping[str, Callable[..., NDArray]],
        picture: Image,
    ):
        self.images, self.picture, self.draws = check_images(images), picture, 0
        self.level = widgets.FloatSlider(0.5, max=1, step=0.05, description="level")
        self.corruption = widgets.Dropdown(
            options=corruptions, description="corruption"
        )
        self.image = widgets.IntSlider(0, max=len(images) - 1, description="image")
        self.model = widgets.Dropdown(options=models, description="model")
        self.again = widgets.Button(description="new noise")
        controls = [self.level, self.corruption, self.image, self.model]
        for control in controls:
            control.observe(self._refresh, names="value")
        self.again.on_click(self._refresh)
        size = {"width": f"{SIDE}px", "height": f"{SIDE}px"}
        self.pictures = [widgets.Image(layout=size) for _ in range(3)]
        self.labels = [widgets.Label() for _ in range(3)]
        columns = map(widgets.VBox, zip(self.pictures, self.labels, strict=True))
        self.box = widgets.VBox([*controls, self.again, widgets.HBox([*columns])])
        self._refresh()

    def _refresh(self, source=None) -> None:
        self.draws += source is self.again
        i = self.image.value
        clean = self.images[i : i + 1]
        rng = np.random.default_rng([self.draws, i])  # the same until "new noise"
        noisy = self.corruption.value(clean, rng, level=self.level.value)
        restored = denoise(self.model.value, noisy)
        self.labels[0].value = "original"
        self.labels[1].value = f"noisy: {psnr(clean, noisy)[0]:.1f} dB"
        self.labels[2].value = f"denoised: {psnr(clean, restored)[0]:.1f} dB"
        for picture, image in zip(self.pictures, (clean, noisy, restored), strict=True):
            picture.value = as_png(image[0, ..., 0])

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = self.picture._repr_mimebundle_()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        # by hand, as ipywidgets 7, which Colab has, has no method for it
        return {**data, WIDGET: view}, metadata


def as_png(image: NDArray) -> bytes:
    """Encode a grey image, values in [0, 1], shape (H, W), as an enlarged PNG."""
    grey = np.round(255 * image).astype(np.uint8)
    large = Picture.fromarray(grey).resize((SIDE, SIDE), Picture.Resampling.NEAREST)
    return large._repr_png_()
