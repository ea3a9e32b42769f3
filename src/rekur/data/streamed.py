"""Sequences of a file larger than memory: what `sequences` reads of one that fits, to the last bit, but on disk.

What is held in memory is a row about each sequence: its id, its label.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data import disk, files, sequences
from rekur.data.grouping import Grouping, Twice
from rekur.data.ragged import Ragged
from rekur.data.sequences import Sequences
from rekur.data.sources import BYTES, Source
from rekur.errors import DataError


def long(source: Source, id: str, time: str = "", values: Sequence[str] = (), about: Sequence[str] = ()) -> Sequences:
    """Read a long table, a row a step; see `sequences.long`. Columns not named are those that begin as numbers."""
    grouping: Grouping | None = None
    before, said, numbered = 0, [], False
    for frame in source:
        with located(source.path, before):
            ids = sequences.ids_of(frame, id)
            moments = files.moments(frame, time) if time else np.arange(before, before + len(frame), dtype=np.float64)
            if time and before and files.in_numbers(frame[time]) != numbered:
                raise DataError(f"Column `{time}` has numbers here and dates there. Write all times in one form.")
            if grouping is None:
                numbered = bool(time) and files.in_numbers(frame[time])
                chosen, left_out = sequences.choose(frame, values, {id, time, *about})
                grouping = Grouping(len(chosen), source.size, source.memory)
            for name in about:
                files.check_column(frame, name)
            numbers = grouping.add(ids, moments, sequences.measured_of(frame, chosen))
        told = pl.DataFrame({"": numbers}).with_columns(frame[name] for name in about)  # no column of it is ""
        said.append(told.unique(maintain_order=True))
        before += len(frame)
    assert grouping is not None  # a source has a row or more
    found = grouping.grouped(_twice(time) if time else None)
    whole, names = pl.concat(said, how="vertical_relaxed"), pl.Series("id", found.names)
    facts = names.to_frame().with_columns(
        sequences.said_of(whole[name], id, whole[""].to_numpy(), names) for name in about
    )
    if time:
        facts = facts.with_columns(pl.Series(time, np.array(found.times[np.cumsum(found.lengths) - 1])))
    return Sequences(Ragged.from_lengths(found.values, found.lengths), tuple(chosen), facts, left_out)


def _twice(time: str) -> Twice:
    def told(name: str, rows: NDArray[np.int64], when: NDArray[np.float64]) -> NoReturn:
        row = int(rows[int(np.flatnonzero(when[1:] == when[:-1])[0]) + 1]) + 1
        raise DataError(
            f"Column `{time}`: the sequence `{name}` has a time twice, the second time in row {row}. Keep one row of "
            "each time."
        )

    return told


def wide(
    source: Source, id: str = "", values: Sequence[str] = (), about: Sequence[str] = (), alike: bool = True
) -> Sequences:
    """Read a wide table, a row a sequence; see `sequences.wide`. Columns not named are those that begin as numbers."""
    return _joined(_of_frames(source, id, values, about, alike), numbered=not id)


def _of_frames(
    source: Source, id: str, values: Sequence[str], about: Sequence[str], alike: bool
) -> Iterator[Sequences]:
    before = 0
    left_out: tuple[str, ...] = ()
    for frame in source:
        with located(source.path, before):
            if not before:
                values, left_out = sequences.choose(frame, values, {id, *about})
            found = sequences.wide(frame, id, values, about, alike)
        yield Sequences(found.values, found.columns, found.about, left_out)
        before += len(frame)


def stacked(path: Path) -> Sequences:
    """Take an array of a .npy file; see `sequences.stacked`."""
    values = sequences.array(path, mapped=True)
    if values.ndim not in (2, 3):
        return sequences.stacked(values, str(path))  # which says so
    step = max(1, BYTES // (8 * max(1, int(np.prod(values.shape[1:])))))
    pieces = (sequences.stacked(values[at : at + step], str(path)) for at in range(0, max(1, len(values)), step))
    return _joined(pieces, numbered=True)


def _joined(pieces: Iterator[Sequences], numbered: bool) -> Sequences:
    first = next(pieces)
    writer, about = disk.Writer(np.float64, (len(first.columns),)), []
    for piece in itertools.chain([first], pieces):
        writer.add(piece.values)
        about.append(piece.about)
    facts = pl.concat(about, how="vertical_relaxed")
    if numbered:
        facts = facts.with_columns(sequences.numbered(len(facts)))
    return Sequences(writer.ragged(), first.columns, facts, first.left_out)


@contextlib.contextmanager
def located(path: Path, before: int) -> Iterator[None]:
    """Say where the rows begin that an error counts, if not at the beginning of the file."""
    try:
        yield
    except DataError as error:
        if not before:
            raise
        raise DataError(f"{path}, behind its first {before:,} rows: {error}") from None
