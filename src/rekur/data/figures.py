"""What a whole sequence of numbers looks like: figures that a linear vote beside the network reads.

Of each column the mean, the deviation, the least, the largest value and the mean change; the length; the sequence told
in a few points; and of random convolutions, each looking some steps apart, how high they rise and how much of the time
they stand above 0 (Dempster et al. 2020, "ROCKET"; the step from below to above is softened here, so that a rounding
error moves no figure by a whole one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

TAPS = 9  # steps that a convolution weighs
KERNELS = 256  # of all dilations together
WIDEST = 128  # steps between two taps, at most
SLOPE = 4.0  # of the softened step from 0 to 1
OF_COLUMN = 5  # figures of each column besides its points
FAR = 10.0  # deviations: a figure that lies farther is taken as so far
AT_ONCE = 1 << 24  # numbers of one dilation held together


@dataclass(frozen=True)
class Kernels:
    """Random convolutions, the same number for each dilation."""

    weight: Floats  # (G, K, I, TAPS), each of mean 0 over its taps
    bias: Floats  # (G, K)


def dilations(longest: int) -> list[int]:
    """Return the steps between two taps: 1, 2, 4 ... as far as a sequence of `longest` steps has room for all taps."""
    found = [1]
    while found[-1] < WIDEST and 2 * found[-1] * (TAPS - 1) < longest:
        found.append(2 * found[-1])
    return found


def shape(longest: int, columns: int) -> tuple[int, int, int, int]:
    """Return the shape (G, K, I, TAPS) of the kernels for sequences of so many steps and columns."""
    groups = len(dilations(longest))
    return groups, KERNELS // groups, columns, TAPS


def count(points: int, longest: int, columns: int) -> int:
    """Return F, how many figures there are."""
    groups, each, *_ = shape(longest, columns)
    return columns * (OF_COLUMN + points) + 1 + 2 * groups * each


def draw(longest: int, columns: int, generator: np.random.Generator) -> Kernels:
    """Return kernels for standardised sequences."""
    weight = generator.normal(size=shape(longest, columns))
    weight = (weight - weight.mean(axis=3, keepdims=True)) / np.sqrt(columns)
    bias = generator.uniform(-1, 1, weight.shape[:2])
    return Kernels(weight.astype(np.float32), bias.astype(np.float32))


def figures(values: Floats, lengths: Integers | None, points: int, kernels: Kernels) -> Floats:
    """Return the figures (N, F) of sequences (N, T, I), 0 behind their lengths (N,); one of no step is one 0."""
    N, T = values.shape[:2]
    lengths = np.full(N, T) if lengths is None else np.maximum(lengths, 1)
    valid = (np.arange(T) < lengths[:, None])[:, :, None]
    told = [*_plain(values, lengths, valid), _points(values, lengths, points)]
    step = max(1, AT_ONCE // max(1, T * kernels.weight.shape[1]))
    for group, (weight, bias) in enumerate(zip(kernels.weight, kernels.bias, strict=True)):
        some = [
            _convolved(values[at : at + step], lengths[at : at + step], valid[at : at + step], weight, bias, 1 << group)
            for at in range(0, N, step)
        ]
        told.append(np.concatenate(some))
    return np.concatenate(told, axis=1, dtype=np.float32)


def scaled(found: Floats, shift: Floats, scale: Floats) -> Floats:
    """Return figures (N, F) from their training mean (F,) and times their scale (F,), none farther than FAR."""
    near: Floats = np.clip((found - shift) * scale, -FAR, FAR)
    return near


def _plain(values: Floats, lengths: Integers, valid: NDArray[np.bool_]) -> list[NDArray[Any]]:
    """Return mean, deviation, least, largest and mean change of each column, (N, I) each, and the length (N, 1)."""
    size: Any = lengths[:, None].astype(np.float32)
    mean: Any = np.where(valid, values, 0).sum(axis=1) / size
    apart = np.where(valid, values - mean[:, None], np.float32(0))
    change = np.where(valid[:, 1:], np.abs(values[:, 1:] - values[:, :-1]), 0).sum(axis=1) / np.maximum(1, size - 1)
    low = np.where(valid, values, np.inf).min(axis=1)
    high = np.where(valid, values, -np.inf).max(axis=1)
    return [mean, np.sqrt((apart * apart).sum(axis=1) / size), low, high, change, size]


def _points(values: Floats, lengths: Integers, points: int) -> Floats:
    """Return each sequence in `points` values of each column (N, P*I), by lines between its steps."""
    places = (lengths[:, None] - 1).astype(np.float32) * (np.arange(points, dtype=np.float32) / max(1, points - 1))
    before = np.floor(places).astype(np.int64)
    behind = np.minimum(before + 1, lengths[:, None] - 1)
    share = (places - before.astype(np.float32))[:, :, None]
    row = np.arange(len(values))[:, None]
    told = values[row, before] * (1 - share) + values[row, behind] * share
    return np.asarray(told, np.float32).reshape(len(values), -1)


def _convolved(
    values: Floats, lengths: Integers, valid: NDArray[np.bool_], weight: Floats, bias: Floats, dilation: int
) -> Floats:
    """Return the largest value of each convolution, and how much of the time it stands above 0: (N, 2K)."""
    T, side = values.shape[1], dilation * (TAPS // 2)
    wide = np.pad(values, ((0, 0), (side, side), (0, 0)))
    found = bias + sum(wide[:, tap * dilation : tap * dilation + T] @ weight[:, :, tap].T for tap in range(TAPS))
    largest = np.where(valid, found, -np.inf).max(axis=1)
    above = np.where(valid, np.clip(SLOPE * found + np.float32(0.5), 0, 1), 0).sum(axis=1)
    return np.concatenate([largest, above / lengths[:, None].astype(np.float32)], axis=1)
