"""Logistic regression on pixels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from rekur.errors import DataError, ShapeError
from rekur.evaluation import outcomes
from rekur.evaluation.baselines import rows


def test_digits():
    images, labels = load_digits(return_X_y=True)
    probability = rows.logistic(images[:1200], labels[:1200], images[1200:], 10)
    assert outcomes.classification(labels[1200:], probability).metrics["accuracy"] > 0.9
    assert np.array_equal(probability, rows.logistic(images[:1200], labels[:1200], images[1200:], 10))


def test_the_scale_of_the_pixels_does_not_matter():
    images, labels = load_digits(n_class=3, return_X_y=True)
    first = rows.logistic(images[:200], labels[:200], images[200:], 3)
    assert np.allclose(first, rows.logistic(images[:200] / 16, labels[:200], images[200:] / 16, 3), atol=1e-5)


def test_a_class_never_seen_has_no_probability():
    images, labels = load_digits(n_class=3, return_X_y=True)
    kept = labels != 1
    probability = rows.logistic(images[kept], labels[kept], images, 3)
    assert probability.shape == (len(images), 3)
    assert not probability[:, 1].any()


def test_bad_input_is_refused():
    images = np.ones((4, 9))
    with pytest.raises(DataError, match="at least 2 classes"):
        rows.logistic(images, [1, 1, 1, 1], images, 2)
    with pytest.raises(DataError, match=r"labels must be 0\.\.1"):
        rows.logistic(images, [0, 1, 2, 0], images, 2)
    with pytest.raises(ShapeError, match="P=9"):
        rows.logistic(images, [0, 1, 1, 0], np.ones((4, 8)), 2)
