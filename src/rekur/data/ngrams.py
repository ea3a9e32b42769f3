"""Word n-grams as hashed ids: pairs and triples of words without a vocabulary of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rekur.data.ragged import Ragged
from rekur.errors import ShapeError

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads neighbouring ids
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # a multiplier of the splitmix64 finaliser (Steele et al. 2014)


def ngram_ids(ragged: Ragged, order: int, buckets: int, seed: int = 0) -> Ragged:
    """Return the hashed ids of the n-grams that end at each position, n from 2 to `order`.

    The id of the n words ``w_1 ... w_n`` is ``1 + hash(seed, w_1, ..., w_n) mod (buckets - 1)``; 0 says that
    fewer than n words of this row stand here, and fills batches. Same ids, same seed: same result anywhere.

    Args:
        ragged: word ids (S,) of N rows.
        order: the longest n-gram, 2 or more.
        buckets: ids there are, 0 included.
        seed: of the hash.

    Returns:
        Ragged of int32 values (S, order - 1); column 0 has the pairs, column 1 the triples.

    >>> pairs = ngram_ids(Ragged.of([[5, 6, 5, 6], [6]]), order=2, buckets=1000)
    >>> row = pairs[0][:, 0]
    >>> int(row[0]), bool(row[1] == row[3]), pairs[1].tolist()
    (0, True, [[0]])
    """
    if order < 2 or buckets < 2:
        raise ShapeError(f"ngram_ids: order and buckets must be 2 or more; got {order} and {buckets}.")
    salt = np.uint64(seed * int(_MIX) % 2**64)
    words = _mixed(ragged.values.astype(np.uint64) + salt)  # (S,)
    starts = np.repeat(ragged.offsets[:-1], ragged.lengths)  # (S,) where each row begins
    place = np.arange(len(words)) - starts  # (S,)
    found = np.zeros((len(words), order - 1), dtype=np.int32)
    joined = words.copy()  # (S,) hash of the n-gram that ends here
    for n in range(2, order + 1):
        joined[1:] = _mixed(joined[:-1] * _ODD + words[1:])  # the (n-1)-gram one step before, then this word
        ids = (joined % np.uint64(buckets - 1)).astype(np.int32) + 1
        found[:, n - 2] = np.where(place >= n - 1, ids, 0)
    return Ragged(found, ragged.offsets)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits of x (S,), modulo 2^64."""
    x = (x + _ODD) * _MIX
    return x ^ (x >> np.uint64(29))
