"""The figures a result is told in, each a few lines of NumPy over truth and prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SMALLEST = float(np.finfo(np.float64).eps)  # a probability of 0 would make one wrong item cost infinity


def accuracy(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the share of items whose class is right, in [0, 1]."""
    return float(np.mean(np.asarray(truth) == np.asarray(prediction)))


def nats_of_truth(truth: Integers, probability: Floats) -> Floats:
    """Return -ln p of the true class of every item (N,), p clipped away from 0."""
    chosen = probability[np.arange(len(truth)), truth]
    return -np.log(np.clip(chosen, SMALLEST, 1.0))


def log_loss(truth: Integers, probability: Floats) -> float:
    """Return the mean of -ln p(true class), in nats; `probability` is (N, C)."""
    return float(np.mean(nats_of_truth(truth, probability)))


def confusion(truth: Integers, prediction: Integers, classes: int) -> Integers:
    """Return (C, C) counts: row = true class, column = predicted class."""
    cells = np.asarray(truth) * classes + np.asarray(prediction)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def f1_of_confusion(table: NDArray[Any]) -> Floats:
    """Return the macro F1 of one or many confusion tables (..., C, C).

    F1_c = 2 TP_c / (true_c + predicted_c), averaged over the classes that occur in truth or prediction.
    """
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    total = table.sum(axis=-1) + table.sum(axis=-2)
    scores = np.divide(2.0 * hits, total, out=np.zeros(hits.shape), where=total > 0)
    return np.asarray(scores.sum(axis=-1) / np.maximum((total > 0).sum(axis=-1), 1), dtype=np.float64)


def f1(truth: Integers, prediction: Integers, classes: int) -> float:
    """Return the macro-averaged F1 in [0, 1]; see `f1_of_confusion`."""
    return float(f1_of_confusion(confusion(truth, prediction, classes)))


def mae(truth: ArrayLike, forecast: ArrayLike) -> float:
    """Return the mean absolute error, in the unit of the series."""
    return float(np.mean(np.abs(np.asarray(forecast) - np.asarray(truth))))


def rmse(truth: ArrayLike, forecast: ArrayLike) -> float:
    """Return the root of the mean squared error, in the unit of the series."""
    return float(np.sqrt(np.mean(np.square(np.asarray(forecast) - np.asarray(truth)))))


def r2(truth: ArrayLike, forecast: ArrayLike) -> float:
    """Return 1 - SSE / SST; 0.0 for a constant truth, where the share explained has no meaning.

    On a series that moves slowly R2 is near 1 for almost any forecast: read it beside persistence.
    """
    truth = np.asarray(truth, dtype=np.float64)
    spread = float(np.var(truth))
    return 1.0 - float(np.mean(np.square(np.asarray(forecast) - truth))) / spread if spread > 0 else 0.0


@dataclass(frozen=True)
class Calibration:
    """How often the model is right when it is this sure; empty bins are left out."""

    low: Floats  # (B,) lower edge of the bin
    high: Floats  # (B,)
    count: Integers  # (B,) items in it
    confidence: Floats  # (B,) mean probability of the predicted class
    accuracy: Floats  # (B,) share of them right
    ece: float  # expected calibration error: sum_b count_b / N * |accuracy_b - confidence_b|


def calibration(truth: Integers, probability: Floats, bins: int = 10) -> Calibration:
    """Return the calibration table over equal-width bins of the predicted class's probability.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    sure = probability.max(axis=1)
    right = (probability.argmax(axis=1) == truth).astype(np.float64)
    edges = np.linspace(0.0, 1.0, bins + 1)
    where = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(where, minlength=bins)
    kept = count > 0
    confidence = np.bincount(where, sure, bins)[kept] / count[kept]
    share = np.bincount(where, right, bins)[kept] / count[kept]
    ece = float(np.sum(count[kept] * np.abs(share - confidence)) / max(len(truth), 1))
    return Calibration(edges[:-1][kept], edges[1:][kept], count[kept], confidence, share, ece)
