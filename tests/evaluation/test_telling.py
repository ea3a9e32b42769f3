"""A verdict is told plainly, and without anything heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rekur.evaluation import telling


def test_telling_a_verdict_imports_nothing_heavy() -> None:
    code = "import sys, rekur.evaluation.telling; sys.exit(any(m in sys.modules for m in ('numpy', 'scipy', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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
            _run("better", -0.0123, [-0.0150, -0.0101], "nats", "5-gram Kneser-Ney"),
            "Better than 5-gram Kneser-Ney by 0.0123 nats a character (95 % interval 0.0101 to 0.0150, p = 0.0003).",
        ),
        (
            _run("not distinguishable", 1.0, [-1.0, float("inf")], "perplexity"),
            "Not distinguishable from NB-SVM: 1.00 behind in perplexity (95 % interval -1.00 to inf, p = 0.0003).",
        ),
        ({"versus": None, "chance": None}, "There is no baseline to compare with; nothing is claimed."),
    ],
)
def test_sentence(run, said):
    assert telling.sentence(run) == said


def test_sentence_of_a_model_at_chance():
    chance = {"rate": 0.5, "p_value": 0.61, "verdict": "not distinguishable from chance"}
    run = {**_run("worse", -0.41, [-0.42, -0.4], p=0.0), "chance": chance, "test": {"accuracy": 0.5016}}
    assert telling.sentence(run).startswith(
        "The accuracy, 50.2 %, is not distinguishable from chance (the commonest class alone gives 50.0 %; p = 0.61). "
        "Worse than NB-SVM by 41.0 points"
    )


@pytest.mark.parametrize("ours", [30.0, 27.0])
def test_persistence_that_is_not_the_best_rival_is_told_as_two_numbers_and_no_verdict(ours):
    run = _run("worse", 3.0, [1.0, 5.0], "rmse", "linear autoregression")
    run |= {"test": {"rmse": ours}, "baselines": {"persistence": {"rmse": 27.5}}}
    told = f"For comparison, untested: repeating yesterday's value has RMSE 27.5, this model {ours:.4g}."
    assert telling.sentence(run).endswith(f"). {told}")
    run["versus"]["baseline"] = "persistence"
    assert "For comparison" not in telling.sentence(run)


def test_the_least_p_value_of_the_bootstrap_is_not_told_as_an_estimate():
    run = _run("better", -0.1, [-0.2, -0.05], "nats", p=2 / 2001)
    run["versus"]["test"] = "bootstrap"
    assert "p < 0.001)" in telling.sentence(run)


@pytest.mark.parametrize(("accuracy", "said"), [(0.519, True), (0.549, True), (0.55, False), (0.9, False)])
def test_an_accuracy_barely_above_chance_is_called_that_however_significant(accuracy, said):
    run = {"test": {"accuracy": accuracy}, "chance": {"verdict": "better", "rate": 0.5, "p_value": 1e-9}}
    assert ("barely above chance (the commonest class alone gives 50.0 %)" in telling.sentence(run)) is said


def test_a_step_of_a_forecast_is_no_day():
    versus = {"baseline": "Theta", "metric": "mae", "difference": -1.0, "interval": [-2.0, -0.5], "p_value": 0.01,
              "test": "bootstrap", "verdict": "better"}  # fmt: skip
    run = {"task": "forecast", "test": {"mae": 4.0}, "baselines": {"persistence": {"mae": 9.0}}, "versus": versus}
    assert "repeating the last value has mean absolute error 9, this model 4." in telling.sentence(run)
    assert "yesterday" in telling.sentence({**run, "task": "series"})
