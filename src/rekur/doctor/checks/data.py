"""Plain data: what is wrong with a table before any model sees it."""

from __future__ import annotations

from collections.abc import Iterator

from rekur.doctor.findings import Finding
from rekur.doctor.patient import Tables
from rekur.doctor.tables.plain import dates, encoding, labels, texts, units, values


def of_tables(tables: Tables) -> Iterator[Finding]:
    """Yield what is wrong with the encoding, the labels, the texts, the values and the dates."""
    for part in (encoding, labels, texts, values, dates, units):
        yield from part.found(tables)
