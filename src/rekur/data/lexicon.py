"""Words of tagged sentences and their characters as ids, and the distinct ones of a batch."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError

Integers = NDArray[np.int64]

PAD, UNKNOWN, FIRST = 0, 1, 2  # ids of words and of characters; the known ones follow
LONGEST = 24  # characters read of a word: of a longer one the first and the last half of them


@dataclass(frozen=True)
class Lexicon:
    """The words, in lower case, and the characters, in their own, that the training sentences hold.

    Words are compared in Unicode's form NFC, so that a letter and its accent may be one character or two.

    >>> lexicon = Lexicon.fit([["The", "cat"], ["the", "dog"]], least=2)
    >>> lexicon.words, lexicon.ids(["THE", "cow"]).tolist()
    (('the',), [2, 1])
    """

    words: tuple[str, ...]
    characters: tuple[str, ...]

    @classmethod
    def fit(cls, sentences: Iterable[Sequence[str]], least: int = 1) -> Lexicon:
        """Take the words seen `least` times or more, the most frequent first, and every character."""
        counts = Counter(_plain(word) for words in sentences for word in words)
        lower: Counter[str] = Counter()
        for word, count in counts.items():
            lower[word.lower()] += count
        kept = [word for word, count in lower.items() if count >= least]
        return cls(tuple(sorted(kept, key=lambda word: (-lower[word], word))), tuple(sorted(set("".join(counts)))))

    @cached_property
    def _word_ids(self) -> dict[str, int]:
        return {word: FIRST + place for place, word in enumerate(self.words)}

    @cached_property
    def _character_ids(self) -> dict[str, int]:
        return {character: FIRST + place for place, character in enumerate(self.characters)}

    def ids(self, words: Sequence[str]) -> Integers:
        """Return the id of each word (S,)."""
        return np.array([self._word_ids.get(_plain(word).lower(), UNKNOWN) for word in words], dtype=np.int64)

    def spelt(self, words: Sequence[str]) -> Integers:
        """Return the characters (S, L) of each word, PAD behind its last; L is the longest, LONGEST at most."""
        plain = [_cut(_plain(word)) for word in words]
        table = np.full((len(plain), max(map(len, plain), default=1)), PAD, dtype=np.int64)
        for row, word in zip(table, plain, strict=True):
            row[: len(word)] = [self._character_ids.get(character, UNKNOWN) for character in word]
        return table

    def to_json(self) -> str:
        """Write both as JSON."""
        return json.dumps({"words": self.words, "characters": self.characters}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Lexicon:
        """Read what `to_json` wrote, or raise DataError."""
        values: Any = json.loads(text)
        sound = isinstance(values, dict) and values.keys() == {"words", "characters"}
        if not sound or not all(isinstance(word, str) for words in values.values() for word in words):
            raise DataError("This is no lexicon written by rekur. Train the model again.")
        return cls(tuple(values["words"]), tuple(values["characters"]))


def distinct(characters: Integers) -> tuple[Integers, Integers, Integers]:
    """Find the distinct words among characters (N, T, L), so that each is read once.

    Returns:
        their characters (U, L'), L' the longest of them; the place (N*T,) of each word among them; and their
        lengths (U,), 0 for what stands behind a sentence.
    """
    flat = np.ascontiguousarray(characters.reshape(-1, characters.shape[2]))
    rows = flat.astype(np.int32).view(np.dtype((np.void, 4 * flat.shape[1]))).ravel()
    _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    words = flat[first]
    lengths = np.count_nonzero(words, axis=1)
    return words[:, : max(1, int(lengths.max(initial=0)))], place.reshape(-1), lengths


def _plain(word: str) -> str:
    return word if word.isascii() else unicodedata.normalize("NFC", word)


def _cut(word: str) -> str:
    return word if len(word) <= LONGEST else word[: LONGEST // 2] + word[-LONGEST // 2 :]
