"""The figures of a sequence of numbers as nodes, and their vote; see `rekur.data.figures`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.figures import FAR, SLOPE, TAPS
from rekur.graphs.builder import Builder
from rekur.graphs.readouts import LOWEST, inside, linear

NONE, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


def vote(graph: Builder, values: str, lengths: str, weights: Mapping[str, NDArray[Any]], points: int) -> str:
    """Return the vote (N, outputs) of the figures of `values` (N, T, I), 0 behind the `lengths` (N,) of rows."""
    told = _Figures(graph, values, lengths)
    kernels, offsets = weights["figures.kernels"], weights["figures.offsets"]
    found = [*told.plain(), told.points(points)]
    for group in range(len(kernels)):
        found += told.convolved(kernels[group], offsets[group], 1 << group)
    apart = graph.add("Sub", graph.add("Concat", *found, axis=1), graph.constant(weights["figures.shift"]))
    scaled = graph.add("Mul", apart, graph.constant(weights["figures.scale"]))
    near = graph.add("Clip", scaled, graph.constant(np.float32(-FAR)), graph.constant(np.float32(FAR)))
    return linear(graph, near, weights, "figures")


class _Figures:
    """The figures of one input; each method returns the names of what it added."""

    def __init__(self, graph: Builder, values: str, lengths: str) -> None:
        self.graph, self.values = graph, values
        steps = lengths or graph.add("Expand", graph.size(values, 1), graph.size(values, 0))
        self.lengths = graph.add("Max", steps, graph.constant([1]))  # (N,)
        self.valid = inside(graph, values, self.lengths)  # (N, T, 1)
        column = graph.add("Unsqueeze", self.lengths, graph.constant([1]))
        self.last = graph.add("Sub", column, graph.constant([1]))  # (N, 1)
        self.size = graph.add("Cast", column, to=graph.onnx.TensorProto.FLOAT)  # (N, 1)

    def plain(self) -> list[str]:
        """Return mean, deviation, least, largest and mean change (N, I), and the length (N, 1)."""
        graph, x = self.graph, self.values
        mean = graph.add("Div", self._sum(self._kept(x, 0)), self.size)
        apart = self._kept(graph.add("Sub", x, graph.add("Unsqueeze", mean, graph.constant([1]))), 0)
        spread = graph.add("Sqrt", graph.add("Div", self._sum(graph.add("Mul", apart, apart)), self.size))
        low = graph.add("ReduceMin", self._kept(x, -LOWEST), graph.constant([1]), keepdims=0)
        high = graph.add("ReduceMax", self._kept(x, LOWEST), graph.constant([1]), keepdims=0)
        return [mean, spread, low, high, self._change(), self.size]

    def _change(self) -> str:
        graph, one = self.graph, self.graph.constant([1])
        first, last, ends = graph.constant([0]), graph.constant([-1]), graph.constant([1 << 60])
        later = graph.add("Slice", self.values, one, ends, one)
        moved = graph.add("Abs", graph.add("Sub", later, graph.add("Slice", self.values, first, last, one)))
        kept = graph.add("Where", graph.add("Slice", self.valid, one, ends, one), moved, graph.constant(NONE))
        steps = graph.add("Max", graph.add("Sub", self.size, graph.constant(ONE)), graph.constant(ONE))
        return graph.add("Div", self._sum(kept), steps)

    def points(self, points: int) -> str:
        """Return the values (N, P*I) on the lines between steps, at P places from the first to the last."""
        graph = self.graph
        parts = np.arange(points, dtype=np.float32) / np.float32(max(1, points - 1))
        last = graph.add("Cast", self.last, to=graph.onnx.TensorProto.FLOAT)
        places = graph.add("Mul", last, graph.constant(parts))  # (N, P)
        floor = graph.add("Floor", places)
        before = graph.add("Cast", floor, to=graph.onnx.TensorProto.INT64)
        behind = graph.add("Min", graph.add("Add", before, graph.constant([1])), self.last)
        share = graph.add("Unsqueeze", graph.add("Sub", places, floor), graph.constant([2]))
        low = graph.add("Mul", self._at(before), graph.add("Sub", graph.constant(ONE), share))
        return graph.add("Flatten", graph.add("Add", low, graph.add("Mul", self._at(behind), share)), axis=1)

    def convolved(self, weight: NDArray[Any], bias: NDArray[Any], dilation: int) -> list[str]:
        """Return the largest value of each convolution, and how much of the time it stands above 0: (N, K) each."""
        graph, side = self.graph, dilation * (TAPS // 2)
        turned = graph.add("Transpose", self.values, perm=[0, 2, 1])  # (N, I, T)
        parts = [graph.constant(weight), graph.constant(bias)]
        found = graph.add("Conv", turned, *parts, kernel_shape=[TAPS], dilations=[dilation], pads=[side, side])
        found = graph.add("Transpose", found, perm=[0, 2, 1])  # (N, T, K)
        largest = graph.add("ReduceMax", self._kept(found, LOWEST), graph.constant([1]), keepdims=0)
        steep = graph.add("Add", graph.add("Mul", found, graph.constant(np.float32(SLOPE))), graph.constant(HALF))
        above = graph.add("Clip", steep, graph.constant(NONE), graph.constant(ONE))
        return [largest, graph.add("Div", self._sum(self._kept(above, 0)), self.size)]

    def _kept(self, value: str, otherwise: Any) -> str:
        return self.graph.add("Where", self.valid, value, self.graph.constant(np.float32(otherwise)))

    def _sum(self, value: str) -> str:
        return self.graph.add("ReduceSum", value, self.graph.constant([1]), keepdims=0)

    def _at(self, places: str) -> str:
        """Return the values (N, P, I) at the steps `places` (N, P)."""
        at = self.graph.add("Unsqueeze", places, self.graph.constant([2]))
        return self.graph.add("GatherND", self.values, at, batch_dims=1)
