"""Words and their numbers, fitted on training texts alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rekur.data.ragged import Ragged
from rekur.data.text import Tokens, tokenize
from rekur.errors import DataError

if TYPE_CHECKING:
    from rekur.data.text import Column

SPECIALS = ("<pad>", "<unk>")
MARKED = (*SPECIALS, "<s>", "</s>")  # of written texts: their start and end have ids, too


@dataclass(frozen=True)
class Vocabulary:
    """V words; the place of a word in `words` is its id. The specials come first.

    >>> vocabulary = Vocabulary.fit(["a b a"], "spaces")
    >>> vocabulary.words, vocabulary.encode(["b c"])[0].tolist()
    (('<pad>', '<unk>', 'a', 'b'), [3, 1])
    """

    words: tuple[str, ...]
    tokenizer: str
    specials: tuple[str, ...] = SPECIALS

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each word; a text that spells a special out does not reach it."""
        first = len(self.specials)
        return {word: first + place for place, word in enumerate(self.words[first:])}

    @property
    def unknown(self) -> int | None:
        """The id of "<unk>", or None: words without an id are then left out."""
        return self.specials.index("<unk>") if "<unk>" in self.specials else None

    @classmethod
    def fit(
        cls,
        texts: Column,
        tokenizer: str,
        max_words: int | None = None,
        min_count: int = 1,
        specials: Sequence[str] = SPECIALS,
    ) -> Vocabulary:
        """Number the words of `texts`, the most frequent first, equal counts in the order of the alphabet.

        Args:
            texts: (N,) the training texts, and no others.
            tokenizer: a key of `rekur.data.text.TOKENIZERS`.
            max_words: keep at most this many words, specials not counted.
            min_count: keep words seen at least this often.
            specials: entries before the words, from id 0.
        """
        return _select(tokenize(texts, tokenizer), tokenizer, max_words, min_count, tuple(specials))

    def encode(self, texts: Column) -> Ragged:
        """Return the ids of the tokens of `texts` (N,): Ragged of int32, N rows."""
        return self._encode(tokenize(texts, self.tokenizer))

    def to_json(self) -> str:
        """Write the vocabulary as JSON."""
        values = {"tokenizer": self.tokenizer, "specials": self.specials, "words": self.words}
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Read what `to_json` wrote, or raise DataError."""
        values = _parse(text, {"tokenizer": str, "specials": list, "words": list})
        return cls(tuple(values["words"]), values["tokenizer"], tuple(values["specials"]))

    def _encode(self, tokens: Tokens) -> Ragged:
        absent = -1 if self.unknown is None else self.unknown
        table = np.array([self.ids.get(word, absent) for word in tokens.kinds], dtype=np.int32)
        encoded = Ragged(table[tokens.codes] if len(table) else np.zeros(0, np.int32), tokens.offsets)
        return encoded.where(encoded.values >= 0) if self.unknown is None else encoded


@dataclass(frozen=True)
class KerasRanks:
    """IMDB as Keras codes it: words ranked by frequency over the training texts, from rank 1.

    >>> coding = keras_coding(["the film the"])
    >>> coding.encode(["the new film"])[0].tolist()
    [1, 4, 2, 5]
    """

    words: tuple[str, ...]  # rank 1 first

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(("<none>", "<unk>", *self.words), "keras", ("<none>", "<unk>"))

    def rank(self, word: str) -> int:
        """Return the rank of `word`, 1 for the most frequent; raise KeyError when it was never seen."""
        return self._vocabulary.ids[word] - 1

    def encode(
        self,
        texts: Column,
        num_words: int | None = None,
        skip_top: int = 0,
        start: int | None = 1,
        unknown: int = 2,
        index_from: int = 3,
    ) -> Ragged:
        """Return the ids Keras's `imdb.load_data` gives these texts: Ragged of int32.

        A word's id is its rank + `index_from`. `start` stands before each text. Then every id outside
        ``skip_top <= id < num_words``, the start included, becomes `unknown`, as in Keras.

        Args:
            texts: (N,) raw reviews.
            num_words: ids from this one on become unknown; None keeps all.
            skip_top: ids below become unknown.
            start: the id before each text; None: none.
            unknown: the id of words never seen or left out.
            index_from: what is added to a rank.
        """
        ranks = self._vocabulary.encode(texts)
        seen = ranks.values > 1
        ids = np.where(seen, ranks.values - 1 + index_from, unknown)
        coded = ranks.map(lambda _: ids)
        coded = coded if start is None else _prepend(coded, start)
        kept = coded.values >= skip_top
        kept &= True if num_words is None else coded.values < num_words
        return coded.map(lambda values: np.where(kept, values, unknown).astype(np.int32))

    def to_json(self) -> str:
        """Write the coding as JSON."""
        return json.dumps({"coding": "keras", "words": self.words}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> KerasRanks:
        """Read what `to_json` wrote, or raise DataError."""
        return cls(tuple(_parse(text, {"coding": str, "words": list})["words"]))


def keras_coding(train_texts: Column, max_words: int | None = None) -> KerasRanks:
    """Rank the words of the training texts as Keras does; `max_words` keeps only the first ranks."""
    vocabulary = Vocabulary.fit(train_texts, "keras", max_words=max_words, specials=())
    return KerasRanks(vocabulary.words)


def _select(
    tokens: Tokens, tokenizer: str, max_words: int | None, min_count: int, specials: tuple[str, ...]
) -> Vocabulary:
    import polars as pl

    frame = pl.DataFrame({"word": tokens.kinds, "count": tokens.counts()})
    chosen = frame.filter(pl.col("count") >= min_count).sort(["count", "word"], descending=[True, False])
    if not len(chosen):
        raise DataError(
            f"The training texts hold no word seen {min_count} times or more, so there is no vocabulary. "
            "Give more texts, or a smaller min_count."
        )
    return Vocabulary((*specials, *chosen["word"].head(max_words or len(chosen))), tokenizer, specials)


def _prepend(rows: Ragged, value: int) -> Ragged:
    values = np.insert(rows.values, rows.offsets[:-1], value)
    return Ragged(values, rows.offsets + np.arange(len(rows.offsets)))


def _parse(text: str, fields: dict[str, type]) -> dict[str, Any]:
    """Read a JSON object with exactly these fields, lists being lists of strings, or raise DataError."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    sound = isinstance(values, dict) and values.keys() == fields.keys()
    sound = sound and all(isinstance(values[name], kind) for name, kind in fields.items())
    lists = [value for value in values.values() if isinstance(value, list)] if sound else []
    if not sound or not all(isinstance(word, str) for words in lists for word in words):
        raise DataError("This is not a vocabulary written by rekur. Train the model again.")
    return dict(values)
