"""Strips: images of single digits laid side by side, with the columns each of them takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.ragged import Ragged
from rekur.errors import DataError

BLANK = 10  # the label of a column that belongs to no digit


@dataclass(frozen=True)
class Strips:
    """N images of digits in a row; what lies behind a strip's width is 0."""

    images: NDArray[np.uint8]  # (N, height, W), W the widest strip
    widths: NDArray[np.int64]  # (N,)
    digits: Ragged  # of each strip, from left to right
    spans: Ragged  # values (S, 2): the first column of each digit, and the one behind its last

    def __len__(self) -> int:
        return len(self.widths)

    def rows(self, rows: NDArray[np.int64]) -> Strips:
        """Return these strips alone, in this order."""
        chosen = [Ragged.of([part[row] for row in rows.tolist()]) for part in (self.digits, self.spans)]
        return Strips(self.images[rows], self.widths[rows], *chosen)

    def columns(self) -> Ragged:
        """Return the label of every column: the digit whose span it lies in, or BLANK."""
        labels = np.full((len(self), self.images.shape[2]), BLANK, dtype=np.int64)  # (N, W)
        for strip, digits, spans in zip(labels, self.digits, self.spans, strict=True):
            for digit, (begin, end) in zip(digits, spans, strict=True):
                strip[begin:end] = digit
        inside = np.arange(labels.shape[1]) < self.widths[:, None]
        return Ragged.from_lengths(labels[inside], self.widths)


def lay(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    count: int,
    generator: np.random.Generator,
    digits: tuple[int, int] = (3, 8),
    gaps: tuple[int, int] = (1, 8),
) -> Strips:
    """Lay images side by side: each is cut to its span, and empty columns stand between any two.

    A digit's span goes from the first to the last of its columns with any ink, so a digit in two pieces has one span.
    All images are used once before one is used again.

    Args:
        images: (M, height, width) uint8, 0 is paper.
        labels: (M,) the digit on each.
        count: N, strips to make.
        generator: draws which images, how many of them, and the gaps.
        digits: fewest and most in a strip.
        gaps: fewest and most empty columns before, between and behind the digits; 1 or more keep 1 1 apart.

    Raises:
        DataError: an image without ink.
    """
    ink: NDArray[np.bool_] = np.asarray(images > 0).max(axis=1)  # (M, width)
    if not ink.max(axis=1).all():
        raise DataError(f"Image {int(ink.max(axis=1).argmin())} is empty; a digit of a strip must have ink.")
    first, end = ink.argmax(axis=1), ink.shape[1] - ink[:, ::-1].argmax(axis=1)
    lengths = generator.integers(digits[0], digits[1] + 1, count)
    chosen = Ragged.from_lengths(_drawn(len(images), int(lengths.sum()), generator), lengths)
    empty = generator.integers(gaps[0], gaps[1] + 1, len(chosen.values) + count)  # one behind each strip's last
    taken = end[chosen.values] - first[chosen.values]
    spans, widths = _spans(chosen.map(lambda _: taken), empty)
    laid = np.zeros((count, images.shape[1], int(widths.max(initial=0))), dtype=np.uint8)
    for strip, rows, places in zip(laid, chosen, spans, strict=True):
        for row, (start, stop) in zip(rows, places, strict=True):
            strip[:, start:stop] = images[row, :, first[row] : end[row]]
    return Strips(laid, widths, chosen.map(lambda rows: labels[rows]), spans)


def collapsed(columns: NDArray[Any]) -> list[int]:
    """Return the digits that column labels (W,) spell: each run of one label once, blanks left out.

    >>> collapsed(np.array([10, 7, 7, 10, 7, 3]))
    [7, 7, 3]
    """
    begins = np.flatnonzero(np.diff(columns, prepend=-1))
    return [int(label) for label in columns[begins] if label != BLANK]


def _drawn(images: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    rounds = -(-count // images)
    return np.concatenate([generator.permutation(images) for _ in range(rounds)] or [np.zeros(0, np.int64)])[:count]


def _spans(taken: Ragged, empty: NDArray[np.int64]) -> tuple[Ragged, NDArray[np.int64]]:
    """Place digits of `taken` columns behind `empty` ones; return their spans and each strip's width."""
    steps = np.insert(taken.values, taken.offsets[1:], 0) + empty  # (S+N,): a gap and its digit, the last gap alone
    ends = np.cumsum(steps)
    last = taken.offsets[1:] + np.arange(len(taken))  # where each strip's last gap stands
    widths = np.diff(ends[last], prepend=0)
    behind = np.delete(ends, last) - np.repeat(np.cumsum(widths) - widths, taken.lengths)
    return Ragged(np.stack([behind - taken.values, behind], axis=1), taken.offsets), widths
