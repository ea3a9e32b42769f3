"""What the check of plain data looks at, one file each: each has a function `found` of the tables."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from rekur.doctor.patient import Tables


def parts(tables: Tables) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the parts of the data and what to call them in a sentence."""
    yield ("the training part" if tables.test is not None else "the table"), tables.train
    if tables.test is not None:
        yield "the test part", tables.test
