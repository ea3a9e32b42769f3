"""Proof that no forecast read its future: change all that came at and behind a moment, and forecast it again.

At some moments of the test part the values and observed covariates of every series, from that moment on, are replaced
by noise; then everything is done again that lies between data and forecast: season and scales are found, windows cut
and forecast, quantiles corrected by the errors known by then. The forecasts must be the same to the last bit. A control
changes one value before each moment, too: if that moved nothing, the proof would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data import disk
from rekur.data.panel import Panel, Series
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.windows import Origins

Floats = NDArray[Any]
Forecast = Callable[[Panel, Origins, int], Floats]  # of origins at one moment -> point and quantiles (N, h, 1 + Q)

MOST = 32  # origins tried, at
MOMENTS = 8


def prove(
    panel: Panel, parts: Parts, forecast: Forecast, generator: np.random.Generator, moments: int = MOMENTS
) -> dict[str, Any]:
    """Return how many origins were tried, whether all forecasts stayed the same, how far they and the control moved."""
    clock = parts.clock.at(*parts.test.T)
    chosen = _some(np.unique(clock), moments)
    draws = generator.standard_normal(1 + max(len(one.values) for one in panel.series))
    found = []
    for moment in chosen.tolist():
        origins = parts.test[_some(np.flatnonzero(clock == moment), max(1, MOST // len(chosen)))]
        honest = forecast(panel, origins, moment)
        differences = [  # one changed panel at a time: series may be as large as memory
            float(np.abs(forecast(changed_from(panel, parts, moment, draws, earlier), origins, moment) - honest).max())
            for earlier in (0, 1)
        ]
        behind = sum(int(np.isfinite(panel.series[place].values[step:]).sum()) for place, step in origins.tolist())
        found.append((len(origins), behind, *differences))
    moved, control = max(one[2] for one in found), min(one[3] for one in found)
    return {
        "origins": sum(one[0] for one in found),
        "moments": len(found),
        "values": sum(one[1] for one in found),
        "equal": moved == 0.0,
        "moved": moved,
        "control": control,
    }


def _some(values: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return up to so many of the values, the first and the last among them."""
    found: NDArray[np.int64] = values[np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).astype(int))]
    return found


def changed_from(panel: Panel, parts: Parts, moment: int, draws: Floats, earlier: int = 0) -> Panel:
    """Return the panel with noise in place of all from `earlier` steps before a moment on; the known stays.

    Of series on disk the changed ones are on disk, too.
    """

    room = disk.Room() if disk.on_disk(panel.series[0].values) else np.zeros

    def copied(values: Floats) -> Floats:
        copy = room(values.shape)
        copy[:] = values
        return copy

    def change(place: int, series: Series) -> Series:
        start = max(0, parts.clock.step(place, moment) - earlier)
        if start >= len(series.values):
            return series
        values, covariates = copied(series.values), copied(series.covariates)
        size = max(float(np.nanmax(np.abs(values))), 1.0)
        noise = 1.0 + np.abs(draws[: len(values) - start])  # above 1, so that logarithms exist
        values[start:] = size * noise
        covariates[start:, len(panel.columns.known) :] += size * noise.mean()
        return replace(series, values=values, covariates=covariates)

    return replace(panel, series=tuple(change(place, series) for place, series in enumerate(panel.series)))
