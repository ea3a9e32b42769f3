"""Values: columns that never change, what is missing, and numbers that stand for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from rekur.data.files import MISSING
from rekur.doctor.findings import Finding, Severity
from rekur.doctor.patient import Floats, Tables
from rekur.doctor.tables.plain import parts
from rekur.wording import counted, form, some

# What is written into a number's place to say that there is none.
SENTINELS = (-999, -9999, -99999, 999, 9999, 99999, 999999, -99, -9, -32768, 32767, -999.9, -99.9, 999.9, 9999.9, 1e20)
EMPTY_WARNS = 0.01  # share of texts that are empty
MISSING_WARNS = 0.05  # share of a column's numbers; whoever trains on fewer has to fill them, and knows
WIDE = 50  # columns from which some are constant by nature, as the edges of an image
NEARLY = 0.95  # share of values that are numbers from which the others look like slips


def found(tables: Tables) -> Iterator[Finding]:
    """Yield constant columns, missing values and sentinels."""
    yield from _constant(tables)
    for part, frame in parts(tables):
        yield from _texts(tables, part, frame)
        yield from _labels(tables, part, frame)
        yield from _missing(tables, part, frame)
        yield from _slips(tables, part, frame)
    yield from _sentinels(tables)


def _constant(tables: Tables) -> Iterator[Finding]:
    if len(tables.train) < 10:
        return
    names = [
        column.name
        for column in tables.train.get_columns()
        if not column.dtype.is_nested()
        and column.name not in (tables.label, tables.text)
        and column.null_count() < len(column)
        and column.drop_nulls().n_unique() == 1
        and not column.null_count()
    ]
    if not names:
        return
    numeric = [name for name in names if tables.train[name].dtype.is_numeric()]
    features = tables.text is None and numeric and len(tables.train.columns) < WIDE
    yield Finding(
        "RK-DATA-08",
        "warning" if features else "note",
        f"Constant: {some(names)} {'has' if len(names) == 1 else 'have'} one value only"
        + (f" ({tables.train[names[0]][0]!r})." if len(names) == 1 else "."),
        "Leave constant columns out: they teach nothing, and scaling by their range or deviation divides by zero.",
        {"columns": names[:50], "numeric": numeric[:50]},
    )


def _texts(tables: Tables, part: str, frame: pl.DataFrame) -> Iterator[Finding]:
    if tables.text not in frame.columns or frame[tables.text].dtype != pl.String:
        return
    texts = frame[tables.text].fill_null("").str.strip_chars()
    empty = texts == ""
    written = texts.str.to_lowercase().is_in(["nan", "null", "none", "n/a"])
    count, named = int(empty.sum()), int(written.sum())
    if count:
        yield Finding(
            "RK-DATA-09",
            "warning" if count / len(texts) >= EMPTY_WARNS and count > 1 else "note",
            f"{count:,} of {counted(len(texts), 'text')} of {part} {form(count, 'is', 'are')} empty.",
            "Leave them out, or make sure that a text of length 0 gets an answer that means something.",
            {
                "column": tables.text,
                "rows": count,
                "share": count / len(texts),
                "first_row": int(empty.arg_max() or 0) + 1,
            },
        )
    if named > 1:
        yield Finding(
            "RK-DATA-09",
            "warning",
            f"{named:,} texts of {part} are only the word for a missing value, such as `{texts.filter(written)[0]}`.",
            "Leave them out: they were empty before some program wrote the word for it.",
            {"column": tables.text, "rows": named, "first_row": _row(written)},
        )


def _row(chosen: pl.Series) -> int:
    return int(chosen.arg_max() or 0) + 1


def _labels(tables: Tables, part: str, frame: pl.DataFrame) -> Iterator[Finding]:
    if tables.label not in frame.columns:
        return
    count = int(_nothing(frame[tables.label]).sum())
    if count and count < len(frame):
        yield Finding(
            "RK-DATA-09",
            "fault",
            f"{count:,} of {counted(len(frame), 'example')} of {part} {form(count, 'has', 'have')} no label.",
            "Label them or leave them out: a missing label becomes a class of its own, or a loss that is no number.",
            {"column": tables.label, "rows": count, "share": count / len(frame)},
        )


def _nothing(column: pl.Series) -> pl.Series:
    """Which values are missing: null, no number, or a word that says so."""
    nothing = column.is_null()
    if column.dtype.is_float():
        nothing = nothing | ~column.is_finite().fill_null(False)
    if column.dtype == pl.String:
        nothing = nothing | column.str.strip_chars().str.to_lowercase().is_in(MISSING).fill_null(True)
    return nothing


def _missing(tables: Tables, part: str, frame: pl.DataFrame) -> Iterator[Finding]:
    counts = {}
    for column in frame.get_columns():
        if column.name not in (tables.text, tables.label) and not column.dtype.is_nested():
            count = int(_nothing(column).sum())
            if count:
                counts[column.name] = count
    # Where texts are read, the other columns are not.
    numeric = [n for n in counts if frame[n].dtype.is_numeric() and counts[n] < len(frame) and tables.text is None]
    many = [name for name in numeric if counts[name] > MISSING_WARNS * len(frame)]
    severity: Severity = "warning" if many or tables.time in counts else "note"
    if not counts:
        return
    order = sorted(counts, key=lambda name: -counts[name])
    shown = ", ".join(f"{counts[name]:,} in `{name}`" for name in order[:4])
    yield Finding(
        "RK-DATA-09",
        severity,
        f"Missing values in {part}, of {len(frame):,} rows: {shown}"
        + (f", and in {counted(len(order) - 4, 'more column')}." if len(order) > 4 else "."),
        "Fill them from the past of each series or leave the rows out: one missing number makes the whole loss no "
        "number.",
        {"columns": {name: counts[name] for name in order[:50]}, "rows": len(frame)},
    )


def _slips(tables: Tables, part: str, frame: pl.DataFrame) -> Iterator[Finding]:
    """A column of numbers in which a few values are not: it stays a column of words as a whole."""
    for column in frame.get_columns():
        if column.dtype != pl.String or column.name in (tables.text, tables.label, tables.time) or len(column) < 20:
            continue
        given = column.filter(~_nothing(column)).str.strip_chars()
        wrong = given.filter(given.cast(pl.Float64, strict=False).is_null())
        if 0 < len(wrong) <= (1 - NEARLY) * len(given) and given.n_unique() > 20:
            yield Finding(
                "RK-DATA-09",
                "warning",
                f"Column `{column.name}` of {part} holds numbers but for {len(wrong):,} of {len(given):,} values, the "
                "first "
                f"of them `{wrong[0]}`; as a whole it is read as words.",
                "Correct these values, or turn them into missing ones.",
                {
                    "column": column.name,
                    "rows": len(wrong),
                    "examples": wrong.unique(maintain_order=True)[:5].to_list(),
                },
            )


def _sentinels(tables: Tables) -> Iterator[Finding]:
    for column in tables.train.get_columns():
        if not column.dtype.is_numeric() or column.name in (tables.label, tables.time, tables.group):
            continue
        values = column.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
        for value in SENTINELS:
            count = int((values == value).sum())
            if count and _stands_apart(values, value, count):
                yield Finding(
                    "RK-DATA-09",
                    "fault",
                    f"Column `{column.name}` holds {value:g} {'once' if count == 1 else f'{count:,} times'}, far from "
                    "its "
                    "other values: it stands for a missing value and is read as a number.",
                    f"Turn {value:g} into a missing value before anything is scaled, then fill it or leave the row "
                    "out.",
                    {"column": column.name, "value": value, "rows": count, "others": _range(values, value)},
                )


def _range(values: Floats, value: float) -> list[float]:
    rest = values[values != value]
    return [float(rest.min()), float(rest.max())]


def _stands_apart(values: Floats, value: float, count: int) -> bool:
    """Whether `value` lies outside the others by more than their range; by much more if it is there only once."""
    rest = values[~np.isin(values, SENTINELS) | ((values != value) & (np.abs(values) < abs(value) / 5))]
    if len(np.unique(rest)) < 10 or count > 0.5 * len(values):
        return False
    low, high = float(rest.min()), float(rest.max())
    distance = max(low - value, value - high)
    return distance > (high - low) * (1.0 if count > 1 else 3.0)
