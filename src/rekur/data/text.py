"""From texts to tokens: one normal form, then the tokenisers of the chapters and our own.

Many texts are a column of polars. A few are a list, cut in Python by the same rules (`rekur.data.few`), which is done
before polars would have been loaded.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError, MissingPackage, nearest

if TYPE_CHECKING:
    import polars as pl

    Column: TypeAlias = "pl.Series | list[str]"  # (N,) texts: many, or a few as `rekur.data.few.column` gives them


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

    kinds: list[str]  # (U,) in no promised order
    codes: NDArray[np.uint32]  # (S,) places in `kinds`, text after text
    offsets: NDArray[np.int64]  # (N+1,) text i is codes[offsets[i]:offsets[i + 1]]

    def counts(self) -> NDArray[np.int64]:
        """How often each kind occurs (U,)."""
        return np.bincount(self.codes, minlength=len(self.kinds))


@dataclass(frozen=True)
class Tokenizer:
    r"""How the normal form of a text is cut: what changes before, then each match of `pattern` is a token.

    Patterns are of Rust's regex, which polars uses; `rekur.data.few` reads of it what stands here: \p{L} and its like
    only within brackets.
    """

    pattern: str
    lower: bool = False
    replaced: str = ""  # a pattern, and what each match of it becomes
    by: str = ""
    decomposed: bool = False  # Hangul syllables into jamo


_PUNCTUATION = r"[!-/:-@\[-`{-~]"  # the 32 signs of ASCII
_KERAS_TOKEN = r"""[^\s!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~]+"""  # all of them but the apostrophe separate
_WORD = r"[\p{L}\p{M}\p{N}]+(?:'[\p{L}]+)?|[!?]"
_NUMBER = r"[\p{N}]+(?:[.,:][\p{N}]+)+"
_SIGN = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"  # kana, Han, Hangul syllables
_PIECE = rf"(?s)[ \-]?[{_SIGN}]|[ \-]?[\p{{L}}\p{{M}}\p{{N}}--[{_SIGN}]]+|."
_WRITTEN = rf"{_NUMBER}|[\p{{L}}\p{{M}}\p{{N}}]+(?:['’\-][\p{{L}}\p{{M}}\p{{N}}]+)*|[^\s\p{{L}}\p{{M}}\p{{N}}]"

TOKENIZERS: dict[str, Tokenizer | None] = {
    # Lower-case, split on white space, "<br" and punctuation removed inside tokens, empty tokens dropped. Neither "<br"
    # nor punctuation holds white space: removing them before the split gives the same tokens.
    "chapter_a": Tokenizer(r"\S+", lower=True, replaced=f"<br|{_PUNCTUATION}"),
    # Lower-case, split on white space, nothing else: "movie." and "movie" are two words (chapter B).
    "spaces": Tokenizer(r"\S+", lower=True),
    # Lower-case, split on white space and punctuation but the apostrophe; `br` is a word (chapter C).
    "keras": Tokenizer(_KERAS_TOKEN, lower=True),
    # Words of letters and digits of any script, "don't" one of them, and ! and ?; `<br />` is dropped.
    "words": Tokenizer(_WORD, lower=True, replaced="<br />", by=" "),
    # Words and numbers of any script as they are written, "t-shirt" and "3.5" one each, and every other sign.
    "written": Tokenizer(_WRITTEN),
    # Words as they are written, each with the blank or hyphen before it, so that joined they are the text again. Hangul
    # syllables, kana and Han characters are pieces by themselves: they say by one sign what others say in a word.
    "pieces": Tokenizer(_PIECE),
    # Characters: a Hangul syllable or an accented letter is one token.
    "characters": Tokenizer(r"(?s)."),
    # Characters, but the two or three jamo of each Hangul syllable; other scripts are left as they are.
    "jamo": Tokenizer(r"(?s).", decomposed=True),
    # Morphemes of Korean by kiwipiepy, each as it is written or would be in a dictionary.
    "morphemes": None,
}

_SYLLABLES, _LEADS, _VOWELS, _TAILS = 0xAC00, 0x1100, 0x1161, 0x11A7  # Hangul in Unicode, chapter 3.12


@dataclass(frozen=True)
class Jamo:
    """What the normal form does with jamo that stand alone; patterns are classes of characters."""

    letters: dict[str, str]  # the letter a keyboard types (U+3131 to U+3163) for each jamo of today that is none
    loose: str  # any of those jamo
    old: str  # any jamo of old Hangul


@cache
def jamo() -> Jamo:
    """Return the jamo of Unicode."""
    letters = map(chr, range(0x3131, 0x3164))
    table = {unicodedata.normalize("NFKC", letter): letter for letter in letters}
    named = [chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3), *range(0xFFA1, 0xFFDD))]
    names = {one: unicodedata.name(one, "").split(" ")[-1] for one in named}
    table |= {one: unicodedata.lookup(f"HANGUL LETTER {name}") for one, name in names.items() if name}
    every = (*range(0x1100, 0x1200), *range(0xA960, 0xA980), *range(0xD7B0, 0xD800))
    old = "".join(chr(code) for code in every if chr(code) not in table)
    return Jamo(table, f"[{''.join(table)}]", f"[{old}]")


@cache
def decompositions() -> dict[str, str]:
    """Return the jamo of each of the 11,172 Hangul syllables: 19 leads, 21 vowels, 27 tails or none."""
    return {chr(_SYLLABLES + syllable): _decomposed(syllable) for syllable in range(11_172)}


def _decomposed(syllable: int) -> str:
    lead, vowel, tail = syllable // 588, syllable % 588 // 28, syllable % 28
    return chr(_LEADS + lead) + chr(_VOWELS + vowel) + (chr(_TAILS + tail) if tail else "")


def normal(texts: pl.Series) -> pl.Series:
    """Return the one form every coding reads, so that texts that look alike are alike.

    Null becomes "". Then NFC: a Hangul syllable or an accented letter is one character, however it was typed. Then
    jamo that stand alone, half-width ones among them, become the letters a keyboard types (U+3131 to U+3163), unless
    the text holds letters of old Hangul, whose syllables have no other form. Compatibility forms (NFKC) are left
    apart: it would make a syllable of ㅇㅏ and cannot be undone.

    >>> import polars as pl
    >>> normal(pl.Series(["\u1112\u1161\u11ab \u110f\u110f", None])).to_list()
    ['한 ㅋㅋ', '']
    """
    import polars as pl

    texts = texts.cast(pl.String).fill_null("")
    rare = (texts.str.len_bytes() > texts.str.len_chars()).arg_true()  # ASCII is normal: the others alone take time
    if not len(rare):
        return texts
    composed = texts.gather(rare).str.normalize("NFC")
    loose = (composed.str.contains(jamo().loose) & ~composed.str.contains(jamo().old)).arg_true()
    if len(loose):
        composed = composed.scatter(loose, composed.gather(loose).str.replace_many(jamo().letters))
    return texts.clone().scatter(rare, composed)


def _cut(texts: pl.Series, how: Tokenizer) -> pl.Series:
    """Return the tokens of normal texts, a list each."""
    texts = texts.str.to_lowercase() if how.lower else texts
    texts = texts.str.replace_all(how.replaced, how.by) if how.replaced else texts
    texts = texts.str.replace_many(decompositions()) if how.decomposed else texts
    return texts.str.extract_all(how.pattern)


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
    import polars as pl

    found = _kiwi().tokenize(texts.to_list())
    return pl.Series([[token.form for token in tokens] for tokens in found], dtype=pl.List(pl.String))


_JOINED = ("pieces", "characters", "jamo")  # with nothing between; words are joined by a space


def join(rows: Iterable[Sequence[str]], name: str) -> list[str]:
    """Write tokens of the tokeniser called `name` as texts; of jamo, the syllables are composed again.

    >>> join([["\u1112", "\u1161", "\u11ab", "글"]], "jamo"), join([["two", "words"]], "words")
    (['한글'], ['two words'])
    """
    between = "" if name in _JOINED else " "
    return [unicodedata.normalize("NFC", between.join(row)) for row in rows]


def tokenize(texts: Column, name: str) -> Tokens:
    """Cut N texts into tokens with the tokeniser called `name`.

    Args:
        texts: (N,) strings, a column or a few in a list; null counts as "". A text may be empty or hold no
            token at all.
        name: a key of `TOKENIZERS`.

    Raises:
        DataError: no such tokeniser.

    >>> sorted(tokenize(["A great, great film!"], "words").kinds)
    ['!', 'a', 'film', 'great']
    """
    if name not in TOKENIZERS:
        raise DataError(f"No tokeniser is called `{name}`. {nearest(name, TOKENIZERS)}")
    how = TOKENIZERS[name]
    if isinstance(texts, list):
        from rekur.data import few

        if how is not None:
            return few.tokenize(texts, how)
        texts = few.polars_column(texts)
    lists = _morphemes(normal(texts)) if how is None else _cut(normal(texts), how)
    lengths = lists.list.len().to_numpy()
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return _code(lists.explode().drop_nulls(), offsets)


def _code(words: pl.Series, offsets: NDArray[np.int64]) -> Tokens:
    import polars as pl

    # Categories of our own: the global ones would keep every word this process ever saw.
    coded = words.cast(pl.Categorical(pl.Categories.random()))
    codes = coded.to_physical().to_numpy()
    distinct = coded.unique()
    place = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.uint32)
    place[distinct.to_physical().to_numpy()] = np.arange(len(distinct), dtype=np.uint32)
    return Tokens(distinct.cast(pl.String).to_list(), place[codes], offsets)
