"""The vocabulary against a Counter, Keras's coding against a slow reading of its rule."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.vocabulary import SPECIALS, KerasRanks, Vocabulary, keras_coding
from rekur.errors import DataError

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "한", "<pad>", "<unk>"]), max_size=9).map(" ".join)
TEXTS = st.lists(WORDS, min_size=1, max_size=6)


def series(texts: list[str]) -> pl.Series:
    return pl.Series("texts", texts, dtype=pl.String)


@given(TEXTS, TEXTS, st.integers(1, 3), st.one_of(st.none(), st.integers(1, 4)))
def test_agrees_with_a_counter(train: list[str], other: list[str], min_count: int, max_words: int | None) -> None:
    counts = Counter(word for text in train for word in text.split())
    kept = sorted((word for word in counts if counts[word] >= min_count), key=lambda w: (-counts[w], w))[:max_words]
    if not kept:
        with pytest.raises(DataError, match="no vocabulary"):
            Vocabulary.fit(series(train), "spaces", max_words, min_count)
        return
    vocabulary = Vocabulary.fit(series(train), "spaces", max_words, min_count)
    ids = {word: number for number, word in enumerate(kept, len(SPECIALS))}
    assert vocabulary.words == (*SPECIALS, *kept)
    for texts in (train, other):
        found = vocabulary.encode(series(texts))
        assert [row.tolist() for row in found] == [[ids.get(word, 1) for word in text.split()] for text in texts]


@given(TEXTS)
def test_json_and_back(texts: list[str]) -> None:
    if not "".join(texts).strip():
        return
    vocabulary = Vocabulary.fit(series(texts), "spaces")
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


def test_without_an_unknown_token_unknown_words_are_left_out() -> None:
    vocabulary = Vocabulary.fit(series(["a b"]), "spaces", specials=("<pad>",))
    assert [row.tolist() for row in vocabulary.encode(series(["a x b", "x", ""]))] == [[1, 2], [], []]


@pytest.mark.parametrize(
    "text", ["", "3", "[]", '{"words": ["a"]}', '{"tokenizer": "words", "specials": [], "words": [1]}']
)
def test_refuses_json_it_did_not_write(text: str) -> None:
    with pytest.raises(DataError, match="not a vocabulary"):
        Vocabulary.from_json(text)
    with pytest.raises(DataError, match="not a vocabulary"):
        KerasRanks.from_json(text)


def slow_keras(coding: KerasRanks, text: str, num_words: int | None, skip_top: int) -> list[int]:
    """One text by the rule of Keras's imdb.load_data: shift, start, then replace whatever is out of bounds."""
    rank = {word: number for number, word in enumerate(coding.words, 1)}
    ids = [1] + [rank[word] + 3 if word in rank else 2 for word in text.split()]
    most = num_words or len(coding.words) + 4
    return [i if skip_top <= i < most else 2 for i in ids]


@given(TEXTS, TEXTS, st.one_of(st.none(), st.integers(4, 9)), st.integers(0, 6))
def test_keras_coding_follows_its_rule(
    train: list[str], other: list[str], num_words: int | None, skip_top: int
) -> None:
    train, other = ([text.replace("<", "").replace(">", "") for text in texts] for texts in (train, other))
    if not "".join(train).strip():
        return
    coding = keras_coding(series(train))
    found = coding.encode(series(other), num_words, skip_top)
    assert [row.tolist() for row in found] == [slow_keras(coding, text, num_words, skip_top) for text in other]
    assert found.values.dtype == np.int32
    assert (
        coding.encode(series(other), num_words, skip_top, start=None).lengths.tolist() == (found.lengths - 1).tolist()
    )


def test_keras_ranks_begin_at_one() -> None:
    coding = keras_coding(series(["the film. The <br /> THE film"]))
    assert [coding.rank(word) for word in ("the", "film", "br")] == [1, 2, 3]
    assert KerasRanks.from_json(coding.to_json()) == coding
    with pytest.raises(KeyError):
        coding.rank("unseen")
