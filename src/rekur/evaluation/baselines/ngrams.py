"""Counting n-grams of whole collections with NumPy: every token an integer, every n-gram a pair of them."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.int64]

# The rivals cut words by themselves, near to `words` of docs/data.md: evaluation and data do not know each other, so
# that a change of what a model reads never moves what it is measured against.
WORD = re.compile(r"\w+(?:'\w+)?|[!?]")
MARKUP = re.compile(r"<[^<>]{1,20}>")  # IMDB's <br /> is no word


def word_ids(texts: Sequence[str]) -> tuple[Integers, Integers]:
    """Return the word ids (S,) of all texts end to end, by first appearance, and the lengths (N,)."""
    found = [WORD.findall(MARKUP.sub(" ", text.lower())) for text in texts]
    lengths = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
    known: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    ids = map(known.__getitem__, itertools.chain.from_iterable(found))
    return np.fromiter(ids, dtype=np.int64, count=int(lengths.sum())), lengths


def character_ids(texts: Sequence[str]) -> tuple[Integers, Integers]:
    """Return the code points (S,) of all texts end to end, spaces around each, and the lengths (N,)."""
    padded = [f" {' '.join(text.lower().split())} " for text in texts]
    lengths = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return np.unique(codes, return_inverse=True)[1], lengths


def count(ids: Integers, lengths: Integers, train: int, order: int, least: int) -> sparse.csr_matrix:
    """Return counts (N, F) of every n-gram up to `order` that `least` of the first `train` texts hold.

    `ids` (S,) number the tokens of all texts end to end from 0, `lengths` (N,) say how many each text has.
    The texts behind `train` count only the n-grams that the training part knows.
    """
    texts = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kinds = int(ids.max(initial=-1)) + 1
    grams, blocks = np.zeros(len(ids), dtype=np.int64), []
    for n in range(1, order + 1):
        grams = np.unique(np.roll(grams, 1) * kinds + ids, return_inverse=True)[1]
        inside = place >= n - 1  # an n-gram does not reach into the text before it
        blocks.append(_table(texts[inside], grams[inside], len(lengths), train, least))
    return sparse.hstack(blocks, format="csr")


def _table(texts: Integers, grams: Integers, n: int, train: int, least: int) -> sparse.csr_matrix:
    ones = np.ones(len(grams), dtype=np.float32)
    table = sparse.coo_matrix((ones, (texts, grams)), shape=(n, int(grams.max(initial=-1)) + 1)).tocsr()
    return table[:, np.flatnonzero(table[:train].getnnz(axis=0) >= least)]
