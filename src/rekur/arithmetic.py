"""Functions of arrays that predictions, search and sampling share; SciPy has them, and takes longer to load."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0, -x))


def softmax(x: Floats, axis: int = -1) -> Floats:
    """exp(x) along `axis`, made to add up to 1."""
    return np.exp(log_softmax(x, axis))


def log_softmax(x: Floats, axis: int = -1) -> Floats:
    """The logarithm of `softmax`, finite wherever x is."""
    below = x - x.max(axis=axis, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=axis, keepdims=True))  # type: ignore[no-any-return]
