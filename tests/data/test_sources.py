"""Tables read in pieces are the tables read whole, and name the same faults."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekur.data import files, sources
from rekur.data.sources import Source, batches
from rekur.errors import DataError

CELLS = st.text('ab1 "é,;\n', max_size=6)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(sources, "BYTES", 64)


def whole(path):
    return pl.concat(batches(path), how="vertical_relaxed")


@settings(max_examples=25)
@given(rows=st.lists(st.tuples(CELLS, CELLS, st.text("xyz", min_size=1, max_size=3)), min_size=1, max_size=30))
def test_pieces_are_the_rows_of_the_whole_file(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("pieces") / "table.csv"
    frame = pl.DataFrame(rows, schema=["one", "two", "three"], orient="row")
    frame.write_csv(path)
    read = [frame.fill_null("") for frame in (whole(path), files.read_table(path))]  # "" is no value either way
    assert read[0].equals(read[1])


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".jsonl", ".parquet"])
def test_every_form_is_read_in_pieces(tmp_path, ending):
    frame = pl.DataFrame({"id": [f"s{n // 7}" for n in range(500)], "value": [str(n / 8) for n in range(500)]})
    path = tmp_path / f"table{ending}"
    if ending == ".parquet":
        frame.write_parquet(path)
    elif ending == ".jsonl":
        frame.write_ndjson(path)
    else:
        text = frame.write_csv(separator="\t" if ending == ".tsv" else ",").encode()
        path.write_bytes(gzip.compress(text) if ending.endswith(".gz") else b"\xef\xbb\xbf" + text)
    assert len(list(batches(path))) > 5
    assert whole(path).equals(frame)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,b,c", "line 62 has 3 fields"),
        ("a", "line 62 has 1 field"),
        ('"a,b', "line 62.*quotation mark left open"),
        ('x,"b\nc"\na', "line 64 has 1 field"),
    ],
)
def test_the_line_of_a_bad_row_is_named_however_far_it_stands(tmp_path, row, said):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["one,two", *(["1,2"] * 60), row, *(["1,2"] * 60)]) + "\n")
    with pytest.raises(DataError, match=said):
        whole(path)
    with pytest.raises(DataError, match=said):
        files.read_table(path)


def test_the_line_that_is_not_utf_8_is_named_however_far_it_stands(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"one,two\n" + b"1,2\n" * 60 + b"caf\xe9,2\n" + b"1,2\n" * 60)
    with pytest.raises(DataError, match="byte 0xe9 in line 62"):
        whole(path)


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_the_first_rows_of_a_sorted_file_are_of_all_its_places(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(sources, "BYTES", 1024)
    frame = pl.DataFrame({"label": [f"class{n // 200}" for n in range(1000)], "value": range(1000)})
    path = tmp_path / f"table{ending}"
    {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet}[ending](path)
    found, count = Source(path, memory=1).first()
    assert found["label"].n_unique() >= 4
    assert abs(count - 1000) < 400
    assert len(found) < 1000


KINDS = [st.integers(-9, 9), st.floats(-1e6, 1e6), st.booleans(), st.sampled_from(["up", "3", ""])]


@settings(max_examples=25)
@given(
    columns=st.lists(st.sampled_from(KINDS).map(lambda one: st.none() | one), min_size=3, max_size=3).flatmap(
        lambda kinds: st.lists(st.tuples(*kinds), min_size=1, max_size=40)
    )
)
def test_objects_keep_the_kinds_of_their_values(tmp_path_factory, columns):
    path = tmp_path_factory.mktemp("kinds") / "table.jsonl"
    rows = [dict(zip("abc", row, strict=True)) for row in columns]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert whole(path).equals(files.read_table(path))
    assert whole(path).schema == files.read_table(path).schema


def test_a_key_that_comes_up_further_on_is_a_fault(tmp_path):
    path = tmp_path / "table.jsonl"
    path.write_text('{"a": 1, "b": [1, 2]}\n' * 60 + '{"a": 2, "c": 3}\n')
    with pytest.raises(DataError, match=r"the key `c` first comes up behind .* same keys, null where"):
        whole(path)


def test_a_damaged_parquet_file_is_told_by_whoever_looks_first(tmp_path):
    path = tmp_path / "table.parquet"
    pl.DataFrame({"a": range(1000)}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"is no whole \.parquet file"):
        Source(path, memory=1).first()
