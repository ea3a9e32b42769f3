"""Sequences read from long tables, wide ones and arrays are the same sequences; what is malformed is named."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.data import files, sequences
from rekur.data.datasets import waves
from rekur.errors import DataError

ROWS = st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), min_size=1, max_size=6)


def long_table(rows):
    steps = [
        (f"s{n}", t, value, "even" if n % 2 == 0 else "odd")
        for n, row in enumerate(rows)
        for t, value in enumerate(row)
    ]
    return pl.DataFrame(steps, schema=["id", "t", "x", "label"], orient="row")


@given(rows=ROWS, seed=st.integers(0, 9))
def test_a_long_table_in_any_order_is_the_same_sequences(rows, seed):
    table = long_table(rows)
    shuffled = table[np.random.default_rng(seed).permutation(len(table))]
    found = sequences.long(shuffled, "id", "t", ["x"], ["label"])
    order = [found.about["id"].to_list().index(f"s{n}") for n in range(len(rows))]
    assert [found.values[place][:, 0].tolist() for place in order] == rows
    assert found.about["label"][order].to_list() == ["odd" if n % 2 else "even" for n in range(len(rows))]


@given(rows=ROWS)
def test_a_wide_table_and_an_array_are_what_the_long_one_is(rows):
    table = np.full((len(rows), max(map(len, rows))), np.nan)
    for n, row in enumerate(rows):
        table[n, : len(row)] = row
    expected = sequences.long(long_table(rows), "id", "t", ["x"])
    wide = sequences.wide(pl.DataFrame(table, schema=[f"t{t}" for t in range(table.shape[1])], orient="row"))
    stacked = sequences.stacked(table, "the array")
    for found in (wide, stacked):
        np.testing.assert_array_equal(found.values.values, expected.values.values)
        np.testing.assert_array_equal(found.values.offsets, expected.values.offsets)


def test_without_a_time_steps_stand_in_their_order():
    table = pl.DataFrame({"id": ["b", "a", "b"], "x": [1, 2, 3]})
    found = sequences.long(table, "id")
    assert [row[:, 0].tolist() for row in found.values] == [[1.0, 3.0], [2.0]]
    assert found.about["id"].to_list() == ["b", "a"]


@pytest.mark.parametrize("missing", [*files.MISSING, " NaN ", None])
def test_every_word_for_a_missing_value_is_one(missing):
    assert np.isnan(sequences.measured(pl.Series("x", ["1.5", missing], dtype=pl.String))).tolist() == [False, True]


def test_a_missing_value_inside_stays_and_behind_the_last_step_does_not():
    found = sequences.stacked(np.array([[1.0, np.nan, 3.0, np.nan], [np.nan] * 4]), "it")
    assert found.values.lengths.tolist() == [3, 1]
    assert np.isnan(found.values[0][:, 0]).tolist() == [False, True, False]


def test_a_label_may_stand_on_one_row_alone():
    table = pl.DataFrame({"id": [1, 1, 2], "x": [1.0, 2.0, 3.0], "y": [None, "a", "b"]})
    assert sequences.long(table, "id", about=["y"]).about["y"].to_list() == ["a", "b"]


def test_columns_of_words_are_left_out_and_named():
    table = pl.DataFrame({"id": ["1"], "x": ["1"], "note": ["fine"], "empty": [None]})
    found = sequences.long(table, "id")
    assert found.columns == ("x",)
    assert found.left_out == ("note", "empty")


def test_times_are_dates_or_numbers():
    dates = ["2024-02-29", "2024-02-28", "2024-03-01"]
    table = pl.DataFrame({"id": ["a"] * 3, "t": dates, "x": [2.0, 1.0, 3.0]})
    assert sequences.long(table, "id", "t").values[0][:, 0].tolist() == [1.0, 2.0, 3.0]
    numbers = table.with_columns(t=pl.Series(["10", "9", "100"]))
    assert sequences.long(numbers, "id", "t").values[0][:, 0].tolist() == [1.0, 2.0, 3.0]


def frame(**columns):
    whole = {"id": ["a", "a", "b"], "t": [1, 2, 1], "x": ["1", "2", "3"], "y": ["p", "p", "q"], **columns}
    return pl.DataFrame({name: column for name, column in whole.items() if column is not None})


FAULTS = {
    "no id": (frame(id=None), ("no column `id`",)),
    "an id missing": (frame(id=["a", None, "b"]), ("no id", "row 2")),
    "no time": (frame(t=["2024-02-29", "2023-02-29", "2024-03-01"]), ("`2023-02-29`", "row 2")),
    "a time twice": (frame(t=[1, 1, 1]), ("`a`", "twice", "row 2")),
    "a word in a number": (frame(x=["1", "many", "3"]), ("`x`", "`many` in row 2")),
    "an infinite number": (frame(x=["1", "inf", "3"]), ("`inf` in row 2",)),
    "two labels": (frame(y=["p", "q", "q"]), ("`a`", "`p` and `q`")),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_malformed_long_table_is_refused_by_name(case):
    table, words = FAULTS[case]
    with pytest.raises(DataError) as refused:
        sequences.long(table, "id", "t", ["x"], ["y"])
    for word in words:
        assert word in str(refused.value)


def test_a_table_without_numbers_is_refused():
    with pytest.raises(DataError, match="No column holds numbers"):
        sequences.wide(pl.DataFrame({"a": ["x"], "b": ["y"]}))


def test_a_value_that_is_the_label_is_refused():
    with pytest.raises(DataError, match="Name it once"):
        sequences.long(frame(), "id", "t", ["x", "y"], ["y"])


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 0)), np.array([["a"]]), np.array([[np.inf]])], ids=str)
def test_a_malformed_array_is_refused(array):
    with pytest.raises(DataError, match="the array"):
        sequences.stacked(array, "the array")


def test_infinity_beside_nan_is_refused_and_large_numbers_are_not():
    with pytest.raises(DataError, match="infinite values; the first is in sequence 2"):
        sequences.stacked(np.array([[1, np.nan], [np.inf, np.nan]]), "the array")
    assert sequences.stacked(np.full((2, 3), 1e308), "the array").values.lengths.tolist() == [3, 3]


def test_files_of_arrays_and_labels(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6).reshape(2, 3))
    assert sequences.array(tmp_path / "x.npy").shape == (2, 3)
    np.save(tmp_path / "y.npy", np.array([1, 2]))
    (tmp_path / "y.txt").write_text("a\nb\n")
    assert sequences.labels(tmp_path / "y.npy", 2).to_list() == [1, 2]
    assert sequences.labels(tmp_path / "y.txt", 2).to_list() == ["a", "b"]
    with pytest.raises(DataError, match="2 labels for 3"):
        sequences.labels(tmp_path / "y.txt", 3)
    with pytest.raises(DataError, match=r"\(N=2,\)"):
        sequences.labels(tmp_path / "x.npy", 2)
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "z.npy.npz", a=np.zeros(1))
    (tmp_path / "z.npy.npz").rename(tmp_path / "z.npy")
    for name in ("o.npy", "z.npy", "none.npy", "y.txt"):
        with pytest.raises(DataError, match=name):
            sequences.array(tmp_path / name)


def test_waves_are_the_same_every_time_and_their_levels_tell_nothing():
    first, again = waves.load(), waves.load()
    np.testing.assert_array_equal(first.values.values, again.values.values)
    assert np.bincount(first.labels).min() > 250
    means = np.array([np.nanmean(row) for row in first.values])
    of_kinds = [means[first.labels == kind].mean() for kind in range(3)]
    assert np.ptp(of_kinds) < 0.25  # of a deviation of 1
