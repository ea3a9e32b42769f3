"""A table to be understood, and what all kinds of table ask of its columns: the label, the time, the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from rekur.data.sources import Source
from rekur.fitting import roles
from rekur.fitting.kinds import Given
from rekur.fitting.roles import Column, named

FEW = 20  # distinct whole numbers are classes, more are amounts


@dataclass(frozen=True)
class Table:
    """The first rows of a table, what its columns are, and what the caller says of it."""

    frame: pl.DataFrame
    count: int  # rows, about
    columns: list[Column]
    given: Given
    source: Source

    def role(self, *wanted: str) -> list[Column]:
        """Return the columns of these roles."""
        return [column for column in self.columns if column.role in wanted]

    def column(self, name: str) -> Column:
        """Return the column called `name`."""
        return next(column for column in self.columns if column.name == name)

    @property
    def data(self) -> dict[str, Any]:
        """The settings every table has."""
        return {"set": "files", "path": str(self.source.path)}


def others(rest: Sequence[Column], taken: Column, wanted: str, read: Sequence[Column] = ()) -> tuple[str, ...]:
    """Return the note that other columns could be the label, where the caller `wanted` none and there are any."""
    may = [c.name for c in rest if c is not taken and c not in read and may_be_label(c)]
    if wanted or not may:
        return ()
    return (f"Other columns could be the label: {', '.join(may[:5])}. --label names one of them.",)


def label_among(columns: Sequence[Column]) -> Column | None:
    """Return the column of the classes: one that is called so, else the last that could be."""
    may = [column for column in columns if may_be_label(column)]
    return named(may, roles.LABELS) or (may[-1] if may else None)


def may_be_label(column: Column) -> bool:
    if column.names_rows or column.distinct < 2 or column.name.lower() in roles.PARTS:
        return False
    return column.role == "category" or (column.role == "number" and not is_amount(column))


def is_amount(column: Column) -> bool:
    """Whether a label is an amount, and not one of a few classes."""
    return column.role == "number" and not (column.whole and column.distinct <= min(FEW, max(2, column.rows // 3)))


def amount_among(columns: Sequence[Column]) -> Column | None:
    numbers = [c for c in columns if c.role == "number" and not c.names_rows and c.distinct > 1]
    return named(numbers, (*roles.LABELS, "rating", "score", "price", "value")) or (numbers[-1] if numbers else None)


def split(table: Table, otherwise: str) -> dict[str, Any]:
    given = table.given
    if given.group:
        return {"split": "grouped", "group": given.group}
    if given.time:
        return {"split": "time", "time": given.time}
    return {"split": otherwise}


def time_among(columns: Sequence[Column]) -> Column | None:
    dates = [c for c in columns if c.role == "date"]
    called = [c for c in columns if c.role in ("date", "number") and c.name.lower() in roles.TIMES]
    return named(dates, roles.TIMES) or (dates[0] if dates else None) or (called[0] if called else None)


def listed(columns: Sequence[Column]) -> str:
    names = [f"`{column.name}`" for column in columns]
    shown = names if len(names) <= 4 else [*names[:3], "...", names[-1]]
    return f"value{'s' if len(names) > 1 else ''} {', '.join(shown)}"
