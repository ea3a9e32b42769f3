"""The evidence of n-grams as nodes: hashed, looked up and voted with; see `rekur.data.evidence`, `rekur.evidence`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.evidence import NONE, PACE, SHIFT, SPREAD, START
from rekur.graphs.builder import Builder


def find(graph: Builder, ids: str, keys: NDArray[np.int64], order: int) -> tuple[str, str]:
    """Return the feature (N, T, order) that ends at each step of the ids (N, T), and whether there is one."""
    wanted = _hashed(graph, ids, order)
    known = graph.constant(keys, "evidence.keys")
    feature = graph.add("Min", _place(graph, known, len(keys), wanted), graph.constant(len(keys) - 1))
    met = graph.add("Equal", graph.add("Gather", known, feature, axis=0), wanted)
    some = graph.add("Not", graph.add("Equal", wanted, graph.constant(NONE)))
    return feature, graph.add("And", met, some)


def ratios(graph: Builder, feature: str, known: str, table: NDArray[Any]) -> str:
    """Return what each step reads: (N, T, order), or (N, T, order*C) of a table (F, C)."""
    found = graph.add("Gather", graph.constant(table, "evidence.ratios"), feature, axis=0)
    inside = graph.add("Cast", known, to=graph.onnx.TensorProto.FLOAT)
    if table.ndim == 1:
        return graph.add("Mul", found, inside)
    inside = graph.add("Unsqueeze", inside, graph.constant([3]))
    return graph.add("Reshape", graph.add("Mul", found, inside), graph.constant([0, 0, -1]))


def vote(graph: Builder, feature: str, known: str, weights: dict[str, NDArray[Any]]) -> str:
    """Return the vote (N, 1), or (N, C), of the distinct n-grams of each row; see `rekur.evidence.Ballot`."""
    table = weights["ballot.evidence.ratios"] * (START + PACE * weights["ballot.weight"])
    flat = graph.add("Reshape", graph.add("Where", known, feature, graph.constant(-1)), graph.constant([0, -1]))
    falling, _ = graph.several("TopK", flat, graph.size(flat, 1), outputs=2, axis=1)  # (N, T*order), all of them
    before = graph.add("Pad", falling, graph.constant([0, 1, 0, 0]), graph.constant(-1))
    before = graph.add("Slice", before, graph.constant([0]), graph.constant([-1]), graph.constant([1]))
    repeated = graph.add("Equal", falling, before)
    first = graph.add("And", graph.add("Greater", falling, graph.constant(-1)), graph.add("Not", repeated))
    counted = graph.add("Unsqueeze", graph.add("Cast", first, to=graph.onnx.TensorProto.FLOAT), graph.constant([2]))
    votes = graph.constant(table.reshape(len(table), -1), "ballot.votes")
    votes = graph.add("Gather", votes, graph.add("Max", falling, graph.constant(0)), axis=0)  # (N, T*order, 1 or C)
    total = graph.add("ReduceSum", graph.add("Mul", votes, counted), graph.constant([1]), keepdims=0)
    size = graph.add("ReduceSum", counted, graph.constant([1]), keepdims=0)  # (N, 1)
    size = graph.add("Sqrt", graph.add("Max", size, graph.constant(np.float32(1))))
    return graph.add("Add", graph.add("Div", total, size), graph.constant(weights["ballot.bias"], "ballot.bias"))


def _hashed(graph: Builder, ids: str, order: int) -> str:
    """Return the keys (N, T, order) of the n-grams that end at each step."""
    columns, key = [], graph.add("Sub", ids, ids)
    steps = graph.add("Range", graph.constant(0), graph.scalar(graph.size(ids, 1)), graph.constant(1))  # (T,)
    for n in range(order):
        before = ids
        if n:
            before = graph.add("Pad", ids, graph.constant([0, n, 0, 0]))
            before = graph.add("Slice", before, graph.constant([0]), graph.constant([-n]), graph.constant([1]))
        key = graph.add("Add", graph.add("Add", key, before), graph.constant(1 + n))
        key = graph.add("Mul", key, graph.constant(SPREAD))  # wraps around at 2^64
        key = graph.add("BitwiseXor", key, _shifted(graph, key))
        begun = graph.add("Less", graph.constant(n - 1), steps)
        columns.append(
            graph.add("Unsqueeze", graph.add("Where", begun, key, graph.constant(NONE)), graph.constant([2]))
        )
    return graph.add("Concat", *columns, axis=2)


def _shifted(graph: Builder, key: str) -> str:
    """Shift signed numbers to the right: ONNX divides towards zero, a shift goes down."""
    by = graph.constant(1 << SHIFT)
    quotient = graph.add("Div", key, by)
    left = graph.add("Less", graph.add("Sub", key, graph.add("Mul", quotient, by)), graph.constant(0))
    return graph.add("Sub", quotient, graph.add("Cast", left, to=graph.onnx.TensorProto.INT64))


def _place(graph: Builder, known: str, count: int, wanted: str) -> str:
    """Return where each wanted key stands, or would stand, among the sorted known ones: halved until one is left."""
    low = graph.add("Sub", wanted, wanted)
    high = graph.add("Add", low, graph.constant(count))
    for _ in range(count.bit_length()):
        middle = graph.add("Div", graph.add("Add", low, high), graph.constant(2))
        here = graph.add("Gather", known, graph.add("Min", middle, graph.constant(count - 1)), axis=0)
        right = graph.add("And", graph.add("Less", here, wanted), graph.add("Less", low, high))
        low = graph.add("Where", right, graph.add("Add", middle, graph.constant(1)), low)
        high = graph.add("Where", right, high, middle)
    return low
