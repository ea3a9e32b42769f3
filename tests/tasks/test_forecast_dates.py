"""Forecasting by the calendar: no part, no scale and no interval knows a date that has not come."""

import dataclasses
import json
import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rekur
from rekur import config as configuration
from rekur import tasks
from rekur.data import panel
from rekur.data.calendar import Frequency
from rekur.data.panel import Columns, Panel, Series
from rekur.errors import ConfigError, DataError
from rekur.tasks.forecasting import clock, coming, parts
from rekur.tasks.forecasting.scored import Judge
from rekur.tasks.forecasting.settings import ForecastData

DAY = np.datetime64("2024-02-01", "ms")
BASE = {"set": "files", "horizon": 3, "window": 8}
MODEL = {"forecaster": "direct", "hidden": 4, "distribution": "quantiles"}


def days(first, count, times=1):
    return np.tile(DAY + np.arange(first, first + count) * np.timedelta64(1, "D"), times)


def table(spans, seed=0, **columns):
    """Series a, b, ... of days: each from a first day on, so many of them."""
    draw = np.random.default_rng(seed)
    made = []
    for name, (first, count) in zip("abcdefghij", spans, strict=False):
        values = 20 + draw.normal(size=count).cumsum() * 0.3
        made.append(pl.DataFrame({"unique_id": [name] * count, "ds": days(first, count), "y": values}))
    return pl.concat(made).with_columns(**columns)


def settings_of(**changes):
    return configuration.check(ForecastData, {**BASE, "path": "t.csv", **changes}, "data")


def loaded(path, frame, model=(), **data):
    frame.write_parquet(path / "series.parquet")
    values = {
        "recipe": {"name": "t", "title": "t", "task": "forecast"},
        "data": {**BASE, "path": str(path / "series.parquet"), **data},
        "model": {**MODEL, **dict(model)},
        "training": {"epochs": 1},
    }
    task = tasks.create(configuration.check(configuration.Config, values, ""))
    task.load()
    return task


def dates_of(found, cut, name, h=3):
    """The first and the last date that windows of a part foretell, over all series."""
    origins = getattr(cut, name)
    times = [found.times(place, step, h)[[0, -1]] for place, step in origins.tolist()]
    return np.min(times), np.max(times)


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(5, 120)), min_size=1, max_size=5)


@given(spans=SPANS, every=st.integers(1, 3), test=st.sampled_from([0, 12]), tested=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_part_reaches_into_the_dates_of_the_next_of_any_series(spans, every, test, tested):
    found = panel.read(table(spans), Columns())
    try:
        cut = parts.cut(found, settings_of(every=every, test=test), tested)
    except DataError:
        return
    held = [name for name in ("train", "validation", "test") if len(getattr(cut, name))]
    for earlier, later in pairwise(held):
        assert dates_of(found, cut, earlier)[1] < dates_of(found, cut, later)[0]
    for place, series in enumerate(found.series):
        last = [found.times(place, 0, len(series.values))[: cut.ends[place]]]
        for name in held[1:]:
            assert not len(last[0]) or last[0].max() < dates_of(found, cut, name)[0]
    for name in held:
        starts = {found.times(place, step, 1)[0] for place, step in getattr(cut, name).tolist()}
        if name != "train":  # all series are forecast at the same dates, `every` apart
            assert all((date - min(starts)) // np.timedelta64(1, "D") % every == 0 for date in starts)
    new = [place for place, end in enumerate(cut.ends) if not end]
    for name in held[1:]:
        origins = getattr(cut, name)
        assert (origins[np.isin(origins[:, 0], new), 1] >= 8).all()


@given(spans=SPANS)
@settings(max_examples=30, deadline=None)
def test_series_are_counted_at_each_date_that_they_have(spans):
    found = panel.read(table(spans), Columns())
    begun = min(first for first, _ in spans)
    held = [[first <= day + begun < first + count for first, count in spans] for day in range(181)]
    there = clock.Presence.of(found, clock.Clock.shared(found))
    assert dict(zip(there.moments, there.counts, strict=True)) == {
        day: sum(row) for day, row in enumerate(held) if any(row)
    }
    assert there.end == there.moments[-1] + 1


def test_series_of_one_span_are_cut_as_each_of_them_alone():
    frame = table([(0, 100)] * 3)
    for changes in ({}, {"test": 20, "validation": 11, "every": 2}):
        data = settings_of(**changes)
        together = parts.cut(panel.read(frame, Columns()), data)
        alone = parts.cut(panel.read(frame.filter(pl.col("unique_id") == "b"), Columns()), data)
        own = parts.cut(panel.read(frame, Columns()), settings_of(**changes, cut="series"))
        for name in ("train", "validation", "test"):
            ours = getattr(together, name)
            np.testing.assert_array_equal(ours[ours[:, 0] == 1, 1], getattr(alone, name)[:, 1])
            np.testing.assert_array_equal(ours, getattr(own, name))
        assert together.ends == own.ends


def test_what_ends_early_trains_and_what_begins_late_is_tested_as_new(tmp_path):
    frame = table([(0, 100), (0, 70), (70, 30), (95, 5)])
    task = loaded(tmp_path, frame, test=20, validation=10, standardise=True, identity=True)
    assert task.parts.ends == (70, 70, 0, 0)
    tested = {place: set(task.parts.test[task.parts.test[:, 0] == place, 1].tolist()) for place in range(4)}
    assert [sorted(tested[place])[:1] for place in range(4)] == [[80], [], [10], []]
    assert task.parts.begins == "2024-04-21"
    assert "all series test from 2024-04-21 on" in task.split
    said = " ".join(task.warnings)
    assert "1 of 4 series, ending before 2024-04-21, where the test part begins" in said
    assert "(`b`)" in said
    assert "1 of 4 series, beginning too late to learn from: tested as new" in said
    assert "1 of 4 series, beginning too late to learn from, too short to be tested: left out (`d`)" in said
    assert set(task.scales.series) == {"a", "b"}
    assert task.windows.static[2].tolist() == [0.0, 0.0]
    kept = coming.history(task.panel, task.data.window, task.scales.marked)  # of 5 values a window of 8 is not read
    forecast = task.forecast(task.build().eval(), kept, own=True)
    assert forecast["unique_id"].unique(maintain_order=True).to_list() == ["a", "b", "c"]


def test_the_size_of_a_new_series_is_read_from_its_first_window_alone(tmp_path):
    frame = table([(0, 100), (70, 30)])
    task = loaded(tmp_path, frame, test=20, validation=10, standardise=True)
    first = task.windows.pairs[1]
    values = frame.filter(pl.col("unique_id") == "b")["y"].to_numpy()
    np.testing.assert_allclose(first, [values[:8].mean(), values[:8].std()])


def test_integers_are_dates_unless_every_series_counts_from_its_beginning():
    def read(firsts):
        frames = [pl.DataFrame({"unique_id": n, "ds": range(f, f + 60), "y": 1.0}) for n, f in firsts.items()]
        return panel.read(pl.concat(frames), Columns())

    data = settings_of()
    assert clock.by_date(read({"a": 1950, "b": 1960}), data)
    assert not clock.by_date(read({"a": 1, "b": 1}), data)
    assert not clock.by_date(read({"a": 0, "b": 1}), data)
    assert clock.by_date(read({"a": 1, "b": 1}), settings_of(cut="date"))
    assert not clock.by_date(read({"a": 1950, "b": 1960}), settings_of(cut="series"))
    found = parts.cut(read({"a": 1950, "b": 1960}), data)
    assert found.begins == str(2020 - 17)  # a fifth of 120 values: 10 years of b alone, 7 of both


def test_holidays_of_one_market_are_no_holidays_of_another():
    weekdays = days(0, 140)[np.is_busday(days(0, 140).astype("datetime64[D]"))]
    late = np.delete(weekdays, np.arange(20, 30))
    frame = pl.concat(
        pl.DataFrame({"unique_id": [name] * len(of), "ds": of, "y": np.arange(len(of)) + 1.0})
        for name, of in {"a": weekdays, "b": late}.items()
    )
    found = panel.read(frame, Columns())
    assert found.frequency.unit == "weekday"
    cut = parts.cut(found, settings_of(test=20, validation=15))
    assert cut.ends == (len(weekdays) - 35, len(late) - 35)
    assert dates_of(found, cut, "train")[1] < dates_of(found, cut, "validation")[0]
    shared = cut.clock
    at = shared.at(np.array([1]), np.arange(15, 25)[None])[0]
    assert np.diff(at).tolist() == [1, 1, 1, 1, 11, 1, 1, 1, 1]
    for place in (0, 1):
        for moment in (-60, -20, 0, 5):
            step = shared.step(place, moment)
            assert shared.at(np.array([place]), np.array([step]))[0] >= moment
            assert not step or shared.at(np.array([place]), np.array([step - 1]))[0] < moment
    assert clock.Presence.of(found, clock.Clock.shared(found)).counts.tolist() == [2] * 20 + [1] * 10 + [2] * (
        len(weekdays) - 30
    )
    beyond = shared.at(np.array([0]), np.array([len(weekdays) + 2]))[0]
    assert beyond == 20 + 2
    assert shared.step(0, int(beyond)) == len(weekdays) + 2


@pytest.mark.parametrize("conformal", ["none", "validation", "rolling"])
@pytest.mark.parametrize("spans", [[(0, 120), (0, 104), (30, 90)], [(0, 120)]], ids=["apart", "one"])
def test_nothing_of_any_series_at_or_behind_a_date_moves_a_forecast_made_then(tmp_path, conformal, spans):
    """From the table on: values and observed covariates from a date on are others, the forecasts are the same bits."""
    frame = table(spans, weather=pl.col("y") * 0.5 + 1, price=pl.col("ds").dt.day().cast(pl.Float64))
    data = {"test": 30, "validation": 20, "conformal": conformal, "recent": 12, "standardise": True, "log": True}
    data |= {"known": ["price"], "observed": ["weather"], "normalise": "changes", "levels": [0.1, 0.5, 0.9]}
    task = loaded(tmp_path, frame, **data)
    model = task.build().eval()
    moved = 0.0
    for moment in (0, 7, 20):
        date = min(task.panel.times(place, task.parts.clock.step(place, moment), 1)[0] for place in range(len(spans)))
        others = {}
        for name, since in {"behind": date, "before": date - np.timedelta64(1, "D")}.items():
            later = pl.col("ds") >= pl.lit(since)
            noise = np.random.default_rng(5).random(len(frame)) * 90 + 1
            changed = frame.with_columns(
                pl.when(later).then(pl.Series(noise)).otherwise("y").alias("y"),
                pl.when(later).then(pl.col("weather") + 50).otherwise("weather").alias("weather"),
            )
            others[name] = loaded(tmp_path, changed, **data)
        at = task.parts.clock.at(*task.parts.test.T) == moment
        made = {}
        for name, one in {"first": task, **others}.items():
            np.testing.assert_array_equal(one.parts.test, task.parts.test)
            point, quantiles, _ = one.predicting(model).test(one.windows, one.parts)
            made[name] = np.concatenate([point[..., None], quantiles], axis=2)[at]
        np.testing.assert_array_equal(made["first"], made["behind"])
        moved = max(moved, float(np.abs(made["first"] - made["before"]).max()))
    assert moved > 0


def test_folds_are_cuts_in_time_that_follow_each_other(tmp_path):
    frame = table([(0, 120), (0, 120), (50, 70)])
    seen = []
    for fold in range(3):
        task = loaded(tmp_path, frame, folds=3, fold=fold)
        seen.append([dates_of(task.panel, task.parts, name) for name in ("train", "validation", "test")])
        assert f"fold {fold + 1} of 3: all series test from" in task.split
        last = max(one[-1] for one in seen[-1])
        ends = [task.panel.times(place, len(one.values) - 1, 1)[0] for place, one in enumerate(task.panel.series)]
        assert max(ends) == last  # the table ends with the fold: nothing behind it can be read
        assert len(task.panel.series) == 3
    for (train, validation, test), after in zip(seen, [*seen[1:], None], strict=True):
        assert train[1] < validation[0] <= validation[1] < test[0]
        if after:
            assert (after[2][0] - test[1]) / np.timedelta64(1, "D") == 1
    assert seen[-1][2][1] == days(119, 1)[0]
    counted = frame.with_columns(ds=pl.int_range(pl.len()).over("unique_id"))
    own = [loaded(tmp_path, counted, folds=3, fold=fold) for fold in (0, 2)]
    assert [[len(one.values) for one in task.panel.series] for task in own] == [[96, 96, 46], [120, 120, 70]]
    assert own[0].data.test == own[1].data.test == 12
    with pytest.raises(DataError, match="are more than the series have"):
        loaded(tmp_path, table([(0, 40)]), folds=8, fold=0, test=20)
    with pytest.raises(ConfigError, match=r"data.fold must be below data.folds \(3\)"):
        loaded(tmp_path, frame, folds=3, fold=3)


def test_a_run_forecasts_from_its_own_history_where_its_first_row_is_missing(tmp_path):
    """The last 8 steps are kept; of those the first three have no value."""
    values = 20 + np.sin(np.arange(80.0))
    values[[72, 73, 74, 30]] = np.nan
    frame = pl.DataFrame({"ds": days(0, 80), "y": values}).with_columns(pl.col("y").fill_nan(None))
    task = loaded(tmp_path, frame, test=12, validation=12)
    model = task.build().eval()
    kept = coming.history(task.panel, task.data.window)
    assert kept["y"].null_count() == 3
    assert kept["y"][0] is not None
    ours, whole = task.forecast(model, kept, own=True), task.forecast(model, frame)
    assert ours["ds"].to_list() == whole["ds"].to_list()
    np.testing.assert_array_equal(ours["forecast"].to_numpy(), whole["forecast"].to_numpy())


def test_a_run_whose_own_end_is_mostly_missing_goes_on_all_the_same(tmp_path):
    values = 20 + np.sin(np.arange(80.0))
    values[[71, 72, 73, 74, 75, 76, 77, 78, 30]] = np.nan
    frame = pl.DataFrame({"ds": days(0, 80), "y": values}).with_columns(pl.col("y").fill_nan(None))
    task = loaded(tmp_path, frame, test=12, validation=12)
    kept = coming.history(task.panel, task.data.window)
    assert len(task.forecast(task.build().eval(), kept, own=True)) == 3
    with pytest.raises(DataError, match="are missing in the history"):
        task.forecast(task.build().eval(), kept.rename({"unique_id": "id"}))


@pytest.mark.parametrize("when", ["test", "training"])
def test_a_value_without_a_logarithm_is_an_error_in_training_and_missing_behind_it(tmp_path, when):
    values = 20 + np.sin(np.arange(80.0))
    values[75 if when == "test" else 10] = 0.0
    frame = pl.DataFrame({"ds": days(0, 80), "y": values})
    if when == "training":
        with pytest.raises(DataError, match=r"value 0 at step 11, which has no logarithm. Set data.log to false"):
            loaded(tmp_path, frame, test=12, validation=12, log=True)
        return
    task = loaded(tmp_path, frame, test=12, validation=12, log=True)
    assert "1 value behind the training part is 0 or less and without a logarithm: read as missing" in task.warnings[-1]
    model = task.build().eval()
    point, quantiles, _ = task.predicting(model).test(task.windows, task.parts)
    assert np.isfinite(point).all()
    assert np.isfinite(quantiles).all()
    assert (task.judge.truth == 0).any()  # what came is scored as it came
    kept = coming.history(task.panel, task.data.window)
    assert task.forecast(model, kept, own=True)["forecast"].is_finite().all()
    with pytest.raises(DataError, match="Leave the value empty"):
        task.forecast(model, frame)


def test_histories_of_numbers_are_checked_and_are_no_series_of_the_training(tmp_path):
    frame = pl.DataFrame(
        {"unique_id": ["0"] * 80 + ["1"] * 80, "ds": days(0, 80, 2), "y": [5.0, 6.0] * 40 + [900.0, 901.0] * 40}
    )
    task = loaded(tmp_path, frame, test=12, validation=12, log=True, standardise=True)
    model = task.build().eval()
    rows = [[50.0, 52.0] * 4, [5.0, 6.0] * 4]
    swapped = task.predict(model, rows[::-1])[::-1]
    np.testing.assert_allclose(
        [one["prediction"] for one in task.predict(model, rows)], [one["prediction"] for one in swapped], rtol=1e-6
    )
    with pytest.raises(DataError, match="has the value -1 at step 1, which has no logarithm"):
        task.predict(model, [[-1.0, *[2.0] * 7]])
    with pytest.raises(DataError, match="History 2: its last value is missing"):
        task.predict(model, [rows[0], [*rows[1], np.nan]])
    names = [one.id for one in coming.histories(rows, {"history 1", "history 1'"})]
    assert names == ["history 1''", "history 2"]


def test_missing_values_count_in_no_horizon_and_one_that_is_not_reached_has_no_figure(tmp_path):
    values = 20 + np.sin(np.arange(90.0))
    values[np.arange(70, 90, 2)] = np.nan
    values[89] = 20.0
    frame = pl.DataFrame({"ds": days(0, 90), "y": values}).with_columns(pl.col("y").fill_nan(None))
    task = loaded(tmp_path, frame, horizon=12, horizons=[2], test=6, validation=12)
    point = np.zeros((len(task.parts.test), 12))
    found = task.judge.outcome(point).metrics
    assert "mse_12" not in found
    np.testing.assert_allclose(found["mae"], found["mae_2"])
    truth = task.judge.truth[:, :2][task.judge.left >= 2]
    expected = np.nanmean([np.nanmean(row) for row in truth if np.isfinite(row).any()])
    np.testing.assert_allclose(found["mae_2"], expected)


def test_errors_are_weighed_where_a_season_has_no_scale(tmp_path):
    """A series whose first half never moves has no MASE; Naive2 of a constant is without error."""
    frame = pl.DataFrame({"ds": days(0, 80), "y": [5.0] * 60 + [5.0, 6.0] * 10})
    task = loaded(tmp_path, frame, test=12, validation=12, weights="owa", season=1)
    assert np.isfinite(task.weighted(task.train).weight).all()
    assert task.weighted(task.train).weight.sum() > 0


def test_standard_units_are_those_of_every_column_of_the_table_of_one_step(tmp_path):
    frame = pl.DataFrame({"ds": days(0, 120), "y": 1000 + 10 * np.sin(np.arange(120.0))})
    task = loaded(tmp_path, frame, test=20, validation=20, standardise=True, units="standard")
    told = task.test(task.build().eval()).tables["series"]
    assert told.select(pl.col("truth", "forecast", "persistence").abs().max()).to_numpy().max() < 50


def test_verdicts_pair_windows_that_are_made_at_the_same_date():
    from rekur.evaluation import paired
    from rekur.evaluation.forecasting import horizons

    draw = np.random.default_rng(0)
    moments = np.concatenate([np.arange(60), np.arange(30, 90)])
    series = np.repeat([0, 1], 60)
    shock = np.exp(draw.normal(size=90) * 2)[moments][:, None]  # of a date, in both series
    truth, ours = np.zeros((120, 1)), shock * draw.normal(size=(120, 1))
    rival = ours + shock * 0.2 * draw.normal(size=(120, 1))
    found = horizons.by_horizon(truth, ours, {"rival": rival}, series=series, moments=moments)["verdicts"][0]
    d = (abs(ours) - abs(rival))[:, 0]
    means = np.array([d[moments == moment].mean() for moment in range(90)])
    assert found["items"] == 90
    assert found["p_value"] == pytest.approx(paired.diebold_mariano(means, np.zeros(90), 1).p_value)


def test_the_judge_knows_how_far_each_series_reaches(tmp_path):
    task = loaded(tmp_path, table([(0, 100), (0, 95)]), test=20, validation=10)
    left = Judge.of(task.windows, task.parts, task.data, 1).left
    np.testing.assert_array_equal(left, [[100, 95][place] - step for place, step in task.parts.test.tolist()])


def test_gaps_and_series_that_end_early_are_said_before_it_trains(tmp_path, capsys):
    from rekur.cli import main

    frame = table([(0, 120), (0, 60)]).filter(pl.col("ds") != DAY + np.timedelta64(28, "D"))
    frame.write_csv(tmp_path / "sales.csv")
    options = ["--threads", "1", "--epochs", "1", "--out", str(tmp_path / "run"), "--horizon", "3"]
    assert main(["fit", str(tmp_path / "sales.csv"), "--dry-run", *options]) == 0
    plan = capsys.readouterr()
    assert "all series test from" in plan.out
    for said in (plan.err, (main(["fit", str(tmp_path / "sales.csv"), *options]), capsys.readouterr().err)[1]):
        assert "2 of 180 values are missing (29 February among them); they are filled" in said
        assert "1 of 2 series, ending before 2024-" in said


def test_fit_cross_validates_in_time(tmp_path, capsys):
    from rekur.cli import main

    table([(0, 140), (0, 140)]).write_csv(tmp_path / "sales.csv")
    options = [
        "--threads",
        "1",
        "--epochs",
        "1",
        "--horizon",
        "3",
        "--out",
        str(tmp_path / "runs"),
        "--json",
        "--quiet",
    ]
    assert main(["fit", str(tmp_path / "sales.csv"), "--folds", "2", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["runs"]) == 2
    dates = [rekur.load(tmp_path / "runs" / name).run.predictions()["ds"].sort() for name in ("fold-1", "fold-2")]
    assert dates[0].max() < dates[1].min()
    assert "2 folds" in found["sentence"]


def test_defaults_are_read_from_what_trains(tmp_path):
    """Values behind the training part, and of later folds, say nothing of the season, the growth or the sign."""
    from rekur.fitting import series

    values = np.exp(0.01 * np.arange(200)) * (2 + np.sin(np.arange(200) * 2 * np.pi / 7))
    looked: dict[int, list[Any]] = {0: [], 2: []}
    for later in (1.0, -50.0):
        for folds in looked:
            begins = 100 if folds else 160  # the first test part
            changed = np.where(np.arange(200) >= begins, values * later, values)
            pl.DataFrame({"ds": days(0, 200), "y": changed}).write_csv(tmp_path / "t.csv")
            data = {"set": "files", "path": str(tmp_path / "t.csv"), "horizon": 5, "folds": folds}
            found = series.look(data)
            sizes = found.sizes({**data, "window": 14, "season": 7, "normalise": "season"}, 14)
            looked[folds].append((found.season, found.positive, found.shortest, found.trained, sizes))
    assert looked[0][0] == looked[0][1]
    assert looked[2][0] == looked[2][1]
    assert [looked[folds][0][:3] for folds in (0, 2)] == [(7, True, 128), (7, True, 80)]


def test_every_setting_of_the_normaliser_is_one_of_the_estimator():
    import inspect
    from typing import get_args, get_type_hints

    hints = get_type_hints(rekur.Forecaster.__init__)
    assert set(get_args(hints["normalise"])) == set(get_args(ForecastData.model_fields["normalise"].annotation))
    assert inspect.signature(rekur.Forecaster).parameters["normalise"].default == "changes"
    assert dataclasses.is_dataclass(parts.Parts)


@pytest.mark.parametrize("weekdays", [False, True])
def test_no_row_of_a_fold_stands_behind_its_end(weekdays):
    """Covariates and dates end with the values: a fold's own history must not hold what came later."""
    dates = np.busday_offset("2020-01-01", np.arange(200), roll="forward") if weekdays else days(0, 200)
    frame = pl.DataFrame({"ds": dates, "y": np.arange(200.0) % 7, "w": np.arange(200.0), "k": np.arange(200.0)})
    frame = frame.with_columns(y=pl.when(pl.int_range(200) < 197).then("y"))  # three rows of what is known ahead
    whole = panel.read(frame, Columns("", "ds", "y", ("k",), ("w",)))
    for fold in range(4):
        found, _ = parts.until(whole, settings_of(folds=4, fold=fold))
        (series,) = found.series
        assert len(series.covariates) == len(series.values) + (3 if fold == 3 else 0)
        assert (series.dates is not None) == weekdays
        assert series.dates is None or len(series.dates) == len(series.covariates)
        table = coming.history(found, 8)
        assert table["y"].is_not_null().all() == (fold < 3)
        assert table["w"].max() == len(series.covariates) - 1
    early = dataclasses.replace(whole, series=(dataclasses.replace(series, values=whole.series[0].values[:100]),))
    longer = dataclasses.replace(early, series=(*early.series, *whole.series))
    found, _ = parts.until(longer, settings_of(folds=4, fold=0))
    assert [len(one.covariates) for one in found.series] == [len(found.series[1].values)] * 2


def test_static_numbers_are_numbers_where_a_file_writes_words(tmp_path):
    frame = table([(0, 100), (0, 100)]).with_columns(size=pl.when(pl.col("unique_id") == "a").then(3.5).otherwise(12))
    asked = {"test": 20, "validation": 10, "static": ["size"], "cut": "series"}
    wanted = loaded(tmp_path, frame, **asked)
    words = frame.with_columns(pl.col("size").cast(pl.String).replace("3.5", "3.50"))
    found = loaded(tmp_path, words, **asked)
    assert found.scales.words == wanted.scales.words == ((),)
    np.testing.assert_array_equal(found.scales.static, wanted.scales.static)
    np.testing.assert_array_equal(found.windows.static, wanted.windows.static)


def test_static_words_stay_words_though_some_look_like_numbers(tmp_path):
    frame = table([(0, 100), (0, 100)]).with_columns(
        code=pl.when(pl.col("unique_id") == "a").then(pl.lit("12")).otherwise(pl.lit("nan"))
    )
    task = loaded(tmp_path, frame, test=20, validation=10, static=["code"])
    assert task.scales.words == (("12", "nan"),)
    assert task.windows.static.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("first", [0, 1])
def test_a_missing_first_value_does_not_make_dates_of_steps_that_are_counted(first):
    rows = [(name, first + i, None if (name, i) == ("b", 0) else float(i % 5)) for name in "ab" for i in range(100)]
    found = panel.read(pl.DataFrame(rows, ["unique_id", "ds", "y"], orient="row"), Columns())
    assert [one.first for one in found.series] == [first, first + 1]
    assert not clock.by_date(found, settings_of())
    assert not clock.by_date(parts.until(found, settings_of(folds=3))[0], settings_of())


def seconds_apart(years):
    begins = (np.datetime64(f"{1970 + year}-01-01T00:00:00") for year in years)
    series = [Series(str(i), begin, np.arange(100.0), np.zeros((100, 0))) for i, begin in enumerate(begins)]
    return Panel(tuple(series), Frequency("second", 1))


def test_years_between_two_series_take_no_memory():
    tracemalloc.start()
    cut = parts.cut(seconds_apart([0, 30]), settings_of())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
    assert cut.begins == "2000-01-01 00:01:00"  # 40 of 200 values


@given(spans=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=6))
@pytest.mark.parametrize("weekdays", [False, True])
def test_shares_of_values_are_those_counted_moment_by_moment(weekdays, spans):
    first = min(begin for begin, _ in spans)
    counts = np.zeros(max(begin + count for begin, count in spans) - first, dtype=int)
    for begin, count in spans:
        counts[begin - first : begin - first + count] += 1
    clocks = clock.Clock(np.array([begin - first for begin, _ in spans]))
    if weekdays:  # days on which no series has a row are no moments
        rows = [np.arange(begin - first, begin - first + count) for begin, count in spans]
        kept = np.flatnonzero(counts)
        days_of = tuple(np.searchsorted(kept, of) for of in rows)
        clocks, counts = clock.Clock(np.array([of[0] for of in days_of]), days_of), counts[kept]
    series = [Series(str(i), 0, np.ones(count), np.zeros((count, 0))) for i, (_, count) in enumerate(spans)]
    there = clock.Presence.of(Panel(tuple(series), Frequency("count")), clocks)
    assert there.end == len(counts)
    for stop in range(1, len(counts) + 1):
        held = np.concatenate([[0], np.cumsum(counts[:stop][::-1])])
        for share in (0.2, 0.5):
            expected = int(np.abs(held - share * held[-1]).argmin())
            assert there.before(stop).last_share(share) == expected
