"""Rows of unequal length held as one flat array: what texts are from the tokeniser to the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rekur.errors import ShapeError

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Ragged:
    """N rows in one array: row i is ``values[offsets[i]:offsets[i + 1]]``.

    >>> rows = Ragged.of([[3, 1, 4], [], [1, 5]])
    >>> rows.lengths.tolist(), rows[2].tolist()
    ([3, 0, 2], [1, 5])
    """

    values: NDArray[Any]  # (S, ...) the rows, one behind the other
    offsets: NDArray[np.int64]  # (N+1,) from 0 to S, never falling

    def __post_init__(self) -> None:
        whole = np.issubdtype(self.offsets.dtype, np.integer) and len(self.offsets) > 0
        rising = whole and self.offsets[0] == 0 and bool((np.diff(self.offsets) >= 0).all())
        if not rising or self.offsets[-1] != len(self.values):
            raise ShapeError(
                f"Ragged: offsets must be (N+1,) rising from 0 to S={len(self.values)}; got {self.offsets}."
            )

    @classmethod
    def of(cls, rows: list[Any], dtype: Any = np.int64) -> Ragged:
        """Join a list of N sequences into one Ragged."""
        arrays = [np.asarray(row, dtype=dtype) for row in rows]
        values = np.concatenate(arrays) if arrays else np.zeros(0, dtype)
        return cls.from_lengths(values, np.array([len(row) for row in arrays], dtype=np.int64))

    @classmethod
    def from_lengths(cls, values: NDArray[Any], lengths: NDArray[np.integer[Any]]) -> Ragged:
        """Build from values (S, ...) and lengths (N,) that add up to S."""
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(values, offsets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The length of each row (N,)."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        """Return row `row` as a view; a negative number counts from the end."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"Ragged has N={len(self)} rows; got row {row}.")
        row %= len(self)
        view: NDArray[Any] = self.values[self.offsets[row] : self.offsets[row + 1]]
        return view

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    def cut(self, length: int, side: Side = "right") -> Ragged:
        """Shorten rows to at most `length`; what stands on `side` is dropped."""
        if length < 0:
            raise ShapeError(f"Ragged.cut: length must be 0 or more; got {length}.")
        kept = np.minimum(self.lengths, length)
        starts = self.offsets[:-1] if side == "right" else self.offsets[1:] - kept
        return self._pick(starts, kept)

    def take(self, rows: NDArray[np.int64]) -> Ragged:
        """Return some of the rows, in the order of `rows`."""
        return self._pick(self.offsets[:-1][rows], self.lengths[rows])

    def map(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Ragged:
        """Apply `change`, which keeps the first size S, to all values at once."""
        return Ragged(change(self.values), self.offsets)

    def where(self, keep: NDArray[np.bool_]) -> Ragged:
        """Return the values `keep` (S,) marks; rows may grow shorter, none is lost."""
        before = np.zeros(len(keep) + 1, dtype=np.int64)
        np.cumsum(keep, out=before[1:])
        return Ragged(self.values[keep], before[self.offsets])

    def backwards(self) -> Ragged:
        """Return every row from its end to its beginning."""
        at = np.arange(len(self.values)) - np.repeat(self.offsets[:-1], self.lengths)
        return Ragged(self.values[np.repeat(self.offsets[1:], self.lengths) - 1 - at], self.offsets)

    def _pick(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Ragged:
        return Ragged.from_lengths(self.values[positions(starts, lengths)], lengths)


def positions(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``start, start + 1, ..., start + length - 1`` of every pair, one behind the other.

    >>> positions(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    before = np.cumsum(lengths) - lengths
    found: NDArray[np.int64] = np.arange(lengths.sum(), dtype=np.int64) + np.repeat(starts - before, lengths)
    return found
