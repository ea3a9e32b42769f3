"""What a sequence says without its order: figures of each column, for linear models; and its nearest neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from rekur.evaluation.baselines.classes import check_classes, fit, spread

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEPS = 1000  # of L-BFGS on a few dozen features
POINTS = 24  # that a sequence is told in, to find those near it
NEIGHBOURS = 5
LEARNED = 100_000  # training sequences whose figures a linear model learns from, at most
KNOWN = 5_000  # training sequences that are looked through for neighbours, at most
PENALTIES = np.logspace(-3, 4, 15)


def summary(values: Floats, offsets: Integers) -> Floats:
    """Return the figures (N, 8 I + 1) of sequences, NaN where a column of one has no value.

    Of each column: mean, standard deviation, least, largest, first and last value, slope over the steps, and mean
    change from step to step, its sign left out; then the number of steps.

    Args:
        values: (S, I) the steps, one sequence behind the other, NaN where a value is missing.
        offsets: (N+1,) where each begins; none is empty.
    """
    starts, lengths = offsets[:-1], np.diff(offsets)
    step = np.arange(len(values)) - np.repeat(starts, lengths)
    known = ~np.isnan(values)
    count = _sums(known.astype(np.float64), starts)
    filled = np.where(known, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _sums(filled, starts) / count
        apart = np.where(known, values - np.repeat(mean, lengths, axis=0), 0.0)
        when = _sums(np.where(known, step[:, None], 0.0), starts) / count
        before = np.where(known, step[:, None] - np.repeat(when, lengths, axis=0), 0.0)
        slope = _sums(before * apart, starts) / np.maximum(_sums(before**2, starts), 1e-12)
        spread_ = np.sqrt(_sums(apart**2, starts) / count)
        change = np.abs(np.diff(values, axis=0, prepend=np.nan))
        change[starts] = np.nan
        moves = ~np.isnan(change)
        moved = _sums(np.where(moves, change, 0.0), starts) / np.maximum(_sums(moves.astype(np.float64), starts), 1)
    low, high = (reduce.reduceat(values, starts, axis=0) for reduce in (np.fmin, np.fmax))
    ends = [_at(values, known, starts, lengths, last) for last in (False, True)]
    figures = [mean, spread_, low, high, *ends, np.where(count > 0, slope, np.nan), moved]
    return np.concatenate([*figures, lengths[:, None].astype(np.float64)], axis=1)


FIGURES = ("mean", "standard deviation", "least", "largest", "first", "last", "slope", "mean change")


def names(columns: Sequence[str]) -> list[str]:
    """Return what each figure of `summary` is called, for sequences of these columns."""
    return [f"the {figure} of {column}" for figure in FIGURES for column in columns] + ["the number of steps"]


def points(values: Floats, offsets: Integers, count: int = POINTS) -> Floats:
    """Return sequences of any length as `count` points each, (N, count I), by lines between their steps.

    `values` (S, I) and `offsets` (N+1,) as in `summary`; missing values lie on the line between their neighbours.
    """
    steps = np.arange(count) / max(1, count - 1)
    found = np.zeros((len(offsets) - 1, values.shape[1], count))
    for place, (begin, end) in enumerate(itertools.pairwise(offsets.tolist())):
        for column in range(values.shape[1]):
            row = values[begin:end, column]
            known = np.flatnonzero(~np.isnan(row))
            if len(known):
                found[place, column] = np.interp(steps * (end - begin - 1), known, row[known])
    return found.reshape(len(found), -1)


def logistic(train_x: Floats, labels: Integers, test_x: Floats, C: int) -> Floats:
    """Return probabilities (M, C) of test features (M, F) by logistic regression on features (N, F), classes (N,)."""
    check_classes("logistic", labels, C)
    train, test = _standardised(train_x, test_x)
    model = fit(LogisticRegression(max_iter=STEPS), train, labels)
    return spread(model.predict_proba(test), model.classes_, C)


def ridge(train_x: Floats, targets: Floats, test_x: Floats) -> Floats:
    """Return forecasts (M,) of test features (M, F) by ridge regression on features (N, F) and numbers (N,).

    The penalty is the one with the least leave-one-out error in training.
    """
    train, test = _standardised(train_x, test_x)
    return np.asarray(RidgeCV(alphas=PENALTIES).fit(train, targets).predict(test), dtype=np.float64)


def nearest_classes(train_x: Floats, labels: Integers, test_x: Floats, C: int) -> Floats:
    """Return the shares (M, C) of the classes among the nearest training sequences, told in points (N, P)."""
    check_classes("nearest_classes", labels, C)
    train, test = _standardised(train_x[:KNOWN], test_x)
    model = KNeighborsClassifier(min(NEIGHBOURS, len(train))).fit(train, labels[:KNOWN])
    return spread(model.predict_proba(test), model.classes_, C)


def nearest_mean(train_x: Floats, targets: Floats, test_x: Floats) -> Floats:
    """Return the mean number (M,) of the nearest training sequences, told in points (N, P)."""
    train, test = _standardised(train_x[:KNOWN], test_x)
    model = KNeighborsRegressor(min(NEIGHBOURS, len(train))).fit(train, targets[:KNOWN])
    return np.asarray(model.predict(test), dtype=np.float64)


def _sums(values: Floats, starts: Integers) -> Floats:
    return np.asarray(np.add.reduceat(values, starts, axis=0), dtype=np.float64)


def _at(values: Floats, known: NDArray[np.bool_], starts: Integers, lengths: Integers, last: bool) -> Floats:
    """Return the first or the last value (N, I) that each sequence has, NaN where it has none."""
    rows = np.arange(len(values))[:, None]
    places = np.where(known, rows, -1 if last else len(values))
    reduce: Any = np.maximum if last else np.minimum
    found = reduce.reduceat(places, starts, axis=0)
    has = (found >= starts[:, None]) & (found < (starts + lengths)[:, None])
    return np.where(has, np.take_along_axis(values, np.where(has, found, 0), axis=0), np.nan)


def _standardised(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    """Return both with each column's training mean 0 and deviation 1; what is missing lies at the mean."""
    train = np.where(np.isnan(train).all(axis=0), 0.0, train)
    middle = np.nanmean(train, axis=0)
    scaler = StandardScaler().fit(np.where(np.isnan(train), middle, train))
    whole = [scaler.transform(np.where(np.isnan(part), middle, part)) for part in (train, test)]
    return whole[0], whole[1]
