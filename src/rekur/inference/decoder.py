"""A trained model that writes: what `rekur.models.encoder_decoder` computes, in NumPy around the engine."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rekur import engine
from rekur.architecture import Architecture
from rekur.arithmetic import softmax
from rekur.inference.arrays import Floats, Integers, State, Weights, linear, product, threads, valid
from rekur.inference.network import Network
from rekur.sizes.layers import KINDS


class Standing(NamedTuple):
    """What has been read, and where the decoder is in writing it down."""

    memory: Floats  # (N, S, M)
    keys: Floats | None  # (N, S, H)
    inside: NDArray[np.bool_] | None  # (N, S)
    state: State  # each part (K, N, H)
    fed: Floats | None  # (N, W), with input feeding

    def rows(self, rows: Integers) -> Standing:
        """Return the standing of the batch's `rows` (N',), some perhaps more than once."""
        memory, keys, inside, state, fed = self
        taken = [None if part is None else part[rows] for part in (keys, inside, fed)]
        return Standing(memory[rows], taken[0], taken[1], tuple(part[:, rows] for part in state), taken[2])


class WritingNetwork(Network):
    """A trained encoder-decoder, a `rekur.search.Writer`; see `rekur.models.decoder` for the equations."""

    def __init__(self, architecture: Architecture, weights: Weights) -> None:
        super().__init__(architecture, weights)
        self.sizes = architecture.decoder
        self.table = self.weights["decoder.table.weight" if self.sizes.own_table else "embed.table.weight"]
        self.decoder_layers: list[engine.Weights] = [
            tuple(self.weights[f"decoder.core.{kind}_l{k}"] for kind in KINDS) for k in range(self.sizes.layers)
        ]

    def begin(self, source: NDArray[Any], lengths: Integers | None = None) -> Standing:
        """Read the source; see `rekur.search.Writer`."""
        memory, final = self._core(self._given(source), lengths, None)
        inside = None if lengths is None else valid(memory, lengths)[:, :, 0]
        fed = np.zeros((len(memory), self.sizes.width), memory.dtype) if self.sizes.input_feeding else None
        return Standing(memory, self._keys(memory), inside, self._start(final), fed)

    def write(self, ids: Integers, state: Standing) -> tuple[Floats, Floats | None, Standing]:
        """Read the words (N,) and score the next one; see `rekur.search.Writer`."""
        x = self.table[ids]
        x = x if state.fed is None else np.concatenate([x, state.fed], axis=1)
        hidden, after = self._step(x, state.state)
        features, weights = self._attended(hidden, state)
        scores = features @ self.table.T + self.weights["decoder.bias"] if self.sizes.tied else self._output(features)
        fed = None if state.fed is None else features
        return scores, weights, state._replace(state=after, fed=fed)

    def pick(self, state: Standing, rows: Integers) -> Standing:
        """Return the state of the rows (N',); see `rekur.search.Writer`."""
        return state.rows(rows)

    def _step(self, x: Floats, state: State) -> tuple[Floats, State]:
        """Run one step x (N, E) through all layers; return the top one's (N, H) and the new state."""
        ends, x = [], x[None]
        for k, weights in enumerate(self.decoder_layers):
            start = tuple(np.ascontiguousarray(part[k : k + 1]) for part in state)
            x, end = engine.layer(engine.MODES[self.sizes.cell], x, start, [weights], None, threads(), None)
            ends.append(end)
        return x[0], tuple(np.concatenate(part) for part in zip(*ends, strict=True))

    def _start(self, final: State) -> State:
        sizes = self.sizes
        if not sizes.bridges:
            return final
        D = sizes.final[1] // final[0].shape[2]
        top = np.concatenate(list(final[0][-D:]), axis=1)
        made = np.tanh(linear(top, self.weights, "decoder.bridge")).reshape(-1, sizes.parts, sizes.layers, sizes.hidden)
        return tuple(np.ascontiguousarray(part) for part in made.transpose(1, 2, 0, 3))

    def _keys(self, memory: Floats) -> Floats | None:
        if self.sizes.attention == "none":
            return None
        return (
            memory if self.sizes.attention == "dot" else product(memory, self.weights["decoder.attention.key.weight"])
        )

    def _attended(self, hidden: Floats, state: Standing) -> tuple[Floats, Floats | None]:
        """Return the features (N, W) and the weights (N, S) from the state (N, H)."""
        weights = None
        if state.keys is not None:
            scores = self._scores(hidden, state.keys)
            if state.inside is not None:
                scores = np.where(state.inside, scores, np.finfo(scores.dtype).min)
            weights = softmax(scores)
            weights = weights if state.inside is None else weights * state.inside
            hidden = np.concatenate([hidden, np.matmul(weights[:, None], state.memory)[:, 0]], axis=1)
        return (np.tanh(linear(hidden, self.weights, "decoder.mix")) if self.sizes.mixes else hidden), weights

    def _scores(self, hidden: Floats, keys: Floats) -> Floats:
        if self.sizes.attention != "additive":
            return np.matmul(keys, hidden[:, :, None] * np.float32(self.sizes.hidden**-0.5))[:, :, 0]  # type: ignore[no-any-return]
        query = linear(hidden, self.weights, "decoder.attention.query")
        summed = np.tanh(query[:, None] + keys)
        scores: Floats = product(summed, self.weights["decoder.attention.score.weight"])[:, :, 0]
        return scores

    def _output(self, features: Floats) -> Floats:
        return linear(features, self.weights, "decoder.output")
