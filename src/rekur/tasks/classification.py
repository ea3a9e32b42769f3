"""What text and rows share: a class for each sequence, cross-entropy, accuracy, most wrong examples."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rekur.arithmetic import sigmoid, softmax
from rekur.evaluation import outcomes
from rekur.tasks.answers import MOST_WRONG, OneAnswer, Rows
from rekur.tasks.base import Inputs, State, Step, Test, computed
from rekur.tasks.case import Case

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rekur.tasks.base import Model


class Classification(OneAnswer):
    """A task whose answer is one of C classes."""

    metric: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True
    paired_test: ClassVar[str] = "mcnemar"

    classes: tuple[str, ...]
    labels: dict[str, NDArray[np.int64]]  # part -> (N,)
    unit = False  # one sigmoid unit in place of C logits

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:  # noqa: ARG002
        import torch

        inputs, lengths = self.training_inputs(rows)
        output, _ = model(inputs, lengths)
        labels = torch.from_numpy(self.labels["train"][rows]).to(output.device)
        weights = torch.from_numpy(self.weights["train"][rows]).to(output.device) if self.weights else None
        right = (self._classes_of(output) == _of_each_part(output, labels)).float().mean().detach()
        return Step(self._loss(output, labels, weights), len(rows), None, {"accuracy": right})

    def case(self, rows: Rows) -> Case:
        inputs, lengths = self.inputs("train", rows)
        return Case(inputs, lengths, self.labels["train"][rows], self._loss, causal=False)

    def validate(self, model: Model) -> dict[str, float]:
        if not len(self.labels.get("validation", ())):
            return {}
        truth, probability = self.labels["validation"], self.probabilities(model, "validation")
        outcome = outcomes.classification(truth, probability)
        loss = outcome.metrics["log_loss"]
        if self.weights:
            chances = np.maximum(probability[np.arange(len(truth)), truth], np.finfo(np.float64).tiny)
            loss = float(np.average(-np.log(chances), weights=self.weights["validation"]))
        return {"loss": loss, "accuracy": outcome.metrics["accuracy"]}

    def test(self, model: Model) -> Test:
        import polars as pl

        truth, probability = self.labels["test"], self.probabilities(model, "test")
        known = probability[:, : len(self.classes)]
        prediction = probability.argmax(axis=1)
        named = {f"probability_{name}": known[:, c] for c, name in enumerate(self.classes)}
        frame = pl.DataFrame({"id": np.arange(len(truth)), "truth": truth, "prediction": prediction, **named})
        confidence = probability[np.arange(len(truth)), truth]
        worst = np.argsort(confidence, kind="stable")[:MOST_WRONG]
        worst = worst[prediction[worst] != truth[worst]]
        shown = {"probability": probability[worst, prediction[worst]], **self.examples(worst)}
        examples = frame.select("id", "truth", "prediction")[worst].with_columns(
            **{name: pl.Series(values) for name, values in shown.items()}
        )
        outcome = outcomes.classification(truth, probability)
        return Test(outcome, frame, {"examples": examples}, {"classes": list(self.classes)})

    def probabilities(self, model: Model, part: str) -> NDArray[np.float64]:
        """Return (N, C) probabilities of every row of `part`, in order."""
        return self.in_order(part, functools.partial(self._probability, model), none=np.zeros((0, len(self.classes))))

    def describe(self, probability: NDArray[np.float64]) -> list[dict[str, Any]]:
        """Turn probabilities (N, outputs) into one JSON object a row; an output that no label has is left out."""
        known = probability[:, : len(self.classes)]
        if known.shape != probability.shape:
            known = known + np.finfo(np.float64).tiny  # 0 of 0 is half and half
            known = known / known.sum(axis=1, keepdims=True)
        return [
            {
                "prediction": self.classes[int(row.argmax())],
                "probability": {name: float(p) for name, p in zip(self.classes, row, strict=True)},
            }
            for row in known
        ]

    def _probability(self, model: Model, inputs: Inputs, lengths: Rows | None) -> NDArray[np.float64]:
        output = computed(model, inputs, lengths)[0].astype(np.float64)
        if self.unit:
            p = sigmoid(output[:, 0])
            return np.stack([1 - p, p], axis=1)
        return softmax(output)

    def _classes_of(self, output: Tensor) -> Tensor:
        return (output[:, 0] > 0).long() if self.unit else output.argmax(dim=1)

    def _loss(self, output: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        from torch.nn import functional as F

        labels = _of_each_part(output, labels)
        weights = None if weights is None else _of_each_part(output, weights)
        if self.unit:
            return F.binary_cross_entropy_with_logits(output[:, 0], labels.to(output.dtype), weights)
        if weights is None:
            return F.cross_entropy(output, labels)
        return (weights * F.cross_entropy(output, labels, reduction="none")).mean()


def _of_each_part(output: Tensor, labels: Tensor) -> Tensor:
    return labels.repeat(len(output) // len(labels))  # a model of two parts gives the logits of each
