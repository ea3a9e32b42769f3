"""What a table is: texts with classes or numbers, sequences of values with them, or series to forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rekur.data import files
from rekur.data.sources import Source
from rekur.errors import RequestError
from rekur.fitting import roles
from rekur.fitting.kinds import Given, Kind, Size, size_of_texts
from rekur.fitting.roles import Column, named

FEW = 20  # distinct whole numbers are classes, more are amounts
WIDE = 5  # columns of numbers, at least, that are the steps of a sequence or of series side by side
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


def recognise(source: Source, given: Given) -> Kind:
    """Say what the table is; raises RequestError where its columns do not say it."""
    frame, count = source.first()
    for name in given.columns:
        files.check_column(frame, name)
    table = Table(frame, count, roles.roles(frame), given, source)
    readers = {"text": _texts, "sequences": _sequences, "forecast": _series}
    if given.task:
        if given.task not in readers:
            raise RequestError(f"--task {given.task} does not learn from a table. Tables are for {', '.join(readers)}.")
        found = _texts(table) or _sequences(table) if given.task == "sequences" else readers[given.task](table)
    else:
        found = _texts(table) or _sequences(table) or _series(table) or _names(table)
    if found is None:
        raise RequestError(_unclear(table))
    return found


def _unclear(table: Table) -> str:
    shown = ", ".join(f"{column.name} ({column.role})" for column in table.columns[:12])
    return (
        f"{table.source.path}: its columns do not say what to learn: {shown}. Name them: --text and --label for texts; "
        "--time and --target for series; --id and --label for sequences; or the kind of work with --task."
    )


# texts


def _texts(table: Table) -> Kind | None:
    given = table.given
    if given.horizon or given.known or given.observed or (given.time and given.target and not given.text):
        return None
    texts = [table.column(given.text)] if given.text else table.role("text")
    if not texts:
        return None
    text = named(texts, roles.TEXTS) or max(texts, key=lambda column: column.characters)
    return _labelled(table, text)


def _names(table: Table) -> Kind | None:
    """Short texts, as names, each with a class."""
    names = [column for column in table.role("name") if column.name.lower() not in roles.IDS]
    return _labelled(table, names[0]) if len(names) == 1 else None


def _labelled(table: Table, text: Column) -> Kind | None:
    given = table.given
    rest = [column for column in table.columns if column.name not in (text.name, given.time, given.group, given.id)]
    wanted = given.label or given.target
    label = table.column(wanted) if wanted else _label(rest)
    sample = files.text_column(table.frame, text.name).head(500).to_list()
    if label is not None and not _amount(label):
        size = size_of_texts(sample, table.count, label.distinct, table.source.whole)
        said = f"text column `{text.name}`, label `{label.name}` with {label.distinct} values: classification"
        data = {**table.data, "text": text.name, "label": label.name, **_split(table, "stratified")}
        return Kind("text", said, data, size, _others(rest, label, wanted))
    amount = label or _amount_among(rest)
    if amount is None:
        return None
    said = f"text column `{text.name}`, number `{amount.name}`: regression"
    data = {**table.data, "predicts": "number", "text": text.name, "label": amount.name, **_split(table, "random")}
    return Kind("sequences", said, data, size_of_texts(sample, table.count, 0), _others(rest, amount, wanted))


def _others(rest: Sequence[Column], taken: Column, wanted: str) -> tuple[str, ...]:
    others = [c.name for c in rest if c is not taken and _may_be_label(c)]
    if wanted or not others:
        return ()
    return (f"Other columns could be the label: {', '.join(others[:5])}. --label names one of them.",)


def _label(columns: Sequence[Column]) -> Column | None:
    """Return the column of the classes: one that is called so, else the last that could be."""
    may = [column for column in columns if _may_be_label(column)]
    return named(may, roles.LABELS) or (may[-1] if may else None)


def _may_be_label(column: Column) -> bool:
    if column.name.lower() in roles.IDS or column.distinct < 2:
        return False
    return column.role == "category" or (column.role == "number" and not _amount(column))


def _amount(column: Column) -> bool:
    """Whether a label is an amount, and not one of a few classes."""
    return column.role == "number" and not (column.whole and column.distinct <= min(FEW, max(2, column.rows // 3)))


def _amount_among(columns: Sequence[Column]) -> Column | None:
    numbers = [c for c in columns if c.role == "number" and c.name.lower() not in roles.IDS and c.distinct > 1]
    return named(numbers, (*roles.LABELS, "rating", "score", "price", "value")) or (numbers[-1] if numbers else None)


def _split(table: Table, otherwise: str) -> dict[str, Any]:
    given = table.given
    if given.group:
        return {"split": "grouped", "group": given.group}
    if given.time:
        return {"split": "time", "time": given.time}
    return {"split": otherwise}


# sequences of numbers


def _sequences(table: Table) -> Kind | None:
    given = table.given
    if given.horizon or given.known or given.observed:
        return None
    return _long_sequences(table) or _wide_sequences(table)


def _long_sequences(table: Table) -> Kind | None:
    """A row a step: an id that recurs, numbers, and a label that is one for each id."""
    ids = [table.column(table.given.id)] if table.given.id else _recurring(table)
    for id in ids:
        rest = [c for c in table.columns if c.name not in (id.name, table.given.time, table.given.group)]
        wanted = table.given.label or (table.given.target if not table.given.time else "")
        constant = [c for c in rest if c.distinct > 1 and (not wanted or c.name == wanted) and _constant(table, id, c)]
        label = named(constant, roles.LABELS) or next((c for c in reversed(constant) if _may_be_label(c)), None)
        label = label or (constant[0] if wanted and constant else None)
        time = table.given.time or getattr(_time(rest), "name", "")
        skipped = {c.name for c in constant} | {time}
        values = [c for c in rest if c.role == "number" and c.name not in skipped]
        if label is not None and values:
            return _long(table, id, time, label, values)
    return None


def _long(table: Table, id: Column, time: str, label: Column, values: list[Column]) -> Kind:
    amount = _amount(label)
    steps = table.frame.height / max(1, id.distinct)
    count = round(table.count / max(1.0, steps))
    what = (
        f"number `{label.name}`: regression"
        if amount
        else (f"label `{label.name}` with {label.distinct} values: classification")
    )
    at = f", time `{time}`" if time else ""
    said = f"id `{id.name}`{at}, {_listed(values)}, {what} of sequences"
    data = {
        **table.data,
        "predicts": "number" if amount else "class",
        "layout": "long",
        "id": id.name,
        "time": time,
        "values": [column.name for column in values],
        "label": label.name,
        **({"split": "grouped", "group": table.given.group} if table.given.group else {}),
        **({} if table.given.group else {"split": "random" if amount else "stratified"}),
    }
    classes = 0 if amount else label.distinct
    return Kind("sequences", said, data, Size(count, steps, classes=classes, channels=len(values)))


def _recurring(table: Table) -> list[Column]:
    """Return the columns that may say which sequence a row belongs to, the likeliest first."""
    may = [c for c in table.columns if c.role in ("category", "name", "number") and 2 <= c.distinct <= c.rows // 2]
    called = [c for c in may if c.name.lower() in roles.IDS or c.name.lower().endswith("_id")]
    return called or [c for c in may if c.role in ("category", "name") and c.name.lower() not in roles.LABELS]


def _constant(table: Table, id: Column, column: Column) -> bool:
    """Whether a column has one value for each id."""
    kinds = table.frame.group_by(id.name).agg(pl.col(column.name).n_unique())[column.name]
    return bool(kinds.max() == 1)


def _wide_sequences(table: Table) -> Kind | None:
    """A row a sequence: its numbers side by side, and a label."""
    given = table.given
    if _time(table.role("date")):
        return None
    rest = [c for c in table.columns if c.name not in (given.id, given.group)]
    wanted = given.label or given.target
    label = table.column(wanted) if wanted else _wide_label(rest)
    if label is None:
        return None
    id = given.id or next((c.name for c in rest if c.name.lower() in roles.IDS and c is not label), "")
    values = [c for c in rest if c.role == "number" and c is not label and c.name != id]
    if len(values) < WIDE:
        return None
    amount = _amount(label)
    what = (
        f"number `{label.name}`: regression"
        if amount
        else (f"label `{label.name}` with {label.distinct} values: classification")
    )
    said = f"a row a sequence, steps `{values[0].name}` to `{values[-1].name}`, {what} of sequences"
    data = {
        **table.data,
        "predicts": "number" if amount else "class",
        "layout": "wide",
        "id": id,
        "values": [column.name for column in values],
        "label": label.name,
        **_split(table, "random" if amount else "stratified"),
    }
    return Kind("sequences", said, data, Size(table.count, len(values), classes=0 if amount else label.distinct))


def _wide_label(columns: Sequence[Column]) -> Column | None:
    called = named([c for c in columns if c.distinct > 1], roles.LABELS)
    words = [c for c in columns if c.role == "category" and c.distinct > 1]
    return called or (words[-1] if words else None)


# series


def _time(columns: Sequence[Column]) -> Column | None:
    dates = [c for c in columns if c.role == "date"]
    called = [c for c in columns if c.role in ("date", "number") and c.name.lower() in roles.TIMES]
    return named(dates, roles.TIMES) or (dates[0] if dates else None) or (called[0] if called else None)


def _series(table: Table) -> Kind | None:
    given = table.given
    time = given.time or getattr(_time(table.columns), "name", "")
    taken = {time, given.group, *given.known, *given.observed, *given.static}
    rest = [c for c in table.columns if c.name not in taken]
    numbers = [c for c in rest if c.role == "number" and c.name != given.id]
    if not time:
        return _rows_of_series(table, numbers)
    if not numbers:
        return None
    id = given.id or _id_of_series(rest)
    target = given.target or _target(numbers, id)
    values = [c for c in numbers if c.name != id]
    if target:
        return _long_series(table, time, id, target)
    said = f"date `{time}`, {len(values)} series side by side ({_listed(values)}): forecasting"
    horizon = given.horizon or _horizon(table.frame, time, "")
    data = {**table.data, "layout": "columns", "time": time, "horizon": horizon}
    left = [c.name for c in rest if c not in values and c.role != "empty"]
    notes = (f"Columns of words are no series: {', '.join(left[:5])}.",) if left else ()
    return Kind("forecast", said, data, Size(table.count * len(values), table.count, len(values)), notes)


def _long_series(table: Table, time: str, id: str, target: str) -> Kind:
    given = table.given
    series = table.column(id).distinct if id else 1
    said = f"date `{time}`, value `{target}`{f', {series} series by `{id}`' if id else ''}: forecasting"
    covariates = {"known": list(given.known), "observed": list(given.observed), "static": list(given.static)}
    data = {
        **table.data,
        "layout": "long",
        "id": id,
        "time": time,
        "target": target,
        "horizon": given.horizon or _horizon(table.frame, time, id),
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
    if len(values) == 1 or (id and values):
        return (named(called, roles.VALUES) or values[-1]).name
    return called[0].name if len(called) == 1 else ""  # several are series side by side


def _horizon(frame: pl.DataFrame, time: str, id: str) -> int:
    """Return how far to look ahead: a day of hours, a fortnight of days, a year of months."""
    lengths = frame.group_by(id).len()["len"].to_numpy() if id else np.array([len(frame)])
    most = max(1, int(np.median(lengths)) // 8)
    column = frame[time]
    try:
        found = np.unique(files.moments(frame, time))
    except Exception:
        return min(12, most)
    plain = column.dtype.is_numeric() or (len(found) > 1 and abs(found).max() < 1e9)
    if plain or len(found) < 2:
        return min(12, most)
    seconds = float(np.median(np.diff(found))) / 1e6
    return min(next((ahead for limit, ahead in STEPS.items() if seconds <= limit), 6), most)


def _listed(columns: Sequence[Column]) -> str:
    names = [f"`{column.name}`" for column in columns]
    shown = names if len(names) <= 4 else [*names[:3], "...", names[-1]]
    return f"value{'s' if len(names) > 1 else ''} {', '.join(shown)}"
