"""Separated values read by hand: what is wrong with a row is said with its line, however large the file is."""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rekur.errors import DataError
from rekur.wording import counted

SEPARATORS = (";", "\t", "|")  # found in tables that are called .csv
LONGEST_FIELD = 1 << 24  # characters
DISGUISED = (  # what a file begins with -> what it is
    (b"PK\x03\x04", "an Excel workbook or another zip archive", "Open it and save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Open it and save the sheet as CSV UTF-8"),
    (b"\x1f\x8b", "compressed with gzip", "Call it .csv.gz, or unpack it"),
    (b"PAR1", "a Parquet file", "Call it .parquet"),
    (b"%PDF", "a PDF", "Give a table or a text"),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV"),
    (codecs.BOM_UTF32_LE, "UTF-32", "Save it as UTF-8"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "UTF-32", "Save it as UTF-8"),
    (codecs.BOM_UTF16_LE, "UTF-16", "Save it as UTF-8"),
    (codecs.BOM_UTF16_BE, "UTF-16", "Save it as UTF-8"),
)
BEGINNING = 4096  # bytes of a file that show what it is
SIXTEEN = 0.2  # share of zero bytes, all at even places or all at odd ones, that tells UTF-16 written without its mark


def check_text(start: bytes, path: Path, before: int = 0) -> None:
    """Raise DataError where a file that begins with `start`, or has it behind some lines, is no text in UTF-8."""
    for magic, what, cure in DISGUISED:
        if start.startswith(magic):
            raise DataError(f"{path} is {what}, not a text file in UTF-8. {cure}.")
    zeros = [start[side::2].count(0) for side in (0, 1)]
    if max(zeros) > SIXTEEN * len(start) and not min(zeros):
        raise DataError(f"{path} is UTF-16, not a text file in UTF-8. Save it as UTF-8.")
    if any(zeros):
        line = before + start.count(b"\n", 0, start.index(0)) + 1
        raise DataError(
            f"{path}, line {line} holds a zero byte, which no text has. The file is damaged or none of text: "
            "write it again as UTF-8."
        )


def separator_of(header: str, usual: str) -> str:
    """Return the `usual` separator, or, where the names of the columns have none, another sign that they have.

    Spreadsheets write semicolons into a .csv where a comma stands in numbers.
    """
    found = [sign for sign in (usual, *SEPARATORS) if sign in header]
    return found[0] if found else usual


def named(names: Sequence[str], path: Path) -> list[str]:
    """Return the names of columns, `column_1` for a first one without; raise DataError where two share a name.

    Programs that number their rows write the numbers into a first column that has no name.
    """
    names = [(name.strip() and name) or f"column_{place}" for place, name in enumerate(names, 1)]
    twice = sorted({f"`{name}`" for name in names if list(names).count(name) > 1}, key=str)
    if twice:
        raise DataError(f"{path} names these columns twice: {', '.join(twice)}. Rename them.")
    return names


def rows_of(text: str, separator: str, path: Path, before: int = 0) -> Iterator[list[str]]:
    """Yield the fields of each row of a separated file below its names; see `records` for what raises.

    `before` lines stand in the file between the names of the columns and the first row.
    """
    lines = lines_of(text)
    head = next(records([next(lines, "")], separator, path), []) if before else []
    rows = records(lines, separator, path, before + 1, len(head))
    yield from rows if before else itertools.islice(rows, 1, None)


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a text with their ends, one after another: `io.StringIO` would take four bytes a character."""
    at = 0
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        yield text[at:end]
        at = end


def records(lines: Iterable[str], separator: str, path: Path, line: int = 1, width: int = 0) -> Iterator[list[str]]:
    """Yield the fields of each row of a separated file, the names first; DataError names the line of a bad one.

    Where the rows begin further on in the file, `line` is that of the first, and `width` the columns there are.
    """
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    begun = line
    try:
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                raise DataError(
                    f"{path}, line {begun} has {counted(len(row), 'field')}; the first line names "
                    f"{counted(width, 'column')}. Correct that line: "
                    f"a text that holds `{separator}` stands in quotation marks."
                )
            if row:
                yield row
            begun = line + reader.line_num
    except csv.Error as error:
        raise DataError(
            f"{path}, line {begun}: {error}. Is a quotation mark left open? Inside a quoted text it is written twice."
        ) from None
