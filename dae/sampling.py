"""From a denoiser to pictures that nobody drew."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dae._checks import check_numbers, check_same_shape, refuse


def generate(
    restore: Callable[[NDArray], NDArray],
    count: int,
    rng: np.random.Generator,
    *,
    shape: tuple[int, ...] = (28, 28, 1),
    start: float | NDArray = 0.5,
    known: NDArray | None = None,
    h0: float = 0.01,
    beta: float = 0.01,
    until: float = 0.01,
    most_steps: int = 1000,
) -> tuple[NDArray[np.float32], list[float]]:
    """Climb from noise to likely pictures, in small steps of a blind denoiser.

    Each step goes part of the way to what the denoiser answers, and adds a little
    noise, less than was removed: the stochastic ascent of Kadkhodaie and Simoncelli
    [1]_, with the settings of their published code. In the end the denoiser is applied
    once, to take away what noise is left.

    Parameters
    ----------
    restore : callable (images) -> images
        A denoiser for unclipped noise of any level up to 1, such as
        ``model.predict_on_batch``.
    count : int
        How many pictures.
    rng : numpy.random.Generator
    shape : tuple of int
        Of one picture.
    start : float or ndarray of that shape, values in [0, 1]
        What the noise is added to at first; the default is even grey, as in [1]_.
    known : ndarray of shape `shape` or (count, *shape), values in [0, 1], optional
        Pixels that are given, for all pictures or for each, and NaN where they are not:
        then only the holes are painted, to fit the rest. This is algorithm 2 of [1]_
        with single pixels measured.
    h0 : float
        What part of the way the first step goes, above 0 and at most 1; later steps go
        farther.
    beta : float
        From 0, where each step adds almost as much noise as it removes, to 1, where
        it adds none.
    until : float
        Stop when the mean standard deviation of the noise that the denoiser sees is
        below this.
    most_steps : int
        Stop after so many steps in any case.

    Returns
    -------
    images : ndarray, float32, shape (count, *shape), values in [0, 1]
    levels : list of float
        The standard deviation of the noise before each step.

    Raises
    ------
    ValueError
        If `h0` is not in (0, 1], `beta` not in [0, 1], `start` neither a number nor a
        picture in that range, or `known` no such picture; if `restore` gives another
        shape than it got.

    References
    ----------
    .. [1] Z. Kadkhodaie and E. P. Simoncelli, "Stochastic solutions for linear inverse
       problems using the prior implicit in a denoiser", NeurIPS 2021, algorithms 1
       and 2. arXiv:2007.13640. https://github.com/LabForComputationalVision/
       universal_inverse_problem
    """
    start, noise = _check(start, shape, h0, beta), rng.standard_normal
    known = np.full(shape, np.nan) if known is None else known
    each = (count,) if np.ndim(known) > len(shape) else ()
    check_numbers(known, "known", (*each, *shape), nan=True, low=0, high=1)
    known, hole = np.asarray(known, np.float32), np.isnan(known)
    mean = np.where(hole, start, known)
    images = mean + noise((count, *shape), dtype=np.float32)
    levels = []
    for t in range(1, most_steps + 1):
        step = h0 * t / (1 + h0 * (t - 1))
        # in a hole sigma^2 times the score, by Tweedie's formula
        way = np.where(hole, restore(images), known) - images
        sigma = np.sqrt(np.mean(way**2, axis=(1, 2, 3), keepdims=True))
        if sigma.mean() < until:
            break
        levels.append(float(sigma.mean()))
        added = sigma * math.sqrt((1 - beta * step) ** 2 - (1 - step) ** 2)
        images = images + step * way + added * noise(images.shape, dtype=np.float32)
    restored = restore(images)  # without the last of the noise
    check_same_shape(images, restored, ("images", "restore(images)"))
    restored = np.where(hole, np.clip(restored, 0, 1), known)
    return restored.astype(np.float32), levels


def _check(start, shape: tuple[int, ...], h0: float, beta: float) -> NDArray:
    if not 0 < h0 <= 1:
        refuse("h0", "be above 0 and at most 1", h0)
    if not 0 <= beta <= 1:
        refuse("beta", "be in [0, 1]", beta)
    start = np.asarray(start, np.float32)
    if start.shape not in ((), tuple(shape)) or not np.all((start >= 0) & (start <= 1)):
        refuse("start", f"be a number or have shape {shape}, in [0, 1]", start)
    return start
