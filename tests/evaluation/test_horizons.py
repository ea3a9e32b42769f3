"""The verdict by horizon: right where there is a difference, silent where there is none or too little to tell."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rekur.evaluation import paired
from rekur.evaluation.forecasting import horizons, telling

LEVELS = (0.05, 0.5, 0.95)


def _windows(seed: int, N: int, h: int, every: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return truth (N, h) of rolling windows of one random walk, and what persistence says."""
    walk = np.cumsum(np.random.default_rng(seed).normal(size=N * every + h))
    starts = np.arange(N) * every
    return walk[starts[:, None] + np.arange(1, h + 1)], np.repeat(walk[starts][:, None], h, axis=1)


def test_groups_cover_every_step_once():
    for horizon in (1, 5, 48, 49, 96, 720):
        steps = [step for first, last in horizons.groups(horizon) for step in range(first, last + 1)]
        assert steps == list(range(1, horizon + 1))
        assert len(horizons.groups(horizon)) == min(horizon, horizons.MOST)


def test_holm_by_hand():
    # 0.01 * 4, 0.015 * 3, then 0.03 * 2 = 0.06, and 0.02 * ... never falls below the one before it
    assert horizons.holm([0.01, 0.2, 0.03, 0.015]) == pytest.approx([0.04, 0.2, 0.06, 0.045])
    assert horizons.holm([]) == []


def test_a_better_forecast_is_better_where_it_is():
    truth, last = _windows(0, 300, 4)
    ours = last.copy()
    ours[:, 0] += 0.9 * (truth[:, 0] - last[:, 0])  # knows the first step, and nothing of the others
    found = horizons.by_horizon(truth, ours, {"persistence": last, "off": last + 3.0})
    assert [one["verdict"] for one in found["verdicts"]] == ["better", *["not distinguishable"] * 3]
    assert {one["rival"] for one in found["verdicts"]} == {"persistence"}
    assert found["errors"]["ours"][0] < 0.2 * found["errors"]["persistence"][0]
    assert "better at 1; not distinguishable at 2 to 4" in telling.sentence(found)
    json.dumps(found, allow_nan=False)


def test_no_difference_is_seldom_found_at_any_of_the_steps():
    alarms = []
    for seed in range(200):
        truth, last = _windows(seed, 150, 3)
        noise = np.random.default_rng(seed + 10**6).normal(size=(2, 150, 3))
        found = horizons.by_horizon(truth, last + noise[0], {"rival": last + noise[1]})
        alarms.append(any(one["verdict"] != "not distinguishable" for one in found["verdicts"]))
    assert np.mean(alarms) < 0.08


def test_too_few_origins_are_not_tested():
    truth, last = _windows(1, 45, 6)
    found = horizons.by_horizon(truth, last, {"rival": last + 5.0})
    assert [one["verdict"] for one in found["verdicts"]] == [*["better"] * 4, "not tested", "not tested"]
    assert found["verdicts"][5]["p_value"] is None


def test_many_series_with_one_window_each_are_the_items():
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(60, 2))
    ours, rival = truth + 0.5 * generator.normal(size=(60, 2)), truth + generator.normal(size=(60, 2))
    found = horizons.by_horizon(truth, ours, {"rival": rival}, series=np.arange(60))
    expected = paired.diebold_mariano(abs(ours - truth)[:, 1], abs(rival - truth)[:, 1])
    assert found["verdicts"][1]["p_value"] == pytest.approx(expected.p_value)


def test_several_series_are_averaged_at_each_origin():
    parts = [_windows(seed, 60, 2) for seed in range(3)]
    truth, last = (np.concatenate(part) for part in zip(*parts, strict=True))
    rival = last + np.random.default_rng(5).normal(size=last.shape)
    found = horizons.by_horizon(truth, last, {"rival": rival}, metric="mse", series=np.repeat([4, 9, 2], 60))
    d = (np.square(last - truth) - np.square(rival - truth))[:, 1].reshape(3, 60).mean(axis=0)
    assert found["verdicts"][1]["p_value"] == pytest.approx(paired.diebold_mariano(d, np.zeros(60), 2).p_value)
    assert found["verdicts"][1]["items"] == 60


def test_scaled_errors_for_owa_and_gaps():
    truth, last = _windows(2, 80, 2)
    truth[:30, 1] = np.nan
    scales = np.full(80, 2.0)
    found = horizons.by_horizon(truth, last, {"rival": last + 1}, metric="owa", scales=scales)
    assert found["metric"] == "mase"
    assert found["errors"]["ours"][1] == pytest.approx(np.nanmean(abs(truth - last)[:, 1]) / 2)
    truth[:, 1] = np.nan
    nothing = horizons.by_horizon(truth, last, {"rival": last + 1})
    assert nothing["errors"]["ours"][1] is None
    assert nothing["verdicts"][1]["verdict"] == "not tested"


def test_coverage_stands_beside_nominal_with_its_interval():
    generator = np.random.default_rng(3)
    truth = generator.normal(size=(400, 3))
    quantiles = np.broadcast_to(np.array([-1.645, 0.0, 1.645]), (400, 3, 3))
    found = horizons.by_horizon(
        truth, quantiles[..., 1], {}, series=np.arange(400), quantiles=quantiles, levels=LEVELS
    )["coverage"]["90"]
    assert found["nominal"] == 0.9
    for low, measured, high in zip(found["low"], found["measured"], found["high"], strict=True):
        assert low <= measured <= high
        assert low < 0.9 < high
        assert 0.03 < high - low < 0.09  # four standard errors: 4 sqrt(0.09 / 400) = 0.06
