"""How well one feature alone tells the class: a rule fitted on every other row, scored on the rows between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from rekur.data.text import Tokens, tokenize

Integers = NDArray[np.int64]

LEAVES = 16  # intervals of a number that has more than VALUES values
VALUES = 64
UBIQUITOUS = 0.9  # of the texts hold a word that may announce another one, as in "rating: 8"


@dataclass(frozen=True)
class Probe:
    """One feature, and the accuracy of naming for each of its values the class that goes with it."""

    kind: str  # "word", "column", "place"
    name: str
    accuracy: float
    skill: float  # (accuracy - rate) / (1 - rate), rate that of the commonest class: 1 right always, 0 nothing known
    values: int = 2


def rate(y: Integers) -> float:
    """Return the share of the commonest class among the rows that score."""
    return float(np.bincount(y[1::2]).max() / len(y[1::2]))


def skill(accuracy: float, commonest: float) -> float:
    """Return how much of the way from naming the commonest class to being right always is gone."""
    return (accuracy - commonest) / (1 - commonest) if commonest < 1 else 0.0


def of_codes(kind: str, name: str, codes: Integers, y: Integers) -> Probe:
    """Probe a feature of U values by their numbers 0..U-1 (N,), against the classes y (N,)."""
    U, C = int(codes.max(initial=0)) + 1, int(y.max()) + 1
    counts = np.bincount(codes[::2] * C + y[::2], minlength=U * C).reshape(U, C)
    votes = counts + np.bincount(y[::2], minlength=C) / (len(y) + 1)  # a value never seen: the commonest class
    accuracy = float(np.mean(votes.argmax(1)[codes[1::2]] == y[1::2]))
    return Probe(kind, name, accuracy, skill(accuracy, rate(y)), len(np.unique(codes)))


def of_number(kind: str, name: str, numbers: NDArray[np.float64], y: Integers) -> Probe:
    """Probe a number, by its values if they are few, else by LEAVES intervals; a missing one is a value of its own."""
    from sklearn.tree import DecisionTreeClassifier  # slow to load, and most runs need no probe

    known = np.isfinite(numbers)
    values = np.unique(numbers[known])
    if len(values) <= VALUES:
        codes = np.searchsorted(values, np.where(known, numbers, 0.0), side="right")
        return of_codes(kind, name, np.where(known, codes + 1, 0).astype(np.int64), y)
    column = np.where(known, numbers, values[0] - 1)[:, None]
    tree = DecisionTreeClassifier(max_leaf_nodes=max(LEAVES, 2 * (int(y.max()) + 1)), min_samples_leaf=3)
    accuracy = float(np.mean(tree.fit(column[::2], y[::2]).predict(column[1::2]) == y[1::2]))
    return Probe(kind, name, accuracy, skill(accuracy, rate(y)), len(values))


def of_presence(X: sparse.spmatrix, y: Integers, name: Callable[[int], str], kind: str = "word") -> list[Probe]:
    """Probe whether each of the V columns of (N, V) counts is above zero."""
    here = sparse.csr_matrix(X > 0, dtype=np.float64)
    onehot = np.eye(int(y.max()) + 1)[y]  # (N, C)
    fit, score = here[::2].T @ onehot[::2], here[1::2].T @ onehot[1::2]  # (V, C) texts with the word, by class
    absent = (onehot[::2].sum(0) - fit).argmax(1)
    # A word that the first half lacks says nothing, so it names the class of the others.
    present = np.where(fit.sum(1) > 0, fit.argmax(1), absent)
    column = np.arange(len(fit))
    right = score[column, present] + (onehot[1::2].sum(0) - score)[column, absent]
    accuracies, commonest = right / max(len(y[1::2]), 1), rate(y)
    best = np.argsort(-accuracies, kind="stable")[:50]
    return [Probe(kind, name(int(v)), float(accuracies[v]), skill(float(accuracies[v]), commonest)) for v in best]


def of_numbers(X: NDArray[np.float64], y: Integers, name: Callable[[int], str]) -> list[Probe]:
    """Probe each of the F columns of (N, F)."""
    return [of_number("column", name(j), X[:, j], y) for j in range(X.shape[1])]


def of_texts(texts: pl.Series, y: Integers, column: str) -> Iterator[Probe]:
    """Probe words, the first and the last one, the one behind a word that all texts hold, and how many there are."""
    tokens = tokenize(texts, "keras")
    kinds, offsets, N = tokens.kinds, tokens.offsets, len(texts)
    counts = sparse.csr_matrix(
        (np.ones(len(tokens.codes)), tokens.codes.astype(np.int64), offsets), shape=(N, len(kinds))
    )
    counts.sum_duplicates()
    yield from of_presence(counts, y, lambda v: f"the word `{kinds[v]}` in `{column}`")
    yield of_number("place", f"the number of words in `{column}`", np.diff(offsets).astype(np.float64), y)
    full = np.diff(offsets) > 0
    if not full.any():
        return
    words = np.append(tokens.codes.astype(np.int64) + 1, 0)  # 0: no word
    for name, place in (("first", offsets[:-1]), ("last", offsets[1:] - 1)):
        yield of_codes("place", f"the {name} word of `{column}`", np.where(full, words[place], 0), y)
    share = np.asarray((counts > 0).sum(0)).ravel() / N
    for v in np.flatnonzero(share >= UBIQUITOUS)[:20]:
        yield of_codes("place", f"the word behind `{kinds[v]}` in `{column}`", _behind(tokens, int(v), N), y)


def _behind(tokens: Tokens, kind: int, N: int) -> Integers:
    """Return the word behind the first occurrence of a word in each text, plus 1; 0 where there is none."""
    places = np.flatnonzero(tokens.codes == kind)
    text = np.searchsorted(tokens.offsets, places, side="right") - 1
    first = np.unique(text, return_index=True)[1]
    places, text = places[first], text[first]
    inside = places + 1 < tokens.offsets[text + 1]
    found = np.zeros(N, dtype=np.int64)
    found[text[inside]] = tokens.codes[places[inside] + 1].astype(np.int64) + 1
    return found


def remembered(contents: Integers, classes: int, seed: int = 0) -> tuple[float, float, int]:
    """Shuffle the labels among the distinct contents, remember one random half of the rows, and ask for the other.

    `contents` (N,) numbers what is distinct. Returns the accuracy on the other half, the share of it that the first
    half holds too, and how many rows were asked. On rows it never saw no
    model can be right more often than 1 / classes.
    """
    generator = np.random.default_rng(seed)
    U = int(contents.max()) + 1
    labels = generator.permutation(np.arange(U) % classes)[contents]
    order = generator.permutation(len(contents))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    seen = np.zeros(U, dtype=bool)
    seen[contents[first]] = True
    twin = seen[contents[second]]
    guess = np.where(twin, labels[second], generator.integers(0, classes, len(second)))
    return float(np.mean(guess == labels[second])), float(twin.mean()), len(second)
