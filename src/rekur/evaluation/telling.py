"""The verdict of a run for people, from its metrics.json alone: a word, and a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rekur.evaluation import names

LITTLE = 0.05  # of accuracy above the commonest class: nobody could use such a classifier
RIVALS = {
    "persistence": "repeating yesterday's value",
    "drift": "following the drift",
    "repeat the character read": "repeating the character it reads",
    "majority": "always naming the commonest class",
    "mean": "always saying the mean",
}


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
    accuracy = (run.get("test") or {}).get("accuracy")
    if found.get("verdict", "better") == "better":
        return _of_little(accuracy, found.get("rate"))
    subject = "The accuracy" if accuracy is None else f"The accuracy, {100 * accuracy:.1f} %,"
    rate, p = f"{100 * found['rate']:.1f} %", _p_value(found["p_value"], 1e-4)
    return f"{subject} is {found['verdict']} (the commonest class alone gives {rate}; {p})."


def _of_little(accuracy: float | None, rate: float | None) -> str:
    """On many test items a gain of no use is still significant; say how little it is."""
    if accuracy is None or rate is None or accuracy - rate >= LITTLE:
        return ""
    alone = f"the commonest class alone gives {100 * rate:.1f} %"
    return f"The accuracy, {100 * accuracy:.1f} %, is barely above chance ({alone})."


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
    rival = _called(run, found["baseline"])
    if found["verdict"] != "not distinguishable":
        return f"{found['verdict'].capitalize()} than {rival} by {amount} {unit} {bounds}."
    apart = f"{amount} {side} {unit}" if unit.startswith("in ") else f"{amount} {unit} {side}"
    if not gain:
        points = " points" if metric.share else ""
        bounds = f"(95 % interval of the difference {least} to {most}{points}, {_p_value(found['p_value'], least_p)})"
        apart = f"the same {metric.name}"
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
    return f"For comparison, untested: {_called(run, 'persistence')} has {name} {last:.4g}, this model {ours:.4g}."


def _called(run: Mapping[str, Any], baseline: str) -> str:
    if baseline == "persistence" and run.get("task") == "forecast":
        return "repeating the last value"  # a step may be an hour or a month there
    return RIVALS.get(baseline, baseline)


def _numbers(share: bool, *values: float) -> list[str]:
    """Write values of one metric with the same decimals: as many as their interval deserves."""
    factor = 100.0 if share else 1.0
    width = factor * (values[-1] - values[-2])
    decimals = min(8, max(0, 1 - math.floor(math.log10(width)))) if 0 < width < math.inf else 2
    if share:
        decimals = max(1, decimals - 1)
    return [f"{round(factor * value, decimals) + 0.0:,.{decimals}f}" for value in values]


def _p_value(p: float, least: float) -> str:
    return f"p < {least:g}" if p < least else f"p = {p:.2g}"
