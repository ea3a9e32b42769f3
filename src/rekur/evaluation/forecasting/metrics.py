"""Metrics of forecasts over several steps, computed by the rules of the M4 competition.

Letters: N forecasts (windows or series), h steps ahead, Q levels. A true value that is NaN is not known and is not
counted. Every `..._of_each` gives one figure a forecast (N,), the mean over its known steps; the figure of a test is
the mean of those, as in M4, so that intervals and paired tests can draw forecasts again.

Source: Makridakis, Spiliotis and Assimakopoulos (2020), "The M4 Competition: 100,000 time series and 61 forecasting
methods", and the competition's own R code; CRPS and pinball: Gneiting and Raftery (2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.errors import DataError
from rekur.notation import check_shape

Floats = NDArray[np.float64]


def mean_of_steps(values: ArrayLike) -> Floats:
    """Return the mean over the known steps of each forecast: (N, h) to (N,), NaN where none is known."""
    found = np.asarray(values, dtype=np.float64)
    known = np.isfinite(found)
    count = known.sum(axis=1)
    total = np.where(known, found, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(found), np.nan), where=count > 0), dtype=np.float64)


def mean(items: ArrayLike) -> float:
    """Return the mean of the figures that are known, NaN if there is none."""
    found = np.asarray(items, dtype=np.float64)
    found = found[np.isfinite(found)]
    return float(found.mean()) if len(found) else float("nan")


def absolute(truth: ArrayLike, forecast: ArrayLike) -> Floats:
    """Return |y - y_hat| of every step (N, h)."""
    true, guess = _pair("absolute", truth, forecast)
    return np.abs(true - guess)


def squared(truth: ArrayLike, forecast: ArrayLike) -> Floats:
    """Return (y - y_hat)^2 of every step (N, h)."""
    true, guess = _pair("squared", truth, forecast)
    return np.square(true - guess)


def symmetric(truth: ArrayLike, forecast: ArrayLike) -> Floats:
    """Return 200 |y - y_hat| / (|y| + |y_hat|) of every step (N, h), in per cent; 0 where both are 0."""
    true, guess = _pair("symmetric", truth, forecast)
    size = np.abs(true) + np.abs(guess)
    return np.where(size == 0, 0.0, 200.0 * np.abs(true - guess) / np.where(size == 0, 1.0, size))


def scale_of(history: ArrayLike, season: int = 1) -> float:
    """Return MASE's scale of a history (L,): the mean |y_t - y_(t-season)|, what seasonal naive is off by in it.

    NaN where that is 0 or the history is not longer than the season: such a series has no MASE. Values not known
    (NaN) count in no difference.

    >>> scale_of([1.0, 2.0, 4.0])
    1.5
    """
    known = np.asarray(history, dtype=np.float64)
    if len(known) <= season:
        return float("nan")
    moved = np.abs(known[season:] - known[:-season])
    moved = moved[np.isfinite(moved)]
    return float(moved.mean()) if len(moved) and moved.any() else float("nan")


def scales_of(histories: Sequence[ArrayLike], season: int = 1) -> Floats:
    """Return MASE's scale of each history: (N,). Give the whole history before the test part, as M4 does."""
    return np.array([scale_of(history, season) for history in histories])


def mae(truth: ArrayLike, forecast: ArrayLike) -> float:
    """Return the mean absolute error, in the unit of the series."""
    return mean(mean_of_steps(absolute(truth, forecast)))


def mse(truth: ArrayLike, forecast: ArrayLike) -> float:
    """Return the mean squared error, in the squared unit of the series."""
    return mean(mean_of_steps(squared(truth, forecast)))


def rmse(truth: ArrayLike, forecast: ArrayLike) -> float:
    """Return the root of the mean squared error, in the unit of the series."""
    return float(np.sqrt(mse(truth, forecast)))


def smape(truth: ArrayLike, forecast: ArrayLike) -> float:
    """Return the symmetric mean absolute percentage error, 0 to 200, in per cent.

    >>> smape([[1.0, 3.0]], [[1.0, 1.0]])
    50.0
    """
    return mean(mean_of_steps(symmetric(truth, forecast)))


def mase(truth: ArrayLike, forecast: ArrayLike, scales: ArrayLike) -> float:
    """Return the mean absolute scaled error; `scales` (N,) as `scales_of` gives them."""
    return mean(mean_of_steps(absolute(truth, forecast)) / _scales("mase", truth, scales))


def owa(smape: float, mase: float, smape_of_naive2: float, mase_of_naive2: float) -> float:
    """Return M4's overall weighted average: sMAPE and MASE, each relative to Naive2's, averaged; below 1 is better.

    >>> owa(8.0, 1.0, 16.0, 2.0)
    0.5
    """
    return 0.5 * (smape / smape_of_naive2 + mase / mase_of_naive2)


def pinball(truth: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Floats:
    """Return the quantile loss of every step and level: (N, h, Q) max(tau (y - q), (tau - 1) (y - q))."""
    true, bands, tau = _bands("pinball", truth, quantiles, levels)
    over = true[..., None] - bands
    return np.maximum(tau * over, (tau - 1) * over)


def pinball_of_each(truth: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Floats:
    """Return the quantile loss of each forecast (N,): the mean over its known steps and the levels."""
    return mean_of_steps(pinball(truth, quantiles, levels).mean(axis=2))


def crps_of_each(truth: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Floats:
    """Return the continuous ranked probability score of each forecast (N,), in the unit of the series.

    CRPS = 2 * integral of the quantile loss over the levels 0 to 1. Each level stands for the part of 0..1 that is
    nearest to it, so uneven levels count evenly, and the score of a forecast without spread is its absolute error.
    """
    tau = np.asarray(levels, dtype=np.float64)
    edges = np.concatenate([[0.0], (tau[1:] + tau[:-1]) / 2, [1.0]])
    return mean_of_steps(2.0 * pinball(truth, quantiles, levels) @ np.diff(edges))


def crps(truth: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> float:
    """Return the continuous ranked probability score; see `crps_of_each`."""
    return mean(crps_of_each(truth, quantiles, levels))


def inside(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> Floats:
    """Return 1 where low <= y <= high, else 0: (N, h), NaN where y is not known."""
    true, below = _pair("inside", truth, low)
    above = _pair("inside", truth, high)[1]
    return np.where(np.isfinite(true), ((true >= below) & (true <= above)).astype(np.float64), np.nan)


def coverage(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Return the share of true values within the interval, ends included.

    >>> coverage([[1.0, 5.0]], [[0.0, 0.0]], [[2.0, 2.0]])
    0.5
    """
    return mean(mean_of_steps(inside(truth, low, high)))


def width(low: ArrayLike, high: ArrayLike) -> float:
    """Return the mean width of the interval, in the unit of the series."""
    return float(np.mean(np.asarray(high, dtype=np.float64) - np.asarray(low, dtype=np.float64)))


def pairs_of(levels: ArrayLike) -> dict[float, tuple[int, int]]:
    """Return the central intervals among `levels`: nominal coverage -> (place of low, place of high), widest first.

    >>> pairs_of([0.05, 0.25, 0.5, 0.75, 0.95])
    {0.9: (0, 4), 0.5: (1, 3)}
    """
    tau = np.round(np.asarray(levels, dtype=np.float64), 9).tolist()
    found = {}
    for low, level in enumerate(tau):
        opposite = round(1 - level, 9)
        if level < 0.5 and opposite in tau:
            found[round(opposite - level, 9)] = (low, tau.index(opposite))
    return dict(sorted(found.items(), reverse=True))


def _pair(who: str, truth: ArrayLike, forecast: ArrayLike) -> tuple[Floats, Floats]:
    true, guess = np.asarray(truth, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    check_shape(who, "truth", true.shape, N=None, h=None)
    check_shape(who, "forecast", guess.shape, N=len(true), h=true.shape[1])
    return true, guess


def _bands(who: str, truth: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> tuple[Floats, Floats, Floats]:
    true, bands, tau = (np.asarray(values, dtype=np.float64) for values in (truth, quantiles, levels))
    check_shape(who, "truth", true.shape, N=None, h=None)
    check_shape(who, "quantiles", bands.shape, N=len(true), h=true.shape[1], Q=len(tau))
    if not len(tau) or (np.diff(tau) <= 0).any() or tau[0] <= 0 or tau[-1] >= 1:
        raise DataError(f"{who}: levels must rise between 0 and 1, ends left out; got {tau.tolist()}. Sort them.")
    return true, bands, tau


def _scales(who: str, truth: ArrayLike, scales: ArrayLike) -> Floats:
    found = np.asarray(scales, dtype=np.float64)
    check_shape(who, "scales", found.shape, N=len(np.asarray(truth)))
    return found
