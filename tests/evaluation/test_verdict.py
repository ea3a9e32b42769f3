"""A verdict is about the best rival, and is seldom wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rekur.errors import DataError
from rekur.evaluation import outcomes, verdict


def _classifier(truth: np.ndarray, right: float, seed: int) -> outcomes.Outcome:
    generator = np.random.default_rng(seed)
    named = np.where(generator.random(len(truth)) < right, truth, 1 - truth)
    return outcomes.classification(truth, np.eye(2)[named])


TRUTH = np.arange(2000) % 2


@pytest.fixture
def rivals():
    return {
        "majority": _classifier(TRUTH, 0.5, 0),
        "NB-SVM": _classifier(TRUTH, 0.9, 1),
        "weak": _classifier(TRUTH, 0.7, 2),
    }


@pytest.mark.parametrize(("right", "expected"), [(0.96, "better"), (0.9, "not distinguishable"), (0.8, "worse")])
def test_versus_is_about_the_best_rival(rivals, right, expected):
    ours = _classifier(TRUTH, right, 3)
    found = verdict.versus(ours, rivals, "accuracy", True, "mcnemar")
    assert found["baseline"] == "NB-SVM"
    assert found["verdict"] == expected
    assert found["difference"] == pytest.approx(ours.metrics["accuracy"] - rivals["NB-SVM"].metrics["accuracy"])
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
@pytest.mark.parametrize(("spread", "expected"), [(0.5, "better"), (1.02, "not distinguishable"), (2.0, "worse")])
def test_versus_of_forecasts_is_in_the_unit_of_the_metric(metric, spread, expected):
    generator = np.random.default_rng(4)
    truth = 100 * generator.normal(size=400)
    rivals = {
        "persistence": outcomes.regression(truth, truth + 30 * generator.normal(size=400)),
        "drift": outcomes.regression(truth, truth + 60 * generator.normal(size=400)),
    }
    ours = outcomes.regression(truth, truth + 30 * spread * generator.normal(size=400))
    found = verdict.versus(ours, rivals, metric, metric == "r2", "diebold_mariano")
    assert (found["baseline"], found["verdict"]) == ("persistence", expected)
    assert found["difference"] == pytest.approx(ours.metrics[metric] - rivals["persistence"].metrics[metric])
    low, high = found["interval"]
    assert low < found["difference"] < high
    assert (low <= 0 <= high) == (expected == "not distinguishable")  # the interval and the p-value never disagree


@pytest.mark.parametrize("metric", ["nats", "bits", "perplexity"])
def test_versus_of_language_models(metric):
    generator = np.random.default_rng(5)
    theirs = generator.exponential(2.0, size=3000)
    ours = outcomes.language(theirs * generator.uniform(0.7, 1.1, size=3000))
    found = verdict.versus(ours, {"5-gram": outcomes.language(theirs)}, metric, False, "bootstrap", seed=1, block=10)
    assert found["verdict"] == "better"
    assert found["difference"] == pytest.approx(ours.metrics[metric] - float(outcomes.language(theirs).metrics[metric]))
    assert found["interval"][1] < 0


def test_a_network_that_only_repeats_yesterday_is_never_better():
    # On random walks the best forecast is the last value; a copy of it with noise must not be called better.
    generator, said = np.random.default_rng(6), []
    for _ in range(200):
        walk = np.cumsum(generator.normal(size=101))
        rivals = {"persistence": outcomes.regression(walk[1:], walk[:-1])}
        ours = outcomes.regression(walk[1:], walk[:-1] + 0.1 * generator.normal(size=100))
        said.append(verdict.versus(ours, rivals, "rmse", False, "diebold_mariano")["verdict"])
    assert said.count("better") <= 8  # 2.5 % expected, less what the noise costs
    assert said.count("not distinguishable") > 150


def test_versus_refuses():
    ours = _classifier(TRUTH, 0.9, 7)
    with pytest.raises(DataError, match="no baseline"):
        verdict.versus(ours, {}, "accuracy", True, "mcnemar")
    with pytest.raises(DataError, match="McNemar"):
        verdict.versus(ours, {"a": ours}, "log_loss", False, "mcnemar")


def test_chance():
    truth = np.repeat([0, 1], [1400, 600])
    better = verdict.chance(_classifier(truth, 0.8, 0), truth)
    assert better["verdict"] == "better"
    assert better["rate"] == 0.7
    assert verdict.chance(_classifier(truth, 0.5, 0), truth)["verdict"] == "worse than chance"
    always = outcomes.classification(truth, np.tile([0.7, 0.3], (2000, 1)))
    found = verdict.chance(always, truth)
    assert (found["verdict"], found["p_value"]) == ("not distinguishable from chance", 1.0)
    assert found["interval"][0] < 0.7 < found["interval"][1]


def test_chance_is_seldom_mistaken_for_skill():
    said = [verdict.chance(_classifier(TRUTH, 0.5, seed), TRUTH)["verdict"] for seed in range(300)]
    assert said.count("not distinguishable from chance") >= 275
