"""Kill the training of the toy with SIGKILL at every kind of moment, resume it, and print what came out.

Run by test_resume.py in a process of its own: it forks a child for each training, which a process with threads
must not do. Prints one JSON object: moment -> fingerprint of the finished run.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import toy_task

from rekur import storage, tasks
from rekur.config import Config
from rekur.runs import Run
from rekur.training import experiment
from rekur.training.events import Listener, Moment
from rekur.training.loop import Training

ADAM = toy_task.config(optimizer="adam", average=0.9, schedule="one_cycle", clip=1.0, keep="best")
SGD = toy_task.config(optimizer="sgd", schedule="step", step_epochs=1, step_factor=0.5)
MOMENTUM = toy_task.config(optimizer="sgd", momentum=0.9, weight_decay=0.01, patience=3)
WORSE = toy_task.config(learning_rate=5.0, optimizer="sgd", keep="best")  # the first epoch stays best
SAVED_STEPS = 4  # a checkpoint every fourth step: in the middle of epochs, which have six


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class At(Listener):
    """Dies at one moment."""

    def __init__(self, step: int = 0, epoch: int = -1, stage: str = "") -> None:
        self.left, self.epoch, self.stage = step, epoch, stage

    def on_step(self, moment: Moment) -> None:  # noqa: ARG002
        self.left -= 1
        if self.left == 0:
            die()

    def on_epoch(self, entry: Any) -> None:
        if entry["epoch"] == self.epoch:
            die()

    def on_stage(self, name: str) -> None:
        if name == self.stage:
            die()


def at(**moment: Any) -> Callable[[], Listener]:
    return lambda: At(**moment)


def in_validation() -> Listener:
    toy_task.Toy.validate = die  # type: ignore[method-assign, assignment]
    return Listener()


def in_write(name: str, count: int, when: str) -> Callable[[], Listener]:
    """Die in the `count`-th writing of the file `name`: half of it written, all but renamed, or renamed."""

    def arm() -> Listener:
        seen = {"count": 0}
        replace, fsync = os.replace, os.fsync

        def written(number: int) -> None:
            target = os.readlink(f"/proc/self/fd/{number}")
            fsync(number)
            if f".{name}." in target:
                seen["count"] += 1
                if seen["count"] == count and when == "half":
                    os.truncate(target, os.path.getsize(target) // 2)
                    die()

        def renamed(source: Any, target: Any) -> None:
            mine = Path(target).name == name and seen["count"] == count
            if mine and when == "before":
                die()
            replace(source, target)
            if mine and when == "after":
                die()

        storage.os.fsync, storage.os.replace = written, renamed  # type: ignore[assignment]
        return Listener()

    return arm


def in_history() -> Listener:
    def torn(run: Run, entry: Any) -> None:
        with (run.path / "history.jsonl").open("a") as file:
            file.write(json.dumps(entry)[:20])
        die()

    Run.append_history = torn  # type: ignore[method-assign]
    return Listener()


CHECKPOINT = "checkpoint.safetensors"
MOMENTS: dict[str, tuple[Config, list[Callable[[], Listener]]]] = {
    "before the first checkpoint": (ADAM, [at(step=2)]),
    "in an epoch": (ADAM, [at(step=9)]),
    "twice": (ADAM, [at(step=11), at(step=10)]),
    "after an epoch": (ADAM, [at(epoch=1)]),
    "in validation": (ADAM, [in_validation]),
    "in the history": (ADAM, [in_history]),
    "checkpoint half written": (ADAM, [in_write(CHECKPOINT, 3, "half")]),
    "checkpoint not renamed": (ADAM, [in_write(CHECKPOINT, 4, "before")]),
    "checkpoint renamed": (ADAM, [in_write(CHECKPOINT, 4, "after")]),
    "before the data": (ADAM, [at(stage="data")]),
    "between two files of the model": (ADAM, [in_write("vocabulary.json", 1, "after")]),
    "before the test": (ADAM, [at(stage="test")]),
    "before the metrics": (ADAM, [in_write("metrics.json", 1, "before")]),
    "after the best epoch": (WORSE, [at(step=17)]),
    "SGD": (SGD, [at(step=13)]),
    "SGD with momentum": (MOMENTUM, [at(step=13)]),
}


def child(work: Callable[[], Any]) -> int:
    """Do `work` in a forked process; return the signal that killed it, 0 if it ended well."""
    process = os.fork()
    if process == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    if os.WEXITSTATUS(status):
        raise SystemExit("a child failed")
    return 0


def train(place: Path, recipe: Config, resume: bool, arm: Callable[[], Listener] = Listener) -> None:
    where = {"resume": place} if resume else {"out": place}
    listener = arm()
    experiment.run(None if resume else recipe, seed=3, threads=1, listeners=[listener], **where)  # type: ignore[arg-type]


def fingerprint(place: Path) -> str:
    """A hash of the weights, the history and the predictions, and of the metrics but for times."""
    run = Run.open(place)
    timeless = [{k: v for k, v in entry.items() if k != "seconds"} for entry in run.history()]
    moving = ("seconds", "items_per_second", "peak_memory", "date", "run")
    metrics = {k: v for k, v in run.metrics().items() if k not in moving}
    files = (place / "model.safetensors", place / "predictions.parquet")
    content = b"".join(path.read_bytes() for path in files) + json.dumps([timeless, metrics]).encode()
    return hashlib.sha256(content).hexdigest()


def sometimes(training: Training, gap: float) -> None:  # noqa: ARG001
    if training.at.steps % SAVED_STEPS == 0:
        training.save()


def main(root: Path) -> None:
    torch.set_num_threads(1)
    tasks.create = toy_task.create
    Training.save_if_due = sometimes  # type: ignore[method-assign]
    found: dict[str, Any] = {}
    for number, (name, (recipe, arms)) in enumerate(MOMENTS.items()):
        place, whole = root / str(number), root / f"whole-{id(recipe)}"
        if not whole.exists():
            child(lambda whole=whole, recipe=recipe: train(whole, recipe, resume=False))
        for attempt, arm in enumerate(arms):
            killed = child(lambda p=place, r=recipe, n=attempt, a=arm: train(p, r, bool(n), a))
            assert killed == signal.SIGKILL, f"{name}: the training was not killed"
        child(lambda place=place, recipe=recipe: train(place, recipe, resume=True))
        left = [path.name for path in place.rglob("*.tmp")]
        found[name] = {"resumed": fingerprint(place), "whole": fingerprint(whole), "left": left}
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
