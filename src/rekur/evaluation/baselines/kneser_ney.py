"""Counting: what the last few characters or words of a text say of the next, without any network."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.errors import DataError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def unigram(train_ids: ArrayLike, test_ids: ArrayLike, V: int) -> Floats:
    """Return -ln p (n,) of each test character, or word, by how often the training text holds it."""
    return ngram(train_ids, test_ids, V, order=1)


def ngram(train_ids: ArrayLike, test_ids: ArrayLike, V: int, order: int = 5) -> Floats:
    """Return -ln p (n,) of each test character, or word, given the `order` - 1 of the test text before it.

    p_n(x | u) = (c(u x) - D(c) + sum_y D(c(u y)) p_{n-1}(x | u')) / c(u), with u' = u without its first
    one and p_0 = 1/V. c counts in the training text, below the highest order how many different
    ones stand before; D is taken off every count 1, 2, 3 and more. An unseen u gives p_{n-1}.
    Source: interpolated modified Kneser-Ney, Chen and Goodman 1998, section 3.

    >>> bool(np.exp(-ngram([0, 1, 0, 1, 0, 1], [0, 1], V=2))[1] > 0.6)
    True
    """
    train, test = np.asarray(train_ids, dtype=np.int64), np.asarray(test_ids, dtype=np.int64)
    _check(train, test, V)
    known = len(train)
    place = np.concatenate([np.arange(known), np.arange(len(test))])
    grams = _grams(np.concatenate([train, test]), V, order)
    counts = np.bincount(_seen(grams, place, known, order), minlength=grams[order].max() + 1)
    tables = {order: counts}
    for n in range(order - 1, 0, -1):
        tables[n] = _continuations(grams, place, known, n)
    chance = np.full(len(test), 1.0 / V)
    for n in range(1, order + 1):
        mixed, found = _mix(grams, place, known, n, tables[n], chance)
        chance = np.where(found & (place[known:] >= n - 1), mixed, chance)
    return np.asarray(-np.log(chance))


def _grams(ids: Integers, V: int, order: int) -> list[Integers]:
    """Number the n-grams that end at every place (S,), for n = 0..order; equal numbers are equal n-grams."""
    grams = [np.zeros(len(ids), dtype=np.int64)]
    for _ in range(order):
        grams.append(np.unique(_before(grams[-1]) * V + ids, return_inverse=True)[1])
    return grams


def _before(grams: Integers) -> Integers:
    return np.concatenate([[0], grams[:-1]])


def _seen(grams: list[Integers], place: Integers, known: int, n: int) -> Integers:
    """The n-grams of the training text, one an occurrence."""
    return grams[n][:known][place[:known] >= n - 1]


def _continuations(grams: list[Integers], place: Integers, known: int, n: int) -> Integers:
    """How many different ones stand before each n-gram in the training text; its first counts once."""
    longer = np.flatnonzero(place[:known] >= n)
    kinds = longer[np.unique(grams[n + 1][longer], return_index=True)[1]]
    size = grams[n].max() + 1
    present = np.bincount(_seen(grams, place, known, n), minlength=size) > 0
    return np.maximum(np.bincount(grams[n][kinds], minlength=size), present)


def _mix(
    grams: list[Integers], place: Integers, known: int, n: int, count: Integers, lower: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return p_n of each one of the test text, and where its context was seen in training."""
    context = _before(grams[n - 1])
    inside = np.flatnonzero(place[:known] >= n - 1)
    kinds = inside[np.unique(grams[n][inside], return_index=True)[1]]
    owner, times = context[kinds], count[grams[n][kinds]]
    off = _discounts(times)
    size = int(max(grams[n - 1].max(), 0)) + 1
    total = np.bincount(owner, times, size)
    spare = np.bincount(owner, off[np.minimum(times, 3)], size)
    x, u = grams[n][known:], context[known:]
    own = count[x] - off[np.minimum(count[x], 3)]
    return (own + spare[u] * lower) / np.maximum(total[u], 1), total[u] > 0


def _discounts(times: Integers) -> Floats:
    """Return what is taken off a count of 0, 1, 2, and 3 or more: D_k = k - (k+1) Y n_{k+1} / n_k.

    Y = n_1 / (n_1 + 2 n_2), n_k how many n-grams occur k times. Too few give no estimate: then a half is
    taken off. The limits leave something to every n-gram, seen and unseen.
    """
    found = np.bincount(np.minimum(times, 5), minlength=6)
    off = np.array([0.0, 0.5, 0.5, 0.5])
    if found[1:5].all():
        share = found[1] / (found[1] + 2 * found[2])
        k = np.arange(1, 4)
        off[1:] = np.clip(k - (k + 1) * share * found[2:5] / found[1:4], 0.1, k - 0.1)
    return off


def _check(train: Integers, test: Integers, V: int) -> None:
    for what, ids in (("train_ids", train), ("test_ids", test)):
        if len(ids) == 0:
            raise DataError(f"ngram: {what} is empty; give at least one character or word.")
        if ids.min() < 0 or ids.max() >= V:
            raise DataError(f"ngram: {what} must be 0..{V - 1} (V={V}); got {ids.min()}..{ids.max()}.")
