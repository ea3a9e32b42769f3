"""Batches hold every row once; padding is what a loop over rows would give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data import batches
from rekur.data.ragged import Ragged
from rekur.errors import ShapeError


def padded_by_loop(rows: list[list[int]], T: int, side: str, value: int) -> list[list[int]]:
    if side == "right":
        return [row[:T] + [value] * (T - len(row[:T])) for row in rows]
    kept = [row[max(0, len(row) - T) :] for row in rows]
    return [[value] * (T - len(row)) + row for row in kept]


@given(
    st.lists(st.lists(st.integers(1, 99), max_size=9), min_size=1, max_size=8),
    st.one_of(st.none(), st.integers(1, 12)),
    st.sampled_from(["left", "right"]),
    st.randoms(use_true_random=False),
)
def test_pads_like_a_loop(rows: list[list[int]], length: int | None, side: str, random) -> None:
    picked = [random.randrange(len(rows)) for _ in range(5)]
    array, lengths = batches.pad(Ragged.of(rows, np.int32), np.array(picked), length, side, value=7)
    chosen = [rows[i] for i in picked]
    T = length or max(1, *(len(row) for row in chosen))
    assert array.tolist() == padded_by_loop(chosen, T, side, 7)
    assert lengths.tolist() == [min(len(row), T) for row in chosen]
    assert array.dtype == lengths.dtype == np.int64


def test_pads_rows_of_several_features() -> None:
    ragged = Ragged(np.arange(10).reshape(5, 2), np.array([0, 3, 5]))
    array, _ = batches.pad(ragged, np.array([1, 0]))
    assert array.tolist() == [[[6, 7], [8, 9], [0, 0]], [[0, 1], [2, 3], [4, 5]]]


def test_texts_without_tokens_make_one_step_of_padding() -> None:
    array, lengths = batches.pad(Ragged.of([[], []]), np.array([0, 1]))
    assert array.tolist() == [[0], [0]]
    assert lengths.tolist() == [0, 0]


@given(st.integers(0, 50), st.integers(1, 9))
def test_every_row_is_in_one_batch(n: int, batch: int) -> None:
    lengths = np.random.default_rng(n).integers(0, 30, n)
    for found in (
        batches.in_order(n, batch),
        batches.shuffled(n, batch, np.random.default_rng(0)),
        batches.bucketed(lengths, batch, np.random.default_rng(0), pool=2),
    ):
        assert sorted(np.concatenate([*found, np.zeros(0, int)]).tolist()) == list(range(n))
        assert len(found) == -(-n // batch)
        assert all(0 < len(rows) <= batch for rows in found)


def test_buckets_hold_similar_lengths_and_change_with_the_epoch() -> None:
    lengths = np.random.default_rng(0).integers(1, 1000, 5000)
    first, second = (batches.bucketed(lengths, 10, np.random.default_rng(seed)) for seed in (1, 2))
    mixed = batches.shuffled(5000, 10, np.random.default_rng(1))

    def padding(found: list[np.ndarray]) -> float:
        return 1 - lengths.sum() / sum(lengths[rows].max() * len(rows) for rows in found)

    assert padding(first) < 0.05 < 0.4 < padding(mixed)
    assert {tuple(rows) for rows in first}.isdisjoint({tuple(rows) for rows in second})
    means = np.array([lengths[rows].mean() for rows in first])
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.2  # neighbouring batches are unrelated


def test_same_seed_same_batches() -> None:
    lengths = np.arange(100) % 17
    first, second = (batches.bucketed(lengths, 8, np.random.default_rng(3)) for _ in range(2))
    assert all(map(np.array_equal, first, second))


def test_refuses_sizes_below_one() -> None:
    with pytest.raises(ShapeError, match="1 row or more; got 0"):
        batches.in_order(3, 0)
    with pytest.raises(ShapeError, match="T=0"):
        batches.pad(Ragged.of([[1]]), np.array([0]), length=0)


@pytest.mark.parametrize("rows", [None, 4])
def test_thrifty_batches_hold_every_row_once_and_few_steps(rows: int | None) -> None:
    lengths = np.random.default_rng(0).integers(1, 3000, 500)
    found = batches.thrifty(lengths, 4000, rows)
    assert sorted(np.concatenate(found).tolist()) == list(range(500))
    assert all(len(part) == 1 or len(part) * lengths[part].max() <= 4000 for part in found)
    assert max(map(len, found)) > 4 if rows is None else max(map(len, found)) == rows
    assert batches.thrifty(np.zeros(0, np.int64), 4000, rows) == []
