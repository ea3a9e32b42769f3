"""The season is found where there is one, and seldom where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from rekur.evaluation.forecasting import seasons


def _with_season(generator, season: int, cycles: int, smooth: bool) -> np.ndarray:
    t = np.arange(cycles * season)
    shape = np.sin(2 * np.pi * np.arange(season) / season) if smooth else generator.normal(size=season)
    return 2 * shape[t % season] + np.cumsum(0.2 * generator.normal(size=len(t))) + generator.normal(size=len(t))


@pytest.mark.parametrize("season", [7, 12, 24])
@pytest.mark.parametrize("smooth", [True, False])
def test_seasons_are_found(season, smooth):
    generator = np.random.default_rng(season)
    found = [seasons.find(_with_season(generator, season, 12, smooth)) for _ in range(40)]
    assert np.mean(np.array(found) == season) > 0.9


@pytest.mark.parametrize("length", [120, 400, 2000])
def test_random_walks_have_none(length):
    generator = np.random.default_rng(length)
    drifts = [np.cumsum(generator.normal(size=length) + 0.1 * (i % 2)) for i in range(400)]
    assert np.mean([seasons.find(walk) > 1 for walk in drifts]) <= 0.05


def test_long_noise_has_none_though_m4s_test_would_find_some_by_chance():
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(300, 500))
    assert np.mean([seasons.find(series) > 1 for series in noise]) <= 0.05
    assert 0.05 < np.mean([seasons.is_seasonal(series, 12) for series in noise]) < 0.15


def test_a_panel_has_the_season_that_most_series_have():
    generator = np.random.default_rng(1)
    weekly = [_with_season(generator, 7, 20, True) for _ in range(6)]
    walks = [np.cumsum(generator.normal(size=140)) for _ in range(4)]
    assert seasons.of_panel([*weekly, *walks], seasons.candidates(86400)) == 7
    assert seasons.of_panel([*weekly[:3], *walks], seasons.candidates(86400)) == 1


def test_short_constant_and_gappy_series_do_no_harm():
    assert seasons.find([1.0, 2.0]) == 1
    assert seasons.find(np.full(100, 4.0)) == 1
    assert seasons.find(np.full(100, np.nan)) == 1
    weekly = np.tile([1.0, 2.0, 9.0, 4.0, 5.0, 1.0, 3.0], 20)
    weekly[[0, 30, 31, 77]] = np.nan
    assert seasons.find(weekly) == 7


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (3600, (24, 168)),
        (86400, (7, 365)),
        (2629800, (12, 3)),
        (31557600, ()),
        (None, seasons.COMMON),
        (7200, (12, 84)),
    ],
)
def test_candidates_follow_from_the_step(seconds, wanted):
    assert seasons.candidates(seconds)[: len(wanted)] == wanted


def test_autocorrelation_by_hand():
    values = np.array([1.0, 3.0, 2.0, 6.0])
    centred = values - 3.0
    by_hand = [np.dot(centred[k:], centred[: 4 - k]) / np.dot(centred, centred) for k in (1, 2)]
    assert seasons.autocorrelation(values, 2) == pytest.approx(by_hand)
