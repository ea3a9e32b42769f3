"""A table, or a folder of texts by class, as frames: one where it fits into memory, else batch after batch.

Whoever reads a source may read it several times; a large file is then read anew from the disk each time.
"""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TypeVar, cast

import polars as pl

from rekur.data import files
from rekur.data.separated import BEGINNING, check_text, lines_of, named, records, separator_of
from rekur.errors import DataError

BATCH = 100_000  # rows of a frame, about, where it is not cut by its bytes
BYTES = 1 << 22  # of a frame, about
FIRST = 1 << 24  # bytes of a source of which all rows say what its columns are
FILES = 1_000  # of a folder, in a frame
PLACES = 8  # of a large file from which rows say what its columns are
TEXT, LABEL = "text", "label"  # the columns of a folder of texts by class
TEXTS = (".txt", ".text", ".md", ".html", ".eml")  # endings of a text in such a folder
T = TypeVar("T")
MEGABYTE = 1 << 20
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
        """Return rows that say what the columns are, and about how many there are.

        They are all rows of a small source, and else rows of several places: a file may be sorted.
        """
        if self.whole and self.size <= FIRST:
            return self.frame, len(self.frame)
        if files.kind(self.path) == ".parquet":
            with _whole_parquet(self.path):
                table = pl.scan_parquet(self.path)
                count = int(table.select(pl.len()).collect().item())
                step = _rows_of(self.path, count) // PLACES + 1
                spread = [table.slice(count * place // PLACES, step).collect() for place in range(PLACES)]
                return pl.concat(spread), count
        found, size = self._spread()
        if not size:
            found = next(iter(self))
            size = len(found.write_csv())
        return found, round(len(found) * self.size / size)

    def _spread(self) -> tuple[pl.DataFrame, int]:
        """Return rows of several places of a text file, and their bytes; none where a line may not begin a row."""
        nothing = pl.DataFrame(), 0
        read = {".csv": _separated, ".tsv": _separated, ".jsonl": _objects}.get(files.kind(self.path))
        if read is None or self.path.suffix.lower() == files.GZ or self.size < BYTES:
            return nothing
        span = BYTES // PLACES
        with self.path.open("rb") as content:
            some = content.read(span)
            some = some[: some.rfind(b"\n") + 1]
            for place in range(1, PLACES):
                content.seek(place * (self.size - span) // (PLACES - 1))
                piece = content.read(span)
                some += piece[piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1]
        if read is _separated and b'"' in some:
            return nothing
        try:
            return pl.concat(read(io.BytesIO(some), self.path), how="vertical_relaxed"), len(some)
        except (DataError, ValueError, pl.exceptions.PolarsError):
            return nothing  # whoever reads all of it says what is wrong, and where


def batches(path: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table, or of a folder, in frames of some megabytes, however many there are."""
    if path.is_dir():
        yield from _folder(path)
        return
    kind = files.kind(path)
    if kind == ".parquet":
        yield from _parquet(path)
        return
    with _opened(path) as content:
        found = {".csv": _separated, ".tsv": _separated, ".jsonl": _objects, ".txt": _lines}[kind](content, path)
        first = next(found, None)
        if first is None:
            raise DataError(f"{path} has no rows; expected at least one below the names of the columns.")
        yield first
        yield from found


def listed(folder: Path) -> list[tuple[Path, str]]:
    """Return the texts of a folder that has a folder for each class, and their classes; raises DataError."""
    classes = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    found = [(file, place.name) for place in classes for file in texts(place)]
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


def texts(folder: Path) -> list[Path]:
    """Return the texts that lie in a folder, by name; hidden files are none."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in TEXTS and file.is_file() and not file.name.startswith(".")
    )


def _folder(folder: Path) -> Iterator[pl.DataFrame]:
    found = listed(folder)
    for at in range(0, len(found), FILES):
        some = found[at : at + FILES]
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
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a text file, compressed or not; DataError for one that is none, or is damaged further on."""
    packed = path.suffix.lower() == files.GZ
    try:
        with gzip.open(path) if packed else path.open("rb") as content:
            check_text(content.peek(BEGINNING)[:BEGINNING], path)
            yield cast(IO[bytes], content)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error.reason}. Save it as UTF-8 (Excel: CSV UTF-8).") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}. Give the path of a whole file.") from None
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} is no whole {files.kind(path)} file: {str(error).splitlines()[0]}") from None


def _text(content: IO[bytes]) -> Iterator[str]:
    """Yield the lines of a file in UTF-8, with their ends."""
    for number, line in enumerate(content):
        yield line.decode("utf-8" if number else "utf-8-sig")


def _blocks(content: IO[bytes], path: Path) -> Iterator[str]:
    """Yield a file in UTF-8 as texts of some megabytes, cut behind a line."""
    rest, line = b"", 0
    while piece := content.read(BYTES):
        if not line and not rest:
            piece = piece.removeprefix(codecs.BOM_UTF8)
        end = piece.rfind(b"\n") + 1
        if not end:
            rest += piece
            continue
        block, rest = rest + piece[:end], piece[end:]
        yield files.decode(block, path, line)
        line += block.count(b"\n")
    if rest.strip():
        yield files.decode(rest, path, line)


def _separated(content: IO[bytes], path: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of separated values: quickly up to the first quotation mark, row by row from there on.

    Where a text may be quoted, only its rows say where a line ends.
    """
    blocks = _blocks(content, path)
    text = next(blocks, "")
    header = text.split("\n", 1)[0].rstrip("\r")
    separator = separator_of(header, "\t" if files.kind(path) == ".tsv" else ",")
    names: list[str] = []
    line = 1
    while text and '"' not in text:
        whole = f"{header}\n{text}" if names else text
        frame = files.separated(whole, separator, path, line - 1 if names else 0)
        names = frame.columns
        if len(frame):
            yield frame
        line += text.count("\n")
        text = next(blocks, "")
    if text:
        lines = itertools.chain.from_iterable(map(lines_of, itertools.chain([text], blocks)))
        rows = records(lines, separator, path, line, len(names))
        yield from _quoted(rows, names or named(next(rows, []), path))


def _quoted(rows: Iterator[list[str]], names: list[str]) -> Iterator[pl.DataFrame]:
    for some in _grouped(rows, lambda row: sum(map(len, row))):
        columns = zip(*some, strict=True)
        yield pl.DataFrame(
            {name: [cell or None for cell in column] for name, column in zip(names, columns, strict=True)},
            schema=dict.fromkeys(names, pl.String),
        )


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


def _objects(content: IO[bytes], path: Path) -> Iterator[pl.DataFrame]:
    """Yield the objects, a row each; values keep their kinds, as in `files.read_table`, but lists and objects."""
    kinds: dict[str, pl.DataType] = {}
    count = 0
    for some in _grouped(files.objects(_text(content), path), lambda row: sum(len(str(cell)) for cell in row.values())):
        kinds = kinds or {name: pl.Null() for row in some for name in row}
        if new := next((name for row in some for name in row if name not in kinds), ""):
            raise DataError(
                f"{path}: the key `{new}` first comes up behind {count:,} objects without it. Give every object the "
                "same keys, null where there is nothing, or have the file read whole: set data.memory above its size."
            )
        rows = [{name: _plain(row.get(name)) for name in kinds} for row in some]
        frame = pl.DataFrame(rows, infer_schema_length=None)
        for name, found in frame.schema.items():
            if found == pl.Null or kinds[name] == pl.String:
                frame = frame.with_columns(pl.col(name).cast(kinds[name]))
            else:
                kinds[name] = found
        yield frame
        count += len(frame)


def _plain(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _lines(content: IO[bytes], path: Path) -> Iterator[pl.DataFrame]:  # noqa: ARG001 - the form of a reader
    for some in _grouped((line.rstrip("\r\n") for line in _text(content)), len):
        yield pl.DataFrame({TEXT: some}, schema={TEXT: pl.String})


def _rows_of(path: Path, count: int) -> int:
    """Return how many of the `count` rows of a .parquet file are read at once."""
    size = path.stat().st_size * PACKED / max(1, count)  # of a row
    return max(1, min(BATCH, int(BYTES / max(1.0, size))))


def _parquet(path: Path) -> Iterator[pl.DataFrame]:
    with _whole_parquet(path):
        table = pl.scan_parquet(path)
        count = int(table.select(pl.len()).collect().item())
        step = _rows_of(path, count)
        for at in range(0, count, step):
            yield table.slice(at, step).collect()
    if not count:
        raise DataError(f"{path} has no rows; expected at least one below the names of the columns.")


@contextmanager
def _whole_parquet(path: Path) -> Iterator[None]:
    """Say so where a .parquet file is damaged."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} is no whole .parquet file: {str(error).splitlines()[0]}") from None
