"""Where each series is cut, in time: training, validation, test; and the origins of the windows in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rekur.data.panel import Panel
from rekur.errors import DataError
from rekur.tasks.forecasting.settings import ForecastData
from rekur.wording import counted

Floats = NDArray[np.float64]
Origins = NDArray[np.int64]  # (N, 2): series, step

SHARE = 5  # one part in so many tests, where nothing is said
LEAST = 2  # steps that a window must hold


@dataclass(frozen=True)
class Parts:
    """The origins of each part. What a part's windows foretell lies in that part alone."""

    train: Origins
    validation: Origins
    test: Origins
    ends: tuple[int, ...]  # of the training part of each series


def cut(panel: Panel, data: ForecastData, tested: bool = True) -> Parts:
    """Cut every series; raises DataError naming the first one that is too short.

    Where nothing is `tested`, as in an estimator, the values that would test join those before them.
    """
    found: dict[str, list[Origins]] = {"train": [], "validation": [], "test": []}
    ends = []
    for place, series in enumerate(panel.series):
        L = len(series.values)
        test, validation = sizes(L, data, tested)
        end = L - test - validation
        if end < data.horizon + LEAST:
            raise _too_short(series.id, L, test, validation, data)
        ends.append(end)
        first = data.window if end >= data.window + data.horizon else max(LEAST, end - data.horizon)
        steps = {
            "train": np.arange(end - data.horizon, first - 1, -data.stride)[::-1],
            "validation": np.arange(end, end + validation - data.horizon + 1, data.every),
            "test": np.arange(end + validation, L - data.shortest_horizon + 1, data.every) if tested else np.arange(0),
        }
        for name, origins in steps.items():
            found[name].append(np.stack([np.full(len(origins), place), origins], axis=1))
    return Parts(
        **{name: np.concatenate(origins).astype(np.int64) for name, origins in found.items()}, ends=tuple(ends)
    )


def worth(parts: Parts, truth: Callable[[Origins], Floats], tested: bool = True) -> Parts:
    """Return the origins behind which any value is known; raises DataError where a part has none."""
    found = {}
    for name in ("train", "validation", "test"):
        origins = getattr(parts, name)
        found[name] = origins[np.isfinite(truth(origins)).any(axis=1)]
        if not len(found[name]) and (tested or name != "test"):
            raise DataError(f"No window of the part `{name}` has a value to foretell. Give more values, or fill gaps.")
    return replace(parts, **found)


def sizes(L: int, data: ForecastData, tested: bool = True) -> tuple[int, int]:
    """Return how many of L steps test, and how many before those validate."""
    test = (data.test or max(data.horizon, round(L / SHARE))) if tested else 0
    return test, data.validation or max(data.horizon, min(test or L, round((L - test) / SHARE)))


def _too_short(name: str, L: int, test: int, validation: int, data: ForecastData) -> DataError:
    if L == 1:
        return DataError(
            f"Series `{name}` has one value, and one value has no history. Drop it, or leave short series out with "
            "data.shortest."
        )
    need = test + validation + data.horizon + LEAST
    return DataError(
        f"Series `{name}` has {counted(L, 'value')}; a horizon of {data.horizon} needs {need} or more: {test} to test, "
        f"{validation} to validate, and {data.horizon + LEAST} for one window to learn from. Take a shorter "
        "data.horizon, give more values, or leave short series out with data.shortest."
    )


def check_positive(found: Panel) -> None:
    """Raise DataError unless every value has a logarithm."""
    for series in found.series:
        low = float(np.nanmin(series.values))
        if low <= 0:
            raise DataError(
                f"data.log: series `{series.id}` has the value {low:g}, which has no logarithm. Set data.log to false."
            )
