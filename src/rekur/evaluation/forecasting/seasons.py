"""How long a season is, found by the data: which lag of its own past a series repeats.

M4's test asks whether the autocorrelation at the season's lag stands out. Of a random walk every lag stands out, so
`find` first takes the moving average of one season away. What is left of a random walk has no correlation with itself
a season before, because the two are made of steps that do not overlap; a season is left as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]

M4_CRITICAL = 1.645  # of M4's test: 90 %, two-sided
LEAST_SEASONS = 3  # a season must have been seen this often
FALSE_ALARM = 0.05  # how often a series without a season may be said to have one, over all candidates together
NEAR = 0.9  # of two candidates about as strong, the shorter: every multiple of a season repeats, too
MOST = 200  # series of a panel that are looked at
COMMON = (4, 7, 12, 24, 52)  # where nothing is known of the steps

# seconds between steps -> seasons people live by: a day, a week, a year
BY_STEP = {
    60: (60, 1440),
    300: (12, 288),
    600: (6, 144, 1008),
    900: (4, 96, 672),
    1800: (48, 336),
    3600: (24, 168),
    86400: (7, 365),
    604800: (52, 4),
    2592000: (12, 3),
    7776000: (4,),
    31536000: (),
}


def candidates(seconds: float | None = None) -> tuple[int, ...]:
    """Return the seasons worth testing where steps are about `seconds` apart; `COMMON` where that is not known.

    >>> candidates(3600)
    (24, 168)
    """
    if not seconds:
        return COMMON
    step = min(BY_STEP, key=lambda known: abs(np.log(known / seconds)))
    if 0.85 <= seconds / step <= 1.15:
        return BY_STEP[step]
    periods = (round(length / seconds) for length in (3600, 86400, 604800, 31557600))
    return tuple(dict.fromkeys(period for period in periods if 2 <= period <= 1500))


def autocorrelation(series: ArrayLike, lags: int) -> Floats:
    """Return r_1..r_lags of a series (L,): sum (y_t - m)(y_(t-k) - m) / sum (y_t - m)^2; zeros for a constant."""
    values = np.asarray(series, dtype=np.float64)
    values = values - values.mean()
    total = float(np.dot(values, values))
    if total <= 0:
        return np.zeros(lags)
    size = 1 << int(np.ceil(np.log2(2 * len(values))))
    power = np.abs(np.fft.rfft(values, size)) ** 2
    return np.asarray(np.fft.irfft(power, size)[1 : lags + 1] / total, dtype=np.float64)


def is_seasonal(history: ArrayLike, season: int, critical: float = M4_CRITICAL) -> bool:
    """Say whether a history (L,) passes M4's test for a season: |r_m| > 1.645 sqrt((1 + 2 sum_(i<m) r_i^2) / L).

    A history of less than three seasons does not.
    """
    values = np.asarray(history, dtype=np.float64)
    if season < 2 or len(values) < LEAST_SEASONS * season:
        return False
    return bool(abs(_strength(autocorrelation(values, season), len(values))) > critical)


def _strength(r: Floats, length: int) -> float:
    """Return the last autocorrelation in units of its standard error (Bartlett)."""
    return float(r[-1] / np.sqrt((1 + 2 * np.sum(r[:-1] ** 2)) / length))


def find(series: ArrayLike, tried: Sequence[int] = COMMON) -> int:
    """Return the season of a series (L,), one of `tried`, or 1 where none stands out.

    One-sided test of each candidate on the series less its moving average over that many steps, at 5 % over all
    candidates together (Bonferroni). Among those that pass the highest autocorrelation wins, or a shorter season
    nearly as high.

    >>> find(np.tile([1.0, 2.0, 9.0, 4.0, 5.0, 1.0, 3.0], 20))
    7
    """
    found = _found(np.asarray(series, dtype=np.float64), tried)
    if not found:
        return 1
    highest = max(found.values())
    return min(season for season, height in found.items() if height >= NEAR * highest)


def _found(values: Floats, tried: Sequence[int]) -> dict[int, float]:
    """Return the candidates that pass, and their autocorrelation."""
    values = _filled(values)
    possible = [season for season in tried if season >= 2 and len(values) >= (LEAST_SEASONS + 1) * season]
    critical = float(stats.norm.ppf(1 - FALSE_ALARM / max(len(possible), 1)))
    passed = {}
    for season in possible:
        rest = _less_trend(values, season)
        r = autocorrelation(rest, season)
        if r[-1] > 0 and _strength(r, len(rest)) > critical:
            passed[season] = float(r[-1])
    return passed


def of_panel(histories: Sequence[ArrayLike], tried: Sequence[int] = COMMON) -> int:
    """Return the season that most of up to 200 of the series share, 1 where more than half have none."""
    rows = np.unique(np.linspace(0, len(histories) - 1, min(len(histories), MOST)).astype(int))
    votes = [find(histories[row], tried) for row in rows]
    seasonal = [vote for vote in votes if vote > 1]
    if 2 * len(seasonal) <= len(votes):
        return 1
    return int(np.bincount(seasonal).argmax())


def _less_trend(values: Floats, season: int) -> Floats:
    kernel = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    trend = np.convolve(values, kernel / season, mode="valid")
    before = (len(values) - len(trend)) // 2
    return values[before : before + len(trend)] - trend


def _filled(values: Floats) -> Floats:
    """Carry the last known value over gaps, and drop what comes before the first."""
    known = np.isfinite(values)
    if known.all() or not known.any():
        return values[known]
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    return values[last][int(np.argmax(known)) :]
