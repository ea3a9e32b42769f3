"""Parts share no row; chapter C's permutation is NumPy's old one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data import splits
from rekur.errors import DataError


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_holdout_parts_the_rows(share: float) -> None:
    kept, held = splits.holdout(101, share, seed=3)
    assert sorted([*kept, *held]) == list(range(101))
    assert len(held) == round(101 * share)
    assert np.array_equal(kept, splits.holdout(101, share, np.random.default_rng(3))[0])
    assert not np.array_equal(kept, splits.holdout(101, share, seed=4)[0])


@pytest.mark.parametrize(("n", "share"), [(10, 1.0), (10, -0.1), (1, 0.9), (0, 0.0)])
def test_holdout_keeps_something_to_train_on(n: int, share: float) -> None:
    with pytest.raises(DataError):
        splits.holdout(n, share, seed=0)


def test_numpy_permutation_is_the_one_of_the_global_seed() -> None:
    np.random.seed(42)  # noqa: NPY002 - the chapter's own call
    assert np.array_equal(splits.numpy_permutation(25_000), np.random.permutation(25_000))  # noqa: NPY002


def test_rows_of_one_key_stay_together_and_every_stratum_gives_its_share() -> None:
    strata = np.repeat([0, 1, 2], [600, 100, 20])
    keys = [*range(700), *range(20)]  # the last 20 are the first of the first stratum, again
    parts = splits.apart(keys, strata, (0.1, 0.2), np.random.default_rng(1))
    assert sorted(np.concatenate(parts).tolist()) == list(range(720))
    held = [{keys[row] for row in part} for part in parts]
    assert sum(map(len, held)) == len(set().union(*held)) == 700
    assert [np.bincount(strata[part], minlength=3).tolist() for part in parts[1:]] == [[60, 10, 2], [120, 20, 4]]


def test_parts_depend_on_the_generator_alone() -> None:
    keys, strata = list("abcdefghij"), np.zeros(10, np.int64)
    first, again, other = (splits.apart(keys, strata, (0.5,), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])


def whole(parts: list[np.ndarray], count: int) -> bool:
    return sorted(np.concatenate(parts).tolist()) == list(range(count))


@given(st.integers(3, 300), st.integers(1, 4), st.integers(0, 2**31))
def test_strata_lose_no_row_and_give_their_shares(count: int, kinds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    strata = rng.integers(0, kinds, count)
    parts = splits.stratified(strata, (0.2, 0.15), rng)
    assert whole(parts, count)
    for stratum in range(kinds):
        size = int((strata == stratum).sum())
        held = [int((strata[part] == stratum).sum()) for part in parts[1:]]
        assert abs(held[0] - 0.2 * size) <= 1
        assert abs(held[1] - 0.15 * size) <= 1


@given(st.integers(3, 200), st.integers(3, 40), st.integers(0, 2**31))
def test_no_group_stands_in_two_parts_and_no_part_is_empty(count: int, kinds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(3), rng.integers(0, kinds, count)])
    parts = splits.grouped(groups, (0.2, 0.15), rng, rng.integers(0, 2, len(groups)))
    assert whole(parts, len(groups))
    members = [set(groups[part].tolist()) for part in parts]
    assert all(members)
    assert sum(map(len, members)) == len(set().union(*members))


def test_groups_give_their_shares_of_every_stratum() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), rng.integers(1, 20, 100))
    strata = (rng.random(len(groups)) < 0.1).astype(np.int64)
    parts = splits.grouped(groups, (0.2, 0.15), rng, strata)
    for kind in (0, 1):
        shares = [(strata[part] == kind).sum() / (strata == kind).sum() for part in parts]
        assert np.allclose(shares, (0.65, 0.2, 0.15), atol=0.03)


def test_fewer_groups_than_parts_are_refused() -> None:
    with pytest.raises(DataError, match="3 groups or more"):
        splits.grouped(np.array([0, 0, 1]), (0.2, 0.2), np.random.default_rng(0))


def test_copies_stay_together() -> None:
    keys = np.arange(100) % 40
    parts = splits.together(keys, np.zeros(100, np.int64), (0.2, 0.2), np.random.default_rng(0))
    assert whole(parts, 100)
    held = [set(keys[part].tolist()) for part in parts]
    assert sum(map(len, held)) == 40
    assert [len(part) for part in held] == [24, 8, 8]


@given(st.integers(5, 200), st.integers(3, 50), st.integers(0, 2**31))
def test_no_part_is_newer_than_the_ones_tested(count: int, moments: int, seed: int) -> None:
    when = np.random.default_rng(seed).integers(0, moments, count)
    train, test, validation = splits.by_time(when, (0.2, 0.2))
    assert whole([train, test, validation], count)
    for older, newer in ((train, validation), (validation, test), (train, test)):
        assert not (len(older) and len(newer)) or when[older].max() < when[newer].min()


@pytest.mark.parametrize("count", [2, 5])
def test_every_row_is_tested_once_and_every_class_in_every_fold(count: int) -> None:
    strata = np.repeat([0, 1, 2], [50, 30, 10])
    parts = splits.folds(strata, count, np.random.default_rng(1))
    assert whole(parts, 90)
    assert all(np.abs(np.bincount(strata[part], minlength=3) * count - [50, 30, 10]).max() <= count for part in parts)


def test_folds_of_groups_are_whole_and_alike() -> None:
    groups = np.repeat(np.arange(20), 5)
    parts = splits.folds_of_groups(groups, 4, np.random.default_rng(1))
    assert whole(parts, 100)
    assert [len(part) for part in parts] == [25] * 4
    assert sum(len(set(groups[part])) for part in parts) == 20


def test_folds_by_time_know_no_future() -> None:
    when = np.random.default_rng(1).permutation(60)
    spans = splits.folds_by_time(when, 5)
    assert whole(spans, 60)
    assert [when[span].tolist() for span in spans] == [list(range(at, at + 10)) for at in range(0, 60, 10)]


def test_splits_that_leave_nothing_are_refused() -> None:
    rng, alike = np.random.default_rng(0), np.zeros(3, np.int64)
    for count in (1, 4):
        with pytest.raises(DataError, match="Folds"):
            splits.folds(alike, count, rng)
    with pytest.raises(DataError, match="moments"):
        splits.folds_by_time(np.ones(9), 2)
    with pytest.raises(DataError, match="below 1"):
        splits.stratified(alike, (0.5, 0.5), rng)
