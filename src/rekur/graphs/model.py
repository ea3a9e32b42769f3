"""From an architecture and its weights to the graph: Embed, Core, Readout, Head."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.architecture import SCRATCH, Architecture
from rekur.errors import RequestError
from rekur.graphs import evidence, figures
from rekur.graphs.builder import Builder, Shape
from rekur.graphs.readouts import READOUTS, Read, inside, linear
from rekur.graphs.recurrent import layer, parts_of

Weights = Mapping[str, NDArray[Any]]


def graph(
    architecture: Architecture,
    weights: Weights,
    *,
    padded: bool,
    state: bool = False,
    about: Mapping[str, str] | None = None,
) -> bytes:
    """Return the model as the bytes of an .onnx file; N and T are free.

    Inputs are `tokens` (N, T) int64 and, of a model that reads how words are spelt, `characters` (N, T, L) int64; or
    `values` (N, T, I) float32; or `images` (N, C, height, W) float32. The output is `outputs`, (N, outputs) or
    (N, T, outputs): before softmax, and of a conditional random field before its transitions. With a state it is
    `log_probabilities` (N, T, outputs).

    Args:
        weights: by the names of model.safetensors, checked by `rekur.architecture.check`.
        padded: whether there is an input `lengths` (N,) int64 of the valid steps of each row.
        state: whether the state is given and returned: `h_0` and `h_n`, of an LSTM `c_0` and `c_n`, (K*D, N, H) each.
        about: words for the file's metadata.

    Raises RequestError for what a graph cannot say, MissingPackage without the package onnx.
    """
    if not architecture.settings.batch_first:
        raise RequestError(
            "This model cannot be exported to ONNX. model.batch_first = false takes the batch for time, a fault kept "
            "to show it. Train without."
        )
    return Network(architecture, weights, padded, state).written(about or {})


class Network:
    """One model on its way into a graph; each method returns the name of what it added."""

    def __init__(self, architecture: Architecture, weights: Weights, padded: bool, state: bool) -> None:
        self.made, self.settings = architecture, architecture.settings
        self.weights = {name.removeprefix("model."): array for name, array in weights.items()}
        if self.settings.api == "numpy":
            self.weights = {SCRATCH[name]: array.astype(np.float32) for name, array in weights.items()}
            self.weights["core.bias_hh_l0"] = np.zeros_like(self.weights["core.bias_ih_l0"])
        self.graph = Builder()
        self.given = self._inputs()
        self.lengths = self.graph.takes("lengths", "INT64", ["N"]) if padded else ""
        shape: Shape = [self.settings.layers * self.made.directions, "N", self.settings.hidden]
        parts = parts_of(self.settings.cell) if state else ()
        self.parts = {part: self.graph.takes(f"{part}_0", "FLOAT", shape) for part in parts}
        self.state_shape = shape
        self.finals: list[list[str]] = []  # of each layer, the parts (D, N, H) of its last state

    def written(self, about: Mapping[str, str]) -> bytes:
        graph = self.graph
        if self.settings.evidence:
            keys = self.weights["embed.evidence.keys"]
            self.n_grams = evidence.find(graph, self.given[0], keys, self.settings.evidence)
        features = self._read(self.embedded())
        output = self._tied(features) if self.made.ties else self._head(features)
        if self.settings.squash == "sigmoid":
            output = graph.add("Sigmoid", output)
        if self.settings.residual:
            before = graph.add("Gather", self.given[0], graph.constant(-1), axis=1)  # (N, I)
            anchor = graph.constant([self.made.anchor])
            output = graph.add("Add", output, graph.add("Gather", before, anchor, axis=1))
        if self.settings.ballot:
            output = self._with_ballot(output)
        if self.settings.figures:
            vote = figures.vote(graph, self.given[0], self.lengths, self.weights, self.settings.figures)
            output = graph.add("Add", output, vote)
        steps: Shape = ["T"] if self.settings.readout == "every" else []
        name = "log_probabilities" if self.parts else "outputs"
        if self.parts and not self.settings.cutoffs:
            output = graph.add("LogSoftmax", output, axis=-1)
        graph.gives(name, output, ["N", *steps, self.made.outputs])
        return graph.written("rekur", about)

    def _inputs(self) -> list[str]:
        graph, made = self.graph, self.made
        if made.image:
            return [graph.takes("images", "FLOAT", ["N", *made.image, "W"])]
        if made.values:
            return [graph.takes("values", "FLOAT", ["N", "T", made.values])]
        ids = graph.takes("tokens", "INT64", ["N", "T"])
        return [ids, graph.takes("characters", "INT64", ["N", "T", "L"])] if made.spelling else [ids]

    # Embed

    def embedded(self) -> str:
        """Return (N, T, I)."""
        graph, made = self.graph, self.made
        if made.image:
            return self._columns(self.given[0])
        if made.values:
            return self.given[0]
        if not self.settings.embedding:
            ends = graph.constant(np.array([0, 1], np.float32))
            return graph.add("OneHot", self.given[0], graph.constant([made.tokens]), ends, axis=-1)
        name = "embed.tokens.table.weight" if made.spelling or self.settings.evidence else "embed.table.weight"
        words = graph.add("Gather", graph.constant(self.weights[name], name), self.given[0], axis=0)
        if self.settings.evidence:
            beside = evidence.ratios(graph, *self.n_grams, self.weights["embed.evidence.ratios"])
            return graph.add("Concat", words, beside, axis=2)
        return graph.add("Concat", words, self._spelt(*self.given), axis=2) if made.spelling else words

    def _columns(self, images: str) -> str:
        """Convolve images (N, C, height, W), and take the columns of what is found for steps (N, S, I)."""
        graph = self.graph
        for name in self.made.convolutions:
            parts = [graph.constant(self.weights[f"{name}.{part}"], f"{name}.{part}") for part in ("weight", "bias")]
            images = graph.add("Conv", images, *parts, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
            images = graph.add("Relu", graph.add("MaxPool", images, kernel_shape=[2, 2], strides=[2, 2]))
        turned = graph.add("Transpose", images, perm=[0, 3, 1, 2])
        return graph.add("Reshape", turned, graph.constant([0, 0, self.made.read]))

    def _spelt(self, ids: str, characters: str) -> str:
        """Read the characters (N, T, L) of every word both ways, from the first to the last that is not 0."""
        graph, made = self.graph, self.made
        rows = graph.add("Concat", graph.constant([-1]), graph.size(characters, 2), axis=0)
        flat = graph.add("Reshape", characters, rows)  # (N*T, L)
        written = graph.add("Cast", graph.add("Greater", flat, graph.constant(0)), to=graph.onnx.TensorProto.INT32)
        lengths = graph.add("ReduceSum", written, graph.constant([1]), keepdims=0)  # (N*T,)
        name = "embed.characters.weight"
        table = graph.constant(self.weights[name], name)
        letters = graph.add("Gather", table, graph.add("Transpose", flat, perm=[1, 0]), axis=0)  # (L, N*T, E)
        ways = [[self.weights[part] for part in made.reader(d)] for d in range(2)]
        _, final = layer(graph, self.settings.cell, letters, ways, "embed.reader", lengths)
        joined = graph.add("Flatten", graph.add("Transpose", final[0], perm=[1, 0, 2]), axis=1)  # (N*T, 2H)
        shape = graph.add("Concat", graph.add("Shape", ids), graph.constant([-1]), axis=0)
        return graph.add("Reshape", joined, shape)

    # Core and Readout

    def _read(self, x: str) -> str:
        """Return what the head reads: (N, F), or (N, T, F) with the readout `every`."""
        if self.settings.segment:
            outputs, final, lengths = self._in_segments(x)
        else:
            outputs, final = self.core(x, self.lengths)
            lengths = self.lengths
        return READOUTS[self.settings.readout](self.graph, Read(outputs, final, lengths, self.weights))

    def core(self, x: str, lengths: str) -> tuple[str, str]:
        """Return the outputs (N, T, D*H) of all layers over x (N, T, I), and the top one's last state (D, N, H)."""
        graph, D = self.graph, self.made.directions
        ends = graph.add("Cast", lengths, to=graph.onnx.TensorProto.INT32) if lengths else ""
        self.finals = finals = []
        x = graph.add("Transpose", x, perm=[1, 0, 2])
        for k in range(self.settings.layers):
            ways = [[self.weights[name] for name in self.made.core(k, d)] for d in range(D)]
            start = [self._layers_of(name, k) for name in self.parts.values()]
            x, final = layer(graph, self.settings.cell, x, ways, f"core.{k}", ends, start)
            finals.append(final)
        for part, states in zip(self.parts, zip(*finals, strict=True), strict=False):
            graph.gives(f"{part}_n", graph.add("Concat", *states, axis=0), self.state_shape)
        return graph.add("Transpose", x, perm=[1, 0, 2]), finals[-1][0]

    def _layers_of(self, state: str, k: int) -> str:
        """Return the part (D, N, H) of a state (K*D, N, H) that belongs to layer k."""
        D = self.made.directions
        return self.graph.add("Gather", state, self.graph.constant(list(range(k * D, (k + 1) * D))), axis=0)

    def _in_segments(self, x: str) -> tuple[str, str, str]:
        """Read segments of x (N, T, I) side by side; return outputs (N, S*size, D*H), a state, and lengths (N,)."""
        graph, size = self.graph, self.settings.segment
        T, N = graph.size(x, 1), graph.size(x, 0)
        short = graph.add("Mod", graph.add("Neg", T), graph.constant([size]))
        pads = graph.add("Concat", graph.constant([0, 0, 0, 0]), short, graph.constant([0]), axis=0)
        x = graph.add("Pad", x, pads)  # (N, S*size, I)
        lengths = self.lengths or graph.add("Expand", T, N)
        count = graph.add("Div", graph.size(x, 1), graph.constant([size]))  # (1,) S
        places = graph.add("Range", graph.constant(0), graph.scalar(count), graph.constant(1))
        begins = graph.add("Mul", places, graph.constant([size]))  # (S,)
        left = graph.add("Sub", graph.add("Unsqueeze", lengths, graph.constant([1])), begins)  # (N, S)
        inside = graph.add("Min", graph.add("Max", left, graph.constant([0])), graph.constant([size]))
        segments = graph.add("Reshape", x, graph.constant([-1, size, self.made.read]))  # (N*S, size, I)
        hidden, final = self.core(segments, graph.add("Reshape", inside, graph.constant([-1])))
        features = graph.constant([self.made.directions * self.settings.hidden])
        whole = graph.add("Concat", N, graph.constant([-1]), features, axis=0)
        return graph.add("Reshape", hidden, whole), final, lengths

    # Head

    def _head(self, features: str) -> str:
        for place in range(len(self.made.head)):
            features = self.graph.add("Relu", features) if place else features
            features = linear(self.graph, features, self.weights, f"head.{2 * place}")
        return features

    def _with_ballot(self, output: str) -> str:
        """Return the mean of the outputs (N, outputs) and the vote of the n-grams."""
        graph, (feature, known) = self.graph, self.n_grams
        if self.lengths:
            known = graph.add("And", known, inside(graph, self.given[0], self.lengths))
        vote = evidence.vote(graph, feature, known, self.weights)
        if self.made.outputs == 2:
            vote = graph.add("Mul", vote, graph.constant(np.array([-0.5, 0.5], np.float32)))
        return graph.add("Mul", graph.add("Add", output, vote), graph.constant(np.float32(0.5)))

    def _tied(self, features: str) -> str:
        """Return the scores of `rekur.tied`: logits, or with cutoffs log-probabilities."""
        graph, weights, cutoffs = self.graph, self.weights, self.settings.cutoffs
        if "head.projection.weight" in weights:
            features = linear(graph, features, weights, "head.projection")
        table = graph.constant(weights["embed.table.weight"].T, "head.table")
        logits = graph.add(
            "Add", graph.add("MatMul", features, table), graph.constant(weights["head.bias"], "head.bias")
        )
        if not cutoffs:
            return logits
        groups = linear(graph, features, weights, "head.groups")
        head = graph.add("Concat", graph.between(logits, 0, cutoffs[0], axis=-1), groups, axis=-1)
        first = graph.add("LogSoftmax", head, axis=-1)
        parts = [graph.between(first, 0, cutoffs[0], axis=-1)]
        for g, (begin, end) in enumerate(itertools.pairwise((*cutoffs, self.made.outputs))):
            tail = graph.add("LogSoftmax", graph.between(logits, begin, end, axis=-1), axis=-1)
            parts.append(graph.add("Add", tail, graph.between(first, cutoffs[0] + g, cutoffs[0] + g + 1, axis=-1)))
        return graph.add("Concat", *parts, axis=-1)
