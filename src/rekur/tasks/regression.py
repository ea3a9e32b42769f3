"""What tasks share that give a number for each sequence: squared error on standardised targets, RMSE in their unit."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rekur.data.scaling import Standard
from rekur.evaluation import outcomes
from rekur.tasks.base import Inputs, State, Step, Task, Test, computed
from rekur.tasks.case import Case

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rekur.tasks.base import Model

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_WRONG = 24


class Regression(Task):
    """A task whose answer is a number."""

    metric: ClassVar[str] = "rmse"
    higher_is_better: ClassVar[bool] = False
    paired_test: ClassVar[str] = "bootstrap"

    targets: dict[str, Floats]  # part -> (N,) in their own unit
    unit: Standard  # of the targets, fitted on the training part
    given_weights: Floats | None = None  # (N,) how much each example a caller gives counts; None: alike
    weights: Mapping[str, NDArray[np.float32]] = MappingProxyType({})  # part -> (N,), where they are given

    @abc.abstractmethod
    def inputs(self, part: str, rows: Rows) -> tuple[Inputs, Rows | None]:
        """Return the model's inputs for `rows` of `part`, and lengths where the model may know them."""

    @abc.abstractmethod
    def chunks(self, part: str) -> Sequence[Rows]:
        """Return the rows of `part` in the batches they are evaluated in."""

    @abc.abstractmethod
    def examples(self, rows: Rows) -> dict[str, Any]:
        """Return columns that show the test items `rows` to people."""

    def training_inputs(self, rows: Rows) -> tuple[Inputs, Rows | None]:
        """Return what a training batch sees."""
        return self.inputs("train", rows)

    def take_unit(self) -> None:
        """Fit the unit of the targets on the training part."""
        self.unit = Standard.fit(self.targets["train"][:, None])

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:  # noqa: ARG002
        import torch

        inputs, lengths = self.training_inputs(rows)
        output, _ = model(inputs, lengths)
        targets = torch.from_numpy(self.scaled("train", rows)).to(output.device)
        if not self.weights:
            return Step(_squared(output, targets), len(rows))
        weights = torch.from_numpy(self.weights["train"][rows]).to(output.device)
        return Step((weights * (output[:, 0] - targets) ** 2).mean(), len(rows))

    def scaled(self, part: str, rows: Rows) -> NDArray[np.float32]:
        """Return the targets (N,) of some rows as the model is to say them."""
        return self.unit.transform(self.targets[part][rows, None])[:, 0].astype(np.float32)

    def case(self, rows: Rows) -> Case:
        inputs, lengths = self.inputs("train", rows)
        return Case(inputs, lengths, self.scaled("train", rows), _squared, causal=False)

    def validate(self, model: Model) -> dict[str, float]:
        if not len(self.targets.get("validation", ())):
            return {}
        truth, said = self.targets["validation"], self.forecasts(model, "validation")
        rmse = outcomes.regression(truth, said).metrics["rmse"]
        squared = np.average((truth - said) ** 2, weights=self.weights["validation"]) if self.weights else rmse**2
        return {"loss": float(squared / self.unit.scale[0] ** 2), "rmse": rmse}

    def test(self, model: Model) -> Test:
        import polars as pl

        truth, prediction = self.targets["test"], self.forecasts(model, "test")
        frame = pl.DataFrame({"id": self.ids("test"), "truth": truth, "prediction": prediction})
        worst = np.argsort(-np.abs(prediction - truth), kind="stable")[:MOST_WRONG]
        shown = frame[worst].with_columns(**{name: pl.Series(values) for name, values in self.examples(worst).items()})
        return Test(outcomes.regression(truth, prediction), frame, {"worst": shown})

    def ids(self, part: str) -> Any:
        """Return what names each item of `part` (N,)."""
        return np.arange(len(self.targets[part]))

    def forecasts(self, model: Model, part: str) -> Floats:
        """Return the number (N,) the model says of every row of `part`, in order."""
        chunks = self.chunks(part)
        if not chunks:
            return np.zeros(0)
        gathered = np.concatenate([self.answer(model, *self.inputs(part, rows)) for rows in chunks])
        ordered = np.empty_like(gathered)
        ordered[np.concatenate(chunks)] = gathered
        return ordered

    def answer(self, model: Model, inputs: Inputs, lengths: Rows | None) -> Floats:
        """Return the number (N,) of each input, in the targets' own unit."""
        output = computed(model, inputs, lengths)[0]
        return self.unit.inverse(output[:, 0].astype(np.float64), 0)


def _squared(output: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.mse_loss(output[:, 0], targets)
