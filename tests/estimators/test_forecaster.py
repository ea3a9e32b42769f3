"""The forecaster: tables and series of numbers, what is held out, quantiles, folders, grids, and what cannot be."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

import rekur

QUICK = {"horizon": 4, "window": 12, "hidden": 8, "epochs": 4, "random_state": 0}


def series(count=6, steps=72, seed=0):
    draw = np.random.default_rng(seed)
    phase, level = draw.uniform(0, 12, (count, 1)), draw.normal(10, 3, (count, 1))
    return level + 2 * np.sin((np.arange(steps) + phase) * np.pi / 6) + draw.normal(0, 0.1, (count, steps))


def table(values):
    count, steps = values.shape
    days = np.datetime64("2024-01-01", "ms") + np.arange(steps).astype("timedelta64[D]")
    return pl.DataFrame(
        {
            "unique_id": np.repeat([f"s{n}" for n in range(count)], steps),
            "ds": np.tile(days, count),
            "y": values.ravel(),
        }
    )


@pytest.fixture(scope="module")
def fitted():
    X = series()
    return X, rekur.Forecaster(**{**QUICK, "epochs": 15}).fit(X[:, :-4])


def test_it_forecasts_better_than_the_mean_and_its_quantiles_rise(fitted):
    X, model = fitted
    assert model.score(X[:, :-4], X[:, -4:]) > 0.5
    quantiles = model.predict_quantiles()
    assert quantiles.shape == (6, 4, 7)
    assert (np.diff(quantiles, axis=2) >= 0).all()


def test_without_x_it_forecasts_what_it_was_fitted_to(fitted):
    X, model = fitted
    np.testing.assert_allclose(model.predict(), model.predict(X[:, :-4]), rtol=1e-5)


def test_a_series_alone_and_a_list_are_series_of_numbers(fitted):
    X, model = fitted
    np.testing.assert_allclose(model.predict(X[0]), model.predict(X[:1]))
    lists = model.predict([X[0, :40], X[1, :60]])
    np.testing.assert_allclose(lists[1], model.predict(X[1:2, :60])[0], rtol=1e-5)


def test_what_came_may_be_given_as_y():
    X = series()
    whole, joined = rekur.Forecaster(**QUICK).fit(X), rekur.Forecaster(**QUICK).fit(X[:, :-4], X[:, -4:])
    np.testing.assert_array_equal(whole.predict(), joined.predict())


def test_no_value_is_kept_for_a_test():
    X = series()
    model = rekur.Forecaster(**QUICK).fit(X)
    changed = X.copy()
    changed[:, -1] += 1  # validation reads the last values, so that they say when to stop; a test part would not
    assert model.validation_ != rekur.Forecaster(**QUICK).fit(changed).validation_


def test_a_table_gives_a_table_of_its_own_library():
    pandas = pytest.importorskip("pandas")
    frame = table(series(count=2))
    model = rekur.Forecaster(**QUICK).fit(frame)
    found = model.predict()
    assert found.columns[:3] == ["unique_id", "ds", "forecast"]
    assert len(found) == 8
    assert found["ds"][0] > frame["ds"][71].date()
    plain = pandas.DataFrame(frame.to_dict(as_series=False))
    again = rekur.Forecaster(**QUICK).fit(plain).predict(plain)
    assert isinstance(again, pandas.DataFrame)
    np.testing.assert_allclose(again["forecast"], found["forecast"].to_numpy(), rtol=1e-5)


def test_pickles_folders_and_grids_forecast_the_same(tmp_path):
    X = series()
    grid = GridSearchCV(rekur.Forecaster(**QUICK), {"cell": ["gru", "lstm"]}, cv=2).fit(X[:, :-4], X[:, -4:])
    model = clone(grid.best_estimator_).set_params(epochs=1).fit(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(), model.predict())
    found = rekur.load(model.save(tmp_path / "model")).forecast()
    np.testing.assert_allclose(found["forecast"].to_numpy(), model.predict().ravel(), rtol=1e-6)
    np.testing.assert_allclose(found["q95"].to_numpy(), model.predict_quantiles()[:, :, -1].ravel(), rtol=1e-6)


FAULTS = {
    "too short": (lambda m: m.fit(np.ones((2, 5))), "5 values"),
    "no series": (lambda m: m.fit([]), "N=0"),
    "a cube": (lambda m: m.fit(np.ones((2, 3, 4))), r"\(3, 4\)"),
    "nothing known": (lambda m: m.fit(np.full((1, 40), np.nan)), "no value"),
    "a row of y too few": (lambda m: m.fit(series(3), np.ones((2, 4))), "N=3"),
    "y of a table": (lambda m: m.fit(table(series(2)), np.ones((2, 4))), "Leave y out"),
    "levels": (lambda m: m.set_params(levels=(0.9, 0.1)).fit(series(2)), "levels"),
    "no column": (lambda m: m.set_params(target="z").fit(table(series(2))), "`z`"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_cannot_be_is_refused(case):
    wrong, words = FAULTS[case]
    with pytest.raises(ValueError, match=words):
        wrong(rekur.Forecaster(**QUICK))


def test_another_form_than_fitted_to_is_refused(fitted):
    X, model = fitted
    with pytest.raises(ValueError, match="got a table"):
        model.predict(table(X))
    with pytest.raises(ValueError, match="reads 12"):
        model.predict(X[:, :5])
    with pytest.raises(ValueError, match="score needs"):
        model.score(X, X)
    with pytest.raises(NotFittedError):
        rekur.Forecaster().predict()
