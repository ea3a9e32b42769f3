"""What the training part of many series says of the model that suits them: its season, its growth, its windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rekur import tasks
from rekur.config import Config, check

GREW = 1.25  # times the mean of its first third that the last third of a growing series has
MOST_TESTED = 2000  # windows that test: rivals are fitted again for them


@dataclass(frozen=True)
class Series:
    """What defaults ask of series; all but the counts of windows is found in the training part."""

    season: int  # steps; 1: there is none
    grows: bool  # positive, and most of them by a quarter or more: their logarithm is the steadier
    shortest: int  # steps of the shortest training part
    trained: int  # windows, one a step
    tested: int
    several: bool


def look(data: Mapping[str, Any]) -> Series:
    """Read the series of a `[data]` with set = files; raises DataError as the task does where they are malformed."""
    values = {
        "recipe": {"name": "fit", "title": "fit", "task": "forecast"},
        "data": {**data, "window": 2},
        "model": {"forecaster": "direct", "distribution": "quantiles"},
    }
    task: Any = tasks.create(check(Config, values, ""))
    task.load()
    parts, series = task.parts, task.panel.series
    trained = [one.values[:end] for one, end in zip(series, parts.ends, strict=True) if end]
    return Series(
        season=int(task.season),
        grows=bool(np.mean([_grows(values) for values in trained]) > 0.5 and min(map(np.nanmin, trained)) > 0),
        shortest=min(map(len, trained)),
        trained=len(parts.train),
        tested=len(parts.test),
        several=len(series) > 1,
    )


def _grows(values: Any) -> bool:
    third = max(1, len(values) // 3)
    first, last = np.nanmean(values[:third]), np.nanmean(values[-third:])
    return bool(first > 0 and last >= GREW * first)
