"""The rows of a user's table: every split is whole, knows no future, and its settings contradict nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from rekur import config
from rekur.errors import ConfigError, DataError
from rekur.tasks import own
from rekur.tasks.own import Keys, OwnFile


def settings(**values: Any) -> OwnFile:
    return config.check(OwnFile, {"path": "a.csv", **values}, "data")


KEYS = Keys(
    strata=np.repeat([0, 1], 50),
    groups=np.repeat(np.arange(20), 5),
    moments=np.random.default_rng(0).permutation(100),
)


@pytest.mark.parametrize("split", ["random", "stratified", "grouped", "time"])
@pytest.mark.parametrize("folds", [0, 4])
def test_parts_are_apart_and_the_test_parts_of_folds_are_whole(split: str, folds: int) -> None:
    tested = []
    for fold in range(folds or 1):
        data = settings(split=split, group="g", time="t", folds=folds, fold=fold)
        found = own.parts(data, 100, 1, KEYS)
        rows = np.concatenate(list(found.values()))
        assert len(set(rows.tolist())) == len(rows)
        assert all(len(part) for part in found.values())
        assert split == "time" or len(rows) == 100
        tested += found["test"].tolist()
    if folds and split != "time":
        assert sorted(tested) == list(range(100))
    else:
        assert len(set(tested)) == len(tested)


def test_time_tests_on_what_is_newest() -> None:
    moments = KEYS.moments
    assert moments is not None
    for data in (settings(split="time", time="t"), settings(split="time", time="t", folds=3, fold=1)):
        found = own.parts(data, 100, 1, KEYS)
        assert moments[found["train"]].max() < moments[found["validation"]].min()
        assert moments[found["validation"]].max() < moments[found["test"]].min()


@pytest.mark.parametrize("folds", [0, 4])
def test_copies_never_stand_in_two_parts(folds: int) -> None:
    copies = np.arange(100) % 50
    found = own.parts(settings(folds=folds), 100, 1, Keys(copies=copies))
    held = [set(copies[rows].tolist()) for rows in found.values()]
    assert sum(map(len, held)) == 50


def test_the_split_is_a_function_of_its_seed() -> None:
    first, same, other = (own.parts(settings(), 100, seed)["test"] for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert np.array_equal(own.parts(settings(split_seed=1), 100, 7)["test"], first)


def test_keys_come_from_the_table() -> None:
    frame = pl.DataFrame(
        {"who": ["b", "a", "b"], "day": ["2024-02-29", "2024-01-01", "2024-03-01"], "n": ["3", "1", "2"]}
    )
    assert own.keys(settings(split="grouped", group="who"), frame).groups.tolist() == [1, 0, 1]
    assert np.argsort(own.keys(settings(split="time", time="day"), frame).moments).tolist() == [1, 0, 2]
    assert own.keys(settings(split="time", time="n"), frame).moments.tolist() == [3, 1, 2]
    with pytest.raises(DataError, match="no column `whom`"):
        own.keys(settings(split="grouped", group="whom"), frame)
    with pytest.raises(DataError, match="no dates; the first is `b`"):
        own.keys(settings(split="time", time="who"), frame)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"path": ""}, "data.path"),
        ({"split": "grouped"}, "data.group"),
        ({"group": "g"}, "data.group needs"),
        ({"split": "time"}, "data.time"),
        ({"test": 0.5, "validation": 0.5}, "less than 1 together"),
        ({"folds": 1}, "2 or more"),
        ({"folds": 3, "fold": 3}, "below data.folds"),
    ],
)
def test_contradictions_are_said(values: dict[str, Any], said: str) -> None:
    assert any(said in fault for fault in own.contradictions(settings(**values)))


def test_nothing_contradicts_a_plain_file() -> None:
    assert not list(own.contradictions(settings()))


def test_too_few_examples_and_unknown_keys_are_refused() -> None:
    with pytest.raises(DataError, match="too few"):
        own.parts(settings(), 2, 1)
    with pytest.raises(ConfigError, match="not known to this task"):
        own.parts(settings(split="time", time="t"), 100, 1)


def test_without_a_test_share_there_is_no_test_part() -> None:
    assert len(own.parts(settings(test=0.0), 100, 1)["test"]) == 0
