"""Proof that no forecast read its future: change all that came behind an origin, and forecast again.

The series' values and observed covariates behind each origin are replaced by noise; scales are fitted again, windows
cut again. The forecasts must be the same to the last bit. A control changes one value before the origin, too: if that
moved nothing, the proof would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.panel import Panel
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Origins, Scales, Windows, fitted

Floats = NDArray[Any]
Forecast = Callable[[Windows, Origins], Floats]  # -> point and quantiles (N, h, 1 + Q)

MOST = 32  # origins tried


def prove(
    panel: Panel, data: ForecastData, parts: Parts, scales: Scales, forecast: Forecast, generator: np.random.Generator
) -> dict[str, Any]:
    """Return how many origins were tried, whether all forecasts stayed the same, how far they and the control moved."""
    chosen = parts.test[np.unique(np.linspace(0, len(parts.test) - 1, min(MOST, len(parts.test))).astype(int))]
    chosen = chosen[[_behind(panel, place, origin) > 0 for place, origin in chosen]]
    if not len(chosen):
        return {}
    kept = [panel.series[place] for place in chosen[:, 0]]
    origins = np.stack([np.arange(len(chosen)), chosen[:, 1]], axis=1)
    ends = [parts.ends[place] for place in chosen[:, 0]]

    def forecasts(changed: Panel) -> Floats:
        again = replace(scales, series=fitted(changed, data, ends).series)
        return forecast(Windows(changed, data, again), origins)

    draws = {name: generator.standard_normal(max(len(one.values) for one in kept)) for name in ("behind", "before")}
    known = len(panel.columns.known)
    copies = replace(panel, series=tuple(kept))
    behind = replace(panel, series=tuple(map(_changed(draws["behind"], 0, known), kept, chosen[:, 1].tolist())))
    before = replace(panel, series=tuple(map(_changed(draws["before"], 1, known), kept, chosen[:, 1].tolist())))
    first = forecasts(copies)
    moved, control = (float(np.abs(forecasts(changed) - first).max()) for changed in (behind, before))
    return {
        "origins": len(chosen),
        "values": int(sum(_behind(panel, place, origin) for place, origin in chosen)),
        "equal": moved == 0.0,
        "moved": moved,
        "control": control,
    }


def _behind(panel: Panel, place: int, origin: int) -> int:
    return int(np.isfinite(panel.series[place].values[origin:]).sum())


def _changed(draws: Floats, earlier: int, known: int) -> Callable[[Any, int], Any]:
    """Return what changes a series from `earlier` steps before an origin on; the known covariates stay."""

    def change(series: Any, origin: int) -> Any:
        start = origin - earlier
        values, covariates = series.values.copy(), series.covariates.copy()
        size = float(np.nanmax(np.abs(values)))
        noise = 1.0 + np.abs(draws[: len(values) - start])  # above 1, so that logarithms exist
        values[start:] = size * noise
        covariates[start:, known:] += size * noise.mean()
        return replace(series, values=values, covariates=covariates)

    return change
