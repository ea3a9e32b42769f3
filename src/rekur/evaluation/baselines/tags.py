"""The cheap rivals of a tagger: the commonest tag of each word, and a linear model of a window of words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression, SGDClassifier

from rekur.evaluation.baselines.classes import check_classes, fit
from rekur.evaluation.tagging import Rows

Integers = NDArray[np.int64]
Sentences = Sequence[Sequence[str]]

LONGEST_SUFFIX = 4
EPOCHS, TRUST = 5, 3e-6  # of stochastic gradient descent, by the dev part of UD English EWT
WINDOW = (-2, -1, 0, 1, 2)
COLUMNS = 4  # of a strip, read on each side of the one that is labelled
MOST_COLUMNS = 40_000  # of the training strips that the linear model learns from
STEPS = 100  # of L-BFGS: scikit-learn's own default


def commonest(train: Sentences, tags: Integers, test: Sentences) -> Integers:
    """Return the tag (S,) of each test word: its commonest in training, as written, or else in lower case; of a word
    never seen the commonest tag of its longest known suffix of up to 4 characters.

    `tags` (S,) are those of the training words, sentence after sentence.
    """
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    words = [word for sentence in train for word in sentence]
    for word, tag in zip(words, tags.tolist(), strict=True):
        for key in _keys(word):
            counts[key][tag] += 1
    best = {key: max(sorted(found), key=found.__getitem__) for key, found in counts.items()}
    return np.array([next(best[key] for key in _keys(word) if key in best) for s in test for word in s], np.int64)


def _keys(word: str) -> list[str]:
    """From the word itself to what every word has: keys of one kind never meet those of another."""
    lower = word.lower()
    ends = [f"-{lower[-size:]}" for size in range(min(LONGEST_SUFFIX, len(lower)), 0, -1)]
    return [f"={word}", f"~{lower}", *ends, "-"]


def window(train: Sentences, tags: Integers, test: Sentences, C: int) -> Integers:
    """Return the tag (S,) of each test word by logistic regression on words, affixes and shapes of a window of five.

    Learned by stochastic gradient descent, one tag against the rest.
    """
    check_classes("window", tags, C)
    features = _features([*train, *test])
    known = sum(map(len, train))
    model = SGDClassifier(loss="log_loss", alpha=TRUST, max_iter=EPOCHS, tol=None, random_state=0)
    found: Integers = fit(model, features[:known], tags).predict(features[known:])
    return found


def _features(sentences: Sentences) -> sparse.csr_matrix:
    """Return (S, F) zeros and ones: the features of the word at each place of the window."""
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    kinds: dict[str, int] = {}
    ids = np.array([kinds.setdefault(word, len(kinds)) for sentence in sentences for word in sentence], np.int64)
    own, seen = _table(kinds, _of_word), _table(kinds, _of_neighbour)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # (S,) place in its sentence
    blocks = []
    for offset in WINDOW:
        place = within + offset
        outside = (place < 0) | (place >= np.repeat(lengths, lengths))
        words = np.where(outside, len(kinds), np.roll(ids, -offset))
        blocks.append((seen if offset else own)[words])
    return sparse.hstack(blocks, format="csr", dtype=np.float32)


def _table(kinds: dict[str, int], features: Callable[[str], list[str]]) -> sparse.csr_matrix:
    """Return the features of each distinct word, and in the last row those of no word."""
    names: dict[str, int] = {}
    rows = [[names.setdefault(f, len(names)) for f in features(word)] for word in kinds]
    rows.append([names.setdefault("outside", len(names))])
    ids = np.concatenate([np.array(row, dtype=np.int64) for row in rows])
    offsets = np.cumsum([0, *map(len, rows)])
    return sparse.csr_matrix((np.ones(len(ids)), ids, offsets), (len(rows), len(names)))


def _of_word(word: str) -> list[str]:
    lower = word.lower()
    affixes = [f"-{lower[-size:]}" for size in (1, 2, 3, 4)] + [f"{lower[:size]}-" for size in (1, 2, 3)]
    return [f"={word}", f"~{lower}", f"shape {_shape(word)}", *dict.fromkeys(affixes), "any"]


def _of_neighbour(word: str) -> list[str]:
    lower = word.lower()
    return [f"~{lower}", f"-{lower[-2:]}", f"-{lower[-3:]}" if len(lower) > 2 else "short", f"shape {_shape(word)}"]


def _shape(word: str) -> str:
    """Write capitals as A, small letters as a, digits as 0, runs once.

    >>> _shape("McDonald's")
    "AaAa'a"
    """
    signs = ["A" if c.isupper() else "a" if c.isalpha() else "0" if c.isdigit() else c for c in word]
    return "".join(sign for sign, before in zip(signs, ["", *signs], strict=False) if sign != before)


def columns(train: Rows, labels: Integers, test: Rows, C: int, seed: int) -> Integers:
    """Return the label (S,) of each test column by logistic regression on nine columns around it.

    Args:
        train: columns (S, I) of each strip, scaled.
        labels: (S,) of the training columns.
        test: columns of the test strips.
        C: labels there are.
        seed: of the draw of the training columns it learns from.
    """
    check_classes("columns", labels, C)
    chosen = np.random.default_rng(seed).permutation(len(labels))[:MOST_COLUMNS]
    model = fit(LogisticRegression(max_iter=STEPS), _around(train, chosen), labels[chosen])
    found: Integers = model.predict(_around(test, np.arange(len(test.values))))
    return found


def _around(strips: Rows, rows: Integers) -> NDArray[np.float32]:
    """Return (R, (2 * COLUMNS + 1) * I): the columns `rows` between their neighbours, 0 outside of their strip."""
    strip = np.searchsorted(strips.offsets, rows, side="right") - 1
    begin, end = strips.offsets[strip], strips.offsets[strip + 1]
    places = rows[:, None] + np.arange(-COLUMNS, COLUMNS + 1)  # (R, 9)
    outside = (places < begin[:, None]) | (places >= end[:, None])
    around = strips.values[np.where(outside, rows[:, None], places)]  # (R, 9, I)
    around[outside] = 0
    return around.reshape(len(rows), -1)
