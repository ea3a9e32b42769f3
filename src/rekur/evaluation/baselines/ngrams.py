"""Counting n-grams of whole collections with NumPy: every token an integer, every n-gram a pair of them."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.int64]

WORD = re.compile(r"\w+(?:'\w+)?|[!?]")
MARKUP = re.compile(r"<[^<>]{1,20}>")  # IMDB's <br /> is no word


def word_ids(texts: Sequence[str]) -> tuple[Integers, Integers]:
    """Return the token ids (S,) of all texts end to end, by first appearance, and the lengths (N,)."""
    found = [WORD.findall(MARKUP.sub(" ", text.lower())) for text in texts]
    lengths = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
    known: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    every: Iterable[str] = itertools.chain.from_iterable(found)
    return np.fromiter(map(known.__getitem__, every), dtype=np.int64, count=int(lengths.sum())), lengths


def character_ids(texts: Sequence[str]) -> tuple[Integers, Integers]:
    """Return the code points (S,) of all texts end to end, spaces around each, and the lengths (N,)."""
    padded = [f" {' '.join(text.lower().split())} " for text in texts]
    lengths = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return codes.astype(np.int64), lengths


def count(ids: Integers, lengths: Integers, train: int, order: int, least: int) -> sparse.csr_matrix:
    """Return counts (N, F) of every n-gram up to `order` that `least` of the first `train` texts hold.

    The texts behind `train` count only the n-grams that the training part knows.
    """
    texts = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    gram, blocks = np.zeros(len(ids), dtype=np.int64), []
    ids = np.unique(ids, return_inverse=True)[1]
    for n in range(1, order + 1):
        before = gram if n == 1 else np.concatenate([[0], gram[:-1]])
        gram = np.unique(before * (int(ids.max(initial=0)) + 1) + ids, return_inverse=True)[1]
        inside = place >= n - 1  # an n-gram does not reach into the text before it
        blocks.append(_table(texts[inside], gram[inside], len(lengths), train, least))
    return sparse.hstack(blocks, format="csr")


def _table(texts: Integers, grams: Integers, n: int, train: int, least: int) -> sparse.csr_matrix:
    ones = np.ones(len(grams), dtype=np.float32)
    table = sparse.coo_matrix((ones, (texts, grams)), shape=(n, int(grams.max(initial=-1)) + 1)).tocsr()
    kept = table[:train].getnnz(axis=0) >= least
    return table[:, np.flatnonzero(kept)]
