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

from dae._checks import check_images, check_numbers, check_same_shape, refuse

WIDTH = 6.5  # inches
SMALL = 8  # points
GREY = "0.35"
BESIDE = {"fontsize": SMALL, "rotation": 0, "ha": "right", "va": "center"}
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
        If the rows are not such batches or not of equal shape, or if there are not N
        captions for a row.
    """
    first, *_ = rows
    for name, images in rows.items():
        if check_images(images, f"rows[{name!r}]").shape[3] != 1:
            refuse(f"rows[{name!r}]", "be grey", f"shape {images.shape}")
        check_same_shape(rows[first], images, (f"rows[{first!r}]", f"rows[{name!r}]"))
    captions, columns = captions or {}, len(rows[first])
    side = (WIDTH - 0.8) / columns
    height = sum(side + (0.2 if name in captions else 0.05) for name in rows)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for (name, images), line in zip(rows.items(), axes, strict=True):
        line[0].set_ylabel(name, **BESIDE)
        texts = captions.get(name, [""] * columns)
        for image, axis, text in zip(images, line, texts, strict=True):
            _draw_image(axis, image)
            axis.set_xlabel(text, fontsize=SMALL, labelpad=2)
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
        If the two mappings are not of such arrays.
    """
    check_images(np.array(list(images.values())), "images")
    shape = (len(images), None, None, None)
    codes = check_numbers([codes[name] for name in images], "codes", shape)
    limits, channels = (float(codes.min()), float(codes.max())), codes.shape[-1]
    figure = Figure(figsize=(WIDTH, 0.62 * len(images) + 0.25), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    axes = figure.subplots(len(images), channels + 1, squeeze=False)
    for name, code, line in zip(images, codes, axes, strict=True):
        line[0].set_ylabel(name, **BESIDE)
        _draw_image(line[0], images[name])
        maps = zip(line[1:], np.moveaxis(code, 2, 0), dead, strict=True)
        for axis, values, is_dead in maps:
            drawn = _draw_map(axis, values, *limits, is_dead)
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
        _write(axis, 0.5, 0.5, "dead", transform=axis.transAxes)
    axis.set(xticks=[], yticks=[])
    return drawn


def _write(axis, x: float, y: float, text: str, va: str = "center", **look) -> None:
    axis.text(x, y, text, ha="center", va=va, **{"fontsize": SMALL} | look)


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
        If the two are not such images, or `code_shape` is not three numbers.
    """
    check_images(np.array([clean, noisy]), "clean and noisy")
    height, width, maps = code_shape
    figure = Figure(figsize=(WIDTH, 2.35), layout="constrained")
    axis = figure.subplots()
    axis.set(xlim=(-0.1, 16.5), ylim=(-2.3, 3.1), aspect="equal")
    axis.axis("off")

    _picture(axis, 0, clean, "clean image $x$")
    _picture(axis, 4, noisy, r"noisy image $\tilde{x}$")
    _trapezium(axis, (7, 2, 9, 0.9), BLUE, "encoder\n$f$")
    _trapezium(axis, (9.7, 0.9, 10.3, 0.9), "0.5", "")
    _write(axis, 10, 2.3, "code $z$", va="bottom")
    product = rf"${height} \times {width} \times {maps}$"
    numbers = f"{product}\n= {height * width * maps} numbers"
    _write(axis, 10, 0.4, numbers, va="top")
    _trapezium(axis, (11, 0.9, 13, 2), ORANGE, "decoder\n$g$")
    _picture(axis, 14.2, None, r"answer $\hat{x}$")
    _write(axis, 15.2, 1, "?", fontsize=20, color=GREY)

    _arrow(axis, (2.1, 1), (3.9, 1), "+ noise")
    gaps = [(6.1, 6.9), (9.05, 9.65), (10.35, 10.95), (13.1, 14.1)]
    for start, end in gaps:
        _arrow(axis, (start, 1), (end, 1))
    axis.plot([1, 1, 13.6], [-0.05, -1.75, -1.75], "--", color=GREY, lw=1)
    _arrow(axis, (13.5, -1.75), (14.1, -1.75))
    _write(axis, 7, -1.65, "the clean image is the target", va="bottom", color=GREY)
    box = {"boxstyle": "round", "fc": "0.93", "ec": GREY}
    _write(axis, 15.2, -1.75, r"loss $L(x, \hat{x})$", bbox=box)
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
        where = (left, left + 2, 0, 2)
        axis.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1, extent=where)
    dash = "-" if image is not None else (0, (3, 2))
    axis.add_patch(Polygon(corners, fill=False, ec=GREY, ls=dash))
    _write(axis, left + 1, 2.3, title, va="bottom")


def _trapezium(axis: Axes, sides: tuple, colour: str, label: str) -> None:
    """Draw a shape between two places, as high at each as the sides say."""
    left, left_height, right, right_height = sides
    a, b = left_height / 2, right_height / 2
    corners = [(left, 1 - a), (right, 1 - b), (right, 1 + b), (left, 1 + a)]
    axis.add_patch(Polygon(corners, fc=colour, ec=GREY, alpha=0.35))
    _write(axis, (left + right) / 2, 1, label)


def _arrow(axis: Axes, start: tuple, end: tuple, label: str = "") -> None:
    look = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", xy=end, xytext=start, arrowprops=look)
    _write(axis, (start[0] + end[0]) / 2, start[1] + 0.12, label, va="bottom")
