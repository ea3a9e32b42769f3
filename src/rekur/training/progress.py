"""Progress on stderr: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from rekur.training.events import Listener, Moment, Plan
from rekur.wording import counted

REDRAW = 0.25  # seconds between two drawings of the bar
LINE = 5.0  # seconds between two plain lines
STAGES = {"data": "reading the data", "test": "testing", "baselines": "fitting the baselines", "doctor": "examining"}
SHOWN = ("loss", "accuracy", "validation_loss", "validation_accuracy")  # of an epoch's entry


class Progress(Listener):
    """Shows where the training stands, how fast it goes and how long it still takes."""

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self.quiet = quiet
        self.console = console or Console(file=sys.stderr, highlight=False)
        self.bar: Bar | None = None
        self.plan = Plan("", 0, 0)
        self._drawn = 0.0

    def on_stage(self, name: str) -> None:
        if not self.quiet and name in STAGES:
            self._say(f"{STAGES[name]} ...")

    def on_start(self, plan: Plan) -> None:
        self.plan, self.began, self.items = plan, time.monotonic(), 0
        self._drawn = 0.0 if self.console.is_terminal else self.began
        if self.quiet or plan.epochs == 0:
            return
        self._say(f"{plan.name}: {counted(plan.epochs, 'epoch')} of {counted(plan.batches, 'batch', 'batches')}")
        if not self.console.is_terminal:
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.fields[pace]}"),
        )
        self.bar = Bar(
            *columns,
            console=self.console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.bar.start()
        self.line = self.bar.add_task(plan.name, total=plan.epochs * plan.batches, completed=plan.done, pace="")

    def on_step(self, moment: Moment) -> None:
        self.items += moment.items
        if self.quiet or time.monotonic() - self._drawn < (REDRAW if self.bar else LINE):
            return
        self._drawn = time.monotonic()
        done = moment.epoch * self.plan.batches + moment.batch
        place = f"epoch {moment.epoch + 1}/{self.plan.epochs}  loss {moment.loss:.4f}"
        if self.bar:
            self.bar.update(self.line, completed=done, description=place, pace=self._pace(done))
            self.bar.refresh()
        else:
            self._say(f"{place}  batch {moment.batch}/{moment.batches}  {self._pace(done)}")

    def on_epoch(self, entry: Mapping[str, Any]) -> None:
        last = entry["epoch"] + 1 == self.plan.epochs
        if self.quiet or self.bar or (time.monotonic() - self._drawn < 1.0 and not last):
            return
        self._drawn = time.monotonic()
        figures = "  ".join(f"{k.replace('_', ' ')} {entry[k]:.4f}" for k in SHOWN if entry.get(k) is not None)
        done = (entry["epoch"] + 1) * self.plan.batches
        self._say(f"epoch {entry['epoch'] + 1}/{self.plan.epochs}  {figures}  {self._pace(done)}")

    def on_end(self) -> None:
        if self.bar:
            self.bar.stop()
            self.bar = None

    def on_note(self, text: str) -> None:
        if not self.quiet:
            self._say(text)

    def on_warning(self, text: str) -> None:
        if not self.quiet:
            self._say(f"warning: {text}")

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def _pace(self, done: int) -> str:
        """Items a second since this training began or went on, and the time left at that pace."""
        spent = max(time.monotonic() - self.began, 1e-9)
        here = done - self.plan.done
        left = (self.plan.epochs * self.plan.batches - done) * spent / max(here, 1)
        return f"{self.items / spent:,.0f} items/s  {_clock(left)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
