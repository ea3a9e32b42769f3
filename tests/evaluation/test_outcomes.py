"""An outcome scores every item, and refuses what is no probability, forecast or cost."""

from __future__ import annotations

import numpy as np
import pytest

from rekur.errors import DataError, RekurError, ShapeError
from rekur.evaluation import outcomes


def test_items_of_classification_are_right_or_wrong():
    outcome = outcomes.classification([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    assert outcome.items.tolist() == [1.0, 0.0, 1.0]
    assert outcome.metrics["accuracy"] == outcome.items.mean()
    assert outcome.metrics["log_loss"] == pytest.approx(-np.log([0.9, 0.2, 0.7]).mean())
    assert outcome.details["prediction"].tolist() == [0, 0, 1]


def test_items_of_regression_are_squared_errors():
    outcome = outcomes.regression([1.0, 2.0], [2.0, 4.0])
    assert outcome.items.tolist() == [1.0, 4.0]
    assert outcome.metrics["rmse"] == pytest.approx(np.sqrt(2.5))
    assert outcome.details["forecast"].tolist() == [2.0, 4.0]


def test_language_in_three_units():
    figures = outcomes.language(np.full(7, np.log(8.0))).metrics
    assert figures == pytest.approx({"nats": np.log(8), "bits": 3.0, "perplexity": 8.0})


def test_float32_probabilities_are_taken():
    scores = np.random.default_rng(0).normal(size=(50, 9)).astype(np.float32)
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert outcomes.classification(np.zeros(50, dtype=np.int32), probability).items.dtype == np.float64


@pytest.mark.parametrize(
    ("truth", "probability", "kind", "said"),
    [
        ([], np.zeros((0, 2)), DataError, "no test item"),
        ([0, 1], [[0.5, 0.5]], ShapeError, r"must be \(N=2, C\); got \(1, 2\)"),
        ([0, 2], [[0.5, 0.5]] * 2, DataError, "never seen in training"),
        ([0, -1], [[0.5, 0.5]] * 2, DataError, "got -1"),
        ([0, 1], [[2.0, -1.0]] * 2, DataError, "logits"),
        ([0, 1], [[0.5, 0.1]] * 2, DataError, "sum to 1"),
        ([0, 1], [[np.nan, 0.5]] * 2, RekurError, "2 of 4 values are NaN"),
    ],
)
def test_classification_refuses(truth, probability, kind, said):
    with pytest.raises(kind, match=said):
        outcomes.classification(truth, probability)


def test_regression_refuses():
    with pytest.raises(RekurError, match="diverged"):
        outcomes.regression([1.0, 2.0], [1.0, np.inf])
    with pytest.raises(ShapeError, match=r"forecast must be \(N=2\)"):
        outcomes.regression([1.0, 2.0], [1.0])
    with pytest.raises(DataError, match="no test item"):
        outcomes.regression([], [])


def test_language_refuses():
    with pytest.raises(DataError, match="minus"):
        outcomes.language([-0.5, 1.0])
    with pytest.raises(RekurError, match="NaN"):
        outcomes.language([np.nan, 1.0])
