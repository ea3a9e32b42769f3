"""Which rows train, validate and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError

Rows = NDArray[np.int64]


def holdout(n: int, share: float, seed: int | np.random.Generator) -> tuple[Rows, Rows]:
    """Hold out a random `share` of n rows.

    Args:
        n: rows there are.
        share: share held out, 0 <= share < 1, rounded to whole rows.
        seed: of the permutation, or the generator to draw it from.

    Returns:
        the rows kept and the rows held out, both in random order.

    Raises:
        DataError: when no row would be kept.

    >>> [len(rows) for rows in holdout(25000, 0.2, seed=0)]
    [20000, 5000]
    """
    if not 0 <= share < 1:
        raise DataError(f"The share held out must be at least 0 and below 1; got {share}.")
    held = round(n * share)
    if held >= n:
        raise DataError(f"Holding out {share} of {n} rows leaves none to train on. Give more data.")
    order = np.random.default_rng(seed).permutation(n)
    return order[: n - held], order[n - held :]


def numpy_permutation(n: int, seed: int = 42) -> Rows:
    """Return what ``np.random.seed(seed); np.random.permutation(n)`` gives, as chapter C does."""
    # The old generator on purpose: only it gives the chapter's split.
    return np.random.RandomState(seed).permutation(n)


def apart(
    keys: Sequence[Any], strata: NDArray[np.int64], shares: Sequence[float], generator: np.random.Generator
) -> list[Rows]:
    """Hold out `shares` of every stratum so that rows of one key stay together.

    Rows that share a key go where the key's rarest stratum puts it, so that no part holds a twin of another's row.

    Args:
        keys: (N,) what may not stand in two parts.
        strata: (N,) a number each, 0 or more, of which every part gets its share.
        shares: of the parts held out, in turn; together below 1.
        generator: draws the order.

    Returns:
        the rows kept, then those of each part held out, in rising order.
    """
    sizes = np.bincount(strata)
    of_key: dict[Any, int] = {}
    for key, stratum in zip(keys, strata.tolist(), strict=True):
        of_key[key] = min(of_key.get(key, stratum), stratum, key=lambda one: (sizes[one], one))
    bounds = np.cumsum([0.0, *shares])
    part: dict[Any, int] = {}
    for stratum in range(len(sizes)):
        members = [key for key, its in of_key.items() if its == stratum]
        place = np.empty(len(members))
        place[generator.permutation(len(members))] = (np.arange(len(members)) + 0.5) / max(1, len(members))
        inside = np.searchsorted(bounds, place, side="right")  # 1..len(shares) held out, beyond kept
        part |= dict(zip(members, inside % (len(shares) + 1), strict=True))
    parts = np.array([part[key] for key in keys])
    return [np.flatnonzero(parts == number) for number in range(len(shares) + 1)]
