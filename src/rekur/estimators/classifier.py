"""`rekur.SequenceClassifier`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from rekur.estimators.base import SequenceEstimator
from rekur.estimators.fitting import refusing


class SequenceClassifier(ClassifierMixin, SequenceEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A class for each sequence: of a table (n, T), an array (N, T, I), a list of arrays (T, I), or texts.

    >>> import numpy as np, rekur
    >>> X = np.random.default_rng(0).normal(size=(60, 12)).cumsum(axis=1)
    >>> y = np.where(X[:, -1] > X[:, 0], "up", "down")
    >>> model = rekur.SequenceClassifier(hidden=8, epochs=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape, model.classes_.tolist()
    ((2,), ['down', 'up'])
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on sequences and the class of each (N,); from 50 rows on, some are held out to stop by."""
        values, form = self._read(X, reset=True)
        labels = _targets(y)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ValueError(f"A classifier needs two classes or more; got 1 class, {self.classes_[0]!r}.")
        return self._learn(values, form, [str(label) for label in labels], "class")

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class (N,) of each sequence."""
        probability = self.predict_proba(X)
        return np.asarray(self.classes_[probability.argmax(axis=1)])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities (N, C), in the order of `classes_`."""
        check_is_fitted(self)
        values, form = self._read(X, reset=False)
        task, model, names = self._opened.task, self._opened.model, [str(label) for label in self.classes_]
        with refusing():
            if form == "texts":
                said = [item["probability"] for item in task.predict(model, values)]
                return np.array([[chances[name] for name in names] for chances in said])
            found = task.chances(model, values)
        return np.asarray(found[:, [task.classes.index(name) for name in names]])


def _targets(y: Any) -> NDArray[Any]:
    if y is None:
        raise ValueError("A classifier requires y to be passed, but the target y is None.")
    labels = column_or_1d(y, warn=True)
    check_classification_targets(labels)
    return np.asarray(labels)
