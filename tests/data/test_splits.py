"""Parts share no row; chapter C's permutation is NumPy's old one."""

import numpy as np
import pytest

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
