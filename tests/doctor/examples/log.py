"""A run whose test part was read five times with the same weights; and one that reads it once."""

from __future__ import annotations

from typing import Any

from rekur.doctor.patient import Patient, RunRecord


def tested(times: int, printed: float) -> Patient:
    """Return a run of five epochs with `times` tests at its end, which printed this loss."""
    evaluation: dict[str, Any] = {"part": "test", "epoch": 5, "accuracy": 0.81, "log_loss": printed}
    return Patient(
        run=RunRecord(
            config={"training": {"batch": 64}},
            metrics={
                "evaluations": [evaluation] * times,
                "test": {"accuracy": 0.81, "log_loss": 0.42},
                "validation": {"loss": 0.43},
            },
            history=[{"epoch": at, "loss": 0.6 - 0.05 * at, "validation_loss": 0.5 - 0.01 * at} for at in range(5)],
        )
    )


def faulty() -> Patient:
    """Return five tests of one epoch's weights, and a loss divided by the number of examples."""
    return tested(5, 0.42 / 64)


def sound() -> Patient:
    """Return one test."""
    return tested(1, 0.42)
