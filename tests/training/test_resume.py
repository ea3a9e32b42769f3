"""A run that is killed or stopped anywhere goes on to the same bits."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import toy_task

from rekur import storage
from rekur.config import Config
from rekur.errors import Interrupted, RefusedModelError, RekurError, RequestError
from rekur.runs import Run
from rekur.tasks.base import seed_torch
from rekur.training.events import Listener, Moment
from rekur.training.loop import FitResult, fit

RECIPE = toy_task.config(optimizer="adam", average=0.9, clip=1.0, keep="best")


def train(run: Run, resume: bool = False, recipe: Config = RECIPE, listener: Listener | None = None) -> Any:
    torch.set_num_threads(1)
    task = toy_task.create(recipe, 3)
    task.load()
    seed_torch(3)
    model = task.build()
    listeners = [listener] if listener else []
    result = fit(task, model, recipe.training, run=run, seed=3, listeners=listeners, resume=resume, save_every=0)
    return result, model.state_dict()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", "")


@pytest.fixture(scope="module")
def whole() -> tuple[FitResult, dict[str, torch.Tensor]]:
    torch.set_num_threads(1)
    task = toy_task.create(RECIPE, 3)
    task.load()
    seed_torch(3)
    model = task.build()
    return fit(task, model, RECIPE.training, seed=3), model.state_dict()


def assert_same(weights: Mapping[str, torch.Tensor], others: Mapping[str, torch.Tensor]) -> None:
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


class Then(Listener):
    """Does something after a step, or in an epoch's end."""

    def __init__(self, action: Any, step: int) -> None:
        self.action, self.left = action, step

    def on_step(self, moment: Moment) -> None:  # noqa: ARG002
        self.left -= 1
        if self.left == 0:
            self.action()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed trainings are forked")
def test_kill_at_every_kind_of_moment(tmp_path: Path) -> None:
    program = Path(__file__).with_name("kill_points.py")
    done = subprocess.run([sys.executable, program, tmp_path], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 16
    assert [name for name, one in found.items() if one["resumed"] != one["whole"]] == []
    assert [name for name, one in found.items() if one["left"]] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 9, 12, 24])
def test_a_signal_writes_a_checkpoint_first(run: Run, whole: Any, number: int, step: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="--resume") as caught:
        train(run, listener=Then(lambda: os.kill(os.getpid(), number), step))
    assert caught.value.exit_code == 130
    assert signal.getsignal(number) == before
    result, weights = train(run, resume=True)
    assert_same(weights, whole[1])
    assert (result.epochs, result.best_epoch, result.validation) == (
        whole[0].epochs,
        whole[0].best_epoch,
        whole[0].validation,
    )


def test_a_signal_in_a_step_or_a_checkpoint_waits_for_its_end(
    run: Run, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, seen = os.replace, []

    def interrupted(source: Any, target: Any) -> None:
        seen.append(target)
        if len(seen) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        replace(source, target)

    monkeypatch.setattr(storage.os, "replace", interrupted)
    with pytest.raises(Interrupted):
        train(run)
    monkeypatch.undo()
    _, weights = train(run, resume=True)
    assert_same(weights, whole[1])


def test_a_signal_in_validation_is_obeyed_at_once(run: Run, whole: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(task: Any, model: Any) -> dict[str, float]:  # noqa: ARG001
        os.kill(os.getpid(), signal.SIGINT)
        return {"loss": 0.0}

    monkeypatch.setattr(toy_task.Toy, "validate", interrupted)
    with pytest.raises(Interrupted):
        train(run)
    assert run.history() == []
    monkeypatch.undo()
    _, weights = train(run, resume=True)
    assert_same(weights, whole[1])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_loses_nothing(run: Run, whole: Any, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    fsync, seen = os.fsync, []

    def full(number: int) -> None:
        seen.append(number)
        if len(seen) > 9:
            raise OSError(code, os.strerror(code))
        fsync(number)

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(RekurError, match="No space") as caught:
        train(run)
    assert caught.value.exit_code == 1
    monkeypatch.undo()
    assert not list(run.path.rglob("*.tmp"))
    _, weights = train(run, resume=True)
    assert_same(weights, whole[1])


def test_outside_the_main_thread_signals_stay_as_they_are(run: Run, whole: Any) -> None:
    before = signal.getsignal(signal.SIGINT)
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(train(run)))
    thread.start()
    thread.join()
    assert_same(done[0][1], whole[1])
    assert signal.getsignal(signal.SIGINT) == before


def test_a_full_disk_at_the_interrupt_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def stop() -> None:
        monkeypatch.setattr(storage.os, "fsync", full)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(RekurError, match="No space"):
        train(run, listener=Then(stop, 7))


def test_a_place_that_cannot_be_written_is_told(run: Run) -> None:
    run.last_dir.write_text("a file where the folder should be")
    with pytest.raises(RequestError, match="Cannot write"):
        train(run)


def test_a_damaged_checkpoint_is_refused(run: Run) -> None:
    with pytest.raises(Interrupted):
        train(run, listener=Then(lambda: os.kill(os.getpid(), signal.SIGINT), 5))
    with pytest.raises(RefusedModelError, match=r"config\.toml"):
        train(run, resume=True, recipe=toy_task.config(optimizer="sgd", average=0.9))
    path = run.last_dir / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)
    with pytest.raises(RefusedModelError, match="damaged"):
        train(run, resume=True)
