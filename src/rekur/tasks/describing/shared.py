"""What every describer shares: words, batches of sources and what is written of them, the loss."""

from __future__ import annotations

import abc
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.arithmetic import log_softmax
from rekur.config import Settings
from rekur.data import batches, coding, few
from rekur.data.batches import pad
from rekur.data.coding import END, PAD, START, UNKNOWN, Coding
from rekur.data.ragged import Ragged
from rekur.errors import DataError
from rekur.tasks import checks
from rekur.tasks.base import State, Step, Task, computed
from rekur.tasks.case import Case, Refit

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor, nn

    from rekur.tasks.base import Model

Rows = NDArray[np.int64]

SPLIT_SEED = 2017  # every seed of a run is tested on the same items
EVALUATION_BATCH = 200


class DescribingData(Settings):
    """`[data]` that all kinds of source have."""

    unit: str = Field("characters", description="what is written step by step: a tokeniser of docs/data.md, or bpe")
    words: int = Field(0, ge=0, description="most frequent units kept; 0: all")
    min_count: int = Field(1, ge=1, description="units seen less often are never written")
    longest: int = Field(100, ge=1, le=1_000, description="units written at most")
    validation: float = Field(0.1, ge=0, lt=1, description="share of the sources held out to choose by")
    test: float = Field(0.1, gt=0, lt=1, description="share of the sources held out to test on")


class Describing(Task):
    """A source in, a text out. Kinds of source say what a source is and how what is written is judged.

    Captions are texts; a source may have several. A training item is a caption and its source.
    """

    data: DescribingData
    reads = checks.WRITING

    texts: dict[str, list[str]]  # part -> its captions
    of: dict[str, Rows]  # part -> (captions,) the source of each
    written: dict[str, Ragged]  # part -> the ids of its captions, END the last
    sources: dict[str, int]  # part -> how many sources it has
    fitted_on: list[str]  # the training captions that the units come from

    @abc.abstractmethod
    def source(self, part: str, rows: Rows) -> tuple[NDArray[Any], Rows | None]:
        """Return the sources `rows` of `part` as the model reads them, and their lengths where they differ."""

    def faults(self) -> Iterator[str]:
        model = self.config.model
        if model.readout != "decoder":
            yield f'model.readout: what is written comes from a "decoder"; got "{model.readout}".'
        if self.data.validation + self.data.test >= 1:
            yield "data.validation and data.test must be less than 1 together, or nothing is left to train on."

    def take(self, texts: Mapping[str, Sequence[str]], of: Mapping[str, Rows], sources: Mapping[str, int]) -> None:
        """Take in the captions of every part, and fit the units on those of the training part."""
        self.texts, self.of, self.sources = {k: list(v) for k, v in texts.items()}, dict(of), dict(sources)
        self.fitted_on = self.texts["train"]
        self.coding = self._fitted()
        self.written = {part: self.encode(captions) for part, captions in self.texts.items()}

    def encode(self, captions: Sequence[str]) -> Ragged:
        """Return the ids of captions, each with its END."""
        ids = self.coding.encode(few.column(captions))
        behind = np.insert(ids.values.astype(np.int64), ids.offsets[1:], END)
        return Ragged(behind, ids.offsets + np.arange(len(ids.offsets)))

    def _coding(self) -> Coding:
        return coding.make(self.data.unit, self.data.words, self.data.min_count, marks=True)

    def files(self) -> dict[str, str]:
        return {"vocabulary.json": self.coding.to_json()}

    def preprocessing(self) -> dict[str, Any]:
        """Return what kinds of sources add to, as `Task.preprocessing` says."""
        ids = {"padding": PAD, "unknown": UNKNOWN, "start": START, "end": END}
        answer = {"longest": self.data.longest, "answer": "log-probabilities of the next unit; end ends it"}
        return {"vocabulary": "vocabulary.json", "unit": self.data.unit, **ids, **answer, "lengths": False}

    def restore(self, files: Mapping[str, str]) -> None:
        self.coding = self._coding().from_json(files["vocabulary.json"])

    def refits(self) -> Sequence[Refit]:
        used, alone = (json.loads(each.to_json()) for each in (self.coding, self._fitted()))
        return [Refit("vocabulary", used, alone)]

    def _fitted(self) -> Coding:
        return self._coding().fit(few.polars_column(self.fitted_on))

    def batches(self, epoch: int) -> Sequence[Rows]:
        return batches.bucketed(self.likeness(), self.config.training.batch, self.generator(1, epoch))

    def likeness(self) -> Rows:
        """Return what makes training items alike (N,): those of one size share a batch with little padding."""
        return self.written["train"].lengths

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:  # noqa: ARG002
        import torch

        inputs, lengths, target = self._items("train", rows)
        output, _ = model(inputs, lengths)
        loss = self._loss(output, torch.from_numpy(target).to(output.device))
        return Step(loss, int((target != PAD).sum()))

    def case(self, rows: Rows) -> Case:
        inputs, lengths, target = self._items("train", rows)
        return Case(inputs, lengths, target, _cross_entropy, causal=True)

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        return _cross_entropy(output, target, self.config.training.label_smoothing)

    def _items(self, part: str, rows: Rows) -> tuple[tuple[NDArray[Any], Rows], Rows | None, Rows]:
        """Return the sources and the words read (N, T), the sources' lengths, and the words to be written (N, T)."""
        target, _ = pad(self.written[part], rows, value=PAD)
        read = np.concatenate([np.full((len(rows), 1), START), target[:, :-1]], axis=1)
        source, lengths = self.source(part, self.of[part][rows])
        return (source, read), lengths, target

    def validate(self, model: Model) -> dict[str, float]:
        if not len(self.written["validation"]):
            return {}
        return {"loss": float(self.nats(model, "validation").values.mean())}

    def nats(self, model: Model, part: str) -> Ragged:
        """Return -log p of every unit of every caption of `part`, the END's included."""
        rows = self.written[part]
        cost = np.empty(len(rows.values))
        order = np.argsort(rows.lengths, kind="stable")
        for at in range(0, len(order), EVALUATION_BATCH):
            chosen = order[at : at + EVALUATION_BATCH]
            inputs, lengths, target = self._items(part, chosen)
            scores, _ = computed(model, inputs, lengths)
            nats = -np.take_along_axis(log_softmax(scores.astype(np.float64)), target[..., None], axis=2)[..., 0]
            for row, found in zip(chosen, nats, strict=True):
                cost[rows.offsets[row] : rows.offsets[row + 1]] = found[: rows.lengths[row]]
        return Ragged(cost, rows.offsets)


def captions_of(frame: pl.DataFrame, who: str) -> list[str]:
    """Return the column `caption` of a user's table; raises DataError for a row without one."""
    from rekur.data import files

    captions = [text.strip() for text in files.text_column(frame, "caption").to_list()]
    if not all(captions):
        row = captions.index("")
        raise DataError(f"{who}, line {row + 2}: the caption is empty. Write one, or drop the line.")
    return captions


def _cross_entropy(output: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    from torch.nn import functional as F

    return F.cross_entropy(output.flatten(0, 1), target.flatten(), ignore_index=PAD, label_smoothing=smoothing)
