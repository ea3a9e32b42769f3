"""What the classifying baselines share: the rival that knows no input, labels checked, all C classes at the end."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from rekur.errors import DataError


def majority(train_y: ArrayLike, n_test: int, C: int) -> NDArray[np.float64]:
    """Return the training shares of the classes for every test item: (n_test, C)."""
    labels = np.asarray(train_y, dtype=np.int64)
    return np.tile(np.bincount(labels, minlength=C) / max(len(labels), 1), (n_test, 1))


def check_classes(who: str, labels: NDArray[np.int64], classes: int) -> None:
    """Raise DataError unless the training labels lie in 0..C-1 and show at least two classes."""
    if len(labels) and (labels.min() < 0 or labels.max() >= classes):
        got = f"{labels.min()}..{labels.max()}"
        raise DataError(f"{who}: labels must be 0..{classes - 1} (C={classes}); got {got}.")
    seen = np.unique(labels)
    if len(seen) < 2:
        raise DataError(
            f"{who}: the training part must show at least 2 classes; got {seen.tolist()}. "
            "Is the file sorted by label, so that the split took one class only?"
        )


def fit(model: Any, x: Any, y: NDArray[Any]) -> Any:
    """Return the scikit-learn `model` fitted to `x` (N, F) and `y` (N,)."""
    with warnings.catch_warnings():
        # The steps are limited on purpose: the last ones cost most and change no figure that is shown.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def spread(probability: NDArray[Any], classes: NDArray[Any], total: int) -> NDArray[np.float64]:
    """Return (N, C) from the columns of the classes seen in training; the others get probability 0."""
    whole = np.zeros((len(probability), total))
    whole[:, classes] = probability
    return whole
