"""What taggers have besides: how words are spelt, and the scores of a conditional random field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rekur import engine
from rekur.data.lexicon import distinct
from rekur.inference.arrays import Floats, Integers, Weights, threads


def spelling(mode: str, weights: Weights, layer: Sequence[engine.Weights], characters: Integers) -> Floats:
    """Return (N, T, 2H), the last states of what reads the characters (N, T, L) of each word both ways."""
    words, place, lengths = distinct(characters)
    _, state = engine.layer(mode, weights["embed.characters.weight"], None, layer, lengths, threads(), words.T)
    return np.concatenate(list(state[0]), axis=1)[place].reshape(*characters.shape[:2], -1)


def scores(weights: Weights, emissions: Floats, lengths: Integers | None) -> Floats:
    """Return what `rekur.nn.crf.CRF` does: (N, T, C, C) from emissions (N, T, C)."""
    N, T, _ = emissions.shape
    last = np.full(N, T - 1) if lengths is None else lengths - 1
    ends = (np.arange(T) == last[:, None]).astype(emissions.dtype)  # (N, T)
    whole = emissions + ends[:, :, None] * weights["crf.end"]
    before = np.where((np.arange(T) == 0)[:, None, None], weights["crf.start"], weights["crf.transitions"])
    return whole[:, :, None] + before  # type: ignore[no-any-return]
