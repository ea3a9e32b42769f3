"""Corrected intervals cover as often as they say, whatever the model's quantiles were."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from rekur.errors import DataError, RefusedModelError, ShapeError
from rekur.evaluation.forecasting import conformal, metrics

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def _simulated(seed: int, N: int, h: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Return truth whose noise grows with the step, and quantiles `spread` times as wide as right."""
    generator = np.random.default_rng(seed)
    scale = (1 + np.arange(h)) ** 0.5 * generator.uniform(0.5, 2.0, size=(N, 1))
    level = generator.normal(size=(N, h))
    truth = level + scale * generator.standard_t(4, size=(N, h))
    return truth, level[..., None] + spread * scale[..., None] * stats.norm.ppf(LEVELS)


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0, 3.0])
def test_coverage_is_nominal_at_every_step(spread):
    truth, quantiles = _simulated(0, 4000, 6, spread)
    found = conformal.calibrate(truth[:1500], quantiles[:1500], LEVELS).apply(quantiles[1500:])
    for nominal, (low, high) in metrics.pairs_of(LEVELS).items():
        by_step = metrics.inside(truth[1500:], found[..., low], found[..., high]).mean(axis=0)
        assert (abs(by_step - nominal) < 0.035).all(), by_step
        assert by_step.mean() == pytest.approx(nominal, abs=0.02)


def test_the_finite_sample_quantile_covers_on_average_even_with_nine_windows():
    # 9 scores and nominal 0.9: the 9th of them, so that a tenth lies below it 9 times of 10, exactly.
    hits = []
    for seed in range(400):
        truth, quantiles = _simulated(seed, 29, 1, 0.3)
        found = conformal.calibrate(truth[:9], quantiles[:9], LEVELS, least=1).apply(quantiles[9:])
        hits.append(metrics.coverage(truth[9:], found[..., 0], found[..., 4]))
    assert 0.88 < np.mean(hits) < 0.92


def test_few_windows_borrow_from_neighbouring_steps():
    truth, quantiles = _simulated(1, 20, 12, 0.5)
    alone = conformal.calibrate(truth, quantiles, LEVELS, least=1).shifts
    pooled = conformal.calibrate(truth, quantiles, LEVELS).shifts
    assert np.abs(np.diff(pooled)).mean() < 0.5 * np.abs(np.diff(alone)).mean()
    assert len(np.unique(conformal.calibrate(truth, quantiles, LEVELS, least=10**6).shifts[0])) == 1


def test_series_of_any_size_teach_each_other():
    truth, quantiles = _simulated(2, 600, 3, 0.5)
    sizes = np.random.default_rng(0).choice([1.0, 1e5], size=600)
    grown = conformal.calibrate(truth * sizes[:, None], quantiles * sizes[:, None, None], LEVELS, sizes)
    plain = conformal.calibrate(truth, quantiles, LEVELS)
    assert grown.shifts == pytest.approx(plain.shifts)
    assert grown.apply(1e5 * quantiles[:2], [1e5, 1e5]) == pytest.approx(1e5 * plain.apply(quantiles[:2]))


def test_windows_that_overlap_count_as_fewer():
    # Errors ten steps ahead of forecasts made a step apart: sums of ten shocks, nine of them the neighbour's as well.
    generator = np.random.default_rng(7)
    hits: dict[str, list[float]] = {"overlap": [], "none": []}
    for _ in range(300):
        errors = np.convolve(generator.normal(size=469), np.ones(10), "valid")
        truth = np.concatenate([np.full((460, 9), np.nan), errors[:, None]], axis=1)
        quantiles = np.zeros((460, 10, 1)) + np.array([-1.0, 0.0, 1.0])
        for name, moments in (("overlap", np.arange(30)), ("none", None)):
            found = conformal.calibrate(truth[:30], quantiles[:30], (0.05, 0.5, 0.95), moments=moments, least=1)
            wide = found.apply(quantiles[60:])
            hits[name].append(metrics.coverage(truth[60:], wide[..., 0], wide[..., 2]))
    assert np.mean(hits["none"]) < 0.86
    assert 0.88 < np.mean(hits["overlap"]) < 0.93


def test_series_forecast_once_each_are_independent_whatever_their_horizon():
    truth, quantiles = _simulated(8, 60, 12, 0.5)
    found = conformal.calibrate(truth, quantiles, LEVELS, moments=np.zeros(60), least=1)
    assert found.shifts == pytest.approx(conformal.calibrate(truth, quantiles, LEVELS, least=1).shifts)


def test_quantiles_never_cross_and_the_median_stays():
    truth, quantiles = _simulated(3, 300, 4, 4.0)
    found = conformal.calibrate(truth, quantiles, LEVELS).apply(quantiles)
    assert (np.diff(found, axis=2) >= 0).all()
    assert np.array_equal(found[..., 2], quantiles[..., 2])


def test_steps_not_known_are_left_out():
    truth, quantiles = _simulated(4, 200, 3, 0.5)
    gaps = truth.copy()
    gaps[100:, 1] = np.nan
    found = conformal.calibrate(gaps, quantiles, LEVELS, least=100).shifts
    assert found[:, 1] == pytest.approx(conformal.calibrate(truth[:100], quantiles[:100], LEVELS).shifts[:, 1])


def test_the_run_folder_gives_back_the_same():
    truth, quantiles = _simulated(5, 50, 2, 0.5)
    found = conformal.calibrate(truth, quantiles, LEVELS)
    again = conformal.Corrections.from_json(json.loads(json.dumps(found.to_json())))
    assert np.array_equal(again.apply(quantiles), found.apply(quantiles))


DAMAGED = [
    {},
    [],
    {"levels": [0.1, 0.9]},
    {"levels": [0.1, 0.9], "shifts": [[1], [2]]},
    {"levels": [0.1, 0.9], "shifts": [[math.nan]]},
    {"levels": 3, "shifts": [["a"]]},
]


@pytest.mark.parametrize("held", DAMAGED)
def test_damaged_corrections_are_refused(held):
    with pytest.raises(RefusedModelError, match="damaged"):
        conformal.Corrections.from_json(held)


def test_faults_are_told():
    truth, quantiles = _simulated(6, 5, 2, 1.0)
    with pytest.raises(DataError, match=r"symmetric about 0\.5"):
        conformal.calibrate(truth, quantiles[..., :3], (0.05, 0.5, 0.75))
    with pytest.raises(DataError, match="no held-out value"):
        conformal.calibrate(np.full_like(truth, np.nan), quantiles, LEVELS)
    with pytest.raises(DataError, match="every scale must be positive"):
        conformal.calibrate(truth, quantiles, LEVELS, np.zeros(5))
    with pytest.raises(ShapeError, match="quantiles must be"):
        conformal.calibrate(truth, quantiles, LEVELS).apply(quantiles[:, :1])
