"""Which rows train, validate and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.wording import counted

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
        raise DataError(f"Holding out {share} of {counted(n, 'row')} leaves none to train on. Give more data.")
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


def stratified(strata: NDArray[np.int64], shares: Sequence[float], generator: np.random.Generator) -> list[Rows]:
    """Hold out `shares` of the rows of every stratum, as nearly as whole rows allow.

    Args:
        strata: (N,) a number each, 0 or more; all equal for a plain random split.
        shares: of the parts held out, in turn; together below 1.
        generator: draws the order.

    Returns:
        the rows kept, then those of each part held out, in rising order. A stratum of one row is kept.

    >>> parts = stratified(np.repeat([0, 1], [80, 20]), (0.2,), np.random.default_rng(1))
    >>> [np.bincount(np.repeat([0, 1], [80, 20])[part]).tolist() for part in parts]
    [[64, 16], [16, 4]]
    """
    _check_shares(shares)
    N = len(strata)
    shuffled = generator.permutation(N)
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]  # stratum after stratum, each in random order
    sizes = np.bincount(strata, minlength=1)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.empty(N)
    place[order] = (np.arange(N) - first + 0.5) / np.repeat(sizes, sizes)
    return _cut(place, shares)


def together(
    keys: NDArray[np.integer[Any]], strata: NDArray[np.int64], shares: Sequence[float], generator: np.random.Generator
) -> list[Rows]:
    """Split as `stratified` does, but so that rows of one key (N,), as copies of one text, stay in one part."""
    _, first, of = np.unique(keys, return_index=True, return_inverse=True)
    parts = stratified(strata[first], shares, generator)
    part = np.empty(len(first), dtype=np.int64)
    for number, members in enumerate(parts):
        part[members] = number
    return [np.flatnonzero(part[of] == number) for number in range(len(parts))]


def grouped(
    groups: NDArray[np.int64],
    shares: Sequence[float],
    generator: np.random.Generator,
    strata: NDArray[np.int64] | None = None,
) -> list[Rows]:
    """Hold out about `shares` of the rows, every group whole, so that no part knows a group of another.

    Groups are dealt out, large ones first, each to the part that lacks most of what it holds.

    Args:
        groups: (N,) the number of each row's group, 0 or more.
        shares: of the parts held out, in turn; together below 1.
        generator: draws the order of groups of one size.
        strata: (N,) what every part should hold its share of; None: rows.

    Returns:
        the rows kept, then those of each part held out, in rising order.

    Raises:
        DataError: there are fewer groups than parts.

    >>> parts = grouped(np.repeat(np.arange(10), 5), (0.2, 0.1), np.random.default_rng(1))
    >>> [len(part) for part in parts]
    [35, 10, 5]
    """
    _check_shares(shares)
    wanted = np.array([1 - sum(shares), *shares])
    kinds = np.zeros(len(groups), dtype=np.int64) if strata is None else strata
    G, C = int(groups.max(initial=-1)) + 1, int(kinds.max(initial=0)) + 1
    held = np.zeros((G, C))  # rows of each group, by stratum
    np.add.at(held, (groups, kinds), 1.0)
    sizes = held.sum(axis=1)
    present = np.flatnonzero(sizes)
    parts = np.flatnonzero(wanted)
    if len(present) < len(parts):
        raise DataError(
            f"The split needs {len(parts)} groups or more, one for each part; got {len(present)}. "
            "Give more data, or another column of groups."
        )
    shuffled = generator.permutation(present)
    part_of = _dealt(held, shuffled[np.argsort(-sizes[shuffled], kind="stable")], wanted)
    return [np.flatnonzero(part_of[groups] == number) for number in range(len(wanted))]


def _dealt(held: NDArray[np.float64], order: Rows, wanted: NDArray[np.float64]) -> Rows:
    """Return the part (G,) of each group, dealt in `order`; a part of any share gets one group at least."""
    totals = held.sum(axis=0)
    lacking = wanted[:, None] * totals  # (P, C)
    weight = held / np.maximum(totals, 1)
    part_of = np.full(len(held), -1, dtype=np.int64)
    empty = wanted > 0
    for place, group in enumerate(order):
        score = lacking @ weight[group]
        score[wanted == 0] = -np.inf
        if np.count_nonzero(empty) == len(order) - place:
            score[~empty] = -np.inf
        part = int(score.argmax())
        part_of[group], empty[part] = part, False
        lacking[part] -= held[group]
    return part_of


def by_time(moments: NDArray[Any], shares: Sequence[float]) -> list[Rows]:
    """Hold out the newest rows: the first share is the newest part, the next one stands before it.

    Args:
        moments: (N,) the time of each row, as numbers or dates; rows of one moment stay in one part.
        shares: of the parts held out, the newest first; together below 1.

    Returns:
        the oldest rows, kept, then those of each part held out; each part oldest first.

    >>> [part.tolist() for part in by_time(np.array([3, 1, 2, 5, 4]), (0.2, 0.2))]
    [[1, 2, 0], [3], [4]]
    """
    _check_shares(shares)
    order = np.argsort(moments, kind="stable")
    ends = [len(order)]
    for share in np.cumsum(shares):
        ends.append(_boundary(moments[order], len(order) - round(len(order) * share), ends[-1]))
    held = [order[begin:end] for begin, end in zip(ends[1:], ends[:-1], strict=True)]
    return [order[: ends[-1]], *held]


def _boundary(rising: NDArray[Any], place: int, end: int) -> int:
    """Return the place nearest to `place`, before `end`, that parts no two equal moments."""
    place = min(place, end)
    if place in (0, len(rising)) or rising[place - 1] != rising[place]:
        return place
    first = int(np.searchsorted(rising, rising[place], side="left"))
    after = int(np.searchsorted(rising, rising[place], side="right"))
    return after if after - place < place - first and after <= end else first


def folds(strata: NDArray[np.int64], count: int, generator: np.random.Generator) -> list[Rows]:
    """Deal N rows into `count` parts alike, each of which is the test part once; every stratum is dealt evenly.

    >>> [len(part) for part in folds(np.repeat([0, 1], 5), 5, np.random.default_rng(1))]
    [2, 2, 2, 2, 2]
    """
    _check_folds(len(strata), count, "rows")
    shuffled = generator.permutation(len(strata))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    return [np.sort(order[number::count]) for number in range(count)]


def folds_of_groups(
    groups: NDArray[np.int64],
    count: int,
    generator: np.random.Generator,
    strata: NDArray[np.int64] | None = None,
) -> list[Rows]:
    """Deal rows into `count` parts of like size, every group whole; see `folds` and `grouped`."""
    _check_folds(len(np.unique(groups)), count, "groups")
    return grouped(groups, [1 / count] * (count - 1), generator, strata)


def folds_by_time(moments: NDArray[Any], count: int) -> list[Rows]:
    """Cut the rows, oldest first, into count + 1 spans of like size.

    Returns the spans: fold k (from 0) trains on ``spans[: k + 1]`` and is tested on ``spans[k + 1]``, so that none
    knows its future.
    """
    _check_folds(len(np.unique(moments)) - 1, count, "moments after the first")
    first, *newest_first = by_time(moments, [1 / (count + 1)] * count)
    return [first, *newest_first[::-1]]


def _cut(place: NDArray[np.float64], shares: Sequence[float]) -> list[Rows]:
    """Return the rows whose place, 0 to 1, lies beyond all shares, then those within each."""
    inside = np.searchsorted(np.cumsum([0.0, *shares]), place, side="right")  # 1..len(shares) held out, beyond kept
    part = inside % (len(shares) + 1)
    return [np.flatnonzero(part == number) for number in range(len(shares) + 1)]


def _check_shares(shares: Sequence[float]) -> None:
    if min(shares, default=0) < 0 or sum(shares) >= 1:
        raise DataError(f"The shares held out must be 0 or more and together below 1; got {list(shares)}.")


def _check_folds(there: int, count: int, what: str) -> None:
    if count < 2 or there < count:
        raise DataError(f"Folds must be 2 or more, and no more than there are {what} ({there}); got {count}.")
