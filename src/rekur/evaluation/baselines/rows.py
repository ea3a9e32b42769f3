"""Logistic regression on the pixels: what an image says before its rows are read in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from rekur.evaluation.baselines.classes import check_classes, fit, spread
from rekur.notation import check_shape

STEPS = 100  # of L-BFGS: scikit-learn's own default


def logistic(train_x: ArrayLike, train_y: ArrayLike, test_x: ArrayLike, C: int) -> NDArray[np.float64]:
    """Return probabilities (M, C) of flat images (M, P), fitted on images (N, P) and classes (N,)."""
    images, labels = np.asarray(train_x, dtype=np.float32), np.asarray(train_y, dtype=np.int64)
    tests = np.asarray(test_x, dtype=np.float32)
    check_shape("logistic", "train_x", images.shape, N=len(labels), P=None)
    check_shape("logistic", "test_x", tests.shape, M=None, P=images.shape[1])
    check_classes("logistic", labels, C)
    scale = float(np.abs(images).max()) or 1.0
    model = fit(LogisticRegression(max_iter=STEPS), images / scale, labels)
    return spread(model.predict_proba(tests / scale), model.classes_, C)
