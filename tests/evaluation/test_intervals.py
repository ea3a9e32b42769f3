"""Intervals agree with the literature, and hold the truth as often as they say."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from rekur.errors import DataError
from rekur.evaluation import intervals, outcomes


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_newcombe(right, n, low, high):
    assert intervals.wilson(right, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_stays_inside():
    assert intervals.wilson(0, 5)[0] == 0.0
    assert intervals.wilson(5, 5)[1] == 1.0
    low, high = intervals.wilson(3, 10)
    assert (1 - high, 1 - low) == pytest.approx(intervals.wilson(7, 10))
    with pytest.raises(DataError, match="n=0"):
        intervals.wilson(0, 0)


def test_wilson_covers_19_times_of_20():
    counts = np.random.default_rng(0).binomial(80, 0.9, 4000)
    held = [low <= 0.9 <= high for low, high in (intervals.wilson(int(c), 80) for c in counts)]
    assert 0.93 < np.mean(held) < 0.97


def test_resampled_means_have_the_mean_and_the_spread_of_theory():
    items = np.random.default_rng(1).exponential(size=400)
    means = intervals.resampled_means(items, seed=2, draws=4000)
    assert means.mean() == pytest.approx(items.mean(), abs=0.005)
    assert means.std() == pytest.approx(items.std() / 20, rel=0.05)


@pytest.mark.parametrize("block", [1, 3, 7, 99])
def test_a_resample_has_n_items_and_favours_none(block):
    assert np.allclose(intervals.resampled_means(np.ones(45), seed=0, draws=20, block=block), 1.0)
    first = intervals.resampled_means(np.eye(45)[0], seed=0, draws=4000, block=block)
    assert first.mean() == pytest.approx(1 / 45, rel=0.1)  # blocks that do not wrap around would draw it seldom


def test_a_resample_is_made_of_runs():
    items = (np.arange(70) % 7 == 0).astype(float)  # any 7 neighbours hold one 1
    assert np.allclose(intervals.resampled_means(items, seed=0, draws=50, block=7), 1 / 7)
    assert intervals.resampled_means(items, seed=0, draws=50, block=1).std() > 0.02


def test_a_block_as_long_as_the_data_is_no_certainty():
    low, high = intervals.bootstrap(np.random.default_rng(8).normal(size=50), lambda m: m, seed=0, block=1000)
    assert high - low > 0.2


def test_columns_are_drawn_together():
    items = np.random.default_rng(3).normal(size=(60, 1)) * [1.0, -2.0]
    means = intervals.resampled_means(items, seed=4, draws=50, block=4)
    assert np.allclose(means[:, 1], -2 * means[:, 0])


def test_memory_stays_bounded_for_100_000_items():
    tracemalloc.start()
    intervals.resampled_means(np.ones(100_000), seed=0, draws=200)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6  # all 200 draws at once would take 320 MB


def _coverage(block: int, memory: float) -> float:
    generator, held = np.random.default_rng(5), []
    for seed in range(150):
        noise = generator.normal(size=(50 + 300))
        series = np.zeros(350)
        for t in range(1, 350):
            series[t] = memory * series[t - 1] + noise[t]
        low, high = intervals.bootstrap(series[50:], lambda means: means, seed, draws=400, block=block)
        held.append(low <= 0.0 <= high)
    return float(np.mean(held))


def test_the_bootstrap_covers_where_items_are_independent():
    assert 0.90 <= _coverage(block=1, memory=0.0) <= 0.99


def test_blocks_are_needed_where_items_depend_on_each_other():
    assert _coverage(block=1, memory=0.7) < 0.75  # the reason for the option
    assert _coverage(block=25, memory=0.7) > 0.85


def _outcomes() -> dict[str, outcomes.Outcome]:
    generator = np.random.default_rng(6)
    truth, series = generator.integers(0, 3, 400), generator.normal(size=400)
    probability = 0.6 * generator.dirichlet(np.ones(3), 400) + 0.4 * np.eye(3)[truth]
    return {
        "classification": outcomes.classification(truth, probability),
        "regression": outcomes.regression(series, series + generator.normal(size=400) / 2),
        "language": outcomes.language(generator.exponential(size=400)),
    }


@pytest.mark.parametrize("kind", ["classification", "regression", "language"])
@pytest.mark.parametrize("block", [1, 8])
def test_every_metric_has_an_interval_around_it(kind, block):
    outcome = _outcomes()[kind]
    for metric, value in outcome.metrics.items():
        low, high = intervals.interval_of(outcome, metric, seed=1, block=block)
        assert low < value < high
        assert (low, high) == intervals.interval_of(outcome, metric, seed=1, block=block)


def test_units_of_one_interval_agree():
    language = _outcomes()["language"]
    nats, bits, perplexity = (np.array(intervals.interval_of(language, m)) for m in language.metrics)
    assert bits == pytest.approx(nats / np.log(2))
    assert perplexity == pytest.approx(np.exp(nats))


def test_f1_interval_equals_drawing_the_items_themselves():
    outcome = _outcomes()["classification"]
    truth, prediction = outcome.details["truth"], outcome.details["prediction"]
    generator, drawn = np.random.default_rng(0), []
    for _ in range(1000):
        rows = generator.integers(400, size=400)
        drawn.append(outcomes.metrics.f1(truth[rows], prediction[rows], 3))
    assert intervals.interval_of(outcome, "f1_macro") == pytest.approx(intervals.ends(np.array(drawn)), abs=0.01)


def test_an_unknown_metric_gets_the_nearest_name():
    with pytest.raises(DataError, match="Did you mean `rmse`"):
        intervals.interval_of(_outcomes()["regression"], "rsme")


@pytest.mark.parametrize("kind", ["classification", "regression", "language"])
def test_a_metric_is_its_function_of_item_means_on_any_resample(kind):
    outcome, rows = _outcomes()[kind], np.random.default_rng(7).integers(400, size=12)
    truth = outcome.details.get("truth")
    if kind == "classification":
        expected = {"accuracy": outcome.items[rows].mean(), "log_loss": outcome.details["nats"][rows].mean()}
    elif kind == "regression":
        expected = outcomes.regression(truth[rows], outcome.details["forecast"][rows]).metrics
    else:
        expected = outcomes.language(outcome.items[rows]).metrics
    for metric, value in expected.items():
        columns, statistic = intervals.form(metric)
        assert statistic(columns(outcome)[rows].mean(axis=0)[None])[0] == pytest.approx(value)
