"""From files to the tables that are examined: read as well as possible, columns guessed, values typed.

A file that is not UTF-8 is no error here but something to find, so its bytes are kept beside what was read.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from rekur.data import files
from rekur.doctor.patient import Tables
from rekur.doctor.tables import moments
from rekur.errors import DataError, RequestError, nearest

LABELS = ("label", "labels", "class", "target", "sentiment", "y", "category", "polarity", "outcome")
TEXTS = re.compile(r"text|review|document|sentence|comment|content|message|tweet|body|title|question|utterance", re.I)
TIMES = re.compile(r"date|time|day|month|year|when|^ds$", re.I)
_DECIMAL_COMMA = r"^[+-]?\d+(,\d+)?$"  # as most of Europe writes; of 1,024 alone nobody knows
MOST_CLASSES = 50
MOST_BROKEN = 0.02  # share of bytes beyond ASCII that may be broken in a file that still counts as UTF-8


def read(
    train: Path,
    test: Path | None = None,
    *,
    text: str | None = None,
    label: str | None = None,
    time: str | None = None,
    group: str | None = None,
    length: int | None = None,
) -> Tables:
    """Read a table, or a training and a test part.

    Args:
        train, test: .csv, .tsv, .jsonl, .parquet or .txt, in any encoding that can be guessed.
        text, label, time, group: names of columns. The first three are guessed where they are obvious.
        length: tokens that texts are cut to.

    Raises:
        DataError: no such file, another ending, empty or damaged.
        RequestError: a column that neither part has, or a length below 1.
    """
    if length is not None and length < 1:
        raise RequestError(f"Texts are cut to at least 1 token; got a length of {length}.")
    paths = [path for path in (train, test) if path is not None]
    contents = {str(path): _bytes(path) for path in paths}
    frames = [_frame(contents[str(path)], path) for path in paths]
    _check_columns(frames[0], paths[0], (text, label, time, group))
    text = text or guessed_text(frames[0], {label, time, group})
    label = label or guessed_label(frames[0], {text, time, group})
    # Texts bear dates that nobody splits by; a date is only taken for time where the table is a series.
    time = time or (None if text else guessed_time(frames[0], {label, group}))
    if test is not None:
        _check_columns(frames[1], test, (text, time, group))
    parts = [typed(frame, text=text, time=time) for frame in frames]
    return Tables(parts[0], parts[1] if test else None, text, label, time, group, length, contents)


def _check_columns(frame: pl.DataFrame, path: Path, wanted: Iterable[str | None]) -> None:
    wrong = [
        f"{path.name} has no column `{name}`. {nearest(name, frame.columns)}"
        for name in wanted
        if name is not None and name not in frame.columns
    ]
    if wrong:
        raise RequestError("\n".join(wrong))


def decoded(content: bytes) -> tuple[str, str]:
    """Return the text of a file and the name of the encoding it seems to have."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace"), "UTF-16"
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        pass
    patched = content.decode("utf-8-sig", errors="replace")
    beyond = sum(character > "\x7f" for character in patched)
    if patched.count("\ufffd") <= MOST_BROKEN * beyond:
        return patched, "UTF-8 with broken bytes"
    try:
        korean = content.decode("cp949")
        hangul = sum("가" <= character <= "힣" for character in korean)
        if hangul > 0.5 * sum(character > "\x7f" for character in korean):
            return korean, "CP949"
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252"), "Windows-1252 or Latin-1"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def typed(frame: pl.DataFrame, text: str | None = None, time: str | None = None) -> pl.DataFrame:
    """Return the table with numbers and dates for the strings that a .csv or .tsv gives."""
    columns = []
    for column in frame.get_columns():
        if column.dtype != pl.String or column.name == text:
            columns.append(column)
        elif column.name == time:
            columns.append(moments.parsed(column, TIMES.search(column.name) is None))
        else:
            columns.append(numbers(column))
    return pl.DataFrame(columns)


def numbers(column: pl.Series) -> pl.Series:
    """Return a column of strings as numbers, or as it is where one is neither a number nor missing."""
    plain = column.str.strip_chars()
    plain = plain.set(plain.str.to_lowercase().is_in(files.MISSING).fill_null(False), None)
    found = plain.drop_nulls()
    if not len(found):
        return column
    if found.str.contains(_DECIMAL_COMMA).all() and found.str.contains(r",\d{1,2}$|,\d{4,}$").any():
        plain = plain.str.replace(",", ".", literal=True)
    for kind in (pl.Int64, pl.Float64):
        cast = plain.cast(kind, strict=False)
        if cast.null_count() == plain.null_count():
            return cast
    return column


def guessed_text(frame: pl.DataFrame, taken: set[str | None]) -> str | None:
    """Return the name of the column of long strings: the longest of those that look like sentences."""
    lengths: dict[str, float] = {}
    for column in _strings(frame, taken):
        some = column.head(2000)
        length, words = some.str.len_chars().mean(), some.str.count_matches(r"\S+").mean()
        if not isinstance(length, float) or not isinstance(words, float) or some.n_unique() < 0.5 * len(some):
            continue
        long = length >= 8 if TEXTS.search(column.name) else length >= 15 and words >= 4
        if long and moments.parsed(some).dtype == pl.String:
            lengths[column.name] = length
    return max(lengths, key=lengths.__getitem__) if lengths else None


def guessed_label(frame: pl.DataFrame, taken: set[str | None]) -> str | None:
    """Return the name of the one column of few values that is called as labels are."""
    named = [name for name in frame.columns if name.lower().strip() in LABELS and name not in taken]
    few = [name for name in named if frame[name].n_unique() <= MOST_CLASSES]
    return few[0] if len(few) == 1 else None


def guessed_time(frame: pl.DataFrame, taken: set[str | None]) -> str | None:
    """Return the name of the first column of dates, one called so before the others."""
    dated = [column.name for column in frame.get_columns() if column.dtype.is_temporal() and column.name not in taken]
    for column in _strings(frame, taken):
        whole = TIMES.search(column.name) is not None
        some = column.drop_nulls().head(2000)
        if len(some) and moments.share(some, not whole) >= 0.9:
            dated.append(column.name)
    return min(dated, key=lambda name: TIMES.search(name) is None) if dated else None


def _strings(frame: pl.DataFrame, taken: set[str | None]) -> Iterator[pl.Series]:
    return (column for column in frame.get_columns() if column.dtype == pl.String and column.name not in taken)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Give the path of a file.") from None


def _frame(content: bytes, path: Path) -> pl.DataFrame:
    suffix = path.suffix.lower()
    if suffix not in (known := _endings(content)):
        raise DataError(f"{path}: the doctor reads {', '.join(known)}; got `{path.suffix or 'no ending'}`.")
    if suffix != ".parquet":
        content = decoded(content)[0].encode()
    return files.table(content, path, known[suffix])


def _endings(content: bytes) -> Mapping[str, str]:
    """The form of each ending; a .txt whose first line holds tabs is a table."""
    first = content.split(b"\n", 1)[0]
    form = ".tsv" if b"\t" in first else ".txt"
    return {".csv": ".csv", ".tsv": ".tsv", ".jsonl": ".jsonl", ".parquet": ".parquet", ".txt": form}
