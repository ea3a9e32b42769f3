"""Figures of sequences: what lies behind a length changes none, and each says what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from rekur.data import figures

LENGTHS = np.array([9, 5, 1])


def told(values, lengths, points=4, longest=40):
    kernels = figures.draw(longest, values.shape[2], np.random.default_rng(0))
    return figures.figures(values.astype(np.float32), lengths, points, kernels)


def values(columns=2):
    drawn = np.random.default_rng(1).normal(size=(3, 9, columns))
    return np.where((np.arange(9) < LENGTHS[:, None])[:, :, None], drawn, 0)


@pytest.mark.parametrize("longest", [1, 9, 200])
@pytest.mark.parametrize("points", [1, 7])
def test_there_are_as_many_as_are_counted(points, longest):
    assert told(values(), LENGTHS, points, longest).shape == (3, figures.count(points, longest, 2))


def test_padding_and_the_rows_beside_change_nothing():
    whole = told(values(), LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone = told(values()[row : row + 1, :length], LENGTHS[row : row + 1])
        np.testing.assert_allclose(alone[0], whole[row], rtol=1e-5, atol=1e-6)


def test_no_lengths_mean_that_every_step_counts():
    np.testing.assert_array_equal(told(values(), None), told(values(), np.full(3, 9)))


def test_the_first_figures_are_mean_deviation_least_largest_and_change_of_each_column():
    x = values()
    row = x[1, :5]
    expected = [row.mean(0), row.std(0), row.min(0), row.max(0), np.abs(np.diff(row, axis=0)).mean(0), [5]]
    np.testing.assert_allclose(told(x, LENGTHS)[1, :11], np.concatenate(expected), rtol=1e-5)


def test_points_lie_on_the_lines_between_steps():
    line = np.arange(9.0)[None, :, None] * np.array([1.0, -2.0])
    found = told(line, np.array([9]), points=5)[0, 11:21].reshape(5, 2)
    np.testing.assert_allclose(found, np.linspace(0, 8, 5)[:, None] * [1, -2], atol=1e-6)


def test_a_convolution_ignores_the_height_and_rises_with_what_it_looks_for():
    kernels = figures.draw(9, 1, np.random.default_rng(0))
    np.testing.assert_allclose(kernels.weight.sum(axis=3), 0, atol=1e-6)
    looked_for = kernels.weight[0, 3, 0]  # nine steps
    x = np.stack([looked_for, -looked_for])[:, :, None]
    largest = figures.figures(x, None, 1, kernels)[:, 7 + 3]
    assert largest[0] > largest[1]


def test_a_figure_beyond_all_measure_is_taken_as_far():
    found = figures.scaled(np.float32([[1e9, -1e9, 3]]), np.zeros(3, np.float32), np.float32([1, 1, 0]))
    assert found.tolist() == [[figures.FAR, -figures.FAR, 0]]
