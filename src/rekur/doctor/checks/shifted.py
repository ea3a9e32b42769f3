"""The forecast is the past, shifted: does it foresee anything that the last known value does not hold?

With p_t = y_{t-h} the last known value (persistence) and d_t = f_t - p_t the change foretold, the gain in squared error
over persistence splits exactly:

    (y_t - p_t)^2 - (y_t - f_t)^2  =  d_t (y_t - p_t)  +  d_t (y_t - f_t)

The mean of the first part is positive where the change is foreseen; that of the second is zero for every efficient
forecast, however weak (Mincer and Zarnowitz 1969), and negative where the change foretold is noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rekur.doctor.findings import CannotExamineError, Curve, Finding
from rekur.doctor.patient import Floats, Forecast
from rekur.evaluation.paired import Comparison, diebold_mariano
from rekur.wording import counted, form

FEWEST, MANY = 20, 50  # steps below which no test says anything, and above which less evidence does
LAGS = 20  # earlier values that are tried
PAIRS = 10  # steps that must be left to compare at a lag
NEAR, NEAR_SHORT = 0.1, 0.05  # of the error: closer to the last value gains 0.5 % at most; of fewer than MANY steps
NEAR_FURTHER = 0.3  # the same for a value further back, which an honest forecast seldom resembles
CLOSE, VERY_CLOSE = 0.5, 0.2  # of persistence's error: a foretold change smaller than this is small, very small
TINY = float(np.finfo(np.float64).tiny)
SURE = 0.02  # two-sided; the first part's, and the second's, which bounds the share of false faults at half of it
ALIKE = 0.9  # correlation of changes from which on the forecast is a function of one earlier value
GAIN = 0.99  # of persistence's error: less than this better is no gain
GOOD = 0.9  # of persistence's error, both without their bias: the forecast is good but for its bias
SURE_CENTRED = 0.001  # stricter: centred, noise goes with a random walk's changes (Dickey and Fuller 1979)
ALPHA = 0.05  # two-sided, for better and worse than persistence


def of_forecast(part: Forecast) -> Iterator[Finding]:
    """Yield what says that the forecast follows the truth instead of preceding it."""
    lagged = Lagged.of(part)
    if lagged.rmse == 0:
        return
    copied = lagged.copied()
    by_design = part.anchored and copied == lagged.h
    if copied is not None and not by_design:
        yield _copy(lagged, copied)
    elif lagged.verdict == "better":
        return
    elif not part.anchored and lagged.follows() and lagged.is_noise:
        yield _follows(lagged)
    elif lagged.verdict == "worse":
        yield _worse(lagged)
    elif lagged.told < CLOSE * lagged.persistence and not lagged.foresees:
        yield _hardly_more(lagged, part.anchored)


@dataclass(frozen=True)
class Lagged:
    """A forecast beside the values before it; all (N,), N the steps whose last known value is known."""

    y: Floats
    f: Floats
    last: Floats  # y_{t-h}
    h: int
    truth: Floats  # (M,), M >= N: the whole series, for the profile by lag
    prediction: Floats  # (M,)

    @classmethod
    def of(cls, part: Forecast) -> Lagged:
        """Return it, or raise CannotExamineError for what no test can read."""
        y, f, h = np.asarray(part.truth, float), np.asarray(part.prediction, float), int(part.horizon)
        if y.ndim != 1 or y.shape != f.shape:
            raise CannotExamineError(f"truth {y.shape} and forecast {f.shape} are not two series of one length")
        missing = int(np.sum(~np.isfinite(y) | ~np.isfinite(f)))
        if missing:
            raise CannotExamineError(
                f"{missing} of {counted(len(y), 'step')} {form(missing, 'has', 'have')} no number in the "
                "truth or the forecast"
            )
        known = part.before is not None and h == 1 and np.isfinite(part.before)
        earlier = np.concatenate([[part.before], y[:-1]]) if known else y[:-h]
        N = len(earlier)
        if max(FEWEST, 3 * h) > N:
            raise CannotExamineError(
                f"{counted(len(y), 'step')} {form(len(y), 'is', 'are')} too few; "
                f"{max(FEWEST, 3 * h) + h} or more are needed"
            )
        if np.ptp(y[-N:]) == 0 or np.array_equal(earlier, y[-N:]):
            raise CannotExamineError("the truth is constant")
        return cls(y[-N:], f[-N:], earlier, h, y, f)

    @cached_property
    def rmse(self) -> float:
        return _rms(self.f - self.y)

    @cached_property
    def persistence(self) -> float:
        return _rms(self.y - self.last)

    @cached_property
    def told(self) -> float:
        """Root mean square of the change foretold."""
        return _rms(self.f - self.last)

    @cached_property
    def skill(self) -> Comparison:
        return diebold_mariano((self.f - self.y) ** 2, (self.last - self.y) ** 2, self.h)

    @property
    def verdict(self) -> str:
        """Against persistence."""
        if self.skill.p_value >= ALPHA:
            return "not distinguishable"
        return "better" if self.skill.difference < 0 else "worse"

    @cached_property
    def foresees(self) -> bool:
        """Whether the change foretold goes with the change that came, as it is or once its bias is taken off."""
        told, came = self.f - self.last, self.y - self.last
        plain = self._mean(told * came)
        centred = self._mean((told - told.mean()) * (came - came.mean()))
        return any(found.difference > 0 and found.p_value < p for found, p in ((plain, SURE), (centred, SURE_CENTRED)))

    @cached_property
    def is_noise(self) -> bool:
        """Whether the change foretold is larger than anything that came of it, as no efficient forecast's is.

        A forecast that is a function of the last value alone is believed to be that on less evidence.
        """
        unbiased = float(np.std(self.f - self.y)) / max(float(np.std(self.y - self.last)), TINY)
        if self.rmse <= GAIN * self.persistence or unbiased < GOOD:
            return False
        if self.foresees and self.verdict != "worse":
            return False
        found = self._mean((self.f - self.last) * (self.y - self.f))
        alike = self.changes[self.h] >= ALIKE and len(self.y) >= MANY
        return alike or (found.difference < 0 and found.p_value < SURE)

    def _mean(self, products: Floats) -> Comparison:
        return diebold_mariano(products, np.zeros(len(products)), self.h)

    @cached_property
    def errors(self) -> Floats:
        """e(k), the root mean square of f_t - y_{t-k}, k = 0..K."""
        M = len(self.truth)
        most = min(LAGS + self.h - 1, M - PAIRS)
        return np.array([_rms(self.prediction[k:] - self.truth[: M - k]) for k in range(most + 1)])

    @cached_property
    def changes(self) -> Floats:
        """r(k), the correlation of the forecast's changes with the truth's changes k steps before, k = 0..K."""
        told, came = np.diff(self.prediction), np.diff(self.truth)
        most = min(LAGS + self.h - 1, len(came) // 3)
        return np.array([_correlation(told[k:], came[: len(came) - k]) for k in range(most + 1)])

    def copied(self) -> int | None:
        """Return the lag of the earlier value that the forecast is, None if it is none, or a better last one."""
        k = self.h + int(np.argmin(self.errors[self.h :]))
        distance = self.errors[k] / max(min(self.errors[0], float(np.std(self.truth[: len(self.truth) - k]))), TINY)
        if k == self.h:
            near = NEAR if len(self.y) >= MANY else NEAR_SHORT
            return k if distance <= near and self.verdict != "better" else None
        return k if distance <= (NEAR if self.of_use else NEAR_FURTHER) else None

    @property
    def of_use(self) -> bool:
        """Better than the last value, and than the mean: what a seasonal series' value a season before is."""
        return self.verdict == "better" and self.rmse < float(np.std(self.y))

    def follows(self) -> int | None:
        """Return the lag at which the forecast's changes go with the truth's; None: with today's or none."""
        if len(self.changes) <= self.h:
            return None
        k = self.h + int(np.argmax(self.changes[self.h :]))
        noise = 1 / np.sqrt(len(self.truth) - 1 - k)
        then, now = np.arctanh(np.clip([self.changes[k], self.changes[0]], -0.999999, 0.999999))
        return k if then > 3 * noise and then - now > np.sqrt(2) * noise else None


def _copy(lagged: Lagged, k: int) -> Finding:
    if not lagged.of_use:
        return Finding(
            "RK-SHIFT-01",
            "fault",
            f"The forecast is the value of {_steps(k)} before: it lies {_figure(lagged.errors[k])} from that one and "
            f"{_figure(lagged.errors[0])} from the value it should foretell.",
            CURE,
            _evidence(lagged) | {"lag": k},
            _curve(lagged),
        )
    return Finding(
        "RK-SHIFT-04",
        "warning",
        f"The forecast is the value of {_steps(k)} before and nothing more; it does beat the last value (RMSE "
        f"{_figure(lagged.rmse)} against {_figure(lagged.persistence)}), as a seasonal naive forecast may.",
        f"Judge the model against the value of {_steps(k)} before, not against the last one.",
        _evidence(lagged) | {"lag": k},
        _curve(lagged),
    )


CURE = (
    "Judge by skill against the last value, not by the picture; forecast the change, give inputs that know more than "
    "the past values, or report the last value as the forecast."
)


def _follows(lagged: Lagged) -> Finding:
    k = lagged.follows() or lagged.h
    return Finding(
        "RK-SHIFT-01",
        "fault",
        f"The forecast is the past, shifted: its changes go with the truth's of {_steps(k)} before (correlation "
        f"{lagged.changes[k]:.2f}) and not with those it should foretell ({lagged.changes[0]:.2f}); its RMSE is "
        f"{_figure(lagged.rmse)}, that of the last value {_figure(lagged.persistence)}.",
        CURE,
        _evidence(lagged) | {"lag": k},
        _curve(lagged),
    )


def _worse(lagged: Lagged) -> Finding:
    return Finding(
        "RK-SHIFT-02",
        "warning",
        f"The forecast is worse than repeating the last value: RMSE {_figure(lagged.rmse)} against "
        f"{_figure(lagged.persistence)} (Diebold-Mariano p = {lagged.skill.p_value:.2g}).",
        "Report the last value beside it; look for a bias, a wrong scale or too little training.",
        _evidence(lagged),
        _curve(lagged),
    )


def _hardly_more(lagged: Lagged, anchored: bool) -> Finding:
    return Finding(
        "RK-SHIFT-03",
        "warning" if lagged.told < VERY_CLOSE * lagged.persistence and not anchored else "note",
        f"The forecast is hardly more than the last value: it moves {_figure(lagged.told)} away from it, and its RMSE "
        f"of {_figure(lagged.rmse)} cannot be told from the last value's {_figure(lagged.persistence)}.",
        "Say so beside the result; more test steps, or inputs that know more than the past values, could decide it.",
        _evidence(lagged),
        _curve(lagged),
    )


def _evidence(lagged: Lagged) -> dict[str, float | str | int]:
    told, came = lagged.f - lagged.last, lagged.y - lagged.last
    return {
        "rmse": lagged.rmse,
        "rmse_of_persistence": lagged.persistence,
        "verdict_against_persistence": lagged.verdict,
        "p_value": lagged.skill.p_value,
        "correlation_of_changes": _correlation(told, came),
        "change_foretold": lagged.told,
        "best_lag": int(np.argmin(lagged.errors)),
        "steps": len(lagged.y),
        "horizon": lagged.h,
    }


def _curve(lagged: Lagged) -> Curve:
    lags = list(range(len(lagged.errors)))
    return Curve("Which value does the forecast match?", "steps back", "RMSE", lags, lagged.errors.tolist())


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return float(np.dot(a, b)) / scale if scale > 0 else 0.0


def _steps(k: int) -> str:
    return "one step" if k == 1 else f"{k} steps"


def _figure(value: float) -> str:
    return f"{value:.4g}"
