"""How a text becomes ids and ids a text: words, characters, jamo, subwords and Keras's ids behind one interface."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from rekur.data.ragged import Ragged
from rekur.data.text import TOKENIZERS, join
from rekur.data.vocabulary import MARKED, SPECIALS, KerasRanks, Vocabulary, keras_coding
from rekur.errors import DataError, nearest
from rekur.notation import END, PAD, START, UNKNOWN

if TYPE_CHECKING:
    import polars as pl

    from rekur.data.text import Column

__all__ = ["END", "PAD", "START", "UNKNOWN", "Coding", "KerasCoding", "WordCoding", "make"]

SUBWORDS = ("bpe", "unigram")
DEFAULT_SUBWORDS = 8000
KERAS_RESERVED = 3  # Keras: 0 pads, 1 starts, 2 is unknown
_NO_WORDS, _NO_RANKS = Vocabulary(SPECIALS, "words"), KerasRanks(())


class Coding(abc.ABC):
    """Settings first, then `fit` on training texts (or `from_json`), then `encode` of any. Id 0 pads.

    Every coding reads the normal form of a text (see `rekur.data.text.normal`). With `marks`, ids 2 and 3 stand for
    the start and the end of a text: `encode` never gives them, a task writes them where its model reads them.
    """

    marks: bool = False

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
    def encode(self, texts: Column) -> Ragged:
        """Return the ids of each text (N,): Ragged of int32. A text without a token gives an empty row."""

    @abc.abstractmethod
    def decode(self, rows: Iterable[Sequence[int]]) -> list[str]:
        """Write rows of ids, each below `size`, as texts; padding, unknown, start and end are left out."""

    @property
    def start(self) -> int | None:
        """The id before a text, or None without marks."""
        return START if self.marks else None

    @property
    def end(self) -> int | None:
        """The id behind a text, or None without marks."""
        return END if self.marks else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know of the fit, a sentence each."""
        return ()

    @abc.abstractmethod
    def to_json(self) -> str:
        """Write the words as JSON; the settings stand in the recipe."""

    @abc.abstractmethod
    def from_json(self, text: str) -> Self:
        """Return this coding with the words `to_json` wrote, or raise DataError."""


@dataclass(frozen=True)
class WordCoding(Coding):
    """Words numbered by frequency behind <pad> and <unk>, with `marks` <s> and </s>, too; see `Vocabulary`."""

    tokenizer: str
    max_words: int = 0  # 0: all
    min_count: int = 1
    marks: bool = False
    lower: bool = False  # where the tokeniser keeps capitals
    vocabulary: Vocabulary = _NO_WORDS

    @property
    def size(self) -> int:
        return len(self.vocabulary)

    @property
    def unknown(self) -> int:
        return UNKNOWN

    def fit(self, texts: pl.Series) -> Self:
        specials, most = self._specials, self.max_words or None
        return replace(
            self, vocabulary=Vocabulary.fit(self._cased(texts), self.tokenizer, most, self.min_count, specials)
        )

    def encode(self, texts: Column) -> Ragged:
        return self.vocabulary.encode(self._cased(texts))

    def decode(self, rows: Iterable[Sequence[int]]) -> list[str]:
        words, first = self.vocabulary.words, len(self._specials)
        return join(([words[token] for token in row if token >= first] for row in rows), self.tokenizer)

    def to_json(self) -> str:
        return self.vocabulary.to_json()

    def from_json(self, text: str) -> Self:
        vocabulary = Vocabulary.from_json(text)
        if (vocabulary.tokenizer, vocabulary.specials) != (self.tokenizer, self._specials):
            raise DataError(f"The vocabulary is not one of {self.tokenizer}. Train the model again.")
        return replace(self, vocabulary=vocabulary)

    @property
    def _specials(self) -> tuple[str, ...]:
        return MARKED if self.marks else SPECIALS

    def _cased(self, texts: Column) -> Column:
        if not self.lower:
            return texts
        return [text.lower() for text in texts] if isinstance(texts, list) else texts.str.to_lowercase()


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

    def encode(self, texts: Column) -> Ragged:
        ids = self.ranks.encode(texts, self.num_words or None, self.skip_top, start=None)
        return ids.where(ids.values >= KERAS_RESERVED)

    def decode(self, rows: Iterable[Sequence[int]]) -> list[str]:
        words = self.ranks.words
        return [" ".join(words[token - KERAS_RESERVED - 1] for token in row if token > KERAS_RESERVED) for row in rows]

    def to_json(self) -> str:
        return self.ranks.to_json()

    def from_json(self, text: str) -> Self:
        return replace(self, ranks=KerasRanks.from_json(text))


def make(unit: str, size: int = 0, min_count: int = 1, marks: bool = False, lower: bool = False) -> Coding:
    """Return the coding, not yet fitted, of the unit a text is cut into.

    Args:
        unit: a tokeniser (see `rekur.data.text.TOKENIZERS`), or "bpe" or "unigram" for subwords.
        size: words kept, the most frequent first, 0 for all; of subwords all ids together, 0 for 8,000.
        min_count: words seen less often are unknown; subwords do without it.
        marks: whether ids 2 and 3 are the start and the end of a text. Subwords always have them.
        lower: write in small letters first; most tokenisers of words do so anyway.

    Raises:
        DataError: no such unit.
    """
    if unit in SUBWORDS:
        from rekur.data.subwords import SubwordCoding

        return SubwordCoding(size or DEFAULT_SUBWORDS, unit, marks, lower)  # type: ignore[arg-type]
    if unit not in TOKENIZERS:
        raise DataError(f"No unit is called `{unit}`. {nearest(unit, (*TOKENIZERS, *SUBWORDS))}")
    return WordCoding(unit, size, min_count, marks, lower)
