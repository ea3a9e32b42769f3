"""The task of the next value: what the scaler, the windows and the boundary may know."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rekur import config, tasks
from rekur.data.datasets import kospi
from rekur.errors import ConfigError, DataError
from rekur.evaluation.baselines import series as rivals


def task(name="kospi-gru-mended", **changes):
    made = tasks.create(config.override(config.load(name), changes), seed=1)
    made.load()
    return made


def test_there_are_426_windows_200_before_the_boundary():
    made = task("kospi-gru")
    assert len(made.windows) == 426
    assert [len(made.rows[part]) for part in ("train", "validation", "test")] == [200, 0, 226]


def test_a_window_ends_the_day_before_its_target():
    made = task()
    close = kospi.load()["Close"].to_numpy()
    assert made.truth[0] == close[5]
    assert made.before[0] == close[4]
    restored = made.scaler.inverse(made.windows[0, -1, 3].astype(np.float64), made.goal)
    assert restored == pytest.approx(close[4], rel=1e-6)


def test_days_behind_the_boundary_change_nothing_in_training(monkeypatch):
    before = task()
    changed = kospi.load()
    late = pl.int_range(pl.len()) >= 205
    numbers = [name for name in changed.columns if name != "Date"]
    changed = changed.with_columns(pl.when(late).then(pl.col(numbers) * 3).otherwise(pl.col(numbers)))
    monkeypatch.setattr(kospi, "load", lambda *_: changed)
    after, leaky = task(), task("kospi-gru")
    np.testing.assert_array_equal(before.windows[:200], after.windows[:200])
    assert not np.array_equal(before.windows[:200, :, :3], leaky.windows[:200, :, :3])


def test_a_residual_model_of_no_weights_is_persistence():
    made = task()
    model = made.build().eval()
    for weight in model.head.parameters():
        weight.data.zero_()
    series = made.test(model).tables["series"]
    np.testing.assert_allclose(series["forecast"], series["persistence"], rtol=1e-6)


def test_a_prediction_is_the_forecast_of_its_window():
    made = task()
    model = made.build().eval()
    values = kospi.load().select(made.data.inputs).to_numpy()
    alone = made.predict(model, [values[300:305].tolist()])[0]["prediction"]
    assert alone == pytest.approx(made.test(model).tables["series"]["forecast"][300], rel=1e-5)


@pytest.mark.parametrize("window", [[[1.0] * 5] * 4, [[float("nan")] * 5] * 5, "text", [["a"] * 5] * 5])
def test_a_window_of_the_wrong_form_is_refused(window):
    made = task()
    with pytest.raises(DataError, match="A window must be"):
        made.predict(made.build().eval(), [window])


def test_columns_and_boundaries_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match="no column Profit"):
        task("kospi-gru", **{"data.target": "Profit"})
    with pytest.raises(ConfigError, match="leave no test part"):
        task(**{"data.train": 430})
    with pytest.raises(ConfigError, match="residual needs"):
        task("kospi-gru", **{"model.residual": True}).build()


def test_days_of_validation_change_neither_training_nor_its_rivals(monkeypatch):
    before = task()
    changed = kospi.load()
    late = pl.int_range(pl.len()) >= 165  # 160 windows of 5 days train
    numbers = [name for name in changed.columns if name != "Date"]
    changed = changed.with_columns(pl.when(late).then(pl.col(numbers) * 3).otherwise(pl.col(numbers)))
    monkeypatch.setattr(kospi, "load", lambda *_: changed)
    after = task()
    np.testing.assert_array_equal(before.windows[:160], after.windows[:160])
    np.testing.assert_array_equal(before.targets[:160], after.targets[:160])


@pytest.mark.parametrize(("name", "windows"), [("kospi-gru", 200), ("kospi-gru-mended", 160)])
def test_the_linear_rival_learns_from_the_windows_that_train(name, windows, monkeypatch):
    seen = []

    def learn(train, targets, test):
        seen.append((train, targets))
        return np.zeros(len(test))

    monkeypatch.setattr(rivals, "linear_autoregression", learn)
    made = task(name)
    made.baselines()
    np.testing.assert_array_equal(seen[0][0], made.windows[:windows])
    np.testing.assert_array_equal(seen[0][1], made.targets[:windows])
