"""How long a season is, found by the data: how many steps make a cycle that the next cycles repeat.

M4's test asks whether the autocorrelation at the season's lag stands out. Of a random walk every lag stands out, so
`find` first takes the moving average over one season away: what is left of a random walk has nothing in common with
itself a season before, because the two are made of steps that do not overlap, and a season is left as it was. It then
asks whether the cycles are more alike than cycles whose phases are drawn at random.
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
WORTH = 0.1  # the least mean correlation of cycles that is of use: of long series less is still significant
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
    r = autocorrelation(values, season)
    error = np.sqrt((1 + 2 * np.sum(np.square(r[:-1]))) / len(values))  # Bartlett's
    return bool(abs(r[-1]) > critical * error)


def find(series: ArrayLike, tried: Sequence[int] = COMMON) -> int:
    """Return the season of a series (L,), one of `tried`, or 1 where none stands out.

    Each candidate is tested (`alike`) at 5 % over all candidates together (Bonferroni). Among those that pass, the
    cycles most alike win, or a shorter season nearly as good. Gaps (NaN) are bridged by the last known value.

    >>> find(np.tile([1.0, 2.0, 9.0, 4.0, 5.0, 1.0, 3.0], 20))
    7
    """
    values = _filled(np.asarray(series, dtype=np.float64))
    possible = [season for season in tried if season >= 2 and len(values) >= (LEAST_SEASONS + 1) * season]
    passed = {}
    for season in possible:
        correlation, p_value = alike(values, season)
        if correlation >= WORTH and p_value < FALSE_ALARM / len(possible):
            passed[season] = correlation
    return min((s for s, height in passed.items() if height >= NEAR * max(passed.values())), default=1)


def alike(values: Floats, season: int) -> tuple[float, float]:
    """Return the mean correlation of a series' cycles with each other, and its p-value.

    Of the series less its moving average over a season, a_k is the Fourier transform of cycle k of K. The power of
    the mean cycle, S = sum_j |sum_k a_kj|^2, has mean W = sum_j w_j, w_j = sum_k |a_kj|^2, where cycles begin at
    random phases, and about a Gamma distribution of shape W^2 / sum_j w_j^2 (each harmonic's share is exponential).
    """
    rest = _less_trend(values, season)
    K = len(rest) // season
    cycles = np.fft.rfft(rest[len(rest) - K * season :].reshape(K, season), axis=1)[:, 1:]  # (K, harmonics)
    power = np.square(np.abs(cycles)).sum(axis=0)
    total = float(power.sum())
    if K < LEAST_SEASONS or total <= np.finfo(np.float64).eps * float(np.square(values).sum()):
        return 0.0, 1.0
    together = float(np.square(np.abs(cycles.sum(axis=0))).sum())
    scale = float(np.square(power).sum()) / total
    correlation = (together / total - 1) / (K - 1)
    return correlation, float(stats.gamma.sf(together / scale, total / scale))


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
