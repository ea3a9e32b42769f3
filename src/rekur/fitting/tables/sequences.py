"""Sequences of numbers with a class each, or a number: a row a step, or a row a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from rekur.fitting import roles
from rekur.fitting.kinds import Kind, Size
from rekur.fitting.roles import Column, named
from rekur.fitting.tables.series import MANY
from rekur.fitting.tables.table import Table, is_amount, listed, may_be_label, others, split, time_among

WIDE = 2  # columns of numbers, at least, that stand side by side in a row with a label
ALIKE = 0.8  # of their names differ by a number alone: columns are steps


def read(table: Table) -> Kind | None:
    """Return what to learn from a table of sequences; None where nothing is said of them."""
    given = table.given
    if given.horizon or given.known or given.observed:
        return None
    return _long_sequences(table) or _wide_sequences(table)


def last(table: Table) -> Kind | None:
    """Take the last of a table's numbers for what the others are to tell, where nothing else says what to learn."""
    given = table.given
    numbers = [c for c in table.columns if c.role == "number" and c.distinct > 1 and not c.names_rows]
    if given.columns or given.horizon or time_among(table.columns) or len(numbers) < WIDE + 1 or len(numbers) >= MANY:
        return None
    said = f"No column is called a label; the last one is taken. --label names another of {listed(numbers)[7:]}."
    found = _wide_sequences(replace(table, given=replace(given, label=numbers[-1].name)))
    return found and replace(found, notes=(said, *found.notes))


def _long_sequences(table: Table) -> Kind | None:
    """A row a step: an id that recurs, numbers, and a label that is one for each id."""
    ids = [table.column(table.given.id)] if table.given.id else _recurring(table)
    for id in ids:
        rest = [c for c in table.columns if c.name not in (id.name, table.given.time, table.given.group)]
        wanted = table.given.label or (table.given.target if not table.given.time else "")
        constant = [c for c in rest if c.distinct > 1 and (not wanted or c.name == wanted) and _constant(table, id, c)]
        label = named(constant, roles.LABELS) or next((c for c in reversed(constant) if may_be_label(c)), None)
        label = label or (constant[0] if wanted and constant else None)
        time = table.given.time or getattr(time_among(rest), "name", "")
        skipped = {c.name for c in constant} | {time}
        values = [c for c in rest if c.role == "number" and c.name not in skipped]
        if label is not None and values:
            return _long(table, id, time, label, values)
    return None


def _long(table: Table, id: Column, time: str, label: Column, values: list[Column]) -> Kind:
    amount = is_amount(label)
    steps = table.frame.height / max(1, id.distinct)
    count = round(table.count / max(1.0, steps))
    at = f", time `{time}`" if time else ""
    said = f"id `{id.name}`{at}, {listed(values)}, {_what(label)} of sequences"
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
    words = [c for c in may if c.role in ("category", "name") and c.name.lower() not in roles.LABELS]
    return called or words + [c for c in may if _in_blocks(table, c)]


def _in_blocks(table: Table, column: Column) -> bool:
    """Whether whole numbers that no dates stand beside say, block after block of rows, what the block belongs to."""
    if not column.whole or column.name.lower() in roles.TIMES or table.role("date"):
        return False
    return len(table.frame[column.name].rle()) == column.distinct


def _constant(table: Table, id: Column, column: Column) -> bool:
    """Whether a column has one value for each id."""
    kinds = table.frame.group_by(id.name).agg(pl.col(column.name).n_unique())[column.name]
    return bool(kinds.max() == 1)


def _wide_sequences(table: Table) -> Kind | None:
    """A row a sequence, or a row of unlike numbers: its numbers side by side, and a label."""
    given = table.given
    if time_among(table.role("date")):
        return None
    rest = [c for c in table.columns if c.name not in (given.id, given.group)]
    wanted = given.label or given.target
    label = table.column(wanted) if wanted else _wide_label(rest)
    if label is None:
        return None
    id = given.id or next((c.name for c in rest if c.names_rows and c is not label), "")
    values = [c for c in rest if c.role == "number" and c is not label and not (c.names_rows and c.distinct == c.rows)]
    values = [c for c in values if c.name != id]
    if len(values) < WIDE:
        return None
    amount, alike = is_amount(label), _alike(values)
    if not (alike or wanted) and time_among(table.columns):
        return None  # a row a time: series
    if alike:
        said = f"a row a sequence, steps `{values[0].name}` to `{values[-1].name}`, {_what(label)} of sequences"
    else:
        said = f"a row an example, {listed(values)}, {_what(label)}"
    data = {
        **table.data,
        "predicts": "number" if amount else "class",
        "layout": "wide",
        "alike": alike,
        "id": id,
        "values": [column.name for column in values],
        "label": label.name,
        **split(table, "random" if amount else "stratified"),
    }
    steps, classes = len(values) if alike else 1, 0 if amount else label.distinct
    size = Size(table.count, steps, classes=classes, channels=1 if alike else len(values))
    left = [c.name for c in rest if c is not label and c not in values and c.name != id and c.role != "empty"]
    notes = (f"Not read, as they are no numbers: {', '.join(left[:5])}.",) if left else ()
    return Kind("sequences", said, data, size, (*notes, *others(rest, label, wanted, values)))


def _what(label: Column) -> str:
    if is_amount(label):
        return f"number `{label.name}`: regression"
    return f"label `{label.name}` with {label.distinct} values: classification"


def _alike(values: Sequence[Column]) -> bool:
    """Whether columns are the steps of one thing: nearly all names differ by a number alone."""
    patterns = [column.pattern for column in values]
    return max(patterns.count(pattern) for pattern in set(patterns)) >= ALIKE * len(values)


def _wide_label(columns: Sequence[Column]) -> Column | None:
    """Return the column of the label: called so, or of words, or the one whose name is unlike those of the steps."""
    may = [c for c in columns if c.distinct > 1 and not c.names_rows]
    words = [c for c in may if c.role == "category"]
    numbers = [c for c in may if c.role == "number"]
    called = named([c for c in may if c.role in ("category", "number")], roles.LABELS)
    if called or words or not numbers:
        return called or (words[-1] if words else None)
    odd = [c for c in numbers if sum(c.pattern == other.pattern for other in numbers) == 1]
    return odd[0] if len(odd) == 1 and len(numbers) > WIDE and _alike(numbers) else None
