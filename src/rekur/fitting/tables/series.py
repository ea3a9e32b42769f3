"""Series to forecast: a row a value, a column a series, or a row a series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data import calendar
from rekur.errors import DataError
from rekur.fitting import roles
from rekur.fitting.kinds import Kind, Size
from rekur.fitting.roles import Column, named
from rekur.fitting.tables.table import Table, listed, time_among

MANY = 30  # columns of numbers without a label: each row is a series
STEPS = {  # seconds between two rows, at most -> the horizon asked for
    1800: 48,
    5400: 24,
    14_400: 12,
    100_000: 14,
    700_000: 8,
    2_700_000: 12,
    8_100_000: 8,
}


def read(table: Table) -> Kind | None:
    """Return what to forecast; None where there are no series."""
    given = table.given
    time = given.time or getattr(time_among(table.columns), "name", "")
    taken = {time, given.group, *given.known, *given.observed, *given.static}
    rest = [c for c in table.columns if c.name not in taken]
    numbers = [c for c in rest if c.role == "number" and c.name != given.id]
    if not time:
        return _rows_of_series(table, numbers)
    if not numbers and not given.target:
        return None
    id = given.id or _id_of_series(rest)
    target = given.target or _target(numbers, id)
    values = [c for c in numbers if c.name != id]
    if target:
        return _long_series(table, time, id, target)
    said = f"date `{time}`, {len(values)} series side by side ({listed(values)}): forecasting"
    horizon = given.horizon or _horizon(table, time, "")
    data = {**table.data, "layout": "columns", "time": time, "horizon": horizon}
    left = [c.name for c in rest if c not in values and c.role != "empty"]
    notes = (f"Columns of words are no series: {', '.join(left[:5])}.",) if left else ()
    return Kind("forecast", said, data, Size(table.count * len(values), table.count, len(values)), notes)


def _long_series(table: Table, time: str, id: str, target: str) -> Kind:
    given = table.given
    series = table.column(id).distinct if id else 1
    many = f"{series} series" if table.count == len(table.frame) else "many series"  # else not all rows were looked at
    said = f"date `{time}`, value `{target}`{f', {many} by `{id}`' if id else ''}: forecasting"
    covariates = {"known": list(given.known), "observed": list(given.observed), "static": list(given.static)}
    data = {
        **table.data,
        "layout": "long",
        "id": id,
        "time": time,
        "target": target,
        "horizon": given.horizon or _horizon(table, time, id),
        **{name: found for name, found in covariates.items() if found},
    }
    taken = {time, id, target, *given.known, *given.observed, *given.static}
    unread = [c.name for c in table.columns if c.name not in taken and c.role != "empty"]
    notes = (f"Not read: {', '.join(unread[:5])}. --covariates known=...,observed=...,static=... has them read.",)
    return Kind("forecast", said, data, Size(table.count, table.count / series, series), notes if unread else ())


def _rows_of_series(table: Table, numbers: list[Column]) -> Kind | None:
    if len(numbers) < MANY or table.given.target:
        return None
    said = f"{table.count:,} series, a row each, of up to {len(numbers)} values: forecasting"
    data = {**table.data, "layout": "rows", "horizon": table.given.horizon or max(1, min(24, len(numbers) // 10))}
    return Kind("forecast", said, data, Size(table.count * len(numbers), len(numbers), table.count))


def _id_of_series(rest: Sequence[Column]) -> str:
    may = [c for c in rest if c.role in ("category", "name", "number") and 1 <= c.distinct <= c.rows // 2]
    called = named(may, roles.IDS)
    words = [c for c in may if c.role != "number"]
    return called.name if called else (words[0].name if words else "")


def _target(numbers: Sequence[Column], id: str) -> str:
    values = [c for c in numbers if c.name != id]
    called = [c for c in values if c.name.lower().strip() in roles.VALUES]
    called = [c for c in called if c.name == "y"] or called  # beside it stand covariates
    if len(values) == 1 or (id and values):
        return (named(called, roles.VALUES) or values[-1]).name
    return called[0].name if len(called) == 1 else ""  # several are series side by side


def _horizon(table: Table, time: str, id: str) -> int:
    """Return how far to look ahead: a day of hours, a fortnight of days, a year of months."""
    frame = table.frame
    try:
        when = calendar.moments(frame[time])
    except DataError:  # said when all of the file is read
        when = np.arange(len(frame))
    apart = np.diff(np.unique(when))
    step = float(np.median(apart.astype(np.int64))) if len(apart) else 1.0
    most = max(1, int(np.median(_lengths(table, when.astype(np.int64), id, step))) // 8)
    if when.dtype.kind != "M" or not len(apart):
        return min(12, most)
    return min(next((ahead for limit, ahead in STEPS.items() if step <= limit), 6), most)


def _lengths(table: Table, when: NDArray[np.int64], id: str, step: float) -> NDArray[np.float64]:
    """Return the steps of each series: its rows, or, where these are some of several places, what they span."""
    names = table.frame[id] if id else pl.repeat("", len(when), eager=True)
    found = pl.DataFrame({"id": names, "when": when}).group_by("id")
    counts = found.agg(rows=pl.len().cast(pl.Float64), steps=(pl.max("when") - pl.min("when")) / step + 1)
    rows: NDArray[np.float64] = counts["rows"].to_numpy()
    return rows if table.count == len(table.frame) else np.clip(counts["steps"].to_numpy(), rows, table.count)
