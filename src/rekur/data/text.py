"""From texts to tokens: the tokenisers of the chapters and our own, each one pass of a regular expression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.errors import DataError, nearest


@dataclass(frozen=True)
class Texts:
    """N texts and the class of each."""

    texts: pl.Series  # (N,) strings
    labels: NDArray[np.int64]  # (N,)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Tokens:
    """The tokens of N texts: `kinds` holds each distinct token once, `codes` says which stands where."""

    kinds: pl.Series  # (U,) strings, in no promised order
    codes: NDArray[np.uint32]  # (S,) places in `kinds`, text after text
    offsets: NDArray[np.int64]  # (N+1,) text i is codes[offsets[i]:offsets[i + 1]]

    def counts(self) -> NDArray[np.int64]:
        """How often each kind occurs (U,)."""
        return np.bincount(self.codes, minlength=len(self.kinds))


_PUNCTUATION = r"[!-/:-@\[-`{-~]"  # the 32 signs of ASCII
_KERAS_TOKEN = r"""[^\s!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~]+"""  # all of them but the apostrophe separate
_WORD = r"[\p{L}\p{M}\p{N}]+(?:'\p{L}+)?|[!?]"


def _chapter_a(texts: pl.Series) -> pl.Series:
    """Lower-case, split on white space, remove "<br" and punctuation inside tokens, drop empty tokens."""
    # Neither "<br" nor punctuation holds white space: removing them before the split gives the same tokens.
    return texts.str.to_lowercase().str.replace_all(f"<br|{_PUNCTUATION}", "").str.extract_all(r"\S+")


def _spaces(texts: pl.Series) -> pl.Series:
    """Lower-case, split on white space, nothing else: "movie." and "movie" are two words (chapter B)."""
    return texts.str.to_lowercase().str.extract_all(r"\S+")


def _keras(texts: pl.Series) -> pl.Series:
    """Lower-case, split on white space and punctuation but the apostrophe; `br` is a word (chapter C)."""
    return texts.str.to_lowercase().str.extract_all(_KERAS_TOKEN)


def _words(texts: pl.Series) -> pl.Series:
    """Words of letters and digits of any script, "don't" one of them, and ! and ?; `<br />` is dropped."""
    plain = texts.str.to_lowercase().str.replace_all("<br />", " ", literal=True)
    return plain.str.extract_all(_WORD)


def _characters(texts: pl.Series) -> pl.Series:
    """Characters of the composed form (NFC), so that a Hangul syllable or an accented letter is one token."""
    return texts.str.normalize("NFC").str.extract_all(r"(?s).")


TOKENIZERS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "chapter_a": _chapter_a,
    "spaces": _spaces,
    "keras": _keras,
    "words": _words,
    "characters": _characters,
}


def tokenize(texts: pl.Series, name: str) -> Tokens:
    """Cut N texts into tokens with the tokeniser called `name`.

    Args:
        texts: (N,) strings; null counts as "". A text may be empty or hold no token at all.
        name: a key of `TOKENIZERS`.

    Raises:
        DataError: no such tokeniser.

    >>> tokenize(pl.Series(["A great, great film!"]), "words").kinds.sort().to_list()
    ['!', 'a', 'film', 'great']
    """
    if name not in TOKENIZERS:
        raise DataError(f"No tokeniser is called `{name}`. {nearest(name, TOKENIZERS)}")
    lists = TOKENIZERS[name](texts.cast(pl.String).fill_null(""))
    lengths = lists.list.len().to_numpy()
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return _code(lists.explode().drop_nulls(), offsets)


def _code(words: pl.Series, offsets: NDArray[np.int64]) -> Tokens:
    # Categories of our own: the global ones would keep every word this process ever saw.
    coded = words.cast(pl.Categorical(pl.Categories.random()))
    codes = coded.to_physical().to_numpy()
    distinct = coded.unique()
    place = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.uint32)
    place[distinct.to_physical().to_numpy()] = np.arange(len(distinct), dtype=np.uint32)
    return Tokens(distinct.cast(pl.String), place[codes], offsets)
