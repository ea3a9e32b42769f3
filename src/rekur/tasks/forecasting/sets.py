"""The series of a set by name, or of a user's own file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rekur.data import panel, panels
from rekur.data.calendar import Frequency
from rekur.data.panel import Columns, Panel
from rekur.data.sources import MEGABYTE, Source
from rekur.tasks.forecasting.settings import ForecastData

ETT_HOURS = 20 * 30 * 24  # the twenty months of 30 days that the published figures are of: 12 train, 4 validate, 4 test
SAMPLE = (6, 480)  # series and steps


def load(data: ForecastData, data_dir: Path | None) -> Panel:
    """Return the series that `data` names; raises DataError for what cannot be read."""
    if data.set == "files":
        return own(Source(Path(data.path), data.memory * MEGABYTE), data)
    columns = Columns(known=data.known, observed=data.observed, static=data.static)
    frame, names = READERS[data.set](data_dir)
    named = Columns(names.id, names.time, data.target or names.target, columns.known, columns.observed, columns.static)
    return panel.read(frame, named)


def own(table: pl.DataFrame | Source, data: ForecastData, frequency: Frequency | None = None) -> Panel:
    """Return the series of a user's table; see `panel.read`."""
    columns = Columns(data.id, data.time, data.target, data.known, data.observed, data.static)
    read: Any = panels.read if isinstance(table, Source) else panel.read
    found: Panel = read(table, columns, data.layout or None, data.shortest, frequency)
    return found


def _etth1(data_dir: Path | None) -> tuple[pl.DataFrame, Columns]:
    from rekur.data.datasets import etth

    frame = etth.load(data_dir).head(ETT_HOURS)
    return frame.unpivot(frame.columns[1:], index="date", variable_name="id", value_name="y"), Columns(
        "id", "date", "y"
    )


def _m4(data_dir: Path | None) -> tuple[pl.DataFrame, Columns]:
    from rekur.data.datasets import m4

    return m4.load(data_dir), Columns("unique_id", "ds", "y")


def _small(name: str) -> Callable[[Path | None], tuple[pl.DataFrame, Columns]]:
    def read(data_dir: Path | None) -> tuple[pl.DataFrame, Columns]:
        from rekur.data.datasets import small_series

        return small_series.load(name, data_dir), Columns("", "ds", "y")  # type: ignore[arg-type]

    return read


def _kospi(data_dir: Path | None) -> tuple[pl.DataFrame, Columns]:
    from rekur.data.datasets import kospi

    return kospi.load_long(data_dir), Columns("", "Date", "Close")


def sample() -> pl.DataFrame:
    """Return six series of 480 hours drawn with a fixed seed: level, daily wave, drift and noise of their own.

    Columns unique_id, ds, y, and `holiday`, 0 or 1, known ahead: values fall on such a day. Some values are missing.
    """
    generator = np.random.default_rng(6)
    count, steps = SAMPLE
    hours = np.arange(steps)
    times = np.datetime64("2024-02-26T00:00:00", "ms") + hours.astype("timedelta64[h]")
    holiday = np.repeat(generator.random(steps // 24) < 0.15, 24).astype(np.float64)
    parts = []
    for place in range(count):
        level, wave = generator.uniform(20, 200), generator.uniform(0.2, 0.5)
        slow = 1 + 0.1 * np.cumsum(generator.normal(0, 0.05, steps)) + 0.0003 * hours
        daily = 1 + wave * np.sin(2 * np.pi * (hours / 24 - generator.random()))
        noise = np.exp(generator.normal(0, 0.06, steps))
        values = level * np.abs(slow) * daily * noise * (1 - 0.25 * holiday)
        values[generator.random(steps) < 0.01] = np.nan
        parts.append(
            pl.DataFrame({"unique_id": [f"s{place + 1}"] * steps, "ds": times, "y": values, "holiday": holiday})
        )
    return pl.concat(parts).with_columns(pl.col("y").round(2).fill_nan(None))


def _sample(_: Path | None) -> tuple[pl.DataFrame, Columns]:
    return sample(), Columns("unique_id", "ds", "y")


READERS: dict[str, Callable[[Path | None], tuple[pl.DataFrame, Columns]]] = {
    "sample": _sample,
    "airline": _small("airline"),
    "temperatures": _small("temperatures"),
    "kospi": _kospi,
    "m4-hourly": _m4,
    "etth1": _etth1,
}
