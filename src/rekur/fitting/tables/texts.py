"""Texts with a class each, or a number."""

from __future__ import annotations

from rekur.data import files
from rekur.fitting import roles
from rekur.fitting.kinds import Kind, size_of_texts
from rekur.fitting.roles import Column, named
from rekur.fitting.tables.table import Table, amount_among, is_amount, label_among, others, split


def read(table: Table) -> Kind | None:
    """Return what to learn from a table that has texts; None where it has none, or nothing is said of them."""
    given = table.given
    if given.horizon or given.known or given.observed or (given.time and given.target and not given.text):
        return None
    texts = [table.column(given.text)] if given.text else table.role("text")
    if not texts:
        return None
    text = named(texts, roles.TEXTS) or max(texts, key=lambda column: column.characters)
    return _labelled(table, text)


def names(table: Table) -> Kind | None:
    """Short texts, as names, each with a class or a number: those called so, else the longest."""
    words = [table.column(table.given.text)] if table.given.text else table.role("name")
    words = [column for column in words if not column.names_rows and column.name != table.given.label]
    if not words:
        return None
    return _labelled(table, named(words, roles.NAMES) or max(words, key=lambda column: column.characters))


def _labelled(table: Table, text: Column) -> Kind | None:
    given = table.given
    rest = [column for column in table.columns if column.name not in (text.name, given.time, given.group, given.id)]
    wanted = given.label or given.target
    label = table.column(wanted) if wanted else label_among(rest)
    sample = files.text_column(table.frame, text.name).head(500).to_list()
    if label is not None and not is_amount(label):
        size = size_of_texts(sample, table.count, label.distinct, table.source.whole)
        said = f"text column `{text.name}`, label `{label.name}` with {label.distinct} values: classification"
        data = {**table.data, "text": text.name, "label": label.name, **split(table, "stratified")}
        return Kind("text", said, data, size, others(rest, label, wanted))
    amount = label or amount_among(rest)
    if amount is None:
        return None
    said = f"text column `{text.name}`, number `{amount.name}`: regression"
    data = {**table.data, "predicts": "number", "text": text.name, "label": amount.name, **split(table, "random")}
    return Kind("sequences", said, data, size_of_texts(sample, table.count, 0), others(rest, amount, wanted))
