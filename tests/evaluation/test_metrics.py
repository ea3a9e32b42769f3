"""The metrics equal scikit-learn's, and the calibration table equals one counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from rekur.evaluation import metrics


@pytest.fixture
def guesses():
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 4, 300)
    truth[truth == 3] = 0  # a class that never occurs, in truth or prediction
    probability = generator.dirichlet(np.ones(4), 300) * [1, 1, 1, 0]
    return truth, probability / probability.sum(axis=1, keepdims=True)


def test_class_metrics_equal_scikit_learn(guesses):
    truth, probability = guesses
    predicted = probability.argmax(axis=1)
    assert metrics.accuracy(truth, predicted) == oracle.accuracy_score(truth, predicted)
    assert metrics.f1(truth, predicted, 4) == pytest.approx(oracle.f1_score(truth, predicted, average="macro"))
    expected = oracle.log_loss(truth, probability, labels=range(4))
    assert metrics.log_loss(truth, probability) == pytest.approx(expected)
    table = oracle.confusion_matrix(truth, predicted, labels=range(4))
    assert np.array_equal(metrics.confusion(truth, predicted, 4), table)


def test_forecast_metrics_equal_scikit_learn():
    truth, forecast = np.random.default_rng(4).normal(size=(2, 50))
    assert metrics.mae(truth, forecast) == pytest.approx(oracle.mean_absolute_error(truth, forecast))
    assert metrics.rmse(truth, forecast) == pytest.approx(oracle.root_mean_squared_error(truth, forecast))
    assert metrics.r2(truth, forecast) == pytest.approx(oracle.r2_score(truth, forecast))


def test_r2_of_a_constant_truth_is_zero():
    assert metrics.r2([2.0, 2.0], [1.0, 3.0]) == 0.0


def test_a_certain_mistake_costs_much_but_not_infinity():
    assert metrics.log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(36.04, abs=0.01)


def test_calibration_by_hand():
    probability = np.array([[0.95, 0.05], [0.92, 0.08], [0.35, 0.65], [0.6, 0.4]])
    truth = np.array([0, 1, 1, 0])
    table = metrics.calibration(truth, probability)
    assert table.count.tolist() == [1, 1, 2]  # 0.6 lies in (0.5, 0.6], 0.65 in (0.6, 0.7], two in (0.9, 1]
    assert table.low == pytest.approx([0.5, 0.6, 0.9])
    assert table.high == pytest.approx([0.6, 0.7, 1.0])
    assert table.confidence == pytest.approx([0.6, 0.65, 0.935])
    assert table.accuracy.tolist() == [1.0, 1.0, 0.5]
    assert table.ece == pytest.approx((0.4 + 0.35 + 2 * 0.435) / 4)


def test_a_calibrated_model_has_a_small_calibration_error():
    generator = np.random.default_rng(5)
    sure = generator.uniform(0.5, 1, 20_000)
    truth = (generator.random(20_000) > sure).astype(np.int64)
    assert metrics.calibration(truth, np.stack([sure, 1 - sure], axis=1)).ece < 0.02
    assert metrics.calibration(truth, np.tile([0.99, 0.01], (20_000, 1))).ece > 0.2
