"""A script with a learning rate it never uses, beside a run that never left a guess; and both as they should be."""

from __future__ import annotations

from pathlib import Path

from rekur.doctor.patient import Patient, RunRecord, Source

SCRIPT = """
import torch

learning_rate = 0.001
model = torch.nn.GRU(8, 16)
optimizer = torch.optim.Adam(model.parameters(), lr={rate})
for epoch in range(5):
    for x, y in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x)[0], y)
        loss.backward()
        optimizer.step()
"""


def record(losses: list[float], constants: dict[str, float]) -> RunRecord:
    """Return a run over two classes, equally common, with these losses of the epochs."""
    return RunRecord(
        config={"training": {"learning_rate": 0.0001, "batch": 64}, "script": {"constants": constants}},
        metrics={"baselines": {"majority": {"log_loss": 0.6932}}, "validation": {"loss": losses[-1]}},
        history=[{"epoch": at, "loss": loss, "validation_loss": loss} for at, loss in enumerate(losses)],
    )


def faulty() -> Patient:
    """Return a script and a run in which a learning rate is set and another one used."""
    source = Source({Path("train.py"): SCRIPT.format(rate="0.0001")})
    return Patient(source=source, run=record([0.6951, 0.6934, 0.6941, 0.6929, 0.6926], {"learning_rate": 0.001}))


def sound() -> Patient:
    """Return the same with the learning rate passed on, and a loss that falls."""
    source = Source({Path("train.py"): SCRIPT.format(rate="learning_rate")})
    return Patient(source=source, run=record([0.68, 0.57, 0.49, 0.43, 0.4], {}))
