"""Which rows form a batch, and how rows of unequal length become one array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.ragged import Ragged, Side, positions
from rekur.errors import ShapeError

Rows = NDArray[np.int64]


def in_order(n: int, batch: int) -> list[Rows]:
    """Cut rows 0..n-1 into batches of `batch`, in order; the last may be smaller."""
    return _split(np.arange(n), batch)


def shuffled(n: int, batch: int, generator: np.random.Generator) -> list[Rows]:
    """Cut a random order of the rows 0..n-1 into batches of `batch`; the last may be smaller."""
    return _split(generator.permutation(n), batch)


def bucketed(
    lengths: NDArray[np.integer[Any]], batch: int, generator: np.random.Generator, pool: int = 100
) -> list[Rows]:
    """Put rows of similar length together, in batches whose order is random.

    Rows are shuffled, cut into pools of `pool` batches, sorted by length within a pool, and cut into batches:
    little padding, and yet other neighbours in every epoch.

    Args:
        lengths: (N,) steps of each row.
        batch: rows in a batch; the last batch of the last pool may be smaller.
        generator: the source of both shuffles.
        pool: batches sorted together. 1 is a plain shuffle; very large sorts everything.
    """
    order = generator.permutation(len(lengths))
    found: list[Rows] = []
    for pooled in _split(order, batch * pool):
        found += _split(pooled[np.argsort(lengths[pooled], kind="stable")], batch)
    return [found[place] for place in generator.permutation(len(found))]


def thrifty(lengths: NDArray[np.integer[Any]], steps: int, rows: int | None = None) -> list[Rows]:
    """Cut all rows, short ones first, into batches of at most `steps` steps, padding among them, and `rows` rows.

    A row that is longer by itself is a batch of its own; no rows are no batches.
    """
    order = np.argsort(lengths, kind="stable")
    found, begin = [], 0
    for end in range(1, len(order) + 1):
        last = end == len(order) or end - begin == rows
        if last or (end + 1 - begin) * int(lengths[order[end]]) > steps:
            found.append(order[begin:end])
            begin = end
    return found


def pad(
    ragged: Ragged, rows: Rows, length: int | None = None, side: Side = "right", value: int = 0
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Make one array of the named rows, filled up with `value` on `side`.

    Args:
        ragged: the rows; values (S,) or (S, F).
        rows: (N,) the rows of this batch.
        length: T; None: the longest row named, at least 1. Longer rows are cut on `side`, where
            others are filled.
        side: where the filling stands.
        value: the filling.

    Returns:
        padded (N, T) or (N, T, F), int64 or the values' floating type, and the valid steps (N,) of each row, int64.

    >>> pad(Ragged.of([[1, 2, 3], [4]]), np.array([0, 1]))
    (array([[1, 2, 3],
           [4, 0, 0]]), array([3, 1]))
    """
    lengths = ragged.lengths[rows]
    T = max(1, int(lengths.max(initial=0))) if length is None else length
    if T < 1:
        raise ShapeError(f"pad: length must be 1 or more; got T={T}.")
    kept = np.minimum(lengths, T)
    ends = ragged.offsets[1:][rows]
    source = ragged.offsets[:-1][rows] if side == "right" else ends - kept
    first = np.arange(len(rows)) * T
    target = first if side == "right" else first + T - kept
    kind = ragged.values.dtype if ragged.values.dtype.kind == "f" else np.int64
    flat = np.full((len(rows) * T, *ragged.values.shape[1:]), value, dtype=kind)
    flat[positions(target, kept)] = ragged.values[positions(source, kept)]
    return flat.reshape(len(rows), T, *ragged.values.shape[1:]), kept


def _split(rows: Rows, batch: int) -> list[Rows]:
    if batch < 1:
        raise ShapeError(f"A batch must hold 1 row or more; got {batch}.")
    return [rows[start : start + batch] for start in range(0, len(rows), batch)]
