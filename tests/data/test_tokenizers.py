"""Each tokeniser against a slow reading of its rule, token by token."""

import re
import string
import sys
import unicodedata
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.text import TOKENIZERS, _kiwi, join, normal, tokenize
from rekur.errors import DataError

# ASCII, an accented letter both composed and apart, Hangul, jamo, CJK, an emoji, white space of several kinds.
ALPHABET = string.ascii_letters + "019'!?.,-<>/&_ \n\t\u00a0\u2003e\u0301é한글값ㅋㅠ中😀\u1112\u1161\u11ab\u11b9\uffa1"
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
    return list(text)


def slow_pieces(text: str) -> list[str]:
    found, inside = [""], False  # whether letters may go on with the last piece
    for c in text:
        alone = any(a <= c <= b for a, b in ("\u3040\u30ff", "\u3400\u9fff", "\uac00\ud7a3", "\uf900\ufaff"))
        if inner(c) and (found[-1] in (" ", "-") or (inside and not alone)):
            found[-1] += c
        else:
            found.append(c)
        inside = inner(c) and not alone
    return found[1:]


def slow_written(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text):
        rest = text[at:]
        token = slow_number(rest) or slow_word(rest) or rest[0]
        found += [token] * (not token.isspace())
        at += len(token)
    return found


def slow_number(text: str) -> str:
    """A digit, then digits and single signs between two of them; "" where there is no such sign."""
    end = 0
    while end < len(text) and (
        number(text[end]) or (end and text[end] in ".,:" and number(text[end - 1]) and number(text[end + 1 : end + 2]))
    ):
        end += 1
    return text[:end] if any(c in ".,:" for c in text[:end]) else ""


def number(c: str) -> bool:
    return bool(c) and unicodedata.category(c)[0] == "N"


def slow_word(text: str) -> str:
    end = 0
    while end < len(text) and (
        inner(text[end]) or (end and text[end] in "'’-" and inner(text[end - 1]) and inner(text[end + 1 : end + 2]))
    ):
        end += 1
    return text[:end]


def inner(c: str) -> bool:
    return bool(c) and unicodedata.category(c)[0] in "LMN"


def slow_jamo(text: str) -> list[str]:
    return [jamo for c in text for jamo in (unicodedata.normalize("NFD", c) if "가" <= c <= "힣" else c)]


def slow_normal(text: str) -> str:
    """NFC, then each jamo of today that is left, and each half-width one, by its name."""
    names = [unicodedata.name(c, "").split(" ") for c in unicodedata.normalize("NFC", text)]
    kinds = ("CHOSEONG", "JUNGSEONG", "JONGSEONG")
    loose = [name[0] == "HALFWIDTH" or (name[0] == "HANGUL" and name[1] in kinds) for name in names]
    letters = [
        unicodedata.lookup(f"HANGUL LETTER {name[-1]}") if is_loose else c
        for c, name, is_loose in zip(unicodedata.normalize("NFC", text), names, loose, strict=True)
    ]
    return "".join(letters)


SLOW: dict[str, Callable[[str], list[str]]] = {
    "chapter_a": slow_chapter_a,
    "spaces": slow_spaces,
    "keras": slow_keras,
    "words": slow_words,
    "written": slow_written,
    "pieces": slow_pieces,
    "characters": slow_characters,
    "jamo": slow_jamo,
}
BEYOND = {"morphemes"}  # another library's work


def tokens_of(texts: list[str], name: str) -> list[list[str]]:
    tokens = tokenize(pl.Series("texts", texts, dtype=pl.String), name)
    words = np.array(tokens.kinds, dtype=object)[tokens.codes] if len(tokens.kinds) else []
    return [list(words[a:b]) for a, b in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)]


def test_every_tokeniser_has_its_slow_reading() -> None:
    assert SLOW.keys() | BEYOND == TOKENIZERS.keys()


@pytest.mark.parametrize("name", sorted(SLOW))
@given(texts=TEXTS)
def test_agrees_with_the_slow_reading(name: str, texts: list[str]) -> None:
    assert tokens_of(texts, name) == [SLOW[name](slow_normal(text)) for text in texts]


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


@given(TEXTS)
def test_the_normal_form_agrees_with_the_slow_reading(texts: list[str]) -> None:
    found = normal(pl.Series("texts", texts, dtype=pl.String)).to_list()
    assert found == [slow_normal(text) for text in texts]
    assert normal(pl.Series("texts", found, dtype=pl.String)).to_list() == found


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_composed_and_decomposed_texts_are_one(name: str) -> None:
    written = ["정말 재밌었다ㅋㅋ", "값싼 café, ㅠㅠ", "A\u030angstro\u0308m"]
    composed, apart = ([unicodedata.normalize(form, text) for text in written] for form in ("NFC", "NFD"))
    assert composed != apart
    assert tokens_of(composed, name) == tokens_of(apart, name)


def test_letters_that_compatibility_forms_took_apart_are_put_back() -> None:
    laughing = "재밌다 ㅋㅋㅋ ㅠㅠ ㅄ"
    assert normal(pl.Series([unicodedata.normalize("NFKC", laughing)])).to_list() == [laughing]
    assert normal(pl.Series(["ㅇㅏ"])).to_list() == ["ㅇㅏ"]  # NFKC would make it 아


def test_old_hangul_is_left_alone() -> None:
    old = "\u1112\u119e\u11ab"  # the lead and the tail are today's, the vowel between them is not
    assert normal(pl.Series([old])).to_list() == [old]


def test_every_syllable_comes_back_from_its_jamo() -> None:
    syllables = "".join(map(chr, range(ord("가"), ord("힣") + 1)))
    jamo = tokens_of([syllables], "jamo")
    assert jamo == [list(unicodedata.normalize("NFD", syllables))]
    assert join(jamo, "jamo") == [syllables]


@given(TEXTS)
def test_characters_and_jamo_come_back_whole(texts: list[str]) -> None:
    whole = [slow_normal(text) for text in texts]
    assert join(tokens_of(texts, "characters"), "characters") == whole
    assert join(tokens_of(texts, "jamo"), "jamo") == whole
    assert join(tokens_of(texts, "pieces"), "pieces") == whole


def test_pieces_are_words_with_the_sign_before_them_and_hangul_syllables() -> None:
    assert tokens_of(["twenty-one thousand\n이만 천"], "pieces") == [
        ["twenty", "-one", " thousand", "\n", "이", "만", " 천"]
    ]


def test_a_number_a_compound_and_a_sign_as_written() -> None:
    assert tokens_of(["A T-shirt costs 3.50, don't it? 10:30."], "written") == [
        ["A", "T-shirt", "costs", "3.50", ",", "don't", "it", "?", "10:30", "."]
    ]


def test_morphemes_part_a_verb_from_its_endings() -> None:
    pytest.importorskip("kiwipiepy")
    assert tokens_of(["영화를 봤다"], "morphemes") == [["영화", "를", "보", "었", "다"]]


def test_without_kiwipiepy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    _kiwi.cache_clear()
    with pytest.raises(DataError, match=r"pip install 'rekur\[ko\]'"):
        tokenize(pl.Series(["영화"]), "morphemes")


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
    assert tokenize(pl.Series(["four"]), "spaces").kinds == ["four"]


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(DataError, match="Did you mean `words`"):
        tokenize(pl.Series(["a"]), "word")


def test_the_rule_of_words_for_ascii_is_the_plain_expression() -> None:
    text = "don't 'tis rock'n'roll 80's x'9 a''b"
    assert tokens_of([text], "words") == [re.findall(r"[a-z0-9]+(?:'[a-z]+)?|[!?]", text)]
