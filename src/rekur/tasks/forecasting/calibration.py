"""Quantiles corrected by how far off they were: on the validation part, or by what was known at each origin.

Everything is in the windows' own scales, as the model gives it, so that series of different sizes teach each other.
Rolling, the corrections at an origin are those of the forecasts whose outcomes were known by then, the most recent
ones, as anybody would have had them at that time: where the world moves on, they follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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

    clock: NDArray[np.int64]  # (N,) the origin, in steps from the beginning of the test part of its series
    truth: Floats  # (N, h) NaN where not known
    quantiles: Floats  # (N, h, Q)
    spread: Floats | None  # (N,) in which corrections are counted; None: 1

    def rows(self, kept: NDArray[Any]) -> Made:
        """Return some of them."""
        spread = None if self.spread is None else self.spread[kept]
        return Made(self.clock[kept], self.truth[kept], self.quantiles[kept], spread)

    def calibrated(self, levels: tuple[float, ...]) -> Corrections:
        """Return the corrections that all of them ask for."""
        return conformal.calibrate(self.truth, self.quantiles, levels, self.spread, self.clock)


def joined(pieces: Sequence[Made]) -> Made:
    """Put pieces together."""
    spread = None if pieces[0].spread is None else np.concatenate([piece.spread for piece in pieces])
    truth, quantiles = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("truth", "quantiles"))
    return Made(np.concatenate([piece.clock for piece in pieces]), truth, quantiles, spread)


def known_at(made: Made, moment: int, recent: int) -> Made:
    """Return what was known at a moment: the truths of the `recent` steps before it.

    What a forecast from `clock` says of step j = 1..h is known where clock + j <= moment.
    """
    h = made.truth.shape[1]
    near = np.flatnonzero((made.clock < moment) & (made.clock > moment - h - recent))
    moments = np.unique(made.clock[near])
    every = max(1, -(-len(near) // ROWS))
    some = made.rows(near[np.isin(made.clock[near], moments[::-1][::every])])
    age = moment - some.clock[:, None] - np.arange(1, h + 1)  # (N, h) steps since each truth was known
    return Made(some.clock, np.where((age >= 0) & (age < recent), some.truth, np.nan), some.quantiles, some.spread)


def rolling(made: Made, last: int, levels: tuple[float, ...], recent: int) -> Iterator[tuple[int, int, Corrections]]:
    """Yield spans of the test part, first moment and end, and the corrections known before each."""
    span = max(1, recent // FRESH)
    for begin in range(0, last, span):
        yield begin, min(begin + span, last), known_at(made, begin, recent).calibrated(levels)
