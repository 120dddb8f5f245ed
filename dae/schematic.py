"""A drawing of the idea: what goes through the network, and what the loss compares."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from dae.checks import check_count, check_numbers
from dae.plotting import BLUE, ORANGE, SMALL, WIDTH

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
