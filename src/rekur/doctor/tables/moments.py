"""Dates in the forms people write, and the grid they stand on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Stamps = NDArray[np.int64]  # seconds since 1970

DAY = 86_400
_CLOCK = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S%.f", "T%H:%M:%S%#z")
_DAYS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
)
_OTHERS = ("%Y-%m", "%Y/%m", "%b %Y", "%Y년 %m월 %d일")
_DIGITS = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m")  # only where the column is called a date: ids look like this, too


def parsed(column: pl.Series, doubtful: bool = True) -> pl.Series:
    """Return a column of strings as times (N,), or as it is where no single form reads every value.

    Where 01/02/2024 could be either, the order that makes the rows rise is taken. `doubtful` columns are not read as
    digits alone.
    """
    if column.dtype != pl.String:
        return column
    whole = [times for times in _tried(column, doubtful).values() if times.null_count() == column.null_count()]
    if not whole or column.null_count() == len(column):
        return column
    return max(whole, key=_rising)


def share(column: pl.Series, doubtful: bool = True) -> float:
    """Return the share of values that some form reads as a time."""
    tried = _tried(column, doubtful)
    if not tried:
        return 0.0
    read = np.zeros(len(column), dtype=bool)
    for times in tried.values():
        read |= times.is_not_null().to_numpy()
    return float(read.mean())


def forms(column: pl.Series) -> dict[str, int]:
    """Return the forms that read some values, commonest first, and how many each reads that those before do not."""
    left, counts = np.ones(len(column), dtype=bool), {}
    read = {form: times.is_not_null().to_numpy() for form, times in _tried(column, False).items()}
    while read:
        form = max(read, key=lambda name: int((read[name] & left).sum()))
        mine = read.pop(form) & left
        if not mine.any():
            break
        counts[form] = int(mine.sum())
        left &= ~mine
    return counts


def stamps(column: pl.Series) -> Stamps | None:
    """Return times as seconds (N,), numbers as they are, or None for what is neither; missing values are left out."""
    if column.dtype == pl.String:
        column = parsed(column, doubtful=False)
    if column.dtype.is_temporal() and column.dtype not in (pl.Duration, pl.Time):
        return column.drop_nulls().cast(pl.Datetime("us")).dt.epoch("s").to_numpy().astype(np.int64)
    if column.dtype.is_integer():
        return column.drop_nulls().to_numpy().astype(np.int64)
    return None


def _tried(column: pl.Series, doubtful: bool) -> dict[str, pl.Series]:
    """Read the column in every form that reads some value."""
    plain = column.str.strip_chars()
    if not doubtful or plain.str.contains(r"\D").any():
        candidates = (
            [day + clock for day in _DAYS for clock in _CLOCK] + list(_OTHERS) + ([] if doubtful else [*_DIGITS])
        )
    else:
        return {}
    some = plain.drop_nulls().unique(maintain_order=True)
    probe = pl.concat([some.head(50), some.sample(min(len(some), 200), seed=0)])
    found = {}
    for form in candidates:
        if _read(probe, form).null_count() < len(probe):
            found[form] = _read(plain, form)
    return found


def _read(plain: pl.Series, form: str) -> pl.Series:
    if "%d" not in form:  # a month is its first day
        return (plain + " 01").str.to_datetime(form + " %d", strict=False, time_unit="us")
    times = plain.str.to_datetime(form, strict=False, time_unit="us")
    return times.dt.replace_time_zone(None) if "%#z" in form else times


def _rising(times: pl.Series) -> float:
    steps = np.diff(times.drop_nulls().to_physical().to_numpy())
    return float((steps > 0).mean()) if len(steps) else 0.0


@dataclass(frozen=True)
class Grid:
    """The regular times of a series, those that are missing, and why that may be as it should be."""

    unit: str  # "day", "month", "2 hours"
    expected: int
    missing: Stamps  # seconds, sorted
    longest: int  # steps missing one after another
    closed: bool  # whether some days or hours of the week never have a value, as where an exchange is closed


def grid(times: Stamps) -> Grid | None:
    """Return the grid that `times` (N,), sorted and distinct, stand on; None where they stand on none."""
    steps = np.diff(times)
    if len(steps) < 10:
        return None
    if (monthly := _monthly(times)) is not None:
        return monthly
    values, counts = np.unique(steps, return_counts=True)
    step = int(values[counts.argmax()])
    if counts.max() < 0.5 * len(steps) or step <= 0:
        return _jittered(times, steps)
    on_grid = (times - times[0]) % step == 0
    if on_grid.mean() < 0.95:
        return _jittered(times, steps)
    expected, closed = _open(np.arange(times[0], times[-1] + 1, step), times, step)
    missing = np.setdiff1d(expected, times)
    return Grid(_unit(step), len(expected), missing, _longest(expected, missing), closed)


def _monthly(times: Stamps) -> Grid | None:
    """A grid of months: the same day of each, its last day, or one step of so many months."""
    dates = times.astype("datetime64[s]")
    days = dates.astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    day = (days - days.astype("datetime64[M]")).astype(int) + 1
    if np.diff(times).min() < 27 * DAY or len(np.unique(months)) < len(months) or day.max() - day.min() > 4:
        return None
    step = int(np.median(np.diff(months)))
    expected = np.arange(months[0], months[-1] + 1, step)
    missing = np.setdiff1d(expected, months)
    if (np.diff(months) == step).mean() < 0.5:
        return None
    seconds = missing.astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)
    unit = "month" if step == 1 else "year" if step == 12 else f"{step} months"
    return Grid(unit, len(expected), seconds, _longest(expected, missing), False)


def _open(expected: Stamps, times: Stamps, step: int) -> tuple[Stamps, bool]:
    """Leave out what the week never has: weekends and nights of an exchange."""
    week = 7 * DAY
    if week % step or step > DAY or (times[-1] - times[0]) < 2 * week:
        return expected, False
    # Thursday 1970-01-01 is the start of a week as good as any. An hour may shift between summer and winter.
    counts = np.bincount((times % week) // step, minlength=week // step)
    few = counts < 0.15 * np.sort(counts)[-max(1, len(counts) // 20) :].mean()
    return expected[~few[(expected % week) // step]], bool(few.any())


def _jittered(times: Stamps, steps: Stamps) -> Grid | None:
    """Times that keep a step nearly, as a sensor's clock does."""
    step = float(np.median(steps))
    near = np.abs(steps - step) < 0.25 * step
    if step <= 0 or near.mean() < 0.9:
        return None
    lost = np.maximum(np.rint(steps / step).astype(np.int64) - 1, 0)
    missing = times[:-1][lost > 0] + int(step)
    return Grid(_unit(round(step)), len(times) + int(lost.sum()), missing, int(lost.max(initial=0)), False)


def _longest(expected: Stamps, missing: Stamps) -> int:
    absent = np.isin(expected, missing)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], absent.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _unit(step: int) -> str:
    for name, seconds in (("week", 7 * DAY), ("day", DAY), ("hour", 3600), ("minute", 60), ("second", 1)):
        if step % seconds == 0:
            return name if step == seconds else f"{step // seconds} {name}s"
    return f"{step} seconds"
