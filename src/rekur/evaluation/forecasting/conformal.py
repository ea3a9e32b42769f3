"""Intervals that hold as often as they say: quantiles corrected by how far off they were on held-out forecasts.

Conformalised quantile regression (Romano, Patterson and Candès 2019), for each step ahead of its own. The promise needs
held-out forecasts that are exchangeable with those to come: where the world moves on, it is the measured coverage that
counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.errors import DataError, RefusedModelError
from rekur.evaluation.forecasting.metrics import pairs_of
from rekur.notation import check_shape

Floats = NDArray[np.float64]

LEAST = 100  # held-out scores a step's correction is read from; with fewer, neighbouring steps lend theirs


@dataclass(frozen=True)
class Corrections:
    """How much wider (or narrower, where negative) each central interval is made, at each step ahead."""

    levels: tuple[float, ...]  # (Q,) those of the quantiles they belong to
    shifts: Floats  # (P, h) a row for each central interval, the widest first; in scales

    def apply(self, quantiles: ArrayLike, scales: ArrayLike | None = None) -> Floats:
        """Return quantiles (N, h, Q) corrected: low - shift, high + shift; the median stays, and no two cross.

        `scales` (N,) are those of these forecasts, as `calibrate` was given those of its own.
        """
        bands = np.array(quantiles, dtype=np.float64)
        check_shape("conformal", "quantiles", bands.shape, N=None, h=self.shifts.shape[1], Q=len(self.levels))
        units = _scales(scales, len(bands))
        middle = bands[..., len(self.levels) // 2].copy() if len(self.levels) % 2 else bands.mean(axis=2)
        inner_low = inner_high = middle
        rows = list(zip(pairs_of(self.levels).values(), self.shifts, strict=True))
        for (low, high), shift in reversed(rows):  # from the middle outwards: each holds the one within it
            inner_low = np.minimum(bands[..., low] - units * shift, inner_low)
            inner_high = np.maximum(bands[..., high] + units * shift, inner_high)
            bands[..., low], bands[..., high] = inner_low, inner_high
        return bands

    def to_json(self) -> dict[str, Any]:
        """Return the corrections as plain lists, for the run folder; every bit comes back."""
        return {"levels": list(self.levels), "shifts": self.shifts.tolist()}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Corrections:
        """Read what `to_json` gave; raises RefusedModelError where it is damaged."""
        try:
            levels = tuple(float(level) for level in held["levels"])
            shifts = np.array(held["shifts"], dtype=np.float64)
            check_shape("corrections", "shifts", shifts.shape, P=len(pairs_of(levels)), h=None)
            if not np.isfinite(shifts).all():
                raise ValueError("a shift is not finite")
        except (KeyError, TypeError, ValueError) as error:
            raise RefusedModelError(f"The corrections of the intervals are damaged: {error}.") from None
        return cls(levels, shifts)


def calibrate(
    truth: ArrayLike,
    quantiles: ArrayLike,
    levels: Sequence[float],
    scales: ArrayLike | None = None,
    moments: ArrayLike | None = None,
    least: int = LEAST,
) -> Corrections:
    """Learn the corrections from held-out forecasts: truth (N, h), quantiles (N, h, Q) at rising, symmetric levels.

    For a central interval of nominal 1 - alpha the score of a forecast is max(low - y, y - high); its correction is
    their ceil((1 - alpha) (n + 1))-th smallest, and the largest where n is too small for that. A step with fewer than
    `least` scores borrows those of the steps around it.

    Args:
        scales: (N,) by which scores are divided, so that forecasts of different sizes teach each other; None: 1.
        moments: (N,) the step each forecast is made at. Errors k steps ahead of forecasts made within k steps of each
            other are much alike, so n is then how many stretches of k steps there are, and a correction read from few
            is larger. None: all are independent.

    Raises DataError where nothing is known of a step and its neighbours, or levels are not symmetric about 0.5.
    """
    true, bands = np.asarray(truth, dtype=np.float64), np.asarray(quantiles, dtype=np.float64)
    check_shape("calibrate", "truth", true.shape, N=None, h=None)
    check_shape("calibrate", "quantiles", bands.shape, N=len(true), h=true.shape[1], Q=len(levels))
    pairs = pairs_of(levels)
    if not pairs or 2 * len(pairs) + len(levels) % 2 != len(levels):
        raise DataError(f"calibrate: levels must be symmetric about 0.5; got {list(levels)}. Give 1 - level for each.")
    if not np.isfinite(true).any():
        raise DataError("calibrate: no held-out value is known to calibrate on. Hold out a validation part.")
    units = _scales(scales, len(true))
    known = np.ascontiguousarray(np.isfinite(true).T)  # (h, N)
    totals = known.sum(axis=1)
    places = [_neighbours(totals, step, least) for step in range(true.shape[1])]
    counts = [_independent(known[step], moments, step + 1) for step in range(true.shape[1])]
    shifts = []
    for nominal, (low, high) in pairs.items():
        scores = np.maximum(bands[..., low] - true, true - bands[..., high]) / units
        steps = np.ascontiguousarray(scores.T)  # a step's scores side by side: columns of long rows take minutes
        shifts.append([_rank(steps[place], nominal, n) for place, n in zip(places, counts, strict=True)])
    return Corrections(tuple(float(level) for level in levels), np.array(shifts))


def _neighbours(totals: NDArray[np.int64], step: int, least: int) -> slice:
    """Return the steps around `step` that have at least `least` of the known values `totals` (h,), or all."""
    h = len(totals)
    for reach in range(h):
        place = slice(max(0, step - reach), step + reach + 1)
        if totals[place].sum() >= least:
            return place
    return slice(0, h)


def _independent(known: NDArray[np.bool_], moments: ArrayLike | None, step: int) -> float | None:
    """Return how many forecasts whose steps do not overlap the known ones are worth; None: as many as scores."""
    if moments is None:
        return None
    made = np.asarray(moments)[known]
    if not len(made):
        return 1.0
    different = len(np.unique(made))
    return float(len(made) / different * min(different, 1 + (made.max() - made.min()) / step))


def _rank(scores: Floats, nominal: float, n: float | None) -> float:
    held = np.sort(scores[np.isfinite(scores)])
    level = nominal * (1 + 1 / (n or len(held)))
    return float(held[min(math.ceil(round(level * len(held), 9)), len(held)) - 1])


def _scales(scales: ArrayLike | None, count: int) -> Floats:
    if scales is None:
        return np.ones((count, 1))
    found = np.asarray(scales, dtype=np.float64)
    check_shape("conformal", "scales", found.shape, N=count)
    if not (np.isfinite(found) & (found > 0)).all():
        raise DataError("conformal: every scale must be positive and finite. Give 1 to a series without one.")
    return found[:, None]
