"""Figures: arrays in, Matplotlib figure out. Nothing here shows or saves.

All are 6.5 inches wide, the text width of a page, with text of 10 points, and hold
their own in grey print.
"""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import style
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
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
NAMES, BAR = 0.8, 0.5  # inches for names of rows, and for a bar of colours


# as a decorator, it lets a function draw in Matplotlib's default style, whatever the
# reader's is, and write an SVG without random names
in_own_style = style.context(["default", {"svg.hashsalt": "dae"}], after_reset=True)


@in_own_style
def plot_image_rows(
    rows: Arrays, captions: Texts | None = None, *, signed: Sequence[str] = ()
) -> Figure:
    """Draw batches of images as labelled rows, one column for each image.

    Black is 0 and white is 1 in every panel: nothing is rescaled.

    Parameters
    ----------
    rows : mapping of str to ndarray, shape (N, H, W, C), values in [0, 1]
        From top to bottom; all of the same shape. C is 1 or, for colour, 3.
    captions : mapping of str to sequence of N str, optional
        For a row's name, what to write below each of its images, in lines that are not
        wider than it.
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
    first = next(iter(rows))
    for name, images in rows.items():
        argument = f"rows[{name!r}]"
        strength = abs(images) if name in signed else images
        if check_images(strength, argument).shape[3] not in (1, 3):
            refuse(argument, "be grey, or red, green and blue", f"shape {images.shape}")
        check_same_shape(rows[first], images, (f"rows[{first!r}]", argument))
    columns = len(rows[first])
    side = min(1.3, (WIDTH - NAMES - (BAR if signed else 0)) / columns)
    texts_of = {name: [""] * columns for name in rows} | (captions or {})
    height = len(rows) * (side + 0.05)
    for name, texts in (captions or {}).items():
        texts = [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]
        texts_of[name] = [break_lines(text, int(13 * side)) for text in texts]
        height += (1 + max(text.count("\n") for text in texts_of[name])) / 6
    figure, axes = _make_tiles(height, len(rows), columns)
    for (name, images), line in zip(rows.items(), axes, strict=True):
        line[0].set_ylabel(break_lines(name), **BESIDE)
        look = (SIGNED, -1) if name in signed else ("gray", 0)
        for image, axis, text in zip(images, line, texts_of[name], strict=True):
            pixels = image if image.shape[-1] == 3 else image[..., 0]
            drawn = _draw(axis, pixels, *look)
            axis.set_xlabel(text, labelpad=2)
        if name in signed:
            beside = line[-1].inset_axes([1.05, 0, 0.1, 1])
            figure.colorbar(drawn, cax=beside, ticks=[-1, 0, 1])
    return figure


@in_own_style
def plot_codes(
    images: Arrays, codes: Arrays, dead: Sequence[bool], centre: ArrayLike = 0.0
) -> Figure:
    """Draw the maps of a code, all on one scale.

    At most five pictures stand in a row; the inputs are one below the other in each.

    Parameters
    ----------
    images : mapping of str to ndarray, shape (28, 28, 1), values in [0, 1]
        The inputs, from top to bottom.
    codes : mapping of str to ndarray, shape (7, 7, C)
        For the same names, the encoder's output; finite.
    dead : sequence of C bool
        Which maps carry no information; they are called dead, not drawn.
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
    codes = codes.astype(float) - centre
    most = float(abs(codes).max())
    count = 1 + codes.shape[-1]
    columns, parts = min(count, 5), -(-count // 5)
    height = parts * (len(images) * ((WIDTH - 1.8) / columns + 0.05) + 0.25)
    figure, axes = _make_tiles(height, parts * len(images), columns)
    lines = axes.reshape(parts, -1, columns).swapaxes(0, 1).reshape(len(images), -1)
    for name, code, line in zip(images, codes, lines, strict=True):
        _draw(line[0], images[name][..., 0])
        for axis, values, is_dead in zip(line[1:count], code.T, dead, strict=True):
            if is_dead:
                values = np.full(values.shape, np.nan)
                axis.text(3, 3, "dead", ha="center", va="center")
            drawn = _draw(axis, values.T, SIGNED, -most, most)
        for start in line[::columns]:
            start.set_ylabel(name, **BESIDE)
    for empty in lines[:, count:].flat:
        empty.axis("off")
    for k, axis in enumerate(lines[0, :count]):
        axis.set_title(f"map {k}" if k > 0 else "input", fontsize="medium", pad=3)
    place = {"fraction": 0.02, "pad": 0.01, "aspect": 10}
    label = "value \N{MINUS SIGN} black's" if np.any(centre) else "value in the code"
    figure.colorbar(drawn, ax=axes, ticks=MaxNLocator(4), label=label, **place)
    return figure


def _make_tiles(height: float, rows: int, columns: int) -> tuple:
    """Make a figure as wide as the page, with room for images side by side."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    tight = {"w_pad": 0.01, "h_pad": 0.01, "wspace": 0, "hspace": 0}
    figure.get_layout_engine().set(rect=(0.005, 0, 0.99, 1), **tight)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _draw(axis, image: NDArray, cmap="gray", low: float = 0, high: float = 1):
    axis.set(xticks=[], yticks=[], anchor="S")  # right above its caption
    return axis.imshow(image, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


def break_lines(text: str, width: int = 12) -> str:
    """Break the lines of a text between words, to be at most so wide, if they can."""
    fill = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(map(fill.fill, text.splitlines()))
