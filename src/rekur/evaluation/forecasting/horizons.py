"""How good a forecast is at each step ahead: its errors beside its rivals', its coverage beside nominal, a verdict.

The verdict at a step compares the model with the rival that is best at that step, by the test of Diebold and Mariano
with the correction of Harvey, Leybourne and Newbold, and Holm's correction for having asked at every step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.evaluation import paired
from rekur.evaluation.forecasting import metrics
from rekur.evaluation.forecasting.telling import ENOUGH
from rekur.evaluation.intervals import LEVEL, resampled_means
from rekur.evaluation.verdict import ALPHA
from rekur.notation import check_shape

Floats = NDArray[np.float64]

MOST = 48  # groups of steps; of a longer horizon neighbouring steps are taken together
DRAWS = 500
LOSSES = {"mae": metrics.absolute, "mse": metrics.squared, "rmse": metrics.squared, "smape": metrics.symmetric}


def groups(horizon: int, most: int = MOST) -> list[tuple[int, int]]:
    """Return the first and last step of each group: each step alone, or `most` groups about as long as each other.

    >>> groups(5, most=2)
    [(1, 3), (4, 5)]
    """
    edges = [round(horizon * i / min(horizon, most) + 1e-9) for i in range(min(horizon, most) + 1)]
    return [(first + 1, last) for first, last in pairwise(edges)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for asking them all (Holm 1979): sorted, times how many are left, never falling.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1))
    return [float(p) for p in np.round(np.minimum(corrected, 1.0), 12)]


def by_horizon(
    truth: ArrayLike,
    forecast: ArrayLike,
    rivals: Mapping[str, ArrayLike],
    *,
    metric: str = "mae",
    series: ArrayLike | None = None,
    moments: ArrayLike | None = None,
    every: int = 1,
    scales: ArrayLike | None = None,
    quantiles: ArrayLike | None = None,
    levels: Sequence[float] = (),
) -> dict[str, Any]:
    """Return what the report tells of each step ahead, as JSON.

    "steps": first and last of each group; "metric": what the errors are; "errors": who -> (G,); "coverage": per cent ->
    "nominal", "measured" (G,) and the ends of its 95 % interval "low", "high"; "verdicts": one a group.

    Args:
        truth, forecast: (N, h), windows of one series together, in the order of time; NaN is not known.
        rivals: name -> forecasts (N, h).
        metric: the verdict's; errors are absolute for mae, squared for mse and rmse, in per cent for smape. For mase,
            owa and the rest they are absolute, divided by `scales`.
        series: (N,) which series a window is of; None: all are of one.
        moments: (N,) when each is made, so that windows of several series are paired by it; None: in their order.
        every: steps between the origins of neighbouring windows.
        scales: (N,) MASE's scales.
        quantiles, levels: (N, h, Q), (Q,).
    """
    true = np.asarray(truth, dtype=np.float64)
    owners = np.zeros(len(true), dtype=np.int64) if series is None else np.unique(series, return_inverse=True)[1]
    check_shape("by_horizon", "series", owners.shape, N=len(true))
    when = _order(owners) if moments is None else np.asarray(moments, dtype=np.int64)
    check_shape("by_horizon", "moments", when.shape, N=len(true))
    of, name = _loss(metric, scales)
    parts = groups(true.shape[1])
    losses = {who: _grouped(of(true, guess), parts) for who, guess in {"ours": forecast, **rivals}.items()}
    errors = {who: _told(np.array([metrics.mean(column) for column in loss.T]), name) for who, loss in losses.items()}
    overlaps = [-(-last // every) for _, last in parts]
    found: dict[str, Any] = {"steps": [list(part) for part in parts], "metric": name, "errors": errors}
    found["verdicts"] = _verdicts(losses, owners, when, overlaps) if rivals else []
    found["coverage"] = {}
    if quantiles is not None:
        blocks = overlaps[-1] if _in_time(owners) else 1
        found["coverage"] = _coverage(true, np.asarray(quantiles, dtype=np.float64), levels, parts, blocks)
    return found


def _loss(metric: str, scales: ArrayLike | None) -> tuple[Any, str]:
    """Return the function of truth and forecast whose means are compared, and the name of those means."""
    if metric in LOSSES:
        return LOSSES[metric], metric
    if scales is None:
        return metrics.absolute, "mae"
    units = np.asarray(scales, dtype=np.float64)[:, None]
    return (lambda truth, forecast: metrics.absolute(truth, forecast) / units), "mase"


def _told(means: Floats, metric: str) -> list[float | None]:
    values = np.sqrt(means) if metric == "rmse" else means
    return [float(value) if np.isfinite(value) else None for value in values]


def _grouped(values: Floats, parts: Sequence[tuple[int, int]]) -> Floats:
    """Return the mean over the known steps of each group: (N, h) to (N, G)."""
    return np.stack([metrics.mean_of_steps(values[:, first - 1 : last]) for first, last in parts], axis=1)


def _verdicts(
    losses: Mapping[str, Floats], owners: NDArray[np.int64], when: NDArray[np.int64], overlaps: Sequence[int]
) -> list[dict[str, Any]]:
    rivals = {who: loss for who, loss in losses.items() if who != "ours"}
    found: list[dict[str, Any]] = []
    for group, overlap in enumerate(overlaps):
        means = {who: metrics.mean(loss[:, group]) for who, loss in rivals.items()}
        known = {who: value for who, value in means.items() if np.isfinite(value)}
        if not known:
            found.append({"rival": None, "p_value": None})
            continue
        best = min(known, key=lambda who: known[who])
        difference = losses["ours"][:, group] - rivals[best][:, group]
        found.append({"rival": best, **_tested(difference, owners, when, overlap)})
    tested = [one for one in found if one["p_value"] is not None]
    for one, p in zip(tested, holm([one["p_value"] for one in tested]), strict=True):
        one["p_holm"] = p
        one["verdict"] = "not distinguishable" if p >= ALPHA else "better" if one["difference"] < 0 else "worse"
    return [{"p_holm": None, "verdict": "not tested", **one} for one in found]


def _tested(difference: Floats, owners: NDArray[np.int64], when: NDArray[np.int64], overlap: int) -> dict[str, Any]:
    """Test whether the mean of N differences is 0.

    Where there are more origins than series, the mean over the series at each origin is a series in time whose
    neighbours overlap; else the mean over the origins of each series is one of M that are taken as independent.
    """
    known = np.isfinite(difference)
    difference, owners, when = difference[known], owners[known], when[known]
    in_time = _in_time(owners)
    places = np.unique(when if in_time else owners, return_inverse=True)[1]
    lags = overlap if in_time else 1
    means = np.bincount(places, difference) / np.bincount(places)
    mean = float(means.mean()) if len(means) else None
    if len(means) < ENOUGH * lags:
        return {"difference": mean, "interval": None, "p_value": None, "items": len(means)}
    tested = paired.diebold_mariano(means, np.zeros(len(means)), lags)
    found = {"difference": tested.difference, "interval": list(tested.interval), "p_value": tested.p_value}
    return {**found, "items": len(means)}


def _order(owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the how-manieth window of its series each one is, (N,)."""
    seen: Counter[int] = Counter()
    places = []
    for owner in owners.tolist():
        places.append(seen[owner])
        seen[owner] += 1
    return np.array(places, dtype=np.int64)


def _in_time(owners: NDArray[np.int64]) -> bool:
    counts = np.unique(owners, return_counts=True)[1]
    return bool(len(counts) and counts.max() > len(counts))


def _coverage(
    truth: Floats, quantiles: Floats, levels: Sequence[float], parts: Sequence[tuple[int, int]], block: int
) -> dict[str, Any]:
    found = {}
    for nominal, (low, high) in metrics.pairs_of(levels).items():
        hits = _grouped(metrics.inside(truth, quantiles[..., low], quantiles[..., high]), parts)
        known = np.isfinite(hits)
        columns = np.concatenate([np.where(known, hits, 0.0), known], axis=1)
        drawn = resampled_means(columns, 0, DRAWS, block)
        G = len(parts)
        shares = drawn[:, :G] / np.maximum(drawn[:, G:], np.finfo(np.float64).tiny)
        ends = np.quantile(shares, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
        found[f"{100 * nominal:g}"] = {
            "nominal": nominal,
            "measured": _told(np.array([metrics.mean(column) for column in hits.T]), ""),
            "low": ends[0].tolist(),
            "high": ends[1].tolist(),
        }
    return found
