"""Attention as nodes; the equations are in `rekur.nn.attention`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.graphs.builder import Builder
from rekur.graphs.readouts import LOWEST, linear

Weights = Mapping[str, NDArray[Any]]


def keys(graph: Builder, kind: str, weights: Weights, name: str, memory: str) -> str:
    """Return what queries are held against (N, S, H), of a memory (N, S, M)."""
    return memory if kind == "dot" else linear(graph, memory, weights, f"{name}.key")


def attend(
    graph: Builder, kind: str, weights: Weights, name: str, read: tuple[str, str, str], hidden: int, inside: str = ""
) -> tuple[str, str]:
    """Return the contexts (N, T, M) and the weights (N, T, S) of an attention called `kind`.

    Args:
        weights: those under `name` are the attention's.
        read: queries (N, T, H), keys (N, S, H) and the memory (N, S, M).
        hidden: H.
        inside: (N, 1, S), true at the memory's valid steps; none where all are.
    """
    queries, held, memory = read
    if kind == "additive":
        query = graph.add("Unsqueeze", linear(graph, queries, weights, f"{name}.query"), graph.constant([2]))
        summed = graph.add("Tanh", graph.add("Add", query, graph.add("Unsqueeze", held, graph.constant([1]))))
        scores = graph.add("Squeeze", linear(graph, summed, weights, f"{name}.score"), graph.constant([3]))
    else:
        scaled = graph.add("Mul", queries, graph.constant(np.float32(hidden**-0.5)))
        scores = graph.add("MatMul", scaled, graph.add("Transpose", held, perm=[0, 2, 1]))
    if not inside:
        found = graph.add("Softmax", scores, axis=-1)
        return graph.add("MatMul", found, memory), found
    scores = graph.add("Where", inside, scores, graph.constant(np.float32(LOWEST)))
    found = graph.add("Mul", graph.add("Softmax", scores, axis=-1), graph.cast(inside, "FLOAT"))
    return graph.add("MatMul", found, memory), found
