"""A user's own files: read, and every fault named with what was expected, what came, and what to do."""

from __future__ import annotations

import csv
import gzip
import json
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data import calendar
from rekur.data.separated import BEGINNING, check_text, lines_of, named, rows_of, separator_of
from rekur.errors import DataError, in_a_line, nearest
from rekur.wording import counted, form, some

GZ = ".gz"
CURES = {  # an ending that is not read -> what to do
    ".json": "Write one object a line and call it .jsonl.",
    ".xlsx": "Open it and save the sheet as CSV UTF-8.",
    ".xls": "Open it and save the sheet as CSV UTF-8.",
    ".zip": "Unpack it.",
}
MISSING = (
    "",
    "na",
    "n/a",
    "nan",
    "null",
    "none",
    "nil",
    "?",
    "-",
    "--",
    "#n/a",
)  # small letters: for nothing


def read_table(path: Path) -> pl.DataFrame:
    """Read a table of at least one row.

    Args:
        path: .csv, .tsv (first line names the columns; a .csv may have semicolons, tabs or bars), .jsonl (one object a
            line), .parquet, or .txt (one text a line, column `text`); all may be compressed, as .csv.gz. Text files
            are UTF-8. Values of .csv and .tsv stay strings; see `numeric_columns`.

    Raises:
        DataError: no such file, another ending, empty, not UTF-8, damaged, rows of unequal length, or columns that
            share a name.
    """
    suffix = kind(path)
    content = _content(path)
    return table(_unpacked(content, path) if path.suffix.lower() == GZ else content, path, suffix)


def kind(path: Path) -> str:
    """Return the ending that says how a table is read, .csv for a .csv.gz; raise DataError for any other."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last = suffixes[-2] if suffixes[-1:] == [GZ] and len(suffixes) > 1 else (suffixes or [""])[-1]
    if last not in _READERS:
        cure = CURES.get(last, "Give a file of such a form, called so.")
        raise DataError(f"{path}: rekur reads {', '.join(_READERS)}; got `{last or 'no ending'}`. {cure}")
    return last


def _unpacked(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is no whole gzip file: {error}. Compress it again, or leave .gz out of its name."
        ) from None


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file in UTF-8; raise DataError if it cannot be read, is empty or not UTF-8."""
    lines = _split(decode(_content(path), path))
    if lines in ([], [""]):
        raise DataError(f"{path} is empty; expected a text a line.")
    return lines


def table(content: bytes, path: Path, suffix: str) -> pl.DataFrame:
    """Read a table from the bytes of a file that ends in `suffix`; errors name `path`."""
    if not content.strip():
        raise DataError(f"{path} is empty; expected a table with at least one row.")
    try:
        frame = _READERS[suffix](content, path)
    except (pl.exceptions.PolarsError, OSError, OverflowError, TypeError) as error:
        raise DataError(f"{path} is no whole {suffix} file: {in_a_line(error, 200)}. Write it again.") from None
    if not len(frame):
        raise DataError(f"{path} has no rows; expected at least one below the names of the columns.")
    return frame


def text_column(frame: pl.DataFrame, name: str = "text") -> pl.Series:
    """Return column `name` as strings (N,), empty where nothing is given; raise DataError if it has none."""
    column = _column(frame, name)
    if column.dtype == pl.Null:  # of the next rows of a file, say
        column = column.cast(pl.String)
    if column.dtype != pl.String:
        raise DataError(f"Column `{name}` must hold texts; got {column.dtype}. Name another column, or quote them.")
    return column.fill_null("")


def first_text_column(frame: pl.DataFrame, *names: str) -> pl.Series:
    """Return the first of these columns that the table has, as `text_column` does; raise DataError if it has none."""
    return text_column(frame, next((name for name in names if name in frame.columns), names[0]))


def numeric_columns(frame: pl.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Return the named columns as finite numbers (T, I).

    Raises:
        DataError: lists every column that is missing, and every one with a value that is no finite number.
    """
    faults: list[str] = []
    columns = []
    for name in names:
        try:
            columns.append(_numbers(_column(frame, name)))
        except DataError as fault:
            faults.append(str(fault))
    if faults:
        raise DataError("\n".join(faults))
    return np.stack(columns, axis=1) if columns else np.zeros((len(frame), 0))


def labels(
    frame: pl.DataFrame, name: str = "label", classes: Sequence[str] | None = None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the class of each row (N,), a place in the names of the classes, and those names.

    Args:
        frame: the table.
        name: its column of labels.
        classes: the classes a model knows; None, to train one: those of this column, in the order of the alphabet.

    Raises:
        DataError: no such column, a row without a label, a single class to train on, or a class not among `classes`.
    """
    column = _column(frame, name).cast(pl.String)
    if column.null_count():
        row = int(column.is_null().arg_max() or 0) + 1
        raise DataError(
            f"Column `{name}`: {counted(column.null_count(), 'row')} with no label, the first is row {row}. "
            "Label or drop them."
        )
    found = tuple(sorted(column.unique().to_list()))
    if classes is None and len(found) < 2:
        raise DataError(f"Column `{name}` has one class only, `{found[0]}`; a classifier needs two or more.")
    known = found if classes is None else tuple(classes)
    unseen = [label for label in found if label not in known]
    if unseen:
        raise DataError(
            f"Column `{name}` has labels never seen in training: {some(unseen)}. "
            f"The model knows {some(known)}. Correct them, or train with examples of them."
        )
    place = {label: number for number, label in enumerate(known)}
    return np.array([place[label] for label in column.to_list()], dtype=np.int64), known


def dates(frame: pl.DataFrame, name: str = "date") -> pl.Series:
    """Return the dates, or times, of the rows (T,), each later than the one before.

    Raises:
        DataError: no such column, a value that is no date, two equal dates, or dates out of order.
    """
    column = _column(frame, name)
    moments = column if column.dtype.is_temporal() else _parse_dates(column)
    if moments.null_count():
        raise DataError(f"Column `{name}`: {counted(moments.null_count(), 'row')} without a date. Fill or drop them.")
    steps = np.diff(moments.to_physical().to_numpy())
    for fault, wrong in (("is out of order", steps < 0), ("occurs twice", steps == 0)):
        if wrong.any():
            row = int(wrong.argmax()) + 2
            raise DataError(
                f"Column `{name}`: `{column[row - 1]}` in row {row} {fault}; expected each date once, oldest first. "
                "Sort the rows and keep one of each date."
            )
    return moments


def codes(frame: pl.DataFrame, name: str) -> NDArray[np.int64]:
    """Return a number from 0 for each value of column `name` (N,), equal for equal ones; none may be missing."""
    column = _column(frame, name).cast(pl.String)
    if column.null_count():
        row = int(column.is_null().arg_max() or 0) + 1
        raise DataError(
            f"Column `{name}`: {counted(column.null_count(), 'row')} without a value, the first is row {row}. "
            "Fill them."
        )
    return column.rank("dense").to_numpy().astype(np.int64) - 1


def moments(frame: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """Return the time of each row (N,), in any order: numbers as they are, dates in microseconds.

    Raises:
        DataError: no such column, or a value that is neither a number nor a date.
    """
    column = _column(frame, name)
    if in_numbers(column):
        return _numbers(column)
    found = column if column.dtype.is_temporal() else _parse_dates(column)
    if found.null_count():
        raise DataError(f"Column `{name}`: {counted(found.null_count(), 'row')} without a date. Fill or drop them.")
    return found.cast(pl.Datetime("us")).to_physical().to_numpy().astype(np.float64)


def in_numbers(column: pl.Series) -> bool:
    """Whether the times of a column are numbers, and not dates."""
    if column.dtype != pl.String:
        return bool(column.dtype.is_numeric())
    return bool(column.str.strip_chars().cast(pl.Float64, strict=False).is_not_null().all())


def series(frame: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Return `columns` as finite numbers (T, I); where there is a column of dates, they must rise."""
    for name in frame.columns:
        if name.lower() == "date":
            dates(frame, name)
    return numeric_columns(frame, columns)


def check_column(frame: pl.DataFrame, name: str) -> None:
    """Raise DataError unless there is a column `name`."""
    if name not in frame.columns:
        raise DataError(f"There is no column `{name}`. {nearest(name, frame.columns)}")


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    check_column(frame, name)
    return frame[name]


def _numbers(column: pl.Series) -> NDArray[np.float64]:
    plain = column.str.strip_chars() if column.dtype == pl.String else column
    if not (column.dtype == pl.String or column.dtype.is_numeric() or column.dtype == pl.Null):
        raise DataError(f"Column `{column.name}` must hold numbers; got {column.dtype}.")
    numbers = plain.cast(pl.Float64, strict=False)
    wrong = ~numbers.is_finite().fill_null(False)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        given = "nothing" if column[row] in (None, "") else f"`{column[row]}`"
        raise DataError(
            f"Column `{column.name}`: {wrong.sum():,} of {counted(len(column), 'value')} "
            f"{form(int(wrong.sum()), 'is not a finite number', 'are not finite numbers')}; the first is "
            f"{given} in row {row + 1}. Fill these rows or drop them."
        )
    return numbers.to_numpy()


def _parse_dates(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String:
        raise DataError(f"Column `{column.name}` must hold dates such as 2024-03-31; got {column.dtype}.")
    parsed = calendar.dates(column)
    if parsed.null_count():
        row = int(parsed.is_null().arg_max() or 0)
        raise DataError(
            f"Column `{column.name}`: {counted(parsed.null_count(), 'value is no date', 'values are no dates')}; "
            f"the first is `{column[row]}` in row {row + 1}. Write dates as 2024-03-31 or 2024-03-31 18:00."
        )
    return parsed


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Give the path of a file.") from None


def decode(content: bytes, path: Path, before: int = 0) -> str:
    """Return the text of the file at `path`, without its byte order mark; a DataError names the line not UTF-8.

    Where carriage returns alone end the lines, as in files of old Macintoshes, they become line feeds. `content` may be
    a part of the file that stands behind `before` lines.
    """
    if not before:
        check_text(content[:BEGINNING], path)
    if 0 in content:
        check_text(content, path, before)
    try:
        text = content.decode("utf-8-sig")
        return text if "\n" in text else text.replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = before + content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} is not UTF-8: byte 0x{content[error.start]:02x} in line {line}. Save it as UTF-8 "
            "(Excel: CSV UTF-8)."
        ) from None


def _separated(usual: str) -> Callable[[bytes, Path], pl.DataFrame]:
    def read(content: bytes, path: Path) -> pl.DataFrame:
        text = decode(content, path)
        return separated(text, separator_of(text.split("\n", 1)[0], usual), path)

    return read


def separated(text: str, separator: str, path: Path, before: int = 0) -> pl.DataFrame:
    """Return rows of separated values below the names of their columns, as strings; errors name their lines.

    Behind the names may stand rows from further on in the file, which begin behind `before` lines of it.
    """
    text = text.rstrip("\r\n")
    names = named(next(csv.reader(lines_of(text), delimiter=separator)), path)
    try:
        frame = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
        frame.columns = names
    except pl.exceptions.PolarsError:  # a row at fault; or a quotation mark within a text that has none around it
        rows = [[cell or None for cell in row] for row in rows_of(text, separator, path, before)]
        return pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row")
    # a short row shows as an empty last cell, an open quotation mark as an odd number of them
    if len(frame.columns) > 1 and (frame[:, -1].null_count() or text.count('"') % 2):
        for _ in rows_of(text, separator, path, before):
            pass
    return frame


def _lines(content: bytes, path: Path) -> pl.DataFrame:
    return pl.DataFrame({"text": _split(decode(content, path))})


def _objects(content: bytes, path: Path) -> pl.DataFrame:
    return pl.DataFrame(list(objects(_split(decode(content, path)), path)), infer_schema_length=None)


def objects(lines: Iterable[str], path: Path) -> Iterator[dict[str, Any]]:
    """Yield the object of each line that is not blank; DataError names the line of what is none."""
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path}, line {number} is not JSON: {_why(error, line)}. Write one object a line."
            ) from None
        if row is None and not line.strip():
            continue
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number} is no JSON object; expected {{...}}; got `{line[:40]}`.")
        if row:
            yield row


def _why(error: Exception, line: str) -> str:
    if isinstance(error, json.JSONDecodeError):
        array = " (one array over all lines?)" if line.lstrip().startswith("[") else ""
        return f"{error.msg} at character {error.colno}{array}"
    return in_a_line(error, 200)


def _parquet(content: bytes, path: Path) -> pl.DataFrame:  # noqa: ARG001 - the form of a reader
    return pl.read_parquet(content)


def _split(text: str) -> list[str]:
    # Not splitlines: it also splits at characters that stand inside texts, such as U+2028.
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


_READERS: dict[str, Callable[[bytes, Path], pl.DataFrame]] = {
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".jsonl": _objects,
    ".parquet": _parquet,
    ".txt": _lines,
}


def running_text(path: Path) -> str:
    """Return the text of a file in UTF-8, compressed or not, composed (NFC), lines ended by one character.

    Raises DataError if it is none.
    """
    content = _content(path)
    text = decode(_unpacked(content, path) if path.suffix.lower() == GZ else content, path)
    if not text.strip():
        raise DataError(f"{path} is empty; expected a text to learn from.")
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
