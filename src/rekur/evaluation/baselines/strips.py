"""Digits in a row without any sequence: cut where columns are empty, each piece read by itself."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from rekur.evaluation.baselines.rows import logistic

Images = NDArray[np.uint8]
Integers = NDArray[np.int64]

FITTED_ON = 10_000  # digits: more take long and change the last percent


def digit_by_digit(digits: Images, labels: Integers, strips: Images, widths: Integers) -> list[list[int]]:
    """Return the digits read in each strip, from left to right.

    A strip is cut at its empty columns, which is the right cut wherever each digit is in one piece. A logistic
    regression on the pixels of digits, each moved to the middle, names every piece.

    Args:
        digits: (M, height, w) to learn from, with `labels` (M,).
        strips: (N, height, W), what lies behind `widths` (N,) being empty.
    """
    size = digits.shape[2]
    known = np.stack([_centred(image, size) for image in digits[:FITTED_ON]])
    pieces = [_pieces(strip[:, :width]) for strip, width in zip(strips, widths, strict=True)]
    flat = np.stack([_centred(piece, size) for row in pieces for piece in row] or [np.zeros_like(known[0])])
    named = logistic(known, labels[:FITTED_ON], flat, 10).argmax(axis=1).tolist()
    ends = np.cumsum([0, *map(len, pieces)])
    return [named[begin:end] for begin, end in itertools.pairwise(ends)]


def _pieces(strip: Images) -> list[Images]:
    ink = np.concatenate([[False], strip.any(axis=0), [False]])
    begins, ends = np.flatnonzero(ink[1:] & ~ink[:-1]), np.flatnonzero(ink[:-1] & ~ink[1:])
    return [strip[:, begin:end] for begin, end in zip(begins, ends, strict=True)]


def _centred(image: Images, size: int) -> NDArray[np.float32]:
    """Return the columns with ink in the middle of `size` columns, flat; what is wider is cut on both sides."""
    used = np.flatnonzero(image.any(axis=0))
    piece = image[:, used[0] : used[-1] + 1] if len(used) else image[:, :0]
    piece = piece[:, max(0, piece.shape[1] - size) // 2 :][:, :size]
    placed = np.zeros((image.shape[0], size), dtype=np.float32)
    left = (size - piece.shape[1]) // 2
    placed[:, left : left + piece.shape[1]] = piece
    return placed.ravel()
