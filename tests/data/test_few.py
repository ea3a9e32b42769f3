"""A few texts are cut in Python as many are in polars: every character either knows, and texts drawn from them."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data import few, text
from rekur.data.coding import make
from rekur.data.text import TOKENIZERS

CUT_BY_RULES = [name for name, how in TOKENIZERS.items() if how is not None]
KNOWN = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
SIGNS = st.sampled_from("aBé'’-.,3٣½!?<br />_ \t\x1c\xa0\u3000한글ㅋᆫ한漢ー\u0301ΑΣσςİßǅ🙂\0[]^\\")


def rows(tokens):
    return [
        [tokens.kinds[code] for code in tokens.codes[start:end]]
        for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)
    ]


@pytest.mark.parametrize("name", CUT_BY_RULES)
def test_every_character_is_cut_alike(name):
    """Alone, between letters and behind a digit: what it is to a pattern shows there."""
    texts = ["".join(f"{one}a{one}b 1{one} " for one in KNOWN[at : at + 500]) for at in range(0, len(KNOWN), 500)]
    texts = [part for part in texts if part]
    column = rows(text.tokenize(pl.Series(texts), name))
    assert rows(few.tokenize(texts, TOKENIZERS[name])) == column


@given(texts=st.lists(st.text(SIGNS, max_size=20), max_size=4), name=st.sampled_from(CUT_BY_RULES))
def test_drawn_texts_are_cut_alike(texts, name):
    assert rows(text.tokenize(texts, name)) == rows(text.tokenize(pl.Series(texts, dtype=pl.String), name))


@given(st.text(SIGNS, max_size=30))
def test_the_normal_form_is_one(written):
    assert few.normal(written) == text.normal(pl.Series([written])).item()


@pytest.mark.parametrize("lower", [False, True])
def test_subwords_are_the_same_of_a_list_and_of_a_column(lower):
    texts = ["The quick\u2003brown fox,  한글 \0jumps\x1cover", " The lazy dog "]
    coding = make("bpe", 60, lower=lower).fit(pl.Series(texts * 5))
    assert coding.encode(texts).values.tolist() == coding.encode(pl.Series(texts)).values.tolist()


def test_many_texts_and_characters_python_does_not_know_are_left_to_polars():
    assert few.column(["short", "한글"]) == ["short", "한글"]
    assert isinstance(few.column(["long " * few.MOST]), pl.Series)
    assert isinstance(few.column(["\u0378"]), pl.Series)  # assigned to no character
