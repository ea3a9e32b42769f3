"""A model that writes, as two graphs: one reads the source, one says what is written next; see `rekur.models.decoder`.

    encoder.onnx: tokens (N, T), or values, or images; lengths -> memory, keys, h_0, c_0, fed_0
    decoder.onnx: previous (N,), memory, keys, lengths, h_0, c_0, fed_0 -> log_probabilities, attention, h_n, c_n, fed_n

Of these there are those that the model has. Whoever runs them gives what comes back, `h_n`, as the next `h_0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.architecture import Architecture
from rekur.graphs.attention import attend, keys
from rekur.graphs.builder import Builder, Shape
from rekur.graphs.model import Network
from rekur.graphs.readouts import inside, linear
from rekur.graphs.recurrent import layer, parts_of
from rekur.sizes.layers import KINDS

Weights = Mapping[str, NDArray[Any]]
HELD = ("general", "additive")  # attentions whose keys are made once for all steps


def writer(made: Architecture, weights: Weights, *, padded: bool, about: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of a model that writes: encoder.onnx and decoder.onnx."""
    return {
        "encoder.onnx": _Encoder(made, weights, padded, state=False).encoder(about),
        "decoder.onnx": _Decoder(made, weights, padded).decoder(about),
    }


def steps_of(made: Architecture) -> str:
    """Return the letter of the steps that are read: T as they are given, S of an image's columns, convolved."""
    return "S" if made.image else "T"


class _Encoder(Network):
    """What reads the source, once."""

    def encoder(self, about: Mapping[str, str]) -> bytes:
        graph, sizes, self.steps = self.graph, self.made.decoder, steps_of(self.made)
        memory, _ = self.core(self.embedded(), self.lengths)
        if sizes.attention != "none":
            graph.gives("memory", memory, ["N", self.steps, sizes.memory])
        if sizes.attention in HELD:
            held = keys(graph, sizes.attention, self.weights, "decoder.attention", memory)
            graph.gives("keys", held, ["N", self.steps, sizes.hidden])
        parts = parts_of(sizes.cell)
        for part, value in zip(parts, self._start(), strict=True):
            graph.gives(f"{part}_0", value, [sizes.layers, "N", sizes.hidden])
        if sizes.input_feeding:
            row = graph.add("Concat", graph.size(memory, 0), graph.constant([sizes.width]), axis=0)
            graph.gives("fed_0", graph.add("Expand", graph.constant(np.float32(0)), row), ["N", sizes.width])
        return graph.written("rekur", about)

    def _start(self) -> list[str]:
        """Return the parts (K, N, H) of the state that the decoder begins in."""
        graph, sizes = self.graph, self.made.decoder
        if not sizes.bridges:
            return [graph.add("Concat", *layers, axis=0) for layers in zip(*self.finals, strict=True)]
        top = graph.add("Flatten", graph.add("Transpose", self.finals[-1][0], perm=[1, 0, 2]), axis=1)
        made = graph.add("Tanh", linear(graph, top, self.weights, "decoder.bridge"))
        shape = graph.constant([-1, sizes.parts, sizes.layers, sizes.hidden])
        apart = graph.add("Transpose", graph.add("Reshape", made, shape), perm=[1, 2, 0, 3])
        return [graph.add("Gather", apart, graph.constant(part), axis=0) for part in range(sizes.parts)]


class _Decoder:
    """What writes, a word at a time."""

    def __init__(self, made: Architecture, weights: Weights, padded: bool) -> None:
        self.sizes, self.weights, self.graph = made.decoder, weights, Builder()
        self.table = "decoder.table.weight" if self.sizes.own_table else "embed.table.weight"
        graph, sizes, self.steps = self.graph, self.sizes, steps_of(made)
        self.previous = graph.takes("previous", "INT64", ["N"])
        attends = sizes.attention != "none"
        self.memory = graph.takes("memory", "FLOAT", ["N", self.steps, sizes.memory]) if attends else ""
        held = sizes.attention in HELD
        self.keys = graph.takes("keys", "FLOAT", ["N", self.steps, sizes.hidden]) if held else self.memory
        self.lengths = graph.takes("lengths", "INT64", ["N"]) if attends and padded else ""
        self.shape: Shape = [sizes.layers, "N", sizes.hidden]
        self.state = [graph.takes(f"{part}_0", "FLOAT", self.shape) for part in parts_of(sizes.cell)]
        self.fed = graph.takes("fed_0", "FLOAT", ["N", sizes.width]) if sizes.input_feeding else ""

    def decoder(self, about: Mapping[str, str]) -> bytes:
        graph, sizes = self.graph, self.sizes
        table = graph.constant(self.weights[self.table], self.table)
        x = graph.add("Gather", table, self.previous, axis=0)  # (N, E)
        x = graph.add("Concat", x, self.fed, axis=1) if self.fed else x
        hidden, state = self._step(x)
        features = self._attended(hidden)
        if sizes.tied:
            product = graph.add("MatMul", features, graph.add("Transpose", table, perm=[1, 0]))
            scores = graph.add("Add", product, graph.constant(self.weights["decoder.bias"], "decoder.bias"))
        else:
            scores = linear(graph, features, self.weights, "decoder.output")
        graph.gives("log_probabilities", graph.add("LogSoftmax", scores, axis=-1), ["N", sizes.written])
        for part, value in zip(parts_of(sizes.cell), state, strict=True):
            graph.gives(f"{part}_n", value, self.shape)
        if self.fed:
            graph.gives("fed_n", features, ["N", sizes.width])
        return graph.written("rekur", about)

    def _step(self, x: str) -> tuple[str, list[str]]:
        """Run x (N, E) through all layers; return the top one's output (N, H), and the state."""
        graph, ends = self.graph, []
        x = graph.add("Unsqueeze", x, graph.constant([0]))  # (1, N, E)
        for k in range(self.sizes.layers):
            weights = [self.weights[f"decoder.core.{kind}_l{k}"] for kind in KINDS]
            begin = [graph.between(part, k, k + 1, axis=0) for part in self.state]
            x, end = layer(graph, self.sizes.cell, x, [weights], f"decoder.core.{k}", "", begin)
            ends.append(end)
        joined = [graph.add("Concat", *parts, axis=0) for parts in zip(*ends, strict=True)]
        return graph.add("Squeeze", x, graph.constant([0])), joined

    def _attended(self, hidden: str) -> str:
        """Return the features (N, W) that the output layer reads, from the state (N, H)."""
        graph, sizes = self.graph, self.sizes
        if sizes.attention != "none":
            valid = ""
            if self.lengths:
                valid = graph.add("Transpose", inside(graph, self.memory, self.lengths), perm=[0, 2, 1])  # (N, 1, S)
            queries = graph.add("Unsqueeze", hidden, graph.constant([1]))
            read = (queries, self.keys, self.memory)
            name = "decoder.attention"
            context, looked = attend(graph, sizes.attention, self.weights, name, read, sizes.hidden, valid)
            graph.gives("attention", graph.add("Squeeze", looked, graph.constant([1])), ["N", self.steps])
            hidden = graph.add("Concat", hidden, graph.add("Squeeze", context, graph.constant([1])), axis=1)
        return graph.add("Tanh", linear(graph, hidden, self.weights, "decoder.mix")) if sizes.mixes else hidden
