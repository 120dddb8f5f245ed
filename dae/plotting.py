"""Figures: arrays in, Matplotlib figure out. Nothing here shows or saves.

All are 6.5 inches wide, the text width of a page, with text of 10 points, and hold
their own in grey print.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import wraps

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from dae._checks import check_images, check_numbers, check_same_shape, refuse

Arrays, Texts = Mapping[str, NDArray], Mapping[str, Sequence[str]]
WIDTH = 6.5  # inches
GREY = "0.35"
BESIDE = {"rotation": 0, "ha": "right", "va": "center"}
BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito's colour-blind-safe palette
# grey in the middle, and in grey print still from dark to light
SIGNED = LinearSegmentedColormap.from_list("signed", ["#0A2FD0", "0.6", "#FFE100"])
BAR = {"fraction": 0.02, "pad": 0.01, "aspect": 10}


def in_own_style(function: Callable) -> Callable:
    """Let a function draw in Matplotlib's default style, whatever the reader's is."""

    @wraps(function)
    def drawing(*arguments, **options):
        with style.context("default", after_reset=True):
            return function(*arguments, **options)

    return drawing


@in_own_style
def plot_image_rows(
    rows: Arrays, captions: Texts | None = None, *, signed: Sequence[str] = ()
) -> Figure:
    """Draw batches of images as labelled rows, one column for each image.

    Black is 0 and white is 1 in every panel: nothing is rescaled.

    Parameters
    ----------
    rows : mapping of str to ndarray, shape (N, H, W, 1), values in [0, 1]
        From top to bottom; all of the same shape.
    captions : mapping of str to sequence of N str, optional
        For a row's name, what to write below each of its images: smaller where it
        would not fit, but not below 8 points.
    signed : sequence of str
        Names of rows with values in [-1, 1], such as an error, answer minus clean
        image. They are drawn in colours from dark blue, too dark, over grey, right,
        to yellow, too bright, with a bar that shows them.

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
        argument = f"rows[{name!r}]"
        strength = abs(images) if name in signed else images
        if check_images(strength, argument).shape[3] != 1:
            refuse(argument, "be grey", f"shape {images.shape}")
        check_same_shape(rows[first], images, (f"rows[{first!r}]", argument))
    captions, columns = captions or {}, len(rows[first])
    letters = max(map(len, "\n".join(map(wrapped, rows)).split("\n")))
    side = min(1.3, (WIDTH - 0.08 * letters - (0.6 if signed else 0.1)) / columns)
    letters = max((len(text) for line in captions.values() for text in line), default=0)
    size = np.clip(120 * side / (letters + 1), 8, 10)
    height = len(rows) * (side + 0.05) + len(captions) * size / 60
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for (name, images), line in zip(rows.items(), axes, strict=True):
        line[0].set_ylabel(wrapped(name), **BESIDE)
        texts = captions.get(name, [""] * columns)
        look = (SIGNED, -1) if name in signed else ("gray", 0)
        for image, axis, text in zip(images, line, texts, strict=True):
            drawn = _draw(axis, image[..., 0], *look)
            axis.set_xlabel(text, fontsize=size, labelpad=2)
        if name in signed:
            beside = line[-1].inset_axes([1.05, 0, 0.1, 1])
            figure.colorbar(drawn, cax=beside, ticks=[-1, 0, 1])
    return figure


@in_own_style
def plot_codes(
    images: Arrays, codes: Arrays, dead: Sequence[bool], centre: ArrayLike = 0.0
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
    centre : float or ndarray, shape (7, 7, C)
        What to subtract, such as the code of a black image: what is left is drawn from
        dark blue, below 0, over grey, 0, to yellow, above.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the two mappings are not of such arrays.
    """
    check_images(np.array(list(images.values())), "images")
    codes = check_numbers([codes[name] for name in images], "codes", (None,) * 4)
    centre = check_numbers(centre, "centre", codes.shape[1:] if np.ndim(centre) else ())
    codes, channels = codes.astype(float) - centre, codes.shape[-1]
    most = float(abs(codes).max())
    height = len(images) * ((WIDTH - 1.4) / (channels + 1) + 0.05) + 0.25
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    axes = figure.subplots(len(images), channels + 1, squeeze=False)
    for name, code, line in zip(images, codes, axes, strict=True):
        line[0].set_ylabel(name, **BESIDE)
        _draw(line[0], images[name][..., 0])
        maps = zip(line[1:], np.moveaxis(code, 2, 0), dead, strict=True)
        for axis, values, is_dead in maps:
            shown = np.full(values.shape, np.nan) if is_dead else values
            drawn = _draw(axis, shown, SIGNED, -most, most)
            if is_dead:
                _write(axis, 0.5, 0.5, "dead", transform=axis.transAxes)
    titles = ["input", *(f"map {k}" for k in range(1, channels + 1))]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize="medium", pad=3)
    bar = figure.colorbar(drawn, ax=axes, ticks=MaxNLocator(4), **BAR)
    bar.set_label(
        "value \N{MINUS SIGN} black's" if np.any(centre) else "value in the code"
    )
    return figure


def _draw(axis, image: NDArray, cmap="gray", low: float = 0, high: float = 1):
    axis.set(xticks=[], yticks=[])
    return axis.imshow(image, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


def wrapped(text: str, width: int = 12) -> str:
    """Break the lines of a text between words, to be at most so wide, if they can."""
    fill = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(map(fill.fill, text.splitlines()))


def _write(axis, x: float, y: float, text: str, va: str = "center", **look) -> None:
    axis.text(x, y, text, ha="center", va=va, **look)


@in_own_style
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
