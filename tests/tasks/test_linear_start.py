"""A forecaster that begins as a linear forecast: what that forecast is, and that training never loses it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from rekur import tasks
from rekur.config import Config, check
from rekur.errors import ConfigError
from rekur.tasks.base import seed_torch
from rekur.tasks.forecasting import linear
from rekur.training.loop import fit

SEASON, WINDOW, HORIZON = 6, 12, 4
KINDS = {
    "direct": {},
    "dilated": {"dilations": [[1, 2]]},
    "segments": {"segment": 3},
    "decoder": {},
}


def table(folder: Path, values: np.ndarray) -> Path:
    """Write a table of one daily series."""
    days = [date(2020, 1, 1) + timedelta(days=day) for day in range(len(values))]
    pl.DataFrame({"ds": days, "y": values}).write_csv(folder / "daily.csv")
    return folder / "daily.csv"


def seasonal(noise: float, count: int = 240) -> np.ndarray:
    steps = np.arange(count)
    drawn = np.random.default_rng(3).normal(0, noise, count)
    return 20 + 5 * np.sin(2 * np.pi * steps / SEASON) + 0.05 * steps + drawn


def task_of(path: Path, data: dict | None = None, training: dict | None = None, **model):
    """Return a loaded task whose model starts linear."""
    chosen = {"forecaster": "direct", "distribution": "quantiles", "hidden": 4, "highway": WINDOW, "start": "linear"}
    sizes = {"window": WINDOW, "horizon": HORIZON, "season": SEASON, "normalise": "season", "standardise": True}
    values = {
        "recipe": {"name": "own", "title": "own", "task": "forecast"},
        "data": {"set": "files", "path": str(path), **sizes, **(data or {})},
        "model": {**chosen, **model},
        "training": {"keep": "best", "epochs": 1, **(training or {})},
    }
    found = tasks.create(check(Config, values, ""))
    found.load()
    return found


def built(task) -> torch.nn.Module:
    seed_torch(1)
    return task.build().eval()


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("kind", list(KINDS))
def test_the_untrained_model_is_the_linear_forecast(tmp_path: Path, kind: str, residual: bool) -> None:
    task = task_of(
        table(tmp_path, seasonal(1.0)), forecaster=kind, distribution="point", residual=residual, **KINDS[kind]
    )
    batch, beginning = task.windows.cut(task.parts.test), task.beginning
    last = batch.past[:, -1:, 0] if residual else 0.0
    offsets = beginning.offsets[:, 0] if kind in ("direct", "dilated") else 0.0  # the others have no bias a step
    expected = (batch.past[:, :, 0] - last) @ beginning.weight.T + last + offsets
    with torch.inference_mode():
        found = built(task)(batch.inputs)[0][:, :, 0].numpy()
    if kind in ("direct", "dilated"):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    else:  # a constant, the same at all steps or at every `segment`-th
        assert np.ptp(found - expected, axis=0).max() < 1e-4


def test_a_series_without_noise_is_forecast_without_error(tmp_path: Path) -> None:
    task = task_of(table(tmp_path, seasonal(0.0)))
    point, _ = task.predicting(built(task)).forecast(task.windows, task.parts.test)
    np.testing.assert_allclose(point, task.windows.truth(task.parts.test), rtol=2e-3)


def test_of_a_random_walk_next_to_nothing_but_its_last_value_is_read(tmp_path: Path) -> None:
    walk = 100 + np.cumsum(np.random.default_rng(5).normal(0, 1, 500))
    task = task_of(table(tmp_path, walk), {"season": 1, "normalise": "last"})
    ours = task.predicting(built(task)).forecast(task.windows, task.parts.test)[0]
    truth, last = task.windows.truth(task.parts.test), task.windows.histories(task.parts.test)
    persistence = np.abs(truth - np.array([history[-1] for history in last])[:, None]).mean()
    assert np.abs(ours - truth).mean() < 1.05 * persistence


def test_the_mixture_errs_no_more_than_any_map_of_it() -> None:
    generator = np.random.default_rng(0)
    inputs, maps = generator.normal(size=(50, 6)), [generator.normal(size=(3, 6)) for _ in range(4)]
    target = inputs @ (0.6 * maps[1] + 0.4 * maps[2]).T
    judged = linear.Examples(inputs, target, np.ones((50, 3)), squared=False)
    shares = linear._mixture(maps, judged)
    assert shares.sum() == pytest.approx(1.0)
    assert shares.tolist() == pytest.approx([0.0, 0.6, 0.4, 0.0])


@pytest.mark.parametrize("season", [1, 4])
def test_exponential_smoothing_is_its_recursion(season: int) -> None:
    values, level, repeats, h = np.random.default_rng(2).normal(size=15), 0.3, 0.2, 6
    mean = values[:season].mean()
    places = list(values[:season] - mean)
    for t in range(season, 15):
        error = values[t] - mean - places[t % season]
        mean += level * error
        places[t % season] += repeats * (1 - level) * error
    expected = [mean + places[(15 + j) % season] for j in range(h)]
    found = linear._smoothing(15, h, season, level, repeats)
    np.testing.assert_allclose(found[:, :-1] @ values, expected)
    np.testing.assert_allclose(found[:, :-1].sum(axis=1), 1.0)  # a series moved as a whole is forecast moved as much


def test_a_training_that_makes_it_worse_leaves_the_linear_forecast(tmp_path: Path) -> None:
    task = task_of(table(tmp_path, seasonal(1.0)), training={"learning_rate": 3.0, "epochs": 2, "keep": "best"})
    model, start = built(task), built(task)
    assert fit(task, model, task.config.training).best_epoch is None
    inputs = task.windows.cut(task.parts.test).inputs
    with torch.inference_mode():
        assert torch.equal(model(inputs)[0], start(inputs)[0])


def test_what_is_kept_is_never_scored_worse_on_the_validation_part_than_the_start(tmp_path: Path) -> None:
    task = task_of(table(tmp_path, seasonal(1.0)), training={"learning_rate": 0.05, "epochs": 5, "keep": "best"})
    model, start = built(task), built(task)
    fit(task, model, task.config.training)
    truth = task.windows.truth(task.parts.validation)
    ours, before = (task.predicting(one).forecast(task.windows, task.parts.validation)[0] for one in (model, start))
    assert np.abs(ours - truth).mean() <= np.abs(before - truth).mean()


def test_training_leaves_the_linear_map_alone(tmp_path: Path) -> None:
    task = task_of(
        table(tmp_path, seasonal(1.0)), training={"learning_rate": 0.01, "weight_decay": 0.1, "optimizer": "adamw"}
    )
    model = built(task)
    before = model.highway.weight.clone()
    fit(task, model, task.config.training)
    assert torch.equal(model.highway.weight, before)


def test_gaps_are_no_part_of_what_is_fitted(tmp_path: Path) -> None:
    values = seasonal(1.0)
    values[40:60:3] = np.nan
    task = task_of(table(tmp_path, values))
    assert np.isfinite(task.beginning.weight).all()
    assert np.isfinite(task.beginning.offsets).all()


def test_a_start_without_a_linear_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.start needs model\.highway"):
        task_of(table(tmp_path, seasonal(1.0)), highway=0)


def test_shorter_horizons_make_their_steps_count_more(tmp_path: Path) -> None:
    task = task_of(table(tmp_path, seasonal(1.0)), {"horizons": [1, 2]})
    shares = task.data.shares
    assert shares.mean() == pytest.approx(1.0)
    assert shares.tolist() == pytest.approx([(4 + 2 + 1) / 3, (2 + 1) / 3, 1 / 3, 1 / 3])


def test_what_is_learned_does_not_depend_on_how_many_windows_are_cut_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = seasonal(1.0)
    values[40:60:3] = np.nan
    path = table(tmp_path, values)
    whole = task_of(path, {"log": True}).beginning
    monkeypatch.setattr(linear, "SOME", 7)
    cut = task_of(path, {"log": True}).beginning
    assert np.array_equal(whole.weight, cut.weight)
    assert np.array_equal(whole.offsets, cut.offsets)
    assert whole.error == cut.error
