"""Texts and their classes from a file or folder of your own: in memory, or, where it is larger, as ids on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data import disk, files
from rekur.data.ragged import Ragged
from rekur.data.sources import MEGABYTE, Source
from rekur.tasks import own
from rekur.tasks.own import OwnFile, Parts, Rows
from rekur.wording import counted, form

SAMPLED = 0.25  # of the memory, for the training texts that the vocabulary and the baselines learn from


@dataclass(frozen=True)
class OwnTexts:
    """The examples of a source in their parts; `read` makes one."""

    source: Source
    column: str  # of the texts
    usable: NDArray[np.bool_]  # (R,) which rows of the source are examples: those with a text and a label
    parts: Parts  # places among the N examples
    labels: dict[str, Rows]  # part -> (N_part,)
    classes: tuple[str, ...]
    known: dict[str, Rows]  # part -> places in `labels[part]` of the texts held in memory
    texts: dict[str, pl.Series]  # part -> those texts
    warnings: list[str] = field(default_factory=list)

    def encoded(self, encode: Callable[[pl.Series], Ragged]) -> dict[str, Ragged]:
        """Return the ids of every part: in memory, or on disk where the source is not held there."""
        if self.source.whole:
            return {part: encode(texts) for part, texts in self.texts.items()}
        return _on_disk(self, encode)


def read(data: OwnFile, text: str, label: str, memory: int, seed: int) -> OwnTexts:
    """Read the texts and classes of `data.path`, and split them.

    Args:
        data: where the file is, and how it is split.
        text, label: the names of the columns.
        memory: megabytes of text held in memory; a larger source is read in batches, three times.
        seed: of the split, and of the sample of a source that is not held in memory.

    Raises:
        DataError: the file is malformed or has no such column, one class alone, or too few examples.
    """
    source = Source(Path(data.path), memory * MEGABYTE)
    usable, copies, rest = _facts(source, data, text, label)
    codes, classes = files.labels(rest, label)
    twice = len(np.unique(copies)) < len(copies)
    keys = own.keys(data, rest, codes)
    found = own.parts(data, len(codes), seed, own.Keys(codes, keys.groups, keys.moments, copies if twice else None))
    parts = {part: np.sort(rows) for part, rows in found.items()}
    labels = {part: codes[rows] for part, rows in parts.items()}
    warnings = _left_out(usable, text, label)
    known = {part: np.arange(len(rows)) for part, rows in parts.items()}
    if not source.whole:
        share = min(1.0, SAMPLED * source.memory / max(1.0, source.size * len(parts["train"]) / len(codes)))
        count = max(2, round(share * len(parts["train"])))
        known["train"] = np.sort(np.random.default_rng([seed, 1010]).permutation(len(parts["train"]))[:count])
        warnings.append(
            f"{data.path} is larger than data.memory ({memory} MB): it is read in batches, and the vocabulary and the "
            f"baselines learn from a random {len(known['train']):,} of its {len(parts['train']):,} training texts."
        )
    texts = _texts(source, text, usable, {part: parts[part][rows] for part, rows in known.items()})
    return OwnTexts(source, text, usable, parts, labels, classes, known, texts, warnings)


def _facts(
    source: Source, data: OwnFile, text: str, label: str
) -> tuple[NDArray[np.bool_], NDArray[np.uint64], pl.DataFrame]:
    """Return which rows have a text and a label, a hash of each such text, and their other columns."""
    wanted = list(dict.fromkeys(filter(None, (label, data.group, data.time))))
    usable, copies, rest = [], [], []
    for frame in source:
        column = files.text_column(frame, text)
        for name in wanted:
            files.check_column(frame, name)
        there = ((column.str.strip_chars() != "") & frame[label].is_not_null()).to_numpy()
        usable.append(there)
        copies.append(column.filter(pl.Series(there)).hash(seed=1).to_numpy())
        rest.append(frame.select(wanted).filter(pl.Series(there)))
    return np.concatenate(usable), np.concatenate(copies), pl.concat(rest, how="vertical_relaxed")


def _left_out(usable: NDArray[np.bool_], text: str, label: str) -> list[str]:
    missing = int((~usable).sum())
    if not missing:
        return []
    first = int(usable.argmin()) + 1
    return [
        f"{missing:,} of {counted(len(usable), 'row')} {form(missing, 'has', 'have')} no `{text}` or no `{label}` "
        f"and {form(missing, 'was', 'were')} left out; the first is "
        f"row {first}."
    ]


def _texts(source: Source, column: str, usable: NDArray[np.bool_], wanted: Parts) -> dict[str, pl.Series]:
    """Return the texts of the examples wanted of each part, each in rising order."""
    example = np.cumsum(usable) - 1  # (R,) the place of each row among the examples
    part_of = np.full(int(usable.sum()), -1, dtype=np.int8)
    for number, rows in enumerate(wanted.values()):
        part_of[rows] = number
    found: list[list[pl.Series]] = [[] for _ in wanted]
    at = 0
    for frame in source:
        inside = usable[at : at + len(frame)]
        mine = part_of[example[at : at + len(frame)]]
        texts = files.text_column(frame, column)
        for number, several in enumerate(found):
            chosen = texts.filter(pl.Series(inside & (mine == number))).to_list()
            several.append(pl.Series(column, chosen, dtype=pl.String))  # a filtered series would hold all of its frame
        at += len(frame)
    return {part: pl.concat(several, rechunk=True) for part, several in zip(wanted, found, strict=True)}


def _on_disk(found: OwnTexts, encode: Callable[[pl.Series], Ragged]) -> dict[str, Ragged]:
    """Return the ids of every part as arrays mapped from files that vanish with the process.

    They stand where the system keeps temporary files (TMPDIR).
    """
    writers = {part: disk.Writer(np.int32) for part in found.parts}
    part_of = np.full(int(found.usable.sum()), -1, dtype=np.int8)
    for number, rows in enumerate(found.parts.values()):
        part_of[rows] = number
    at = done = 0
    for frame in found.source:
        inside = found.usable[at : at + len(frame)]
        texts = files.text_column(frame, found.column).filter(pl.Series(inside))
        mine = part_of[done : done + len(texts)]
        for number, writer in enumerate(writers.values()):
            writer.add(encode(texts.filter(pl.Series(mine == number))))
        at, done = at + len(frame), done + len(texts)
    return {part: writer.ragged() for part, writer in writers.items()}
