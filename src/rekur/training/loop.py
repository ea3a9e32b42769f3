"""The training loop: `Training.epochs` is the loop, the rest is what it calls.

It knows tasks only by `rekur.tasks.base.Task`, announces what happens to listeners, and can be stopped
anywhere: what it needs to go on to the same bits is in `Training.state`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rekur.config import TrainingSettings
from rekur.errors import Interrupted, RefusedModelError, RekurError
from rekur.runs import Run, to_json
from rekur.tasks.base import State, Task, seed_torch
from rekur.training import checkpoints
from rekur.training.averages import Average, EpochMean
from rekur.training.events import Audience, Listener, Moment, Plan
from rekur.training.optimizers import Optimizer
from rekur.training.schedules import rate
from rekur.training.stopping import Stop

SAVE_EVERY = 30.0  # seconds between two checkpoints inside an epoch
EPOCH_GAP = 1.0  # seconds at least between two checkpoints: epochs of milliseconds are not worth one each
SAVING_SHARE = 0.05  # of the time at most goes into checkpoints, however slow the disk


@dataclass(frozen=True)
class FitResult:
    """How the training went; the model holds the weights that count."""

    epochs: int  # epochs done
    seconds: float  # of all of them, before and after a resume
    best_epoch: int | None  # from 0, the one with the least validation loss; None: none was better than the start
    validation: dict[str, float]  # metrics of the weights kept
    warnings: list[str]
    items: int = 0  # learned from, in all epochs: examples, tokens or steps, as the task counts them


@dataclass
class Position:
    """Where the training stands: all its counters."""

    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done
    steps: int = 0
    items: int = 0  # of this epoch
    seen: int = 0  # items of all epochs
    sums: dict[str, float] = field(default_factory=dict)  # of loss and metrics over this epoch's items
    seconds: float = 0.0
    best_epoch: int | None = None
    best_loss: float = math.inf
    validation: dict[str, float] = field(default_factory=dict)  # of the weights that would be kept now
    rate: float = 0.0  # learning rate of the last step
    warnings: list[str] = field(default_factory=list)


def fit(
    task: Task,
    model: nn.Module,
    settings: TrainingSettings,
    *,
    run: Run | None = None,
    seed: int = 1,
    listeners: Iterable[Listener] = (),
    resume: bool = False,
    save_every: float = SAVE_EVERY,
) -> FitResult:
    """Train `model` on `task` and leave in it the weights that `settings.keep` and `settings.average` name.

    Args:
        run: where the history and the checkpoint go; None keeps neither.
        seed: of dropout, and of whatever else draws from torch's generator.
        resume: go on from the checkpoint of `run`, to the bits an unbroken training gives.
        save_every: seconds between two checkpoints inside an epoch.

    Raises Interrupted after Ctrl-C or SIGTERM, the checkpoint written; RekurError if the loss is not finite.
    """
    training = Training(task, model, settings, run, Audience(listeners), save_every)
    seed_torch(seed)
    if resume:
        training.restore()
    training.announce()
    try:
        with training.stop:
            training.epochs_and_checkpoint()
    finally:
        training.audience.on_end()
    return training.result()


class Training:
    """One training: model, optimizer, average, counters, and the loop over them."""

    def __init__(
        self,
        task: Task,
        model: nn.Module,
        settings: TrainingSettings,
        run: Run | None,
        audience: Audience,
        save_every: float,
    ) -> None:
        self.task, self.model, self.settings, self.run, self.audience = task, model, settings, run, audience
        self.optimizer = Optimizer(model, settings)
        self.average = Average(model, settings.average) if settings.average else None
        self.mean = EpochMean() if settings.average_last else None
        self.at = Position()
        self.carried: State = None  # the recurrent state between the batches of an epoch
        self.best: dict[str, Tensor] | None = None
        self.history: list[dict[str, Any]] = []
        self.device = next((p.device for p in model.parameters()), torch.device("cpu"))
        self.stop = Stop()
        self.save_every, self.saved_at, self.save_cost = save_every, time.monotonic(), 0.0

    def epochs(self) -> None:
        """Learn batch after batch, epoch after epoch, from wherever the training stands."""
        if self.task.begun and self.settings.keep == "best" and not self.at.steps:
            validation = self.judge()[0]
            if "loss" in validation:
                self._keep(validation)
        while self.at.epoch < self.settings.epochs and not self.tired():
            began = time.monotonic() - self.at.seconds
            batches = self.task.batches(self.at.epoch)
            self.model.train()
            for rows in batches[self.at.batch :]:
                with self.stop.held():
                    moment = self.learn(rows, len(batches))
                    self.at.seconds = time.monotonic() - began
                    self.save_if_due(self.save_every)
                self.audience.on_step(moment)
            validation, notes = self.judge()
            with self.stop.held():
                self.at.seconds = time.monotonic() - began
                self.close_epoch(validation, notes)
                self.save_if_due(min(self.save_every, EPOCH_GAP))
            self.audience.on_epoch(self.history[-1])

    def epochs_and_checkpoint(self) -> None:
        """Run the loop, and write the checkpoint at its end, a signal's included."""
        try:
            self.epochs()
        except Interrupted:
            with self.stop.held():
                self.save()
            said = f"Interrupted in epoch {self.at.epoch}."
            if self.run:
                said += f" The checkpoint is written: continue with `rekur run --resume {self.run.path}`."
            raise Interrupted(said) from None
        with self.stop.held():
            self.save()

    def tired(self) -> bool:
        """Say whether `patience` epochs have gone by without a better validation."""
        patience, best = self.settings.patience, self.at.best_epoch
        if best is None and self.best is not None:
            best = -1  # the start
        return bool(patience) and best is not None and self.at.epoch - 1 - best >= patience

    def learn(self, rows: NDArray[Any], batches: int) -> Moment:
        """Take one step on the batch `rows`, one of `batches` in this epoch; return where that leads."""
        at, settings = self.at, self.settings
        self.optimizer.clear()
        step = self.task.step(self.model, rows, self.carried)
        loss = self._finite("loss", step.loss.item())
        step.loss.backward()  # type: ignore[no-untyped-call]
        if settings.clip:
            self._finite("gradient", self.optimizer.clip(settings.clip))
        at.rate = rate(settings, at.epoch, (at.epoch + at.batch / batches) / settings.epochs)
        self.optimizer.step(at.rate)
        if self.average:
            self.average.update()
        self.carried = step.state
        at.batch, at.steps = at.batch + 1, at.steps + 1
        at.items, at.seen = at.items + step.count, at.seen + step.count
        for name, mean in {"loss": loss, **{k: float(v) for k, v in step.metrics.items()}}.items():
            at.sums[name] = at.sums.get(name, 0.0) + mean * step.count
        return Moment(at.epoch, at.batch, batches, step.count, at.sums["loss"] / at.items)

    @property
    def judged(self) -> nn.Module:
        """The model that validates and tests: the averaged one, if there is one."""
        return self.average.model if self.average else self.model

    def judge(self) -> tuple[dict[str, float], dict[str, Any]]:
        """Return the validation metrics and the task's notes; nothing of the training changes."""
        model = self.judged.eval()
        with torch.random.fork_rng(devices=[]):
            return self.task.validate(model), self.task.epoch_notes(model)

    def close_epoch(self, validation: Mapping[str, float], notes: Mapping[str, Any]) -> None:
        """Write the epoch's line of history, keep the weights if they are the best, begin the next epoch."""
        at = self.at
        if not validation and at.epoch == 0 and (self.settings.keep == "best" or self.settings.patience):
            self.warn("There is no validation part: training.keep = best and training.patience have no effect.")
        if validation.get("loss", math.nan) < at.best_loss:
            at.best_epoch = at.epoch
            self._keep(validation)
        elif self.best is None:
            at.validation = dict(validation)
        if self.mean and at.epoch >= self.settings.epochs - self.settings.average_last:
            self.mean.update(self.judged)
        self._note(validation, notes)
        self.carried, at.batch, at.items, at.sums, at.epoch = None, 0, 0, {}, at.epoch + 1

    def _keep(self, validation: Mapping[str, float]) -> None:
        """Take these weights for the best so far, if weights are kept for that."""
        self.at.best_loss, self.at.validation = validation["loss"], dict(validation)
        if self.settings.keep == "best":
            self.best = {name: tensor.clone() for name, tensor in self.judged.state_dict().items()}

    def _note(self, validation: Mapping[str, float], notes: Mapping[str, Any]) -> None:
        at = self.at
        entry = {
            "epoch": at.epoch,
            **{name: total / at.items for name, total in at.sums.items()},
            **{f"validation_{name}": value for name, value in validation.items()},
            "learning_rate": at.rate,
            "seconds": round(at.seconds, 3),
            **notes,
        }
        self.history.append(json.loads(to_json(entry)))
        if self.run:
            self.run.append_history(self.history[-1])

    def _finite(self, what: str, value: float) -> float:
        if math.isfinite(value):
            return value
        s = self.settings
        tried = f"the gradient is already cut to {s.clip:g}" if s.clip else "cut the gradient (--set training.clip=1)"
        raise RekurError(
            f"The training's {what} became {value} in epoch {self.at.epoch}, batch {self.at.batch}: the "
            "weights ran away. Begin a new run with a smaller learning rate "
            f"(--set training.learning_rate={s.learning_rate / 10:g}); {tried}."
        )

    def warn(self, text: str) -> None:
        """Tell a person something that stops nothing; it is kept in the run's metrics, too."""
        self.at.warnings.append(text)
        self.audience.on_warning(text)

    # stopping and going on

    def announce(self) -> None:
        """Tell listeners what is about to happen."""
        batches = len(self.task.batches(self.at.epoch)) if self.settings.epochs else 0
        done = self.at.epoch * batches + self.at.batch
        self.audience.on_start(Plan(self.task.config.recipe.name, self.settings.epochs, batches, done))

    def save_if_due(self, gap: float) -> None:
        """Write the checkpoint if the last one is `gap` seconds old, and writing costs little of the time."""
        if time.monotonic() - self.saved_at >= max(gap, self.save_cost / SAVING_SHARE if gap else 0):
            self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        if self.run is None:
            return
        began = time.monotonic()
        checkpoints.save(self.run.last_dir, self.state())
        self.saved_at = time.monotonic()
        self.save_cost = self.saved_at - began

    def state(self) -> dict[str, Any]:
        """Return everything the coming steps depend on."""
        return {
            "at": asdict(self.at),
            "history": self.history,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state(),
            "average": self.average.state() if self.average else None,
            "mean": self.mean.state() if self.mean else None,
            "best": self.best,
            "carried": self.carried,
            "random": checkpoints.random_state(),
        }

    def restore(self) -> None:
        """Go back to the run's checkpoint; without one, begin at the beginning."""
        if self.run is None:
            return
        state = checkpoints.load(self.run.last_dir)
        if state is not None:
            try:
                self._take_back(state)
            except (KeyError, RuntimeError, TypeError, ValueError) as error:
                raise RefusedModelError(
                    f"The checkpoint of {self.run.path} does not fit its config.toml: {error}"
                ) from None
        self.run.write_history(self.history)

    def _take_back(self, state: Mapping[str, Any]) -> None:
        self.at = Position(**state["at"])
        self.history = state["history"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load(state["optimizer"])
        if self.average:
            self.average.load(state["average"])
        if self.mean:
            self.mean.load(state["mean"])
        self.best = state["best"]
        self.carried = checkpoints.moved(state["carried"], self.device)
        checkpoints.set_random_state(state["random"])

    def result(self) -> FitResult:
        """Put the weights that count into the model and say how the training went."""
        at, kept = self.at, self.best if self.best is not None else self.judged.state_dict()
        if self.mean and self.mean.epochs:
            kept = self.mean.weights
        self.model.load_state_dict(kept)
        self.model.eval()
        if self.task.settle(self.model) or self.mean:
            at.validation = self.task.validate(self.model)
        return FitResult(at.epoch, at.seconds, at.best_epoch, at.validation, at.warnings, at.seen)
