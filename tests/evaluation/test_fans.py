"""The forecasts to look at are picked by their error, and told step by step."""

from __future__ import annotations

import numpy as np
import pytest

from rekur.evaluation.forecasting import fans


def test_forecasts_are_picked_by_their_place_among_the_errors():
    errors = np.random.default_rng(0).permutation(101).astype(float)
    picked = fans.chosen(errors)
    assert [errors[place] for place, _ in picked] == [10, 40, 60, 90]
    assert [why for _, why in picked] == ["among the smallest tenth", "typical", "typical", "among the largest tenth"]


def test_few_forecasts_are_shown_once_each():
    assert len(fans.chosen([3.0, np.nan, 1.0, 2.0])) == len(
        {place for place, _ in fans.chosen([3.0, np.nan, 1.0, 2.0])}
    )
    assert fans.chosen([np.nan]) == []
    assert [place for place, _ in fans.chosen([7.0])] == [0]


def test_columns_hold_history_truth_and_bands():
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    quantiles = np.arange(10.0).reshape(2, 5)
    dates = ["mon", "tue", "wed", "thu", "fri"]
    found = fans.columns(1, "typical", "a", dates, [1.0, 2.0, 3.0], [4.0, np.nan], [5.0, 6.0], quantiles, levels)
    assert found["step"] == [-2, -1, 0, 1, 2]
    assert found["truth"] == [1.0, 2.0, 3.0, 4.0, None]
    assert found["forecast"] == [None, None, None, 5.0, 6.0]
    assert found["low_90"][3:] == [0.0, 5.0]
    assert found["high_50"][3:] == [3.0, 8.0]
    assert {len(values) for values in found.values()} == {5}


@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.9), (0.5,)])
def test_bands_that_are_not_among_the_levels_are_absent(levels):
    quantiles = np.ones((1, len(levels)))
    found = fans.columns(0, "", "a", ["x", "y"], [1.0], [1.0], [1.0], quantiles, levels)
    assert found["low_90"] == found["high_50"] == [None, None]
