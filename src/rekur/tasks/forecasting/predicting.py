"""From windows to forecasts in the series' own units, their quantiles corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.scaling import LEAST
from rekur.evaluation.forecasting.conformal import Corrections
from rekur.tasks.forecasting.calibration import ROWS, Made, joined, known_at, near, rolling, span_of
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Batch, Origins, Windows

Floats = NDArray[Any]

AT_ONCE = 512  # windows forecast together


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
        return self.made(windows, found, found.validation).calibrated(self.data.levels)

    def known_at(
        self, windows: Windows, found: Parts, origins: Origins, moment: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return forecast and quantiles from some origins of one moment of the test part, as `test` makes them."""
        data, corrections = self.data, None
        if data.conformal == "rolling":
            begin = moment - moment % span_of(data.recent)
            corrections = known_at(self._before(windows, found, begin), begin, data.recent).calibrated(data.levels)
        elif data.conformal == "validation":
            corrections = self.calibrated(windows, found)
        return self.forecast(windows, origins, data.units, corrections)

    def _before(self, windows: Windows, found: Parts, moment: int) -> Made:
        """Return the forecasts that `known_at` takes at a moment, and no others."""
        every = np.concatenate([found.validation, found.test])
        places, steps = every.T
        last = found.clock.at(places, steps + self.data.horizon - 1) + 1
        kept = near(found.clock.at(places, steps), last, moment, self.data.recent)
        return self.made(windows, found, every[kept])

    def costs(self, found: Parts) -> int:
        """Return how many windows `known_at` forecasts, to know the errors."""
        if self.data.conformal == "none":
            return 1
        whole = len(found.validation) + len(found.test)
        return len(found.validation) if self.data.conformal == "validation" else min(ROWS, whole)

    def made(self, windows: Windows, found: Parts, origins: Origins) -> Made:
        """Return the forecasts from some origins as the model gives them, and what came."""
        return joined([made for *_, made in self._made(windows, found, origins)])

    def test(self, windows: Windows, found: Parts) -> tuple[Floats, Floats, Corrections | None]:
        """Return forecast and quantiles of the test part, in the units scored, and the corrections at its end."""
        data = self.data
        if data.conformal != "rolling":
            corrections = self.calibrated(windows, found)
            return *self.forecast(windows, found.test, data.units, corrections), corrections
        points, scales, tested = [], [], []
        for some, batch, point, made in self._made(windows, found, found.test):
            points.append(windows.unscaled(point.astype(np.float64), batch, some, data.units).astype(np.float32))
            scales.append((batch.shift, batch.scale))
            tested.append(made)
        ours = joined(tested)
        whole = joined([self.made(windows, found, found.validation), ours])
        wide, last = ours.quantiles.copy(), int(ours.clock.max())
        for begin, end, corrections in rolling(whole, last + 1, data.levels, data.recent):
            at = np.flatnonzero((ours.clock >= begin) & (ours.clock < end))
            wide[at] = corrections.apply(ours.quantiles[at], None if ours.spread is None else ours.spread[at])
        shift, scale = (np.concatenate(part) for part in zip(*scales, strict=True))
        bands = windows.back(wide, shift, scale, found.test, data.units).astype(np.float32)
        now = known_at(whole, last + data.shortest_horizon, data.recent)
        return np.concatenate(points), bands, now.calibrated(data.levels)

    def _made(self, windows: Windows, found: Parts, origins: Origins) -> Iterator[tuple[Origins, Batch, Floats, Made]]:
        """Yield some origins, their windows, their forecasts, and what the quantiles are corrected by."""
        for some, batch, point, quantiles in self.each(windows, origins):
            truth = np.where(batch.weight > 0, batch.target, np.float32(np.nan))
            steps = some[:, 1, None] + np.arange(self.data.horizon)
            known = (found.clock.at(some[:, 0], steps) + 1).astype(np.int32)
            clock = found.clock.at(some[:, 0], some[:, 1])
            yield some, batch, point, Made(clock, known, truth, quantiles, self._spread(batch))

    def _spread(self, batch: Batch) -> Floats | None:
        """Return the deviation of each window (N,), in its own scale."""
        return np.maximum(batch.past[:, :, 0].std(axis=1), LEAST) if self.data.scaled else None
