"""A table, or a folder of texts by class, as frames: one where it fits into memory, else batch after batch.

Whoever reads a source may read it several times; a large file is then read anew from the disk each time.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import polars as pl

from rekur.data import files
from rekur.data.separated import BEGINNING, check_text, named, records, separator_of
from rekur.errors import DataError

BATCH = 5_000  # rows of a frame at most
BYTES = 1 << 22  # of a frame, about
TEXT, LABEL = "text", "label"  # the columns of a folder of texts by class
TEXTS = (".txt", ".text", ".md", ".html", ".eml")  # endings of a text in such a folder
T = TypeVar("T")
PACKED = 4  # a compressed file is as many times larger in memory


@dataclass(frozen=True)
class Source:
    """A file or folder, read whole where it has at most `memory` bytes."""

    path: Path
    memory: int

    @cached_property
    def size(self) -> int:
        """Bytes of text there are; an estimate for what is compressed."""
        if self.path.is_dir():
            return sum(file.stat().st_size for file, _ in listed(self.path))
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror}. Give the path of a file.") from None
        packed = self.path.suffix.lower() in (files.GZ, ".parquet")
        return size * PACKED if packed else size

    @property
    def whole(self) -> bool:
        """Whether the source is held in memory."""
        return self.size <= self.memory

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in frames of equal columns, none of them empty; raises DataError as `files.read_table`."""
        if self.whole:
            yield self.frame
        else:
            yield from batches(self.path)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All rows at once."""
        return pl.concat(_folder(self.path)) if self.path.is_dir() else files.read_table(self.path)

    def first(self) -> tuple[pl.DataFrame, int]:
        """Return the first rows, all of them where the source is held in memory, and about how many there are."""
        if self.whole:
            return self.frame, len(self.frame)
        found = next(iter(self))
        if files.kind(self.path) == ".parquet":
            return found, int(pl.scan_parquet(self.path).select(pl.len()).collect().item())
        return found, round(len(found) * self.size / max(1, len(found.write_csv())))


def batches(path: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table, or of a folder, in frames of some thousand, however many there are."""
    if path.is_dir():
        yield from _folder(path)
        return
    kind = files.kind(path)
    if kind == ".parquet":
        yield from _parquet(path)
        return
    with _opened(path) as lines:
        found = {".csv": _separated, ".tsv": _separated, ".jsonl": _objects, ".txt": _lines}[kind](lines, path)
        first = next(found, None)
        if first is None:
            raise DataError(f"{path} has no rows; expected at least one below the names of the columns.")
        yield first
        yield from found


def listed(folder: Path) -> list[tuple[Path, str]]:
    """Return the texts of a folder that has a folder for each class, and their classes; raises DataError."""
    classes = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    found = [
        (file, place.name)
        for place in classes
        for file in sorted(place.iterdir())
        if file.is_file() and file.suffix.lower() in TEXTS and not file.name.startswith(".")
    ]
    empty = [place for place in classes if not any(label == place.name for _, label in found)]
    if len(classes) < 2 or empty:
        what = f"got {len(classes)}"
        if empty:
            parts = [place for place in empty if any(inside.is_dir() for inside in place.iterdir())]
            what = f"`{empty[0].name}` holds no text" + (f", but folders: do you mean {parts[-1]}?" if parts else "")
        raise DataError(
            f"{folder} must have a folder for each class, two or more, with texts ({', '.join(TEXTS)}) or images in "
            f"it; {what}{'' if what.endswith('?') else '.'}"
        )
    return found


def _folder(folder: Path) -> Iterator[pl.DataFrame]:
    found = listed(folder)
    for at in range(0, len(found), BATCH):
        some = found[at : at + BATCH]
        texts = [files.decode(content(file), file) for file, _ in some]
        yield pl.DataFrame(
            {TEXT: texts, LABEL: [label for _, label in some]}, schema={TEXT: pl.String, LABEL: pl.String}
        )


def content(path: Path) -> bytes:
    """Return the bytes of a file; raises DataError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[str]]:
    """Open a text file, compressed or not, as lines in UTF-8 with their ends."""
    packed = path.suffix.lower() == files.GZ
    try:
        with gzip.open(path) if packed else path.open("rb") as content:
            check_text(content.peek(BEGINNING)[:BEGINNING], path)
            yield io.TextIOWrapper(content, encoding="utf-8-sig", newline="")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error.reason}. Save it as UTF-8 (Excel: CSV UTF-8).") from None
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}. Give the path of a whole file.") from None


def _separated(lines: Iterable[str], path: Path) -> Iterator[pl.DataFrame]:
    several = iter(lines)
    first = next(several, "")
    separator = separator_of(first, "\t" if files.kind(path) == ".tsv" else ",")
    rows = records(_chained(first, several), separator, path)
    names = named(next(rows, []), path)
    for some in _grouped(rows, lambda row: sum(map(len, row))):
        columns = zip(*some, strict=True)
        yield pl.DataFrame(
            {name: [cell or None for cell in column] for name, column in zip(names, columns, strict=True)},
            schema=dict.fromkeys(names, pl.String),
        )


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _grouped(rows: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    some: list[T] = []
    held = 0
    for row in rows:
        some.append(row)
        held += size(row)
        if len(some) == BATCH or held >= BYTES:
            yield some
            some, held = [], 0
    if some:
        yield some


def _objects(lines: Iterable[str], path: Path) -> Iterator[pl.DataFrame]:
    names: list[str] = []
    for some in _grouped(files.objects(lines, path), lambda row: sum(len(str(cell)) for cell in row.values())):
        names = names or list(dict.fromkeys(name for row in some for name in row))
        cells = {name: [_written(row.get(name)) for row in some] for name in names}
        yield pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String))


def _written(value: object) -> str | None:
    return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)


def _lines(lines: Iterable[str], path: Path) -> Iterator[pl.DataFrame]:  # noqa: ARG001 - the form of a reader
    for some in _grouped((line.rstrip("\r\n") for line in lines), len):
        yield pl.DataFrame({TEXT: some}, schema={TEXT: pl.String})


def _parquet(path: Path) -> Iterator[pl.DataFrame]:
    try:
        table = pl.scan_parquet(path)
        count = int(table.select(pl.len()).collect().item())
        size = path.stat().st_size * PACKED / max(1, count)  # of a row
        step = max(1, min(BATCH, int(BYTES / max(1.0, size))))
        for at in range(0, count, step):
            yield table.slice(at, step).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} is no whole .parquet file: {str(error).splitlines()[0]}") from None
    if not count:
        raise DataError(f"{path} has no rows; expected at least one below the names of the columns.")
