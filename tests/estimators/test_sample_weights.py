"""How much each row counts: a weight of 0 is a row left out, equal weights are none, and more of it is more loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

import rekur

DRAW = np.random.default_rng(0)
TABLE = DRAW.normal(size=(90, 6)).cumsum(axis=1)
TEXTS = [f"{a} {b} {c}" for a, b, c in DRAW.choice(["red", "blue", "old", "new", "big"], (90, 3))]
LISTS = [DRAW.normal(size=(int(T), 2)) for T in DRAW.integers(3, 7, 90)]
FORMS: dict[str, Any] = {"table": TABLE, "texts": TEXTS, "list": LISTS}
NUMBERS = TABLE[:, -1]
CLASSES = np.where(NUMBERS > 1.5, "high", "low")  # a third of them
QUICK: dict[str, Any] = {"hidden": 4, "epochs": 4, "random_state": 0}


def chosen(X: Any, rows: Any) -> Any:
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows]


def said(model: Any, X: Any) -> Any:
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


KINDS = [(rekur.SequenceClassifier, CLASSES), (rekur.SequenceRegressor, NUMBERS)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("estimator", "y"), KINDS, ids=["classes", "numbers"])
def test_a_row_of_weight_0_is_left_out_to_the_bit(form: str, estimator: Any, y: Any) -> None:
    X, weights = FORMS[form], np.ones(90)
    weights[::3] = 0
    kept = np.flatnonzero(weights)
    ours = estimator(**QUICK).fit(X, y, sample_weight=weights)
    without = estimator(**QUICK).fit(chosen(X, kept), y[kept], sample_weight=np.ones(60))
    assert np.array_equal(said(ours, X), said(without, X))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("estimator", "y"), KINDS, ids=["classes", "numbers"])
def test_equal_weights_are_none(form: str, estimator: Any, y: Any) -> None:
    X = FORMS[form]
    ours = estimator(**QUICK).fit(X, y, sample_weight=np.full(90, 7.0))
    assert said(ours, X) == pytest.approx(said(estimator(**QUICK).fit(X, y), X), abs=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_weights_of_classes_are_weights_of_their_rows(form: str) -> None:
    X = FORMS[form]
    ours = rekur.SequenceClassifier(class_weight="balanced", **QUICK).fit(X, CLASSES)
    rows = rekur.SequenceClassifier(**QUICK).fit(X, CLASSES, sample_weight=compute_sample_weight("balanced", CLASSES))
    assert np.array_equal(said(ours, X), said(rows, X))
    plain = rekur.SequenceClassifier(**QUICK).fit(X, CLASSES)
    assert said(ours, X)[:, 0].mean() > said(plain, X)[:, 0].mean() + 0.02  # of the rarer class


def test_what_weighs_more_is_learned_more() -> None:
    """Two answers to one sequence: the model says the one that counts, in classes and numbers."""
    X, weights = np.ones((40, 3)), np.tile([9.0, 1.0], 20)
    y = np.tile(["a", "b"], 20)
    model = rekur.SequenceClassifier(hidden=4, epochs=60, dropout=0.0, random_state=0).fit(X, y, sample_weight=weights)
    assert said(model, X[:1])[0, 0] == pytest.approx(0.9, abs=0.03)
    number = rekur.SequenceRegressor(hidden=4, epochs=60, dropout=0.0, random_state=0)
    assert number.fit(X, np.tile([1.0, 0.0], 20), sample_weight=weights).predict(X[:1])[0] == pytest.approx(
        0.9, abs=0.03
    )


def test_the_rows_held_out_count_by_their_weights() -> None:
    weights = np.where(CLASSES == "high", 5.0, 1.0)
    ours = rekur.SequenceClassifier(learning_rate=1e-9, **QUICK).fit(TABLE, CLASSES, sample_weight=weights)
    plain = rekur.SequenceClassifier(learning_rate=1e-9, **QUICK).fit(TABLE, CLASSES)
    assert ours.validation_["accuracy"] == plain.validation_["accuracy"]  # nothing was learned
    assert ours.validation_["loss"] != plain.validation_["loss"]


@pytest.mark.parametrize(
    ("weights", "said"),
    [(np.zeros(90), "zero"), (np.full(90, -1.0), "[Nn]egative"), (np.ones(3), "shape"), (np.full(90, np.nan), "NaN")],
    ids=["nothing", "negative", "few", "unknown"],
)
def test_weights_that_are_none_are_refused(weights: Any, said: str) -> None:
    for estimator, y in KINDS:
        with pytest.raises(ValueError, match=said):
            estimator(**QUICK).fit(TABLE, y, sample_weight=weights)
