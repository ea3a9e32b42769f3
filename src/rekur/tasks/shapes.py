"""Chapter E's first notebook: three words through an untrained layer, and which of them the layer keeps apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from rekur.config import Settings
from rekur.errors import DataError
from rekur.evaluation.outcomes import Outcome
from rekur.models import OneHot, SequenceModel
from rekur.tasks.base import State, Step, Task, Test


class ShapesData(Settings):
    """`[data]` of the task `shapes`."""

    words: tuple[str, ...] = Field(("hello", "eolll", "lleel"), strict=False)


class Shapes(Task):
    """No training: the metric is the share of other words that move when one word is changed (0 is right)."""

    Data = ShapesData
    data: ShapesData
    metric: ClassVar[str] = "mixed"
    higher_is_better: ClassVar[bool] = False
    paired_test: ClassVar[str] = "bootstrap"
    reads = frozenset({"batch_first"})

    def faults(self) -> Iterator[str]:
        if len({len(word) for word in self.data.words}) != 1 or len(self.data.words) < 2 or not self.data.words[0]:
            yield "data.words: two or more words of one length, 1 or more, are needed."
        if self.config.model.readout != "every":
            yield f'model.readout: words are read at "every" step; got "{self.config.model.readout}".'

    def load(self) -> None:
        self.letters = sorted(set("".join(self.data.words)))

    def files(self) -> dict[str, str]:
        return {"vocabulary.json": json.dumps({"characters": self.letters})}

    def restore(self, files: Mapping[str, str]) -> None:
        self.letters = json.loads(files["vocabulary.json"])["characters"]

    def build(self) -> nn.Module:
        model, letters = self.config.model, len(self.letters)
        directions = 2 if model.bidirectional else 1
        return SequenceModel(model, OneHot(letters), letters if model.linear else directions * model.hidden)

    def batches(self, epoch: int) -> Sequence[NDArray[np.int64]]:  # noqa: ARG002
        return []

    def step(self, model: nn.Module, rows: NDArray[np.int64], state: State) -> Step:
        raise NotImplementedError("shapes trains nothing")

    def validate(self, model: nn.Module) -> dict[str, float]:  # noqa: ARG002
        return {}

    def test(self, model: nn.Module) -> Test:
        ids = self._encode(self.data.words)
        outputs, state = self._run(model, ids)
        moved = self._moved(model, ids, outputs)
        shapes = {
            "input": [*ids.shape, len(self.letters)],
            "outputs": list(outputs.shape),
            "state": list(state.shape),
        }
        words = pl.DataFrame({"id": np.arange(len(ids)), "word": self.data.words, "others_moved": moved})
        sizes = {"state_N": float(state.shape[1])}
        return Test(Outcome({"mixed": float(moved.mean()), **sizes}, moved), words, extra={"shapes": shapes})

    def _moved(self, model: nn.Module, ids: Tensor, outputs: Tensor) -> NDArray[np.float64]:
        """For each word: the share of the other words whose outputs change when its letters are rotated."""
        moved = []
        for n in range(len(ids)):
            changed = ids.clone()
            changed[n] = (changed[n] + 1) % len(self.letters)
            difference = (self._run(model, changed)[0] - outputs).abs().flatten(1).amax(dim=1) > 0
            moved.append(float(torch.cat([difference[:n], difference[n + 1 :]]).float().mean()))
        return np.array(moved)

    @torch.inference_mode()
    def _run(self, model: nn.Module, ids: Tensor) -> tuple[Tensor, Tensor]:
        outputs, state = model(ids)
        return outputs, state[0] if isinstance(state, tuple) else state  # h of an LSTM's (h, c)

    def _encode(self, words: Sequence[str]) -> Tensor:
        return torch.tensor([[self.letters.index(letter) for letter in word] for word in words])

    def baselines(self) -> dict[str, Outcome]:
        return {}

    def predict(self, model: nn.Module, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Give the layer's outputs (T, H) of each word."""
        results = []
        for word in inputs:
            if not isinstance(word, str) or not word or set(word) - set(self.letters):
                raise DataError(f"A word of the letters {''.join(self.letters)} is needed; got {word!r}.")
            outputs, _ = self._run(model, self._encode([word]))
            results.append({"word": word, "prediction": outputs[0].tolist()})
        return results
