"""From texts to tokens: one normal form, then the tokenisers of the chapters and our own."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.errors import DataError, MissingPackage, nearest


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
_NUMBER = r"\p{N}+(?:[.,:]\p{N}+)+"
_SIGN = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"  # kana, Han, Hangul syllables
_PIECE = rf"(?s)[ \-]?[{_SIGN}]|[ \-]?[\p{{L}}\p{{M}}\p{{N}}--[{_SIGN}]]+|."

_WRITTEN = rf"{_NUMBER}|[\p{{L}}\p{{M}}\p{{N}}]+(?:['’\-][\p{{L}}\p{{M}}\p{{N}}]+)*|[^\s\p{{L}}\p{{M}}\p{{N}}]"

_SYLLABLES, _LEADS, _VOWELS, _TAILS = 0xAC00, 0x1100, 0x1161, 0x11A7  # Hangul in Unicode, chapter 3.12


def _letters() -> dict[str, str]:
    """Return the letter a keyboard types (U+3131 to U+3163) for each jamo of today that is no letter itself."""
    letters = map(chr, range(0x3131, 0x3164))
    table = {unicodedata.normalize("NFKC", letter): letter for letter in letters}
    named = [chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3), *range(0xFFA1, 0xFFDD))]
    names = {jamo: unicodedata.name(jamo, "").split(" ")[-1] for jamo in named}
    return table | {jamo: unicodedata.lookup(f"HANGUL LETTER {name}") for jamo, name in names.items() if name}


_LETTERS = _letters()
_JAMO = (*range(0x1100, 0x1200), *range(0xA960, 0xA980), *range(0xD7B0, 0xD800))
_LOOSE_JAMO = f"[{''.join(_LETTERS)}]"
_OLD_HANGUL = f"[{''.join(chr(code) for code in _JAMO if chr(code) not in _LETTERS)}]"


def normal(texts: pl.Series) -> pl.Series:
    """Return the one form every coding reads, so that texts that look alike are alike.

    Null becomes "". Then NFC: a Hangul syllable or an accented letter is one character, however it was typed. Then
    jamo that stand alone, half-width ones among them, become the letters a keyboard types (U+3131 to U+3163), unless
    the text holds letters of old Hangul, whose syllables have no other form. Compatibility forms (NFKC) are left
    apart: it would make a syllable of ㅇㅏ and cannot be undone.

    >>> normal(pl.Series(["\u1112\u1161\u11ab \u110f\u110f", None])).to_list()
    ['한 ㅋㅋ', '']
    """
    texts = texts.cast(pl.String).fill_null("")
    rare = (texts.str.len_bytes() > texts.str.len_chars()).arg_true()  # ASCII is normal: the others alone take time
    if not len(rare):
        return texts
    composed = texts.gather(rare).str.normalize("NFC")
    loose = (composed.str.contains(_LOOSE_JAMO) & ~composed.str.contains(_OLD_HANGUL)).arg_true()
    if len(loose):
        composed = composed.scatter(loose, composed.gather(loose).str.replace_many(_LETTERS))
    return texts.clone().scatter(rare, composed)


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


def _written(texts: pl.Series) -> pl.Series:
    """Words and numbers of any script as they are written, "t-shirt" and "3.5" one each, and every other sign."""
    return texts.str.extract_all(_WRITTEN)


def _pieces(texts: pl.Series) -> pl.Series:
    """Words as they are written, each with the blank or hyphen before it, so that joined they are the text again.

    Hangul syllables, kana and Han characters are pieces by themselves: they say by one sign what others say in a word.
    """
    return texts.str.extract_all(_PIECE)


def _characters(texts: pl.Series) -> pl.Series:
    """Characters: a Hangul syllable or an accented letter is one token."""
    return texts.str.extract_all(r"(?s).")


def _jamo(texts: pl.Series) -> pl.Series:
    """Characters, but the two or three jamo of each Hangul syllable; other scripts are left as they are."""
    return texts.str.replace_many(_DECOMPOSED).str.extract_all(r"(?s).")


def _decomposed(syllable: int) -> str:
    """Return the jamo of the Hangul syllable of this place (0 to 11,171): 19 leads, 21 vowels, 27 tails or none."""
    lead, vowel, tail = syllable // 588, syllable % 588 // 28, syllable % 28
    return chr(_LEADS + lead) + chr(_VOWELS + vowel) + (chr(_TAILS + tail) if tail else "")


_DECOMPOSED = {chr(_SYLLABLES + syllable): _decomposed(syllable) for syllable in range(11_172)}


@cache
def _kiwi() -> Any:
    try:
        from kiwipiepy import Kiwi
    except ImportError:
        raise MissingPackage(
            "The tokeniser `morphemes` needs kiwipiepy, which is not installed. Run `pip install 'rekur[ko]'`, "
            "or take `jamo`, `characters` or `bpe`."
        ) from None
    return Kiwi(num_workers=1)


def _morphemes(texts: pl.Series) -> pl.Series:
    """Morphemes of Korean by kiwipiepy, each as it is written or would be in a dictionary."""
    found = _kiwi().tokenize(texts.to_list())
    return pl.Series([[token.form for token in tokens] for tokens in found], dtype=pl.List(pl.String))


TOKENIZERS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "chapter_a": _chapter_a,
    "spaces": _spaces,
    "keras": _keras,
    "words": _words,
    "written": _written,
    "pieces": _pieces,
    "characters": _characters,
    "jamo": _jamo,
    "morphemes": _morphemes,
}
_JOINED = ("pieces", "characters", "jamo")  # with nothing between; words are joined by a space


def join(rows: Iterable[Sequence[str]], name: str) -> list[str]:
    """Write tokens of the tokeniser called `name` as texts; of jamo, the syllables are composed again.

    >>> join([["\u1112", "\u1161", "\u11ab", "글"]], "jamo"), join([["two", "words"]], "words")
    (['한글'], ['two words'])
    """
    between = "" if name in _JOINED else " "
    return [unicodedata.normalize("NFC", between.join(row)) for row in rows]


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
    lists = TOKENIZERS[name](normal(texts))
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
