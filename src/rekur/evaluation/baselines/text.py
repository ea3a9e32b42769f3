"""The honest rivals of a text classifier: majority, TF-IDF with logistic regression, and NB-SVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from rekur.evaluation.baselines import ngrams
from rekur.evaluation.baselines.classes import check_classes, spread

Floats = NDArray[np.float64]
Analyzer = Literal["word", "char"]

ORDERS = {"word": 2, "char": 4}
BETA = 0.25


def majority(train_y: ArrayLike, n_test: int, C: int) -> Floats:
    """Return the training shares of the classes for every test item: (n_test, C)."""
    shares = np.bincount(np.asarray(train_y, dtype=np.int64), minlength=C) / max(len(np.asarray(train_y)), 1)
    return np.tile(shares, (n_test, 1))


def tfidf_logistic(
    train_texts: Sequence[str],
    train_y: ArrayLike,
    test_texts: Sequence[str],
    C: int,
    analyzer: Analyzer = "word",
) -> Floats:
    """Return probabilities (M, C) of logistic regression on TF-IDF weights of (1,2)-grams.

    weight = (1 + ln tf) (1 + ln((1 + N) / (1 + df))), rows scaled to length 1; of words, or 1- to 4-grams of
    characters.
    """
    labels = np.asarray(train_y, dtype=np.int64)
    check_classes("tfidf_logistic", labels, C)
    train, test = _counts(train_texts, test_texts, analyzer)
    weigh = TfidfTransformer(sublinear_tf=True).fit(train)
    model = OneVsRestClassifier(LogisticRegression(C=10.0, solver="liblinear", dual=True, random_state=0))
    model.fit(weigh.transform(train), labels)
    return spread(model.predict_proba(weigh.transform(test)), model.classes_, C)


def naive_bayes_svm(
    train_texts: Sequence[str],
    train_y: ArrayLike,
    test_texts: Sequence[str],
    C: int,
    analyzer: Analyzer = "word",
) -> Floats:
    """Return probabilities (M, C) of a linear model on n-grams weighted by their naive-Bayes log-count ratio.

    r = ln((p / |p|_1) / (q / |q|_1)), p and q = 1 + the number of texts of the class, and of the others, that
    hold the n-gram. Logistic loss, so that there are probabilities.
    Source: Wang and Manning 2012, "Baselines and Bigrams".
    """
    labels = np.asarray(train_y, dtype=np.int64)
    check_classes("naive_bayes_svm", labels, C)
    train, test = _counts(train_texts, test_texts, analyzer)
    train.data[:], test.data[:] = 1.0, 1.0
    classes = np.unique(labels)
    if len(classes) == 2:
        one = _against_rest(train, labels == classes[1], test)
        return spread(np.stack([1 - one, one], axis=1), classes, C)
    scores = np.stack([_against_rest(train, labels == c, test) for c in classes], axis=1)
    return spread(scores / scores.sum(axis=1, keepdims=True), classes, C)


def _against_rest(train: sparse.csr_matrix, positive: NDArray[np.bool_], test: sparse.csr_matrix) -> Floats:
    p = 1.0 + np.asarray(train[positive].sum(axis=0)).ravel()
    q = 1.0 + np.asarray(train[~positive].sum(axis=0)).ravel()
    ratio = np.log(p / p.sum()) - np.log(q / q.sum())
    scale = sparse.diags(ratio)
    model = LogisticRegression(C=1.0, solver="liblinear", dual=True, random_state=0)
    model.fit(train @ scale, positive)
    weights = model.coef_[0]
    weights = (1 - BETA) * np.abs(weights).mean() + BETA * weights
    score = test @ (ratio * weights) + model.intercept_[0]
    return np.asarray(1 / (1 + np.exp(-score)), dtype=np.float64)


def _counts(
    train_texts: Sequence[str], test_texts: Sequence[str], analyzer: Analyzer
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    texts = [*train_texts, *test_texts]
    ids, lengths = (ngrams.word_ids if analyzer == "word" else ngrams.character_ids)(texts)
    table = ngrams.count(ids, lengths, len(train_texts), ORDERS[analyzer], least=2)
    return table[: len(train_texts)], table[len(train_texts) :]
