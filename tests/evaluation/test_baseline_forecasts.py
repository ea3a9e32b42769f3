"""The cheap forecasts: exact on series made for them, and on M4 equal to what the competition published."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from rekur.errors import DataError, MissingPackage
from rekur.evaluation.baselines import forecasts
from rekur.evaluation.forecasting import metrics

STEPS = np.arange(120.0)
SEASONAL = 100 + 0.5 * STEPS + 30 * np.sin(2 * np.pi * STEPS / 12)
EVERY = (forecasts.persistence, forecasts.seasonal_naive, forecasts.drift, forecasts.naive2, forecasts.theta)


def test_each_is_exact_where_its_idea_holds():
    line, season = 3 + 2.0 * STEPS, np.tile([4.0, 9.0, 2.0], 12)
    assert forecasts.persistence([line], 3) == pytest.approx(np.full((1, 3), line[-1]))
    assert forecasts.drift([line, line[:50]], 2) == pytest.approx(np.array([[243.0, 245.0], [103.0, 105.0]]))
    assert forecasts.seasonal_naive([season[:-1]], 4, 3) == pytest.approx(np.array([[2.0, 4.0, 9.0, 2.0]]))
    assert forecasts.naive2([season], 4, 3) == pytest.approx(np.array([[4.0, 9.0, 2.0, 4.0]]))


def test_theta_follows_half_the_line():
    # The mirrored line of a straight series lies on it, so smoothing ends at the last value: half the slope is left.
    line = 50 + 2.0 * STEPS
    found = forecasts.theta([line], 3, 1)[0]
    assert found == pytest.approx(line[-1] + np.array([1.0, 2.0, 3.0]), abs=0.1)


def test_theta_is_near_statsforecasts():
    from statsforecast.models import Theta

    noise = np.random.default_rng(3).normal(size=len(SEASONAL))
    theirs = Theta(season_length=12).forecast(y=SEASONAL + noise, h=12)["mean"]
    assert forecasts.theta([SEASONAL + noise], 12, 12)[0] == pytest.approx(theirs, rel=0.02)


def test_ets_learns_season_and_trend():
    ahead = np.arange(120, 132)
    wanted = 100 + 0.5 * ahead + 30 * np.sin(2 * np.pi * ahead / 12)
    noise = 0.5 * np.random.default_rng(1).normal(size=len(SEASONAL))
    found = forecasts.ets([SEASONAL + noise], 12, 12)
    assert found[0] == pytest.approx(wanted, abs=3.0)


def test_ets_keeps_the_season_where_origins_are_no_whole_seasons_apart():
    wave = np.tile([4.0, 9.0, 2.0, 7.0, 5.0, 1.0, 8.0], 60) + 0.1 * np.random.default_rng(4).normal(size=420)
    ends = [350, 353, 359]
    whole = forecasts.ets([wave[:end] for end in ends], 7, 7, ["a"] * 3)
    recent = forecasts.ets([wave[end - 200 : end] for end in ends], 7, 7, ["a"] * 3, ends)
    assert whole == pytest.approx(np.stack([wave[end : end + 7] for end in ends]), abs=0.5)
    assert recent == pytest.approx(whole, abs=0.2)


def test_fitted_once_a_series_is_told_of_later_values():
    noisy = SEASONAL + np.random.default_rng(2).normal(size=len(SEASONAL))
    windows = [noisy[:96], noisy[:108], noisy]
    for rival in (forecasts.ets, forecasts.theta):
        once = rival(windows, 6, 12, series=["a", "a", "a"])
        assert once[0] == pytest.approx(rival(windows[:1], 6, 12)[0])
        assert once[2] == pytest.approx(rival(windows[2:], 6, 12)[0], rel=0.05)
        assert abs(once[2] - once[0]).max() > 1.0


@pytest.mark.parametrize("rival", [*EVERY, forecasts.ets])
def test_short_and_even_histories_get_a_forecast(rival):
    histories = [np.array([5.0]), np.array([1.0, 2.0]), np.full(30, 3.0), np.r_[0.0, -2.0, np.ones(40)]]
    found = rival(histories, 4, 12)
    assert found.shape == (4, 4)
    assert np.isfinite(found).all()
    assert found[2] == pytest.approx(3.0)


@pytest.mark.parametrize("rival", [*EVERY, forecasts.ets])
def test_the_future_cannot_be_seen(rival):
    whole = SEASONAL.copy()
    before = rival([whole[:80]], 5, 12)
    whole[80:] = -1e6
    assert np.array_equal(rival([whole[:80]], 5, 12), before)


def test_nlinear_finds_a_linear_law():
    generator = np.random.default_rng(0)
    series = np.zeros(600)
    for t in range(2, 600):
        series[t] = 1.7 * series[t - 1] - 0.7 * series[t - 2] + generator.normal()  # the level itself tells nothing
    rows = np.arange(590)[:, None] + np.arange(10)
    windows, targets = series[rows][:, :8], series[rows][:, 8:]
    found = forecasts.nlinear(windows[:450], targets[:450], windows[450:])
    best = 1.7 * windows[450:, -1:] - 0.7 * windows[450:, -2:-1]  # what no forecast can beat but by luck
    assert metrics.mae(targets[450:, :1], found[:, :1]) < 1.05 * metrics.mae(targets[450:, :1], best)


def test_nlinear_moves_with_level_and_scales_with_size():
    generator = np.random.default_rng(4)
    windows, targets, tests = (
        generator.normal(size=(60, 5)),
        generator.normal(size=(60, 2)),
        generator.normal(size=(4, 5)),
    )
    plain = forecasts.nlinear(windows, targets, tests)
    assert forecasts.nlinear(windows + 7, targets + 7, tests + 7) == pytest.approx(plain + 7)
    sizes = generator.uniform(1, 1e4, size=60)[:, None]
    scaled = forecasts.nlinear(windows, targets, tests, scaled=True)
    assert forecasts.nlinear(windows * sizes, targets * sizes, 3e3 * tests, scaled=True) == pytest.approx(3e3 * scaled)


def test_faults_are_told(monkeypatch):
    with pytest.raises(DataError, match="history 1 must have at least one value"):
        forecasts.persistence([np.ones(3), np.array([1.0, np.nan])], 2)
    with pytest.raises(DataError, match="no history"):
        forecasts.drift([], 2)
    with pytest.raises(DataError, match="at least 2 training windows"):
        forecasts.nlinear(np.ones((1, 3)), np.ones((1, 2)), np.ones((1, 3)))
    monkeypatch.setitem(__import__("sys").modules, "statsforecast", None)
    with pytest.raises(MissingPackage, match=r"rekur\[forecast\]"):
        forecasts.ets([np.ones(3)], 2, 1)


def _m4(part: str) -> list[np.ndarray]:
    path = Path(os.environ.get("REKUR_DATA", "absent")) / "m4" / f"Hourly-{part}.csv.gz"
    if not path.exists():
        pytest.skip("needs M4 under REKUR_DATA")
    with gzip.open(path, "rt") as file:
        return [np.array([float(value) for value in row[1:] if value]) for row in list(csv.reader(file))[1:]]


@pytest.mark.data
@pytest.mark.parametrize(
    ("rival", "published"),
    [  # sMAPE, MASE, OWA of the hourly series: Makridakis et al. (2020), table of the benchmarks by frequency
        (forecasts.naive2, (18.383, 2.395, 1.0)),
        (forecasts.persistence, (43.003, 11.608, 3.593)),
        (forecasts.seasonal_naive, (13.912, 1.193, 0.628)),
        (forecasts.theta, (18.138, 2.455, 1.006)),
    ],
)
def test_m4_hourly_is_as_published(rival, published):
    histories, truth = _m4("train"), np.stack(_m4("test"))
    scales = metrics.scales_of(histories, 24)
    found = rival(histories, 48, 24)
    smape, mase = metrics.smape(truth, found), metrics.mase(truth, found, scales)
    owa = metrics.owa(smape, mase, 18.383, 2.395)
    assert (smape, mase, owa) == pytest.approx(published, abs=0.0025)
