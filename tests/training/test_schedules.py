"""Learning rates over a training."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rekur.config import TrainingSettings
from rekur.training.schedules import rate


def test_none_is_constant() -> None:
    settings = TrainingSettings(learning_rate=0.1)
    assert {rate(settings, epoch, epoch / 10) for epoch in range(10)} == {0.1}


def test_step_falls_after_every_few_epochs() -> None:
    settings = TrainingSettings(learning_rate=1.0, schedule="step", step_epochs=3, step_factor=0.1)
    assert [rate(settings, epoch, 0.5) for epoch in range(7)] == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01])


def test_one_cycle_equals_torch() -> None:
    steps = 1001
    settings = TrainingSettings(learning_rate=0.3, schedule="one_cycle")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=steps)
    for step in range(steps):
        # torch's last step stands at steps - 1, ours at the end of the training
        ours = rate(settings, 0, step / (steps - 1))
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-3)
        optimizer.step()
        if step + 1 < steps:
            theirs.step()


@given(st.floats(0, 2))
def test_one_cycle_stays_between_nothing_and_the_highest(done: float) -> None:
    settings = TrainingSettings(learning_rate=0.3, schedule="one_cycle")
    assert 0 < rate(settings, 0, done) <= 0.3
