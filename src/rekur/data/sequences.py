"""Numeric sequences of a user's own: from a long table, a wide one, or an array, each with what is said of it.

A long table has a row a step, its id saying which sequence the step belongs to; a wide one a row a sequence, its
columns the steps; an array is (N, T) or (N, T, I). A value that is missing becomes NaN.
"""

from __future__ import annotations

import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data import files
from rekur.data.ragged import Ragged
from rekur.errors import DataError, in_a_line
from rekur.wording import counted

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

STEP = "value"  # how the one column of a wide table's steps is called


@dataclass(frozen=True)
class Named:
    """A sequence to predict, and the id its prediction is to bear."""

    id: str
    values: Floats  # (T, I), NaN where nothing was measured


@dataclass(frozen=True)
class Written:
    """N texts, and a row about each: what a model reads in place of numbers."""

    values: pl.Series  # (N,) texts
    about: pl.DataFrame


@dataclass(frozen=True)
class Sequences:
    """N sequences of numbers, none without a step, and a row about each."""

    values: Ragged  # (S, I) float64, NaN where nothing was measured
    columns: tuple[str, ...]  # (I,) what is measured
    about: pl.DataFrame  # (N,) `id`, and what was asked for: label, group; of a long table the time of the last step
    left_out: tuple[str, ...] = ()  # columns that hold no numbers and were not asked for

    def named(self, begin: int = 0, end: int | None = None) -> list[Named]:
        """Return each sequence of a span with its id."""
        ids = self.about["id"][begin:end].to_list()
        return [Named(str(name), np.array(self.values[begin + place])) for place, name in enumerate(ids)]


def long(
    frame: pl.DataFrame, id: str, time: str = "", values: Sequence[str] = (), about: Sequence[str] = ()
) -> Sequences:
    """Read a long table: a row a step.

    Args:
        frame: the table.
        id: its column of ids; steps of one id are one sequence, wherever they stand.
        time: its column of times or numbers, by which the steps are ordered; "": they stand in their order.
        values: its columns of values; (): every other one that holds numbers.
        about: columns that say one thing of a whole sequence: its label, its group.

    Raises:
        DataError: a column that is not there, a row without an id or time, one time twice in a sequence, a value that
            is no number, a sequence of which `about` says two things, or none.
    """
    numbers, names = _numbered(frame, id)
    moments = files.moments(frame, time) if time else np.arange(len(frame), dtype=np.float64)
    order = np.lexsort((moments, numbers))
    if time:
        _check_once(frame, id, time, order, numbers[order], moments[order])
    chosen, left_out = choose(frame, values, {id, time, *about})
    table = measured_of(frame, chosen)[order]
    lengths = np.bincount(numbers, minlength=len(names))
    said = pl.DataFrame({"id": names}).with_columns(
        said_of(_column(frame, name), id, numbers, names) for name in about if name
    )
    if time:
        ends = np.cumsum(lengths) - 1
        said = said.with_columns(pl.Series(time, moments[order][ends]))
    return Sequences(Ragged.from_lengths(table, lengths), tuple(chosen), said, left_out)


def wide(
    frame: pl.DataFrame, id: str = "", values: Sequence[str] = (), about: Sequence[str] = (), alike: bool = True
) -> Sequences:
    """Read a wide table: a row a sequence, its columns the steps in their order; values missing at its end are none.

    Columns that are not `alike`, as a height and a weight, are one step of so many columns.

    Raises DataError for a column that is not there, or a value that is no number.
    """
    chosen, left_out = choose(frame, values, {id, *about})
    table = measured_of(frame, chosen)
    names = _column(frame, id).cast(pl.String) if id else numbered(len(frame))
    said = pl.DataFrame({"id": names}).with_columns(_column(frame, name).alias(name) for name in about)
    if not alike:
        return Sequences(cut_behind(table[:, None, :]), tuple(chosen), said, left_out)
    return Sequences(cut_behind(table[:, :, None]), (STEP,), said, left_out)


def stacked(values: NDArray[Any], who: str) -> Sequences:
    """Take an array (N, T), or (N, T, I), of numbers; NaN is a missing value, and those at an end are none.

    Raises DataError for another shape, for what is no number, and for infinite values. `who` names it in errors.
    """
    if values.dtype.kind not in "fiub" or values.ndim not in (2, 3) or 0 in values.shape:
        raise DataError(
            f"{who} must hold (N, T) or (N, T, I) numbers, none of the sizes 0; got {values.shape} of {values.dtype}."
        )
    table: Floats = values.astype(np.float64).reshape(*values.shape[:2], -1)
    infinite = np.isinf(table).any(axis=(1, 2))
    if infinite.any():
        row = int(infinite.argmax())
        raise DataError(
            f"{who} holds infinite values; the first is in sequence {row + 1}. Write NaN where one is missing."
        )
    columns = tuple(f"{STEP}_{place + 1}" for place in range(table.shape[2])) if table.shape[2] > 1 else (STEP,)
    return Sequences(cut_behind(table), columns, pl.DataFrame({"id": numbered(len(table))}))


def array(path: Path, mapped: bool = False) -> NDArray[Any]:
    """Return the array of a .npy file, or, `mapped`, where it lies on the disk.

    Raises DataError where it is none, is shorter than it says, or holds anything but numbers; nothing is unpickled.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped first: a shape may ask for more than there is
    except (OSError, EOFError, ValueError, OverflowError, tokenize.TokenError) as error:
        other = any(word in str(error) for word in ("pickle", "Python objects"))
        why = "it begins otherwise, or holds Python objects, which rekur never reads" if other else in_a_line(error)
        raise DataError(f"{path} is no .npy file of numbers: {why}. Write it with numpy.save.") from None
    if not isinstance(found, np.ndarray):
        raise DataError(f"{path} is an archive of several arrays; expected a single one. Write it with numpy.save.")
    if found.dtype.kind not in "biuf":
        raise DataError(f"{path} must hold real numbers; got {found.dtype}. Convert it, and write it with numpy.save.")
    return found if mapped else np.array(found)


def labels(path: Path, count: int) -> pl.Series:
    """Return what is said of each of `count` sequences: a .npy file of (N,), or a text file with one a line.

    Raises DataError where the file cannot be read, or says more or less than N things.
    """
    if path.suffix.lower() == ".npy":
        given = array(path)
        if given.ndim != 1:
            raise DataError(f"{path} must hold (N={count},) labels; got {given.shape}.")
        found = pl.Series("label", given)
    else:
        found = pl.Series("label", files.read_lines(path))
    if len(found) != count:
        raise DataError(f"{path} holds {len(found)} labels for {count} sequences; expected one each, in their order.")
    return found


def cut_behind(table: Floats) -> Ragged:
    """Return the sequences of (N, T, I) without the steps at their end at which nothing was measured, but one."""
    known = np.logical_not(np.all(np.isnan(table), axis=2))  # (N, T)
    T = table.shape[1]
    lengths = np.where(known.any(axis=1), T - known[:, ::-1].argmax(axis=1), 1)
    return Ragged.from_lengths(table[np.arange(T) < lengths[:, None]], lengths)


def numbered(count: int) -> pl.Series:
    """Return the ids of sequences that have none: 1, 2, 3 ..."""
    return pl.Series("id", np.arange(1, count + 1)).cast(pl.String)


def measured(column: pl.Series) -> Floats:
    """Return a column of numbers (S,), NaN where one is missing; raise DataError for what is no number."""
    numbers, wrong = _read(column)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"Column `{column.name}`: {int(wrong.sum())} of {len(column)} values are no finite numbers; the first is "
            f"`{column[row]}` in row {row + 1}. Correct them, or leave them empty."
        )
    return numbers


def measured_of(frame: pl.DataFrame, names: Sequence[str]) -> Floats:
    """Return columns of numbers (S, I); see `measured`."""
    return np.stack([measured(_column(frame, name)) for name in names], axis=1)


def _read(column: pl.Series) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the numbers of a column, NaN where there is none, and where something else is written."""
    if column.dtype == pl.String:
        plain = column.str.strip_chars()
        absent = (plain.is_null() | plain.str.to_lowercase().is_in(files.MISSING)).fill_null(True).to_numpy()
        numbers = plain.cast(pl.Float64, strict=False)
    elif column.dtype.is_numeric() or column.dtype in (pl.Null, pl.Boolean):
        numbers = column.cast(pl.Float64)
        absent = (numbers.is_null() | numbers.is_nan()).fill_null(True).to_numpy()
    else:
        return np.full(len(column), np.nan), np.ones(len(column), bool)
    found = numbers.fill_null(np.nan).to_numpy().astype(np.float64)
    return np.where(absent, np.nan, found), ~absent & ~np.isfinite(found)


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    files.check_column(frame, name)
    return frame[name]


def choose(frame: pl.DataFrame, values: Sequence[str], others: set[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the columns of values, and those left out: where none is named, every other one of mostly numbers."""
    if values:
        twice = [name for name in values if name in others]
        if twice:
            raise DataError(f"Column `{twice[0]}` cannot be a value and the id, time or label, too. Name it once.")
        return list(values), ()
    chosen: list[str] = []
    left_out: list[str] = []
    for name in frame.columns:
        if name in others:
            continue
        numbers, wrong = _read(frame[name])
        meant = 2 * int(np.isfinite(numbers).sum()) > len(numbers) - int((np.isnan(numbers) & ~wrong).sum())
        (chosen if meant else left_out).append(name)
    if not chosen:
        raise DataError(f"No column holds numbers besides {_listed(others)}; there are {_listed(frame.columns)}.")
    return chosen, tuple(left_out)


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names if name) or "none"


def _numbered(frame: pl.DataFrame, id: str) -> tuple[Rows, pl.Series]:
    """Return the number of the sequence of each row (S,), by first appearance, and the ids (N,)."""
    column = ids_of(frame, id)
    names = pl.DataFrame({"id": column.unique(maintain_order=True)}).with_row_index("number")
    joined = pl.DataFrame({"id": column}).join(names, on="id", how="left", maintain_order="left")
    return joined["number"].to_numpy().astype(np.int64), names["id"]


def ids_of(frame: pl.DataFrame, id: str) -> pl.Series:
    """Return the id of each row (S,) as a string; raise DataError for a row without one."""
    column = _column(frame, id).cast(pl.String)
    if column.null_count():
        row = int(column.is_null().arg_max() or 0) + 1
        raise DataError(
            f"Column `{id}`: {counted(column.null_count(), 'row')} with no id, the first is row {row}. "
            "Fill or drop them."
        )
    return column


def _check_once(frame: pl.DataFrame, id: str, time: str, order: Rows, numbers: Rows, moments: Floats) -> None:
    same = (np.diff(numbers) == 0) & (np.diff(moments) == 0)
    if same.any():
        row = int(order[int(same.argmax()) + 1])
        raise DataError(
            f"Column `{time}`: the sequence `{frame[id][row]}` has the time `{frame[time][row]}` twice, the second "
            f"time in row {row + 1}. Keep one row of each time."
        )


def said_of(column: pl.Series, id: str, numbers: Rows, names: Sequence[str] | pl.Series) -> pl.Series:
    """Return what a column (S,) says of each sequence (N,), on one of its rows or on all; `numbers` (S,) has whose."""
    name = column.name
    found = (
        pl.DataFrame({"number": numbers, "said": column})
        .group_by("number")
        .agg(pl.col("said").drop_nulls().unique(maintain_order=True))
        .sort("number")["said"]
    )
    several = found.list.len().to_numpy() > 1
    if several.any():
        place = int(several.argmax())
        first, second = found[place][0], found[place][1]
        raise DataError(
            f"Column `{name}`: the sequence `{names[place]}` has two values, `{first}` and `{second}`; expected one "
            f"for all its rows. If `{name}` changes from step to step, it is a value, or `{id}` is not the id."
        )
    return found.list.first().alias(name)
