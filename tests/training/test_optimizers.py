"""Our rules move weights as torch.optim does."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from rekur.config import TrainingSettings
from rekur.training.optimizers import Optimizer

ORACLES: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
    ({"optimizer": "sgd"}, torch.optim.SGD, {}),
    (
        {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1},
        torch.optim.SGD,
        {"momentum": 0.9, "weight_decay": 0.1},
    ),
    ({"optimizer": "adam"}, torch.optim.Adam, {}),
    ({"optimizer": "adam", "weight_decay": 0.1}, torch.optim.Adam, {"weight_decay": 0.1}),
    ({"optimizer": "adamw", "weight_decay": 0.1}, torch.optim.AdamW, {"weight_decay": 0.1}),
]


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(20, 3)
        self.linear = nn.Linear(3, 2)
        self.unused = nn.Linear(2, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.linear(self.table(ids)).pow(2).sum()


def batches() -> list[torch.Tensor]:
    return list(torch.randint(0, 20, (12, 4), generator=torch.Generator().manual_seed(1)))


def same_bits(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize(("settings", "oracle", "options"), ORACLES)
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_equals_torch(settings: dict[str, Any], oracle: Any, options: dict[str, Any], clip: float) -> None:
    ours, theirs = Model(), Model()
    optimizer = Optimizer(ours, TrainingSettings(**settings))
    other = oracle(theirs.parameters(), lr=0.01, fused=True, **options)
    for ids in batches():
        optimizer.clear()
        ours(ids).backward()
        if clip:
            optimizer.clip(clip)
        optimizer.step(0.01)
        other.zero_grad()
        theirs(ids).backward()
        if clip:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        other.step()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=0 if not clip else 1e-4, atol=0 if not clip else 1e-6)


def test_clipping_shortens_what_is_too_long() -> None:
    model = Model()
    optimizer = Optimizer(model, TrainingSettings())
    model(torch.tensor([3, 3, 7])).backward()
    assert optimizer.clip(0.1) > 0.1
    assert optimizer.clip(0.1) == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_state_goes_on_to_the_same_bits(name: str) -> None:
    settings = TrainingSettings(optimizer=name, momentum=0.9)
    whole, first = Model(), Model()
    a, b = Optimizer(whole, settings), Optimizer(first, settings)
    for number, ids in enumerate(batches()):
        for model, optimizer in ((whole, a), (first, b)):
            optimizer.clear()
            model(ids).backward()
            optimizer.step(0.01)
        if number == 5:
            second = Model()
            second.load_state_dict(first.state_dict())
            again = Optimizer(second, settings)
            again.load(b.state())
            first, b = second, again
    assert same_bits(whole, first)


def test_frozen_weights_stay() -> None:
    model = Model()
    model.table.weight.requires_grad_(False)
    before = model.table.weight.clone()
    optimizer = Optimizer(model, TrainingSettings())
    model(torch.tensor([1])).backward()
    optimizer.step(0.1)
    assert torch.equal(model.table.weight, before)


def test_training_does_not_import_the_compiler() -> None:
    program = """
import sys, torch
from rekur.config import TrainingSettings
from rekur.training.optimizers import Optimizer
model = torch.nn.Linear(2, 1)
for name in ("adam", "adamw", "sgd"):
    optimizer = Optimizer(model, TrainingSettings(optimizer=name))
    model(torch.ones(1, 2)).sum().backward()
    optimizer.clip(1.0)
    optimizer.step(0.1)
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
