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


def frame_of(pandas, ids=None, days=None, values=None):
    """A table of pandas: two series of 60 days."""
    values = series(2, 60) if values is None else values
    days = pandas.date_range("2024-01-01", periods=60) if days is None else days
    return pandas.DataFrame(
        {"unique_id": np.repeat(["a", "b"] if ids is None else ids, 60), "ds": list(days) * 2, "y": values.ravel()}
    )


OBJECTS = {
    "seconds": lambda _: {},
    "dates": lambda pandas: {"days": pandas.date_range("2024-01-01", periods=60).date},
    "times": lambda pandas: {"days": pandas.date_range("2024-01-01", periods=60).to_pydatetime()},
    "a zone": lambda pandas: {"days": pandas.date_range("2024-01-01", periods=60, tz="Europe/Berlin")},
    "words": lambda pandas: {"days": pandas.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")},
    "integer ids": lambda _: {"ids": np.array([7, 12], dtype=object)},
    "categories": lambda pandas: {"ids": pandas.Categorical(["a", "b"])},
}


@pytest.mark.parametrize("kind", list(OBJECTS))
def test_columns_of_objects_are_what_they_hold(kind):
    pandas = pytest.importorskip("pandas")
    plain, given = frame_of(pandas), frame_of(pandas, **OBJECTS[kind](pandas))
    if kind == "integer ids":
        given["unique_id"] = given["unique_id"].astype(object)
    if kind == "seconds":
        given["ds"] = given["ds"].astype("datetime64[s]")
    ours, theirs = (rekur.Forecaster(**QUICK).fit(X).predict() for X in (plain, given))
    np.testing.assert_allclose(ours["forecast"].to_numpy(), theirs["forecast"].to_numpy(), rtol=1e-6)
    assert [str(day) for day in ours["ds"]] == [str(day) for day in theirs["ds"]]
    if kind == "integer ids":
        assert theirs["unique_id"].unique(maintain_order=True).to_list() == ["7", "12"]


def test_missing_cells_of_objects_are_missing():
    pandas = pytest.importorskip("pandas")
    X = frame_of(pandas)
    X["y"] = X["y"].astype(object)
    X.loc[[5, 6], "y"] = [None, pandas.NA]
    found = rekur.Forecaster(**QUICK).fit(X)
    assert np.isfinite(found.predict_quantiles()).all()
    X["ds"] = X["ds"].astype(object)
    X.loc[3, "ds"] = pandas.NaT
    with pytest.raises(ValueError, match="1 row without a time, the first is row 4"):
        rekur.Forecaster(**QUICK).fit(X)
    X = frame_of(pandas)
    X["y"] = X["y"].astype(object)
    X.loc[5, "y"] = "high"
    with pytest.raises(ValueError, match="the first is `high` in row 6"):
        rekur.Forecaster(**QUICK).fit(X)


def test_a_series_that_ends_in_nothing_is_asked_about(fitted):
    X, model = fitted
    open_end = X.copy()
    open_end[2, -1] = np.nan
    for use in (rekur.Forecaster(**QUICK).fit, model.predict):
        with pytest.raises(ValueError, match="series 2: its last value is missing"):
            use(open_end)
    begun_late = X[:, :-4].copy()
    begun_late[2, :3] = np.nan  # a series that begins late ends where the others do
    np.testing.assert_allclose(model.predict(begun_late), model.predict(X[:, :-4]), rtol=1e-5)


@pytest.mark.parametrize("normalise", ["season", "seasonal_changes"])
def test_windows_are_normalised_by_their_seasons_too(normalise):
    X = series()
    model = rekur.Forecaster(**{**QUICK, "season": 12, "normalise": normalise, "epochs": 15, "window": 24})
    assert model.fit(X[:, :-4]).score(X[:, :-4], X[:, -4:]) > 0.5
