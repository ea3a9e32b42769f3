"""The next value of a series from a window of the days before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.config import Settings
from rekur.data import batches
from rekur.data.scaling import MinMax
from rekur.data.windows import sliding
from rekur.errors import ConfigError, DataError
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.base import State, Step, Task, Test, computed, stored_names
from rekur.tasks.case import Case, Refit

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rekur.tasks.base import Model

Rows = NDArray[np.int64]


class SeriesData(Settings):
    """`[data]` of the task `series`."""

    set: Literal["kospi"] = "kospi"
    inputs: tuple[str, ...] = Field(("Open", "High", "Low", "Volume"), strict=False, min_length=1)
    target: str = "Close"
    window: int = Field(5, ge=1)
    train: int = Field(200, ge=2, description="windows before the boundary, validation among them")
    validation: int = Field(0, ge=0, description="last windows of the training part, held out")
    scaler_on: Literal["train", "all"] = Field("train", description="all: on the test part, too, a leak")
    shuffle: bool = True


class NextValue(Task):
    """The target's next value; windows before the boundary train, those behind it test."""

    Data = SeriesData
    data: SeriesData
    metric: ClassVar[str] = "rmse"
    higher_is_better: ClassVar[bool] = False
    paired_test: ClassVar[str] = "diebold_mariano"
    block: ClassVar[int] = 10  # days drawn together: errors of one fortnight are alike
    reads = frozenset({"residual"})

    def faults(self) -> Iterator[str]:
        data, model = self.data, self.config.model
        if data.validation >= data.train:
            yield f"data.validation: {data.validation} of {data.train} windows leave none to train on. Hold out fewer."
        if model.residual and data.target not in data.inputs:
            yield "model.residual needs data.target among data.inputs: it forecasts the change from it."
        if model.readout == "every":
            yield 'model.readout: "every" gives a forecast a step, and one is needed. Take "last".'

    def load(self) -> None:
        import polars as pl

        from rekur.data.datasets import kospi

        frame = kospi.load(self.data_dir)
        self._name_columns(frame.columns)
        self.dates = frame["Date"].cast(pl.String).to_list()[self.data.window :]
        values = frame.select(self.columns).to_numpy().astype(np.float64)  # (days, columns)
        last = self.data.train + self.data.window
        if last >= len(values):
            raise ConfigError(f"data.train: {self.data.train} windows leave no test part of {len(values)} days.")
        fitted = last - self.data.validation  # days that train; the last of them is the last target
        self.scaler = MinMax.fit(values if self.data.scaler_on == "all" else values[:fitted])
        self.values, self.fitted = values, fitted
        scaled = self.scaler.transform(values)
        wanted = [self.columns.index(name) for name in self.data.inputs]
        self.windows = sliding(scaled[:-1, wanted], self.data.window).astype(np.float32)  # (N, T, I)
        self.targets = scaled[self.data.window :, self.goal].astype(np.float32)  # (N,)
        self.truth = values[self.data.window :, self.goal]  # (N,) in the target's own unit
        self.before = values[self.data.window - 1 : -1, self.goal]  # (N,) the value of the day before
        self._cut()

    def _name_columns(self, available: Sequence[str]) -> None:
        self.columns = list(dict.fromkeys([*self.data.inputs, self.data.target]))
        missing = [name for name in self.columns if name not in available]
        if missing:
            raise ConfigError(f"data.inputs and data.target: no column {', '.join(missing)}; there are {available}.")
        self.goal = self.columns.index(self.data.target)

    def _cut(self) -> None:
        boundary, fitted = self.data.train, self.data.train - self.data.validation
        self.rows = {
            "train": np.arange(fitted),
            "validation": np.arange(fitted, boundary),
            "test": np.arange(boundary, len(self.windows)),
        }

    def files(self) -> dict[str, str]:
        return {"scaler.json": self.scaler.to_json(), "columns.json": json.dumps(self.columns)}

    def restore(self, files: Mapping[str, str]) -> None:
        self.scaler = MinMax.from_json(files["scaler.json"])
        self._name_columns(stored_names(files["columns.json"], "columns.json"))
        if len(self.scaler.shift) != len(self.columns):
            raise DataError(f"scaler.json must be of {len(self.columns)} columns; got {len(self.scaler.shift)}.")

    def preprocessing(self) -> dict[str, Any]:
        inputs, goal = [self.columns.index(name) for name in self.data.inputs], self.goal
        return {
            "step": "(value - shift) / scale of each input column, the oldest row first",
            "window": self.data.window,
            "inputs": list(self.data.inputs),
            "shift": self.scaler.shift[inputs].tolist(),
            "scale": self.scaler.scale[inputs].tolist(),
            "lengths": False,
            "answer": "output * scale + shift of the target",
            "target": {"name": self.data.target, "shift": self.scaler.shift[goal], "scale": self.scaler.scale[goal]},
        }

    def architecture(self) -> Architecture:
        anchor = self.data.inputs.index(self.data.target) if self.config.model.residual else -1
        columns, T = len(self.data.inputs), self.data.window
        return Architecture(self.config.model, 1, values=columns, steps=T, anchor=anchor)

    def batches(self, epoch: int) -> Sequence[Rows]:
        size, count = self.config.training.batch, len(self.rows["train"])
        if self.data.shuffle:
            return batches.shuffled(count, size, self.generator(1, epoch))
        return batches.in_order(count, size)

    def case(self, rows: Rows) -> Case:
        return Case(self.windows[rows], None, self.targets[rows], _mean_squared_error)

    def refits(self) -> Sequence[Refit]:
        used, alone = self._by_column(self.scaler), self._by_column(MinMax.fit(self.values[: self.fitted]))
        everything = {"all days, the test part among them": self._by_column(MinMax.fit(self.values))}
        return [Refit("scaler", used, alone, {} if used == alone else everything)]

    def _by_column(self, scaler: MinMax) -> dict[str, dict[str, float]]:
        pairs = {"minimum": scaler.shift.tolist(), "range": scaler.scale.tolist()}
        return {name: dict(zip(self.columns, values, strict=True)) for name, values in pairs.items()}

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:  # noqa: ARG002
        import torch

        output, _ = model(self.windows[rows])
        return Step(_mean_squared_error(output, torch.from_numpy(self.targets[rows]).to(output.device)), len(rows))

    def validate(self, model: Model) -> dict[str, float]:
        rows = self.rows["validation"]
        if not len(rows):
            return {}
        scaled = self._scaled_forecast(model, self.windows[rows])
        error = outcomes.regression(self.truth[rows], self._unscaled(scaled)).metrics["rmse"]
        return {"loss": float(np.mean((scaled - self.targets[rows]) ** 2)), "rmse": error}

    def test(self, model: Model) -> Test:
        import polars as pl

        forecast = self._unscaled(self._scaled_forecast(model, self.windows))
        rows = self.rows["test"]
        series = pl.DataFrame(
            {
                "date": self.dates,
                "part": ["train"] * self.data.train + ["test"] * len(rows),
                "truth": self.truth,
                "forecast": forecast,
                "persistence": self.before,
            }
        )
        predictions = series[rows].select(id=pl.col("date"), truth="truth", prediction="forecast")
        return Test(outcomes.regression(self.truth[rows], forecast[rows]), predictions, {"series": series})

    def baselines(self) -> dict[str, Outcome]:
        from rekur.evaluation.baselines import series as rivals  # scikit-learn loads as slowly as torch

        test, train = self.rows["test"], self.rows["train"]
        known = np.concatenate([self.before[:1], self.truth])  # (N + 1,) all values up to each test day
        linear = rivals.linear_autoregression(self.windows[train], self.targets[train], self.windows[test])
        forecasts = {
            "persistence": rivals.persistence(self.before[test]),
            "drift": rivals.drift(self.before[test], np.full(len(test), known[0]), test),
            "linear autoregression": self._unscaled(linear),
        }
        return {name: outcomes.regression(self.truth[test], forecast) for name, forecast in forecasts.items()}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict the value that follows each window: (T, I) numbers in the units of the training columns."""
        wanted = (self.data.window, len(self.data.inputs))
        forecasts = []
        for window in inputs:
            try:
                values = np.asarray(window, dtype=np.float64)
            except (TypeError, ValueError):
                raise DataError(f"A window must be {wanted} numbers; got something that is not numbers.") from None
            if values.shape != wanted or not np.isfinite(values).all():
                raise DataError(
                    f"A window must be (T={wanted[0]}, I={wanted[1]}) finite numbers, the columns "
                    f"{', '.join(self.data.inputs)} of {wanted[0]} days, oldest first; got {values.shape}."
                )
            forecasts.append(self._scale_window(values))
        if not forecasts:
            return []
        scaled = self._scaled_forecast(model, np.stack(forecasts))
        return [{"prediction": float(value)} for value in self._unscaled(scaled)]

    def _scale_window(self, window: NDArray[np.float64]) -> NDArray[np.float32]:
        wanted = [self.columns.index(name) for name in self.data.inputs]
        whole = np.zeros((len(window), len(self.columns)))
        whole[:, wanted] = window
        scaled: NDArray[np.float32] = self.scaler.transform(whole)[:, wanted].astype(np.float32)
        return scaled

    def _scaled_forecast(self, model: Model, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        return computed(model, windows)[0][:, 0].astype(np.float64)

    def _unscaled(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.scaler.inverse(scaled, self.goal)


def _mean_squared_error(output: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.mse_loss(output[:, 0], targets)
