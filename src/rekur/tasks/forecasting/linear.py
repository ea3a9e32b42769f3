"""The linear forecast that a network begins from, and has to better.

    y = W x + b        of a target's last n values x, in the size of their window

W and b are a mixture of a few forecasts of this form: the training windows' ridge regressions, drawn to "nothing
changes" and to "as a season ago", and simple rules, exponential smoothing among them where
windows are few. How much each counts is chosen on windows held out, by adding one after another whichever helps the
sum most (Caruana et al. 2004). NLinear (Zeng et al. 2023), seasonal naive and drift are among what can come out, so
that a network beginning here begins where the best of them stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rekur.config import ModelSettings
from rekur.evaluation.forecasting.metrics import mean_of_steps
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Origins, Windows

Floats = NDArray[np.float64]

LEARNED, JUDGED = 20_000, 4_000  # windows at most that maps are fitted on, and mixed by
SOME = 1_000  # windows cut at once
SEASONS = (1, 3, 6)  # whose mean a rule forecasts
FEW = 5_000  # training windows: of more, regression finds what exponential smoothing has to say
LEVELS, REPEATS = (0.1, 0.3, 0.7), (0.05, 0.2, 0.5)  # constants of exponential smoothing, of the level and the season
PENALTIES = np.logspace(-5, 3, 17)  # relative to the mean variance of the inputs
HELD = 0.2  # share of the training windows, the latest, that a penalty is chosen on
TINY = 1e-12
PICKS = 20  # members of the mixture, some of them several times


@dataclass(frozen=True)
class Examples:
    """Windows as a linear map reads them."""

    inputs: Floats  # (N, n + 1), the last of them 1
    target: Floats  # (N, h), 0 where missing
    weight: Floats  # (N, h), the errors that are scored are so many times as large; 0 where missing
    squared: bool  # whether squared errors are scored

    def error(self, forecast: Floats) -> float:
        """Return the mean error of forecasts (N, h), as it is scored."""
        errors = np.abs(forecast - self.target) * self.weight
        total = float(np.sum(np.square(errors) if self.squared else errors))
        return total / max(int(np.count_nonzero(self.weight)), 1)

    def rows(self, kept: NDArray[np.bool_]) -> Examples:
        """Return some of them."""
        return Examples(self.inputs[kept], self.target[kept], self.weight[kept], self.squared)

    def beside(self, other: Examples) -> Examples:
        """Return these and others."""
        inputs, target, weight = (
            np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("inputs", "target", "weight")
        )
        return Examples(inputs, target, weight, self.squared)


@dataclass(frozen=True)
class Linear:
    """The map; b beside the quantiles of what it leaves of windows it was not fitted on; and how it errs on those."""

    weight: Floats  # (h, n)
    offsets: Floats  # (h, Q), b plus a quantile each; (h, 1), b alone, where none are asked for
    error: float  # as it is scored


def fitted(
    windows: Windows, parts: Parts, data: ForecastData, settings: ModelSettings, season: int, seen: int = LEARNED
) -> Linear:
    """Fit the maps on the training windows, `seen` at most, and mix them.

    What is chosen, penalties and mixture, is chosen with maps of the earlier training windows, on the later ones and
    the validation part; then the same maps are fitted on all training windows.
    """
    origins = some(parts.train, seen)
    learned = _examples(windows, origins, data, settings)
    moments = parts.clock.at(origins[:, 0], origins[:, 1])
    bound = np.quantile(moments, 1 - HELD)
    late, early = moments >= bound, moments + data.horizon <= bound
    held = learned.rows(late)
    judged = held.beside(_examples(windows, some(parts.validation, JUDGED), data, settings))
    rules, drawn = _rules(settings.highway, data.horizon, season)
    if len(parts.train) <= FEW:
        rules += _smoothed(settings.highway, data.horizon, season)
    alike = np.ptp(learned.weight.max(axis=1)) == 0  # windows of one size: weighed or not, the map is the same
    asked = [(rules[towards], weighed) for towards in drawn for weighed in (False, True)[: 1 if alike else 2]]
    penalties = [_penalty(learned.rows(early), judged, *one) for one in asked]
    tried, maps = (
        [*rules, *(_ridge(part, *one, penalty) for one, penalty in zip(asked, penalties, strict=True))]
        for part in (learned.rows(early), learned)
    )
    counts = _mixture(tried, judged)
    before, mixed = (np.tensordot(counts, np.stack(found), 1) for found in (tried, maps))
    offsets = mixed[:, -1:]
    if settings.distribution == "quantiles":
        offsets = offsets + _quantiles(held, held.target - held.inputs @ before.T, data.levels)
    return Linear(mixed[:, :-1], offsets, judged.error(judged.inputs @ before.T))


def some(origins: Origins, most: int) -> Origins:
    """Return at most so many, evenly taken."""
    return origins[:: max(1, -(-len(origins) // most))]


def _quantiles(held: Examples, left: Floats, levels: tuple[float, ...]) -> Floats:
    """Return the quantiles (h, Q) of what is left of each step (N, h) about its median: b is to stay the forecast."""
    found = np.zeros((left.shape[1], len(levels)))
    for step, known in enumerate((held.weight > 0).T):
        if known.any():
            found[step] = np.quantile(left[known, step], levels) - np.median(left[known, step])
    return found


def _examples(windows: Windows, origins: Origins, data: ForecastData, settings: ModelSettings) -> Examples:
    """Cut windows some at a time: a window holds more than is kept of it."""
    spans = [origins[at : at + SOME] for at in range(0, max(1, len(origins)), SOME)]
    some = [_of_some(windows, span, data, settings) for span in spans]
    inputs, target, weight = (
        np.concatenate([getattr(one, name) for one in some]) for name in ("inputs", "target", "weight")
    )
    return Examples(inputs, target, weight, some[0].squared)


def _of_some(windows: Windows, origins: Origins, data: ForecastData, settings: ModelSettings) -> Examples:
    batch = windows.cut(origins)
    x, y = batch.past[:, -settings.highway :, 0].astype(np.float64), batch.target.astype(np.float64)
    if settings.residual:
        x, y = x - batch.past[:, -1:, 0], y - batch.past[:, -1:, 0]
    unit = batch.scale if data.units == "standard" else batch.scale * windows.pairs[origins[:, 0], 1]
    if data.log:  # an error of a logarithm is a share of the value
        unit = unit * np.nan_to_num(mean_of_steps(windows.truth(origins)))
    inputs = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    squared = data.metric in ("mse", "rmse")
    weight = np.sqrt(batch.weight) if squared else batch.weight
    return Examples(inputs, y, weight * unit[:, None], squared)


def _rules(n: int, h: int, season: int) -> tuple[list[Floats], list[int]]:
    """Return maps (h, n + 1) that need no fitting, and the places of those that fitted ones are drawn to.

    Nothing changes, drift, the last season, the mean of some.
    """
    last = np.zeros((h, n + 1))
    last[:, n - 1] = 1.0
    drift, ahead = last.copy(), np.arange(1, h + 1) / max(n - 1, 1)
    drift[:, n - 1] += ahead
    drift[:, 0] -= ahead
    found = [last, drift]
    for seasons in SEASONS if season > 1 else ():
        if seasons * season <= n:
            mean = np.zeros((h, n + 1))
            for back in range(1, seasons + 1):
                mean[np.arange(h), n - back * season + np.arange(h) % season] = 1 / seasons
            found.append(mean)
    return found, [0, 2][: 1 + (len(found) > 2)]


def _smoothed(n: int, h: int, season: int) -> list[Floats]:
    """Return maps of exponential smoothing; a season that is smoothed must have been seen twice."""
    season = season if 2 * season <= n else 1
    shares = REPEATS if season > 1 else (0.0,)
    return [_smoothing(n, h, season, level, repeats) for level in LEVELS for repeats in shares]


def _smoothing(n: int, h: int, season: int, level: float, repeats: float) -> Floats:
    """Return exponential smoothing without trend as a map (h, n + 1): every step is linear in the values before.

        e = x_t - l - s,    l += level e,    s += repeats (1 - level) e

    of the season's place s that t stands at; l begins as the mean of the first season, and s as what is above it.
    Sources: Brown 1959; Winters 1960.
    """
    values = np.eye(n, n + 1)
    mean = values[:season].mean(axis=0)
    places = values[:season] - mean
    for t in range(season, n):
        error = values[t] - mean - places[t % season]
        mean = mean + level * error
        places[t % season] += repeats * (1 - level) * error
    found: Floats = mean + places[(n + np.arange(h)) % season]
    return found


def _penalty(early: Examples, judged: Examples, towards: Floats, weighed: bool) -> float:
    """Return the penalty with which a map of the early windows errs least on others."""
    values, vectors, projected = _spectrum(early, towards, weighed)
    turned, start = judged.inputs @ vectors, judged.inputs @ towards.T
    errors = [judged.error(start + turned @ _shrunk(values, projected, penalty)) for penalty in PENALTIES]
    return float(PENALTIES[int(np.argmin(errors))])


def _ridge(known: Examples, towards: Floats, weighed: bool, penalty: float) -> Floats:
    """Return the map (h, n + 1) of least squared error, drawn to another."""
    values, vectors, projected = _spectrum(known, towards, weighed)
    found: Floats = towards + (vectors @ _shrunk(values, projected, penalty)).T
    return found


def _spectrum(known: Examples, towards: Floats, weighed: bool) -> tuple[Floats, Floats, Floats]:
    """Return eigenvalues and vectors of X'X, and X'Y in their axes: every penalty's solution from one decomposition.

    Y is what another map leaves of the windows whose steps are all known; `weighed`, errors count as they are scored,
    else in the size of their window.
    """
    whole = (known.weight > 0).all(axis=1)
    inputs = known.inputs[whole]
    left = known.target[whole] - inputs @ towards.T
    if weighed:
        size = known.weight[whole].mean(axis=1, keepdims=True)
        inputs, left = inputs * size, left * size
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    return np.maximum(values, 0.0), vectors, vectors.T @ (inputs.T @ left)


def _shrunk(values: Floats, projected: Floats, penalty: float) -> Floats:
    found: Floats = projected / (values + penalty * max(float(values.mean()), TINY))[:, None]
    return found


def _mixture(maps: list[Floats], judged: Examples) -> Floats:
    """Return how much each map counts: the share of `PICKS` picks, each because the mean with it errs least."""
    forecasts = [judged.inputs @ one.T for one in maps]
    counts, total = np.zeros(len(maps)), np.zeros_like(judged.target)
    for picked in range(1, PICKS + 1):
        best = int(np.argmin([judged.error((total + forecast) / picked) for forecast in forecasts]))
        counts[best] += 1 / PICKS
        total += forecasts[best]
    return counts
