"""What a person sees while a model trains."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from rekur.training import progress
from rekur.training.events import Moment, Plan
from rekur.training.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def train(shown: Progress, clock: Clock, seconds: float, epochs: int = 2, batches: int = 100) -> None:
    """Let a training of `seconds` a step pass by."""
    shown.on_stage("data")
    shown.on_start(Plan("toy", epochs, batches))
    for epoch in range(epochs):
        for batch in range(1, batches + 1):
            clock.now += seconds
            shown.on_step(Moment(epoch, batch, batches, 64, 0.5))
        shown.on_epoch({"epoch": epoch, "loss": 0.5, "validation_loss": None, "validation_accuracy": 0.875})
    shown.on_end()
    shown.on_stage("test")


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=terminal, width=120, highlight=False), file


def test_elsewhere_plain_lines_at_a_calm_pace(clock: Clock) -> None:
    to, file = console(terminal=False)
    train(Progress(console=to), clock, seconds=0.125)
    lines = file.getvalue().splitlines()
    assert lines[0] == "reading the data ..."
    assert lines[1] == "toy: 2 epochs of 100 batches"
    assert lines[-1] == "testing ..."
    assert len(lines) == 9  # an epoch takes 12.5 s: a line after 5 s, 10 s and at its end
    assert "\x1b" not in file.getvalue()
    assert lines[2] == "epoch 1/2  loss 0.5000  batch 40/100  512 items/s  0:20 left"
    assert lines[7] == "epoch 2/2  loss 0.5000  validation accuracy 0.8750  512 items/s  0:00 left"


def test_short_epochs_do_not_flood(clock: Clock) -> None:
    to, file = console(terminal=False)
    train(Progress(console=to), clock, seconds=0.001, epochs=300, batches=10)
    assert len(file.getvalue().splitlines()) <= 3 + 4


def test_a_terminal_is_redrawn_four_times_a_second_at_most(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []
    refresh = progress.Bar.refresh

    def counted(bar: Any) -> None:
        drawn.append(clock.now)
        refresh(bar)

    to, file = console(terminal=True)
    shown = Progress(console=to)
    monkeypatch.setattr(progress.Bar, "refresh", counted)
    train(shown, clock, seconds=0.01)
    steps = [now for now in drawn if 100.0 < now < 102.0]
    assert 6 <= len(steps) <= 8
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    assert "toy: 2 epochs of 100 batches" in text
    assert "epoch 1/2  loss 0.5000" in text
    assert "6,400 items/s" in text
    assert shown.bar is None


def test_quiet_is_silent(clock: Clock) -> None:
    for terminal in (False, True):
        to, file = console(terminal)
        shown = Progress(quiet=True, console=to)
        train(shown, clock, seconds=1.0)
        shown.on_warning("beware")
        shown.on_note("news")
        assert file.getvalue() == ""


def test_a_warning_is_said() -> None:
    to, file = console(terminal=False)
    Progress(console=to).on_warning("beware of [brackets]")
    assert file.getvalue() == "warning: beware of [brackets]\n"


def test_a_resumed_training_counts_its_own_pace(clock: Clock) -> None:
    to, file = console(terminal=False)
    shown = Progress(console=to)
    shown.on_start(Plan("toy", 2, 100, done=100))
    for batch in range(1, 61):
        clock.now += 0.125
        shown.on_step(Moment(1, batch, 100, 64, 0.5))
    assert file.getvalue().splitlines()[1:] == ["epoch 2/2  loss 0.5000  batch 40/100  512 items/s  0:08 left"]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61, "1:01"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert progress._clock(seconds) == text
