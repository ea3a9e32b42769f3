"""The forecasters as graphs: from raw histories to quantiles in the series' own units; see `rekur.models.forecasters`.

One graph says all steps of the horizon at once. The autoregressive forecaster is two: one reads the past, and one says
the parameters of the next value, which whoever runs it draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.architecture import Architecture
from rekur.data.scaling import HIGHEST, LEAST
from rekur.graphs import distributions, windows
from rekur.graphs.attention import attend, keys
from rekur.graphs.builder import Builder, Shape
from rekur.graphs.readouts import linear
from rekur.graphs.recurrent import layer, parts_of
from rekur.graphs.windows import Cut, Reading
from rekur.sizes.layers import KINDS

Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Saying:
    """What is said of the steps to come, and how quantiles are corrected."""

    levels: tuple[float, ...]
    shifts: NDArray[np.float64] | None  # (P, h) of `rekur.evaluation.forecasting.conformal.Corrections`
    scaled: bool  # counted in each window's deviation


def forecaster(
    made: Architecture, weights: Weights, reading: Reading, saying: Saying, about: Mapping[str, str]
) -> dict[str, bytes]:
    """Return the files of a forecaster: model.onnx, or reader.onnx and step.onnx of an autoregressive one.

    docs/export.md lists their inputs and outputs.
    """
    if made.settings.forecaster != "autoregressive":
        return {"model.onnx": _Forecast(made, weights, reading).whole(saying, about)}
    return {
        "reader.onnx": _Forecast(made, weights, reading).reader(saying, about),
        "step.onnx": _step(made, weights, about),
    }


class _Forecast:
    """One forecaster on its way into a graph; each method returns the name of what it added."""

    def __init__(self, made: Architecture, weights: Weights, reading: Reading) -> None:
        self.made, self.settings, self.sizes = made, made.settings, made.forecaster
        self.weights, self.reading = weights, reading
        self.graph = Builder()

    def whole(self, saying: Saying, about: Mapping[str, str]) -> bytes:
        graph, distribution, h = self.graph, self.sizes.distribution, self.sizes.horizon
        cut = windows.cut(graph, self.reading)
        parameters = self._parameters(cut)
        quantiles = distributions.read(graph, distribution, parameters, saying.levels, cut.scale)
        if saying.shifts is not None:
            spread = self._spread(cut) if saying.scaled else ""
            quantiles = distributions.corrected(graph, quantiles, saying.levels, saying.shifts, spread)
        shift, scale = self._back(cut)
        graph.gives("forecast", self._own(distributions.point(graph, distribution, parameters), shift, scale), ["N", h])
        shift, scale = (graph.add("Unsqueeze", part, graph.constant([2])) for part in (shift, scale))
        graph.gives("quantiles", self._own(quantiles, shift, scale), ["N", h, len(saying.levels)])
        return graph.written("rekur", about)

    def _spread(self, cut: Cut) -> str:
        """Return the deviation (N, 1, 1) of each window, in its own size."""
        graph, axis = self.graph, self.graph.constant([1])
        values = graph.between(cut.past, 0, 1, axis=2)
        off = graph.add("Sub", values, graph.add("ReduceMean", values, axis))
        deviation = graph.add("Sqrt", graph.add("ReduceMean", graph.add("Mul", off, off), axis))
        return graph.cast(graph.add("Max", deviation, graph.constant(LEAST)), "DOUBLE")

    def _back(self, cut: Cut) -> tuple[str, str]:
        """Return shift and scale (N, 1) that bring what the model says to the series' own units, or their logarithm."""
        if cut.pair is None:
            return cut.shift, cut.scale
        graph, (shift, scale) = self.graph, cut.pair
        return graph.add("Add", graph.add("Mul", cut.shift, scale), shift), graph.add("Mul", cut.scale, scale)

    def _own(self, values: str, shift: str, scale: str) -> str:
        found = self.graph.add("Add", self.graph.add("Mul", values, scale), shift)
        if self.reading.log:
            found = self.graph.add("Exp", self.graph.add("Min", found, self.graph.exact(HIGHEST)))
        return self.graph.cast(found, "FLOAT")

    def _parameters(self, cut: Cut) -> str:
        """Return (N, h, P); see `rekur.inference.forecasters.Forecaster`."""
        graph, past = self.graph, cut.past
        last = self._last(past) if self.settings.residual else ""
        past = self._lowered(past, last) if last else past
        ways = {"direct": self._direct, "segments": self._segments, "dilated": self._dilated, "decoder": self._decoder}
        parameters = linked(graph, self.made, ways[self.settings.forecaster](past, cut))
        if self.settings.highway:
            parameters = self._moved(parameters, graph.add("Unsqueeze", self._highway(past), graph.constant([2])))
        return self._moved(parameters, last) if last else parameters

    def _moved(self, parameters: str, by: str) -> str:
        """Return parameters (N, h, P) that lie higher where they move with the values, `by` (N, h or 1, 1)."""
        return self.graph.add("Add", parameters, self.graph.add("Mul", by, self.graph.constant(_moves(self.made))))

    def _last(self, past: str) -> str:
        """Return the last value (N, 1, 1)."""
        T = self.reading.window
        return self.graph.between(self.graph.between(past, T - 1, T, axis=1), 0, 1, axis=2)

    def _lowered(self, past: str, last: str) -> str:
        I = self.sizes.values  # noqa: E741
        target = self.graph.constant((np.arange(I) == 0).astype(np.float32))
        return self.graph.add("Sub", past, self.graph.add("Mul", last, target))

    def _highway(self, past: str) -> str:
        """Return (N, h), a linear map of the last values; zeros stand before a shorter history."""
        graph, size, T = self.graph, self.settings.highway, self.reading.window
        values = graph.add("Squeeze", graph.between(past, 0, 1, axis=2), graph.constant([2]))
        if size > T:
            values = graph.add("Pad", values, graph.constant([0, size - T, 0, 0]))
        ends = graph.between(values, -size, max(size, T), axis=1)
        return graph.add("MatMul", ends, graph.constant(self.weights["highway.weight"].T, "highway.weight"))

    # what each reads

    def _layers(self, name: str, x: str, start: list[str] | None = None, layers: int = 0) -> tuple[str, list[str]]:
        """Run the layer called `name` over x (N, T, I); return the outputs (N, T, H), and the state (K, N, H) each."""
        return stacked(self.graph, self.made, self.weights, name, x, start, layers)

    def _direct(self, past: str, cut: Cut) -> str:
        return self._head(top(self.graph, self._layers("core", past)[1]), cut)

    def _dilated(self, past: str, cut: Cut) -> str:
        x, k = past, 0
        for place, block in enumerate(self.settings.dilations):
            before = x
            for dilation in block:
                x, k = self._phases(f"core.{k}", x, dilation, k), k + 1
            x = self.graph.add("Add", x, before) if place else x
        return self._head(self.graph.add("Gather", x, self.graph.constant(-1), axis=1), cut)

    def _phases(self, name: str, x: str, dilation: int, k: int) -> str:
        """Read every d-th step (N, T, I) as a sequence of its own; return them (N, T, H) in their places."""
        graph, T, H = self.graph, self.reading.window, self.settings.hidden
        I, d = H if k else self.sizes.values, min(dilation, T)  # noqa: E741
        S = -(-T // d)
        if S * d > T:
            x = graph.add("Pad", x, graph.constant([0, 0, 0, 0, S * d - T, 0]))
        x = graph.add("Transpose", graph.add("Reshape", x, graph.constant([-1, S, d, I])), perm=[0, 2, 1, 3])
        outputs, _ = self._layers(name, graph.add("Reshape", x, graph.constant([-1, S, I])), layers=1)
        apart = graph.add("Reshape", outputs, graph.constant([-1, d, S, H]))
        whole = graph.add("Reshape", graph.add("Transpose", apart, perm=[0, 2, 1, 3]), graph.constant([-1, S * d, H]))
        return graph.between(whole, 0, T, axis=1)

    def _segments(self, past: str, cut: Cut) -> str:
        graph, T, w = self.graph, self.reading.window, self.settings.segment
        M, H, S = self.sizes.segments, self.settings.hidden, -(-T // w)
        if S * w > T:
            past = graph.add("Pad", past, graph.constant([0, S * w - T, 0, 0, 0, 0]))
        segments = graph.add("Reshape", past, graph.constant([-1, S, w * self.sizes.values]))
        _, state = self._layers("core", graph.add("Relu", linear(graph, segments, self.weights, "embed")))
        many = [graph.add("Expand", graph.add("Unsqueeze", part, graph.constant([2])), graph.constant([1, 1, M, 1]))
                for part in state]  # fmt: skip
        start = [graph.add("Reshape", part, graph.constant([self.settings.layers, -1, H])) for part in many]
        x = graph.add("Reshape", self._places(cut, M, w), graph.constant([-1, 1, H]))
        outputs, _ = self._layers("core", x, start)
        made = linear(graph, outputs, self.weights, "output")
        made = graph.add("Reshape", made, graph.constant([-1, M * w, self.sizes.parameters]))
        return graph.between(made, 0, self.sizes.horizon, axis=1)

    def _decoder(self, past: str, cut: Cut) -> str:
        graph, kind, H = self.graph, self.settings.attention, self.settings.hidden
        memory, state = self._layers("core", past)
        hidden, _ = self._layers("decoder", self._places(cut, self.sizes.horizon, 1), state)
        if kind != "none":
            held = keys(graph, kind, self.weights, "attention", memory)
            context, _ = attend(graph, kind, self.weights, "attention", (hidden, held, memory), H)
            joined = graph.add("Concat", hidden, context, axis=2)
            hidden = graph.add("Tanh", linear(graph, joined, self.weights, "mix"))
        return linear(graph, hidden, self.weights, "output")

    def _places(self, cut: Cut, places: int, steps: int) -> str:
        """Return (N, places, H), what is read at each place of the horizon, of `steps` steps."""
        graph, F = self.graph, self.sizes.future
        future = cut.future
        if future and steps > 1:
            behind = places * steps - self.sizes.horizon
            future = graph.add("Pad", future, graph.constant([0, 0, 0, 0, behind, 0])) if behind else future
            future = graph.add("Reshape", future, graph.constant([-1, places, steps * F]))
        place = graph.constant(self.weights["place"][None], "place")
        read = beside(graph, future, cut.static, places)
        if read:
            return graph.add("Add", linear(graph, read, self.weights, "step"), place)
        rows = graph.add("Concat", graph.size(cut.past, 0), graph.constant([1, 1]), axis=0)
        return graph.add("Expand", place, rows)

    def _head(self, features: str, cut: Cut) -> str:
        """Return (N, h, P) from the state (N, H); see `rekur.models.forecasters.base.HorizonHead`."""
        graph = self.graph
        context = graph.add("Concat", features, cut.static, axis=1) if cut.static else features
        whole = linear(graph, context, self.weights, "head.whole")
        made = graph.add("Reshape", whole, graph.constant([-1, self.sizes.horizon, self.sizes.parameters]))
        if not cut.future:
            return made
        hidden = graph.add("Unsqueeze", linear(graph, context, self.weights, "head.context"), graph.constant([1]))
        hidden = graph.add("Add", hidden, linear(graph, cut.future, self.weights, "head.future"))
        return graph.add("Add", made, linear(graph, graph.add("Relu", hidden), self.weights, "head.local"))

    # value after value

    def reader(self, saying: Saying, about: Mapping[str, str]) -> bytes:
        """Return what reads the past of an autoregressive forecaster."""
        graph, T, H = self.graph, self.reading.window, self.settings.hidden
        cut = windows.cut(graph, self.reading)
        before = self._last(cut.past)
        past = self._lowered(cut.past, before) if self.settings.residual else cut.past
        if cut.static:
            past = graph.add("Concat", past, beside(graph, "", cut.static, T), axis=2)
        _, state = self._layers("core", linear(graph, past, self.weights, "past"))
        shift, scale = self._back(cut)
        row = graph.constant([-1])
        values = {"before": before, "shift": graph.cast(shift, "FLOAT"), "scale": graph.cast(scale, "FLOAT")}
        if saying.shifts is not None and saying.scaled:
            values["spread"] = graph.cast(self._spread(cut), "FLOAT")
        for name, value in values.items():
            graph.gives(name, graph.add("Reshape", value, row), ["N"])
        if read := beside(graph, cut.future, cut.static, self.sizes.horizon):
            graph.gives("ahead", read, ["N", self.sizes.horizon, self.sizes.future + self.sizes.static])
        for part, value in zip(parts_of(self.settings.cell), state, strict=True):
            graph.gives(f"{part}_0", value, [self.settings.layers, "N", H])
        return graph.written("rekur", about)


def _step(made: Architecture, weights: Weights, about: Mapping[str, str]) -> bytes:
    """Return one step of an autoregressive forecaster."""
    graph, settings, sizes = Builder(), made.settings, made.forecaster
    before = graph.takes("before", "FLOAT", ["N"])
    read = sizes.future + sizes.static
    ahead = graph.takes("ahead", "FLOAT", ["N", read]) if read else ""
    last = graph.takes("last", "FLOAT", ["N"]) if settings.residual else ""
    shape: Shape = [settings.layers, "N", settings.hidden]
    start = [graph.takes(f"{part}_0", "FLOAT", shape) for part in parts_of(settings.cell)]
    x = graph.add("Sub", before, last) if last else before
    x = graph.add("Unsqueeze", x, graph.constant([1]))
    x = graph.add("Concat", x, ahead, axis=1) if ahead else x
    x = graph.add("Unsqueeze", linear(graph, x, weights, "step"), graph.constant([1]))  # (N, 1, H)
    hidden, state = stacked(graph, made, weights, "core", x, start)
    numbers = linear(graph, graph.add("Squeeze", hidden, graph.constant([1])), weights, "output")
    parameters = linked(graph, made, numbers)
    if last:
        moved = graph.add("Mul", graph.add("Unsqueeze", last, graph.constant([1])), graph.constant(_moves(made)))
        parameters = graph.add("Add", parameters, moved)
    graph.gives("parameters", parameters, ["N", sizes.parameters])
    for part, value in zip(parts_of(settings.cell), state, strict=True):
        graph.gives(f"{part}_n", value, shape)
    return graph.written("rekur", about)


def stacked(
    graph: Builder,
    made: Architecture,
    weights: Weights,
    name: str,
    x: str,
    start: list[str] | None = None,
    layers: int = 0,
) -> tuple[str, list[str]]:
    """Run the recurrent layers called `name` over x (N, T, I); return the outputs (N, T, H), and the state.

    The state, and `start`, are (K, N, H) each.
    """
    x, ends = graph.add("Transpose", x, perm=[1, 0, 2]), []
    for k in range(layers or made.settings.layers):
        own = [weights[f"{name}.{kind}_l{k}"] for kind in KINDS]
        begin = [graph.between(part, k, k + 1, axis=0) for part in start or ()]
        x, end = layer(graph, made.settings.cell, x, [own], f"{name}.{k}", "", begin)
        ends.append(end)
    joined = [graph.add("Concat", *parts, axis=0) for parts in zip(*ends, strict=True)]
    return graph.add("Transpose", x, perm=[1, 0, 2]), joined


def top(graph: Builder, state: list[str]) -> str:
    """Return h_n (N, H) of the last layer."""
    return graph.add("Gather", state[0], graph.constant(-1), axis=0)


def beside(graph: Builder, future: str, static: str, size: int) -> str:
    """Return (N, size, F + S), what is known at each of `size` places; "" where nothing is."""
    parts = [future] if future else []
    if static:
        parts.append(graph.add("Expand", graph.add("Unsqueeze", static, graph.constant([1])),
                               graph.constant([1, size, 1])))  # fmt: skip
    return graph.add("Concat", *parts, axis=2) if parts else ""


def linked(graph: Builder, made: Architecture, numbers: str) -> str:
    """Return parameters (..., P): those that must be positive are made so."""
    links = made.forecaster.distribution.links
    positive = np.array([link is not None for link in links], np.float32)
    if not positive.any():
        return numbers
    floors = graph.constant(np.array([link or 0.0 for link in links], np.float32))
    above = graph.add("Add", graph.add("Softplus", numbers), floors)
    which = graph.add("Greater", graph.constant(positive), graph.constant(np.float32(0)))
    return graph.add("Where", which, above, numbers)


def _moves(made: Architecture) -> NDArray[np.float32]:
    """Return (P,), 1 where a parameter rises with the values."""
    distribution = made.forecaster.distribution
    return np.array([place in distribution.located for place in range(distribution.parameters)], np.float32)
