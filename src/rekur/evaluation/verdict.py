"""The verdict: is the model better than the best cheap rival, and than chance? As numbers and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rekur.errors import DataError
from rekur.evaluation import intervals, names, paired
from rekur.evaluation.outcomes import Outcome
from rekur.evaluation.paired import Comparison

PairedTest = Literal["mcnemar", "diebold_mariano", "bootstrap"]

ALPHA = 0.05
RIVALS = {
    "persistence": "repeating yesterday's value",
    "drift": "following the drift",
    "repeat the character read": "repeating the character it reads",
    "majority": "always naming the commonest class",
}


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
        if metric != "accuracy":
            raise DataError(f"versus: McNemar's test is about accuracy; got `{metric}`. Use bootstrap.")
        return paired.mcnemar(ours.items, theirs.items)
    if test == "diebold_mariano":
        return _diebold_mariano(ours, theirs, metric, horizon)
    columns, statistic = intervals.form(metric)
    return paired.paired_bootstrap(columns(ours), columns(theirs), seed, block, statistic)


def _diebold_mariano(ours: Outcome, theirs: Outcome, metric: str, horizon: int) -> Comparison:
    # The test is about mean losses. rmse_a - rmse_b = (mse_a - mse_b) / (rmse_a + rmse_b), and R2 is linear
    # in the mean squared error, so one factor takes the difference and its interval into the metric's unit.
    a, b = (np.sqrt(o.items) if metric == "mae" else o.items for o in (ours, theirs))
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


def word(metrics_json: Mapping[str, Any]) -> str:
    """Return the verdict in a word or two: of chance where it is no better than that, else of the best rival.

    It is empty where there is nothing to compare with. Runs of before metrics.json had "verdict" get theirs, too.
    """
    if "verdict" in metrics_json:
        return str(metrics_json["verdict"])
    chance, versus = (metrics_json.get(name) or {} for name in ("chance", "versus"))
    of_chance = str(chance.get("verdict", ""))
    return of_chance if "chance" in of_chance else str(versus.get("verdict", ""))


def sentence(metrics_json: Mapping[str, Any]) -> str:
    """Return the verdict of a run, from its metrics (the JSON of `rekur run`), as one or two plain sentences.

    >>> sentence({"versus": {"baseline": "NB-SVM", "metric": "accuracy", "difference": 0.008,
    ...     "interval": [0.004, 0.0112], "p_value": 0.0003, "test": "mcnemar", "verdict": "better"}})
    'Better than NB-SVM by 0.8 points of accuracy (95 % interval 0.4 to 1.1, p = 0.0003).'
    """
    said = [_of_chance(metrics_json), _of_rival(metrics_json), _of_yesterday(metrics_json)]
    return " ".join(filter(None, said)) or "There is no baseline to compare with; nothing is claimed."


def _of_chance(run: Mapping[str, Any]) -> str:
    found = run.get("chance") or {}
    if found.get("verdict", "better") == "better":
        return ""
    accuracy = (run.get("test") or {}).get("accuracy")
    subject = "The accuracy" if accuracy is None else f"The accuracy, {100 * accuracy:.1f} %,"
    rate, p = f"{100 * found['rate']:.1f} %", _p_value(found["p_value"], 1e-4)
    return f"{subject} is {found['verdict']} (the commonest class alone gives {rate}; {p})."


def _of_rival(run: Mapping[str, Any]) -> str:
    found = run.get("versus") or {}
    if not found:
        return ""
    metric = names.of(found["metric"])
    sign = 1.0 if metric.higher else -1.0
    gain, low, high = sign * found["difference"], *sorted(sign * end for end in found["interval"])
    side = "behind" if gain < 0 else "ahead"
    if gain < 0:
        gain, low, high = -gain, -high, -low
    amount, least, most = _numbers(metric.share, gain, low, high)
    unit = metric.unit or f"in {metric.name}"
    least_p = 1e-3 if found.get("test") == "bootstrap" else 1e-4
    bounds = f"(95 % interval {least} to {most}, {_p_value(found['p_value'], least_p)})"
    rival = RIVALS.get(found["baseline"], found["baseline"])
    if found["verdict"] != "not distinguishable":
        return f"{found['verdict'].capitalize()} than {rival} by {amount} {unit} {bounds}."
    apart = f"{amount} {side} {unit}" if unit.startswith("in ") else f"{amount} {unit} {side}"
    if found["baseline"] == "persistence":
        return f"Not better than {rival}: {apart}, not distinguishable {bounds}."
    return f"Not distinguishable from {rival}: {apart} {bounds}."


def _of_yesterday(run: Mapping[str, Any]) -> str:
    """Where another rival is the best one, the reader still wants to know how persistence did: two plain numbers."""
    found, rivals = run.get("versus") or {}, run.get("baselines") or {}
    if found.get("baseline", "persistence") == "persistence" or "persistence" not in rivals:
        return ""
    metric = found["metric"]
    ours, last = (run.get("test") or {}).get(metric), rivals["persistence"].get(metric)
    if ours is None or last is None:
        return ""
    name = names.of(metric).name
    return f"For comparison, untested: {RIVALS['persistence']} has {name} {last:.4g}, this model {ours:.4g}."


def _numbers(share: bool, *values: float) -> list[str]:
    """Write values of one metric with the same decimals: as many as their interval deserves."""
    factor = 100.0 if share else 1.0
    width = factor * (values[-1] - values[-2])
    decimals = int(np.clip(1 - np.floor(np.log10(width)), 0, 8)) if width > 0 else 2
    if share:
        decimals = max(1, decimals - 1)
    return [f"{round(factor * value, decimals) + 0.0:,.{decimals}f}" for value in values]


def _p_value(p: float, least: float) -> str:
    return f"p < {least:g}" if p < least else f"p = {p:.2g}"
