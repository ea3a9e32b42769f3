"""The verdict: is the model better than the best cheap rival, and than chance? In numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rekur.errors import DataError
from rekur.evaluation import intervals, paired
from rekur.evaluation.outcomes import Outcome
from rekur.evaluation.paired import Comparison

PairedTest = Literal["mcnemar", "diebold_mariano", "bootstrap"]

ALPHA = 0.05


def versus(
    ours: Outcome,
    baselines: Mapping[str, Outcome],
    metric: str,
    higher_is_better: bool,
    test: PairedTest,
    seed: int = 0,
    block: int = 1,
    horizon: int = 1,
) -> dict[str, Any]:
    """Compare `ours` with the baseline that is best on `metric`, on the same test items, by a paired test.

    Returns "baseline", "metric", "difference" (ours - baseline, in the metric's unit), "interval" (its 95 %),
    "p_value", "test" and "verdict": better, not distinguishable or worse, at p < 0.05.
    """
    if not baselines:
        raise DataError("versus: there is no baseline to compare with; give at least one.")
    sign = 1.0 if higher_is_better else -1.0
    best = max(baselines, key=lambda name: sign * baselines[name].metrics[metric])
    found = _compare(ours, baselines[best], metric, test, seed, block, horizon)
    verdict = "not distinguishable"
    if found.p_value < ALPHA:
        verdict = "better" if sign * found.difference > 0 else "worse"
    return {
        "baseline": best,
        "metric": metric,
        "difference": found.difference,
        "interval": list(found.interval),
        "p_value": found.p_value,
        "test": test,
        "verdict": verdict,
    }


def _compare(
    ours: Outcome, theirs: Outcome, metric: str, test: PairedTest, seed: int, block: int, horizon: int
) -> Comparison:
    if test == "mcnemar":
        if metric not in intervals.SHARES:
            raise DataError(f"versus: McNemar's test is about what is right or wrong; got `{metric}`. Use bootstrap.")
        return paired.mcnemar(ours.items, theirs.items)
    if test == "diebold_mariano":
        return _diebold_mariano(ours, theirs, metric, horizon)
    columns, statistic = intervals.form(metric)
    return paired.paired_bootstrap(columns(ours), columns(theirs), seed, block, statistic)


def _diebold_mariano(ours: Outcome, theirs: Outcome, metric: str, horizon: int) -> Comparison:
    # The test is about mean losses. rmse_a - rmse_b = (mse_a - mse_b) / (rmse_a + rmse_b), and R2 is linear
    # in the mean squared error, so one factor takes the difference and its interval into the metric's unit.
    a, b = (intervals.form("mae")[0](o) if metric == "mae" else o.items for o in (ours, theirs))
    scale = 1.0
    if metric == "rmse":
        scale = 1.0 / max(ours.metrics["rmse"] + theirs.metrics["rmse"], np.finfo(np.float64).tiny)
    elif metric == "r2":
        scale = -1.0 / max(float(np.var(ours.details["truth"])), np.finfo(np.float64).tiny)
    found = paired.diebold_mariano(a, b, horizon)
    low, high = sorted(scale * end for end in found.interval)
    return Comparison(scale * found.difference, (low, high), found.p_value, found.statistic)


def chance(outcome: Outcome, truth: ArrayLike) -> dict[str, Any]:
    """Compare a classifier's accuracy with always naming the commonest class of the test part.

    Returns "rate" (the share of that class), "interval" (Wilson, of the accuracy), "p_value" (exact binomial)
    and "verdict": better, not distinguishable from chance, or worse than chance.
    """
    labels = np.asarray(truth, dtype=np.int64)
    n, right = len(labels), int(outcome.items.sum())
    rate = float(np.bincount(labels).max() / n)
    p_value = float(stats.binomtest(right, n, rate).pvalue)
    verdict = "not distinguishable from chance"
    if p_value < ALPHA:
        verdict = "better" if right / n > rate else "worse than chance"
    interval = list(intervals.wilson(right, n))
    return {"rate": rate, "interval": interval, "p_value": p_value, "verdict": verdict}
