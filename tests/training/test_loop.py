"""What the loop learns, keeps, announces and refuses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy_task
from torch import nn

from rekur.errors import RekurError
from rekur.runs import Run
from rekur.tasks.base import seed_torch
from rekur.training.events import Listener, Moment, Plan
from rekur.training.loop import FitResult, fit


class Heard(Listener):
    def __init__(self) -> None:
        self.words: list[str] = []
        self.entries: list[Mapping[str, Any]] = []
        self.moments: list[Moment] = []

    def on_start(self, plan: Plan) -> None:
        self.words.append(f"start {plan.name} {plan.epochs}x{plan.batches}")

    def on_step(self, moment: Moment) -> None:
        self.words.append("step")
        self.moments.append(moment)

    def on_epoch(self, entry: Mapping[str, Any]) -> None:
        self.words.append("epoch")
        self.entries.append(entry)

    def on_end(self) -> None:
        self.words.append("end")

    def on_warning(self, text: str) -> None:
        self.words.append(text)


def train(
    data: Mapping[str, Any] | None = None, run: Run | None = None, **settings: Any
) -> tuple[FitResult, nn.Module, Heard]:
    torch.set_num_threads(1)
    recipe, heard = toy_task.config(data, **settings), Heard()
    task = toy_task.create(recipe, 3)
    task.load()
    seed_torch(3)
    model = task.build()
    return fit(task, model, recipe.training, run=run, seed=3, listeners=[heard]), model, heard


def test_it_learns_what_only_the_carried_state_can_tell() -> None:
    _, _, heard = train({"steps": 480}, epochs=8, learning_rate=0.03)
    blind = (toy_task.CHUNK - 1 + 1 / toy_task.C) / toy_task.CHUNK  # the first step of a chunk guessed
    assert heard.entries[0]["accuracy"] < blind < heard.entries[-1]["accuracy"]


def test_it_announces_everything_in_order() -> None:
    _, _, heard = train(epochs=2)
    assert heard.words == ["start toy 2x6", *["step"] * 6, "epoch", *["step"] * 6, "epoch", "end"]
    assert [m.batch for m in heard.moments] == [1, 2, 3, 4, 5, 6] * 2
    assert all(m.items == toy_task.STREAMS * toy_task.CHUNK for m in heard.moments[:5])


def test_an_epoch_has_its_line_of_history(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", "")
    result, _, heard = train(run=run, epochs=3)
    assert run.history() == heard.entries
    assert [entry["epoch"] for entry in run.history()] == [0, 1, 2]
    names = {"loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds", "weight"}
    assert names <= run.history()[0].keys()
    assert run.history()[-1]["loss"] == pytest.approx(heard.moments[-1].loss)
    assert result.validation["loss"] == run.history()[-1]["validation_loss"]


def test_the_same_seed_gives_the_same_bits() -> None:
    one, two = (train(average=0.9)[1].state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def scripted(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> list[dict[str, torch.Tensor]]:
    """Make validation return `losses` in turn, and remember the weights it judged."""
    judged: list[dict[str, torch.Tensor]] = []

    def validate(task: Any, model: nn.Module) -> dict[str, float]:  # noqa: ARG001
        judged.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return {"loss": losses[len(judged) - 1]}

    monkeypatch.setattr(toy_task.Toy, "validate", validate)
    return judged


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize(("keep", "kept"), [("last", 4), ("best", 1)])
def test_it_keeps_the_weights_it_was_told_to(
    monkeypatch: pytest.MonkeyPatch, average: float, keep: str, kept: int
) -> None:
    judged = scripted(monkeypatch, [3.0, 1.0, 2.0, math.nan, 1.0])
    result, model, _ = train(epochs=5, keep=keep, average=average)
    assert result.best_epoch == 1
    assert result.validation == {"loss": 1.0}
    assert all(torch.equal(tensor, judged[kept][name]) for name, tensor in model.state_dict().items())
    assert not torch.equal(judged[1]["head.bias"], judged[4]["head.bias"])


def test_the_mean_of_the_last_epochs_is_kept_and_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = scripted(monkeypatch, [3.0, 1.0, 2.0, 1.5, 0.7])
    result, model, _ = train(epochs=4, average_last=2)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, (judged[2][name] + judged[3][name]) / 2)
    assert result.validation == {"loss": 0.7}
    assert torch.equal(judged[4]["head.bias"], model.state_dict()["head.bias"])


def test_it_counts_what_it_learned_from() -> None:
    result, _, heard = train(epochs=3)
    assert result.items == sum(moment.items for moment in heard.moments)


def test_patience_ends_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, [3.0, 1.0, 2.0, 1.5, 0.5])
    result, _, _ = train(epochs=5, patience=2)
    assert result.epochs == 4
    assert result.best_epoch == 1


def test_no_validation_is_said_once() -> None:
    result, _, heard = train({"validation": False}, epochs=3, keep="best", patience=1)
    assert result.epochs == 3
    assert result.best_epoch is None
    assert result.validation == {}
    assert [word for word in heard.words if "validation" in word] == result.warnings
    assert len(result.warnings) == 1


def test_the_average_is_judged_and_kept() -> None:
    _, plain, _ = train(epochs=2)
    _, averaged, _ = train(epochs=2, average=0.9)
    assert not torch.equal(plain.state_dict()["head.bias"], averaged.state_dict()["head.bias"])


def test_a_loss_that_is_no_number_says_what_to_do() -> None:
    with pytest.raises(RekurError, match=r"learning_rate=0\.002\).*clip=1") as caught:
        train({"fail": "nan"}, learning_rate=0.02)
    assert caught.value.exit_code == 1
    assert "loss became nan in epoch 0, batch 1" in str(caught.value)


def test_a_gradient_that_is_no_number_is_not_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    step = toy_task.Toy.step

    def broken(task: Any, model: nn.Module, rows: np.ndarray, state: Any) -> Any:
        done = step(task, model, rows, state)
        edge = model.head.bias[0] - model.head.bias[0].detach()
        return replace(done, loss=done.loss + edge.sqrt())  # the loss is a number, its gradient is not

    monkeypatch.setattr(toy_task.Toy, "step", broken)
    with pytest.raises(RekurError, match=r"gradient became (nan|inf)"):
        train(clip=1.0)


def test_no_epochs_leave_the_model_as_it_was() -> None:
    result, _, heard = train(epochs=0)
    assert result.epochs == 0
    assert heard.words == ["start toy 0x0", "end"]


def test_a_schedule_sets_the_rate_of_every_epoch() -> None:
    _, _, heard = train(schedule="step", step_epochs=2, step_factor=0.5, learning_rate=0.01)
    assert [entry["learning_rate"] for entry in heard.entries] == [0.01, 0.01, 0.005, 0.005]
