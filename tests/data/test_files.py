"""Every fault of a user's file gets one message: what, expected, got, fix."""

import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rekur.data import files
from rekur.errors import DataError


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\n좋다,1\nbad,0\n"),
        ("a.csv", "\ufefftext,label\r\n좋다,1\r\nbad,0\r\n\r\n"),
        ("a.CSV", 'text,label\n"좋다","1"\nbad,0'),
        ("a.tsv", "text\tlabel\n좋다\t1\nbad\t0\n"),
        ("a.csv", "text;label\r\n좋다;1\r\nbad;0\r\n"),
        ("a.csv", "text\tlabel\n좋다\t1\nbad\t0\n"),
        ("a.jsonl", '{"text": "좋다", "label": "1"}\n\n{"text": "bad", "label": "0"}\n'),
    ],
)
def test_the_same_table_in_every_form(tmp_path: Path, name: str, content: str) -> None:
    frame = files.read_table(write(tmp_path, name, content))
    assert frame.rows() == [("좋다", "1"), ("bad", "0")]
    assert frame.columns == ["text", "label"]


def test_a_semicolon_beside_a_comma_separates_nothing(tmp_path: Path) -> None:
    frame = files.read_table(write(tmp_path, "a.csv", "text; whole,label\nwell; done,1\n"))
    assert frame.rows() == [("well; done", "1")]
    frame = files.read_table(write(tmp_path, "a.csv", "text\nwell; done\n"))
    assert frame.rows() == [("well; done",)]


def test_a_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1.5, 2.5]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert files.read_table(tmp_path / "a.parquet").equals(frame)


def test_a_text_a_line(tmp_path: Path) -> None:
    frame = files.read_table(write(tmp_path, "a.txt", "one\r\n\ntwo\u2028still two\n"))
    assert files.text_column(frame).to_list() == ["one", "", "two\u2028still two"]


def test_quoted_line_breaks_stay_in_their_text(tmp_path: Path) -> None:
    frame = files.read_table(write(tmp_path, "a.csv", 'text,label\n"two\nlines, ""quoted""",1\n'))
    assert frame.rows() == [('two\nlines, "quoted"', "1")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", r"a\.csv is empty; expected a table"),
        ("a.csv", "\n \n", "is empty"),
        ("a.csv", "text,label\n", "has no rows"),
        ("a.csv", "text,label\n\n\n", "has no rows"),
        ("a.csv", "x,y,x\n1,2,3\n", "names these columns twice: `x`. Rename them"),
        ("a.csv", "x,y\n1,2,3\n", "line 2 has 3 fields; the first line names 2"),
        ("a.csv", 'x,y\n1,"2\n', "line 2: unexpected end of data. Is a quotation mark left open"),
        ("a.csv", "글,x\n".encode("cp949"), "not UTF-8: byte 0xb1 in line 1. Save it as UTF-8"),
        ("a.txt", b"fine\nfine\n\xff", "not UTF-8: byte 0xff in line 3"),
        ("a.csv", "x,y\n1,2\n".encode("utf-16"), "is UTF-16, not a text file in UTF-8"),
        ("a.jsonl", '{"x": 1}\n{"x": ', r"line 2 is not JSON.*one object a line"),
        ("a.jsonl", "[1, 2]", r"line 1 is no JSON object; expected \{...\}; got `\[1, 2\]`"),
        ("a.parquet", b"PAR1 not really", r"no whole \.parquet file"),
        ("a.xlsx", "x", r"rekur reads \.csv, .*; got `\.xlsx`"),
        ("a", "x", "got `no ending`"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        files.read_table(write(tmp_path, name, content))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("absent.csv", "folder.csv"):
        with pytest.raises(DataError, match=rf"{name} cannot be read: .*Give the path of a file"):
            files.read_table(tmp_path / name)


FRAME = pl.DataFrame(
    {
        "text": ["a", None, "c"],
        "whole": [1, 2, 3],
        "typed": [" 1.5", "2e3", "-3"],
        "gap": ["1", "", None],
        "word": ["1", "2", "three"],
        "nan": [1.0, float("nan"), float("inf")],
        "flag": [True, False, True],
    }
)


def test_numbers_typed_or_written() -> None:
    found = files.numeric_columns(FRAME, ["typed", "whole"])
    assert np.array_equal(found, [[1.5, 1.0], [2000.0, 2.0], [-3.0, 3.0]])
    assert files.numeric_columns(FRAME, []).shape == (3, 0)


def test_every_column_at_fault_is_named_at_once() -> None:
    with pytest.raises(DataError) as caught:
        files.numeric_columns(FRAME, ["whole", "gap", "word", "nan", "flag", "hole"])
    fault, fix = "of 3 values are not finite numbers; the first is", "Fill these rows or drop them."
    assert str(caught.value).splitlines() == [
        f"Column `gap`: 2 {fault} nothing in row 2. {fix}",
        f"Column `word`: 1 {fault.replace('are not finite numbers', 'is not a finite number')} `three` in row 3. {fix}",
        f"Column `nan`: 2 {fault} `nan` in row 2. {fix}",
        "Column `flag` must hold numbers; got Boolean.",
        "There is no column `hole`. Did you mean `whole`?",
    ]


def test_texts() -> None:
    assert files.text_column(FRAME).to_list() == ["a", "", "c"]
    with pytest.raises(DataError, match="Column `whole` must hold texts; got Int64"):
        files.text_column(FRAME, "whole")
    with pytest.raises(DataError, match=r"no column `Text`\. Did you mean `text`"):
        files.text_column(FRAME, "Text")


def test_labels_become_places_in_their_names() -> None:
    frame = pl.DataFrame({"label": ["no", "yes", "no"], "number": [3, 1, 3]})
    found, names = files.labels(frame)
    assert (found.tolist(), names) == ([0, 1, 0], ("no", "yes"))
    assert files.labels(frame, "number")[1] == ("1", "3")
    found, names = files.labels(frame, classes=("yes", "no", "perhaps"))
    assert (found.tolist(), names) == ([1, 0, 1], ("yes", "no", "perhaps"))


def test_labels_at_fault() -> None:
    frame = pl.DataFrame({"one": ["a", "a"], "gap": ["a", None], "many": ["a", "z"]})
    with pytest.raises(DataError, match="one class only, `a`; a classifier needs two"):
        files.labels(frame, "one")
    assert files.labels(frame, "one", classes=("a", "b"))[0].tolist() == [0, 0]  # to predict, one class is fine
    with pytest.raises(DataError, match="1 row with no label, the first is row 2"):
        files.labels(frame, "gap")
    with pytest.raises(DataError, match=r"never seen in training: `z`\. The model knows `a`, `b`"):
        files.labels(frame, "many", classes=("a", "b"))


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-31", "2024-02-01"],
        ["2024/01/31", "2024/02/01"],
        ["20240131", "20240201"],
        ["2024-01-31 23:59", "2024-02-01 00:00"],
        ["2024-01-31T23:59:59Z", "2024-02-01T00:00:00Z"],
        [datetime.date(2024, 1, 31), datetime.date(2024, 2, 1)],
    ],
)
def test_dates(values: list[object]) -> None:
    found = files.dates(pl.DataFrame({"date": values}))
    assert (found[0].month, found[1].month) == (1, 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2024-01-02", "2024-01-01"], "`2024-01-01` in row 2 is out of order; expected each date once, oldest first"),
        (["2024-01-01", "2024-01-02", "2024-01-02"], "`2024-01-02` in row 3 occurs twice"),
        (["2024-01-01", "soon"], "1 value is no date; the first is `soon` in row 2. Write dates as 2024-03-31"),
        (["01/02/2024", "02/02/2024"], "2 values are no dates"),  # of January or February: not guessed
        ([datetime.date(2024, 1, 1), None], "1 row without a date"),
        ([1, 2], "must hold dates such as 2024-03-31; got Int64"),
    ],
)
def test_dates_at_fault(values: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        files.dates(pl.DataFrame({"date": values}))
