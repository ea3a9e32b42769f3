"""A sequence in, a sequence out: Embed and Core read the source, a decoder is the readout."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rekur.architecture import Architecture
from rekur.models.decoder import Decoder, Place, Source, pick
from rekur.models.sequence import Inputs, State, device_of, make_core, on
from rekur.nn.crossentropy import linear_cross_entropy
from rekur.nn.initialise import keras_

Integers = NDArray[np.int64]


class Standing(NamedTuple):
    """What has been read, and where the decoder is in writing it down."""

    source: Source
    place: Place


class EncoderDecoder(nn.Module):
    """Every model that writes. To train, call it; to write, it is a `rekur.search.Writer`."""

    def __init__(self, architecture: Architecture, embed: nn.Module) -> None:
        super().__init__()
        settings = architecture.settings
        self.shared = architecture.shared
        self.embed = embed
        self.core = make_core(architecture)
        self.decoder = Decoder(
            architecture.decoder,
            words=settings.dropout_words,
            embedding=settings.dropout_embedding,
            layers=settings.dropout_layers,
            readout=settings.dropout_readout,
        )
        if settings.init == "keras":
            keras_(self)
        if settings.tied:  # nn.Embedding draws N(0, 1), which as an output layer begins with scores far apart
            table = self._table()
            nn.init.normal_(self.decoder.table.weight if table is None else table, std=settings.embedding**-0.5)

    def forward(self, inputs: Any, lengths: Any = None, state: State = None) -> tuple[Tensor, None]:  # noqa: ARG002
        """Return the scores (N, T, V) of the word behind each word read.

        Args:
            inputs: the source, ids (N, S) or values (N, S, I), and the words read (N, T): START, y_1 ... y_{T-1}.
            lengths: (N,) steps of the source, None for S everywhere.
        """
        source, read = inputs
        standing = self.read(source, lengths)
        scores, _, _ = self.decoder(on(device_of(self), read), *standing, self._table())
        return scores, None

    def nats(self, inputs: Any, lengths: Any, target: NDArray[np.int64], smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy () of the words `target` (N, T), padding (0) left out.

        It is that of the scores, which are never held whole; see `rekur.nn.crossentropy`.
        """
        source, read = inputs
        standing, device = self.read(source, lengths), device_of(self)
        features, _, _ = self.decoder.features(on(device, read), *standing, self._table())
        words = on(device, target).flatten()
        counted = words.nonzero().squeeze(1)
        h = features.flatten(0, 1).index_select(0, counted)
        return linear_cross_entropy(h, *self.decoder.output_layer(self._table()), words[counted], smoothing)

    def read(self, source: Inputs, lengths: Any = None) -> Standing:
        """Read the source, and stand before the first word."""
        device = device_of(self)
        valid = on(device, lengths)
        outputs, final = self.core(self.embed(on(device, source)), None, lengths=valid)
        return Standing(*self.decoder.begin(outputs, final if isinstance(final, tuple) else (final,), valid))

    def begin(self, source: NDArray[Any], lengths: Integers | None = None) -> Standing:
        """Read the source; see `rekur.search.Writer`."""
        with torch.inference_mode():
            return self.read(source, lengths)

    def write(self, ids: Integers, state: Standing) -> tuple[NDArray[Any], NDArray[Any] | None, Standing]:
        """Read the words (N,) and score the next one; see `rekur.search.Writer`."""
        with torch.inference_mode():
            read = on(device_of(self), ids).unsqueeze(1)
            scores, weights, place = self.decoder(read, *state, self._table())
        attention = None if weights is None else weights[:, 0].cpu().numpy()
        return scores[:, 0].cpu().numpy(), attention, Standing(state.source, place)

    def pick(self, state: Standing, rows: Integers) -> Standing:
        """Return the state of the rows (N',); see `rekur.search.Writer`."""
        with torch.inference_mode():
            return Standing(*pick(*state, on(device_of(self), rows)))

    def _table(self) -> Tensor | None:
        return self.embed.table.weight if self.shared else None  # type: ignore[union-attr, return-value]
