"""Tables read in pieces are the tables read whole, and name the same faults."""

from __future__ import annotations

import gzip

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
