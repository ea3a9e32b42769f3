"""The forecasts anyone can make."""

from __future__ import annotations

import numpy as np
import pytest

from rekur.errors import ShapeError
from rekur.evaluation.baselines import series


def test_persistence_is_a_copy_of_the_last_value():
    last = np.array([1.0, 2.0])
    forecast = series.persistence(last)
    assert forecast.tolist() == [1.0, 2.0]
    assert not np.shares_memory(forecast, last)


def test_drift_is_right_on_a_straight_line():
    line = 5.0 + 2.0 * np.arange(10)
    assert series.drift(line[3:9], line[0], np.arange(3, 9)) == pytest.approx(line[4:])
    assert series.drift([7.0], 7.0, 0) == pytest.approx([7.0])  # one value is no drift yet


def test_linear_autoregression_finds_an_autoregressive_process():
    generator = np.random.default_rng(0)
    values = np.zeros(1200)
    for t in range(2, 1200):
        values[t] = 1.2 * values[t - 1] - 0.5 * values[t - 2] + generator.normal()
    windows, targets = np.lib.stride_tricks.sliding_window_view(values[:-1], 4)[..., None], values[4:]
    forecast = series.linear_autoregression(windows[:800], targets[:800], windows[800:])
    assert np.sqrt(np.mean((forecast - targets[800:]) ** 2)) == pytest.approx(1.0, abs=0.08)


def test_linear_autoregression_bears_columns_that_say_the_same_and_units_that_differ():
    generator = np.random.default_rng(1)
    price = np.cumsum(generator.normal(size=301)) + 2000
    columns = np.stack([price, price, 1e8 * generator.random(301), np.ones(301)], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(columns[:-1], 5, axis=0).swapaxes(1, 2)
    forecast = series.linear_autoregression(windows[:200], price[5:205], windows[200:])
    naive = np.sqrt(np.mean(np.diff(price[204:]) ** 2))
    assert np.sqrt(np.mean((forecast - price[205:]) ** 2)) < 1.3 * naive


def test_windows_of_another_length_are_refused():
    with pytest.raises(ShapeError, match=r"test_windows must be \(M, L=5, I=2\); got \(3, 4, 2\)"):
        series.linear_autoregression(np.zeros((9, 5, 2)), np.zeros(9), np.zeros((3, 4, 2)))
