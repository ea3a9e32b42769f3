"""Forecasts scored on the windows of the test part, the model's and its rivals' alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.evaluation import outcomes
from rekur.evaluation.forecasting import metrics
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Windows

Floats = NDArray[Any]


@dataclass(frozen=True)
class Judge:
    """What every forecast of the test part is held against."""

    truth: Floats  # (N, h)
    scales: Floats  # (N,) MASE's
    data: ForecastData

    @classmethod
    def of(cls, windows: Windows, parts: Parts, data: ForecastData, season: int) -> Judge:
        """Take the truth of the test windows, and MASE's scales from all that comes before the test part."""
        begins = np.array([parts.test[parts.test[:, 0] == place][0] for place in np.unique(parts.test[:, 0])])
        of_series = dict(
            zip(begins[:, 0].tolist(), metrics.scales_of(windows.known(begins, data.units), season), strict=True)
        )
        scales = np.array([of_series[place] for place in parts.test[:, 0].tolist()])
        return cls(windows.truth(parts.test, data.units), scales, data)

    def outcome(self, forecast: Floats, naive2: Floats | None = None, quantiles: Floats | None = None) -> Outcome:
        """Score forecasts (N, h), and quantiles (N, h, Q)."""
        levels = self.data.levels if quantiles is not None else ()
        whole = outcomes.forecast(
            self.truth, forecast, scales=self.scales, naive2=naive2, quantiles=quantiles, levels=levels
        )
        return self._by_horizon(whole, forecast) if self.data.horizons else whole

    def _by_horizon(self, whole: Outcome, forecast: Floats) -> Outcome:
        """Make mse and mae the mean over the horizons, each over all windows that hold it whole, as is published."""
        horizons = sorted({*self.data.horizons, self.data.horizon})
        figures, items, details = dict(whole.metrics), np.zeros(len(whole.items)), dict(whole.details)
        absolute = np.zeros(len(whole.items))
        for h in horizons:
            holds = np.asarray(np.isfinite(self.truth[:, :h]).all(axis=1))
            share = holds.sum() / len(holds) * len(horizons)
            errors = np.where(holds[:, None], self.truth[:, :h] - forecast[:, :h], 0.0)
            squares, sizes = np.square(errors).mean(axis=1), np.abs(errors).mean(axis=1)
            figures |= {f"mse_{h}": float(squares[holds].mean()), f"mae_{h}": float(sizes[holds].mean())}
            items += squares / share
            absolute += sizes / share
        details["absolute"] = absolute
        figures |= {"mse": float(items.mean()), "mae": float(absolute.mean()), "rmse": float(np.sqrt(items.mean()))}
        return replace(whole, metrics=figures, items=items, details=details)
