"""A small task with everything a checkpoint must carry: dropout, a carried recurrent state, notes, warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.architecture import Architecture
from rekur.config import Config, Settings, check
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.nn import GRU
from rekur.tasks.base import State, Step, Task, Test
from rekur.tasks.case import Case

C, CHUNK, STREAMS = 3, 8, 4


class Data(Settings):
    steps: int = 48  # of each stream; 6 batches an epoch
    validation: bool = True
    fail: str = ""  # the part of the work that fails


class ToyModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(12, 8)
        self.core = GRU(8, 8, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(8, C)

    def forward(self, ids: Tensor, state: State = None) -> tuple[Tensor, State]:
        hidden, state = self.core(self.table(ids), state)
        return self.head(self.dropout(hidden)), state


class Toy(Task):
    """Name the remainder of the token before; the answer is in the state at the start of a chunk."""

    Data = Data
    data: Data
    metric: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True
    paired_test: ClassVar[str] = "mcnemar"

    def load(self) -> None:
        if self.data.fail == "load":
            raise KeyboardInterrupt
        draw = self.generator(0)
        sizes = {"train": self.data.steps, "validation": 24, "test": 40}
        self.ids = {part: draw.integers(0, 12, (STREAMS, size)) for part, size in sizes.items()}
        self.warnings.append("a toy")

    def files(self) -> dict[str, str]:
        return {"vocabulary.json": json.dumps(self.ids["train"][0].tolist()), "classes.json": "[0, 1, 2]"}

    def restore(self, files: Mapping[str, str]) -> None:
        raise NotImplementedError

    def architecture(self) -> Architecture:
        raise NotImplementedError

    def build(self) -> nn.Module:
        return ToyModel()

    def batches(self, epoch: int) -> Sequence[NDArray[np.int64]]:
        offset = int(self.generator(1, epoch).integers(0, 2))
        return [np.array([at + offset]) for at in range(0, self.data.steps - 1, CHUNK)]

    def step(self, model: nn.Module, rows: NDArray[np.int64], state: State) -> Step:
        at = int(rows[0])
        ids = torch.from_numpy(self.ids["train"][:, at : at + CHUNK])
        output, state = model(ids, state)
        wanted = self._wanted("train")[:, at : at + CHUNK]
        loss = F.cross_entropy(output.flatten(0, 1), wanted.flatten())
        if self.data.fail == "nan" and at > 8:
            loss = loss * torch.nan
        right = (output.argmax(dim=2) == wanted).float().mean().detach()
        return Step(loss, ids.numel(), state.detach(), {"accuracy": right})

    def case(self, rows: NDArray[np.int64]) -> Case:
        at = int(rows[0])
        return Case(self.ids["train"][:, at : at + CHUNK], None, self._wanted("train")[:, at : at + CHUNK].numpy())

    def _wanted(self, part: str) -> Tensor:
        return torch.from_numpy(np.roll(self.ids[part], 1, axis=1) % C)

    def _probability(self, model: nn.Module, part: str) -> NDArray[np.float64]:
        with torch.inference_mode():
            output, _ = model(torch.from_numpy(self.ids[part]))
            return torch.softmax(output.double(), dim=2).flatten(0, 1).numpy()

    def validate(self, model: nn.Module) -> dict[str, float]:
        if not self.data.validation:
            return {}
        torch.rand(3)  # a careless task: what validation draws must not reach training
        truth = self._wanted("validation").flatten().numpy()
        metrics = outcomes.classification(truth, self._probability(model, "validation")).metrics
        return {"loss": metrics["log_loss"], "accuracy": metrics["accuracy"]}

    def test(self, model: nn.Module) -> Test:
        truth, probability = self._wanted("test").flatten().numpy(), self._probability(model, "test")
        frame = pl.DataFrame({"id": np.arange(len(truth)), "truth": truth, "prediction": probability.argmax(1)})
        outcome = outcomes.classification(truth, probability)
        return Test(outcome, frame, {"examples": frame[:2]}, {"classes": ["0", "1", "2"]})

    def baselines(self) -> dict[str, Outcome]:
        truth = self._wanted("test").flatten().numpy()
        return {"majority": outcomes.classification(truth, np.tile([0.5, 0.25, 0.25], (len(truth), 1)))}

    def predict(self, model: nn.Module, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        raise NotImplementedError

    def epoch_notes(self, model: nn.Module) -> dict[str, Any]:
        return {"weight": model.head.bias[0].item()}


def config(data: Mapping[str, Any] | None = None, **training: Any) -> Config:
    """A recipe of the toy that trains in a tenth of a second."""
    settings = {"epochs": 4, "learning_rate": 0.02, **training}
    return check(
        Config,
        {"recipe": {"name": "toy", "title": "Toy", "task": "toy"}, "data": dict(data or {}), "training": settings},
        "",
    )


def create(config: Config, seed: int = 1, data_dir: Path | None = None) -> Toy:
    return Toy(config, seed, data_dir)
