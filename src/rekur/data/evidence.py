r"""What each word and phrase of a text says about its label, for a recurrent layer to read beside the words.

An n-gram f has the log-count ratio of naive Bayes (Wang and Manning, ACL 2012), over the training texts,

    r_f = ln((1 + texts of class 1 with f) / (1 + texts of class 0 with f)) - ln(texts of class 1 / of class 0)

and step t reads r of the word, the pair and the triple that end there; of C > 2 classes, the ratios of each class
against the rest. A training text must not meet ratios that
its own label helped to make, or the layer learns to trust them too much; so the ratios it reads in training leave
out the fold it lies in (cross-fitting).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.ragged import Ragged
from rekur.errors import DataError

SPREAD = -7046029254386353131  # an odd number near 2^64 / golden ratio: neighbours land far apart
START, PACE = 0.3, 7.0  # of an n-gram's weight in a vote: its first value, and how much faster it learns than the rest
MOST_FEATURES = 50_000_000  # n-grams a run may know; a file that says more is damaged
SHIFT = 29  # of a hash: its high bits reach its low ones
NONE = 0  # the key of what is no n-gram, and of those too rare to say anything; its ratio is 0

Integers = NDArray[np.int64]


def fit(
    tokens: Ragged, labels: Integers, order: int, least: int, folds: Integers, classes: int = 2
) -> tuple[Integers, NDArray[np.float32], NDArray[np.float32]]:
    """Count the n-grams of the training texts.

    Args:
        tokens: ids of the N training texts.
        labels: (N,) from 0 to C - 1.
        order: longest n-gram.
        least: texts an n-gram must stand in.
        folds: (N,) the fold each text lies in, from 0.
        classes: C.

    Returns:
        The sorted keys (F,) of the n-grams, the ratio (F,) of each, (F, C) of more than two classes, and what each step
        (S, order) or (S, order*C) of the training texts reads in training.
    """
    known, feature, text = features(tokens, order, least)
    counts = _counts(feature, text, labels, folds, len(known), classes)  # (C, F, folds)
    silent, fold = known == NONE, folds[text][:, None]
    others = counts.sum(axis=2, keepdims=True) - counts  # of the folds but each
    if classes == 2:
        prior = np.log(labels.sum() / (len(labels) - labels.sum()))
        return known, _ratios(counts.sum(axis=2), prior, silent), _ratios(others, prior, silent)[feature, fold]
    ratios = np.stack([_against_rest(counts.sum(axis=2), labels, c, silent) for c in range(classes)], axis=1)
    read = [_against_rest(others, labels, c, silent)[feature, fold] for c in range(classes)]  # (S, order) each
    return known, ratios, np.stack(read, axis=2).reshape(len(text), -1)


def features(tokens: Ragged, order: int, least: int) -> tuple[Integers, Integers, Integers]:
    """Find the n-grams of the training texts; arguments as of `fit`.

    Returns the sorted keys (F,), NONE among them; the feature (S, order) that ends at each step; the text (S,) of each.
    """
    text = np.repeat(np.arange(len(tokens)), tokens.lengths)
    place = np.arange(len(text)) - np.repeat(tokens.offsets[:-1], tokens.lengths)
    return (*_known(keys(tokens.values.astype(np.int64), place, order), text, len(tokens), least), text)


def to_json(count: int) -> str:
    """Return evidence.json, which says how many n-grams a run knows."""
    return json.dumps({"features": count})


def from_json(stored: str) -> int:
    """Return what `to_json` was given; raises DataError for what it was not."""
    count = json.loads(stored)["features"]
    if type(count) is not int or not 1 <= count <= MOST_FEATURES:
        raise DataError(f"evidence.json must say from 1 to {MOST_FEATURES} n-grams; got {count!r}.")
    return count


def _against_rest(counts: NDArray[Any], labels: Integers, c: int, silent: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the ratios (F, ...) of class c against all others; a class may be without a text."""
    mine = np.count_nonzero(labels == c)
    prior = np.log((mine + 1) / (len(labels) - mine + 1))
    return _ratios(np.stack([counts.sum(axis=0) - counts[c], counts[c]]), prior, silent)


def keys(ids: Integers, place: Integers, order: int) -> Integers:
    """Hash the n-grams that end at each of the ids (S,), `place` (S,) steps into its text.

    Returns (S, order), the n-grams of one token first; 0 where the text has not that many tokens yet.
    """
    columns, key = [], np.zeros_like(ids)
    for n in range(order):
        before = np.concatenate([np.zeros_like(ids[:n]), ids[: max(len(ids) - n, 0)]])
        key = (key + before + 1 + n) * SPREAD  # wraps around at 2^64
        key = key ^ (key >> SHIFT)
        columns.append(np.where(place >= n, key, NONE))
    return np.stack(columns, axis=1)


def keys_of_rows(ids: Integers, order: int) -> Integers:
    """Hash the n-grams that end at each step of the texts (N, T): (N, T, order), see `keys`."""
    place = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
    return keys(ids.reshape(-1), place.reshape(-1), order).reshape(*ids.shape, order)


def find(known: Integers, ids: Integers, order: int) -> tuple[Integers, NDArray[np.bool_]]:
    """Return the feature (N, T, order), a place in `known` (F,), that ends at each step of the texts (N, T).

    The second array (N, T, order) says whether there is one.
    """
    wanted = keys_of_rows(ids, order)
    feature = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    return feature, (known[feature] == wanted) & (wanted != NONE)


def _known(steps: Integers, text: Integers, texts: int, least: int) -> tuple[Integers, Integers]:
    """Return the sorted keys of n-grams in `least` texts or more, and the feature (S, order) of each step."""
    known = [np.full(1, NONE)]
    for column in steps.T:
        keys, code = np.unique(column, return_inverse=True)
        pairs = np.unique(code * np.int64(texts) + text)
        spread = np.bincount(pairs // texts, minlength=len(keys))
        known.append(keys[spread >= least])
    kept = np.unique(np.concatenate(known))
    at = np.searchsorted(kept, steps).clip(max=len(kept) - 1)
    none = int(np.searchsorted(kept, NONE))
    return kept, np.where(kept[at] == steps, at, none)


def _counts(
    feature: Integers, text: Integers, labels: Integers, folds: Integers, F: int, classes: int
) -> NDArray[np.float32]:
    """Count the texts of each class and fold that hold each feature: (C, F, folds)."""
    K = int(folds.max()) + 1
    counts = np.zeros((classes, F * K), dtype=np.float32)
    for column in feature.T:
        pairs = np.unique(text * np.int64(F) + column)
        holder, held = pairs // F, pairs % F
        cell = held * K + folds[holder]
        for label in range(classes):
            counts[label] += np.bincount(cell[labels[holder] == label], minlength=F * K)
    return counts.reshape(classes, F, K)


def _ratios(counts: NDArray[Any], prior: float, silent: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return r (F, ...) from the counts (2, F, ...) of both classes."""
    ratios: NDArray[np.float32] = (np.log1p(counts[1]) - np.log1p(counts[0]) - prior).astype(np.float32)
    ratios[silent] = 0
    return ratios
