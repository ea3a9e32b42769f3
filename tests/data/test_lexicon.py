"""Words and characters as ids: cases, unknown ones, Unicode's forms, and each distinct word once."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.lexicon import FIRST, LONGEST, UNKNOWN, Lexicon, distinct
from rekur.errors import DataError

SENTENCES = [["The", "Café", "the"], ["closed", "the", "door"]]


def test_words_lose_their_case_and_characters_keep_it():
    lexicon = Lexicon.fit(SENTENCES)
    assert lexicon.words[0] == "the"
    assert {"T", "t", "C", "é"} <= set(lexicon.characters)
    the, other = lexicon.ids(["THE", "tHe"])
    assert the == other == FIRST
    assert not np.array_equal(lexicon.spelt(["The"]), lexicon.spelt(["the"]))


def test_what_was_never_seen_is_unknown_and_what_was_seen_too_seldom():
    lexicon = Lexicon.fit(SENTENCES, least=2)
    assert lexicon.words == ("the",)
    assert lexicon.ids(["door", "xyz"]).tolist() == [UNKNOWN, UNKNOWN]
    assert lexicon.spelt(["ß"]).tolist() == [[UNKNOWN]]


def test_both_forms_of_an_accent_are_one_word():
    lexicon = Lexicon.fit(SENTENCES)
    composed, apart = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
    assert composed != apart
    np.testing.assert_array_equal(lexicon.ids([composed]), lexicon.ids([apart]))
    np.testing.assert_array_equal(lexicon.spelt([composed]), lexicon.spelt([apart]))
    assert Lexicon.fit([[apart]]) == Lexicon.fit([[composed]])


def test_of_a_long_word_both_ends_are_read():
    lexicon = Lexicon.fit([["abcz"]])
    spelt = lexicon.spelt(["a" * 400 + "z", "b"])
    assert spelt.shape == (2, LONGEST)
    assert spelt[0, 0] == lexicon.spelt(["a"])[0, 0]
    assert spelt[0, -1] == lexicon.spelt(["z"])[0, 0]
    assert np.count_nonzero(spelt[1]) == 1


def test_it_is_written_and_read_again():
    lexicon = Lexicon.fit(SENTENCES)
    assert Lexicon.from_json(lexicon.to_json()) == lexicon
    for broken in ("[]", '{"words": [1], "characters": []}', '{"words": []}'):
        with pytest.raises(DataError, match="no lexicon"):
            Lexicon.from_json(broken)


@given(N=st.integers(1, 3), T=st.integers(1, 4), L=st.integers(1, 4), seed=st.integers(0, 99))
def test_each_distinct_word_stands_once_and_in_its_places(N, T, L, seed):
    draw = np.random.default_rng(seed)
    characters = draw.integers(1, 3, (N, T, L)) * (np.arange(L) < draw.integers(0, L + 1, (N, T, 1)))
    words, place, lengths = distinct(characters)
    whole = np.zeros((len(words), L), np.int64)
    whole[:, : words.shape[1]] = words
    np.testing.assert_array_equal(whole[place].reshape(N, T, L), characters)
    assert len({tuple(word) for word in words.tolist()}) == len(words)
    np.testing.assert_array_equal(lengths, [np.count_nonzero(word) for word in words])
