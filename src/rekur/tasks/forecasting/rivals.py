"""The cheap rivals of a forecaster, on the same windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import MissingPackage
from rekur.evaluation.baselines import forecasts as rivals
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Origins, Windows

Floats = NDArray[Any]

RECENT = 2_000  # values that Naive2, Theta and ETS read, where windows are many
MANY = 2_000  # windows
LEARNED = 20_000  # training windows that NLinear is fitted on


def all_of(
    windows: Windows, parts: Parts, train: Origins, data: ForecastData, season: int, warnings: list[str]
) -> Iterator[tuple[str, Floats]]:
    """Yield the name and the forecasts (N, h) of each rival, in the units that are scored."""
    origins, horizon, units = parts.test, data.horizon, data.units
    histories = windows.histories(origins, units)
    yield "persistence", rivals.persistence(histories, horizon)
    if season > 1:
        yield "seasonal naive", rivals.seasonal_naive(histories, horizon, season)
    yield "drift", rivals.drift(histories, horizon)
    recent = histories if len(origins) <= MANY else windows.histories(origins, units, RECENT)
    owners = origins[:, 0].tolist()
    yield "Naive2", rivals.naive2(recent, horizon, season)
    yield "Theta", rivals.theta(recent, horizon, season, owners)
    try:
        yield "ETS", rivals.ets(recent, horizon, season, owners, origins[:, 1].tolist())
    except MissingPackage as error:
        warnings.append(str(error))
    yield from _nlinear(windows, parts, train, data)


def _nlinear(windows: Windows, parts: Parts, train: Origins, data: ForecastData) -> Iterator[tuple[str, Floats]]:
    some = train[:: -(-len(train) // LEARNED)]
    targets = windows.truth(some, "standard")
    some, targets = some[np.isfinite(targets).all(axis=1)], targets[np.isfinite(targets).all(axis=1)]
    if len(some) < 2:
        return
    scaled = len(windows.panel.series) > 1 and not data.standardise  # series of one size need no other
    found = rivals.nlinear(windows.pasts(some), targets, windows.pasts(parts.test), scaled=scaled)
    yield "NLinear", windows.in_units(found, parts.test, data.units)
