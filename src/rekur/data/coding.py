"""How a text becomes ids: the two codings of the chapters, behind one interface."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Self

import polars as pl

from rekur.data.ragged import Ragged
from rekur.data.vocabulary import SPECIALS, KerasRanks, Vocabulary, keras_coding

KERAS_RESERVED = 3  # Keras: 0 pads, 1 starts, 2 is unknown
_NO_WORDS, _NO_RANKS = Vocabulary(SPECIALS, "words"), KerasRanks(())


class Coding(abc.ABC):
    """Settings first, then `fit` on training texts (or `from_json`), then `encode` of any. Id 0 pads."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """Ids there are, V: every id is below."""

    @property
    @abc.abstractmethod
    def unknown(self) -> int:
        """The id of words that have none."""

    @abc.abstractmethod
    def fit(self, texts: pl.Series) -> Self:
        """Return this coding with the words of the training texts (N,)."""

    @abc.abstractmethod
    def encode(self, texts: pl.Series) -> Ragged:
        """Return the ids of each text (N,): Ragged of int32. A text without a token gives an empty row."""

    @abc.abstractmethod
    def to_json(self) -> str:
        """Write the words as JSON; the settings stand in the recipe."""

    @abc.abstractmethod
    def from_json(self, text: str) -> Self:
        """Return this coding with the words `to_json` wrote, or raise DataError."""


@dataclass(frozen=True)
class WordCoding(Coding):
    """Words numbered by frequency behind <pad> and <unk>; see `Vocabulary`."""

    tokenizer: str
    max_words: int = 0  # 0: all
    min_count: int = 1
    vocabulary: Vocabulary = _NO_WORDS

    @property
    def size(self) -> int:
        return len(self.vocabulary)

    @property
    def unknown(self) -> int:
        return SPECIALS.index("<unk>")

    def fit(self, texts: pl.Series) -> Self:
        fitted = Vocabulary.fit(texts, self.tokenizer, self.max_words or None, self.min_count)
        return replace(self, vocabulary=fitted)

    def encode(self, texts: pl.Series) -> Ragged:
        return self.vocabulary.encode(texts)

    def to_json(self) -> str:
        return self.vocabulary.to_json()

    def from_json(self, text: str) -> Self:
        return replace(self, vocabulary=Vocabulary.from_json(text))


@dataclass(frozen=True)
class KerasCoding(Coding):
    """Chapter C: Keras's ids, of which 0, 1 and 2 are then dropped, so that only known words remain."""

    num_words: int = 0  # ids from here on are unknown; 0: none
    skip_top: int = 0  # ids below are unknown
    ranks: KerasRanks = _NO_RANKS

    @property
    def size(self) -> int:
        return self.num_words or len(self.ranks.words) + KERAS_RESERVED + 1

    @property
    def unknown(self) -> int:
        return 2

    def fit(self, texts: pl.Series) -> Self:
        return replace(self, ranks=keras_coding(texts, self.num_words or None))

    def encode(self, texts: pl.Series) -> Ragged:
        ids = self.ranks.encode(texts, self.num_words or None, self.skip_top, start=None)
        return ids.where(ids.values >= KERAS_RESERVED)

    def to_json(self) -> str:
        return self.ranks.to_json()

    def from_json(self, text: str) -> Self:
        return replace(self, ranks=KerasRanks.from_json(text))
