"""The honest rivals of a text classifier: TF-IDF with logistic regression, and NB-SVM, on the same n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, special
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier

from rekur.evaluation.baselines import ngrams
from rekur.evaluation.baselines.classes import check_classes, fit, majority, spread

Floats = NDArray[np.float64]
Analyzer = Literal["word", "char"]


class Choice(NamedTuple):
    """What suits words or characters; trust and beta as docs/evaluation.md found on held-out training reviews."""

    order: int  # longest n-gram
    trust: float  # sklearn's C of TF-IDF + logistic regression
    beta: float  # share of the learnt weight in NB-SVM; the rest is the mean weight, so naive Bayes alone


CHOICES = {"word": Choice(order=2, trust=30.0, beta=0.5), "char": Choice(order=4, trust=10.0, beta=0.25)}
FEW = 1000  # below this many texts even an n-gram of a single text is kept
LIMIT = 30.0  # of a log-odds: a probability is never exactly 0 or 1


class Counts(NamedTuple):
    """How often each text holds each n-gram that the training texts know."""

    train: sparse.csr_matrix  # (N, F)
    test: sparse.csr_matrix  # (M, F)
    analyzer: Analyzer


def count(train_texts: Sequence[str], test_texts: Sequence[str], analyzer: Analyzer = "word") -> Counts:
    """Count once what both rivals read: n-grams of 1 and 2 words, or of 1 to 4 characters for Korean."""
    number = ngrams.word_ids if analyzer == "word" else ngrams.character_ids
    ids, lengths = number([*train_texts, *test_texts])
    known = len(train_texts)
    table = ngrams.count(ids, lengths, known, CHOICES[analyzer].order, least=1 if known < FEW else 2)
    return Counts(table[:known], table[known:], analyzer)


def tfidf_logistic(counts: Counts, train_y: ArrayLike, C: int) -> Floats:
    """Return probabilities (M, C) of logistic regression on TF-IDF weights of n-grams, one class against the rest.

    weight = (1 + ln tf) (1 + ln((1 + N) / (1 + df))), rows scaled to length 1.
    """
    labels = np.asarray(train_y, dtype=np.int64)
    check_classes("tfidf_logistic", labels, C)
    train, test, analyzer = counts
    if train.shape[1] == 0:  # not one word: there is nothing to learn from
        return majority(labels, test.shape[0], C)
    weigh = TfidfTransformer(sublinear_tf=True).fit(train)
    model = fit(OneVsRestClassifier(_linear(CHOICES[analyzer].trust)), weigh.transform(train), labels)
    return spread(model.predict_proba(weigh.transform(test)), model.classes_, C)


def tfidf_ridge(counts: Counts, targets: ArrayLike) -> Floats:
    """Return numbers (M,) by ridge regression on TF-IDF weights of n-grams, weighed as in `tfidf_logistic`."""
    numbers = np.asarray(targets, dtype=np.float64)
    train, test, _ = counts
    if train.shape[1] == 0:
        return np.full(test.shape[0], numbers.mean())
    weigh = TfidfTransformer(sublinear_tf=True).fit(train)
    model = Ridge(alpha=1.0, solver="lsqr").fit(weigh.transform(train), numbers)
    return np.asarray(model.predict(weigh.transform(test)), dtype=np.float64)


def naive_bayes_svm(counts: Counts, train_y: ArrayLike, C: int) -> Floats:
    """Return probabilities (M, C) of a linear model on n-grams weighted by their naive-Bayes log-count ratio.

    r = ln((p / |p|_1) / (q / |q|_1)), p and q = 1 + the number of texts of the class, and of the others, that
    hold the n-gram; its weight is w' = (1 - beta) mean|w| + beta w. One class against the rest.
    Source: Wang and Manning 2012, "Baselines and Bigrams"; logistic loss here, so that there are probabilities.
    """
    labels = np.asarray(train_y, dtype=np.int64)
    check_classes("naive_bayes_svm", labels, C)
    train, test = _present(counts.train), _present(counts.test)
    if train.shape[1] == 0:
        return majority(labels, test.shape[0], C)
    beta, classes = CHOICES[counts.analyzer].beta, np.unique(labels)
    if len(classes) == 2:
        second = _against_rest(train, labels == classes[1], test, beta)
        return spread(np.stack([1 - second, second], axis=1), classes, C)
    each = np.stack([_against_rest(train, labels == c, test, beta) for c in classes], axis=1)
    return spread(each / each.sum(axis=1, keepdims=True), classes, C)


def _present(table: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return 1 where `table` counts anything; only the ones are new memory."""
    return sparse.csr_matrix((np.ones_like(table.data), table.indices, table.indptr), shape=table.shape)


def _against_rest(train: sparse.csr_matrix, mine: NDArray[np.bool_], test: sparse.csr_matrix, beta: float) -> Floats:
    p = 1.0 + np.asarray(train[mine].sum(axis=0)).ravel()
    q = 1.0 + np.asarray(train[~mine].sum(axis=0)).ravel()
    ratio = np.log(p / p.sum()) - np.log(q / q.sum())
    model = fit(_linear(1.0), train @ sparse.diags(ratio.astype(np.float32)), mine)
    learnt = model.coef_[0]
    weights = ratio * ((1 - beta) * np.abs(learnt).mean() + beta * learnt)
    score = test @ weights + model.intercept_[0]
    return np.asarray(special.expit(np.clip(score, -LIMIT, LIMIT)), dtype=np.float64)


def _linear(trust: float) -> LogisticRegression:
    return LogisticRegression(C=trust, solver="liblinear", dual=True, max_iter=1000, random_state=0)
