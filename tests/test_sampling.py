"""The generator, with a denoiser whose law is known."""

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


def test_it_arrives_at_the_data_and_at_both_of_them(rng):
    images, levels = generate(ideal, 200, rng, start=np.full((2, 2, 1), 0.5))
    distance = np.abs(images.reshape(200, 1, 4) - DATA).max(axis=2).min(axis=1)
    assert np.median(distance) < 0.1 and np.quantile(distance, 0.9) < 0.25
    assert 0.3 < np.mean(images.mean(axis=(1, 2, 3)) > 0.5) < 0.7
    assert levels[0] > 0.5 > levels[-1]


def test_it_stops_when_no_noise_is_left(rng):
    _, levels = generate(lambda x: x, 2, rng)
    assert levels == []


def test_it_starts_where_it_is_told_to():
    """With nothing to climb, one step later the pictures are the start and noise."""
    picture = np.linspace(0, 1, 28 * 28, dtype=np.float32).reshape(28, 28, 1)
    seen = []

    def restore(images):
        seen.append(images)
        return images

    for start in (0.25, picture):
        seen.clear()
        generate(restore, 400, np.random.default_rng(0), start=start)
        assert np.abs(seen[0].mean(axis=0) - start).max() < 0.3
        assert abs(np.mean(seen[0] - start)) < 0.01
        assert seen[0].dtype == np.float32


@pytest.mark.parametrize("given", [{}, {"h0": 0.05, "beta": 0}, {"h0": 1, "beta": 1}])
def test_it_is_algorithm_1_of_the_paper(given, monkeypatch):
    """Written out with the paper's h, f and gamma, for a denoiser x -> 0.6 x + 0.1.

    Without options, with the settings of the authors' code: h0 and beta are 0.01.
    """

    def f(y):
        return (0.6 * y + 0.1) - y

    rng = np.random.default_rng(3)
    h0, beta = given.get("h0", 0.01), given.get("beta", 0.01)
    y = 0.5 + rng.standard_normal((2, 5, 5, 1), dtype=np.float32).astype(float)
    expected = []
    for t in range(1, 6):
        h = h0 * t / (1 + h0 * (t - 1))
        d = f(y)
        length = np.linalg.norm(d.reshape(2, -1), axis=1).reshape(2, 1, 1, 1)
        sigma = length / np.sqrt(25)
        expected.append(sigma.mean())
        gamma = sigma * np.sqrt((1 - beta * h) ** 2 - (1 - h) ** 2)
        z = rng.standard_normal(y.shape, dtype=np.float32)
        y = y + h * d + gamma * z
    rng = np.random.default_rng(3)
    monkeypatch.setattr("dae.sampling.MAX_STEPS", 5)
    options = given | {"start": np.full((5, 5, 1), 0.5), "sigma_end": 0}
    images, levels = generate(lambda x: 0.6 * x + 0.1, 2, rng, **options)
    np.testing.assert_allclose(levels, expected, rtol=1e-5)
    np.testing.assert_allclose(images, np.clip(y + f(y), 0, 1), atol=1e-5)


def test_it_stops_below_the_level_or_after_the_steps(monkeypatch):
    def levels(removed, **options):  # noise of this level, whatever it sees
        rng = np.random.default_rng(0)
        return generate(lambda images: images - removed, 1, rng, **options)[1]

    assert levels(0.3, sigma_end=0.31) == []
    assert len(levels(0.009)) == 0 and len(levels(0.011)) == 1000  # by default
    monkeypatch.setattr("dae.sampling.MAX_STEPS", 7)
    assert len(levels(0.3, sigma_end=0.29)) == 7


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
    with pytest.raises(ValueError, match="known must"):
        generate(ideal, 49, rng, known=known)


def test_known_pixels_follow_algorithm_2_of_the_paper(monkeypatch):
    """With the paper's M, the columns of the unit matrix at the known pixels."""

    def f(y):
        return (0.6 * y + 0.1) - y

    measured = np.array([3, 7, 8])
    m = np.eye(25)[:, measured]
    x_c = np.array([0.2, 0.9, 0.5])
    rng = np.random.default_rng(3)
    first = 0.5 * (np.eye(25) - m @ m.T) @ np.ones(25) + m @ x_c
    y = first + rng.standard_normal((5, 5, 1), dtype=np.float32).ravel()
    expected = []
    for t in range(1, 5):
        h = 0.01 * t / (1 + 0.01 * (t - 1))
        d = (np.eye(25) - m @ m.T) @ f(y) + m @ (x_c - m.T @ y)
        sigma = np.linalg.norm(d) / 5
        expected.append(sigma)
        gamma = sigma * np.sqrt((1 - 0.01 * h) ** 2 - (1 - h) ** 2)
        y = y + h * d + gamma * rng.standard_normal((5, 5, 1), dtype=np.float32).ravel()
    known = np.full(25, np.nan)
    known[measured] = x_c
    monkeypatch.setattr("dae.sampling.MAX_STEPS", 4)
    _, levels = generate(
        lambda x: 0.6 * x + 0.1, 1, np.random.default_rng(3),
        known=known.reshape(5, 5, 1), sigma_end=0,
    )  # fmt: skip
    np.testing.assert_allclose(levels, expected, rtol=1e-5)
    for wrong in (known, np.full((5, 5, 1), 1.5), np.full((2, 5, 5, 1), np.nan)):
        with pytest.raises(ValueError, match="known must"):
            generate(f, 1, np.random.default_rng(3), known=wrong)
