"""Bringing columns to a common size, and back. A scaler knows only the rows it was fitted on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.notation import check_shape

Array = NDArray[np.float64]

ROWS = 1 << 20  # summed at once
TINY = 1e-8  # of a window's size: a deviation below it is none
SHARE = 0.1  # of a window's deviation: what repeats itself season after season has next to no changes between seasons
HIGHEST = 85.0  # of a forecast's logarithm: forecasts are float32, which ends at exp(88.7)
LEAST = np.float32(1e-3)  # of the deviation of a window that has been scaled


@dataclass(frozen=True)
class Scaler:
    """Each column shifted and divided: ``(x - shift) / scale``. Kinds differ in what they take from the rows."""

    shift: Array  # (I,)
    scale: Array  # (I,) never 0

    kind: ClassVar[str]

    def transform(self, x: Array) -> Array:
        """Scale x (..., I)."""
        return (np.asarray(x, dtype=np.float64) - self.shift) / self.scale

    def inverse(self, x: Array, column: int | None = None) -> Array:
        """Undo `transform` on x (..., I), or, given `column`, on values of that column alone of any shape."""
        at = slice(None) if column is None else column
        return np.asarray(np.asarray(x, dtype=np.float64) * self.scale[at] + self.shift[at])

    def to_json(self) -> str:
        """Write the scaler; every bit of it comes back from `from_json`."""
        return json.dumps({"kind": self.kind, "shift": self.shift.tolist(), "scale": self.scale.tolist()})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote, or raise DataError."""
        try:
            values = json.loads(text)
            shift, scale = (np.array(values[name], dtype=np.float64) for name in ("shift", "scale"))
            sound = values["kind"] == cls.kind and shift.ndim == 1 and shift.shape == scale.shape
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound or not np.isfinite([shift, scale]).all() or not (scale > 0).all():
            raise DataError(f"This is not a {cls.kind} scaler written by rekur. Train the model again.")
        return cls(shift, scale)


@dataclass(frozen=True)
class MinMax(Scaler):
    """The least value of a column becomes 0, the largest 1: ``(x - min) / (max - min)``.

    >>> MinMax.fit(np.array([[1.0], [3.0]])).transform(np.array([[2.0]]))
    array([[0.5]])
    """

    kind: ClassVar[str] = "min-max"

    @classmethod
    def fit(cls, x: Array) -> Self:
        """Take shift and scale from x (N, I); a constant column is shifted to 0 and left at its size.

        Raises:
            DataError: no rows, or values that are not finite.
        """
        x = np.asarray(x, dtype=np.float64)
        check_shape(cls.__name__, "x", x.shape, N=None, I=None)
        if not len(x) or not np.isfinite(x).all():
            problem = "no rows" if not len(x) else f"{(~np.isfinite(x)).sum()} values that are not finite"
            raise DataError(f"{cls.__name__}: x must be (N, I) finite numbers, N >= 1; got {problem}.")
        low = x.min(axis=0)
        scale = x.max(axis=0) - low
        return cls(low, np.where(scale > 0, scale, 1.0))


@dataclass(frozen=True)
class Standard(Scaler):
    """The mean of a column becomes 0, its standard deviation 1; what is missing (NaN) stays so.

    >>> Standard.fit(np.array([[1.0], [np.nan], [3.0]])).transform(np.array([[3.0]]))
    array([[1.]])
    """

    kind: ClassVar[str] = "standard"

    @classmethod
    def fit(cls, x: Array) -> Self:
        """Take shift and scale from the values of x (N, I) that are not missing.

        A constant column is shifted to 0 and left at its size; one without any value stays as it is.

        Raises:
            DataError: no rows, or infinite values.
        """
        check_shape(cls.__name__, "x", x.shape, N=None, I=None)
        infinite = sum(int(np.isinf(some).sum()) for some in _blocks(x))
        if not len(x) or infinite:
            problem = "no rows" if not len(x) else f"{infinite} infinite values"
            raise DataError(f"{cls.__name__}: x must be (N, I) numbers or NaN, N >= 1; got {problem}.")
        count = np.maximum(_total((~np.isnan(some)).sum(axis=0) for some in _blocks(x)), 1)
        tops = [np.abs(np.where(np.isnan(some), 0.0, some)).max(axis=0) for some in _blocks(x)]
        largest = np.maximum(np.max(tops, axis=0), np.finfo(np.float64).tiny)

        def summed(shift: Array, power: int) -> Array:  # relative, else squares of values near 1e200 are infinite
            return _total(
                (np.where(np.isnan(some), 0.0, some / largest - shift) ** power).sum(axis=0) for some in _blocks(x)
            )

        mean = summed(np.zeros_like(largest), 1) / count
        spread = np.sqrt(summed(mean, 2) / count)
        level = 10 * np.finfo(np.float64).eps * np.abs(mean)  # a constant column's rounding is no spread
        return cls(mean * largest, np.where(spread > level, spread * largest, 1.0))


def _blocks(x: Array) -> Iterator[Array]:
    """Yield rows (n, I) in memory, so many at once that their sums do not depend on whether all of them are."""
    for at in range(0, len(x), ROWS):
        yield np.asarray(x[at : at + ROWS], dtype=np.float64)


def _total(sums: Iterable[Array]) -> Array:
    first, *rest = sums
    return np.asarray(sum(rest, first))
