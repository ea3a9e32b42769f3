"""The distribution of `nn/softmax.py` on arrays, without torch: for predictions, and for every test.

Features (S, F) and the weights of the head by their names in model.safetensors; `table` (V, E) is the embedding's.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.arithmetic import log_softmax

Floats = NDArray[Any]
Weights = Mapping[str, Floats]

ROWS = 512  # whose logits are held at once


def scores(features: Floats, weights: Weights, table: Floats, cutoffs: Sequence[int]) -> Floats:
    """Return the scores (..., V): logits, or with cutoffs log-probabilities."""
    h = _projected(features, weights)
    logits: Floats = h @ table.T + weights["head.bias"]
    if not cutoffs:
        return logits
    c = cutoffs[0]
    first = log_softmax(np.concatenate([logits[..., :c], _groups(h, weights)], axis=-1))
    logits[..., :c] = first[..., :c]
    for g, (begin, end) in enumerate(itertools.pairwise((*cutoffs, logits.shape[-1]))):
        logits[..., begin:end] = log_softmax(logits[..., begin:end]) + first[..., c + g, None]
    return logits


def nats(
    features: Floats, targets: NDArray[np.int64], weights: Weights, table: Floats, cutoffs: Sequence[int]
) -> NDArray[np.float64]:
    """Return -ln p (S,) of the words `targets` (S,) after features (S, F); a tail only where the word is in it."""
    h, bias = _projected(features, weights), weights["head.bias"]
    edges = (*cutoffs, len(bias))
    group = np.searchsorted(cutoffs, targets, side="right")  # 0: the head; g: tail g - 1
    c = edges[0]
    if cutoffs:
        rows = np.concatenate([table[:c], weights["head.groups.weight"]])
        biases = np.concatenate([bias[:c], weights["head.groups.bias"]])
    else:
        rows, biases = table, bias
    found = _nats(h, rows, biases, np.where(group > 0, c + group - 1, targets))
    for g, (begin, end) in enumerate(itertools.pairwise(edges), start=1):
        chosen = np.flatnonzero(group == g)
        found[chosen] += _nats(h[chosen], table[begin:end], bias[begin:end], targets[chosen] - begin)
    return found


def _nats(h: Floats, rows: Floats, biases: Floats, targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return -ln softmax(rows h + biases) at the targets."""
    found = np.empty(len(h))
    for at in range(0, len(h), ROWS):
        logits = h[at : at + ROWS] @ rows.T + biases
        logits -= logits.max(axis=1, keepdims=True)
        true = np.take_along_axis(logits, targets[at : at + ROWS, None], axis=1)[:, 0].astype(np.float64)
        found[at : at + ROWS] = np.log(np.exp(logits, out=logits).sum(axis=1, dtype=np.float64)) - true
    return found


def _projected(features: Floats, weights: Weights) -> Floats:
    if "head.projection.weight" not in weights:
        return features
    return features @ weights["head.projection.weight"].T + weights["head.projection.bias"]


def _groups(h: Floats, weights: Weights) -> Floats:
    return h @ weights["head.groups.weight"].T + weights["head.groups.bias"]
