"""Dates: out of order, twice, missing from their grid, or written in several forms."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.doctor.findings import Curve, Finding
from rekur.doctor.patient import Tables
from rekur.doctor.tables import moments
from rekur.doctor.tables.moments import DAY, Grid, Stamps
from rekur.doctor.tables.plain import parts
from rekur.wording import counted, form

SERIES = 0.9  # share of distinct times from which a table is one series
ORDERED = 0.8  # share of steps forward from which the rows were meant to be in order
HOLIDAYS = 0.12  # share of open days without a value where weekends are closed; the Korean exchange has 6 %
LONGEST_HOLIDAY = 15  # days of the grid one after another; the longest of stock exchanges are 10 calendar days
MOST_GROUPS = 50
POINTS = 400


def found(tables: Tables) -> Iterator[Finding]:
    """Yield what is wrong with the column of time, for each group by itself if there are groups."""
    for part, frame in parts(tables):
        if tables.time not in frame.columns or len(frame) < 3:
            continue
        column = frame[tables.time]
        if column.dtype == pl.String:
            yield from _mixed(part, column)
        yield from _first_of_each(_groups(tables, part, frame), tables.time)
    yield from _first_of_each(_whole(tables), tables.time, gaps=True)


def _groups(tables: Tables, where: str, frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Return each series of a table and its name."""
    if tables.group is None or tables.group not in frame.columns:
        return [(where, frame)]
    pieces = frame.partition_by(tables.group, maintain_order=True)[:MOST_GROUPS]
    return [(f"group `{piece[tables.group][0]}` of {where}", piece) for piece in pieces]


def _whole(tables: Tables) -> list[tuple[str, pl.DataFrame]]:
    """Return the series of both parts together: what one part lacks is no gap where the other has it."""
    names = [name for name in (tables.time, tables.group) if name is not None and name in tables.train.columns]
    if tables.time not in names:
        return []
    frames = [frame.select(names) for _, frame in parts(tables) if set(names) <= set(frame.columns)]
    stamps = [moments.stamps(frame[tables.time]) for frame in frames]
    if len(frames) > 1 and (frames[0].schema != frames[1].schema or _apart(*stamps)):
        return [series for part, frame in parts(tables) for series in _groups(tables, part, frame.select(names))]
    where = "both parts" if len(frames) > 1 else "the table" if tables.test is None else "the training part"
    return _groups(tables, where, pl.concat(frames))


def _apart(train: Stamps | None, test: Stamps | None) -> bool:
    """Whether the test part begins after the training part ends: what lies between was left out on purpose."""
    return train is None or test is None or not len(train) or not len(test) or bool(train.max() < test.min())


def _first_of_each(series: list[tuple[str, pl.DataFrame]], time: str | None, gaps: bool = False) -> Iterator[Finding]:
    """Report each kind of fault once, for the first series that has it."""
    said: set[str] = set()
    for where, frame in series:
        stamps = moments.stamps(frame[time]) if time is not None else None
        if stamps is None or len(stamps) < 3:
            continue
        distinct = np.unique(stamps)
        if len(distinct) < (0.5 if gaps else SERIES) * len(stamps):  # a log of events, or many series in one table
            continue
        kinds = _lacking(where, frame[str(time)], distinct) if gaps else _ordered(where, frame, stamps)
        for kind, finding in kinds:
            if kind not in said:
                said.add(kind)
                yield finding


def _ordered(where: str, frame: pl.DataFrame, stamps: Stamps) -> Iterator[tuple[str, Finding]]:
    yield from _order(where, stamps)
    yield from _repeats(where, frame, stamps)


def _lacking(where: str, column: pl.Series, times: Stamps) -> Iterator[tuple[str, Finding]]:
    grid = moments.grid(times)
    if grid is not None and len(grid.missing) and (column.dtype.is_temporal() or column.dtype == pl.String):
        yield from _gaps(where, times, grid)


def _order(where: str, stamps: Stamps) -> Iterator[tuple[str, Finding]]:
    back = np.diff(stamps) < 0
    if not back.any():
        return
    evidence = {"steps_back": int(back.sum()), "rows": len(stamps), "first_row": int(back.argmax()) + 2}
    if (np.diff(stamps) <= 0).all():
        yield (
            "order",
            Finding(
                "RK-DATA-06",
                "warning",
                f"The rows of {where} run from the newest to the oldest: windows cut from them run backwards in time.",
                "Sort the rows by time before windows are cut and parts are split.",
                evidence,
            ),
        )
        return
    meant = 1 - back.mean() >= ORDERED
    yield (
        "order",
        Finding(
            "RK-DATA-06",
            "fault" if meant else "warning",
            f"{counted(back.sum(), 'row')} of {where} {form(back.sum(), 'is', 'are')} older than the row before, the "
            "first in row "
            f"{evidence['first_row']:,}: "
            + ("windows cut there mix the order of time." if meant else "the rows stand in no order of time."),
            "Sort the rows by time before windows are cut.",
            evidence,
            _curve("Time of each row", "row", "days since the first", stamps),
        ),
    )


def _repeats(where: str, frame: pl.DataFrame, stamps: Stamps) -> Iterator[tuple[str, Finding]]:
    values, counts = np.unique(stamps, return_counts=True)
    twice = values[counts > 1]
    if not len(twice):
        return
    rows = int((counts - 1).sum())
    clock = _clock_changes(twice)
    same = len(frame) - frame.n_unique() >= rows
    why = " (the hour that summer time gives back)" if clock else ", with equal values" if same else ""
    yield (
        "repeats",
        Finding(
            "RK-DATA-06",
            "warning" if clock or same else "fault",
            f"{counted(rows, 'row')} of {where} {form(rows, 'has', 'have')} a time that another row has{why}; the "
            f"first is {_said(twice[0])}.",
            "Keep one row of each time; write times in UTC where clocks change.",
            {"rows": rows, "times": [_said(stamp) for stamp in twice[:5]], "rows_equal_throughout": bool(same)},
        ),
    )


def _gaps(where: str, times: Stamps, grid: Grid) -> Iterator[tuple[str, Finding]]:
    share = len(grid.missing) / grid.expected
    if grid.closed and share < HOLIDAYS and grid.longest <= LONGEST_HOLIDAY:
        return
    evidence = {
        "step": grid.unit,
        "missing": len(grid.missing),
        "expected": grid.expected,
        "longest_gap": grid.longest,
        "first": [_said(stamp) for stamp in grid.missing[:5]],
    }
    steps = f"{len(grid.missing):,} of {counted(grid.expected, 'step')} of one {grid.unit}"
    if reason := _every_year(grid.missing):
        yield (
            "gaps",
            Finding(
                "RK-DATA-06",
                "note",
                f"{where[0].upper()}{where[1:]} {form(where == 'both parts', 'leave', 'leaves')} out {reason}.",
                _FILL,
                evidence,
            ),
        )
        return
    yield (
        "gaps",
        Finding(
            "RK-DATA-06",
            "warning",
            f"Gaps in the dates of {where}: {steps} {form(len(grid.missing), 'is', 'are')} missing, "
            f"at most {grid.longest:,} in a row, the first at {_said(grid.missing[0])}.",
            _FILL,
            evidence,
            Curve(
                "Time from each row to the next",
                "row",
                "days",
                *_thinned(np.arange(1, len(times)), np.diff(times) / DAY),
            ),
        ),
    )


_FILL = "Put the missing steps in and fill them from the past, or cut windows so that none reaches over a gap."


def _every_year(missing: Stamps) -> str:
    """Name what is left out for a reason of the calendar, or return an empty string."""
    if _clock_changes(missing):
        return "the hour that summer time takes"
    dates = missing.astype("datetime64[s]").astype("datetime64[D]")
    days = sorted({str(date)[5:] for date in dates})
    if all(str(date)[5:] in ("02-29", "12-31") and isleap(int(str(date)[:4])) for date in dates):
        return f"a day of leap years ({' and '.join(days)})"
    years = len(np.unique(dates.astype("datetime64[Y]")))
    if len(days) <= 3 and years >= 2 and len(dates) > len(days):
        return "the same days every year: " + ", ".join(days)
    return ""


def _clock_changes(stamps: Stamps) -> bool:
    """Whether all lie between 0 and 4 o'clock on a Sunday of spring or autumn, at most two a year."""
    if not (stamps % DAY).any():
        return False
    nights = {_moment(stamp).date() for stamp in stamps}
    usual = all(
        moment.weekday() == 6 and moment.hour < 4 and moment.month in (3, 4, 9, 10, 11)
        for moment in map(_moment, stamps)
    )
    return usual and len(nights) <= 2 * len({night.year for night in nights})


def _mixed(part: str, column: pl.Series) -> Iterator[Finding]:
    """Dates that no single form reads."""
    given = column.drop_nulls()
    forms = moments.forms(given)
    unread = len(given) - sum(forms.values())
    if not forms or sum(forms.values()) < 0.5 * len(given):
        return
    days = {form.replace("T", " ").split(" %H")[0] for form in forms}
    names = list(forms)
    evidence = {"forms": forms, "not_read": unread}
    if len(days) > 1:
        yield Finding(
            "RK-DATA-06",
            "fault",
            f"The dates of {part} are written in {len(days)} forms ({', '.join(sorted(days))}): sorted as words they "
            "stand "
            "in a wrong order, and day and month may be taken for each other.",
            "Write every date as 2024-03-31, reading each form by itself.",
            evidence,
        )
    elif len(names) > 1:
        yield Finding(
            "RK-DATA-06",
            "warning",
            f"Some dates of {part} have a time of day and some have none ({', '.join(names)}).",
            "Write all of them alike: 2024-03-31 00:00.",
            evidence,
        )
    if unread:
        yield Finding(
            "RK-DATA-06",
            "warning",
            f"{counted(unread, 'value')} of column `{column.name}` of {part} "
            f"{form(unread, 'is no date', 'are no dates')}.",
            "Correct them or leave the rows out.",
            evidence,
        )


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(int(stamp), UTC)


def _said(stamp: int) -> str:
    moment = _moment(stamp)
    return moment.strftime("%Y-%m-%d") if not stamp % DAY else moment.strftime("%Y-%m-%d %H:%M")


def _curve(title: str, x_name: str, y_name: str, stamps: Stamps) -> Curve:
    return Curve(title, x_name, y_name, *_thinned(np.arange(1, len(stamps) + 1), (stamps - stamps.min()) / DAY))


def _thinned(x: NDArray[np.int64], y: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Keep the largest of every few points, so that no gap is lost."""
    every = -(-len(x) // POINTS)
    starts = range(0, len(x), every)
    kept = [start + int(y[start : start + every].argmax()) for start in starts]
    return x[kept].tolist(), y[kept].tolist()
