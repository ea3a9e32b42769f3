"""The task `forecast`: windows without a future, parts that do not touch, forecasts with torch and without."""

import dataclasses
import json
import weakref

import numpy as np
import polars as pl
import pytest
import torch

import rekur
from rekur import config as configuration
from rekur import engine, tasks
from rekur.data import disk, panel
from rekur.data.panel import Columns
from rekur.errors import ConfigError, DataError
from rekur.tasks import forecast
from rekur.tasks.forecasting import parts, proof, sets
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Windows, carried, fitted

BASE = {"set": "sample", "horizon": 6, "window": 30, "test": 48, "validation": 24, "every": 3, "stride": 5}
MODEL = {"forecaster": "direct", "hidden": 8, "distribution": "quantiles"}
FORMS = [
    {"normalise": "none"},
    {"normalise": "last", "standardise": True},
    {"normalise": "mean", "calendar": True},
    {"normalise": "standard", "log": True},
    {"normalise": "changes", "log": True, "standardise": True, "known": ["holiday"]},
    {"normalise": "last", "observed": ["holiday"], "identity": True},
    {"normalise": "season", "lags": [24, 5], "weights": "owa"},
    {"normalise": "seasonal_changes", "log": True, "lags": [24], "weights": "owa", "season": 24},
]


def recipe(data=(), model=(), **training):
    values = {
        "recipe": {"name": "t", "title": "t", "task": "forecast"},
        "data": {**BASE, **dict(data)},
        "model": {**MODEL, **dict(model)},
        "training": {"epochs": 1, "batch": 64, **training},
        "published": {"reason": "a test"},
    }
    return configuration.check(configuration.Config, values, "")


def loaded(data=(), model=()):
    task = tasks.create(recipe(data, model))
    task.load()
    return task


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: "-".join(map(str, form.values())))
def task(request):
    return loaded(request.param)


def disturbed(task, origin):
    """The same series with everything changed from one step on, but what is known ahead."""
    generator = np.random.default_rng(1)
    changed = []
    for one in task.panel.series:
        values, covariates = one.values.copy(), one.covariates.copy()
        values[origin:] = 1 + generator.random(len(values) - origin) * 1e3
        covariates[origin:, len(task.columns.known) :] += 5
        changed.append(dataclasses.replace(one, values=values, covariates=covariates))
    return dataclasses.replace(task.panel, series=tuple(changed))


def test_nothing_behind_an_origin_is_read(task):
    origins = task.parts.test[task.parts.test[:, 1] <= 450]
    for origin in (origins[0, 1], origins[-1, 1]):
        where = origins[origins[:, 1] == origin]
        changed = disturbed(task, int(origin))
        again = Windows(changed, task.data, fitted(changed, task.data, task.parts.ends, task.season))
        before, after = task.windows.cut(where), again.cut(where)
        for ours, theirs in zip(before.inputs, after.inputs, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert (before.target != after.target).any()


def test_what_is_normalised_comes_back(task):
    for origins in (task.parts.train[:40], task.parts.test[:40]):
        batch = task.windows.cut(origins)
        back = task.windows.unscaled(batch.target.astype(np.float64), batch, origins)
        truth = task.windows.truth(origins)
        there = batch.weight > 0
        np.testing.assert_array_equal(there, np.isfinite(truth))
        np.testing.assert_allclose(back[there], truth[there], rtol=1e-4)


def test_parts_follow_each_other_and_do_not_touch(task):
    h = task.data.horizon
    for place, one in enumerate(task.panel.series):
        of = {
            name: getattr(task.parts, name)[getattr(task.parts, name)[:, 0] == place, 1]
            for name in ("train", "validation", "test")
        }
        assert of["train"].max() + h <= task.parts.ends[place] == of["validation"].min()
        assert of["validation"].max() + h <= len(one.values) - task.data.test == of["test"].min()
        assert of["test"].max() + h <= len(one.values)


def test_the_model_has_the_features_its_windows_have(task):
    model, batch = task.build(), task.windows.cut(task.parts.train[:3])
    sizes = task.architecture()
    assert batch.past.shape == (3, 30, sizes.values)
    assert sizes.future == (0 if batch.future is None else batch.future.shape[2])
    assert sizes.static == (0 if batch.static is None else batch.static.shape[1])
    parameters, _ = model(batch.inputs)
    assert parameters.shape == (3, 6, sizes.outputs)
    case = task.case(np.arange(4))
    assert case.loss(model(case.inputs)[0], torch.from_numpy(case.target)).item() > 0


def test_a_scale_fitted_on_more_than_the_training_part_would_be_seen():
    found = loaded({"standardise": True})
    refit = found.refits()[0]
    assert refit.used == refit.train_only
    wider = fitted(found.panel, found.data, [len(one.values) for one in found.panel.series])
    assert json.loads(json.dumps(wider.to_json()["series"])) != refit.train_only


def test_scales_that_read_behind_their_ends_would_be_seen(monkeypatch):
    """What is fitted again is fitted on series that have nothing behind the training part."""

    def peeping(panel, data, ends, *season):  # noqa: ARG001
        return fitted(panel, data, [end and len(one.values) for one, end in zip(panel.series, ends, strict=True)])

    monkeypatch.setattr(forecast, "fitted", peeping)
    refit = loaded({"standardise": True}).refits()[0]
    assert refit.used != refit.train_only


def test_a_proof_on_series_from_disk_changes_one_panel_at_a_time_and_on_disk(monkeypatch):
    found = loaded({})
    written = []
    for one in found.panel.series:
        values = disk.blank(one.values.shape, np.float64)
        values[:] = one.values
        written.append(dataclasses.replace(one, values=values))
    panel, changed, held = dataclasses.replace(found.panel, series=tuple(written)), [], []
    original = proof.changed_from

    def noted(*given):
        made = original(*given)
        changed.append(weakref.ref(made))
        assert all(disk.on_disk(one.values) for one in made.series)
        return made

    def honest(panel, origins, moment):  # noqa: ARG001
        held.append(sum(one() is not None for one in changed))
        return found._windows(panel).cut(origins).past[:, -found.data.horizon :, :1]

    monkeypatch.setattr(proof, "changed_from", noted)
    said = proof.prove(panel, found.parts, honest, np.random.default_rng(0), 2)
    assert said["equal"]
    assert said["control"] > 0
    assert max(held) == 1


def test_the_proof_finds_a_forecast_that_reads_its_future():
    found = loaded({"standardise": True})
    h = found.data.horizon

    def honest(panel, origins, moment):  # noqa: ARG001
        return found._windows(panel).cut(origins).past[:, -h:, :1]

    def peeping(panel, origins, moment):  # noqa: ARG001
        return found._windows(panel).cut(origins).target[:, :, None]

    def scaled_by_all(panel, origins, moment):  # noqa: ARG001
        scales = fitted(panel, found.data, [len(one.values) for one in panel.series])
        return Windows(panel, found.data, scales).cut(origins).past[:, -h:, :1]

    def by_a_season_of_all(panel, origins, moment):  # noqa: ARG001
        last = np.array([panel.series[place].values[-1] for place in origins[:, 0]])
        return np.repeat(last, h).reshape(-1, h, 1)

    def blind(panel, origins, moment):  # noqa: ARG001
        return np.zeros((len(origins), h, 1))

    tried = (honest, peeping, scaled_by_all, by_a_season_of_all, blind)
    given = (found.panel, found.parts)
    said = {read.__name__: proof.prove(*given, read, np.random.default_rng(0)) for read in tried}
    assert {name for name, one in said.items() if one["equal"]} == {"honest", "blind"}
    assert {name for name, one in said.items() if not one["control"]} == {"blind"}
    assert (said["honest"]["origins"], said["honest"]["moments"]) == (32, 8)


@pytest.mark.parametrize("conformal", ["none", "validation", "rolling"])
def test_the_forecasts_that_the_proof_makes_are_those_of_the_test(conformal):
    """What is proved is the way from data to corrected quantiles, and of no other forecasts."""
    found = loaded({"conformal": conformal, "recent": 40, "every": 6})
    predicting = found.predicting(found.build().eval())
    point, quantiles, _ = predicting.test(found.windows, found.parts)
    clock = found.parts.clock.at(*found.parts.test.T)
    assert len(np.unique(clock)) > 5
    for moment in np.unique(clock)[[0, 3, -1]].tolist():
        at = clock == moment
        ours = predicting.known_at(found._windows(found.panel), found.parts, found.parts.test[at], moment)
        np.testing.assert_allclose(ours[0], point[at], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(ours[1], quantiles[at], rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module", params=["quantiles", "autoregressive", "counts"])
def run(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("forecast") / request.param
    known = {"known": ["holiday"], "calendar": True, "normalise": "mean", "every": 12}
    model = {
        "quantiles": {},
        "autoregressive": {"forecaster": "autoregressive", "distribution": "student_t"},
        "counts": {"distribution": "negative_binomial"},
    }[request.param]
    path = place.with_suffix(".toml")
    path.write_text(configuration.dump(recipe(known, model)))
    return rekur.run(str(path), out=place, threads=1)


def test_a_run_says_what_it_proved_and_how_wide_it_is(run):
    extra = run.run.extra()
    assert extra["proof"]["equal"]
    assert extra["proof"]["origins"] == 24
    assert extra["proof"]["control"] > 0
    figures = run.metrics["test"]
    assert 0.5 < figures["coverage_90"] <= 1
    assert {"mae", "rmse", "smape", "mase", "owa", "crps"} <= figures.keys()
    rivals = {"persistence", "seasonal naive", "drift", "Naive2", "Theta", "ETS", "NLinear"}
    assert rivals == set(run.metrics["baselines"])
    told = run.run.predictions()
    assert told.columns[:6] == ["id", "ds", "origin", "step", "truth", "prediction"]
    assert told.select((pl.col("q05") <= pl.col("q50")) & (pl.col("q50") <= pl.col("q95"))).to_series().all()


def ahead(steps=6):
    """The sample, its holidays known for some steps more."""
    more = sets.sample().group_by("unique_id", maintain_order=True).tail(steps)
    return pl.concat([sets.sample(), more.with_columns(pl.col("ds") + pl.duration(hours=steps), y=None)])


def test_a_forecast_goes_on_where_each_series_ends(run):
    found = rekur.load(run.path).forecast(ahead())
    assert found.columns[:4] == ["unique_id", "ds", "forecast", "q05"]
    assert found.columns[-1] == "q95"
    assert found["unique_id"].unique(maintain_order=True).to_list() == [f"s{i}" for i in range(1, 7)]
    last = sets.sample()["ds"].max()
    times = found.filter(pl.col("unique_id") == "s3")["ds"].to_list()
    assert [(time - last).total_seconds() / 3600 for time in times] == [1, 2, 3, 4, 5, 6]
    assert found.select(pl.all().is_null().any()).row(0) == (False,) * len(found.columns)


def test_a_forecast_is_the_same_with_torch_and_without(run):
    predictor = rekur.load(run.path)
    if engine.selected() == "torch":
        pytest.skip("there is no engine here")
    ours, theirs = (
        predictor.task.forecast(m, ahead(), predictor.corrections) for m in (predictor.network, predictor.model)
    )
    for name in ours.columns[2:]:
        np.testing.assert_allclose(ours[name].to_numpy(), theirs[name].to_numpy(), rtol=2e-3, atol=1e-3)


def test_what_is_known_ahead_must_be_given(run):
    with pytest.raises(DataError, match=r"`holiday` is known ahead, but series `s1` has no value of it at 2024-03-17"):
        rekur.load(run.path).forecast()
    with pytest.raises(DataError, match="reads more than a series"):
        rekur.load(run.path).predict([[1.0, 2.0]])


def test_another_frequency_is_refused(run):
    daily = ahead().filter(pl.col("ds").dt.hour() == 0)
    with pytest.raises(DataError, match="the model learned hours"):
        rekur.load(run.path).forecast(daily)


def settings_of(**changes):
    return configuration.check(ForecastData, {**BASE, **changes}, "data")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0, 2.0], "has 2 values; a horizon of 6 needs"),
        (range(40), "a horizon of 6 needs 80 or more: 48 to test, 24 to validate, and 8 for one window"),
    ],
)
def test_series_that_are_too_short_are_named(values, words):
    frame = pl.DataFrame({"ds": range(len(values)), "y": [float(v) for v in values]})
    with pytest.raises(DataError) as caught:
        parts.cut(panel.read(frame, Columns()), settings_of())
    assert words in str(caught.value)


def test_one_value_among_longer_series_is_named():
    frame = pl.DataFrame({"id": ["a"] * 100 + ["b"], "ds": [*range(100), 0], "y": 1.0})
    with pytest.raises(DataError, match="`b` has one value"):
        parts.cut(panel.read(frame, Columns()), settings_of())


@pytest.mark.parametrize(
    ("data", "model", "words"),
    [
        ({"levels": [0.9, 0.1]}, {}, "data.levels must rise"),
        ({"horizons": [9]}, {}, "data.horizons must lie between"),
        ({"test": 3}, {}, "data.test: 3 steps hold no horizon"),
        ({"units": "standard"}, {}, "needs data.standardise"),
        ({"set": "files"}, {}, "data.path"),
        ({}, {"forecaster": ""}, "model.forecaster"),
        ({"log": True}, {"distribution": "negative_binomial"}, "is of counts"),
    ],
)
def test_settings_that_contradict_each_other_are_named(data, model, words):
    with pytest.raises(ConfigError) as caught:
        tasks.create(recipe(data, model))
    assert words in str(caught.value)


def test_a_logarithm_needs_values_above_zero(tmp_path):
    path = tmp_path / "series.csv"
    pl.DataFrame({"ds": range(200), "y": [0.0] * 200}).write_csv(path)
    with pytest.raises(DataError, match="has no logarithm"):
        loaded({"set": "files", "path": str(path), "log": True})


def test_series_shorter_than_a_window_are_padded_and_marked(tmp_path):
    path = tmp_path / "series.csv"
    pl.DataFrame({"ds": range(100), "y": np.sin(np.arange(100.0)) + 2}).write_csv(path)
    found = loaded({"set": "files", "path": str(path), "window": 60})
    assert found.scales.marked
    batch = found.windows.cut(np.array([[0, 20]]))
    assert batch.past[0, :, -1].tolist() == [1.0] * 40 + [0.0] * 20
    new = found.forecast(found.build(), pl.DataFrame({"ds": range(10), "y": [2.0] * 10}))
    assert len(new) == 6


def test_a_covariate_that_begins_late_is_not_read_before_it_begins():
    late = np.array([[np.nan, 1.0], [np.nan, 2.0], [5.0, np.nan], [np.nan, 4.0]])
    np.testing.assert_array_equal(carried(late, first=0.0), [[0.0, 1.0], [0.0, 2.0], [5.0, 2.0], [5.0, 4.0]])
    np.testing.assert_array_equal(carried(late)[:, 0], 5.0)


def test_a_window_counts_as_much_in_logarithms_as_in_its_own_units():
    """An error of e logarithms is one of e times the value: to forecast the same number off costs the same."""
    plain, logs = (loaded({"weights": "owa", "normalise": "none", "log": log}) for log in (False, True))
    origins = plain.train[::7]
    windows = [made.windows.cut(origins) for made in (plain, logs)]
    level = np.nanmean(np.abs(plain.windows.truth(origins)), axis=1)
    own, shares = (made.weights.importance(origins, cut) for made, cut in zip((plain, logs), windows, strict=True))
    np.testing.assert_allclose(shares, own * level, rtol=1e-6)
