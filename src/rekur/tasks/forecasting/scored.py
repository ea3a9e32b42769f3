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
    left: NDArray[np.int64]  # (N,) steps from the origin to the end of its series

    @classmethod
    def of(cls, windows: Windows, parts: Parts, data: ForecastData, season: int) -> Judge:
        """Take the truth of the test windows, and MASE's scales from all that comes before the test part."""
        begins = parts.test[np.unique(parts.test[:, 0], return_index=True)[1]]
        of_series = dict(
            zip(begins[:, 0].tolist(), metrics.scales_of(windows.known(begins, data.units), season), strict=True)
        )
        scales = np.array([of_series[place] for place in parts.test[:, 0].tolist()])
        left = windows.lengths[parts.test[:, 0]] - parts.test[:, 1]
        return cls(windows.truth(parts.test, data.units), scales, data, left)

    def outcome(self, forecast: Floats, naive2: Floats | None = None, quantiles: Floats | None = None) -> Outcome:
        """Score forecasts (N, h), and quantiles (N, h, Q)."""
        levels = self.data.levels if quantiles is not None else ()
        whole = outcomes.forecast(
            self.truth, forecast, scales=self.scales, naive2=naive2, quantiles=quantiles, levels=levels
        )
        return self._by_horizon(whole, forecast) if self.data.horizons else whole

    def _by_horizon(self, whole: Outcome, forecast: Floats) -> Outcome:
        """Make mse and mae the mean over the horizons, each over all windows that reach so far, as is published.

        Values that are missing count in none; a horizon that no window reaches has no figure.
        """
        known = np.isfinite(self.truth)
        reach = {
            h: (self.left >= h) & known[:, :h].any(axis=1) for h in sorted({*self.data.horizons, self.data.horizon})
        }
        reach = {h: holds for h, holds in reach.items() if holds.any()}
        figures, items, details = dict(whole.metrics), np.zeros(len(whole.items)), dict(whole.details)
        absolute = np.zeros(len(whole.items))
        for h, holds in reach.items():
            share = holds.sum() / len(holds) * len(reach)
            counts = np.maximum(known[:, :h].sum(axis=1), 1)
            errors = np.where(holds[:, None] & known[:, :h], self.truth[:, :h] - forecast[:, :h], 0.0)
            squares, sizes = np.square(errors).sum(axis=1) / counts, np.abs(errors).sum(axis=1) / counts
            figures |= {f"mse_{h}": float(squares[holds].mean()), f"mae_{h}": float(sizes[holds].mean())}
            items += squares / share
            absolute += sizes / share
        details["absolute"] = absolute
        figures |= {"mse": float(items.mean()), "mae": float(absolute.mean()), "rmse": float(np.sqrt(items.mean()))}
        return replace(whole, metrics=figures, items=items, details=details)
