"""Attention in NumPy; the equations are in `rekur.nn.attention`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rekur.arithmetic import softmax
from rekur.inference.arrays import Floats, Weights, linear, product


def attend(
    kind: str, weights: Weights, name: str, queries: Floats, memory: Floats, inside: NDArray[np.bool_] | None
) -> Floats:
    """Return the contexts (N, T, M) of queries (N, T, H) in a memory (N, S, M); `inside` (N, S) is its valid steps.

    `weights` has those of the attention called `kind`, under `name`.
    """
    keys = memory if kind == "dot" else product(memory, weights[f"{name}.key.weight"])  # (N, S, H)
    if kind == "additive":
        summed = np.tanh(linear(queries, weights, f"{name}.query")[:, :, None] + keys[:, None])  # (N, T, S, H)
        scores = product(summed, weights[f"{name}.score.weight"])[:, :, :, 0]
    else:
        scores = queries * np.float32(queries.shape[2] ** -0.5) @ keys.swapaxes(1, 2)
    if inside is None:
        return softmax(scores) @ memory
    scores = np.where(inside[:, None], scores, np.finfo(scores.dtype).min)
    return softmax(scores) * inside[:, None] @ memory
