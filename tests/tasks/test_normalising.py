"""Windows of one shape are one window, at whatever height and size they come."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from rekur.tasks.forecasting.normalising import normaliser
from rekur.tasks.forecasting.settings import Normalise

SEASON = 4
MOVES = {
    "last": (1, 0),
    "mean": (0, 1),
    "standard": (1, 1),
    "season": (1, 1),
    "seasonal_changes": (1, 1),
    "changes": (1, 1),
}


def normalised(values, kind, absent=None):
    shift, scale = normaliser(values, np.zeros_like(values) if absent is None else absent, kind, SEASON)
    return (values - shift[:, None]) / scale[:, None]


def waves(rows=3, steps=12):
    generator = np.random.default_rng(1)
    return 9 + np.tile([0.0, 2, 4, 1], steps // 4) + generator.normal(size=(rows, steps))


def test_every_way_is_tried():
    assert {"none", *MOVES} == set(get_args(Normalise))


@pytest.mark.parametrize("kind", MOVES)
def test_a_window_raised_or_enlarged_is_the_same_window(kind):
    raises, enlarges = MOVES[kind]
    values = waves()
    moved = values * (3 if enlarges else 1) + 100 * raises
    np.testing.assert_allclose(normalised(moved, kind), normalised(values, kind), rtol=1e-9, atol=1e-9)


def test_none_leaves_a_window_as_it_is():
    np.testing.assert_array_equal(normalised(waves(), "none"), waves())


def test_seasonal_changes_are_what_seasonal_naive_is_off_by():
    values = waves()
    shift, scale = normaliser(values, np.zeros_like(values), "seasonal_changes", SEASON)
    np.testing.assert_allclose(scale, np.abs(values[:, 4:] - values[:, :-4]).mean(axis=1))
    np.testing.assert_allclose(shift, values[:, -4:].mean(axis=1))


def test_a_season_repeated_exactly_has_a_scale():
    values = np.tile([0.0, 2, 4, 1], (1, 3))
    _, scale = normaliser(values, np.zeros_like(values), "seasonal_changes", SEASON)
    assert scale[0] == pytest.approx(values.std() / 10)


@pytest.mark.parametrize("kind", MOVES)
def test_a_constant_window_and_one_shorter_than_a_season_have_a_scale(kind):
    assert np.isfinite(normalised(np.full((2, 12), 7.0), kind)).all()
    assert np.isfinite(normalised(np.array([[1.0, 2.0]]), kind)).all()


@pytest.mark.parametrize("kind", ["mean", "standard", "seasonal_changes", "changes"])
def test_what_is_missing_has_no_part_in_a_scale(kind):
    values, absent = waves(1), np.zeros((1, 12))
    absent[0, 3] = 1
    other = values.copy()
    other[0, 3] = 1e6
    np.testing.assert_allclose(normaliser(other, absent, kind, SEASON)[1], normaliser(values, absent, kind, SEASON)[1])
