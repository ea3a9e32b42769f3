"""Counting characters: what the last four say of the next, without any network."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.errors import DataError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def unigram(train_ids: ArrayLike, test_ids: ArrayLike, V: int) -> Floats:
    """Return -ln p (n,) of each test character by how often the training text holds it."""
    return ngram(train_ids, test_ids, V, order=1)


def ngram(train_ids: ArrayLike, test_ids: ArrayLike, V: int, order: int = 5) -> Floats:
    """Return -ln p (n,) of each test character given the `order` - 1 test characters before it.

    p_n(x | u) = (c(u x) + t(u) p_{n-1}(x | u')) / (c(u) + t(u)), with c counts in the training text, t(u)
    how many different characters follow u there, u' = u without its first character, and p_0 = 1/V.
    Source: Witten and Bell 1991.
    """
    train, test = np.asarray(train_ids, dtype=np.int64), np.asarray(test_ids, dtype=np.int64)
    _check(train, test, V)
    ids, known = np.concatenate([train, test]), len(train)
    place = np.concatenate([np.arange(known), np.arange(len(test))])
    gram, context = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    chance = np.full(len(test), 1.0 / V)
    for n in range(1, order + 1):
        gram = np.unique(context * V + ids, return_inverse=True)[1]
        inside = place >= n - 1
        chance = _mix(gram, context, inside, known, chance)
        context = np.concatenate([[0], gram[:-1]])
    return np.asarray(-np.log(chance))


def _mix(gram: Integers, context: Integers, inside: NDArray[np.bool_], known: int, lower: Floats) -> Floats:
    seen = np.flatnonzero(inside[:known])
    size = int(max(gram.max(), context.max())) + 1
    count = np.bincount(gram[seen], minlength=size)
    total = np.bincount(context[seen], minlength=size)
    first = np.unique(gram[seen], return_index=True)[1]
    kinds = np.bincount(context[seen[first]], minlength=size)
    g, u = gram[known:], context[known:]
    use = inside[known:] & (total[u] > 0)
    mixed = (count[g] + kinds[u] * lower) / np.maximum(total[u] + kinds[u], 1)
    return np.where(use, mixed, lower)


def _check(train: Integers, test: Integers, V: int) -> None:
    for what, ids in (("train_ids", train), ("test_ids", test)):
        if len(ids) == 0:
            raise DataError(f"ngram: {what} is empty; give at least one character.")
        if ids.min() < 0 or ids.max() >= V:
            raise DataError(f"ngram: {what} must be 0..{V - 1} (V={V}); got {ids.min()}..{ids.max()}.")
