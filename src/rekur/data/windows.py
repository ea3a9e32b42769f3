"""Windows that slide over a series, and the values they are to forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.notation import check_shape


def sliding(x: NDArray[Any], length: int) -> NDArray[Any]:
    """Return every window of `length` steps of x (T, I): a view (N, length, I), N = T - length + 1.

    >>> sliding(np.arange(4.0)[:, None], 3)[:, :, 0].tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    check_shape("sliding", "x", x.shape, T=None, I=None)
    if not 1 <= length <= len(x):
        raise DataError(f"A window of {length} steps does not fit {len(x)} rows; use 1 to {len(x)}.")
    return np.lib.stride_tricks.sliding_window_view(x, length, axis=0).swapaxes(1, 2)


def targets(y: NDArray[Any], length: int, horizon: int = 1) -> NDArray[Any]:
    """Return the values (N,) of y (T,) that stand `horizon` steps after each window, as `supervised` does."""
    _check_fit(len(y), length, horizon)
    return y[length + horizon - 1 :]


def supervised(x: NDArray[Any], y: NDArray[Any], length: int, horizon: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return windows (N, length, I) of x (T, I) and the target (N,) of each, N = T - length - horizon + 1.

    Window i holds the rows i to i + length - 1; its target is y[i + length + horizon - 1].

    >>> windows, target = supervised(np.zeros((431, 4)), np.arange(431), length=5)
    >>> windows.shape, target.shape, int(target[0])
    ((426, 5, 4), (426,), 5)
    """
    if len(x) != len(y):
        raise DataError(f"Inputs and target must have the same T steps; got {len(x)} and {len(y)}.")
    target = targets(y, length, horizon)
    return sliding(x, length)[: len(target)], target


def _check_fit(steps: int, length: int, horizon: int) -> None:
    if length < 1 or horizon < 1 or steps < length + horizon:
        raise DataError(
            f"Windows of {length} steps that forecast {horizon} ahead need {length + horizon} rows or more; "
            f"got {steps}. Give a longer series or a shorter window."
        )
