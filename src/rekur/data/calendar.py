"""Times of a series: read from a column, their frequency found, steps counted and gone on, features of the calendar.

A time is a second, kept in UTC where the file gives an offset; or an integer, where the file counts its steps. Days
that all begin at one hour of a zone keep the dates that they have there: a day of 23 hours is a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.wording import counted, form

Times = NDArray[Any]  # (L,) datetime64[s], or int64 where steps are counted
Unit = Literal["count", "second", "weekday", "month"]

DAY = 86_400
WEEKEND = 3  # days before the end of a month, on which its last working day may fall
NAMES = {1: "second", 60: "minute", 3_600: "hour", DAY: "day", 7 * DAY: "week"}
FORMS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d",
    "%d.%m.%Y",  # points stand between day and month where the day comes first; strokes stand for both orders
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
)
OFFSET = r"\s*(?:[zZ]|[+-]\d{2}:?\d{2})$"
WITH_OFFSET = ("%Y-%m-%dT%H:%M:%S%#z", "%Y-%m-%d %H:%M:%S%#z", "%Y-%m-%d %H:%M%#z", "%Y-%m-%dT%H:%M:%S%.f%#z")


def moments(column: pl.Series) -> Times:
    """Return the times of a column: datetime64[s], in UTC where it gives offsets, or int64 where it counts.

    Where every time is the same hour of the zone that the column gives, they are the days of that zone.

    Raises:
        DataError: a value is missing or no time; dates are read year first, for 01/02/2024 is ambiguous.
    """
    reading = Reading()
    plain, ahead = reading.read(column)
    return shown(plain, ahead) if reading.days else plain


def shown(plain: Times, ahead: NDArray[np.int64]) -> Times:
    """Return what clocks show that are `ahead` (L,) seconds ahead of the times (L,)."""
    return plain + ahead.astype("timedelta64[s]") if plain.dtype.kind == "M" else plain


class Reading:
    """Reads the times of a column, whole or frame after frame: what they are is said of all frames together."""

    def __init__(self) -> None:
        self.eight: bool | None = None  # whether eight digits are a day: the first time of all says it
        self.offsets: bool | None = None  # whether the times give their offsets from UTC, or their zone
        self.hours: set[Any] = set()  # of the day, at which times are, on the clocks of their zone; two are enough

    @property
    def days(self) -> bool:
        """Whether every time so far is the same hour of its zone."""
        return len(self.hours) == 1

    def read(self, column: pl.Series) -> tuple[Times, NDArray[np.int64]]:
        """Return the times (L,) of the next rows, in UTC, and how many seconds the clocks of their zone are ahead (L,).

        Raises DataError as `moments` does, and for times with offsets from UTC below those without, or above them.
        """
        if column.null_count():
            row = int(column.is_null().arg_max() or 0) + 1
            raise DataError(
                f"Column `{column.name}`: {counted(column.null_count(), 'row')} without a time, the first is row {row}."
            )
        parsed = column.cast(pl.Int64) if column.dtype.is_integer() else self._parsed(column)
        if parsed.dtype.is_integer():
            return parsed.to_numpy(), np.zeros(len(parsed), dtype=np.int64)
        plain = there = parsed.cast(pl.Datetime("us")) if parsed.dtype == pl.Date else parsed
        offsets = bool(getattr(plain.dtype, "time_zone", None))
        if self.offsets not in (None, offsets):
            raise DataError(
                f"Column `{column.name}` has times with an offset from UTC and times without. Write all in one form."
            )
        self.offsets = offsets
        if offsets:
            plain = plain.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            there = _of_zone(column)
        if len(self.hours) < 2:
            self.hours.update(there.dt.time().unique()[:2].to_list())
        times, clocks = (one.cast(pl.Datetime("us")).to_numpy().astype("datetime64[s]") for one in (plain, there))
        return times, (clocks - times).astype(np.int64)

    def _parsed(self, column: pl.Series) -> pl.Series:
        if column.dtype.is_temporal():
            return column
        if column.dtype != pl.String:
            raise DataError(f"Column `{column.name}` must hold times such as 2024-03-31 18:00; got {column.dtype}.")
        plain = column.str.strip_chars()
        if self.eight is None:
            self.eight = len(plain[0]) == 8  # 20240331 is a day
        if not self.eight and not (numbers := plain.cast(pl.Int64, strict=False)).null_count():
            return numbers
        best = dates(column)
        if best.null_count():
            row = int(best.is_null().arg_max() or 0)
            raise DataError(
                f"Column `{column.name}`: {best.null_count():,} of {counted(len(column), 'value')} "
                f"{form(best.null_count(), 'is no time', 'are no times')}; the first is `{column[row]}` in row "
                f"{row + 1}. Write times as 2024-03-31 or 2024-03-31 18:00, or count them: 1, 2, 3."
            )
        return best


def _of_zone(column: pl.Series) -> pl.Series:
    """Return the times that clocks show in the zone, or at the offsets, that a column gives."""
    if column.dtype == pl.String:
        return dates(column.str.strip_chars().str.replace(OFFSET, ""))
    return column.dt.replace_time_zone(None)


def dates(column: pl.Series) -> pl.Series:
    """Return the dates and times that are written in a column, null for what has another form than most of them."""
    plain = column.str.strip_chars()
    best = plain.str.to_datetime(FORMS[0], strict=False, time_unit="us")
    for text, forms in ((plain, FORMS[1:]), (plain + "-01", FORMS[:1]), (plain, WITH_OFFSET)):
        for one in forms:
            if not best.null_count():
                return best
            found = text.str.to_datetime(one, strict=False, time_unit="us")
            best = min((best, found), key=pl.Series.null_count)
    return best


@dataclass(frozen=True)
class Frequency:
    """The time from one step to the next: `count` of a `unit`.

    Weekdays are the steps of markets and offices: Friday is followed by Monday, and a holiday is no gap.
    """

    unit: Unit
    count: int = 1

    @classmethod
    def of(cls, series: Sequence[Times]) -> Self:
        """Find the frequency that the rising times of each series have in common; they count from 1 to the next.

        Raises DataError where no series has two times.
        """
        steps: Counter[int] = Counter()
        for times in series:
            found, counts = np.unique(np.diff(times.astype(np.int64)), return_counts=True)
            steps.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
        if not steps:
            raise DataError("No series has two values, so that nobody can say how far apart they are. Give more rows.")
        usual = min(steps, key=lambda step: (-steps[step], step))
        times = next(times for times in series if len(times) > 1)
        if times.dtype.kind != "M":
            return cls("count", usual)
        apart = usual if usual >= 28 * DAY else _median(steps)  # of months of different lengths
        if usual % DAY == 0 and apart >= 28 * DAY and (months := _months(series, apart)):
            return cls("month", months)
        if usual == DAY and max(steps) >= 3 * DAY and not any(_weekend(t).any() for t in series):
            return cls("weekday")
        return cls("second", usual)

    def __str__(self) -> str:
        if self.unit == "count":
            return "steps" if self.count == 1 else f"steps of {self.count}"
        if self.unit == "weekday":
            return "weekdays"
        if self.unit == "month":
            known = {1: "months", 3: "quarters", 12: "years"}
            return known.get(self.count, f"{self.count} months")
        size = max((size for size in NAMES if self.count % size == 0), default=1)
        number = self.count // size
        return f"{NAMES[size]}s" if number == 1 else f"{number} {NAMES[size]}s"

    def places(self, times: Times, first: Any) -> NDArray[np.int64]:
        """Return how many steps each time (L,) lies behind `first`, rounded to whole steps; weekdays count rows."""
        if self.unit == "weekday":
            return np.arange(len(times))
        if self.unit == "month":
            steps = (times.astype("datetime64[M]") - np.datetime64(first).astype("datetime64[M]")).astype(np.int64)
        else:
            steps = times.astype(np.int64) - np.asarray(first).astype(np.int64)
        found: NDArray[np.int64] = np.round(steps / self.count).astype(np.int64)
        return found

    def after(self, last: Any, steps: int, offset: int = 1, day: int = 0) -> Times:
        """Return `steps` times in their order, the first of them `offset` steps behind `last`.

        Months go on at a `day`, as `day_of` finds it; 0: the day of `last`, and the last one behind the last one.
        """
        ahead = np.arange(offset, offset + steps)
        if self.unit == "month":
            return _months_after(np.datetime64(last, "s"), ahead * self.count, day)
        if self.unit == "weekday":
            weekdays = np.busday_offset(np.datetime64(last, "D"), ahead, roll="backward")
            clock = np.datetime64(last, "s") - np.datetime64(last, "D")
            days: Times = weekdays.astype("datetime64[s]") + clock
            return days
        if self.unit == "count":
            return int(last) + ahead * self.count
        return np.datetime64(last, "s") + (ahead * self.count).astype("timedelta64[s]")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"unit": self.unit, "count": self.count}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; raises KeyError or ValueError for anything else."""
        unit, count = values["unit"], values["count"]
        if unit not in ("count", "second", "weekday", "month") or not isinstance(count, int) or count < 1:
            raise ValueError(f"no frequency: {values}")
        return cls(unit, count)

    @property
    def cycles(self) -> tuple[str, ...]:
        """The cycles of the calendar that steps of this size go through."""
        if self.unit == "count":
            return ()
        if self.unit == "month":
            return ("year",) if self.count < 12 else ()
        size = DAY if self.unit == "weekday" else self.count
        return tuple(name for name, length in (("day", DAY), ("week", 7 * DAY), ("year", 365 * DAY)) if size < length)


def _median(counts: Mapping[int, int]) -> int:
    """Return the median of numbers that are there so many times."""
    found = np.array(sorted(counts))
    ends = np.cumsum([counts[number] for number in found.tolist()])
    middle = np.searchsorted(ends, [(ends[-1] - 1) // 2, ends[-1] // 2], side="right")
    return int(found[middle].mean())


def features(times: Times, frequency: Frequency) -> NDArray[np.float32]:
    """Return sine and cosine of where each time stands in the day, week and year: (L, 2 * cycles)."""
    if not frequency.cycles:
        return np.zeros((len(times), 0), dtype=np.float32)
    days = times.astype("datetime64[D]")
    years = times.astype("datetime64[Y]")
    of_year = (times - years.astype("datetime64[s]")).astype(np.float64) / DAY
    length = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")).astype(
        np.float64
    )  # 366 in leap years
    of_day = (times - days.astype("datetime64[s]")).astype(np.float64) / DAY
    share = {
        "day": of_day,
        "week": ((days.astype(np.int64) + 3) % 7 + of_day) / 7,  # 1970-01-01 was a Thursday
        "year": of_year / length,
    }
    angles = [2 * np.pi * share[name] for name in frequency.cycles]
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1).astype(np.float32)


def _weekend(times: Times) -> NDArray[np.bool_]:
    return (times.astype("datetime64[D]").astype(np.int64) + 3) % 7 >= 5


def _months(series: Sequence[Times], usual: int) -> int:
    """Return how many months lie between two steps; 0 where these are days or weeks.

    They are months where all times fall on one day of the month, or each in a month of its own, not equally far apart.
    """
    apart = [np.diff(times.astype(np.int64)) for times in series]
    even = all((one == usual).all() for one in apart)
    alone = not even and all((np.diff(times.astype("datetime64[M]").astype(np.int64)) > 0).all() for times in series)
    return max(1, round(usual / DAY / 30.44)) if alone or all(_one_day(times) for times in series) else 0


def _one_day(times: Times) -> bool:
    of_month, left = _places(times)
    return bool(((left == 0) | (of_month == of_month.max(initial=0))).all())


def _places(times: Times) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the day of the month of each time, from 1, and how many days of it are left."""
    days, months = times.astype("datetime64[D]"), times.astype("datetime64[M]")
    of_month = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    return of_month, ((months + 1).astype("datetime64[D]") - days).astype(np.int64) - 1


def day_of(times: Times) -> int:
    """Return the day of the month on which monthly times fall: 31 for its last day, or the last but a weekend.

    >>> day_of(np.array(["2023-01-31", "2023-02-28"], "M8[D]")), day_of(np.array(["2023-02-28", "2023-03-28"], "M8[D]"))
    (31, 28)
    """
    of_month, left = _places(times)
    if _one_day(times):
        return 31 if (left == 0).all() else int(of_month.max())
    return 31 if (left <= WEEKEND).all() else int(np.median(of_month))


def _months_after(last: Any, ahead: NDArray[np.int64], on: int = 0) -> Times:
    """Go on by months from `last`: the last day of a month stays the last one, the 31st becomes the 30th or 28th."""
    month = last.astype("datetime64[M]")
    day = last.astype("datetime64[D]")
    of_month, clock = day - month.astype("datetime64[D]"), last - day.astype("datetime64[s]")
    months = month + ahead
    lengths = (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")
    at_end = on == 0 and (day + 1).astype("datetime64[M]") != month
    usual = np.timedelta64(on - 1, "D") if on else of_month
    place = lengths - 1 if at_end else np.minimum(usual, lengths - 1)
    found: Times = (months.astype("datetime64[D]") + place).astype("datetime64[s]") + clock
    return found


def written(times: Times) -> list[str]:
    """Write times as a file would have them: 2024-03-31, with the clock where one of them has one."""
    if times.dtype.kind != "M":
        return [str(time) for time in times.tolist()]
    days = times.astype("datetime64[D]")
    if (times == days).all():
        return [str(day) for day in days]
    return [str(time).replace("T", " ") for time in times.astype("datetime64[s]")]
