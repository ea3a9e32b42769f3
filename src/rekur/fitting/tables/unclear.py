"""Why a table cannot be learned from: what is wrong with it, or, where nothing is, what its columns look like."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from rekur.fitting import roles
from rekur.fitting.roles import Column, named
from rekur.fitting.tables.table import Table

COMMAS = r"^-?\d{1,3}([.,' ]\d{3})*([.,]\d+)?$"  # 1,234 and 3,14: numbers of people, and none of a table
SOME = 0.3  # share of the values that are numbers, from which the others look like slips


def said(table: Table) -> str:
    """Return what is wrong with a table, and what to do."""
    return next(_reasons(table), _columns(table))


def _reasons(table: Table) -> Iterator[str]:
    path, frame = table.source.path, table.frame
    if len(frame) == 1:
        yield f"{path} has 1 row; expected enough to learn from, to validate and to test, 20 at the least. Give more."
    if len(table.columns) == 1:
        yield (
            f"{path} has 1 column, `{table.columns[0].name}`; expected what to learn beside what to learn it from. "
            "Columns may stand apart by commas, semicolons, tabs or bars."
        )
    for column in _meant(table):
        if not column.rows:
            yield f"{path}: column `{column.name}` has no value in any row. Fill it, or name another."
        if column.distinct == 1:
            only = frame[column.name].drop_nulls()[0]
            yield (
                f"{path}: column `{column.name}` has 1 value only, `{only}`, in all rows; expected 2 or more. Give "
                "rows of another one, or name another column with --label or --target."
            )
    for column in table.role("name"):
        if fault := _nearly_numbers(frame[column.name]):
            yield f"{path}: column `{column.name}` {fault}"


def _meant(table: Table) -> Iterator[Column]:
    """Yield the columns that the caller names, or that are called as what is learned and what it is learned from."""
    given = table.given
    for name, usual in ((given.label, roles.LABELS), (given.text, roles.TEXTS), (given.target, roles.VALUES)):
        if found := table.column(name) if name else named(table.columns, usual):
            yield found


def _nearly_numbers(column: pl.Series) -> str:
    plain = column.str.strip_chars().drop_nulls().head(roles.TRIED)
    if plain.str.contains(COMMAS).all():
        return (
            f"holds `{plain[0]}`, which is no number in a table: write 1234.5, a point before the decimals and nothing "
            "between thousands."
        )
    wrong = plain.cast(pl.Float64, strict=False).is_null()
    if 1 - float(wrong.mean() or 0) < SOME:  # type: ignore[arg-type]
        return ""
    return (
        f"is one of numbers and words: {wrong.sum():,} of its first {len(plain):,} values are no numbers, the first "
        f"is `{plain.filter(wrong)[0]}`. Leave empty what is missing."
    )


def _columns(table: Table) -> str:
    shown = ", ".join(f"{column.name} ({column.role})" for column in table.columns[:12])
    return (
        f"{table.source.path}: its columns do not say what to learn: {shown}. Name them: --text and --label for texts; "
        "--time and --target for series; --id and --label for sequences; or the kind of work with --task."
    )
