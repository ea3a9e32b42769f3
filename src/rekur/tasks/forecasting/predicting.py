"""From windows to forecasts in the series' own units, their quantiles corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.evaluation.forecasting.conformal import Corrections
from rekur.tasks.forecasting import parts
from rekur.tasks.forecasting.calibration import Made, joined, known_at, rolling
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Batch, Origins, Windows

Floats = NDArray[Any]

AT_ONCE = 512  # windows forecast together
LEAST = np.float32(1e-3)  # of a window's deviation, in its own scale


@dataclass(frozen=True)
class Predicting:
    """A model that forecasts; torch's or the one without."""

    model: Any
    data: ForecastData
    draws: Callable[[int], np.random.Generator]  # of the windows from this one on

    def each(self, windows: Windows, origins: Origins) -> Iterator[tuple[Origins, Batch, Floats, Floats]]:
        """Yield some origins, their windows, and forecasts (n, h) and quantiles (n, h, Q) as the model gives them."""
        for start in range(0, len(origins), AT_ONCE):
            some = origins[start : start + AT_ONCE]
            batch = windows.cut(some)
            given: Any = {"rng": self.draws(start), "scale": batch.scale.astype(np.float32)}
            quantiles, point = self.model.forecast(batch.inputs, None, self.data.levels, **given)
            yield some, batch, point, quantiles

    def forecast(
        self, windows: Windows, origins: Origins, units: str = "own", corrections: Corrections | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the forecast (N, h) and its quantiles (N, h, Q) from each origin, in `units`."""
        points, bands = [], []
        for some, batch, point, quantiles in self.each(windows, origins):
            wide = quantiles if corrections is None else corrections.apply(quantiles, self._spread(batch))
            bands.append(windows.unscaled(wide.astype(np.float64), batch, some, units).astype(np.float32))
            points.append(windows.unscaled(point.astype(np.float64), batch, some, units).astype(np.float32))
        return np.concatenate(points), np.concatenate(bands)

    def calibrated(self, windows: Windows, found: Parts) -> Corrections | None:
        """Return what the quantiles lack on the validation part, in windows' own scales; None: not asked for."""
        if self.data.conformal == "none":
            return None
        return joined([made for *_, made in self._made(windows, found.validation)]).calibrated(self.data.levels)

    def test(self, windows: Windows, found: Parts) -> tuple[Floats, Floats, Corrections | None]:
        """Return forecast and quantiles of the test part, in the units scored, and the corrections at its end."""
        data = self.data
        if data.conformal != "rolling":
            corrections = self.calibrated(windows, found)
            return *self.forecast(windows, found.test, data.units, corrections), corrections
        points, scales, tested = [], [], []
        for some, batch, point, made in self._made(windows, found.test):
            points.append(windows.unscaled(point.astype(np.float64), batch, some, data.units).astype(np.float32))
            scales.append((batch.shift, batch.scale))
            tested.append(made)
        ours = joined(tested)
        whole = joined([*(made for *_, made in self._made(windows, found.validation)), ours])
        wide, last = ours.quantiles.copy(), int(ours.clock.max())
        for begin, end, corrections in rolling(whole, last + 1, data.levels, data.recent):
            at = np.flatnonzero((ours.clock >= begin) & (ours.clock < end))
            wide[at] = corrections.apply(ours.quantiles[at], None if ours.spread is None else ours.spread[at])
        shift, scale = (np.concatenate(part) for part in zip(*scales, strict=True))
        bands = windows.back(wide, shift, scale, found.test, data.units).astype(np.float32)
        now = known_at(whole, last + data.shortest_horizon, data.recent)
        return np.concatenate(points), bands, now.calibrated(data.levels)

    def _made(self, windows: Windows, origins: Origins) -> Iterator[tuple[Origins, Batch, Floats, Made]]:
        """Yield some origins, their windows, their forecasts, and what the quantiles are corrected by."""
        lengths = [len(one.values) for one in windows.panel.series]
        starts = np.array([length - parts.sizes(length, self.data)[0] for length in lengths])
        for some, batch, point, quantiles in self.each(windows, origins):
            truth = np.where(batch.weight > 0, batch.target, np.float32(np.nan))
            yield some, batch, point, Made(some[:, 1] - starts[some[:, 0]], truth, quantiles, self._spread(batch))

    def _spread(self, batch: Batch) -> Floats | None:
        """Return the deviation of each window (N,), in its own scale."""
        return np.maximum(batch.past[:, :, 0].std(axis=1), LEAST) if self.data.scaled else None
