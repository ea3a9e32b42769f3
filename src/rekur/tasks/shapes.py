"""Chapter E's first notebook: three words through an untrained layer, and which of them the layer keeps apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.config import Settings
from rekur.errors import DataError
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.base import State, Step, Task, Test, computed
from rekur.tasks.case import Case

if TYPE_CHECKING:
    from torch import nn

    from rekur.tasks.base import Model

Ids = NDArray[np.int64]


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
        letters = json.loads(files["vocabulary.json"])["characters"]
        if not isinstance(letters, list) or not all(isinstance(letter, str) and len(letter) == 1 for letter in letters):
            raise DataError("vocabulary.json must list characters. Make the run again.")
        self.letters = letters

    def preprocessing(self) -> dict[str, Any]:
        return {"vocabulary": "vocabulary.json", "lengths": False, "answer": "the outputs of the layer"}

    def architecture(self) -> Architecture:
        model, letters = self.config.model, len(self.letters)
        directions = 2 if model.bidirectional else 1
        return Architecture(model, letters if model.linear else directions * model.hidden, tokens=letters)

    def batches(self, epoch: int) -> Sequence[NDArray[np.int64]]:  # noqa: ARG002
        return []

    def step(self, model: nn.Module, rows: NDArray[np.int64], state: State) -> Step:
        raise NotImplementedError("shapes trains nothing")

    def case(self, rows: NDArray[np.int64]) -> Case:  # noqa: ARG002 - there are no training rows
        return Case(self._encode(self.data.words))

    def validate(self, model: Model) -> dict[str, float]:  # noqa: ARG002
        return {}

    def test(self, model: Model) -> Test:
        import polars as pl

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

    def _moved(self, model: Model, ids: Ids, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """For each word: the share of the other words whose outputs change when its letters are rotated."""
        moved = []
        for n in range(len(ids)):
            changed = ids.copy()
            changed[n] = (changed[n] + 1) % len(self.letters)
            differs = (self._run(model, changed)[0] != outputs).any(axis=(1, 2))
            moved.append(float(np.delete(differs, n).mean()))
        return np.array(moved)

    def _run(self, model: Model, ids: Ids) -> tuple[NDArray[Any], Any]:
        outputs, state = computed(model, ids)
        return outputs, state[0] if isinstance(state, tuple) else state  # h of an LSTM's (h, c)

    def _encode(self, words: Sequence[str]) -> Ids:
        return np.array([[self.letters.index(letter) for letter in word] for word in words], dtype=np.int64)

    def baselines(self) -> dict[str, Outcome]:
        return {}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Give the layer's outputs (T, H) of each word."""
        results = []
        for word in inputs:
            if not isinstance(word, str) or not word or set(word) - set(self.letters):
                raise DataError(f"A word of the letters {''.join(self.letters)} is needed; got {word!r}.")
            outputs, _ = self._run(model, self._encode([word]))
            results.append({"word": word, "prediction": outputs[0].tolist()})
        return results
