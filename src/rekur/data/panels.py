"""Series of a table larger than memory: what `panel` reads of one that fits, to the last bit, but on disk.

What is held in memory is a line about each series.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data import disk, panel
from rekur.data.calendar import Frequency, Reading, Times, shown
from rekur.data.grouping import Grouped, Grouping
from rekur.data.panel import Columns, Layout, Panel, Piece, Series
from rekur.data.ragged import Ragged
from rekur.data.sources import Source
from rekur.data.streamed import located
from rekur.errors import DataError


def read(
    source: Source,
    columns: Columns,
    layout: Layout | None = None,
    shortest: int = 0,
    frequency: Frequency | None = None,
) -> Panel:
    """Make a panel of a table; see `panel.read`. A source that is held in memory is read there."""
    if source.whole:
        return panel.read(source.frame, columns, layout, shortest, frequency)
    first = next(iter(source))
    form = layout or panel.layout_of(first, columns)
    if form == "rows":
        return _of_rows(source, columns, shortest)
    named = panel.named_of(first, columns)
    taken = _Rows(source, named, melt=form == "columns")
    before = 0
    for frame in source:
        with located(source.path, before):
            taken.add(frame)
        before += len(frame)
    return panel.gridded(taken.pieces(), taken.columns, shortest, frequency, disk.Room())


class _Rows:
    """The rows of a long table, grouped by their series."""

    def __init__(self, source: Source, columns: Columns, melt: bool) -> None:
        self.melt, self.wide = melt, columns
        self.columns = Columns("unique_id", columns.time, "y") if melt else columns
        self.reading = Reading()
        self.grouping = Grouping(2 + len(self.columns.varying), source.size, source.memory)
        self.static: list[pl.DataFrame] = []  # what was said of the series so far, by their numbers

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows in; raises DataError for what cannot be read."""
        rows, columns = panel.melted(frame, self.wide) if self.melt else frame, self.columns
        panel.check_columns(rows, columns)
        before = self.grouping.rows
        ids = (
            rows[columns.id].cast(pl.String).fill_null("")
            if columns.id
            else pl.repeat(panel.ONLY, len(rows), eager=True)
        )
        times, ahead = np.arange(before, before + len(rows)), np.zeros(len(rows), dtype=np.int64)
        if columns.time:
            times, ahead = self.reading.read(rows[columns.time])
        values = [panel.numbers(rows[name]) for name in (columns.target, *columns.varying)]
        numbers = self.grouping.add(ids, times, np.stack([*values, ahead], axis=1))
        if columns.static:
            told = rows.select(columns.static).insert_column(0, pl.Series("", numbers))
            self.static.append(told.unique(maintain_order=True))

    def pieces(self) -> list[Piece]:
        """Return the rows of each series, oldest first."""
        found = self.grouping.grouped(_twice, _there if self.reading.days and self.reading.offsets else None)
        static = self._said(found)
        ends = np.cumsum(found.lengths)
        counted = not self.columns.time  # then a series' own rows are its steps
        pieces = []
        for place, (name, end) in enumerate(zip(found.names, ends.tolist(), strict=True)):
            at = slice(end - int(found.lengths[place]), end)
            when = np.arange(at.stop - at.start) if counted else found.times[at]
            pieces.append(Piece(name, when, found.values[at, 0], found.values[at, 1:-1], static[place]))
        return pieces

    def _said(self, found: Grouped) -> list[tuple[Any, ...]]:
        """Return the static values of each series."""
        if not self.static:
            return [()] * len(found.names)
        told, said = pl.concat(self.static, how="vertical_relaxed"), []
        for column in self.columns.static:
            kinds = told.select("", column).drop_nulls().unique(maintain_order=True)
            twice = kinds.filter(kinds[""].is_duplicated())
            if len(twice):
                place = int(twice[0, 0])
                several = kinds.filter(kinds[""] == place)[column]
                raise panel.several(column, found.names[place], several)
            by_place = dict(kinds.iter_rows())
            said.append([by_place.get(place) for place in range(len(found.names))])
        return list(zip(*said, strict=True))


def _there(times: Times, values: NDArray[np.float64]) -> Times:
    """Return what the clocks of their zone show, the last of the values being how many seconds they are ahead."""
    return shown(times, values[:, -1].astype(np.int64))


def _twice(name: str, rows: NDArray[np.int64], when: NDArray[Any]) -> None:
    panel.in_order(name, rows, when)  # which says so


def _of_rows(source: Source, columns: Columns, shortest: int) -> Panel:
    """Read a row a series; see `panel.of_rows`."""
    writer, kept, before, most = disk.Writer(np.float64), [], 0, 0
    known: set[str] = set()
    for frame in source:
        with located(source.path, before):
            names, table = panel.named_rows(frame, columns)
            if twice := known.intersection(names):
                raise DataError(f"Two rows have the name `{min(twice)}`; in this layout a row is a series. Rename one.")
            made, longest = panel.rows_made(names, table, shortest)
        known.update(names)
        kept += [one.id for one in made]
        writer.add(Ragged.of([one.values for one in made], np.float64))
        before, most = before + len(frame), max(most, longest)
    series = [Series(name, 1, row, np.zeros((len(row), 0))) for name, row in zip(kept, writer.ragged(), strict=True)]
    return panel.rows_joined(series, columns.id or frame.columns[0], before - len(kept), shortest, most)
