"""Sequences read in pieces are the sequences read whole, and name the same faults."""

from __future__ import annotations

import errno

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekur.data import disk, sequences, sources, streamed
from rekur.data.grouping import Grouping
from rekur.data.ragged import Ragged
from rekur.data.sources import Source
from rekur.errors import DataError, RekurError


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(sources, "BYTES", 128)
    monkeypatch.setattr(streamed, "BYTES", 128)
    monkeypatch.setattr(disk, "STEPS", 16)


def same(piecewise, whole):
    assert disk.on_disk(piecewise.values.values)
    assert np.array_equal(piecewise.values.values, whole.values.values, equal_nan=True)
    assert np.array_equal(piecewise.values.offsets, whole.values.offsets)
    assert piecewise.about.equals(whole.about)
    assert (piecewise.columns, piecewise.left_out) == (whole.columns, whole.left_out)


def large(path):
    return Source(path, memory=1)


@settings(max_examples=15)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcde"), st.integers(0, 10_000), st.sampled_from(["", "0.1", "-3e-7", "nan"])),
        min_size=4,
        max_size=60,
        unique_by=lambda row: row[:2],
    ),
    timed=st.booleans(),
    about=st.sampled_from([(), ("label",)]),  # a prediction asks for nothing
)
def test_long_tables_in_any_order(tmp_path_factory, rows, timed, about):
    path = tmp_path_factory.mktemp("long") / "steps.csv"
    frame = pl.DataFrame(rows, schema=["id", "time", "x"], orient="row")
    frame.with_columns(y=pl.col("time") / 7, label="of " + pl.col("id")).write_csv(path)
    asked = ("id", "time" if timed else "", ("x", "y"), about)
    same(streamed.long(large(path), *asked), sequences.long(Source(path, 1 << 30).frame, *asked))


@pytest.mark.parametrize(("id", "alike"), [("", True), ("name", True), ("name", False)])
def test_wide_tables(tmp_path, id, alike):
    rng = np.random.default_rng(0)
    values = np.where(rng.random((90, 4)) < 0.3, np.nan, rng.normal(size=(90, 4)))
    frame = pl.DataFrame(values, schema=["a", "b", "c", "d"]).with_columns(
        pl.Series("name", [f"n{n}" for n in range(90)]), label=pl.Series(["up", "down"] * 45)
    )
    path = tmp_path / "curves.csv"
    frame.with_columns(pl.col(pl.Float64).fill_nan(None)).write_csv(path)
    asked = (id, ("a", "b", "c", "d"), ("label",), alike)
    same(streamed.wide(large(path), *asked), sequences.wide(Source(path, 1 << 30).frame, *asked))


@pytest.mark.parametrize("form", [(50, 6), (20, 5, 3)])
def test_arrays(tmp_path, form):
    values = np.random.default_rng(1).normal(size=form).astype(np.float32)
    values[::3, -2:] = np.nan
    np.save(tmp_path / "a.npy", values)
    same(streamed.stacked(tmp_path / "a.npy"), sequences.stacked(values, "a"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("z,0,1,A", "sequence `z` has a time twice, the second time in row 202"),
        ("z,1,1,B", "sequence `z` has two values, `A` and `B`"),
        ("z,1,x,A", "behind its first .* rows: Column `x`: 1 of .* the first is `x`"),
        (",1,1,A", "behind its first .* rows: Column `id`: 1 row with no id"),
        ("z,2024-01-01,1,A", "behind its first .* rows: Column `time`: .* no dates"),
        (
            "\n".join(f"z,2024-01-{n:02},1,A" for n in range(10, 30)),
            "Column `time`.*(numbers here and dates there|no dates)",
        ),
    ],
)
def test_faults_far_on(tmp_path, row, said):
    path = tmp_path / "steps.csv"
    lines = [f"s{n // 10},{n % 10},{n},A" for n in range(200)]
    path.write_text("\n".join(["id,time,x,label", *lines, "z,0,1,A", row]) + "\n")
    with pytest.raises(DataError, match=said):
        streamed.long(large(path), "id", "time", ("x",), ("label",))


@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=12), data=st.data())
def test_rows_on_disk_are_taken_and_changed_as_those_in_memory(lengths, data):
    rows = Ragged.from_lengths(np.arange(2.0 * sum(lengths)).reshape(-1, 2), np.array(lengths))
    writer = disk.Writer(np.float64, (2,))
    writer.add(rows)
    stored = writer.ragged()
    chosen = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=9)), dtype=np.int64)
    for found, wanted in (
        (disk.taken(stored, chosen), rows.take(chosen)),
        (disk.mapped(stored, lambda some: some.cut(3)), rows.cut(3)),
    ):
        assert np.array_equal(found.values, wanted.values)
        assert np.array_equal(found.offsets, wanted.offsets)


def test_a_full_disk_is_said(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(RekurError, match=r"No space for temporary files in .*TMPDIR"):
        disk.blank((10,), np.float64)


def test_too_many_open_files_are_said(monkeypatch):
    def none_left(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("tempfile.TemporaryFile", none_left)
    with pytest.raises(RekurError, match=r"Too many files are open.*ulimit -n 512.*data\.memory"):
        Grouping(1, size=1 << 40, memory=1)


def test_what_is_left_on_a_full_disk_raises_nothing_more(monkeypatch):
    writer = disk.Writer(np.float64)
    writer.write(np.zeros(4))

    class Full:
        def close(self):
            raise OSError(28, "No space left on device")

    writer.file.close()
    monkeypatch.setattr(writer, "file", Full())
    writer.__del__()
