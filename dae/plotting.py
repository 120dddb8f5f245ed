"""Figures: arrays in, Matplotlib figure out. Nothing here shows or saves.

All are 6.5 inches wide, the text width of a page, and hold their own in grey print.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dae._checks import (
    check_count,
    check_images,
    check_mapping,
    check_numbers,
    check_same_shape,
    check_texts,
    check_type,
)

WIDTH = 6.5  # inches
SMALL = 8  # points
GREY = "0.35"
BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito's colour-blind-safe palette


def plot_image_rows(
    rows: Mapping[str, NDArray], captions: Mapping[str, Sequence[str]] | None = None
) -> Figure:
    """Draw batches of images as labelled rows, one column for each image.

    Black is 0 and white is 1 in every panel: nothing is rescaled.

    Parameters
    ----------
    rows : mapping of str to ndarray, shape (N, H, W, 1), values in [0, 1]
        From top to bottom; all with the same N.
    captions : mapping of str to sequence of N str, optional
        For a row's name, what to write below each of its images.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there are no rows, if they are not such batches or not of equal shape, or
        if captions do not fit them.
    """
    captions = {} if captions is None else captions
    check_type(captions, Mapping, "captions", "a mapping")
    first = next(iter(check_mapping(rows, "rows", "batch of images")))
    for name, images in rows.items():
        if check_images(images, f"rows[{name!r}]").shape[3] != 1:
            raise ValueError(f"rows[{name!r}] must be grey, got shape {images.shape}")
        check_same_shape(rows[first], images, (f"rows[{first!r}]", f"rows[{name!r}]"))
    columns = len(rows[first])
    for name, texts in captions.items():
        check_texts(texts, f"captions[{name!r}]")
        if name not in rows or len(texts) != columns:
            raise ValueError(
                f"captions must be for rows {list(rows)} and hold {columns} texts "
                f"each, got {len(texts)} for {name!r}"
            )
    side = (WIDTH - 0.8) / columns
    height = sum(side + (0.2 if name in captions else 0.05) for name in rows)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for (name, images), line in zip(rows.items(), axes, strict=True):
        line[0].set_ylabel(name, fontsize=SMALL, rotation=0, ha="right", va="center")
        for i, (image, axis) in enumerate(zip(images, line, strict=True)):
            _draw_image(axis, image)
            if name in captions:
                axis.set_xlabel(captions[name][i], fontsize=SMALL, labelpad=2)
    return figure


def plot_codes(
    images: Mapping[str, NDArray], codes: Mapping[str, NDArray], dead: Sequence[bool]
) -> Figure:
    """Draw the maps of a code, a row for each input, all on one scale.

    Parameters
    ----------
    images : mapping of str to ndarray, shape (28, 28, 1), values in [0, 1]
        The inputs, from top to bottom.
    codes : mapping of str to ndarray, shape (7, 7, C)
        For the same names, the encoder's output; finite.
    dead : sequence of C bool
        Which maps carry no information; they are crossed out, not drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the two mappings are not of such arrays or have other names, or if `dead` has
        another length or does not hold truth values.
    """
    for name, image in check_mapping(images, "images").items():
        check_numbers(image, f"images[{name!r}]", (None, None, 1), low=0, high=1)
    shape = (None,) * 3  # then that of the first
    for name, code in check_mapping(codes, "codes").items():
        shape = check_numbers(code, f"codes[{name!r}]", shape).shape
    images, codes = (
        {name: np.asarray(array) for name, array in mapping.items()}
        for mapping in (images, codes)
    )
    channels = shape[-1]
    if np.asarray(dead).dtype != bool:
        raise TypeError(f"dead must hold truth values, got {dead!r}")
    if list(images) != list(codes) or len(dead) != channels:
        raise ValueError(
            f"images and codes must have the same names, got {list(images)} and "
            f"{list(codes)}; dead must have {channels} values, got {len(dead)}"
        )
    low = min(float(code.min()) for code in codes.values())
    high = max(float(code.max()) for code in codes.values())
    figure = Figure(figsize=(WIDTH, 0.62 * len(images) + 0.25), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    axes = figure.subplots(len(images), channels + 1, squeeze=False)
    for name, line in zip(images, axes, strict=True):
        line[0].set_ylabel(name, fontsize=SMALL, rotation=0, ha="right", va="center")
        _draw_image(line[0], images[name])
        for k, axis in enumerate(line[1:]):
            drawn = _draw_map(axis, codes[name][..., k], low, high, dead[k])
    titles = ["input", *(f"map {k}" for k in range(1, channels + 1))]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=SMALL, pad=3)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.9, aspect=15, ticks=MaxNLocator(6))
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label("value in the code", fontsize=SMALL)
    return figure


def _draw_image(axis, image: NDArray) -> None:
    axis.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set(xticks=[], yticks=[])


def _draw_map(axis, values: NDArray, low: float, high: float, dead: bool):
    shown = np.full(values.shape, np.nan) if dead else values
    drawn = axis.imshow(
        shown, cmap="cividis", vmin=low, vmax=high, interpolation="nearest"
    )
    if dead:
        axis.text(
            0.5,
            0.5,
            "dead",
            transform=axis.transAxes,
            ha="center",
            va="center",
            fontsize=SMALL,
        )
    axis.set(xticks=[], yticks=[])
    return drawn


GREY = "0.35"


def plot_schematic(clean: NDArray, noisy: NDArray, code_shape: Sequence[int]) -> Figure:
    """Draw a denoising autoencoder, from the clean image to the loss.

    Parameters
    ----------
    clean, noisy : ndarray, shape (H, W, 1), values in [0, 1]
        One image, before and after the noise.
    code_shape : sequence of three int
        Height, width and number of maps of the code.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the two are no such images, or `code_shape` is not three whole numbers above
        0.
    """
    for name, image in {"clean": clean, "noisy": noisy}.items():
        check_numbers(image, name, (None, None, 1), low=0, high=1)
    shape = check_numbers(code_shape, "code_shape", (3,))
    height, width, maps = (check_count(n, "each of code_shape") for n in shape)
    figure = Figure(figsize=(WIDTH, 2.35), layout="constrained")
    axis = figure.subplots()
    axis.set(xlim=(-0.1, 16.5), ylim=(-2.3, 3.1), aspect="equal")
    axis.axis("off")

    _picture(axis, 0, clean, "clean image $x$")
    _picture(axis, 4, noisy, r"noisy image $\tilde{x}$")
    _trapezium(axis, (7, 2, 9, 0.9), BLUE, "encoder\n$f$")
    _trapezium(axis, (9.7, 0.9, 10.3, 0.9), "0.5", "")
    axis.text(10, 2.3, "code $z$", ha="center", va="bottom", fontsize=SMALL)
    product = rf"${height} \times {width} \times {maps}$"
    numbers = f"{product}\n= {height * width * maps} numbers"
    axis.text(10, 0.4, numbers, ha="center", va="top", fontsize=SMALL)
    _trapezium(axis, (11, 0.9, 13, 2), ORANGE, "decoder\n$g$")
    _picture(axis, 14.2, None, r"answer $\hat{x}$")
    axis.text(15.2, 1, "?", ha="center", va="center", fontsize=20, color=GREY)

    _arrow(axis, (2.1, 1), (3.9, 1), "+ noise")
    _arrow(axis, (6.1, 1), (6.9, 1))
    _arrow(axis, (9.05, 1), (9.65, 1))
    _arrow(axis, (10.35, 1), (10.95, 1))
    _arrow(axis, (13.1, 1), (14.1, 1))
    axis.plot([1, 1, 13.6], [-0.05, -1.75, -1.75], "--", color=GREY, lw=1)
    _arrow(axis, (13.5, -1.75), (14.1, -1.75))
    axis.text(7, -1.65, "the clean image is the target", ha="center", va="bottom",
              fontsize=SMALL, color=GREY)  # fmt: skip
    box = {"boxstyle": "round", "fc": "0.93", "ec": GREY}
    axis.text(15.2, -1.75, r"loss $L(x, \hat{x})$", ha="center", va="center",
              fontsize=SMALL, bbox=box)  # fmt: skip
    _arrow(axis, (15.2, -0.1), (15.2, -1.35))
    figure.set_label(
        "A diagram from left to right: clean image, noisy image, encoder, code, "
        "decoder, answer; below, the loss joins the answer and the clean image."
    )
    return figure


def _picture(axis: Axes, left: float, image: NDArray | None, title: str) -> None:
    """Draw an image of side 2, or an empty frame, on the ground line."""
    corners = [(left, 0), (left + 2, 0), (left + 2, 2), (left, 2)]
    if image is not None:
        axis.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1,
                    extent=(left, left + 2, 0, 2))  # fmt: skip
    dash = "-" if image is not None else (0, (3, 2))
    axis.add_patch(Polygon(corners, fill=False, ec=GREY, ls=dash))
    axis.text(left + 1, 2.3, title, ha="center", va="bottom", fontsize=SMALL)


def _trapezium(axis: Axes, sides: tuple, colour: str, label: str) -> None:
    """Draw a shape between two places, as high at each as the sides say."""
    left, left_height, right, right_height = sides
    a, b = left_height / 2, right_height / 2
    corners = [(left, 1 - a), (right, 1 - b), (right, 1 + b), (left, 1 + a)]
    axis.add_patch(Polygon(corners, fc=colour, ec=GREY, alpha=0.35))
    axis.text((left + right) / 2, 1, label, ha="center", va="center", fontsize=SMALL)


def _arrow(axis: Axes, start: tuple, end: tuple, label: str = "") -> None:
    look = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", xy=end, xytext=start, arrowprops=look)
    middle = ((start[0] + end[0]) / 2, start[1] + 0.12)
    axis.text(*middle, label, ha="center", va="bottom", fontsize=SMALL)
