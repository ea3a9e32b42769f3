"""The decoder: a readout that writes a sequence, one word after another, from what the core read.

    e_t = table[y_{t-1}]
    h_t = core([e_t; a_{t-1}], h_{t-1})             a_{t-1} only with input feeding
    c_t = attention(h_t, memory)                    without attention: nothing
    a_t = tanh(W [h_t; c_t])
    p(y_t | y_<t, source) = softmax(U a_t + b)      tied: U is the table

h_0 is the core's final state, or a linear map of it where the sizes differ. Without input feeding the steps of the core
do not wait for the attention, and a whole target is one pass through a recurrent layer.
Source: Luong et al. 2015; Sutskever et al. 2014 without attention; Press and Wolf 2017 for the tied table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.nn import LAYERS, attention, readouts
from rekur.notation import START, UNKNOWN
from rekur.sizes.decoder import DecoderSizes

Parts = tuple[Tensor, ...]  # (h,) or (h, c), each (K, N, H)


class Source(NamedTuple):
    """What the decoder may look at."""

    memory: Tensor  # (N, S, M) the core's outputs
    keys: Tensor | None  # (N, S, H) the memory as attention compares it
    inside: Tensor | None  # (N, S) true at the steps of the source


class Place(NamedTuple):
    """Where the decoder stands in what it writes."""

    state: Parts
    fed: Tensor | None  # (N, 1, W) a_{t-1}, with input feeding


class Decoder(nn.Module):
    """Scores of the next word for each step of what has been read; see the equations above."""

    def __init__(
        self, sizes: DecoderSizes, words: float = 0, embedding: float = 0, layers: float = 0, readout: float = 0
    ) -> None:
        """Make an untrained decoder; the four shares are dropped in training: of words, vectors, layers, features."""
        super().__init__()
        self.sizes, self.words, self.dropouts = sizes, words, (embedding, readout)
        V, H, fed = sizes.written, sizes.hidden, sizes.width if sizes.input_feeding else 0
        if sizes.own_table:
            self.table = nn.Embedding(V, sizes.embedding)
        self.core = LAYERS[sizes.cell](
            sizes.embedding + fed, H, num_layers=sizes.layers, batch_first=True, dropout=layers
        )
        if sizes.bridges:
            self.bridge = nn.Linear(sizes.final[1], sizes.parts * sizes.layers * H)
        self.attention = attention.make(sizes.attention, H, sizes.memory)
        if sizes.mixes:
            self.mix = nn.Linear(sizes.mixes, sizes.width)
        if sizes.tied:
            self.bias = nn.Parameter(torch.zeros(V))
        else:
            self.output = nn.Linear(sizes.width, V)

    def begin(self, memory: Tensor, final: Parts, lengths: Tensor | None) -> tuple[Source, Place]:
        """Return the source and the place before the first word.

        Args:
            memory: (N, S, M) the core's outputs.
            final: the core's final state, each part (K*D, N, H).
            lengths: (N,) of the source, None for S everywhere.
        """
        memory = F.dropout(memory, self.dropouts[1], self.training)
        keys = None if self.attention is None else self.attention.keys(memory)
        inside = None if lengths is None else readouts.valid(memory, lengths)
        fed = memory.new_zeros(len(memory), 1, self.sizes.width) if self.sizes.input_feeding else None
        return Source(memory, keys, inside), Place(self._start(final), fed)

    def _start(self, final: Parts) -> Parts:
        if not self.sizes.bridges:
            return final
        K, H, parts = self.sizes.layers, self.sizes.hidden, self.sizes.parts
        D = self.sizes.final[1] // final[0].shape[2]
        top = torch.cat(tuple(final[0][-D:]), dim=1)  # (N, D*H) of the core's last layer
        made = torch.tanh(self.bridge(top)).view(-1, parts, K, H).permute(1, 2, 0, 3)  # (parts, K, N, H)
        return tuple(part.contiguous() for part in made)

    def forward(
        self, read: Tensor, source: Source, place: Place, table: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Place]:
        """Return the scores (N, T, V), the attention (N, T, S) or None, and the place; see `features`."""
        features, weights, place = self.features(read, source, place, table)
        return F.linear(features, *self.output_layer(table)), weights, place

    def features(
        self, read: Tensor, source: Source, place: Place, table: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Place]:
        """Return what the output layer reads (N, T, W), the attention, and the place behind the last word.

        Args:
            read: (N, T) ids of the words before those to be written.
            source, place: of `begin` or an earlier call.
            table: (V, E) the words' vectors, where the decoder has no table of its own.
        """
        table = self.table.weight if table is None else table
        if self.training and self.words > 0:
            kept = torch.rand(read.shape, device=read.device) >= self.words
            read = torch.where(kept | (read == START), read, UNKNOWN)
        x = F.dropout(F.embedding(read, table), self.dropouts[0], self.training)
        features, weights, place = (
            self._fed(x, source, place) if place.fed is not None else self._whole(x, source, place)
        )
        return F.dropout(features, self.dropouts[1], self.training), weights, place

    def output_layer(self, table: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the weight (V, W) and the bias (V,) that turn features into scores; `table` as in `features`."""
        if not self.sizes.tied:
            return self.output.weight, self.output.bias
        return self.table.weight if table is None else table, self.bias

    def _whole(self, x: Tensor, source: Source, place: Place) -> tuple[Tensor, Tensor | None, Place]:
        """Run all steps at once."""
        hidden, state = self.core(x, place.state if self.sizes.parts == 2 else place.state[0])
        features, weights = self._attended(hidden, source)
        return features, weights, Place(_parts(state), None)

    def _fed(self, x: Tensor, source: Source, place: Place) -> tuple[Tensor, Tensor | None, Place]:
        """Run step after step, each reading what was attended to before it."""
        found: list[tuple[Tensor, Tensor | None]] = []
        for x_t in torch.split(x, 1, dim=1):
            state = place.state if self.sizes.parts == 2 else place.state[0]
            hidden, state = self.core(torch.cat([x_t, place.fed], dim=2), state)  # type: ignore[list-item]
            found.append(self._attended(hidden, source))
            place = Place(_parts(state), found[-1][0])
        features, weights = zip(*found, strict=True)
        return torch.cat(features, dim=1), torch.cat(weights, dim=1), place

    def _attended(self, hidden: Tensor, source: Source) -> tuple[Tensor, Tensor | None]:
        """Return a_t (N, T, W) and the weights (N, T, S) from the states (N, T, H)."""
        weights = None
        if self.attention is not None and source.keys is not None:
            context, weights = self.attention(hidden, source.keys, source.memory, source.inside)
            hidden = torch.cat([hidden, context], dim=2)
        return (torch.tanh(self.mix(hidden)) if self.sizes.mixes else hidden), weights


def pick(source: Source, place: Place, rows: Tensor) -> tuple[Source, Place]:
    """Return the source and the place of the batch's `rows` (N',), some perhaps more than once."""
    fed = None if place.fed is None else place.fed[rows]
    state = tuple(part[:, rows] for part in place.state)
    return Source(*(None if part is None else part[rows] for part in source)), Place(state, fed)  # type: ignore[arg-type]


def _parts(state: Tensor | Sequence[Tensor]) -> Parts:
    return (state,) if isinstance(state, Tensor) else tuple(state)
