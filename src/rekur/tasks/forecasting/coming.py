"""What comes behind the end of each series: the forecast of new histories, as a table."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data import panel, panels
from rekur.data.calendar import Frequency, Times
from rekur.data.panel import Columns, Panel, Series
from rekur.data.sources import Source
from rekur.errors import DataError
from rekur.tasks.forecasting.settings import ForecastData
from rekur.tasks.forecasting.windows import Origins

OPEN = (
    "its last value is missing, so that nobody can say whether it ends there or goes on. Cut it behind its last value, "
    "or fill the end."
)
EMPTY = 0.5  # a history of which more is missing has another frequency than the one learned


def read(
    table: pl.DataFrame | Source, columns: Columns, frequency: Frequency, data: ForecastData, own: bool = False
) -> Panel:
    """Return the histories of a table as series of a frequency that is known.

    Args:
        table: laid out as the training file was.
        columns: what its columns are called; where the target is not among them, it is looked for as in training.
        frequency: the model's.
        data: settings of the run.
        own: whether the table is `history` of the run: its gaps are those of the training file.

    Raises DataError for faults of the table, and for steps of another length than those learned.
    """
    there = (next(iter(table)) if isinstance(table, Source) else table).columns
    named = Columns(data.id, data.time, data.target, data.known, data.observed, data.static)
    as_found, layout = (columns, "long") if columns.target in there else (named, data.layout or None)
    reading: Any = panels.read if isinstance(table, Source) else panel.read
    found: Panel = reading(table, as_found, layout, frequency=frequency)
    for series in found.series:
        missing = float(np.isnan(series.values).mean())
        if missing > EMPTY and len(series.values) > 2 and not own:
            raise DataError(
                f"Series `{series.id}`: the model learned {frequency}, and of these steps {100 * missing:.0f} % are "
                "missing in the history. Is it of another frequency? Give one row a step."
            )
    return found


def history(found: Panel, steps: int, marked: bool = True) -> pl.DataFrame:
    """Return the last `steps` of each series as a long table, with what is known of the steps to come.

    Where the first of them is missing the table begins earlier, with the value that it is filled with. A series that is
    shorter is left out where the model does not read what is missing (`marked`): nothing can be said of it yet.
    """
    columns, parts = found.columns, []
    for place, series in enumerate(found.series):
        if len(series.values) < steps and not marked:
            continue
        begin = max(0, len(series.values) - steps)
        begin = int(np.flatnonzero(np.isfinite(series.values[: begin + 1]))[-1])
        times = found.times(place, begin, len(series.covariates) - begin)
        values = np.concatenate([series.values, np.full(len(series.covariates) - len(series.values), np.nan)])[begin:]
        table: dict[str, Any] = {"unique_id": [series.id] * len(times), "ds": stamped(times), "y": values}
        table |= {name: series.covariates[begin:, i] for i, name in enumerate(columns.varying)}
        table |= {name: [value] * len(times) for name, value in zip(columns.static, series.static, strict=True)}
        parts.append(pl.DataFrame(table))
    return pl.concat(parts).with_columns(pl.col(pl.Float64).fill_nan(None))


def histories(inputs: Sequence[Any], taken: Container[str] = ()) -> tuple[Series, ...]:
    """Return histories (L,) of numbers as series, none by a name that is `taken`.

    Raises DataError for what holds no number, and for a history whose last value is missing.
    """
    made = []
    for place, given in enumerate(inputs):
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError("A history must be (L,) numbers, oldest first; got something else.") from None
        if values.ndim != 1 or not np.isfinite(values).any():
            raise DataError(f"A history must be (L,) numbers, oldest first; got {values.shape}.")
        if not np.isfinite(values[-1]):
            raise DataError(f"History {place + 1}: {OPEN}")
        kept = np.where(np.isfinite(values), values, np.nan)[np.isfinite(values).argmax() :]
        name = f"history {place + 1}"
        while name in taken:
            name += "'"
        made.append(Series(name, 0, kept, np.zeros((len(kept), 0))))
    return tuple(made)


def stamped(times: Times) -> Times:
    """Return times as polars takes them, which has no resolution of seconds."""
    return times.astype("datetime64[ms]") if times.dtype.kind == "M" else times


def origins(found: Panel, data: ForecastData, marked: bool) -> Origins:
    """Return the step behind the end of each series; raises DataError for a history that is too short to read."""
    for series in found.series:
        if len(series.values) < data.window and not marked:
            raise DataError(
                f"Series `{series.id}` has {len(series.values)} values, and the model reads {data.window}. Give the "
                f"last {data.window} steps of each series."
            )
    return np.array([(place, len(series.values)) for place, series in enumerate(found.series)], dtype=np.int64)


def name_of(level: float) -> str:
    """Return the column of a level: q05, q50, q97.5.

    >>> name_of(0.05), name_of(0.975)
    ('q05', 'q97.5')
    """
    whole, _, rest = f"{100 * level:.10g}".partition(".")
    return f"q{int(whole):02d}" + (f".{rest}" if rest else "")


def table(
    found: Panel, where: Origins, point: NDArray[Any], quantiles: NDArray[Any], levels: tuple[float, ...]
) -> pl.DataFrame:
    """Return unique_id, ds, forecast and a column a level, a row a step."""
    h = point.shape[1]
    times = [stamped(found.times(int(place), int(step), h)) for place, step in where]
    names = np.repeat([found.series[place].id for place in where[:, 0]], h)
    columns: dict[str, Any] = {"unique_id": names, "ds": np.concatenate(times), "forecast": point.ravel()}
    columns |= {name_of(level): quantiles[:, :, i].ravel() for i, level in enumerate(levels)}
    frame = pl.DataFrame(columns)
    stamps = frame["ds"]
    if stamps.dtype.is_temporal() and (stamps.dt.truncate("1d") == stamps).all():
        return frame.with_columns(pl.col("ds").cast(pl.Date))
    return frame
