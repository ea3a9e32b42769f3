"""What tasks share that give a number for each sequence: squared error on standardised targets, RMSE in their unit."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rekur.data.scaling import Standard
from rekur.evaluation import outcomes
from rekur.tasks.answers import MOST_WRONG, Floats, OneAnswer, Rows
from rekur.tasks.base import Inputs, State, Step, Test, computed
from rekur.tasks.case import Case

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rekur.tasks.base import Model


class Regression(OneAnswer):
    """A task whose answer is a number."""

    metric: ClassVar[str] = "rmse"
    higher_is_better: ClassVar[bool] = False
    paired_test: ClassVar[str] = "bootstrap"

    targets: dict[str, Floats]  # part -> (N,) in their own unit
    unit: Standard  # of the targets, fitted on the training part

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
        return self.in_order(part, functools.partial(self.answer, model), none=np.zeros(0))

    def answer(self, model: Model, inputs: Inputs, lengths: Rows | None) -> Floats:
        """Return the number (N,) of each input, in the targets' own unit."""
        output = computed(model, inputs, lengths)[0]
        return self.unit.inverse(output[:, 0].astype(np.float64), 0)


def _squared(output: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.mse_loss(output[:, 0], targets)
