"""A verdict is about the best rival, is seldom wrong, and is told plainly."""

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


def _run(
    word: str,
    difference: float,
    interval: list[float],
    metric: str = "accuracy",
    rival: str = "NB-SVM",
    p: float = 0.0003,
):
    versus = {"baseline": rival, "metric": metric, "difference": difference, "interval": interval}
    return {"versus": {**versus, "p_value": p, "test": "mcnemar", "verdict": word}}


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            _run("better", 0.008, [0.004, 0.011]),
            "Better than NB-SVM by 0.8 points of accuracy (95 % interval 0.4 to 1.1, p = 0.0003).",
        ),
        (
            _run("worse", -0.051, [-0.058, -0.044], p=1e-9),
            "Worse than NB-SVM by 5.1 points of accuracy (95 % interval 4.4 to 5.8, p < 0.0001).",
        ),
        (
            _run("not distinguishable", -0.001, [-0.005, 0.003], p=0.62),
            "Not distinguishable from NB-SVM: 0.1 points of accuracy behind (95 % interval -0.3 to 0.5, p = 0.62).",
        ),
        (
            _run("not distinguishable", 1.2, [-0.5, 2.9], "rmse", "persistence", 0.2),
            "Not better than repeating yesterday's value: 1.2 behind in RMSE, not distinguishable "
            "(95 % interval -0.5 to 2.9, p = 0.2).",
        ),
        (
            _run("worse", 12.0, [4.0, 20.0], "rmse", "persistence", 0.004),
            "Worse than repeating yesterday's value by 12 in RMSE (95 % interval 4 to 20, p = 0.004).",
        ),
        (
            _run("better", -1203.0, [-1900.0, -500.0], "mae", "persistence", 0.01),
            "Better than repeating yesterday's value by 1,203 in mean absolute error "
            "(95 % interval 500 to 1,900, p = 0.01).",
        ),
        (
            _run("better", -0.0123, [-0.0150, -0.0101], "nats", "5-gram counts"),
            "Better than 5-gram counts by 0.0123 nats a character (95 % interval 0.0101 to 0.0150, p = 0.0003).",
        ),
        ({"versus": None, "chance": None}, "There is no baseline to compare with; nothing is claimed."),
    ],
)
def test_sentence(run, said):
    assert verdict.sentence(run) == said


def test_sentence_of_a_model_at_chance():
    chance = {"rate": 0.5, "p_value": 0.61, "verdict": "not distinguishable from chance"}
    run = {**_run("worse", -0.41, [-0.42, -0.4], p=0.0), "chance": chance, "test": {"accuracy": 0.5016}}
    assert verdict.sentence(run).startswith(
        "The accuracy, 50.2 %, is not distinguishable from chance (the commonest class alone gives 50.0 %; p = 0.61). "
        "Worse than NB-SVM by 41.0 points"
    )


@pytest.mark.parametrize("ours", [30.0, 27.0])
def test_persistence_that_is_not_the_best_rival_is_told_as_two_numbers_and_no_verdict(ours):
    run = _run("worse", 3.0, [1.0, 5.0], "rmse", "linear autoregression")
    run |= {"test": {"rmse": ours}, "baselines": {"persistence": {"rmse": 27.5}}}
    told = f"For comparison, untested: repeating yesterday's value has RMSE 27.5, this model {ours:.4g}."
    assert verdict.sentence(run).endswith(f"). {told}")
    run["versus"]["baseline"] = "persistence"
    assert "For comparison" not in verdict.sentence(run)


def test_the_least_p_value_of_the_bootstrap_is_not_told_as_an_estimate():
    run = _run("better", -0.1, [-0.2, -0.05], "nats", p=2 / 2001)
    run["versus"]["test"] = "bootstrap"
    assert "p < 0.001)" in verdict.sentence(run)
