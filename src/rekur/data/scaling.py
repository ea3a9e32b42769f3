"""Bringing columns to a common size, and back. A scaler knows only the rows it was fitted on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.notation import check_shape

Array = NDArray[np.float64]


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
        x = np.asarray(x, dtype=np.float64)
        check_shape(cls.__name__, "x", x.shape, N=None, I=None)
        if not len(x) or np.isinf(x).any():
            problem = "no rows" if not len(x) else f"{np.isinf(x).sum()} infinite values"
            raise DataError(f"{cls.__name__}: x must be (N, I) numbers or NaN, N >= 1; got {problem}.")
        known = ~np.isnan(x)
        count = np.maximum(known.sum(axis=0), 1)
        largest = np.maximum(np.abs(np.where(known, x, 0.0)).max(axis=0), np.finfo(np.float64).tiny)
        relative = np.where(known, x / largest, 0.0)  # else squares of values near 1e200 are infinite
        mean = relative.sum(axis=0) / count
        spread = np.sqrt((np.where(known, relative - mean, 0.0) ** 2).sum(axis=0) / count)
        level = 10 * np.finfo(np.float64).eps * np.abs(mean)  # a constant column's rounding is no spread
        return cls(mean * largest, np.where(spread > level, spread * largest, 1.0))
