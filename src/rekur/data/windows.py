"""Windows that slide over a series."""

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
