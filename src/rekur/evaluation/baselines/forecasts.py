"""Forecasts of many steps that need no network: each reads histories and gives (N, h).

`histories` are N arrays (L_i,) of known values, oldest first, that end where the forecast begins; `season` is how many
steps a season has, 1 for none. Naive2, the test for seasons within it and Theta are those of the M4 competition.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.errors import DataError, MissingPackage
from rekur.evaluation.forecasting.seasons import is_seasonal
from rekur.notation import check_shape

Floats = NDArray[np.float64]
Histories = Sequence[NDArray[Any]]

COARSE = np.r_[1e-4, np.arange(0.1, 0.95, 0.1), 1 - 1e-4]  # smoothing constants that Theta tries
FINE = np.arange(-0.09, 0.095, 0.01)  # and then around the best of them
RECENT = 20  # seasons that ETS is fitted on: what lies further back moves its states no more
LEAST = 200  # values, where seasons are short
FREE_FORM = 12  # the longest season for which ETS chooses among all its forms; beyond, that takes seconds a series
LONGEST = 48  # the longest season that ETS can hold as states
PENALTIES = np.logspace(-4, 4, 17)  # of NLinear, relative to the mean variance of its inputs


def persistence(histories: Histories, horizon: int, season: int = 1) -> Floats:  # noqa: ARG001
    """Forecast that nothing changes: the last value, h times.

    >>> persistence([np.array([1.0, 3.0])], 2)
    array([[3., 3.]])
    """
    last = [history[-1] for history in _checked("persistence", histories)]
    return np.repeat(np.array(last)[:, None], horizon, axis=1)


def seasonal_naive(histories: Histories, horizon: int, season: int) -> Floats:
    """Forecast the value of one season before; where a history has no whole season, its last value.

    >>> seasonal_naive([np.array([1.0, 2.0, 3.0])], 3, season=2)
    array([[2., 3., 2.]])
    """
    places = np.arange(horizon) % season
    known = _checked("seasonal_naive", histories)
    return np.stack([h[-season:][places] if len(h) >= season else np.full(horizon, h[-1]) for h in known])


def drift(histories: Histories, horizon: int, season: int = 1) -> Floats:  # noqa: ARG001
    """Forecast the average step so far, again and again: y_L + k (y_L - y_1) / (L - 1)."""
    known = _checked("drift", histories)
    last = np.array([h[-1] for h in known])
    slope = np.array([(h[-1] - h[0]) / max(len(h) - 1, 1) for h in known])
    return last[:, None] + slope[:, None] * np.arange(1, horizon + 1)


def naive2(histories: Histories, horizon: int, season: int) -> Floats:
    """Forecast the last value without its season, times the season again, where a test finds one (M4's Naive2)."""
    forecasts = []
    for history in _checked("naive2", histories):
        level, factors = deseasonalised(history, season)
        forecasts.append(level[-1] * _ahead(factors, len(history), horizon))
    return np.stack(forecasts)


def theta(histories: Histories, horizon: int, season: int, series: Sequence[Hashable] | None = None) -> Floats:
    """Forecast by the Theta method (Assimakopoulos and Nikolopoulos 2000), as M4 computes it.

    Of the series without its season: the mean of its straight line, and of exponential smoothing of the line mirrored
    at it, 2 y_t - line_t; times the season again. The smoothing constant is fitted on the first history of each
    `series` (N,), as in `ets`; None: on every history.
    """
    fitted: dict[Hashable, tuple[float, float]] = {}
    forecasts = []
    known = _checked("theta", histories)
    for owner, history in zip(_owners(series, known), known, strict=True):
        level, factors = deseasonalised(history, season)
        steps = np.arange(1, len(level) + 1, dtype=np.float64) - (len(level) + 1) / 2
        slope = np.dot(steps, level) / max(np.dot(steps, steps), 1.0)
        mirrored = 2 * level - (level.mean() + slope * steps)
        if owner not in fitted:
            fitted[owner] = smoothing(mirrored)
        line = level.mean() + slope * (steps[-1] + np.arange(1, horizon + 1))
        flat = _smoothed(mirrored, *fitted[owner])
        forecasts.append((line + flat) / 2 * _ahead(factors, len(history), horizon))
    return np.stack(forecasts)


def smoothing(series: Floats) -> tuple[float, float]:
    """Return the constant and the start of simple exponential smoothing with the least squares of one step ahead.

    l_t = alpha y_t + (1 - alpha) l_(t-1); alpha to two decimals, first among tenths, then around the best of them.
    """
    _, tenth, _ = min(_smoothing_with(series, alpha) for alpha in COARSE)
    near = np.clip(tenth + FINE, 1e-4, 1 - 1e-4)
    return min(_smoothing_with(series, alpha) for alpha in near)[1:]


def _smoothing_with(series: Floats, alpha: float) -> tuple[float, float, float]:
    """Return squared error, alpha and the start l_0, a straight line's solution: every error is linear in l_0."""
    errors = series - np.r_[0.0, _levels(series, alpha)[:-1]]
    weight = (1 - alpha) ** np.arange(len(series))
    start = float(np.dot(weight, errors) / np.dot(weight, weight))
    return float(np.sum(np.square(errors - start * weight))), float(alpha), start


def _levels(series: Floats, alpha: float) -> Floats:
    """Return the smoothed level after every step (L,), started from 0."""
    from scipy.signal import lfilter  # slow to load, and only Theta filters

    return np.asarray(lfilter([alpha], [1.0, alpha - 1.0], series), dtype=np.float64)


def _smoothed(series: Floats, alpha: float, start: float) -> float:
    return float(_levels(series, alpha)[-1] + (1 - alpha) ** len(series) * start)


def _owners(series: Sequence[Hashable] | None, histories: Sequence[Floats]) -> Sequence[Hashable]:
    owners = range(len(histories)) if series is None else series
    check_shape("baselines", "series", (len(owners),), N=len(histories))
    return owners


def deseasonalised(history: Floats, season: int) -> tuple[Floats, Floats]:
    """Return a history (L,) divided by its seasonal factors, and those factors (season,), the first of step 0.

    Classical multiplicative decomposition with a centred moving average, as in M4; factors 1 where the test of
    `seasons.is_seasonal` finds no season, or where a value is not positive: then there is nothing to divide by.
    """
    ones = np.ones(season)
    if season < 2 or (history <= 0).any() or not is_seasonal(history, season):
        return history, ones
    kernel = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    trend = np.convolve(history, kernel / season, mode="valid")
    before = (len(history) - len(trend)) // 2
    ratios = np.full(len(history), np.nan)
    ratios[before : before + len(trend)] = history[before : before + len(trend)] / trend
    factors = np.array([np.nanmean(ratios[place::season]) for place in range(season)])
    factors /= factors.mean()
    return history / factors[np.arange(len(history)) % season], factors


def _ahead(factors: Floats, length: int, horizon: int) -> Floats:
    return factors[np.arange(length, length + horizon) % len(factors)]


def ets(
    histories: Histories,
    horizon: int,
    season: int,
    series: Sequence[Hashable] | None = None,
    ends: Sequence[int] | None = None,
) -> Floats:
    """Forecast by exponential smoothing in state space, its form chosen by AICc (Hyndman et al. 2002; statsforecast).

    Fitted once a series, on the first history of it in `histories`; its later windows move the states on with the
    parameters kept, so thousands of windows take seconds. Fitted on the last `RECENT` seasons (at least `LEAST`
    values). Seasons up to 12 choose among all forms, up to 48 among additive ones; longer ones are left out.

    Args:
        series: which series each history is of, (N,); None: each is one of its own.
        ends: the place in its series where each history ends, (N,); None: histories are whole, from their first value.

    Raises MissingPackage where statsforecast is not installed.
    """
    models = _statsforecast()
    form = "ZZZ" if season <= FREE_FORM else "AZA" if season <= LONGEST else "ZZN"
    length = season if season <= LONGEST else 1
    recent = max(RECENT * length, LEAST)
    fitted: dict[Hashable, tuple[Any, int]] = {}  # the model, and the place in the series that its states begin at
    forecasts = []
    known = _checked("ets", histories)
    stops = [len(whole) for whole in known] if ends is None else ends
    for owner, whole, end in zip(_owners(series, known), known, stops, strict=True):
        history = whole[-recent:]
        begin = int(end) - len(history)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if owner not in fitted:
                fitted[owner] = _fitted(models, history, length, form), begin
            model, first = fitted[owner]
            same_season = history[(first - begin) % length :]
            forecasts.append(_continued(model, same_season, horizon))
    return np.stack(forecasts)


def _fitted(models: Any, history: Floats, season: int, form: str) -> Any:
    """Return a fitted model, None where the history is too short or too even for any."""
    long_enough = len(history) >= max(2 * season, 4)
    try:
        return models.AutoETS(season_length=season if long_enough else 1, model=form if long_enough else "ZZN").fit(
            history
        )
    except Exception:  # statsforecast raises whatever its optimiser meets; persistence then stands in
        logging.getLogger(__name__).debug("ETS could not be fitted", exc_info=True)
        return None


def _continued(model: Any, history: Floats, horizon: int) -> Floats:
    if model is not None:
        found = np.asarray(model.forward(y=history, h=horizon)["mean"], dtype=np.float64)
        if np.isfinite(found).all():
            return found
    return np.full(horizon, history[-1])


def _statsforecast() -> Any:
    try:
        from statsforecast import models
    except ImportError:
        raise MissingPackage(
            "The rival ETS needs statsforecast, which is not installed. Install it with: pip install rekur[forecast]"
        ) from None
    return models


def nlinear(windows: ArrayLike, targets: ArrayLike, tests: ArrayLike, scaled: bool = False) -> Floats:
    """Forecast by one linear map of the window to all steps, from the last value on (NLinear; Zeng et al. 2023).

    y_hat = x_T + W (x - x_T) + b, by ridge regression; its penalty has the least error on the last fifth of the
    training windows, and is then fitted on all of them. Windows are (N, T), oldest first, targets (N, h), tests
    (M, T); returns (M, h).

    Args:
        scaled: divide each window by its own mean absolute distance from its last value: series of different sizes.
    """
    x, y, z = (np.asarray(values, dtype=np.float64) for values in (windows, targets, tests))
    check_shape("nlinear", "windows", x.shape, N=None, T=None)
    check_shape("nlinear", "targets", y.shape, N=len(x), h=None)
    check_shape("nlinear", "tests", z.shape, M=None, T=x.shape[1])
    if len(x) < 2:
        raise DataError(f"nlinear: at least 2 training windows are needed; got N={len(x)}. Give a longer history.")
    last, test_last = x[:, -1:], z[:, -1:]
    size, test_size = (_size(v) if scaled else np.ones((len(v), 1)) for v in (x, z))
    inputs, wanted = _with_one((x - last) / size), (y - last) / size
    held = max(1, len(x) // 5)
    penalty = _best_penalty(inputs[:-held], wanted[:-held], inputs[-held:], wanted[-held:])
    values, vectors, projected = _spectrum(inputs, wanted)
    weights = vectors @ (projected / (values + penalty * values.mean())[:, None])
    ahead = _with_one((z - test_last) / test_size) @ weights
    return np.asarray(test_last + test_size * ahead, dtype=np.float64)


def _size(windows: Floats) -> Floats:
    size = np.abs(windows - windows[:, -1:]).mean(axis=1, keepdims=True)
    return np.where(size > 0, size, 1.0)


def _with_one(inputs: Floats) -> Floats:
    return np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)


def _spectrum(inputs: Floats, wanted: Floats) -> tuple[Floats, Floats, Floats]:
    """Return eigenvalues and vectors of X'X, and X'Y in their axes: every penalty's solution from one decomposition."""
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    return np.maximum(values, 0.0), vectors, vectors.T @ (inputs.T @ wanted)


def _best_penalty(inputs: Floats, wanted: Floats, held: Floats, held_wanted: Floats) -> float:
    values, vectors, projected = _spectrum(inputs, wanted)
    turned, average = held @ vectors, max(float(values.mean()), np.finfo(np.float64).tiny)
    errors = [
        np.mean(np.square(turned @ (projected / (values + penalty * average)[:, None]) - held_wanted))
        for penalty in PENALTIES
    ]
    return float(PENALTIES[int(np.argmin(errors))])


def _checked(who: str, histories: Histories) -> list[Floats]:
    known = [np.asarray(history, dtype=np.float64) for history in histories]
    if not known:
        raise DataError(f"{who}: there is no history to forecast from; got N=0. Give at least one.")
    for i, history in enumerate(known):
        check_shape(who, f"history {i}", history.shape, L=None)
        if not len(history) or not np.isfinite(history).all():
            raise DataError(
                f"{who}: history {i} must have at least one value, all of them finite; got {len(history)} values, "
                f"{int(np.count_nonzero(~np.isfinite(history)))} not finite. Fill gaps first."
            )
    return known
