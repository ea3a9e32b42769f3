"""Paths drawn value after value have the quantiles of what they are drawn from, whatever the portions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rekur import distributions, paths


class RandomWalk:
    """y_j ~ N(y_{j-1}, 1), or counts whose mean is the value before."""

    horizon = 4

    def __init__(self, name: str = "normal") -> None:
        self.distribution = distributions.make(name)
        self.widest = 0

    def begin(self, inputs, lengths):  # noqa: ARG002
        return np.zeros(len(inputs)), inputs

    def advance(self, before, place, standing):
        self.widest = max(self.widest, len(before))
        assert (standing == place).all()
        numbers = [before, *(np.full(len(before), n) for n in (1.0, 3.0))]
        return np.stack(numbers[: self.distribution.parameters], axis=1), standing + 1

    def pick(self, standing, rows):
        return standing[rows]


def test_a_random_walk_spreads_as_the_root_of_its_steps():
    starts, levels = np.array([0.0, 10.0]), (0.1, 0.5, 0.9)
    quantiles, points = paths.forecast(RandomWalk(), starts, None, levels, 4000, np.random.default_rng(1))
    spread = np.sqrt(np.arange(1, 5))[:, None] * stats.norm.ppf(levels)
    np.testing.assert_allclose(quantiles, starts[:, None, None] + spread, atol=0.15)
    np.testing.assert_allclose(points, starts[:, None] + np.zeros(4), atol=0.15)


def test_no_more_paths_are_walked_side_by_side_than_memory_is_meant_for():
    walker = RandomWalk()
    found = paths.drawn_paths(walker, np.arange(50.0), None, 1000, np.random.default_rng(1))
    assert found.shape == (50, 1000, 4)
    assert walker.widest <= paths.LARGEST
    np.testing.assert_allclose(found.mean(axis=(1, 2)), np.arange(50), atol=0.25)


def test_the_same_seed_draws_the_same_paths():
    first, second = (paths.forecast(RandomWalk(), np.zeros(2), None, (0.5,), 9)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["point", "median"])
def test_a_number_alone_is_one_path(name):
    quantiles, points = paths.forecast(RandomWalk(name), np.array([3.0]), None, (0.1, 0.9))
    assert quantiles.tolist() == [[[3.0, 3.0]] * 4]
    assert points.tolist() == [[3.0] * 4]


def test_counts_are_whole_numbers_of_the_scale():
    scale = np.array([2.0, 10.0])
    found = paths.drawn_paths(RandomWalk("negative_binomial"), np.ones(2), None, 50, np.random.default_rng(1), scale)
    counts = found * scale[:, None, None]
    np.testing.assert_allclose(counts, counts.round())
    assert len(np.unique(counts[1, :, 0])) > 10


def test_quantiles_of_counts_are_read_at_their_scale():
    made, parameters = distributions.make("negative_binomial"), np.array([[[1.0, 0.5]]])
    quantiles, point = paths.read(made, parameters, (0.5, 0.9), np.array([100.0]))
    size, sure = 1 / 0.05, 1 / (1 + 0.05 * 100)
    np.testing.assert_allclose(quantiles[0, 0] * 100, stats.nbinom.ppf([0.5, 0.9], size, sure))
    assert point.tolist() == [[1.0]]


def test_no_series_have_no_paths():
    assert paths.forecast(RandomWalk(), np.zeros(0), None, (0.5,))[0].shape == (0, 4, 1)
