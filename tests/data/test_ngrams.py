"""Hashed n-grams: equal words, equal ids, and none across the rows' ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data.ngrams import ngram_ids
from rekur.data.ragged import Ragged
from rekur.errors import ShapeError

ROWS = st.lists(st.lists(st.integers(0, 4), max_size=7), min_size=1, max_size=5)
BUCKETS = 1 << 30  # so many that two n-grams hardly ever share one


@given(ROWS, st.integers(2, 4))
def test_ids_are_equal_exactly_when_the_words_are(rows: list[list[int]], order: int) -> None:
    found = ngram_ids(Ragged.of(rows, np.int32), order, BUCKETS)
    words_of: dict[tuple[int, int], tuple[int, ...]] = {}
    id_of: dict[tuple[int, ...], int] = {}
    for row, ids in zip(rows, found, strict=True):
        assert ids.shape == (len(row), order - 1)
        for t in range(len(row)):
            for n in range(2, order + 1):
                number, words = int(ids[t, n - 2]), tuple(row[t - n + 1 : t + 1])
                if t < n - 1:
                    assert number == 0
                    continue
                assert 0 < number < BUCKETS
                assert id_of.setdefault(words, number) == number
                assert words_of.setdefault((n, number), words) == words


def test_rows_do_not_see_each_other() -> None:
    rows = [[1, 2, 3], [3, 2], [], [1, 2, 3]]
    together = ngram_ids(Ragged.of(rows), 3, BUCKETS)
    for number, row in enumerate(rows):
        alone = ngram_ids(Ragged.of([row]), 3, BUCKETS)
        assert np.array_equal(together[number], alone[0])


def test_ids_spread_evenly_and_depend_on_the_seed() -> None:
    pairs = Ragged.of([[a, b] for a in range(100) for b in range(100)])
    ids = ngram_ids(pairs, 2, 101).values[1::2, 0]
    counts = np.bincount(ids, minlength=101)[1:]
    assert counts.min() > 50 < counts.max() < 150  # 100 on average, 10 the standard deviation of a fair hash
    other = ngram_ids(pairs, 2, 101, seed=12345).values[1::2, 0]
    assert (ids == other).mean() < 0.05


def test_the_hash_is_frozen() -> None:
    # A model keeps a vector for each bucket: another hash would make trained models wrong.
    found = ngram_ids(Ragged.of([[7, 3, 9]]), order=3, buckets=1_000_000, seed=1)
    assert found[0].tolist() == [[0, 0], [892428, 0], [666959, 354631]]


def test_refuses_sizes_below_two() -> None:
    for order, buckets in ((1, 10), (2, 1)):
        with pytest.raises(ShapeError, match="2 or more"):
            ngram_ids(Ragged.of([[1]]), order, buckets)
