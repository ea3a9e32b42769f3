"""Training log oddities in runs; those of scripts stand in test_schedule.py, beside the other scripts."""

from __future__ import annotations

import pytest

from rekur.doctor.checks import log
from rekur.doctor.patient import RunRecord

TESTED = {"part": "test", "epoch": 5, "accuracy": 0.81, "log_loss": 0.42}


def run(evaluations=(), epochs=0, batch=64, validation=None, test=None):
    history = [{"epoch": at, "loss": 1.0, **({"validation_loss": 1.0} if validation else {})} for at in range(epochs)]
    metrics = {"evaluations": list(evaluations), "test": test or {"log_loss": 0.42}, "validation": validation or {}}
    return RunRecord({"training": {"batch": batch}}, metrics, history)


def codes_of(record):
    return [(finding.code, finding.severity) for finding in log.of_run(record)]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (run([TESTED] * 5), ("RK-LOG-01", "fault")),
        (run([{**TESTED, "part": "validation"}] * 2), ("RK-LOG-01", "warning")),
        (run([{**TESTED, "log_loss": 0.42 / 64}]), ("RK-LOG-02", "fault")),
        (run([{**TESTED, "log_loss": 0.42 / 63.3}]), ("RK-LOG-02", "fault")),
        (run([{**TESTED, "log_loss": 0.21}]), ("RK-LOG-02", "warning")),
        (run([TESTED], epochs=301), ("RK-LOG-04", "note")),
    ],
    ids=["five tests", "two validations", "by examples", "a short last batch", "by another count", "no validation"],
)
def test_an_oddity_is_found(record, expected):
    assert codes_of(record) == [expected]


@pytest.mark.parametrize(
    "record",
    [
        run(),
        run([TESTED], epochs=10, validation={"loss": 0.5}),
        run([{**TESTED, "epoch": epoch} for epoch in range(5)], epochs=5, validation={"loss": 0.5}),
        run([{**TESTED, "part": part} for part in ("train", "validation", "test")]),
        run([{"part": "test", "epoch": 5, "rmse": 3.0}], test={"rmse": 3.0}),
        run([TESTED], epochs=1),
        run([{**TESTED, "log_loss": None}]),
        run([{**TESTED, "log_loss": 0.421}]),
    ],
    ids=[
        "nothing logged",
        "one test",
        "a test an epoch",
        "three parts",
        "no log loss",
        "one epoch",
        "not finite",
        "rounding",
    ],
)
def test_a_sound_log_passes(record):
    assert codes_of(record) == []


def test_repeated_tests_are_drawn():
    (finding,) = log.of_run(run([TESTED] * 5))
    assert finding.curve is not None
    assert finding.curve.y == [0.81] * 5
