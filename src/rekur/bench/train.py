"""`rekur bench train`: whole recipes trained by torch's kernels and by the native engine, batch by batch in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur import config, engine, tasks
from rekur.bench.timing import compute_on
from rekur.config import Config
from rekur.errors import RequestError
from rekur.nn import threads as threads_here
from rekur.tasks.base import Task, seed_torch
from rekur.training.events import Audience
from rekur.training.loop import Training

RECIPES = ("imdb-gru", "mnist-bilstm")
BATCHES = 100

Row = dict[str, Any]


@dataclass
class Contestant:
    """One training, and the engine that computes it."""

    engine: str
    training: Training
    learning: list[float] = field(default_factory=list)  # seconds of each batch
    judging: list[float] = field(default_factory=list)  # seconds of validation after each epoch

    def learn(self, rows: NDArray[np.int64], batches: int) -> None:
        """Learn one of the epoch's `batches`."""
        self._timed(self.learning, lambda: self.training.learn(rows, batches))

    def close_epoch(self) -> None:
        """Validate, as the training loop does behind each epoch."""
        self._timed(self.judging, lambda: self.training.close_epoch(*self.training.judge()))

    def accuracy(self, task: Task) -> float:
        """Return the accuracy on the test part of the weights that count."""
        engine.select(self.engine)
        self.training.result()
        return float(task.test(self.training.model).outcome.metrics[task.metric])

    def _timed(self, seconds: list[float], work: Callable[[], object]) -> None:
        engine.select(self.engine)
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)


def measure(
    recipes: Sequence[str],
    threads: int,
    *,
    batches: int | None = None,
    epochs: int | None = None,
    quick: bool = False,
    data: Path | None = None,
    seed: int = 1,
) -> Iterator[Row]:
    """Yield a row for each recipe, trained for `batches` batches (by default 100) or for whole `epochs`.

    Raises RequestError without a native engine and for a recipe without an accuracy, ConfigError for one that is not on
    the shelf, DataError where its data are not here.
    """
    native = native_engine()
    compute_on(threads)
    threads_here.keep_memory()
    for name in recipes:
        settings = config.load(name)
        settings = config.override(settings, settings.smoke) if quick else settings
        task = tasks.create(settings, seed, data)
        if task.metric != "accuracy":
            raise RequestError(
                f"bench train: expected a recipe that classifies; got `{name}`, judged by {task.metric}."
            )
        task.load()
        contestants = [_contestant(kind, task, seed) for kind in ("torch", native)]
        batches_an_epoch = _train(task, contestants, batches or BATCHES, epochs)
        found = {one.engine: figures(one, settings, batches_an_epoch) for one in contestants}
        for one in contestants:
            found[one.engine]["accuracy"] = one.accuracy(task)
        yield {"recipe": name, "threads": threads, "epochs": epochs, "engines": found, **ratios(contestants)}


def native_engine() -> str:
    """Return the instruction set to compare with torch: the selected one, else the best; raises RequestError."""
    if not engine.SETS:
        raise RequestError(
            f"bench train: expected the native engine beside torch's kernels; got none ({engine.reason}). "
            "Install rekur where a C++ compiler is, or a wheel that brings the engine; `rekur check` shows it."
        )
    return engine.SETS[0] if engine.selected() == "torch" else engine.selected()


def figures(one: Contestant, settings: Config, batches: int) -> Row:
    """Return seconds: of the batches learnt, the median one, and an epoch and the whole recipe at their pace."""
    learning = sum(one.learning)
    epoch = learning / len(one.learning) * batches + (median(one.judging) if one.judging else 0.0)
    return {
        "batches": len(one.learning),
        "seconds": learning + sum(one.judging),
        "median_batch": median(one.learning),
        "epoch": epoch,
        "recipe": epoch * settings.training.epochs,
    }


def ratios(contestants: Sequence[Contestant]) -> Row:
    """Return how many times the native engine's seconds torch's are: all of them, and the median batch's pair."""
    theirs, ours = contestants
    pairs = [a / b for a, b in zip(theirs.learning, ours.learning, strict=True)]
    return {"ratio": sum(theirs.learning) / sum(ours.learning), "median_ratio": median(pairs)}


def _contestant(kind: str, task: Task, seed: int) -> Contestant:
    engine.select(kind)
    seed_torch(seed)
    return Contestant(kind, Training(task, task.build().train(), task.config.training, None, Audience(()), 1e9))


def _train(task: Task, contestants: Sequence[Contestant], batches: int, epochs: int | None) -> int:
    """Let the contestants learn the same batches in turns; return how many an epoch has."""
    _warm_up(task, contestants)
    for epoch in range(epochs or 1):
        rows = task.batches(epoch)
        chosen = rows if epochs else rows[:batches]
        for one in contestants:
            one.training.model.train()
        for number, batch in enumerate(chosen):
            for one in contestants if number % 2 else reversed(contestants):
                one.learn(batch, len(rows))
        for one in contestants if epochs else ():
            one.close_epoch()
    return len(rows)


def _warm_up(task: Task, contestants: Sequence[Contestant]) -> None:
    """Go forward and back once, without a step: what the first batch makes for later ones is not part of the time."""
    for one in contestants:
        engine.select(one.engine)
        task.step(one.training.model, task.batches(0)[0], None).loss.backward()  # type: ignore[no-untyped-call]
        one.training.optimizer.clear()
