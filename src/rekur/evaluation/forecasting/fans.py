"""A few forecasts to look at: their history, what came, and the bands around the median."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.evaluation.forecasting import metrics

Floats = NDArray[np.float64]

SHOWN = ((0.1, "among the smallest tenth"), (0.4, "typical"), (0.6, "typical"), (0.9, "among the largest tenth"))
BANDS = ("low_90", "low_50", "high_50", "high_90")
BEFORE = 3  # horizons of history at most


def chosen(errors: ArrayLike) -> list[tuple[int, str]]:
    """Return the places of up to four forecasts, and what their error (N,) is among all: none is picked by hand.

    >>> chosen([5.0, 1.0])
    [(1, 'among the smallest tenth'), (0, 'among the largest tenth')]
    """
    sizes = np.asarray(errors, dtype=np.float64)
    order = np.argsort(np.where(np.isfinite(sizes), sizes, np.inf), kind="stable")[: int(np.isfinite(sizes).sum())]
    picked = {int(order[round(share * (len(order) - 1))]): why for share, why in reversed(SHOWN) if len(order)}
    return list(reversed(picked.items()))


def columns(
    place: int, why: str, name: str, dates: Sequence[str], history: ArrayLike, truth: ArrayLike, forecast: ArrayLike,
    quantiles: ArrayLike, levels: Sequence[float],
) -> dict[str, list[Any]]:  # fmt: skip
    """Return one forecast as columns of the report's table `fans`, a row a step: the history's first, then h ahead.

    "picture", "id", "why", "date", "step" (0 and less: history), "truth", "forecast", and the ends of the 90 % and 50 %
    bands, None where there is none.

    Args:
        place: which picture it is, from 0.
        dates: (L + h,) of every step.
        history, truth, forecast: (L,), (h,) and (h,); NaN is not known.
        quantiles, levels: (h, Q) and (Q,).
    """
    before, came, said = (np.asarray(values, dtype=np.float64) for values in (history, truth, forecast))
    bands, pairs, empty = np.asarray(quantiles, dtype=np.float64), metrics.pairs_of(levels), [None] * len(before)
    found: dict[str, list[Any]] = {
        "picture": [place] * len(dates),
        "id": [name] * len(dates),
        "why": [why] * len(dates),
        "date": list(dates),
        "step": list(range(1 - len(before), len(came) + 1)),
        "truth": [*_known(before), *_known(came)],
        "forecast": [*empty, *_known(said)],
    }
    for band in BANDS:
        side, share = band.split("_")
        pair = pairs.get(float(share) / 100)
        ends = [None] * len(came) if pair is None else _known(bands[:, pair[side == "high"]])
        found[band] = [*empty, *ends]
    return found


def _known(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
