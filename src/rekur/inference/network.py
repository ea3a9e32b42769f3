"""A trained model that reads a sequence: NumPy around the engine's recurrent layers."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur import convolution, engine, tied
from rekur.architecture import SCRATCH, Architecture
from rekur.arithmetic import sigmoid
from rekur.data import evidence, figures
from rekur.inference import step, tags
from rekur.inference.arrays import Floats, Integers, State, Weights, linear, threads, valid
from rekur.inference.readouts import READOUTS

Inputs = NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]

LARGEST = 1 << 26  # numbers in a table of products: 256 MB
SMALL = 1 << 18  # numbers in one that is made for any input: a millisecond or two


class Network:
    """A trained model: the weights that its architecture names, checked by `rekur.architecture.check`."""

    def __init__(self, architecture: Architecture, weights: Weights) -> None:
        self.architecture, self.settings = architecture, architecture.settings
        self.weights = {name.removeprefix("model."): array for name, array in weights.items()}
        if self.settings.api == "numpy":
            self.weights = {SCRATCH[name]: array for name, array in weights.items()}
            self.weights["core.bias_hh_l0"] = np.zeros_like(weights["bias_ih_l0"])  # it has one bias, a layer two
        self.layers = [
            [tuple(self.weights[name] for name in architecture.core(k, d)) for d in range(architecture.directions)]
            for k in range(self.settings.layers)
        ]
        self.many = False  # whether it was made for many ids, see `for_many`

    def __call__(
        self, inputs: Inputs, lengths: Integers | None = None, state: State | None = None
    ) -> tuple[Floats, State | None]:
        """Return the outputs, (N, outputs) or (N, T, outputs), and the state after each row's last step.

        Args:
            inputs: ids (N, T), or values (N, T, I), or ids and each word's characters (N, T, L).
            lengths: valid steps (N,) of each row, None for T everywhere.
            state: as an earlier call returned it; None for zeros.
        """
        output, state = self.emissions(inputs, lengths, state)
        if self.settings.crf:
            return tags.scores(self.weights, output, lengths), state
        first = inputs[0] if isinstance(inputs, tuple) else inputs
        if self.settings.figures:
            return output + self._of_figures(first, lengths), state
        return self._with_ballot(output, first, lengths), state

    def emissions(
        self, inputs: Inputs, lengths: Integers | None = None, state: State | None = None
    ) -> tuple[Floats, State | None]:
        """Return the outputs before a conditional random field or a ballot, and the state; arguments as of a call."""
        first = inputs[0] if isinstance(inputs, tuple) else inputs
        features, state = self.features(inputs, lengths, state)
        output = self._head(features)
        if self.settings.squash == "sigmoid":
            output = sigmoid(output)
        if self.settings.residual:
            output = output + first[:, -1, self.architecture.anchor, None]
        return output, state

    def _given(self, inputs: Any) -> NDArray[Any]:
        """Return what the core takes: ids (N, T) it looks up itself, or (N, T, I)."""
        first = inputs[0] if isinstance(inputs, tuple) else inputs
        return first if self._looks_up() else self._embed(inputs)

    def features(
        self, inputs: Inputs, lengths: Integers | None = None, state: State | None = None
    ) -> tuple[Floats, State | None]:
        """Return what the head reads, (N, F) or (N, T, F), and the state; arguments as of a call."""
        x = self._given(inputs)
        if self.settings.segment:
            return self._in_segments(x, lengths), None
        hidden, state = self._core(x, lengths, state)
        return self._readout(hidden, state, lengths), state

    def _looks_up(self) -> bool:
        """Whether the first layer reads ids, as rows of a table."""
        made = self.architecture
        return not (made.values or made.image or made.spelling or self.settings.evidence)

    def for_many(self, ids: int) -> Network:
        """Return the same model for a job of so many ids in all: it multiplies its table first, where that pays.

        What is said of an input differs in its last bits between the two. So the size of the job decides, and never
        what was asked before: a job that is done again gives the same bits.
        """
        pays = self._looks_up() and ids >= self.architecture.tokens and self._products <= LARGEST
        return self._for_many if pays else self

    @cached_property
    def _for_many(self) -> Network:
        other = copy.copy(self)
        other.many = True
        return other

    def _table(self) -> tuple[Floats, list[engine.Weights]]:
        """Return what the first layer looks ids up in, (V, I) or (V, D*G*H), and its weights beside that.

        A table multiplied by W_ih pays from as many ids on as it has rows; of unit vectors it is W_ih itself.
        """
        if self.settings.embedding and not self.many and self._products > SMALL:
            return self.weights["embed.table.weight"], list(self.layers[0])
        return self.products, [(None, *part[1:]) for part in self.layers[0]]

    @property
    def _products(self) -> int:
        return self.architecture.tokens * sum(len(part[0]) for part in self.layers[0])

    @cached_property
    def products(self) -> Floats:
        """What each token adds to the sums of the first layer (V, D*G*H): its vector times W_ih'."""
        w_ih = np.concatenate([part[0] for part in self.layers[0]])  # (D*G*H, I)
        return self.weights["embed.table.weight"] @ w_ih.T if self.settings.embedding else np.ascontiguousarray(w_ih.T)

    def _embed(self, inputs: Inputs) -> Floats:
        """Return (N, T, I) from images, from values (N, T, I), or from ids (N, T) and the evidence of their n-grams."""
        if self.architecture.image:
            return convolution.columns(np.asarray(inputs), self.weights, self.architecture.convolutions)
        if isinstance(inputs, tuple):
            return self._spelt(*inputs)
        if self.architecture.values:
            return inputs
        feature, known = self._n_grams(inputs)
        ratios = self.weights["embed.evidence.ratios"][feature]  # (N, T, order), or (N, T, order, C)
        ratios = np.where(known if ratios.ndim == 3 else known[..., None], ratios, np.float32(0))
        ratios = ratios.reshape(*ratios.shape[:2], -1)
        return np.concatenate([np.take(self.weights["embed.tokens.table.weight"], inputs, axis=0), ratios], axis=2)

    def _spelt(self, ids: Integers, characters: Integers) -> Floats:
        """Return (N, T, E + 2H): the words' vectors, and beside them how each is spelt."""
        layer = [tuple(self.weights[name] for name in self.architecture.reader(d)) for d in range(2)]
        spelt = tags.spelling(engine.MODES[self.settings.cell], self.weights, layer, characters)
        return np.concatenate([np.take(self.weights["embed.tokens.table.weight"], ids, axis=0), spelt], axis=2)

    def _core(self, x: NDArray[Any], lengths: Integers | None, state: State | None) -> tuple[Floats, State]:
        """Run the layers over x (N, T, I) or over ids (N, T).

        Returns the outputs (N, T, D*H), zero behind a length, and the final state.
        """
        D, mode, ends = self.architecture.directions, engine.MODES[self.settings.cell], []
        layers: list[list[engine.Weights]] = [list(part) for part in self.layers]
        x = x.swapaxes(0, 1) if self.settings.batch_first else x  # (T, N, I), or ids (T, N)
        ids = None
        if self._looks_up():
            ids = x
            x, layers[0] = self._table()
        if ids is not None and ids.shape == (1, 1):
            x, ids = x[ids], None
        single = x.shape[:2] == (1, 1) and D == 1 and lengths is None and state is not None
        for k, weights in enumerate(layers):
            start = None if state is None else tuple(part[k * D : (k + 1) * D] for part in state)
            if single and start is not None:
                end = step.layer(mode, x, start, weights[0])
                x = end[0]
            else:
                x, end = engine.layer(mode, x, start, weights, lengths, threads(), None if k else ids)
            ends.append(end)
        final = tuple(np.concatenate(part) for part in zip(*ends, strict=True))
        return x.swapaxes(0, 1) if self.settings.batch_first else x, final

    def _in_segments(self, x: NDArray[Any], lengths: Integers | None) -> Floats:
        """Cut each row into segments that the core reads side by side; pool over all steps of the row."""
        N, T = x.shape[:2]
        size = max(1, min(T, self.settings.segment))  # no more is read, and none would be padded for
        lengths = np.full(N, T) if lengths is None else lengths
        x = np.pad(x, ((0, 0), (0, -T % size), (0, 0))[: x.ndim])  # (N, S*size, I), or ids (N, S*size)
        count = x.shape[1] // size
        inside = (lengths[:, None] - np.arange(count) * size).clip(0, size).reshape(-1)  # (N*S,) steps of each segment
        used = np.flatnonzero(inside)
        hidden, state = self._core(x.reshape(N * count, size, *x.shape[2:])[used], inside[used], None)
        whole = np.zeros((N * count, *hidden.shape[1:]), hidden.dtype)
        whole[used] = hidden
        return self._readout(whole.reshape(N, count * size, -1), state, lengths)

    def _readout(self, hidden: Floats, state: State, lengths: Integers | None) -> Floats:
        return READOUTS[self.settings.readout](hidden, state, lengths, self.weights)

    def _head(self, features: Floats) -> Floats:
        if self.architecture.ties:
            return tied.scores(features, self.weights, self.weights["embed.table.weight"], self.settings.cutoffs)
        for place in range(len(self.architecture.head)):
            features = np.maximum(features, 0) if place else features
            features = linear(features, self.weights, f"head.{2 * place}")
        return features

    def _of_figures(self, values: Floats, lengths: Integers | None) -> Floats:
        """Return the vote (N, outputs) of a sequence's figures."""
        part = {name: self.weights[f"figures.{name}"] for name in ("kernels", "offsets", "shift", "scale")}
        kernels = figures.Kernels(part["kernels"], part["offsets"])
        told = figures.figures(np.asarray(values, np.float32), lengths, self.settings.figures, kernels)
        return linear(figures.scaled(told, part["shift"], part["scale"]), self.weights, "figures")

    def _with_ballot(self, output: Floats, ids: Integers, lengths: Integers | None) -> Floats:
        """Return the mean of the outputs (N, outputs) and the vote of the n-grams; see `rekur.evidence.Ballot`."""
        if not self.settings.ballot:
            return output
        vote = self._vote(ids, lengths)  # (N,), or (N, C)
        if vote.ndim == 2:
            return (output + vote) / 2
        vote = vote[:, None]
        return (output + (vote if output.shape[1] == 1 else np.concatenate([-vote / 2, vote / 2], axis=1))) / 2

    def _vote(self, ids: Integers, lengths: Integers | None) -> Floats:
        feature, known = self._n_grams(ids)  # (N, T, order)
        if lengths is not None:
            known = known & valid(ids, lengths)
        ratios = self.weights["ballot.evidence.ratios"]
        sums = np.empty((len(ids), *ratios.shape[1:]), np.float32)
        for n, row in enumerate(np.where(known, feature, -1)):
            chosen = np.unique(row[row >= 0])
            weights = evidence.START + evidence.PACE * self.weights["ballot.weight"][chosen]
            voted = ratios[chosen] @ weights if ratios.ndim == 1 else (ratios[chosen] * weights).sum(axis=0)
            sums[n] = voted / np.sqrt(max(1, len(chosen)))
        return sums + self.weights["ballot.bias"]

    def _n_grams(self, ids: Integers) -> tuple[Integers, NDArray[np.bool_]]:
        return evidence.find(self.weights["embed.evidence.keys"], ids, self.settings.evidence)
