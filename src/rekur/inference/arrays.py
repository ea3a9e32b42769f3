"""The few functions of arrays that every network needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]  # float32, and float64 in the from-scratch network
Integers = NDArray[np.int64]
State = tuple[Floats, ...]  # (h,) or (h, c), each (K*D, N, H)
Weights = Mapping[str, NDArray[Any]]


def threads() -> int:
    """How many threads a prediction takes: OMP_NUM_THREADS, else the processors this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if asked.isdecimal() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def linear(x: Floats, weights: Weights, name: str) -> Floats:
    """x W' + b, with the weights called `name`."""
    return product(x, weights[f"{name}.weight"]) + weights[f"{name}.bias"]


def product(x: Floats, weight: Floats) -> Floats:
    """Return x W' (..., after) of x (..., before) as one product: NumPy takes one for each row of a stack."""
    made: Floats = x.reshape(-1, x.shape[-1]) @ weight.T
    return made.reshape(*x.shape[:-1], len(weight))


def valid(steps: NDArray[Any], lengths: Integers) -> NDArray[np.bool_]:
    """Return (N, T, 1), true at the steps before a row's length."""
    return (np.arange(steps.shape[1]) < lengths[:, None])[:, :, None]
