"""`rekur.SequenceClassifier`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from rekur.estimators.base import Cell, SequenceEstimator
from rekur.estimators.fitting import refusing
from rekur.estimators.inputs import counted_rows, given_weights


class SequenceClassifier(ClassifierMixin, SequenceEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A class for each sequence: of a table (n, T), an array (N, T, I), a list of arrays (T, I), or texts.

    >>> import numpy as np, rekur
    >>> X = np.random.default_rng(0).normal(size=(60, 12)).cumsum(axis=1)
    >>> y = np.where(X[:, -1] > X[:, 0], "up", "down")
    >>> model = rekur.SequenceClassifier(hidden=8, epochs=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape, model.classes_.tolist()
    ((2,), ['down', 'up'])
    """

    def __init__(
        self,
        *,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        cell: Cell = "gru",
        hidden: int = 32,
        layers: int = 1,
        bidirectional: bool = True,
        readout: Literal["auto", "last", "mean", "max", "mean_max", "attention", "flatten"] = "auto",
        dropout: float = 0.2,
        embedding: int = 32,
        tokenizer: str = "words",
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        batch: int = 32,
        epochs: int = 100,
        patience: int = 15,
        validation: float = 0.15,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            cell=cell,
            hidden=hidden,
            layers=layers,
            bidirectional=bidirectional,
            readout=readout,
            dropout=dropout,
            embedding=embedding,
            tokenizer=tokenizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch=batch,
            epochs=epochs,
            patience=patience,
            validation=validation,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on sequences and the class of each (N,); from 50 rows on, some are held out to stop by.

        A row of weight 0 is left out; the loss of the others counts as their weights (N,) say, times that of the class.
        """
        values, form = self._read(X, reset=True)
        labels = _targets(y)
        check_consistent_length(values, labels)
        weights = given_weights(sample_weight, values)
        if self.class_weight is not None:
            weights = (1.0 if weights is None else weights) * compute_sample_weight(self.class_weight, labels)
        values, labels, weights = counted_rows(values, labels, weights)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ValueError(f"A classifier needs two classes or more; got 1 class, {self.classes_[0]!r}.")
        return self._learn(values, form, [str(label) for label in labels], "class", weights)

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
