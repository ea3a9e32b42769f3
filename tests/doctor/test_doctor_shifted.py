"""A forecast that follows is told from one that foresees, whatever the series."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rekur.doctor import examination
from rekur.doctor.patient import Forecast, Patient

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import doctor_simulations as simulations

SEED = 5  # not that of the figures on record


def found(forecast):
    return {f.code: f.severity for f in examination.examine(Patient(forecast=forecast), only=["shifted"])}


def walk(n, seed=0):
    return 2000 + 10 * np.cumsum(np.random.default_rng(seed).standard_normal(n))


def noise(n, seed=9):
    return np.random.default_rng(seed).standard_normal(n)


def season(n, period=12):
    return 3 * np.sin(2 * np.pi * np.arange(n) / period)


def smooth(series, share):
    """Return the exponential mean of what came before each step but the first."""
    means = [series[0]]
    for value in series[1:-1]:
        means.append(means[-1] + share * (value - means[-1]))
    return np.array(means)


def ar2(n, a, b, seed=0):
    return simulations.autoregression(np.random.default_rng(seed), n, a, b)


@pytest.mark.parametrize(
    "series",
    [
        walk,
        noise,
        lambda n: np.round(walk(n) / 20),
        lambda n: ar2(n, 0.7, 0)[0],
        lambda n: np.arange(n) + noise(n),
        lambda n: 30 * noise(n).cumsum() + season(n),
    ],
    ids=["walk", "noise", "whole numbers", "AR(1)", "trend", "walk with a season"],
)
def test_a_delayed_copy_is_a_fault_at_any_lag(series):
    for lag in range(1, 21):
        for n in (40, 200):
            assert found(simulations.copy(series(n + lag), lag)) == {"RK-SHIFT-01": "fault"}, (lag, n)


def test_the_lag_is_told_and_drawn():
    y = walk(100)
    (finding,) = examination.examine(Patient(forecast=simulations.copy(y, 3)), only=["shifted"])
    assert finding.evidence["lag"] == 3
    assert finding.curve.y[3] == 0 < min(finding.curve.y[:3])


@pytest.mark.parametrize(
    "forecast",
    [
        Forecast(walk(200)[1:], 0.8 * walk(200)[:-1] + 400 + 2 * noise(199)),
        Forecast(walk(200)[1:], walk(200)[:-1] + 25),
        Forecast(walk(200)[1:], smooth(walk(200), 0.4)),
        Forecast(walk(200)[3:], walk(200)[:-3] + 4 * noise(197)),
        Forecast(walk(300)[5:], 0.98 * walk(300)[:-5] + 40, horizon=5),
        Forecast(walk(300)[9:], walk(300)[:-9], horizon=5),
        Forecast(noise(200)[2:], noise(200)[:-2] + 0.1 * noise(198, 3)),
    ],
    ids=["shrunken", "off by a bias", "smoothed", "noisy", "five ahead", "nine behind, five ahead", "noise"],
)
def test_what_follows_is_a_fault(forecast):
    assert found(forecast) == {"RK-SHIFT-01": "fault"}


@pytest.mark.parametrize(
    "forecast",
    [
        Forecast(season(60) + noise(60), season(60)),
        Forecast(season(30, 7) + 0.05 * np.arange(30) + noise(30), season(30, 7) + 0.05 * np.arange(30)),
        Forecast(season(120), season(120)),
        Forecast(season(200, 24) + noise(200), season(200, 24), horizon=6),
        Forecast(2000 + 10 * noise(80), np.full(80, 2000.0)),
        Forecast(*ar2(200, 0.9, 0)),
        Forecast(*ar2(150, 1.2, -0.5)),
        Forecast(*ar2(150, 1.5, -0.52)),
        Forecast(*ar2(100, -0.8, 0)),
        Forecast(walk(200) + 8 * np.arange(200), walk(200) - np.diff(walk(200), prepend=2000) + 8 * np.arange(200)),
        Forecast(walk(200)[1:], walk(200)[:-1] + 0.3 * np.diff(walk(200)) + 5 * noise(199)),
    ],
    ids=["season", "short", "exact", "six ahead", "mean", "AR(1)", "AR(2)", "slow", "alternating", "drift", "foreseen"],
)
def test_what_foresees_passes(forecast):
    assert found(forecast) == {}


@pytest.mark.parametrize(
    "forecast",
    [
        Forecast(walk(150)[1:], np.full(149, 2000.0)),
        Forecast(walk(150)[1:], walk(150, 5)[1:]),
        Forecast(*(np.array(part) + bias for part, bias in zip(ar2(150, 1.2, -0.5), (0, 4), strict=True))),
    ],
    ids=["constant", "unrelated", "biased"],
)
def test_what_is_merely_bad_is_a_warning(forecast):
    assert found(forecast) == {"RK-SHIFT-02": "warning"}


def test_a_seasonal_naive_forecast_is_named():
    y = season(150) + 0.5 * noise(150)
    assert found(simulations.copy(y, 12)) == {"RK-SHIFT-04": "warning"}
    assert found(simulations.copy(y, 9)) == {"RK-SHIFT-01": "fault"}


def test_a_model_that_starts_from_the_last_value_is_not_blamed_for_it():
    y, small = walk(120), 1.0 * noise(119)
    assert found(Forecast(y[1:], y[:-1] + small)) == {"RK-SHIFT-01": "fault"}
    assert found(Forecast(y[1:], y[:-1] + small, anchored=True)) == {"RK-SHIFT-03": "note"}
    assert found(Forecast(y[1:], y[:-1] - 12, anchored=True)) == {"RK-SHIFT-02": "warning"}
    assert found(Forecast(y[3:], y[:-3], anchored=True)) == {"RK-SHIFT-01": "fault"}


def test_what_no_test_can_decide_is_said():
    y = walk(40, 7)
    assert found(Forecast(y[1:], y[:-1] + 1.2 * noise(39, 1))) == {"RK-SHIFT-03": "warning"}


def test_units_do_not_matter():
    y, forecast = walk(200)[1:], 0.8 * walk(200)[:-1] + 400
    for scale, level in ((1e-6, 0.0), (1e6, 1e9)):
        assert found(Forecast(level + scale * y, level + scale * forecast)) == found(Forecast(y, forecast))


@pytest.mark.parametrize(
    ("forecast", "words"),
    [
        (Forecast(np.where(np.arange(50) == 7, np.nan, walk(50)), walk(50)), "1 of 50 steps has no number"),
        (Forecast(np.ones(50), noise(50)), "constant"),
        (Forecast(walk(10), walk(10)), "too few"),
        (Forecast(walk(50), walk(49)), "one length"),
    ],
)
def test_what_cannot_be_examined_says_why(forecast, words):
    (note,) = examination.examine(Patient(forecast=forecast), only=["shifted"])
    assert note.severity == "note"
    assert words in note.sentence


def test_the_forecasts_of_tutorials_are_caught():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network gains nothing by two
    try:
        assert simulations.walks(10, SEED, epochs=(15,)) >= 0.9
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("make", [simulations.seasonal, simulations.ar2])
def test_true_models_pass(make):
    assert simulations.true_models(make, 100, 20, SEED) <= 1 / 20
