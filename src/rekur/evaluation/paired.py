"""Paired tests: two models on the same items, item by item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from rekur.errors import DataError
from rekur.evaluation.intervals import DRAWS, LEVEL, Statistic, ends, resampled_means
from rekur.notation import check_shape

Floats = NDArray[np.float64]

FEW = 25  # discordant pairs below which the chi-square approximation of McNemar's test is poor


@dataclass(frozen=True)
class Comparison:
    """Model a against model b."""

    difference: float  # a - b
    interval: tuple[float, float]  # 95 %, of the difference
    p_value: float  # two-sided; of a difference this large, were there none
    statistic: float


def mcnemar(right_a: ArrayLike, right_b: ArrayLike) -> Comparison:
    """Compare two classifiers by the items only one of them gets right; `right_a`, `right_b` (N,) are 1/0.

    With b items right in a alone and c in b alone: exact binomial for b + c < 25, else
    chi^2 = (|b - c| - 1)^2 / (b + c) with one degree of freedom (McNemar 1947, Edwards 1948).
    Interval of the difference (b - c) / N: Bonett and Price 2012.
    """
    a, b = _pair("mcnemar", right_a, right_b)
    alone_a, alone_b = int(np.sum((a == 1) & (b == 0))), int(np.sum((a == 0) & (b == 1)))
    apart, n = alone_a + alone_b, len(a)
    if apart < FEW:
        statistic = float(min(alone_a, alone_b))
        p_value = float(stats.binomtest(alone_a, apart).pvalue) if apart else 1.0
    else:
        statistic = max(abs(alone_a - alone_b) - 1, 0) ** 2 / apart
        p_value = float(stats.chi2.sf(statistic, 1))
    share_a, share_b = (alone_a + 1) / (n + 2), (alone_b + 1) / (n + 2)
    half = stats.norm.ppf(0.5 + LEVEL / 2) * np.sqrt((share_a + share_b - (share_a - share_b) ** 2) / (n + 2))
    low, high = max(-1.0, float(share_a - share_b - half)), min(1.0, float(share_a - share_b + half))
    return Comparison((alone_a - alone_b) / n, (low, high), p_value, statistic)


def diebold_mariano(loss_a: ArrayLike, loss_b: ArrayLike, horizon: int = 1) -> Comparison:
    """Compare two forecasts by their losses (N,) in time order, of forecasts `horizon` steps ahead.

    d = loss_a - loss_b; DM = mean(d) / sqrt(V), V = (gamma_0 + 2 sum_{k<h} gamma_k) / N (Diebold and Mariano
    1995); times sqrt((N + 1 - 2h + h(h-1)/N) / N) and read from Student's t with N - 1 degrees of freedom
    (Harvey, Leybourne and Newbold 1997). Where V is not positive, Bartlett's weights 1 - k/h replace 1.
    """
    a, b = _pair("diebold_mariano", loss_a, loss_b)
    n, h = len(a), horizon
    if not 1 <= h < n:
        raise DataError(f"diebold_mariano: horizon must be 1..N-1 (N={n}); got {h}. Give more test items.")
    d = a - b
    mean = float(d.mean())
    lags = np.array([np.dot(d[k:] - mean, d[: n - k] - mean) / n for k in range(h)])
    variance = (lags[0] + 2 * lags[1:].sum()) / n
    if variance <= 0:
        variance = (lags[0] + 2 * np.dot(1 - np.arange(1, h) / h, lags[1:])) / n
    error = float(np.sqrt(max(variance, 0.0) / ((n + 1 - 2 * h + h * (h - 1) / n) / n)))
    if error == 0.0:
        return Comparison(mean, (mean, mean), 1.0 if mean == 0 else 0.0, 0.0 if mean == 0 else float(np.inf))
    statistic = mean / error
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1)) * error
    p_value = float(2 * stats.t.sf(abs(statistic), n - 1))
    return Comparison(mean, (mean - half, mean + half), p_value, statistic)


def paired_bootstrap(
    items_a: ArrayLike, items_b: ArrayLike, seed: int = 0, block: int = 1, statistic: Statistic | None = None
) -> Comparison:
    """Compare two models by the difference of a statistic over resampled items, the same items for both.

    Items are (N,) or (N, k) columns; `statistic` maps their means as in `intervals.bootstrap`, None: as is.
    p = 2 (1 + resamples on the other side of 0) / (1 + resamples), so never below 2 / 2001.
    """
    a, b = _pair("paired_bootstrap", items_a, items_b)
    value: Statistic = statistic or (lambda means: means)
    # Equal seeds and shapes draw equal items, which is what makes the comparison paired.
    drawn = value(resampled_means(a, seed, block=block)) - value(resampled_means(b, seed, block=block))
    difference = float((value(a.mean(axis=0)[None]) - value(b.mean(axis=0)[None]))[0])
    other_side = min(int(np.sum(drawn <= 0)), int(np.sum(drawn >= 0)))
    p_value = min(1.0, 2 * (1 + other_side) / (1 + DRAWS))
    return Comparison(difference, ends(drawn), p_value, difference)


def _pair(who: str, a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(left) == 0:
        raise DataError(f"{who}: there are no items to compare; got N=0.")
    expected = {"N": len(left), **({"k": left.shape[1]} if left.ndim == 2 else {})}
    check_shape(who, "the second model's items", right.shape, **expected)
    return left, right
