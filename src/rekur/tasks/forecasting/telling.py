"""What a test leaves for the report, the doctor and the user: tables, and the verdict by horizon."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data.calendar import written
from rekur.evaluation.forecasting import fans as looks
from rekur.evaluation.forecasting.metrics import absolute, mean_of_steps
from rekur.tasks.forecasting import coming
from rekur.tasks.forecasting.parts import Parts
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Origins, Windows

Floats = NDArray[Any]

MOST = 100_000  # rows of predictions.parquet: of more, every n-th window is written


def predictions(
    windows: Windows, origins: Origins, truth: Floats, point: Floats, quantiles: Floats, data: ForecastData
) -> pl.DataFrame:
    """Return id, ds, origin, step, truth, prediction, q05 ... q95: a row a step of each window, in the units scored."""
    every = max(1, -(-truth.size // MOST))
    kept = np.arange(0, len(origins), every)
    h = truth.shape[1]
    panel = windows.panel
    times = [coming.stamped(panel.times(place, step, h)) for place, step in origins[kept].tolist()]
    columns: dict[str, Any] = {
        "id": np.repeat([panel.series[place].id for place in origins[kept, 0].tolist()], h),
        "ds": np.concatenate(times),
        "origin": np.repeat(np.concatenate([found[:1] for found in times]), h),
        "step": np.tile(np.arange(1, h + 1), len(kept)),
        "truth": truth[kept].ravel(),
        "prediction": point[kept].astype(np.float64).ravel(),
    }
    columns |= {
        coming.name_of(level): quantiles[kept, :, i].astype(np.float64).ravel() for i, level in enumerate(data.levels)
    }
    return pl.DataFrame(columns).with_columns(pl.col("truth").fill_nan(None))


def is_one_series(parts: Parts, data: ForecastData) -> bool:
    """Say whether the first step of every window makes one series without a gap, as the doctor reads it."""
    return data.every == 1 and len(np.unique(parts.test[:, 0])) == 1 and bool((np.diff(parts.test[:, 1]) == 1).all())


def steps_ahead(windows: Windows, parts: Parts, truth: Floats, point: Floats, units: str = "own") -> pl.DataFrame:
    """Return the table `series`: the values before the test part, then each with its forecast of one step ahead."""
    place, first = parts.test[0].tolist()
    before = windows.histories(parts.test[:1], units)[0]
    last = np.array([history[-1] for history in windows.histories(parts.test, units, most=1)])
    dates = written(windows.panel.times(place, 0, first + len(parts.test)))
    nothing = np.full(len(before), np.nan)
    return pl.DataFrame(
        {
            "date": dates,
            "part": ["train"] * len(before) + ["test"] * len(parts.test),
            "truth": np.concatenate([before, truth[:, 0]]),
            "forecast": np.concatenate([nothing, point[:, 0].astype(np.float64)]),
            "persistence": np.concatenate([nothing, last]),
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def fans(
    windows: Windows,
    origins: Origins,
    truth: Floats,
    point: Floats,
    quantiles: Floats,
    scales: Floats,
    data: ForecastData,
) -> pl.DataFrame:
    """Return the table `fans`: up to four forecasts, their history and what came, picked by their errors (MASE).

    Args:
        scales: (N,) MASE's; a series without one counts as it is.
    """
    units = np.where(np.isfinite(scales), scales, 1.0)
    rows: dict[str, list[Any]] = {}
    for picture, (row, why) in enumerate(looks.chosen(mean_of_steps(absolute(truth, point)) / units)):
        place, step = origins[row].tolist()
        before = windows.known(origins[row : row + 1], data.units)[0][-looks.BEFORE * truth.shape[1] :]
        dates = written(windows.panel.times(place, step - len(before), len(before) + truth.shape[1]))
        parts = (before, truth[row], point[row], quantiles[row], data.levels)
        for name, values in looks.columns(picture, why, windows.panel.series[place].id, dates, *parts).items():
            rows.setdefault(name, []).extend(values)
    return pl.DataFrame(rows, infer_schema_length=None)
