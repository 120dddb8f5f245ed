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
    images, levels = generate(ideal, 200, rng, shape=(2, 2, 1))
    distance = np.abs(images.reshape(200, 1, 4) - DATA).max(axis=2).min(axis=1)
    assert np.median(distance) < 0.1 and np.quantile(distance, 0.9) < 0.25
    share = np.mean(images.mean(axis=(1, 2, 3)) > 0.5)
    assert 0.3 < share < 0.7
    assert levels[0] > 0.5 > levels[-1]


def test_shape_type_range_and_determinism():
    runs = [
        generate(lambda x: 0.9 * x, 5, np.random.default_rng(s), most_steps=4)
        for s in (0, 0, 1)
    ]
    images, levels = runs[0]
    assert images.shape == (5, 28, 28, 1) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1 and len(levels) == 4
    np.testing.assert_array_equal(images, runs[1][0])
    assert np.any(images != runs[2][0])


def test_it_stops_when_no_noise_is_left(rng):
    _, levels = generate(lambda x: x, 2, rng)
    assert levels == [0]


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
        np.testing.assert_allclose(seen[0].mean(axis=0) + 0 * picture,
                                   start + 0 * picture, atol=0.3)  # fmt: skip
        assert abs(np.mean(seen[0] - start)) < 0.01
        assert seen[0].dtype == np.float32


@pytest.mark.parametrize(("beta", "steps"), [(0.5, 6), (0.0, 3), (1.0, 4)])
def test_it_is_algorithm_1_of_the_paper(beta, steps):
    """Written out with the paper's h, f and gamma, for a denoiser x -> 0.6 x + 0.1."""

    def f(y):
        return (0.6 * y + 0.1) - y

    rng = np.random.default_rng(3)
    y = 0.5 + rng.standard_normal((2, 5, 5, 1), dtype=np.float32).astype(float)
    expected = []
    for t in range(1, steps + 1):
        h = 0.05 * t / (1 + 0.05 * (t - 1))
        d = f(y)
        length = np.linalg.norm(d.reshape(2, -1), axis=1).reshape(2, 1, 1, 1)
        sigma = length / np.sqrt(25)
        expected.append(sigma.mean())
        gamma = sigma * np.sqrt((1 - beta * h) ** 2 - (1 - h) ** 2)
        z = rng.standard_normal(y.shape, dtype=np.float32)
        y = y + h * d + gamma * z
    images, levels = generate(
        lambda x: 0.6 * x + 0.1,
        2,
        np.random.default_rng(3),
        shape=(5, 5, 1),
        beta=beta,
        most_steps=steps,
        until=0,
    )
    np.testing.assert_allclose(levels, expected, rtol=1e-5)
    np.testing.assert_allclose(images, np.clip(y + f(y), 0, 1), atol=1e-5)


def test_it_stops_below_the_level_or_after_the_steps():
    def halve(images):
        return images - 0.3  # noise of standard deviation 0.3, whatever it sees

    levels = {
        until: generate(halve, 1, np.random.default_rng(0), until=until, most_steps=7)[
            1
        ]
        for until in (0.31, 0.29)
    }
    assert [len(found) for found in levels.values()] == [1, 7]
    assert levels[0.31] == [pytest.approx(0.3, rel=1e-5)]
    assert len(generate(halve, 1, np.random.default_rng(0))[1]) == 200
    weak = [generate(lambda x, s=s: x - s, 1, np.random.default_rng(0))[1] for s in
            (0.04, 0.06)]  # fmt: skip
    assert [len(found) for found in weak] == [1, 200]


def test_it_begins_with_noise_of_standard_deviation_one_around_even_grey(rng):
    seen = []
    generate(lambda x: seen.append(x) or x, 300, rng)
    assert seen[0].dtype == np.float32
    assert abs(seen[0].mean(dtype=float) - 0.5) < 4 / np.sqrt(seen[0].size)
    assert abs(seen[0].std(dtype=float) - 1) < 4 / np.sqrt(2 * seen[0].size)
