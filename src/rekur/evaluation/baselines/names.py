"""Rivals of a model that writes texts of a class: counts of characters, and a classifier that judges what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rekur.evaluation.baselines.classes import fit
from rekur.evaluation.baselines.kneser_ney import ngram

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Texts = Sequence[Integers]  # the units of each text, END the last
Part = tuple[Texts, Integers]  # ... and the class of each (N,)

SHARES = [n / 20 for n in range(21)]  # of the class's own counts, from which the validation part chooses


def counted(train: Part, test: Part, V: int, end: int, order: int) -> Floats:
    """Return -ln p of every unit of the test texts by the counts of all training texts; see `ngram`."""
    return _nats(train[0], test[0], V, end, order)


def mixed(train: Part, validation: Part, test: Part, V: int, end: int, order: int) -> Floats:
    """Return -ln p of every unit of the test texts: p = w p_class + (1 - w) p_all.

    p_class counts in the training texts of the same class alone, p_all in all; w is the one of SHARES that is best on
    the validation part, and a half where there is none.
    """
    share = 0.5
    if len(validation[0]):
        own, every = _of_class(train, validation, V, end, order), _nats(train[0], validation[0], V, end, order)
        share = min(SHARES, key=lambda tried: float(_mix(own, every, tried).mean()))
    return _mix(_of_class(train, test, V, end, order), _nats(train[0], test[0], V, end, order), share)


def _mix(own: Floats, every: Floats, share: float) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(-np.logaddexp(np.log(share) - own, np.log1p(-share) - every))


def _of_class(train: Part, test: Part, V: int, end: int, order: int) -> Floats:
    found: list[Floats] = [np.zeros(0)] * len(test[0])
    for label in np.unique(test[1]):
        own, rows = (np.flatnonzero(part[1] == label).tolist() for part in (train, test))
        known = [train[0][row] for row in own] or train[0]
        nats = _nats(known, [test[0][row] for row in rows], V, end, order)
        ends = np.cumsum([len(test[0][row]) for row in rows])
        for row, part in zip(rows, np.split(nats, ends[:-1]), strict=True):
            found[row] = part
    return np.concatenate(found)


def _nats(train: Texts, test: Texts, V: int, end: int, order: int) -> Floats:
    """Return -ln p of the units of `test`; so many ENDs stand between texts that none is seen through another.

    The first END of a text is counted and scored, those behind it only make the beginning of the next one known.
    """
    behind = max(0, order - 2)
    nats = ngram(_stream(train, end, behind), _stream(test, end, behind), V, order)
    scored = [np.append(np.ones(len(text), bool), np.zeros(behind, bool)) for text in test]
    return nats[np.concatenate([np.zeros(behind + 1, bool), *scored])]  # type: ignore[no-any-return]


def _stream(texts: Texts, end: int, behind: int) -> Integers:
    """Join texts, the last unit of each being END, with `behind` more of it behind each and all of them before."""
    filling = np.full(behind, end)
    parts = [np.full(behind + 1, end)]
    for text in texts:
        parts += [text, filling]
    return np.concatenate(parts).astype(np.int64)


def classified(texts: Sequence[str], labels: Integers, asked: Sequence[str]) -> Integers:
    """Return the class of each text asked for, by a logistic regression on its runs of 1 to 4 characters.

    It is trained on `texts` with `labels` alone, each class with the same weight: it knows nothing of the model.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True, lowercase=True)
    known = vectors.fit_transform(texts)
    model = fit(LogisticRegression(C=10.0, max_iter=200, class_weight="balanced"), known, labels)
    return np.asarray(model.predict(vectors.transform(asked)), dtype=np.int64)
