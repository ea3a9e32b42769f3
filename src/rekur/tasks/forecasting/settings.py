"""`[data]` of the task `forecast`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.config import Settings

Set = Literal["sample", "airline", "temperatures", "kospi", "m4-hourly", "etth1", "files"]
Normalise = Literal["none", "last", "mean", "standard", "season", "seasonal_changes", "changes"]
Metric = Literal["mae", "mse", "rmse", "smape", "mase", "owa", "crps"]


class ForecastData(Settings):
    """Series, how they are cut into windows, and what is scored."""

    set: Set = "sample"
    path: str = Field("", description="files: a table of many series")
    layout: Literal["", "long", "columns", "rows"] = Field(
        "", description="files: a row a value, a column a series, or a row a series; by default seen from its columns"
    )
    id: str = Field("", description="the column that tells the series apart")
    time: str = Field("", description="the column of times")
    target: str = Field("", description="the column to forecast")
    known: tuple[str, ...] = Field((), strict=False, description="columns of numbers known ahead, such as prices")
    observed: tuple[str, ...] = Field((), strict=False, description="columns of numbers known once they have come")
    static: tuple[str, ...] = Field((), strict=False, description="columns with one number or word a series")
    identity: bool = Field(False, description="read which series it is; a series never seen is none of them")
    calendar: bool = Field(False, description="read where a step stands in the day, week and year")
    season: int = Field(0, ge=0, le=100_000, description="steps of a season; 0: found in the training part")
    horizon: int = Field(12, ge=1, le=16_384, description="h, steps forecast at once")
    horizons: tuple[int, ...] = Field(
        (), strict=False, description="shorter horizons scored beside the whole; the figure is then the mean over all"
    )
    window: int = Field(48, ge=1, le=16_384, description="T, steps read")
    stride: int = Field(1, ge=1, description="steps from one training window to the next")
    every: int = Field(1, ge=1, description="steps from one origin to the next where it validates and tests")
    cut: Literal["", "date", "series"] = Field(
        "",
        description="where the parts begin: at one date for all series, or each series a count of steps before its own "
        "end; by default at a date where rows have one",
    )
    test: int = Field(0, ge=0, description="last steps that test; 0: a fifth of all values, a horizon at least")
    validation: int = Field(
        0,
        ge=0,
        description="steps before those, which validate and calibrate; 0: a fifth of the rest, at most as many",
    )
    folds: int = Field(
        0,
        ge=0,
        le=100,
        description="cross-validation in time: test parts that follow each other up to the end, each behind all that "
        "trains; with test = 0 they are the second half; 0: one test part",
    )
    fold: int = Field(0, ge=0, description="which of the folds is tested, from 0")
    judged: int = Field(1, ge=1, description="take every n-th validation window after an epoch; intervals take all")
    shortest: int = Field(0, ge=0, description="leave out series of fewer values; 0: refuse them if they are too short")
    memory: int = Field(
        512, ge=1, description="files: megabytes of a table held in memory; a larger one is read in batches"
    )
    log: bool = Field(False, description="forecast the logarithm; every value must be above 0")
    standardise: bool = Field(False, description="scale each series by mean and deviation of its training part")
    normalise: Normalise = Field(
        "none",
        description="each window: subtract its last value; divide by its mean; standardise; subtract the mean of its "
        "last season, divide by its deviation, or by its mean change from the season before; subtract its last value, "
        "divide by the root mean square of its changes",
    )
    lags: tuple[int, ...] = Field(
        (), strict=False, description="beside each step to come, the last known value so many steps before it, or twice"
    )
    weights: Literal["none", "owa"] = Field(
        "none", description="owa: a window counts as much as its error would in M4's OWA"
    )
    levels: tuple[float, ...] = Field(
        (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95), strict=False, min_length=1, description="quantiles given"
    )
    conformal: Literal["none", "validation", "rolling"] = Field(
        "validation",
        description="correct the quantiles by the errors of the validation part, or at each origin by the latest known",
    )
    recent: int = Field(1_000, ge=1, description="rolling: steps back that errors are known of")
    scaled: bool = Field(False, description="count corrections in each window's deviation")
    metric: Metric = Field("mae", description="what the verdict is about")
    units: Literal["own", "standard"] = Field("own", description="standard: score what `standardise` made")

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each contradiction."""
        if (self.set == "files") != bool(self.path):
            yield 'data.path and data.set = "files" belong together. Give both, or neither.'
        if any(not 0 < level < 1 for level in self.levels) or list(self.levels) != sorted(set(self.levels)):
            yield f"data.levels must rise between 0 and 1; got {list(self.levels)}."
        mirrored = [round(1 - level, 9) for level in reversed(self.levels)]
        if self.conformal != "none" and [round(level, 9) for level in self.levels] != mirrored:
            yield f"data.conformal needs data.levels that are symmetric about 0.5; got {list(self.levels)}."
        if self.conformal == "rolling" and self.recent < 2 * self.horizon:
            yield f"data.recent must be two horizons or more, {2 * self.horizon}; got {self.recent}."
        if any(not 1 <= lag <= self.window for lag in self.lags):
            yield f"data.lags must lie between 1 and data.window = {self.window}; got {list(self.lags)}."
        if any(not 1 <= h <= self.horizon for h in self.horizons):
            yield f"data.horizons must lie between 1 and data.horizon = {self.horizon}; got {list(self.horizons)}."
        for name in ("test", "validation"):
            if 0 < getattr(self, name) < self.shortest_horizon:
                yield f"data.{name}: {getattr(self, name)} steps hold no horizon of {self.shortest_horizon}. Raise it."
        if self.folds == 1:
            yield "data.folds must be 2 or more, or 0 for one test part."
        if self.fold and self.fold >= self.folds:
            yield f"data.fold must be below data.folds ({self.folds}); got {self.fold}. It counts from 0."
        if self.units == "standard" and not self.standardise:
            yield 'data.units = "standard" needs data.standardise = true.'
        if self.metric == "owa" and self.units == "standard":
            yield 'data.metric = "owa" is defined on the series\' own units. Set data.units to "own".'

    @property
    def shares(self) -> NDArray[np.float32]:
        """How much each step (h,) counts in what is scored, 1 on the mean: more where several horizons hold it."""
        counts = np.zeros(self.horizon)
        for h in (scored := {*self.horizons, self.horizon}):
            counts[:h] += self.horizon / h / len(scored)
        return counts.astype(np.float32)

    @property
    def shortest_horizon(self) -> int:
        """The least horizon that is scored."""
        return min(self.horizons, default=self.horizon)
