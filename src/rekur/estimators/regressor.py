"""`rekur.SequenceRegressor`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d

from rekur.estimators.base import SequenceEstimator
from rekur.estimators.fitting import refusing
from rekur.estimators.inputs import counted_rows, given_weights


class SequenceRegressor(RegressorMixin, SequenceEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A number for each sequence: of a table (n, T), an array (N, T, I), a list of arrays (T, I), or texts.

    >>> import numpy as np, rekur
    >>> X = np.random.default_rng(0).normal(size=(60, 12))
    >>> model = rekur.SequenceRegressor(hidden=8, epochs=20, random_state=0).fit(X, X.max(axis=1))
    >>> model.predict(X[:2]).shape
    (2,)
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on sequences and the number of each (N,); from 50 rows on, some are held out to stop by.

        A row of weight 0 is left out; the loss of the others counts as their weights (N,) say.
        """
        values, form = self._read(X, reset=True)
        if y is None:
            raise ValueError("A regressor requires y to be passed, but the target y is None.")
        numbers = check_array(column_or_1d(y, warn=True), ensure_2d=False, dtype=np.float64, input_name="y")
        check_consistent_length(values, numbers)
        values, numbers, weights = counted_rows(values, numbers, given_weights(sample_weight, values))
        return self._learn(values, form, numbers, "number", weights)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the number (N,) of each sequence."""
        check_is_fitted(self)
        values, form = self._read(X, reset=False)
        task = self._opened.task
        with refusing():
            return np.asarray(
                task.numbers(self._opened.model, task.reader.parse(values) if form == "texts" else values)
            )
