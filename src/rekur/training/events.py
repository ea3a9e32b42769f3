"""What the loop announces, and who may listen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    """What a training is about to do."""

    name: str
    epochs: int
    batches: int  # of the first epoch; a later one may have a few more or less
    done: int = 0  # batches done before a resumed training went on


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the training stands after a step."""

    epoch: int  # from 0
    batch: int  # batches of this epoch that are done
    batches: int
    items: int  # of this batch
    loss: float  # mean over this epoch so far


class Listener:
    """Hears what happens; a subclass overrides what it cares for. A listener must not change the training."""

    def on_stage(self, name: str) -> None:
        """A part of the work begins: "data", "train", "test", "baselines", "forms" or "doctor"."""

    def on_start(self, plan: Plan) -> None:
        """The first step is next."""

    def on_step(self, moment: Moment) -> None:
        """A batch was learnt."""

    def on_epoch(self, entry: Mapping[str, Any]) -> None:
        """An epoch ended; `entry` is its line of history.jsonl."""

    def on_end(self) -> None:
        """The training is over, however it ended."""

    def on_note(self, text: str) -> None:
        """A piece of news, as of the recipes of the starter shelf that run side by side."""

    def on_warning(self, text: str) -> None:
        """Something a person should know, and that stops nothing."""


class Audience(Listener):
    """Several listeners as one."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self.listeners = tuple(listeners)

    def on_stage(self, name: str) -> None:
        for listener in self.listeners:
            listener.on_stage(name)

    def on_start(self, plan: Plan) -> None:
        for listener in self.listeners:
            listener.on_start(plan)

    def on_step(self, moment: Moment) -> None:
        for listener in self.listeners:
            listener.on_step(moment)

    def on_epoch(self, entry: Mapping[str, Any]) -> None:
        for listener in self.listeners:
            listener.on_epoch(entry)

    def on_end(self) -> None:
        for listener in self.listeners:
            listener.on_end()

    def on_warning(self, text: str) -> None:
        for listener in self.listeners:
            listener.on_warning(text)
