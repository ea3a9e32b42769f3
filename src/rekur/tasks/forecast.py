"""Many steps of many series at once: one model reads every series, from any origin, and says how sure it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rekur import distributions
from rekur.architecture import Architecture
from rekur.data import batches, disk
from rekur.data.calendar import Frequency
from rekur.data.panel import Columns, Panel, Series
from rekur.errors import DataError
from rekur.evaluation.forecasting import metrics
from rekur.evaluation.forecasting.metrics import mean_of_steps
from rekur.tasks import checks
from rekur.tasks.base import State, Step, Task, Test
from rekur.tasks.case import Case, Refit
from rekur.tasks.forecasting import coming, covariates, linear, parts
from rekur.tasks.forecasting.predicting import AT_ONCE, Predicting
from rekur.tasks.forecasting.scored import Judge
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.weights import Weights
from rekur.tasks.forecasting.windows import Batch, Origins, Scales, Windows, fitted

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor, nn

    from rekur.data.sources import Source
    from rekur.evaluation.forecasting import conformal
    from rekur.evaluation.outcomes import Outcome
    from rekur.tasks.base import Model

Rows = NDArray[np.int64]

PROVED = 10_000  # windows forecast, three times, to prove that none reads its future; those of two moments at least
FILE = "panel.json"


class Forecasting(Task):
    """The next h steps of each series, from the T before them; the end of each series tests, from rolling origins."""

    Data = ForecastData
    data: ForecastData
    higher_is_better: ClassVar[bool] = False
    paired_test: ClassVar[str] = "bootstrap"
    reads = checks.FORECASTING
    beginning: linear.Linear | None = None  # fitted by load where the model begins as a linear forecast

    @property
    def metric(self) -> str:  # type: ignore[override]
        """What the verdict is about."""
        return self.data.metric

    @property
    def distribution(self) -> distributions.Distribution:
        """What the model says of each value."""
        return distributions.make(self.config.model.distribution, self.data.levels)

    def faults(self) -> Iterator[str]:
        yield from self.data.faults()
        if not self.config.model.forecaster:
            yield 'model.forecaster: the task `forecast` needs one. Take "direct".'
        counts = self.config.model.distribution == "negative_binomial"
        if counts and (self.data.log or self.data.standardise or self.data.normalise not in ("none", "mean")):
            yield (
                'model.distribution = "negative_binomial" is of counts: leave data.log and data.standardise false, and '
                'data.normalise "none" or "mean".'
            )

    # data

    def load(self) -> None:
        from rekur.tasks.forecasting import sets

        self.panel = sets.load(self.data, self.data_dir) if self.given is None else sets.own(self.given, self.data)
        self.warnings += self.panel.notes
        if disk.on_disk(self.panel.series[0].values):
            self.warnings.append(
                f"{self.data.path} is larger than data.memory ({self.data.memory} MB): it is read in batches, and its "
                "values are kept in temporary files."
            )
        self.frequency, self.columns = self.panel.frequency, self.panel.columns
        if self.data.folds:
            self.panel, self.data = parts.until(self.panel, self.data)
        tested = self.given is None
        self.parts = parts.cut(self.panel, self.data, tested)
        self.warnings += self.parts.notes
        if self.data.log:
            self.warnings += parts.check_positive(self.panel, self.parts.ends)
        self.windows = self._windows(self.panel)
        self.scales, self.season = self.windows.scales, self.windows.scales.season
        everywhere = np.concatenate([self.parts.train, self.parts.validation, self.parts.test])
        covariates.check_inside(self.windows, everywhere)
        self.parts = parts.worth(self.parts, self.windows.truth, tested)
        self.train = self.parts.train
        if self.config.model.start == "linear":
            self.beginning = linear.fitted(self.windows, self.parts, self.data, self.config.model, self.season)
        if self.data.metric in ("mase", "owa") and not np.isfinite(self.judge.scales).any():
            raise DataError(
                f'data.metric = "{self.data.metric}" is scaled by how much a series moves from one season to the next, '
                "and none of these moves. Take mae."
            )

    def _windows(self, panel: Panel) -> Windows:
        """Return the windows of a panel, and in them the season and the scales of its training part."""
        season = self.data.season or self._season(panel)
        scales = fitted(panel, self.data, self.parts.ends, season)
        return Windows(panel, self.data, scales, self.parts.seen)

    def _season(self, panel: Panel) -> int:
        from rekur.evaluation.forecasting import seasons

        histories = [one.values[:end] for one, end in zip(panel.series, self.parts.ends, strict=True) if end]
        step = panel.frequency
        seconds = {"second": step.count, "month": 2_629_800 * step.count, "weekday": None, "count": None}[step.unit]
        tried = (5,) if step.unit == "weekday" else seasons.candidates(seconds)
        return seasons.of_panel(histories, tried)

    def files(self) -> dict[str, str]:
        panel = {
            "frequency": self.panel.frequency.to_json(),
            "columns": dict(vars(self.panel.columns)),
            "scales": self.scales.to_json(),
        }
        return {FILE: json.dumps(panel)}

    def restore(self, files: Mapping[str, str]) -> None:
        found = json.loads(files[FILE])
        columns: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else str(value) for name, value in found["columns"].items()
        }
        self.frequency, self.columns = Frequency.from_json(found["frequency"]), Columns(**columns)
        self.scales = Scales.from_json(found["scales"])
        self.season = self.scales.season
        self.windows = Windows(self._nothing(), self.data, self.scales)

    def _nothing(self) -> Panel:
        """Return a panel of one empty series, for the sizes alone."""
        covariates = np.zeros((1, len(self.columns.varying)))
        static = tuple(words[0] if words else 0.0 for words in self.scales.words)
        first: Any = 1 if self.frequency.unit == "count" else np.datetime64("2000-01-03T00:00:00")
        return Panel((Series("", first, np.ones(1), covariates, static),), self.frequency, self.columns)

    def architecture(self) -> Architecture:
        windows, data = self.windows, self.data
        return Architecture(
            self.config.model,
            self.distribution.parameters,
            values=windows.features,
            steps=data.window,
            horizon=data.horizon,
            future=windows.ahead,
            static=windows.static.shape[1],
            levels=data.levels,
        )

    @property
    def split(self) -> str:
        """Which part tests, for people."""
        fold = f"fold {self.data.fold + 1} of {self.data.folds}: " if self.data.folds else ""
        begins = self.parts.begins
        return fold + (f"all series test from {begins} on" if begins else "the last steps of each series test")

    def preprocessing(self) -> dict[str, Any]:
        from rekur.tasks.forecasting import exported

        autoregressive = self.config.model.forecaster == "autoregressive"
        return exported.about(self.data, self.scales, self.columns, self.frequency, autoregressive)

    def build(self) -> nn.Module:
        """Return the untrained model; once data are loaded, it begins where `model.start` says."""
        model: Any = super().build()
        if self.beginning is not None:
            model.start_from(self.beginning.weight, self.beginning.offsets)
        return model  # type: ignore[no-any-return]

    @property
    def begun(self) -> bool:  # type: ignore[override]
        """Whether the model begins as a linear forecast."""
        return self.beginning is not None

    # learning

    def batches(self, epoch: int) -> Sequence[Rows]:
        return batches.shuffled(len(self.train), self.config.training.batch, self.generator(1, epoch))

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:  # noqa: ARG002
        batch = self.weighted(self.train[rows])
        return Step(self._loss(model, batch, learning=True), len(rows))

    def weighted(self, origins: Origins) -> Batch:
        """Return windows that count as much as `data.weights` says."""
        batch = self.windows.cut(origins)
        if self.data.weights == "none":
            return batch
        share = self.weights.shares(origins, batch)
        return replace(batch, weight=batch.weight * share[:, None])

    @cached_property
    def weights(self) -> Weights:
        """How much each window counts."""
        return Weights(self.windows, self.parts, self.season)

    def _loss(self, model: Any, batch: Batch, learning: bool = False) -> Tensor:
        import torch

        parameters, _ = model((*batch.inputs, batch.target) if learning else batch.inputs)
        target, weight = (torch.from_numpy(part).to(parameters.device) for part in (batch.target, batch.weight))
        if self.distribution.counts:
            scale = torch.from_numpy(batch.scale.astype(np.float32)).to(parameters.device)
            parameters = self.distribution.rescaled(parameters, torch.zeros_like(scale), scale)
            target = (target * scale[:, None]).round()
        loss: Tensor = self.distribution.loss(parameters, target, weight)
        return loss

    def validate(self, model: Model) -> dict[str, float]:
        import torch

        origins = self.parts.validation[:: self.data.judged]
        total, count = 0.0, 0.0
        with torch.inference_mode():
            for start in range(0, len(origins), AT_ONCE):
                batch = self.weighted(origins[start : start + AT_ONCE])
                weight = float(batch.weight.sum())
                total, count = total + float(self._loss(model, batch)) * weight, count + weight
        return {"loss": total / max(count, 1.0)}

    def settle(self, model: Any) -> bool:
        """Go back towards the linear forecast it began as, as far as the validation part scores that better."""
        if self.beginning is None or self.config.training.keep != "best":
            return False
        origins = linear.some(self.parts.validation[:: self.data.judged], linear.JUDGED)
        truth = self.windows.truth(origins, self.data.units)
        each = metrics.squared if self.data.metric in ("mse", "rmse") else metrics.absolute

        def error() -> float:
            point, _ = self.predicting(model).forecast(self.windows, origins, self.data.units)
            return metrics.mean(mean_of_steps(each(truth, point) * self.data.shares))

        return bool(model.settle(self.beginning.weight, self.beginning.offsets, error) < 1.0)

    def case(self, rows: Rows) -> Case:
        batch = self.windows.cut(self.train[rows])
        return Case(batch.inputs, None, batch.target, self._case_loss)

    def _case_loss(self, output: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = self.distribution.loss(output, target)
        return loss

    def refits(self) -> Sequence[Refit]:
        ends = self.parts.ends
        cut = [
            replace(one, values=one.values[:end], covariates=one.covariates[:end])
            for one, end in zip(self.panel.series, ends, strict=True)
        ]
        again = fitted(replace(self.panel, series=tuple(cut)), self.data, ends)  # of series that have no more
        used, alone = self.scales.to_json(), again.to_json()
        return [Refit("scales of the series", used["series"], alone["series"])]

    # testing

    @property
    def block(self) -> int:  # type: ignore[override]
        """Test windows that overlap are drawn together."""
        series = len({place for place, _ in self.parts.test.tolist()})
        return max(1, -(-self.data.horizon // self.data.every)) if len(self.parts.test) > series else 1

    @cached_property
    def judge(self) -> Judge:
        """What the forecasts of the test part are held against."""
        return Judge.of(self.windows, self.parts, self.data, self.season)

    @cached_property
    def rivals(self) -> dict[str, NDArray[Any]]:
        """The cheap rivals' forecasts (N, h) of the test part."""
        from rekur.tasks.forecasting import rivals

        found = rivals.all_of(self.windows, self.parts, self.train, self.data, self.season, self.warnings)
        return {name: forecast.astype(np.float32) for name, forecast in found}

    def test(self, model: Model) -> Test:
        from rekur.tasks.forecasting import telling

        point, quantiles, corrections = self.predicting(model).test(self.windows, self.parts)
        outcome = self.judge.outcome(point, self.rivals["Naive2"], quantiles)
        extra = {
            "conformal": corrections.to_json() if corrections is not None else None,
            "proof": self._proof(model),
            "horizons": self._by_horizon(point, quantiles),
        }
        seen = (self.judge.truth, point, quantiles)
        told = telling.predictions(self.windows, self.parts.test, *seen, self.data)
        tables = {"history": coming.history(self.panel, self.data.window, self.scales.marked)}
        tables["fans"] = telling.fans(self.windows, self.parts.test, *seen, self.judge.scales, self.data)
        if telling.is_one_series(self.parts, self.data):
            tables["series"] = telling.steps_ahead(self.windows, self.parts, self.judge.truth, point, self.data.units)
        return Test(outcome, told, tables, extra)

    def _by_horizon(self, point: NDArray[Any], quantiles: NDArray[Any]) -> dict[str, Any]:
        from rekur.evaluation.forecasting import horizons

        judge, data = self.judge, self.data
        told: dict[str, Any] = {
            "metric": data.metric,
            "every": data.every,
            "scales": judge.scales,
            "levels": data.levels,
        }
        series, steps = self.parts.test.T
        when = {"series": series, "moments": self.parts.clock.at(series, steps)}
        return horizons.by_horizon(judge.truth, point, self.rivals, quantiles=quantiles, **when, **told)

    def _proof(self, model: Model) -> dict[str, Any]:
        from rekur.tasks.forecasting.proof import MOMENTS, prove

        def forecast(panel: Panel, origins: Origins, moment: int) -> NDArray[Any]:
            found = self.predicting(model).known_at(self._windows(panel), self.parts, origins, moment)
            return np.concatenate([found[0][..., None], found[1]], axis=2)

        moments = max(2, min(MOMENTS, PROVED // self.predicting(model).costs(self.parts)))
        found = prove(self.panel, self.parts, forecast, self.generator(3), moments)
        if not found["equal"]:
            self.warnings.append(
                "The forecasts read what they foretell: values changed behind an origin moved them by "
                f"{found['moved']:g}."
            )
        elif not found["control"]:
            self.warnings.append(
                "The forecasts do not read the values of their series: changed, they leave them as they are."
            )
        return found

    def baselines(self) -> dict[str, Outcome]:
        naive2 = self.rivals["Naive2"]
        return {name: self.judge.outcome(forecast, naive2) for name, forecast in self.rivals.items()}

    # forecasting

    def predicting(self, model: Model) -> Predicting:
        """Return what forecasts with `model`."""
        return Predicting(model, self.data, lambda start: self.generator(2, start))

    def calibrated(self, model: Model) -> conformal.Corrections | None:
        """Return what the quantiles lack on the validation part; None: not asked for."""
        return self.predicting(model).calibrated(self.windows, self.parts)

    def forecast(
        self,
        model: Model,
        table: pl.DataFrame | Source,
        corrections: conformal.Corrections | None = None,
        own: bool = False,
    ) -> pl.DataFrame:
        """Return unique_id, ds, forecast, q05 ... q95 of the h steps behind the end of each series of a table.

        Args:
            table: histories, as the training file has them; what is known ahead stands behind the last value.
            corrections: of the quantiles, as `calibrated` found them.
            own: whether the table is `coming.history` of a run.

        Raises DataError for what cannot be read, and for covariates that are not known ahead.
        """
        names = self.columns if not own else replace(self.columns, id="unique_id", time="ds", target="y")
        found = coming.read(table, names, self.frequency, self.data, own)
        where, point, quantiles = self._ahead(model, found, corrections, own)
        return coming.table(found, where, point, quantiles, self.data.levels)

    def _ahead(
        self, model: Model, found: Panel, corrections: conformal.Corrections | None = None, own: bool = False
    ) -> tuple[Origins, NDArray[np.float32], NDArray[np.float32]]:
        """Return the ends of histories, the forecasts behind them and their quantiles."""
        if self.data.log and not own:
            parts.check_positive(found)
        where = coming.origins(found, self.data, self.scales.marked)
        windows = Windows(found, self.data, self.scales)
        covariates.check_ahead(windows, where)
        return where, *self.predicting(model).forecast(windows, where, corrections=corrections)

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Forecast the steps behind each history, (L,) numbers, oldest first: h numbers, and h of each quantile.

        For models that read no covariates and no calendar; `rekur forecast` has the others.
        """
        if self.columns.varying or self.columns.static or self.data.calendar:
            raise DataError("This model reads more than a series: give a table: `rekur forecast RUN --history FILE`.")
        if not inputs:
            return []
        found = Panel(coming.histories(inputs, self.scales.series), self.frequency, self.columns)
        _, point, quantiles = self._ahead(model, found)
        names = [coming.name_of(level) for level in self.data.levels]
        return [
            {"prediction": one.tolist(), "quantiles": dict(zip(names, band.T.tolist(), strict=True))}
            for one, band in zip(point, quantiles, strict=True)
        ]
