"""From a denoiser to pictures that nobody drew."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dae._checks import check_numbers, check_same_shape, refuse

MAX_STEPS = 1000


def generate(
    restore: Callable[[NDArray], NDArray],
    count: int,
    rng: np.random.Generator,
    *,
    start: float | NDArray = 0.5,
    known: NDArray | None = None,
    h0: float = 0.01,
    beta: float = 0.01,
    sigma_end: float = 0.01,
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
    start : float or ndarray of shape (H, W, C), values in [0, 1]
        What the noise is added to at first; the default is even grey, as in [1]_.
    known : ndarray of shape (H, W, C) or (count, H, W, C), values in [0, 1], optional
        Pixels that are given, for all pictures or for each, and NaN where they are not:
        then only the holes are painted, to fit the rest. This is algorithm 2 of [1]_
        with single pixels measured. By default nothing is known of 28 x 28 pixels, or
        of as many as `start` has.
    h0 : float
        What part of the way the first step goes, above 0 and at most 1; later steps go
        farther.
    beta : float
        Above 0 and at most 1. At 1, a step adds no noise. The smaller it is, the more
        of what it removes a step adds again; at 0 it would be all, without an end.
    sigma_end : float
        Stop when the mean standard deviation of the noise that the denoiser sees is
        below this; after a thousand steps in any case.

    Returns
    -------
    images : ndarray, float32, shape (count, H, W, C), values in [0, 1]
    levels : list of float
        The standard deviation of the noise before each step.

    Raises
    ------
    ValueError
        If `h0` or `beta` is not in (0, 1], `start` neither a number nor a
        picture in that range, or `known` no such picture; if `restore` gives another
        shape than it got.

    References
    ----------
    .. [1] Z. Kadkhodaie and E. P. Simoncelli, "Stochastic solutions for linear inverse
       problems using the prior implicit in a denoiser", NeurIPS 2021, algorithms 1
       and 2. arXiv:2007.13640. https://github.com/LabForComputationalVision/
       universal_inverse_problem
    """
    start, known = _check(start, known, count, h0, beta)
    hole = np.isnan(known)
    shape = (count, *known.shape[-3:])
    noise = rng.standard_normal(shape, dtype=np.float32)
    images = np.where(hole, start, known) + noise
    levels = []
    for t in range(1, MAX_STEPS + 1):
        step = h0 * t / (1 + h0 * (t - 1))
        # in a hole sigma^2 times the score, by Tweedie's formula
        residual = np.where(hole, restore(images), known) - images
        sigma = np.sqrt(np.mean(residual**2, axis=(1, 2, 3), keepdims=True))
        if sigma.mean() < sigma_end:
            break
        levels.append(float(sigma.mean()))
        added = sigma * math.sqrt((1 - beta * step) ** 2 - (1 - step) ** 2)
        noise = rng.standard_normal(shape, dtype=np.float32)
        images = images + step * residual + added * noise
    restored = restore(images)  # without the last of the noise
    check_same_shape(images, restored, ("images", "restore(images)"))
    return np.where(hole, np.clip(restored, 0, 1), known).astype(np.float32), levels


def _check(
    start: float | NDArray, known: NDArray | None, count: int, h0: float, beta: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if not 0 < h0 <= 1:
        refuse("h0", "be above 0 and at most 1", h0)
    if not 0 < beta <= 1:
        refuse("beta", "be above 0 and at most 1", beta)
    shape = np.shape(start) if np.ndim(start) == 3 else (28, 28, 1)
    if known is not None:
        shape = np.shape(known)[-3:] if np.ndim(known) > 2 else shape
        each = (count,) if np.ndim(known) > 3 else ()
        check_numbers(known, "known", (*each, *shape), nan=True, low=0, high=1)
    start = np.asarray(start, np.float32)
    if start.shape not in ((), shape) or not np.all((start >= 0) & (start <= 1)):
        refuse("start", f"be a number or have shape {shape}, in [0, 1]", start)
    known = np.full(shape, np.nan) if known is None else known
    return start, np.asarray(known, np.float32)
