"""The generator, with a denoiser whose law is known, and as its paper writes it."""

import numpy as np
import pytest

from dae import generate, posterior_mean

DATA = np.array([[0.2] * 4, [0.8] * 4], np.float32)  # two pictures of 2 x 2 pixels


def ideal(images):
    """The exact denoiser of the two pictures; it estimates the level by itself."""
    flat = images.reshape(len(images), -1)
    nearest = DATA[np.abs(flat[:, None] - DATA).sum(axis=2).argmin(axis=1)]
    sigma = max(float(np.sqrt(np.mean((flat - nearest) ** 2))), 1e-2)
    return posterior_mean(flat, DATA, sigma).reshape(images.shape)


def affine(y):
    return 0.6 * y + 0.1


def test_it_arrives_at_the_data_and_at_both_of_them(rng):
    images, levels = generate(ideal, 200, rng, start=np.full((2, 2, 1), 0.5))
    distance = np.abs(images.reshape(200, 1, 4) - DATA).max(axis=2).min(axis=1)
    assert np.median(distance) < 0.1 and np.quantile(distance, 0.9) < 0.25
    assert 0.3 < np.mean(images.mean(axis=(1, 2, 3)) > 0.5) < 0.7
    assert levels[0] > 0.5 > levels[-1]


@pytest.mark.parametrize("measured", [[], [3, 7, 8]])
@pytest.mark.parametrize("given", [{}, {"h0": 0.05, "beta": 0.5}, {"h0": 1, "beta": 1}])
def test_it_is_the_paper_s_algorithm(given, measured, monkeypatch):
    """Number 2, written out with the paper's h, M and gamma; 1 if nothing is measured.

    M has the columns of the unit matrix at the known pixels. Without options, with the
    settings of the authors' code: h0 and beta are 0.01.
    """
    rng = np.random.default_rng(3)
    h0, beta = given.get("h0", 0.01), given.get("beta", 0.01)
    m, x_c = np.eye(25)[:, measured], np.array([0.2, 0.9, 0.5])[: len(measured)]
    holes, start = np.eye(25) - m @ m.T, np.linspace(0, 1, 25, dtype=np.float32)
    y = start @ holes + m @ x_c + rng.standard_normal((2, 25), dtype=np.float32)
    expected = []
    for t in range(1, 6):
        h = h0 * t / (1 + h0 * (t - 1))
        d = (affine(y) - y) @ holes + (x_c - y @ m) @ m.T
        sigma = np.linalg.norm(d, axis=1, keepdims=True) / np.sqrt(25)
        expected.append(sigma.mean())
        gamma = sigma * np.sqrt((1 - beta * h) ** 2 - (1 - h) ** 2)
        y = y + h * d + gamma * rng.standard_normal((2, 25), dtype=np.float32)
    known = np.full(25, np.nan)
    known[measured] = x_c
    monkeypatch.setattr("dae.sampling.MAX_STEPS", 5)
    options = given | {"start": start.reshape(5, 5, 1), "sigma_end": 0}
    options |= {"known": known.reshape(5, 5, 1)} if measured else {}
    images, levels = generate(affine, 2, np.random.default_rng(3), **options)
    np.testing.assert_allclose(levels, expected, rtol=1e-5)
    answers = np.clip(affine(y), 0, 1) @ holes + m @ x_c
    np.testing.assert_allclose(images.reshape(2, 25), answers, atol=1e-5)


def test_it_stops_below_the_level_or_after_the_steps():
    def levels(removed, **options):  # noise of this level, whatever it sees
        rng = np.random.default_rng(0)
        return generate(lambda images: images - removed, 1, rng, **options)[1]

    assert levels(0) == levels(0.3, sigma_end=0.31) == []
    assert len(levels(0.009)) == 0 and len(levels(0.011)) == 1000  # by default


def test_only_holes_are_painted_and_to_fit_the_rest(rng):
    """Two pictures are possible; one pixel that is known tells which."""
    known = np.full((2, 2, 1), np.nan)
    known[1, 0] = 0.8
    images, levels = generate(ideal, 100, rng, known=known)
    assert (images[:, 1, 0] == np.float32(0.8)).all()
    assert np.mean(np.abs(images - 0.8).max(axis=(1, 2, 3)) < 0.2) > 0.8  # else half
    assert levels[-1] < 0.05


def test_each_picture_may_have_holes_of_its_own(rng):
    known = np.full((50, 2, 2, 1), np.nan)
    known[:25, 0, 0], known[25:, 1, 1] = 0.2, 0.8
    images, _ = generate(ideal, 50, rng, known=known)
    assert (images[:25, 0, 0] == np.float32(0.2)).all()
    assert (images[25:, 1, 1] == np.float32(0.8)).all()
    assert np.median(abs(images[:25] - 0.2)) < 0.1 > np.median(abs(images[25:] - 0.8))
