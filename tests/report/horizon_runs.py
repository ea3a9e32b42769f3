"""A small run folder of a forecast of many steps, as the task leaves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import report_runs
from scipy import stats

from rekur.evaluation.forecasting import fans, horizons
from rekur.runs import Run

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
PROOF = {"origins": 32, "values": 1234, "equal": True, "moved": 0.0, "control": 3.21}


def run(path: Path, N: int = 120, h: int = 12, name: str = "H1", **extra: Any) -> Run:
    """Return a run on rolling windows of a daily series with a weekly season; the forecast knows the season."""
    generator = np.random.default_rng(0)
    t = np.arange(N + h + 40)
    series = 50 + 8 * np.sin(2 * np.pi * t / 7) + np.cumsum(generator.normal(size=len(t)))
    starts = 40 + np.arange(N)
    truth, last = series[starts[:, None] + np.arange(h)], series[starts - 1][:, None] + np.zeros(h)
    season = 8 * np.sin(2 * np.pi * t / 7)
    ours = last + season[starts[:, None] + np.arange(h)] - season[starts - 1][:, None]
    spread = np.sqrt(np.arange(1, h + 1))[None, :, None] * stats.norm.ppf(LEVELS)
    quantiles = ours[..., None] + spread
    weekly = series[starts[:, None] - 7 + np.arange(h) % 7]
    rivals = {"persistence": last, "seasonal naive": weekly, "drift": last + 30}
    found = horizons.by_horizon(truth, ours, rivals, quantiles=quantiles, levels=LEVELS)
    rows: dict[str, list[Any]] = {}
    for place, (window, why) in enumerate(fans.chosen(np.abs(truth - ours).mean(axis=1))):
        begin = starts[window]
        dates = [str(np.datetime64("2026-01-01") + int(day)) for day in range(begin - 2 * h, begin + h)]
        parts = (series[begin - 2 * h : begin], truth[window], ours[window], quantiles[window], LEVELS)
        for column, values in fans.columns(place, why, name, dates, *parts).items():
            rows.setdefault(column, []).extend(values)
    made = report_runs.make(
        path,
        report_runs.config_of("weekly", "A weekly series", "forecast"),
        report_runs.metrics_of(
            task="forecast", test={"mae": 2.9}, interval={"mae": [2.5, 3.4]}, versus=None, chance=None, published=None,
            baselines={who: {"mae": float(np.abs(truth - said).mean())} for who, said in rivals.items()},
        ),
        report_runs.history_of(5, 1.0, 0.4),
    )  # fmt: skip
    made.write_extra({"horizons": found, "proof": PROOF, **extra})
    made.write_table("fans", pl.DataFrame(rows))
    return made
