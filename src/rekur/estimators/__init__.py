"""Recurrent models in scikit-learn's contract: fit and predict on arrays, lists and texts in memory.

Torch is imported by `fit` alone; what is fitted predicts without it.
"""

from rekur.estimators.classifier import SequenceClassifier
from rekur.estimators.forecaster import Forecaster
from rekur.estimators.regressor import SequenceRegressor
from rekur.estimators.tagger import Tagger

__all__ = ["Forecaster", "SequenceClassifier", "SequenceRegressor", "Tagger"]
