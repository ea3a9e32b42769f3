"""What tags and frames share: a label for every step of a sequence, cross-entropy or a conditional random field."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rekur import viterbi
from rekur.data import batches
from rekur.data.batches import pad
from rekur.data.ragged import Ragged, positions
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.base import Inputs, State, Step, Task, Test, computed
from rekur.tasks.case import Case

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor, nn

    from rekur.tasks.base import Model

Rows = NDArray[np.int64]

IGNORED = -100  # the target behind a sequence's end, as torch's cross-entropy leaves it out
STEPS_AT_ONCE = 8192  # predicted in one batch, padding among them


class Labelling(Task):
    """A task whose answer is one of C labels for every step."""

    higher_is_better: ClassVar[bool] = True
    paired_test: ClassVar[str] = "bootstrap"

    classes: tuple[str, ...]
    labels: dict[str, Ragged]  # part -> (N sequences of) places in `classes`

    @abc.abstractmethod
    def inputs(self, part: str, rows: Rows) -> tuple[Inputs, Rows]:
        """Return the model's inputs for the sequences `rows` of `part`, and their lengths."""

    @abc.abstractmethod
    def outcome(self, truth: Ragged, prediction: Ragged) -> Outcome:
        """Score labels, the items being whole sequences."""

    @abc.abstractmethod
    def guesses(self) -> dict[str, NDArray[np.int64]]:
        """Fit the cheap rivals on the training part; return their labels (S,) of the test part's steps."""

    @abc.abstractmethod
    def shown(self, prediction: Ragged) -> dict[str, pl.DataFrame]:
        """Return the tables of the report, from the labels of the test part."""

    def faults(self) -> Iterator[str]:
        model = self.config.model
        if model.readout != "every":
            yield f'model.readout: every step has a label, so it must be "every"; got "{model.readout}".'
        if model.squash != "none" or model.residual or not model.batch_first:
            yield "model: squash, residual and batch_first have no part in labels of steps. Leave them out."

    def batches(self, epoch: int) -> Sequence[Rows]:
        lengths, size = self.labels["train"].lengths, self.config.training.batch
        return batches.bucketed(lengths, size, self.generator(1, epoch))

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:  # noqa: ARG002
        import torch

        inputs, lengths = self.inputs("train", rows)
        output, _ = model(inputs, lengths)
        target = torch.from_numpy(self._target("train", rows)).to(output.device)
        counted = target != IGNORED
        metrics = {}
        if not self.config.model.crf:  # the best path of a field is not worth its time here
            metrics["accuracy"] = (
                (output[:, :, : len(self.classes)].argmax(dim=2) == target)[counted].float().mean().detach()
            )
        return Step(self.learned(output, target, rows), int(counted.sum()), None, metrics)

    def case(self, rows: Rows) -> Case:
        inputs, lengths = self.inputs("train", rows)
        return Case(inputs, lengths, self._target("train", rows), self.loss, causal=False)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the mean over the steps of -ln p of the true label, or of the whole chain's -ln p, step by step.

        `output` is (N, T, C) or wider, or with a conditional random field (N, T, C, C); `target` (N, T) is IGNORED
        behind a sequence's end.
        """
        if output.dim() == 3:
            return cross_entropy(output[:, :, : len(self.classes)], target)
        from rekur.nn import crf

        lengths = (target != IGNORED).sum(dim=1)
        return -crf.log_likelihood(output, target, lengths).sum() / lengths.sum()

    def learned(self, output: Tensor, target: Tensor, rows: Rows) -> Tensor:  # noqa: ARG002
        """Return the loss that is learned from; a task that learns something beside its labels overrides this."""
        return self.loss(output, target)

    def _target(self, part: str, rows: Rows) -> Rows:
        return pad(self.labels[part], rows, value=IGNORED)[0]

    def validate(self, model: Model) -> dict[str, float]:
        labels = self.labels.get("validation", Ragged.of([]))
        if not len(labels):
            return {}
        found, nats = self.read(model, "validation")
        figures = self.outcome(labels, found).metrics
        return {
            "loss": nats,
            "accuracy": float(np.mean(found.values == labels.values)),
            self.metric: figures[self.metric],
        }

    def read(self, model: Model, part: str) -> tuple[Ragged, float]:
        """Return the model's labels of every step of `part`, and its loss a step."""
        import torch

        labels = self.labels[part]
        found, nats = np.empty(len(labels.values), np.int64), 0.0
        for rows in batches.thrifty(labels.lengths, STEPS_AT_ONCE):
            inputs, lengths = self.inputs(part, rows)
            output = computed(model, inputs, lengths)[0]
            target = torch.from_numpy(self._target(part, rows))
            nats += float(self.loss(torch.from_numpy(output), target)) * int(lengths.sum())
            found[positions(labels.offsets[rows], lengths)] = flat(self.decided(output, lengths), lengths)
        return labels.map(lambda _: found), nats / max(1, len(found))

    def decided(self, output: NDArray[Any], lengths: Rows) -> Rows:
        """Return the labels (N, T) that the model's outputs say, of each step alone or of the whole chain."""
        return viterbi.best(output, lengths) if self.config.model.crf else self.known(output).argmax(axis=2)

    def known(self, output: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs (N, T, C) of the labels, what is learned beside them left out."""
        return output[:, :, : len(self.classes)]

    def test(self, model: Model) -> Test:
        import polars as pl

        truth, (prediction, _) = self.labels["test"], self.read(model, "test")
        frame = pl.DataFrame(
            {
                "id": np.arange(len(truth.values)),
                "sequence": np.repeat(np.arange(len(truth)), truth.lengths),
                "truth": truth.values,
                "prediction": prediction.values,
            }
        )
        tables = {"labels": self._of_each_label(prediction), **self.shown(prediction)}
        return Test(self.outcome(truth, prediction), frame, tables, {"classes": list(self.classes)})

    def _of_each_label(self, prediction: Ragged) -> pl.DataFrame:
        """Return how often each label is true, said, and both."""
        import polars as pl

        truth, C = self.labels["test"].values, len(self.classes)
        hits = truth[truth == prediction.values]
        counts = {"true": truth, "said": prediction.values, "right": hits}
        columns = {name: np.bincount(labels, minlength=C) for name, labels in counts.items()}
        return pl.DataFrame({"label": list(self.classes), **columns})

    def baselines(self) -> dict[str, Outcome]:
        truth = self.labels["test"]
        return {name: self.outcome(truth, Ragged(said, truth.offsets)) for name, said in self.guesses().items()}

    def examples(self, prediction: Ragged, most: int) -> Rows:
        """Return up to `most` test sequences with a wrong label, drawn by the seed, in their order."""
        truth = self.labels["test"]
        wrong = np.add.reduceat((truth.values != prediction.values).astype(np.int64), truth.offsets[:-1])
        rows = np.flatnonzero(wrong)
        drawn: Rows = np.sort(self.generator(5).permutation(rows)[:most])
        return drawn


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean of -ln p of the true class (N, T) by logits (N, T, C), steps of the target IGNORED left out."""
    from torch.nn import functional as F

    return F.cross_entropy(output.flatten(0, 1), target.flatten(), ignore_index=IGNORED)


def flat(padded: NDArray[Any], lengths: Rows) -> NDArray[Any]:
    """Return the valid steps of (N, T), one row behind the other."""
    inside: NDArray[Any] = padded[np.arange(padded.shape[1]) < lengths[:, None]]
    return inside
