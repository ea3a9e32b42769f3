"""Arrays on disk, for what is larger than memory: files without a name, mapped, which vanish with the process.

They stand where the system keeps temporary files (TMPDIR). What is read of them, the system holds in memory as long as
nobody else needs that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.ragged import Ragged
from rekur.errors import RekurError
from rekur.storage import FULL

STEPS = 1 << 18  # of rows of a Ragged that are in memory at once
CHUNK = 1 << 20  # numbers of a file of a `Room`, at least
Rows = NDArray[np.int64]


class Writer:
    """Rows of one form, written one behind the other, then mapped."""

    def __init__(self, dtype: Any, form: tuple[int, ...] = ()) -> None:
        self.dtype, self.form = np.dtype(dtype), form
        self.count = 0
        self.lengths: list[NDArray[np.int64]] = []
        with room():
            self.file = tempfile.TemporaryFile(prefix="rekur-", buffering=1 << 16)  # noqa: SIM115 - lives as the array

    def __del__(self) -> None:
        if hasattr(self, "file"):
            with contextlib.suppress(OSError):  # of a full disk, on which the rest cannot be written either
                self.file.close()

    def add(self, rows: Ragged) -> None:
        """Write some rows of unequal length."""
        self.lengths.append(rows.lengths)
        self.write(rows.values)

    def write(self, values: NDArray[Any]) -> None:
        """Write values (n, *form)."""
        self.count += len(values)
        with room():
            self.file.write(np.ascontiguousarray(values, dtype=self.dtype).data)

    def array(self) -> NDArray[Any]:
        """Return all that was written (S, *form); nothing can be added then."""
        shape = (self.count, *self.form)
        with room():
            self.file.flush()
        with self.file:  # what is mapped stays when the file is closed
            return np.memmap(self.file, self.dtype, "r", shape=shape) if np.prod(shape) else np.zeros(shape, self.dtype)

    def ragged(self) -> Ragged:
        """Return all rows that were added."""
        lengths = np.concatenate(self.lengths) if self.lengths else np.zeros(0, dtype=np.int64)
        return Ragged.from_lengths(self.array(), lengths)


def blank(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an array of zeros on disk, to write into; raises RekurError where there is no room for it."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if not size:
        return np.zeros(shape, dtype)
    with room(), tempfile.TemporaryFile(prefix="rekur-") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # else a full disk would kill who writes into the array
        return np.memmap(file, dtype, "r+", shape=shape)


class Room:
    """Hands out arrays of zeros on disk, many of them of one file."""

    def __init__(self) -> None:
        self.left = np.zeros(0)

    def __call__(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return an array of a shape, to write into."""
        size = int(np.prod(shape))
        if size > len(self.left):
            self.left = blank((max(size, CHUNK),), np.float64)
        found, self.left = self.left[:size], self.left[size:]
        return found.reshape(shape)


def on_disk(values: NDArray[Any]) -> bool:
    """Whether an array is, or is a part of, one on disk."""
    return (
        isinstance(values, np.memmap) and getattr(values, "_mmap", None) is not None
    )  # what is computed of one is not


def spans(rows: Ragged, steps: int = STEPS) -> Iterator[slice]:
    """Yield spans of rows that hold about `steps` steps, one row at least."""
    begin = 0
    while begin < len(rows):
        end = int(np.searchsorted(rows.offsets, rows.offsets[begin] + steps, side="right")) - 1
        end = min(max(end, begin + 1), len(rows))
        yield slice(begin, end)
        begin = end


def mapped(rows: Ragged, change: Callable[[Ragged], Ragged]) -> Ragged:
    """Return `change` of rows, which looks at each by itself: of rows on disk on disk, span by span."""
    if not on_disk(rows.values):
        return change(rows)
    writer: Writer | None = None
    for span in spans(rows):
        found = change(part(rows, span))
        writer = writer or Writer(found.values.dtype, found.values.shape[1:])
        writer.add(found)
    return writer.ragged() if writer else change(rows)


def taken(rows: Ragged, chosen: Rows) -> Ragged:
    """Return some of the rows, in the order of `chosen`: of rows on disk on disk."""
    if not on_disk(rows.values):
        return rows.take(chosen)
    writer = Writer(rows.values.dtype, rows.values.shape[1:])
    for span in spans(Ragged.from_lengths(_nothing(rows.lengths[chosen]), rows.lengths[chosen])):
        writer.add(rows.take(chosen[span]))
    return writer.ragged()


def part(rows: Ragged, span: slice) -> Ragged:
    """Return the rows of a span, in memory."""
    offsets = rows.offsets[span.start : span.stop + 1]
    return Ragged(np.array(rows.values[offsets[0] : offsets[-1]]), offsets - offsets[0])


def _nothing(lengths: NDArray[np.int64]) -> NDArray[Any]:
    """Return values for rows of these lengths that take no memory."""
    return np.broadcast_to(np.zeros(1, dtype=np.int8), (int(lengths.sum()),))


@contextlib.contextmanager
def room() -> Iterator[None]:
    """Say what to do where there is no room for temporary files, or too many of them are open."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EMFILE:
            raise RekurError(
                "Too many files are open: one larger than data.memory is sorted by way of up to 64 temporary ones. Let "
                "the process open more (`ulimit -n 512`), or raise data.memory."
            ) from None
        if error.errno not in FULL:
            raise
        raise RekurError(
            f"No space for temporary files in {tempfile.gettempdir()} ({error.strerror}): a file larger than "
            "data.memory is kept there while it is learned from. Free some space, or set TMPDIR to a folder with more."
        ) from None
