"""How much each window counts in training: as much as its error would in M4's OWA."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rekur.evaluation.forecasting import metrics
from rekur.evaluation.forecasting.metrics import mean_of_steps
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.windows import Batch, Origins, Windows

Floats = NDArray[np.float64]

UNLIKE = 20.0  # a window counts at most so many times as much as the usual one, and at least so many times less
SOME = 5_000  # windows that say what is usual
TINY = 1e-9


@dataclass(frozen=True)
class Weights:
    """Weights of windows beside the usual window of the training part."""

    windows: Windows
    parts: Parts
    season: int

    def shares(self, origins: Origins, batch: Batch) -> NDArray[np.float32]:
        """Return how many times as much as the usual one each window counts: (N,)."""
        found = self.importance(origins, batch) / self._usual
        return np.clip(found, 1 / UNLIKE, UNLIKE).astype(np.float32)

    def importance(self, origins: Origins, batch: Batch) -> Floats:
        """Return how much an error of 1, in a window's own scale, counts in OWA: (N,)."""
        places = origins[:, 0]
        unit = batch.scale * self.windows.pairs[places, 1]
        level = mean_of_steps(np.abs(self.windows.truth(origins)))
        if self.windows.data.log:  # an error of a logarithm is a share of the value
            unit = unit * level
        scales, smape, mase = self._naive2
        scale = np.where(np.isfinite(scales[places]), scales[places], np.inf)
        found = unit / scale / max(mase, TINY) if np.isfinite(mase) else np.zeros(len(unit))
        return np.asarray(found + 100 * unit / np.maximum(level, TINY) / max(smape, TINY), dtype=np.float64)

    @cached_property
    def _usual(self) -> float:
        some = self.parts.train[:: -(-len(self.parts.train) // SOME)]
        return max(float(np.nanmedian(self.importance(some, self.windows.cut(some)))), TINY)

    @cached_property
    def _naive2(self) -> tuple[Floats, float, float]:
        """MASE's scales of the training part, and Naive2's sMAPE and MASE on the validation part."""
        from rekur.evaluation.baselines.forecasts import naive2

        first = np.array(list(enumerate(self.parts.ends)))
        scales, origins = metrics.scales_of(self.windows.known(first), self.season), self.parts.validation
        truth = self.windows.truth(origins)
        rival = naive2(self.windows.histories(origins), self.windows.data.horizon, self.season)
        return scales, metrics.smape(truth, rival), metrics.mase(truth, rival, scales[origins[:, 0]])
