"""The checks of what a caller hands in, kept out of the mathematics; each raises a ShapeError."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.errors import ShapeError
from rekur.notation import check_shape
from rekur.reference.loop import Array, State


def steps(who: str, what: str, given: ArrayLike, sizes: Mapping[str, int | None], batch_first: bool) -> Array:
    """Return `given` as (T, N, width) float64, T 1 or more; with `batch_first` it comes as (N, T, width).

    `sizes` names T, N and the width, in this order; None lets a size be anything.
    """
    x = np.asarray(given, dtype=np.float64)  # (T, N, width) or (N, T, width)
    first, second, last = sizes.items()
    expected = (second, first, last) if batch_first else (first, second, last)
    check_shape(who, what, x.shape, **dict(expected))
    x_steps = x.swapaxes(0, 1) if batch_first else x  # (T, N, width)
    if len(x_steps) == 0:
        raise ShapeError(f"{who}: {what} must have T=1 step or more; got {x.shape}.")
    return x_steps


def state(who: str, letters: tuple[str, ...], given: object, sizes: Mapping[str, int]) -> State:
    """Return `given` as a tuple of one float64 array for each of `letters`; None gives zeros."""
    if given is None:
        return tuple(np.zeros(tuple(sizes.values())) for _ in letters)  # (K*D, N, H) each
    parts = given if len(letters) > 1 else (given,)
    if not isinstance(parts, (tuple, list)) or len(parts) != len(letters):
        found = type(given).__name__
        raise ShapeError(f"{who}: the state must be the pair ({', '.join(letters)}); got one {found}.")
    arrays = tuple(np.asarray(part, dtype=np.float64) for part in parts)  # (K*D, N, H) each
    for letter, array in zip(letters, arrays, strict=True):
        check_shape(who, letter, array.shape, **sizes)
    return arrays


def lengths(who: str, given: ArrayLike | None, T: int, N: int) -> NDArray[np.int64]:
    """Return `given` as (N,) int64, each from 0 to T; None gives T everywhere."""
    if given is None:
        return np.full(N, T, dtype=np.int64)  # (N,)
    row_lengths = np.asarray(given)  # (N,)
    check_shape(who, "lengths", row_lengths.shape, N=N)
    if N and not (row_lengths.dtype.kind in "iu" and 0 <= row_lengths.min() <= row_lengths.max() <= T):
        raise ShapeError(f"{who}: lengths must be whole numbers from 0 to T={T}; got {row_lengths.tolist()}.")
    return row_lengths.astype(np.int64)  # (N,)


def weights(who: str, given: Mapping[str, ArrayLike], wanted: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Return a float64 copy of `given` in the order of `wanted`, or list every name and shape at fault."""
    arrays = {
        name: np.array(value, dtype=np.float64)  # as given
        for name, value in given.items()
    }
    faults = [f"{name} is missing" for name in wanted.keys() - arrays.keys()]
    faults += [f"{name} is not one of its weights" for name in arrays.keys() - wanted.keys()]
    for name in wanted.keys() & arrays.keys():
        if arrays[name].shape != wanted[name]:
            faults.append(f"{name} must be {wanted[name]}, got {arrays[name].shape}")
    if faults:
        raise ShapeError(f"{who}: {'; '.join(sorted(faults))}.")
    return {name: arrays[name] for name in wanted}
