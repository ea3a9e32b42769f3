"""Readouts as nodes: what of a core's outputs (N, T, D*H) the head sees; see nn/readouts.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.graphs.builder import Builder

LOWEST = np.finfo(np.float32).min


@dataclass(frozen=True)
class Read:
    """What the core computed, each by the name of its value."""

    outputs: str  # (N, T, D*H), 0 behind a length
    final: str  # (D, N, H), the top layer's last state
    lengths: str  # int64 (N,); "" where every row has T steps
    weights: Mapping[str, NDArray[Any]]


def inside(graph: Builder, outputs: str, lengths: str) -> str:
    """Return (N, T, 1), true at the steps before a row's length."""
    steps = graph.add("Range", graph.constant(0), graph.scalar(graph.size(outputs, 1)), graph.constant(1))  # (T,)
    before = graph.add("Less", steps, graph.add("Unsqueeze", lengths, graph.constant([1])))  # (N, T)
    return graph.add("Unsqueeze", before, graph.constant([2]))


def linear(graph: Builder, x: str, weights: Mapping[str, NDArray[Any]], name: str) -> str:
    """x W' + b, with the weights called `name`; without a bias where there is none."""
    product = graph.add("MatMul", x, graph.constant(weights[f"{name}.weight"].T, f"{name}.weight"))
    if f"{name}.bias" not in weights:
        return product
    return graph.add("Add", product, graph.constant(weights[f"{name}.bias"], f"{name}.bias"))


def last(graph: Builder, read: Read) -> str:
    """The top layer's state at each row's end, both directions joined."""
    return graph.add("Flatten", graph.add("Transpose", read.final, perm=[1, 0, 2]), axis=1)


def last_step(graph: Builder, read: Read) -> str:
    """The outputs at position T-1, padding or not."""
    return graph.add("Gather", read.outputs, graph.constant(-1), axis=1)


def mean(graph: Builder, read: Read) -> str:
    """The mean of the valid steps."""
    if not read.lengths:
        return graph.add("ReduceMean", read.outputs, graph.constant([1]), keepdims=0)
    summed = graph.add("ReduceSum", read.outputs, graph.constant([1]), keepdims=0)
    count = graph.add("Cast", graph.add("Max", read.lengths, graph.constant([1])), to=graph.onnx.TensorProto.FLOAT)
    return graph.add("Div", summed, graph.add("Unsqueeze", count, graph.constant([1])))


def maximum(graph: Builder, read: Read) -> str:
    """The largest value of each feature over the valid steps; 0 for a row without any."""
    if not read.lengths:
        return graph.add("ReduceMax", read.outputs, graph.constant([1]), keepdims=0)
    valid = inside(graph, read.outputs, read.lengths)
    kept = graph.add("Where", valid, read.outputs, graph.constant(np.float32(LOWEST)))
    largest = graph.add("ReduceMax", kept, graph.constant([1]), keepdims=0)
    some = graph.add("Greater", graph.add("Unsqueeze", read.lengths, graph.constant([1])), graph.constant([0]))
    return graph.add("Where", some, largest, graph.constant(np.float32(0)))


def mean_max(graph: Builder, read: Read) -> str:
    """Mean and maximum of the valid steps, joined."""
    return graph.add("Concat", mean(graph, read), maximum(graph, read), axis=1)


def attention(graph: Builder, read: Read) -> str:
    """The learned weighted mean of the valid steps: s_t = v · tanh(W o_t + b), their softmax weighs them."""
    keys = graph.add("Tanh", linear(graph, read.outputs, read.weights, "readout.key"))
    scores = linear(graph, keys, read.weights, "readout.score")  # (N, T, 1)
    if read.lengths:
        valid = inside(graph, read.outputs, read.lengths)
        scores = graph.add("Where", valid, scores, graph.constant(np.float32(LOWEST)))
    weighed = graph.add("Mul", graph.add("Softmax", scores, axis=1), read.outputs)
    return graph.add("ReduceSum", weighed, graph.constant([1]), keepdims=0)


READOUTS: dict[str, Callable[[Builder, Read], str]] = {
    "last": last,
    "last_step": last_step,
    "mean": mean,
    "max": maximum,
    "mean_max": mean_max,
    "attention": attention,
    "flatten": lambda graph, read: graph.add("Flatten", read.outputs, axis=1),
    "every": lambda _, read: read.outputs,
}
