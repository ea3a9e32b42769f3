"""Each tokeniser against a slow reading of its rule, token by token."""

import re
import string
import unicodedata
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.text import TOKENIZERS, tokenize
from rekur.errors import DataError

# ASCII, an accented letter both composed and apart, Hangul, jamo, CJK, an emoji, white space of several kinds.
ALPHABET = string.ascii_letters + "019'!?.,-<>/&_ \n\t\u00a0\u2003e\u0301é한글ㅋㅠ中😀"
TEXTS = st.lists(
    st.lists(st.sampled_from([*ALPHABET, "<br />", "<br", "<<brbr", " don't ", "br"]), max_size=25).map("".join),
    max_size=4,
)
KERAS_SEPARATORS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'


def slow_chapter_a(text: str) -> list[str]:
    tokens = [token.replace("<br", "") for token in text.lower().split()]
    plain = ["".join(c for c in token if c not in string.punctuation) for token in tokens]
    return [token for token in plain if token]


def slow_spaces(text: str) -> list[str]:
    return text.lower().split()


def slow_keras(text: str) -> list[str]:
    return text.lower().translate(str.maketrans(dict.fromkeys(KERAS_SEPARATORS, " "))).split()


def slow_words(text: str) -> list[str]:
    found, word = [], ""
    plain = text.lower().replace("<br />", " ")
    for at, c in enumerate(plain + " "):
        inside = unicodedata.category(c)[0] in "LMN"
        before_letter = unicodedata.category((plain + "  ")[at + 1])[0] == "L"
        if inside or (c == "'" and word and "'" not in word and before_letter):
            if "'" in word and unicodedata.category(c)[0] != "L":  # only letters may follow the apostrophe
                found.append(word)
                word = ""
            word += c
            continue
        found += [word] * bool(word) + [c] * (c in "!?")
        word = ""
    return found


def slow_characters(text: str) -> list[str]:
    return list(unicodedata.normalize("NFC", text))


SLOW: dict[str, Callable[[str], list[str]]] = {
    "chapter_a": slow_chapter_a,
    "spaces": slow_spaces,
    "keras": slow_keras,
    "words": slow_words,
    "characters": slow_characters,
}


def tokens_of(texts: list[str], name: str) -> list[list[str]]:
    tokens = tokenize(pl.Series("texts", texts, dtype=pl.String), name)
    words = np.array(tokens.kinds.to_list(), dtype=object)[tokens.codes] if len(tokens.kinds) else []
    return [list(words[a:b]) for a, b in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)]


def test_every_tokeniser_has_its_slow_reading() -> None:
    assert SLOW.keys() == TOKENIZERS.keys()


@pytest.mark.parametrize("name", sorted(SLOW))
@given(texts=TEXTS)
def test_agrees_with_the_slow_reading(name: str, texts: list[str]) -> None:
    assert tokens_of(texts, name) == [SLOW[name](text) for text in texts]


REVIEW = "It's GREAT!<br /><br />Don't miss well-made café scenes..."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chapter_a", ["its", "great", "dont", "miss", "wellmade", "café", "scenes"]),
        ("spaces", ["it's", "great!<br", "/><br", "/>don't", "miss", "well-made", "café", "scenes..."]),
        ("keras", ["it's", "great", "br", "br", "don't", "miss", "well", "made", "café", "scenes"]),
        ("words", ["it's", "great", "!", "don't", "miss", "well", "made", "café", "scenes"]),
    ],
)
def test_one_review_in_each_reading(name: str, expected: list[str]) -> None:
    assert tokens_of([REVIEW], name) == [expected]


def test_words_of_other_scripts() -> None:
    assert tokens_of(["정말 재밌다ㅋㅋ!! 10점"], "words") == [["정말", "재밌다ㅋㅋ", "!", "!", "10점"]]


def test_characters_are_composed_first() -> None:
    assert tokens_of(["e\u0301\n한"], "characters") == [["é", "\n", "한"]]


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_texts_without_a_token(name: str) -> None:
    assert tokens_of(["", "\u0000"[:0]], name) == [[], []]
    assert tokenize(pl.Series("t", [None], dtype=pl.String), name).offsets.tolist() == [0, 0]
    assert tokenize(pl.Series("t", [], dtype=pl.String), name).offsets.tolist() == [0]


def test_a_text_of_a_hundred_thousand_tokens() -> None:
    tokens = tokenize(pl.Series(["word other " * 50_000]), "words")
    assert len(tokens.codes) == 100_000
    assert sorted(zip(tokens.kinds, tokens.counts(), strict=True)) == [("other", 50_000), ("word", 50_000)]


def test_a_second_call_knows_nothing_of_the_first() -> None:
    tokenize(pl.Series(["one two three"]), "spaces")
    assert tokenize(pl.Series(["four"]), "spaces").kinds.to_list() == ["four"]


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(DataError, match="Did you mean `words`"):
        tokenize(pl.Series(["a"]), "word")


def test_the_rule_of_words_for_ascii_is_the_plain_expression() -> None:
    text = "don't 'tis rock'n'roll 80's x'9 a''b"
    assert tokens_of([text], "words") == [re.findall(r"[a-z0-9]+(?:'[a-z]+)?|[!?]", text)]
