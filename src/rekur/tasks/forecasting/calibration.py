"""Quantiles corrected by how far off they were: on the validation part, or by what was known at each origin.

Everything is in the windows' own scales, as the model gives it, so that series of different sizes teach each other.
Rolling, the corrections at an origin are those of the forecasts whose outcomes were known by then, the most recent
ones, as anybody would have had them at that time: where the world moves on, they follow. The time is that of the clock
the series were cut by: dates, where rows have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.evaluation.forecasting import conformal
from rekur.evaluation.forecasting.conformal import Corrections

Floats = NDArray[Any]

FRESH = 40  # times the corrections are found again while the outcomes they are read from are replaced once
ROWS = 6_000  # forecasts they are read from at most: of more, every n-th moment


@dataclass(frozen=True)
class Made:
    """Forecasts as the model gave them, N windows in their own scales."""

    clock: NDArray[np.int64]  # (N,) the moment of the origin; the test part begins at 0
    known: NDArray[np.int32]  # (N, h) the moment from which on each truth is known
    truth: Floats  # (N, h) NaN where not known
    quantiles: Floats  # (N, h, Q)
    spread: Floats | None  # (N,) in which corrections are counted; None: 1

    def rows(self, kept: NDArray[Any]) -> Made:
        """Return some of them."""
        spread = None if self.spread is None else self.spread[kept]
        return Made(self.clock[kept], self.known[kept], self.truth[kept], self.quantiles[kept], spread)

    def calibrated(self, levels: tuple[float, ...]) -> Corrections:
        """Return the corrections that all of them ask for."""
        return conformal.calibrate(self.truth, self.quantiles, levels, self.spread, self.clock)


def joined(pieces: Sequence[Made]) -> Made:
    """Put pieces together."""
    spread = None if pieces[0].spread is None else np.concatenate([piece.spread for piece in pieces])
    names = ("clock", "known", "truth", "quantiles")
    clock, known, truth, quantiles = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in names)
    return Made(clock, known, truth, quantiles, spread)


def known_at(made: Made, moment: int, recent: int) -> Made:
    """Return what was known at a moment: the truths of the `recent` steps before it.

    Where a gap has left none of those, all that was known before it.
    """
    some = made.rows(near(made.clock, made.known[:, -1], moment, recent))
    age = moment - some.known  # (N, h) steps since each truth was known
    found = replace(some, truth=np.where((age >= 0) & (age < recent), some.truth, np.nan))
    begun = moment - int(made.clock.min(initial=moment))
    return found if recent > begun or np.isfinite(found.truth).any() else known_at(made, moment, begun + 1)


def near(clock: NDArray[np.int64], known: NDArray[np.integer[Any]], moment: int, recent: int) -> NDArray[np.int64]:
    """Return the places of forecasts made before a moment, whose last truth is `known` (N,) but `recent` steps or less.

    Of too many every n-th moment is taken; where there are none so recent, all before the moment count.
    """
    made = clock < moment
    found = np.flatnonzero(made & (known > moment - recent))
    found = found if len(found) else np.flatnonzero(made)
    moments = np.unique(clock[found])
    every = max(1, -(-len(found) // ROWS))
    return found[np.isin(clock[found], moments[::-1][::every])]


def span_of(recent: int) -> int:
    """Return how many moments share their corrections."""
    return max(1, recent // FRESH)


def rolling(made: Made, last: int, levels: tuple[float, ...], recent: int) -> Iterator[tuple[int, int, Corrections]]:
    """Yield spans of the test part, first moment and end, and the corrections known before each."""
    span = span_of(recent)
    for begin in range(0, last, span):
        yield begin, min(begin + span, last), known_at(made, begin, recent).calibrated(levels)
