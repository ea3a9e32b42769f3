"""What many series say of the model that suits them: their season, how their windows are scaled, how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur import tasks
from rekur.config import Config, ModelSettings, check
from rekur.data.panel import Panel
from rekur.fitting.kinds import OF_NUMBERS
from rekur.tasks.forecasting import linear
from rekur.tasks.forecasting import parts as cutting
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Windows, fitted

COUNTED = 500_000  # windows cut to find out how many there are
ENOUGH = 1_000_000  # steps of series from which on sizes of windows are compared on some of them
MOST_TESTED = 2000  # windows that test: rivals are fitted again for them
LOOKED = 8000  # training windows that sizes of windows are compared on
SIZES = ("none", "last", "changes")  # how a window may be brought to a common size
WORTH = 1.02  # a logarithm must err less by so much: where both do, sums are the safer
SEASONAL = ("season", "seasonal_changes")  # of series with a season


@dataclass(frozen=True)
class Series:
    """What defaults ask of series; the season is found in the training part."""

    season: int  # steps; 1: there is none
    positive: bool  # whether every value of the training part is above 0
    shortest: int  # steps of the shortest training part
    trained: int  # windows, one a step
    tested: int
    panel: Panel
    test: int  # steps of the test part, where they are said, or of that of a fold
    judged: NDArray[np.int64]  # series that sizes of windows are compared on

    def sizes(self, data: Mapping[str, Any], highway: int) -> dict[str, Any]:
        """Return `log` and `normalise` with which a linear forecast errs least on the validation part.

        Args:
            data: the other settings of `[data]`.
            highway: last values that the linear forecast reads.
        """
        kinds = SEASONAL if data["normalise"] == "season" else SIZES
        tried = [{"log": log, "normalise": kind} for log in (False, True)[: 1 + self.positive] for kind in kinds]
        return min(tried, key=lambda one: self._error({**data, **one}, highway) * (WORTH if one["log"] else 1.0))

    def _error(self, values: Mapping[str, Any], highway: int) -> float:
        data = check(ForecastData, {**values, "test": self.test}, "data")
        parts = cutting.cut(self.panel, data).of(self.judged)  # cut with all others: at their date
        panel = replace(self.panel, series=tuple(self.panel.series[place] for place in self.judged))
        windows = Windows(panel, data, fitted(panel, data, parts.ends, self.season), parts.seen)
        parts = cutting.worth(parts, windows.truth, tested=False)
        settings = ModelSettings(highway=highway)  # type: ignore[call-arg]
        return linear.fitted(windows, parts, data, settings, self.season, LOOKED).error


def look(data: Mapping[str, Any], count: int = 0) -> Series:
    """Read the series of a `[data]` with set = files; raises DataError as the task does where they are malformed.

    `count` is about how many values there are: of many, not every window is cut to be counted.
    """
    every = max(1, count // COUNTED)
    values = {
        "recipe": {"name": "fit", "title": "fit", "task": "forecast"},
        "data": {"memory": OF_NUMBERS, **data, "window": 2, "stride": every, "every": every},
        "model": {"forecaster": "direct", "distribution": "quantiles"},
    }
    task: Any = tasks.create(check(Config, values, ""))
    task.load()
    parts, series = task.parts, task.panel.series
    trained = [one.values[:end] for one, end in zip(series, parts.ends, strict=True) if end]
    return Series(
        season=int(task.season),
        positive=bool(min(map(np.nanmin, trained)) > 0),
        shortest=min(map(len, trained)),
        trained=len(parts.train) * every,
        tested=len(parts.test) * every,
        panel=task.panel,
        test=task.data.test,
        judged=_some(task.panel, parts),
    )


def _some(panel: Panel, parts: cutting.Parts) -> NDArray[np.int64]:
    """Return the places of all series; of ENOUGH steps or more, of every n-th series that trains and validates."""
    every = 1 + sum(len(one.values) for one in panel.series) // ENOUGH
    if every == 1:
        return np.arange(len(panel.series))
    both = np.intersect1d(parts.train[:, 0], parts.validation[:, 0])
    return both[::every] if len(both) else np.arange(len(panel.series))
