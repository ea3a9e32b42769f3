"""What every task on a file of your own has in common: where the file is, and which of its rows train and test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.config import Settings
from rekur.data import splits
from rekur.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

Rows = NDArray[np.int64]
Parts = dict[str, Rows]  # "train", "validation" and "test" -> rows, the last two perhaps empty


class OwnFile(Settings):
    """The settings of `[data]` that say where a user's table is and how its rows are split.

    A task's own class inherits from this one and adds `set` and the names of its columns.
    """

    path: str = Field("", description="with set = files: the file, or folder, to learn from")
    test: float = Field(0.2, ge=0, lt=1, description="share of the rows the model is judged on; read once, at the end")
    validation: float = Field(0.15, ge=0, lt=1, description="share of the rows that says when to stop")
    split: Literal["random", "stratified", "grouped", "time"] = Field(
        "random",
        description="stratified: every class in every part; grouped: no group in two parts; time: the newest rows test",
    )
    group: str = Field("", description="split = grouped: the column whose values stay in one part each")
    time: str = Field("", description="split = time: the column of dates or numbers that says which rows are newest")
    folds: int = Field(0, ge=0, le=100, description="cross-validation: parts the rows are dealt into; 0: none")
    fold: int = Field(0, ge=0, description="which of the folds is tested, from 0")
    split_seed: int = Field(-1, ge=-1, description="of the split; -1: the run's seed")


def contradictions(data: OwnFile) -> Iterator[str]:
    """Yield a sentence for each contradiction of the settings; a task with set = files yields them in `faults`."""
    if not data.path:
        yield 'data.path: with data.set = "files" it names the file to learn from.'
    if data.split == "grouped" and not data.group:
        yield 'data.group: with data.split = "grouped" it names the column of the groups.'
    if data.group and data.split != "grouped":
        yield f'data.group needs data.split = "grouped"; it is "{data.split}". Change that, or leave data.group out.'
    if data.split == "time" and not data.time:
        yield 'data.time: with data.split = "time" it names the column of the dates.'
    if not data.folds and data.test + data.validation >= 1:
        yield "data.test and data.validation must be less than 1 together, or nothing is left to train on."
    if data.folds == 1:
        yield "data.folds must be 2 or more, or 0 for a single split."
    if data.fold and data.fold >= data.folds:
        yield f"data.fold must be below data.folds ({data.folds}); got {data.fold}. It counts from 0."


@dataclass(frozen=True)
class Keys:
    """What the split of N examples looks at; None where there is no such thing."""

    strata: NDArray[np.int64] | None = None  # (N,) the class of each
    groups: NDArray[np.int64] | None = None  # (N,) the number of its group
    moments: NDArray[Any] | None = None  # (N,) its time
    copies: NDArray[np.integer[Any]] | None = None  # (N,) equal for copies of one example, which stay in one part


def keys(data: OwnFile, frame: pl.DataFrame, strata: NDArray[np.int64] | None = None) -> Keys:
    """Return the groups and times of a table's rows, where `data` asks for them; raises DataError for a bad column."""
    from rekur.data import files

    groups = files.codes(frame, data.group) if data.split == "grouped" else None
    moments = files.moments(frame, data.time) if data.split == "time" else None
    return Keys(strata, groups, moments)


def parts(data: OwnFile, count: int, seed: int, given: Keys = Keys()) -> Parts:
    """Return which of `count` examples train, validate and test.

    Shares are of all examples. With folds the test part is one fold, and validation is a share of the others.
    By time, the newest are tested, and those before them validate. A test share of 0 leaves the test part empty: an
    estimator in Python has none.

    Raises:
        DataError: too few examples or groups; ConfigError: the split needs what the task does not know.
    """
    _check(data, given)
    generator = np.random.default_rng([seed if data.split_seed < 0 else data.split_seed, 1009])
    found = _folded(data, count, given, generator) if data.folds else _cut(data, count, given, generator)
    if not len(found["train"]) or (data.test and not len(found["test"])):
        sizes = ", ".join(f"{part} {len(rows)}" for part, rows in found.items())
        raise DataError(f"{count} examples are too few to train and to test on ({sizes}). Give more data.")
    return found


def weighed(weights: NDArray[np.float64] | None, rows: Mapping[str, Rows]) -> dict[str, NDArray[np.float32]]:
    """Return the weights of the examples of each part, 1 on the mean of the training part; {} where there are none."""
    if weights is None:
        return {}
    return {part: (weights[chosen] / weights[rows["train"]].mean()).astype(np.float32) for part, chosen in rows.items()}


def _check(data: OwnFile, given: Keys) -> None:
    needed = {"stratified": given.strata, "grouped": given.groups, "time": given.moments}
    if data.split in needed and needed[data.split] is None:
        raise ConfigError(f'data.split: "{data.split}" is not known to this task. Take "random".')


def _cut(data: OwnFile, count: int, given: Keys, generator: np.random.Generator) -> Parts:
    shares = (data.test, data.validation)
    if given.moments is not None and data.split == "time":
        train, test, validation = splits.by_time(given.moments, shares)
    elif given.groups is not None and data.split == "grouped":
        train, test, validation = splits.grouped(given.groups, shares, generator, given.strata)
    else:
        strata = _strata(data, count, given)
        if given.copies is not None:
            train, test, validation = splits.together(given.copies, strata, shares, generator)
        else:
            train, test, validation = splits.stratified(strata, shares, generator)
    return {"train": train, "validation": validation, "test": test}


def _strata(data: OwnFile, count: int, given: Keys) -> NDArray[np.int64]:
    if data.split == "stratified" and given.strata is not None:
        return given.strata
    return np.zeros(count, dtype=np.int64)


def _folded(data: OwnFile, count: int, given: Keys, generator: np.random.Generator) -> Parts:
    if given.moments is not None and data.split == "time":
        spans = splits.folds_by_time(given.moments, data.folds)
        rest, test = np.concatenate(spans[: data.fold + 1]), spans[data.fold + 1]
        kept, held = splits.by_time(given.moments[rest], (data.validation,))
    else:
        test, rest = _fold(data, count, given, generator)
        kept, held = _validation(data, _strata(data, count, given), given, rest, generator)
    return {"train": rest[kept], "validation": rest[held], "test": test}


def _fold(data: OwnFile, count: int, given: Keys, generator: np.random.Generator) -> tuple[Rows, Rows]:
    groups = whole(data, given)
    if groups is not None:
        dealt = splits.folds_of_groups(groups, data.folds, generator, given.strata)
    else:
        dealt = splits.folds(_strata(data, count, given), data.folds, generator)
    test = dealt[data.fold]
    return test, np.setdiff1d(np.arange(count), test)


def _validation(
    data: OwnFile, strata: NDArray[np.int64], given: Keys, rest: Rows, generator: np.random.Generator
) -> list[Rows]:
    """Return the places in `rest` that train and that validate."""
    groups = whole(data, given)
    if groups is None:
        return splits.stratified(strata[rest], (data.validation,), generator)
    if not data.validation:
        return [np.arange(len(rest)), rest[:0]]
    return splits.grouped(groups[rest], (data.validation,), generator, None if given.strata is None else strata[rest])


def whole(data: OwnFile, given: Keys) -> NDArray[np.int64] | None:
    """Return what may not be torn apart: the groups asked for, or copies."""
    if data.split == "grouped":
        return given.groups
    if given.copies is None:
        return None
    number: Rows = np.unique(given.copies, return_inverse=True)[1].astype(np.int64)
    return number
