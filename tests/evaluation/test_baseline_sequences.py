"""What sequences say without their order: figures equal those of one row alone; models on them learn what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.ragged import Ragged
from rekur.evaluation.baselines import sequences, text

VALUES = st.floats(-100, 100) | st.just(float("nan"))
ROWS = st.lists(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6), min_size=1, max_size=5)


def alone(row):
    """The figures of one column of one sequence, the plain way."""
    known = row[~np.isnan(row)]
    if not len(known):
        return [np.nan] * 7
    steps = np.flatnonzero(~np.isnan(row))
    slope = np.polyfit(steps, known, 1)[0] if len(known) > 1 else 0.0
    return [known.mean(), known.std(), known.min(), known.max(), known[0], known[-1], slope]


@given(rows=ROWS)
def test_figures_are_those_of_each_sequence_alone(rows):
    ragged = Ragged.of(rows, np.float64)
    found = sequences.summary(ragged.values, ragged.offsets)
    assert found.shape == (len(rows), len(sequences.names(["a", "b"])))
    for n, row in enumerate(rows):
        values = np.array(row)
        expected = np.array([alone(values[:, column]) for column in range(2)]).T.ravel()
        np.testing.assert_allclose(found[n, :14], expected, rtol=1e-6, atol=1e-6)
        assert found[n, -1] == len(row)


def test_points_lie_on_the_lines_between_the_steps():
    ragged = Ragged.of([[[0.0], [np.nan], [2.0]], [[5.0]], [[np.nan]]], np.float64)
    found = sequences.points(ragged.values, ragged.offsets, count=5)
    np.testing.assert_allclose(found, [[0, 0.5, 1, 1.5, 2], [5] * 5, [0] * 5])


def test_linear_models_and_neighbours_learn_what_is_there():
    draw = np.random.default_rng(1)
    x = draw.normal(size=(200, 4))
    labels, numbers = (x[:, 0] > 0).astype(np.int64), 3 * x[:, 0] + 1
    x[::7, 1], x[:, 3] = np.nan, np.nan  # missing values, and a column of nothing else
    train, test = slice(0, 150), slice(150, 200)
    for probability in (
        sequences.logistic(x[train], labels[train], x[test], 3),
        sequences.nearest_classes(x[train], labels[train], x[test], 3),
    ):
        assert probability.shape == (50, 3)
        np.testing.assert_allclose(probability.sum(axis=1), 1)
        assert np.mean(probability.argmax(axis=1) == labels[test]) > 0.8
    for forecast in (
        sequences.ridge(x[train], numbers[train], x[test]),
        sequences.nearest_mean(x[train], numbers[train], x[test]),
    ):
        assert np.mean((forecast - numbers[test]) ** 2) < 0.4 * np.var(numbers[test])


def test_ridge_on_words_learns_what_they_are_worth():
    train = [f"{'good' if n % 2 else 'bad'} film {n % 5}" for n in range(60)]
    counts = text.count(train, ["a good film", "a bad film"])
    high, low = text.tfidf_ridge(counts, np.array([n % 2 for n in range(60)]))
    assert high > 0.7
    assert low < 0.3
    nothing = text.count(["..."] * 3, ["..."])
    assert text.tfidf_ridge(nothing, [1.0, 2.0, 3.0]) == pytest.approx([2.0])
