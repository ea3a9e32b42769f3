"""Many series in one table: read, sorted, set on a regular grid, and every fault named.

Three layouts: long (a row a value: `unique_id, ds, y`), columns (a column a series, beside one of times), and rows
(a row a series: its name, then its values).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data.calendar import Frequency, Times, day_of, moments, written
from rekur.data.files import MISSING
from rekur.errors import DataError, nearest
from rekur.wording import counted, form, some

Floats = NDArray[np.float64]
Layout = Literal["long", "columns", "rows"]
Blank = Callable[[tuple[int, ...]], Floats]  # an array of a shape, to be filled

LARGEST = 1e30  # models compute in float32, which ends at 3e38
SEEN, REGULAR = 5, 0.8  # steps, and the share of them alike, by which a series has a frequency of its own and no gaps
SPARSE = 50  # a grid may have this many times as many steps as there are rows
ONLY = "series"  # the name of a series in a table without names


@dataclass(frozen=True)
class Columns:
    """Which column is what; "" or () where there is none."""

    id: str = ""
    time: str = ""
    target: str = ""
    known: tuple[str, ...] = ()  # numbers known ahead: prices, holidays
    observed: tuple[str, ...] = ()  # numbers known when they have come: weather
    static: tuple[str, ...] = ()  # one value a series: numbers or words

    @property
    def varying(self) -> tuple[str, ...]:
        """Covariates that change with time, the known ones first."""
        return self.known + self.observed


@dataclass(frozen=True)
class Series:
    """One series on a regular grid."""

    id: str
    first: Any  # the time of the first value: datetime64[s], or an integer
    values: Floats  # (L,) NaN where missing; the first and the last are there
    covariates: Floats  # (L + A, C) of `Columns.varying`, A steps ahead of the last value; NaN where missing
    static: tuple[Any, ...] = ()
    dates: Times | None = None  # (L + A,) where rows count as steps and no rule gives their times
    day: int = 0  # of the month, where steps are months


@dataclass(frozen=True)
class Panel:
    """Series of one frequency, in the order of their first rows."""

    series: tuple[Series, ...]
    frequency: Frequency
    columns: Columns = field(default_factory=Columns)
    notes: tuple[str, ...] = ()  # what was filled or moved, for people
    counted: bool = False  # whether the rows of each series are counted, from 0 or 1: 7 is no moment that they share

    def times(self, place: int, start: int, steps: int) -> Times:
        """Return the times of `steps` steps of one series, from step `start` on; also of steps to come."""
        series = self.series[place]
        if series.dates is None:
            return self.frequency.after(series.first, steps, start, series.day)
        known = series.dates[start : start + steps]
        if len(known) == steps:
            return known
        more = self.frequency.after(series.dates[-1], steps - len(known), max(1, start - len(series.dates) + 1))
        return np.concatenate([known, more])


def read(
    frame: pl.DataFrame,
    columns: Columns,
    layout: Layout | None = None,
    shortest: int = 0,
    frequency: Frequency | None = None,
) -> Panel:
    """Make a panel of a table.

    Args:
        frame: the table.
        columns: what each column is; without a target, the usual names are looked for.
        layout: None: seen from the columns.
        shortest: series of fewer values are left out; 0: none is.
        frequency: of the series, where it is known; None: found in the times.

    Raises:
        DataError: no such column, a value that is no number, a time twice, or times that lie on no grid.
    """
    form = layout or layout_of(frame, columns)
    if form == "rows":
        return of_rows(frame, columns, shortest)
    named = named_of(frame, columns)
    if form == "columns":
        frame, named = melted(frame, named), Columns("unique_id", named.time, "y")
    check_columns(frame, named)
    return _of_long(frame, named, shortest, frequency)


USUAL = {
    "id": ("unique_id", "id", "item_id", "series", "series_id", "ts_id"),
    "time": ("ds", "date", "time", "timestamp", "datetime", "month", "day", "year"),
    "target": ("y", "value", "target"),
}


def _found(frame: pl.DataFrame, kind: str) -> str:
    lower = {name.lower(): name for name in reversed(frame.columns)}
    return next((lower[name] for name in USUAL[kind] if name in lower), "")


def named_of(frame: pl.DataFrame, columns: Columns) -> Columns:
    """Fill in the columns that have their usual names."""
    found = {kind: getattr(columns, kind) or _found(frame, kind) for kind in USUAL}
    rest = [n for n in frame.columns if n not in (found["id"], found["time"], *columns.varying, *columns.static)]
    if not found["target"] and len(rest) == 1:
        found["target"] = rest[0]
    return Columns(**found, known=columns.known, observed=columns.observed, static=columns.static)


def layout_of(frame: pl.DataFrame, columns: Columns) -> Layout:
    """Return how a table is laid out, by its columns; raises DataError where they do not say it."""
    named = named_of(frame, columns)
    if columns.target or named.target:
        return "long"
    if named.time:
        return "columns"
    raise DataError(
        f"The table has neither a column of values (`y`) nor of times (`ds`, `date`); it has {some(frame.columns)}. "
        'Name them with data.target and data.time, or set data.layout to "rows" where each row is a series.'
    )


def melted(frame: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Return a column a series as a row a value: `unique_id`, the times, `y`."""
    if columns.varying or columns.static:
        raise DataError("A table of a column a series has no room for covariates. Write it long: unique_id, ds, y.")
    values = [name for name in frame.columns if name not in (columns.time, columns.id)]
    if not values:
        raise DataError(f"The table has no column of values beside `{columns.time}`. Give one a series.")
    times = [columns.time] if columns.time else []
    long = frame.unpivot(values, index=times, variable_name="\0id", value_name="\0y")  # no column is called so
    return long.rename({"\0id": "unique_id", "\0y": "y"})


def check_columns(frame: pl.DataFrame, columns: Columns) -> None:
    """Raise DataError for a column that is not there, or has two parts to play."""
    wanted = [columns.id, columns.time, columns.target, *columns.varying, *columns.static]
    missing = [name for name in wanted if name and name not in frame.columns]
    if missing:
        raise DataError(f"There is no column `{missing[0]}`. {nearest(missing[0], frame.columns)}")
    if not columns.target:
        raise DataError(f"Which column is to be forecast? Name it with data.target, one of {some(frame.columns)}.")
    given = [name for name in wanted if name]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise DataError(f"Column `{twice[0]}` is given two parts to play; a column has one. Drop it from one of them.")


def numbers(column: pl.Series) -> Floats:
    """Return a column (L,) as numbers, NaN where it is empty; raise DataError for a value that is no number."""
    if column.dtype == pl.String:
        plain = column.str.strip_chars()
        empty = plain.is_null() | plain.str.to_lowercase().is_in(MISSING)
        found = plain.cast(pl.Float64, strict=False)
        wrong = found.is_null() & ~empty
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise DataError(
                f"Column `{column.name}`: {wrong.sum()} of {len(column)} values are no numbers; the first is "
                f"`{column[row]}` in row {row + 1}. Correct them, or leave them empty: what is missing is filled."
            )
    elif column.dtype.is_numeric() or column.dtype in (pl.Null, pl.Boolean):
        found = column.cast(pl.Float64)
    else:
        raise DataError(f"Column `{column.name}` must hold numbers; got {column.dtype}.")
    values = found.fill_null(np.nan).to_numpy().copy()
    values[~np.isfinite(values)] = np.nan
    if (large := np.abs(values) > LARGEST).any():
        row = int(large.argmax())
        raise DataError(
            f"Column `{column.name}`: {values[row]:g} in row {row + 1} is too large for 32 bits. Take a larger unit."
        )
    return values


def _of_long(frame: pl.DataFrame, columns: Columns, shortest: int, frequency: Frequency | None) -> Panel:
    ids = frame[columns.id].cast(pl.String).fill_null("").to_list() if columns.id else [ONLY] * len(frame)
    times = moments(frame[columns.time]) if columns.time else None
    values = numbers(frame[columns.target])
    varying = np.stack([numbers(frame[name]) for name in columns.varying], axis=1) if columns.varying else None
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(ids):
        rows_of.setdefault(name, []).append(row)
    pieces: list[Piece] = []
    for name, found in rows_of.items():
        rows = np.array(found)
        when = np.arange(len(rows)) if times is None else times[rows]
        rows, when = in_order(name, rows, when)
        covariates = np.zeros((len(rows), 0)) if varying is None else varying[rows]
        pieces.append(Piece(name, when, values[rows], covariates, _static(frame, columns, name, rows)))
    return gridded(pieces, columns, shortest, frequency)


def _static(frame: pl.DataFrame, columns: Columns, name: str, rows: NDArray[np.int64]) -> tuple[Any, ...]:
    found = []
    for column in columns.static:
        kinds = frame[column][rows].drop_nulls().unique()
        if len(kinds) > 1:
            raise several(column, name, kinds)
        found.append(kinds[0] if len(kinds) else None)
    return tuple(found)


def several(column: str, name: str, kinds: pl.Series) -> DataError:
    """Return the fault of a series of which a static column says several things."""
    return DataError(
        f"Column `{column}` is static, one value a series; series `{name}` has {len(kinds)}: "
        f"{some(kinds.to_list())}. Name it under data.observed or data.known instead."
    )


def in_order(name: str, rows: NDArray[np.int64], when: Times) -> tuple[NDArray[np.int64], Times]:
    """Return the rows of a series and their times, oldest first; raises DataError for a time that is there twice."""
    order = np.argsort(when, kind="stable")
    rows, when = rows[order], when[order]
    twice = np.flatnonzero(when[1:] == when[:-1])
    if len(twice):
        time = written(when[twice[:1]])[0]
        hour = " If these are local times, the hour is doubled where summer time ends: give the offset from UTC."
        clock = hour if when.dtype.kind == "M" and (when != when.astype("datetime64[D]")).any() else ""
        others = f" and {len(twice) - 1} others" if len(twice) > 1 else ""
        raise DataError(
            f"Series `{name}` has the time {time}{others} twice, in rows {rows[twice[0]] + 1} and "
            f"{rows[twice[0] + 1] + 1}. Keep one row a time, or name the column that tells the series apart with "
            f"data.id.{clock}"
        )
    return rows, when


@dataclass(frozen=True)
class Piece:
    """The rows of one series, oldest first."""

    id: str
    times: Times
    values: Floats
    covariates: Floats
    static: tuple[Any, ...]


def gridded(
    pieces: Sequence[Piece], columns: Columns, shortest: int, known: Frequency | None, blank: Blank = np.zeros
) -> Panel:
    """Set the rows of each series on the grid of their common frequency; `blank` makes room for those with gaps."""
    kept = [piece for piece in pieces if np.isfinite(piece.values).sum() >= max(1, shortest)]
    if not kept:
        most = max((int(np.isfinite(piece.values).sum()) for piece in pieces), default=0)
        raise DataError(
            f"No series has a value to learn from; the longest has {most}. Is `{columns.target}` the values?"
        )
    frequency = known or Frequency.of([piece.times for piece in kept])
    made = [_on_grid(piece, frequency, blank) for piece in kept]
    if not known:
        _check_common(kept, frequency)
    notes = _notes(kept, made, frequency, len(pieces) - len(kept), shortest)
    counted = all(piece.times.dtype.kind != "M" and piece.times[0] in (0, 1) for piece in kept)
    return Panel(tuple(made), frequency, columns, notes, counted)


def _check_common(pieces: Sequence[Piece], frequency: Frequency) -> None:
    """Raise DataError where the rows of a series are regular, and much farther apart than those of the others."""
    for piece in pieces:
        steps = np.diff(frequency.places(piece.times, piece.times[0]))
        usual = int(np.median(steps)) if len(steps) else 1
        if len(steps) >= SEEN and usual > 1 and np.mean(steps == usual) >= REGULAR:
            raise DataError(
                f"Series `{piece.id}` has a row every {usual} steps, where the others have one at each: {frequency}. "
                "Fit series of several frequencies each by itself, or give the mean of longer spans."
            )


def _on_grid(piece: Piece, frequency: Frequency, blank: Blank) -> Series:
    there = np.flatnonzero(np.isfinite(piece.values))
    begin, last = int(there[0]), int(there[-1])
    times = piece.times[begin:]
    places = frequency.places(times, times[0])
    twice = np.flatnonzero(np.diff(places) == 0)
    if len(twice):
        a, b = written(times[twice[0] : twice[0] + 2])
        raise DataError(
            f"Series `{piece.id}`: its rows are {frequency} apart as a rule, but {a} and {b} are closer than half of "
            f"that. Give one row a step: take the mean of each, or drop what is between."
        )
    count = int(places[-1]) + 1
    if count > SPARSE * len(places) + 1000:
        raise DataError(
            f"Series `{piece.id}`: a row every one of {frequency} would make {count:,} steps of {len(places):,} rows. "
            "Its times are too far apart for that. Give the mean of longer spans, or cut the gap."
        )
    length = int(places[last - begin]) + 1
    values, covariates = piece.values[begin:], piece.covariates[begin:]
    if count > len(places):
        values, covariates = (_spread(part, places, blank((count, *part.shape[1:]))) for part in (values, covariates))
    dates = times if frequency.unit == "weekday" else None
    day = day_of(times) if frequency.unit == "month" else 0
    return Series(piece.id, times[0], values[:length], covariates, piece.static, dates, day)


def _spread(values: Floats, places: NDArray[np.int64], out: Floats) -> Floats:
    """Put values (n, ...) at their places in `out`, NaN between them."""
    out[:] = np.nan
    out[places] = values
    return out


def _notes(
    pieces: Sequence[Piece], made: Sequence[Series], frequency: Frequency, dropped: int, shortest: int
) -> tuple[str, ...]:
    notes = []
    steps, missing = sum(len(s.values) for s in made), sum(int(np.isnan(s.values).sum()) for s in made)
    if missing:
        leap = " (29 February among them)" if frequency.unit == "second" and _leap_days(made, frequency) else ""
        notes.append(
            f"{missing:,} of {counted(steps, 'value')} {form(missing, 'is missing', 'are missing')}{leap}; "
            f"{form(missing, 'it is', 'they are')} filled and marked as missing."
        )
    if dropped:
        few = f"of fewer than {counted(shortest, 'value')}" if shortest > 1 else "without a value"
        notes.append(f"{dropped} series {few} {form(dropped, 'is', 'are')} left out.")
    if any(frequency.unit == "second" and _moved(piece, frequency) for piece in pieces):
        notes.append(f"Times that are not whole {frequency} apart are taken for the nearest step.")
    return tuple(notes)


def _moved(piece: Piece, frequency: Frequency) -> bool:
    seconds: NDArray[np.int64] = piece.times.astype(np.int64)
    return bool(np.mod(np.diff(seconds), frequency.count).any())


def _leap_days(made: Sequence[Series], frequency: Frequency) -> bool:
    for series in made:
        gaps = np.flatnonzero(np.isnan(series.values))
        days = frequency.after(series.first, len(series.values), 0)[gaps].astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        of_month = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
        if ((months.astype(np.int64) % 12 == 1) & (of_month == 29)).any():
            return True
    return False


def of_rows(frame: pl.DataFrame, columns: Columns, shortest: int) -> Panel:
    """Read a row a series: its name, then its values; empty cells behind the last one are no values."""
    names, table = named_rows(frame, columns)
    made, most = rows_made(names, table, shortest)
    return rows_joined(made, columns.id or frame.columns[0], len(names) - len(made), shortest, most)


def rows_made(names: Sequence[str], table: Floats, shortest: int) -> tuple[list[Series], int]:
    """Return the rows of `shortest` values or more as series, and how many values the longest row has."""
    there = np.isfinite(table)
    made = []
    for row in np.flatnonzero(there.sum(axis=1) >= shortest).tolist():
        known = np.flatnonzero(there[row])
        if not len(known):
            raise DataError(f"Series `{names[row]}` has no value. Drop its row.")
        values = table[row, known[0] : known[-1] + 1]
        made.append(Series(names[row], 1, values, np.zeros((len(values), 0))))
    return made, int(there.sum(axis=1).max(initial=0))


def rows_joined(made: Sequence[Series], id: str, dropped: int, shortest: int, most: int) -> Panel:
    """Return series that were rows as a panel; raises DataError where none is left."""
    if not made:
        raise DataError(f"No series has {shortest} values; the longest has {most}.")
    frequency = Frequency("count")
    return Panel(tuple(made), frequency, Columns(id=id), _notes((), made, frequency, dropped, shortest), True)


def named_rows(frame: pl.DataFrame, columns: Columns) -> tuple[list[str], Floats]:
    """Return the names of rows that are series, and their values (M, L), NaN where empty."""
    given = [name for name in (columns.time, columns.target, *columns.varying, *columns.static) if name]
    if given:
        raise DataError(
            f"Where each row is a series no column has a part to play but the one of names; got `{given[0]}`. Write "
            "the table long: unique_id, ds, y."
        )
    first = columns.id or next(iter(frame.columns), "")
    if first not in frame.columns:
        raise DataError(f"There is no column `{first}`. {nearest(first, frame.columns)}")
    if len(frame.columns) < 2 or not len(frame):
        raise DataError(f"The table has no values: {len(frame)} rows of names in `{first}` and nothing beside them.")
    names = frame[first].cast(pl.String).fill_null("").to_list()
    twice = frame[first].filter(frame[first].is_duplicated())
    if len(twice):
        raise DataError(f"Two rows have the name `{twice[0]}`; in this layout a row is a series. Rename one.")
    return names, np.stack([numbers(frame[name]) for name in frame.columns if name != first], axis=1)
