"""Which rows train, validate and test."""

from __future__ import annotations

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
