"""What a table is: texts with classes or numbers, sequences of values with them, or series to forecast."""

from __future__ import annotations

from rekur.data import files
from rekur.data.sources import Source
from rekur.errors import RequestError
from rekur.fitting import roles
from rekur.fitting.kinds import Given, Kind
from rekur.fitting.tables import sequences, series, texts, unclear
from rekur.fitting.tables.table import Table


def recognise(source: Source, given: Given) -> Kind:
    """Say what the table is; raises RequestError where its columns do not say it."""
    frame, count = source.first()
    for name in given.columns:
        files.check_column(frame, name)
    columns = [column for column in roles.roles(frame) if column.name in given.columns or not column.only_names_rows]
    table = Table(frame, count, columns, given, source)
    readers = {"text": texts.read, "sequences": sequences.read, "forecast": series.read}
    if given.task:
        if given.task not in readers:
            raise RequestError(f"--task {given.task} does not learn from a table. Tables are for {', '.join(readers)}.")
        found = texts.read(table) or sequences.read(table) if given.task == "sequences" else readers[given.task](table)
    else:
        found = (
            texts.read(table)
            or sequences.read(table)
            or series.read(table)
            or texts.names(table)
            or sequences.last(table)
        )
    if found is None:
        raise RequestError(unclear.said(table))
    return found
