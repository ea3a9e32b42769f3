"""Rows of a table larger than memory brought together by id and time, wherever they stand in it.

The rows are dealt by their ids into files small enough to be sorted in memory, each is sorted, and its series are put
in their places; an id is numbered by where it first appears, as in a table that is held in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data import disk
from rekur.errors import DataError

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Twice = Callable[[str, Rows, NDArray[Any]], None]  # raises: the id, its rows in the file, and their times
Clock = Callable[[NDArray[Any], Floats], NDArray[Any]]  # the times of rows (n,) and their values (n, C) -> other times

SHARE = 16  # of the memory, that the rows of a bucket take: to sort them takes several times as much
MOST = 64  # buckets, each an open file: a process may have 256 of them under macOS, and 1,024 under Linux


@dataclass(frozen=True)
class Grouped:
    """N series of S steps in all, each sorted by time."""

    names: tuple[str, ...]  # (N,)
    lengths: Rows  # (N,)
    times: NDArray[Any]  # (S,) on disk
    values: Floats  # (S, C) on disk


class Grouping:
    """Takes the rows in, frame by frame, and gives them back grouped."""

    def __init__(self, columns: int, size: int, memory: int) -> None:
        """Prepare for rows of so many columns, in a file of `size` bytes, to be sorted in `memory` bytes."""
        self.numbers: dict[str, int] = {}
        self.columns, self.kind = columns, np.dtype(np.float64)
        self.lengths = np.zeros(0, dtype=np.int64)
        self.rows = 0
        count = int(np.clip(-(-3 * size // max(1, memory // SHARE)), 1, MOST))  # numbers take more than their digits
        self.buckets = [disk.Writer(np.int64, (3 + columns,)) for _ in range(count)]

    def add(self, ids: pl.Series, times: NDArray[Any], values: Floats) -> Rows:
        """Take rows in: their ids, times (n,) of 8 bytes each, and values (n, C); return the number of each id."""
        if self.rows and times.dtype != self.kind:
            raise DataError(
                f"The rows from {self.rows + 1:,} on write their times in another form than those before them. Write "
                "all of them as 2024-03-31 18:00, or count them: 1, 2, 3."
            )
        self.kind = times.dtype
        frame = pl.DataFrame({"id": ids})
        known = pl.DataFrame({"id": frame["id"].unique(maintain_order=True)})
        codes = [self.numbers.setdefault(name, len(self.numbers)) for name in known["id"].to_list()]
        joined = frame.join(known.with_columns(number=pl.Series(codes, dtype=pl.Int64)), on="id", maintain_order="left")
        number = joined["number"].to_numpy()
        record = np.empty((len(number), 3 + self.columns), dtype=np.int64)
        record[:, 0], record[:, 1] = number, np.arange(self.rows, self.rows + len(number))
        record[:, 2] = np.ascontiguousarray(times).view(np.int64)
        record[:, 3:] = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
        self._deal(record)
        self.rows += len(number)
        return number

    def _deal(self, record: NDArray[np.int64]) -> None:
        bucket = record[:, 0] % len(self.buckets)
        order = np.argsort(bucket, kind="stable")
        ends = np.cumsum(np.bincount(bucket, minlength=len(self.buckets)))
        for writer, begin, end in zip(self.buckets, [0, *ends[:-1]], ends, strict=True):
            if end > begin:
                writer.write(record[order[begin:end]])
        self.lengths = np.bincount(record[:, 0], minlength=len(self.numbers)) + np.pad(
            self.lengths, (0, len(self.numbers) - len(self.lengths))
        )

    def grouped(self, twice: Twice | None = None, clock: Clock | None = None) -> Grouped:
        """Return all rows, grouped; `clock` changes their times before; `twice` is told of one a series has twice."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        times = disk.blank((self.rows,), self.kind)
        values = disk.blank((self.rows, self.columns), np.float64)
        names = tuple(self.numbers)
        while self.buckets:
            record = self.buckets.pop().array()
            when = np.array(record[:, 2]).view(self.kind)
            if clock is not None:
                when = clock(when, np.ascontiguousarray(record[:, 3:]).view(np.float64))
            order = np.lexsort((when, record[:, 0]))
            owner, when = np.array(record[:, 0])[order], when[order]
            if twice is not None:
                _check_once(names, owner, when, record[:, 1], order, twice)
            first = np.flatnonzero(np.diff(owner, prepend=-1))
            target = np.arange(len(owner)) + np.repeat(
                offsets[owner[first]] - first, np.diff([*first, len(owner)])
            )  # rows of one id stand together, here and there
            times[target], values[target] = when, np.ascontiguousarray(record[order, 3:]).view(np.float64)
        return Grouped(names, self.lengths, times, values)


def _check_once(names: tuple[str, ...], owner: Rows, when: NDArray[Any], rows: Rows, order: Rows, twice: Twice) -> None:
    same = (np.diff(owner) == 0) & (when[1:] == when[:-1])
    if same.any():
        mine = owner == owner[int(same.argmax())]
        twice(names[int(owner[int(same.argmax())])], rows[order[mine]], when[mine])
