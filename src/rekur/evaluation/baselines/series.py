"""Forecasts anyone can make: repeat the last value, follow the drift, or fit one line to the window."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from rekur.notation import check_shape

Floats = NDArray[np.float64]


def persistence(last: ArrayLike) -> Floats:
    """Forecast that nothing changes: y_hat = the last known value (N,)."""
    return np.array(last, dtype=np.float64)


def drift(last: ArrayLike, first: ArrayLike, steps: ArrayLike) -> Floats:
    """Forecast the average change so far once more: y_hat = last + (last - first) / steps.

    `last` (N,) the last known value, `first` () or (N,) the first of the history, `steps` () or (N,) how many
    steps lie between them. Where steps is 0 there is no drift yet.

    >>> drift([3.0], 1.0, 4)
    array([3.5])
    """
    last, first = np.asarray(last, dtype=np.float64), np.asarray(first, dtype=np.float64)
    return np.asarray(last + (last - first) / np.maximum(np.asarray(steps), 1), dtype=np.float64)


def linear_autoregression(train_windows: ArrayLike, train_y: ArrayLike, test_windows: ArrayLike) -> Floats:
    """Forecast by one linear function of the whole window, fitted on the training windows.

    Train windows are (N, L, I), their next values (N,), test windows (M, L, I); returns (M,). Ridge
    regression on standardised inputs; the penalty is the one with the least leave-one-out error in training.
    """
    windows, targets = np.asarray(train_windows, dtype=np.float64), np.asarray(train_y, dtype=np.float64)
    tests = np.asarray(test_windows, dtype=np.float64)
    check_shape("linear_autoregression", "train_windows", windows.shape, N=len(targets), L=None, I=None)
    _, L, I = windows.shape  # noqa: E741
    check_shape("linear_autoregression", "test_windows", tests.shape, M=None, L=L, I=I)
    scaler = StandardScaler().fit(windows.reshape(len(windows), -1))
    model = RidgeCV(alphas=np.logspace(-6, 3, 19))
    model.fit(scaler.transform(windows.reshape(len(windows), -1)), targets)
    return np.asarray(model.predict(scaler.transform(tests.reshape(len(tests), -1))), dtype=np.float64)
