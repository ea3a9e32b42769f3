"""Windows brought to a common size, each by what it holds itself: nothing behind an origin is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.scaling import SHARE, TINY
from rekur.tasks.forecasting.settings import Normalise

Floats = NDArray[np.float64]


def normaliser(values: Floats, absent: NDArray[Any], kind: Normalise, season: int = 1) -> tuple[Floats, Floats]:
    """Return shift and scale (N,) of windows (N, T), read from the windows alone.

    A scale that would be next to nothing, as of a constant window, is 1.
    """
    N, weight = len(values), 1.0 - absent
    count = np.maximum(weight.sum(axis=1), 1.0)
    mean = (values * weight).sum(axis=1) / count
    size = np.maximum(np.abs(mean), np.abs(values).max(axis=1, initial=0.0))
    if kind == "none":
        return np.zeros(N), np.ones(N)
    if kind == "last":
        return values[:, -1].copy(), np.ones(N)
    if kind == "mean":
        shift, scale = np.zeros(N), (np.abs(values) * weight).sum(axis=1) / count
    elif kind == "changes":
        shift, scale = values[:, -1].copy(), np.sqrt(_changes(np.square, values, weight, 1))
    else:
        shift = mean if kind == "standard" else values[:, -season:].mean(axis=1)
        scale = np.sqrt((np.square(values - mean[:, None]) * weight).sum(axis=1) / count)
    if kind == "seasonal_changes":
        scale = np.maximum(_changes(np.abs, values, weight, season), SHARE * scale)
    return shift, np.where(scale > TINY * np.maximum(size, TINY), scale, 1.0)


def _changes(of: Any, values: Floats, weight: Floats, steps: int) -> Floats:
    """Return the mean (N,) of `of` the changes over `steps` steps, where both ends are there; 0 where none are."""
    both = weight[:, steps:] * weight[:, :-steps]
    changes = of(values[:, steps:] - values[:, :-steps]) * both
    found: Floats = changes.sum(axis=1) / np.maximum(both.sum(axis=1), 1.0)
    return found
