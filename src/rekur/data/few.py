"""A few texts cut into tokens in Python alone: what `rekur.data.text` does to columns, sooner than polars is loaded."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rekur.data.text import Tokenizer, Tokens, decompositions, jamo

if TYPE_CHECKING:
    import polars as pl

    from rekur.data.text import Column

MOST = 20_000  # characters of all texts: below, Python is done before polars is there
BLANKS = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # White_Space of Unicode; re has more
_NOBODY = "\ud800"  # in no text: a class must hold a character
_UNKNOWN = {"Cn", "Cs"}  # Python's Unicode may be older than polars': what it does not know is not its to cut


def column(texts: Sequence[str]) -> Column:
    """Return the texts as a list where they are few and Python knows their characters, else as a column of polars."""
    if sum(map(len, texts)) <= MOST and all(_known(text) for text in texts):
        return list(texts)
    return polars_column(texts)


def polars_column(texts: Sequence[str]) -> pl.Series:
    """Return the texts as a column."""
    import polars as pl

    return pl.Series("text", list(texts), dtype=pl.String)


def tokenize(texts: Sequence[str], how: Tokenizer) -> Tokens:
    """Return what `rekur.data.text.tokenize` returns of the same texts."""
    rows = [cut(text, how) for text in texts]
    places = {word: place for place, word in enumerate(dict.fromkeys(word for row in rows for word in row))}
    codes = np.array([places[word] for row in rows for word in row], dtype=np.uint32)
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return Tokens(list(places), codes, offsets)


def cut(text: str, how: Tokenizer) -> list[str]:
    """Return the tokens of a text."""
    text = normal(text)
    text = text.lower() if how.lower else text
    text = re.sub(how.replaced, how.by, text) if how.replaced else text
    text = _put(text, decompositions()) if how.decomposed else text
    return re.findall(_for_python(how.pattern, text), text)


def normal(text: str) -> str:
    """Return the normal form of `rekur.data.text.normal`."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    loose = re.search(jamo().loose, text) and not re.search(jamo().old, text)
    return _put(text, jamo().letters) if loose else text


def words_apart(text: str) -> str:
    """Return the normal form of a text with one space for white space of any kind and length, and none around."""
    return re.sub(f"[{BLANKS}\0]+", " ", normal(text)).strip(" ")


def _for_python(pattern: str, text: str) -> str:
    r"""Return the pattern for `re`: \p{L} and its like are the characters of `text` that are of that class."""
    pattern = re.sub(r"\[([^\[\]]+)--(\[[^\[\]]+\])\]", r"(?:(?!\2)[\1])", pattern)
    pattern = pattern.replace(r"\S", f"[^{BLANKS}]").replace(r"\s", BLANKS)
    classes = dict.fromkeys("LMN", _NOBODY)
    for character in sorted(set(text)):
        kind = unicodedata.category(character)[0]
        if kind in classes:
            classes[kind] += character
    for kind, members in classes.items():
        pattern = pattern.replace(rf"\p{{{kind}}}", members)
    return pattern


def _put(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def _known(text: str) -> bool:
    return text.isascii() or not any(unicodedata.category(character) in _UNKNOWN for character in set(text))
