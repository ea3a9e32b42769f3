"""What each column of a table is: text, category, number, date or name, judged by its first rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from rekur.data import files
from rekur.errors import DataError

Role = Literal["empty", "number", "date", "text", "category", "name"]

MOSTLY = 0.9  # of the values, which make a column one of numbers or dates: the task names the others as faults
LONG_TEXT = 20  # characters of a mean value from which on it is a text
WORDS = 3.0  # words of a mean value from which on it is a text
DATE = r"^\s*(\d{4}[-/.]?\d{2}([-/.]?\d{2})?|\d{1,2}[./]\d{1,2}[./]\d{4})([ T].*)?\s*$"
TRIED = 1000  # values of a column read for its role

LABELS = (
    *("label", "labels", "class", "target", "sentiment", "category", "tag", "topic", "intent", "y", "output"),
    *("species", "type", "language", "genre", "emotion", "activity", "state", "fault", "condition", "failure"),
)
TEXTS = (
    *("text", "review", "document", "sentence", "comment", "message", "content", "body", "tweet", "question"),
    *("description", "title"),
)
NAMES = (*TEXTS, "name", "names", "word", "term", "phrase", "first_name", "surname", "last_name", "product")
TIMES = ("ds", "date", "time", "timestamp", "datetime", "step", "t", "month", "day", "year", "hour", "tick", "frame")
IDS = (
    *("unique_id", "id", "series_id", "seq_id", "sequence_id", "sequence", "seq", "series", "item_id", "item"),
    *("sensor", "sensor_id", "subject", "session", "session_id", "unit", "machine", "device", "trial", "user"),
    *("user_id", "store", "patient", "engine", "sample", "sample_id", "recording", "ts_id"),
)
ROW_NUMBERS = ("#", "no", "nr", "row", "index", "column_1", "unnamed:_0", "rownames")  # names of rows, or none
NAMELESS = ("column_1", "unnamed: 0", "rownames")  # what a first column without a name is called
PARTS = ("split", "fold", "partition", "subset", "part")  # say how somebody split the rows, and are no label
VALUES = ("y", "value", "target", "sales", "close", "price", "demand", "load", "count", "temperature", "passengers")


ORDINAL = re.compile(r"\d+")


@dataclass(frozen=True)
class Column:
    """A column, as its first rows show it."""

    name: str
    role: Role
    distinct: int
    rows: int  # that have a value
    characters: float = 0.0  # of a value, on the mean
    words: float = 0.0
    whole: bool = False  # numbers: all are whole
    lead: float = 0.0  # share of the values that are distinct

    @property
    def names_rows(self) -> bool:
        """Whether it is called as an id is: `ID`, `Patient ID`, `item_id`, or as nothing is: the number of a row."""
        words = self.name.lower().replace("_", " ").replace("-", " ").split()
        plain = "_".join(words)
        return plain in IDS or words[-1:] in (["id"], ["index"]) or plain in ROW_NUMBERS

    @property
    def only_names_rows(self) -> bool:
        """Whether it is the column that programs write before the first one: the number or the name of each row."""
        return self.name.lower() in NAMELESS and self.distinct == self.rows

    @property
    def pattern(self) -> str:
        """Return its name without the numbers in it: the steps of a sequence share one, `t0`, `t1` ..."""
        return ORDINAL.sub("#", self.name)


def roles(frame: pl.DataFrame) -> list[Column]:
    """Return what each column of the table is."""
    return [_column(frame[name]) for name in frame.columns]


def _column(column: pl.Series) -> Column:
    name, dtype = column.name, column.dtype
    if dtype == pl.String:
        return _of_words(column)
    there = column.drop_nulls()
    distinct, share = there.n_unique(), there.n_unique() / max(1, len(there))
    if not len(there):
        return Column(name, "empty", 0, 0)
    if dtype.is_temporal():
        return Column(name, "date", distinct, len(there), lead=share)
    if dtype.is_numeric():
        whole = bool((there.cast(pl.Float64) % 1 == 0).all())
        return Column(name, "number", distinct, len(there), whole=whole, lead=share)
    if dtype == pl.Boolean:
        return Column(name, "category", distinct, len(there), lead=share)
    raise DataError(f"Column `{name}` holds {dtype}; expected texts, numbers or dates. Write its parts as columns.")


def _of_words(column: pl.Series) -> Column:
    plain = column.str.strip_chars()
    there = plain.filter(plain.is_not_null() & ~plain.str.to_lowercase().is_in(files.MISSING))
    name, rows, distinct = column.name, len(there), there.n_unique()
    if not rows:
        return Column(name, "empty", 0, 0)
    some, lead = there.head(TRIED), distinct / rows
    numbers = some.cast(pl.Float64, strict=False)
    if _dated(some, name):
        return Column(name, "date", distinct, rows, lead=lead)
    if numbers.is_not_null().mean() >= MOSTLY:  # type: ignore[operator]
        whole = bool((numbers.drop_nulls() % 1 == 0).all())
        return Column(name, "number", distinct, rows, whole=whole, lead=lead)
    characters = float(some.str.len_chars().mean() or 0)  # type: ignore[arg-type]
    words = float(some.str.count_matches(r"\S+").mean() or 0)  # type: ignore[arg-type]
    if (characters >= LONG_TEXT or words >= WORDS) and (lead > 0.3 or distinct > 200):
        return Column(name, "text", distinct, rows, characters, words, lead=lead)
    few = distinct <= max(2, min(300, rows // 3)) or (name.lower() in LABELS and lead < 0.5)
    return Column(name, "category" if few else "name", distinct, rows, characters, words, lead=lead)


def _dated(some: pl.Series, name: str) -> bool:
    looks = some.str.contains(DATE).mean()
    if looks is None or float(looks) < MOSTLY:  # type: ignore[arg-type]
        return False
    if files.in_numbers(some) and name.lower() not in TIMES:  # 20240131 may be a number, too
        return False
    try:
        files.moments(pl.DataFrame({name: some.filter(some.str.contains(DATE))}), name)
    except DataError:
        return name.lower() in TIMES
    return True


def named(columns: Iterable[Column], names: Sequence[str]) -> Column | None:
    """Return the column that bears the first of the usual `names` that any bears."""
    by_name = {column.name.lower().strip().replace(" ", "_"): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), None)
