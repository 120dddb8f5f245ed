"""Figures: arrays in, Matplotlib figure out. Nothing here shows or saves.

All are 6.5 inches wide, the text width of a page, and hold their own in grey print.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dae.checks import (
    check_images,
    check_mapping,
    check_numbers,
    check_same_shape,
    check_texts,
    check_type,
)

WIDTH = 6.5  # inches
SMALL = 8  # points
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


def plot_history(
    history: Mapping[str, Sequence[float]],
    label: str = "binary cross-entropy per pixel",
) -> Figure:
    """Draw training and validation loss over the epochs, and mark the best epoch.

    Parameters
    ----------
    history : mapping with ``train_loss`` and ``val_loss``
        One value an epoch, as `train` returns them.
    label : str
        What the loss is.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the two are missing, empty, not of equal length, or not finite numbers; if
        `label` is no text.
    """
    names = ("train_loss", "val_loss")
    check_mapping(history, "history")
    if not set(names) <= set(history):
        raise ValueError(f"history must hold {names}, got {tuple(history)}")
    train_loss, val_loss = (history[name] for name in names)
    check_type(label, str, "label", "a text")
    for name in names:
        check_numbers(history[name], f"history[{name!r}]", (None,))
    if len(train_loss) != len(val_loss):
        raise ValueError(
            "history must hold as many values of train_loss as of val_loss, got "
            f"{len(train_loss)} and {len(val_loss)}"
        )
    epochs = np.arange(1, len(val_loss) + 1)
    best = int(np.argmin(val_loss))
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axis = figure.subplots()
    marker = "o" if len(epochs) < 10 else None
    axis.plot(epochs, train_loss, "-", color=BLUE, marker=marker, label="training")
    axis.plot(epochs, val_loss, "--", color=ORANGE, marker=marker, label="validation")
    axis.plot(
        epochs[best],
        val_loss[best],
        "*",
        color="black",
        markersize=9,
        label=f"best: {val_loss[best]:.4f} in epoch {epochs[best]}",
    )
    axis.xaxis.set_major_locator(
        MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    axis.set_xlabel("epoch", fontsize=SMALL + 1)
    axis.set_ylabel(label, fontsize=SMALL + 1)
    axis.tick_params(labelsize=SMALL)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=SMALL)
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
