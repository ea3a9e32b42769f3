"""The best path through scores of a chain: what a conditional random field says, without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.notation import check_shape

Integers = NDArray[np.int64]


def best(scores: NDArray[Any], lengths: Integers | None = None) -> Integers:
    """Return the tags (N, T) of each row's best path, 0 behind its length (Viterbi 1967).

        d_0(j) = s_0(., j),    d_t(j) = max_i d_{t-1}(i) + s_t(i, j);    the best last j, and back along the argmax

    Args:
        scores: (N, T, C, C), of tag j at step t after tag i, as `rekur.nn.crf.CRF` gives them.
        lengths: (N,) valid steps of each row; None for T everywhere.

    >>> best(np.log([[[[0.6, 0.4], [0.6, 0.4]], [[0.1, 0.9], [0.9, 0.1]]]])).tolist()
    [[0, 1]]
    """
    N, T, C, _ = scores.shape
    check_shape("viterbi", "scores", scores.shape, N=N, T=T, C=C, **{"C again": C})
    lengths = np.full(N, T) if lengths is None else lengths
    path = np.zeros((N, T), np.int64)
    if not T:
        return path
    came_from = np.empty((T, N, C), np.int64)
    best_so_far = scores[:, 0, 0]  # (N, C)
    for t in range(1, T):
        reached = best_so_far[:, :, None] + scores[:, t]  # (N, C, C)
        came_from[t] = reached.argmax(axis=1)
        best_so_far = np.where((t < lengths)[:, None], reached.max(axis=1), best_so_far)
    rows, tag = np.arange(N), best_so_far.argmax(axis=1)
    for t in range(T - 1, -1, -1):
        inside = t < lengths
        path[inside, t] = tag[inside]
        if t:
            tag = np.where(inside, came_from[t, rows, tag], tag)
    return path
