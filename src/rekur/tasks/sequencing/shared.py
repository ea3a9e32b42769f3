"""What a class and a number of a sequence share: reading, splitting, coding, batches, predictions."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from rekur.architecture import Architecture
from rekur.data import batches, disk
from rekur.data.batches import pad
from rekur.data.ragged import Ragged
from rekur.errors import DataError
from rekur.tasks import own
from rekur.tasks.base import Inputs, Task, for_many
from rekur.tasks.case import Refit
from rekur.tasks.sequencing import settings
from rekur.tasks.sequencing.readers import Numbers, Reader, Words
from rekur.tasks.sequencing.settings import SequencesData

if TYPE_CHECKING:
    from torch import nn

    from rekur.data.figures import Kernels
    from rekur.data.sequences import Sequences, Written
    from rekur.tasks.base import Model
    from rekur.tasks.sequencing.ngrams import NumberVote
    from rekur.tasks.sequencing.vote import Vote

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

STEPS_AT_ONCE = 65_536  # predicted in one batch, padding among them
SEQUENCES_AT_ONCE = 512


class Sequencing(Task):
    """A sequence in, one answer out. What the answer is, classes or values say."""

    Data = SequencesData
    data: SequencesData
    reads = frozenset(
        {
            "embedding",
            "dropout_embedding",
            "dropout_words",
            "dropout_weights",
            "variational",
            "figures",
            "evidence",
            "ballot",
            "segment",
        }
    )

    coded: dict[str, Ragged]  # part -> what the model reads of its sequences
    raw: dict[str, Any]  # part -> the same as they were read: Ragged of numbers, or texts
    about: dict[str, Any]  # part -> the table of what is said of them
    vote: Vote | None = None  # of figures, fitted by `load`
    ballot: NumberVote | None = None  # of n-grams, fitted by `load`
    voted: NDArray[np.float32]  # (N, outputs) what it says of each training sequence that it was not fitted to
    given: Sequences | Written | None = None  # in place of a file: `about` holds the column `data.label`

    def faults(self) -> Iterator[str]:
        yield from settings.faults(self.config, self.data)

    def load(self) -> None:
        self.reader = self._reader()
        found = self.given or self._labelled(self._read())
        self.reader.columns = getattr(found, "columns", ())  # type: ignore[attr-defined]
        self.warnings += self.reader.warnings
        if not len(found.about):
            raise DataError("There is no sequence to learn from; got N=0.")
        strata = self.take(found.about)
        given = own.Keys(strata)
        if self.given is None and self.data.set == "files":
            asked = own.keys(self.data, found.about, strata)
            given = own.Keys(strata, asked.groups, asked.moments, self.reader.copies(found.values))
        rows = own.parts(self.data, len(found.about), self.seed, given)
        self.raw = {part: self.reader.take(found.values, chosen) for part, chosen in rows.items()}
        self.about = {part: found.about[chosen] for part, chosen in rows.items()}
        self.reader.fit(self.raw["train"])
        self.coded = {part: self.reader.encode(values) for part, values in self.raw.items()}
        self.part(rows)
        groups = own.whole(self.data, given)
        together = None if groups is None else groups[rows["train"]]
        if self.config.model.figures:
            self._hold_vote(together)
        if self.config.model.evidence:
            self._hold_ballot(together)

    def _labelled(self, found: Sequences | Written) -> Sequences | Written:
        """Leave out what nothing is said of, and say so."""
        there = found.about[self.data.label].is_not_null().to_numpy()
        if there.all() or not there.any():
            return found
        self.warnings.append(
            f"{int((~there).sum()):,} of {len(there):,} rows have no `{self.data.label}` and were left out; the first "
            f"is {int(there.argmin()) + 1}."
        )
        kept = np.flatnonzero(there)
        return replace(found, values=self.reader.take(found.values, kept), about=found.about[kept])

    def _hold_vote(self, groups: Rows | None) -> None:
        """Fit the linear vote of figures to the training part, whose `groups` (N,) or copies stay together."""
        from rekur.data import figures
        from rekur.tasks.sequencing import vote

        made, order = self.architecture(), self.generator(6).permutation(len(self.coded["train"]))
        kernels = figures.draw(made.longest, made.values, self.generator(4))
        answers, classes = self.answers_to_learn()
        shown, spare = vote.apart(order, groups, vote.MOST)
        told = np.concatenate([self._told(rows, kernels) for rows in _some(shown)])
        together = None if groups is None else groups[shown]
        self.vote, said = vote.fit(told, kernels, answers[shown], classes, self.generator(5), together)
        self.voted = np.empty((len(order), said.shape[1]), np.float32)
        self.voted[shown] = said
        for rows in _some(spare):
            self.voted[rows] = self.vote.said(self._told(rows, kernels))

    def _hold_ballot(self, groups: Rows | None) -> None:
        """Fit the linear vote of n-grams to the training texts, whose `groups` (N,) or copies stay together."""
        from rekur.tasks.sequencing import ngrams

        tokens, (answers, _) = self.coded["train"], self.answers_to_learn()
        order = self.config.model.evidence
        self.ballot, read, self.voted = ngrams.fit(tokens, answers, order, self.generator(5), groups)
        self.ratios = Ragged(read, tokens.offsets)
        assert isinstance(self.reader, Words)
        self.reader.n_grams = len(self.ballot.keys)

    def _told(self, rows: Rows, kernels: Kernels) -> NDArray[np.float32]:
        """Return the figures (N, F) of some training sequences."""
        from rekur.data import figures

        values, lengths = self.padded(self.coded["train"], rows)
        return figures.figures(values, lengths, self.config.model.figures, kernels)

    @abc.abstractmethod
    def answers_to_learn(self) -> tuple[NDArray[np.float64], int]:
        """Return the classes of the training part (N,) and how many there are, or its scaled numbers and 0."""

    def training_inputs(self, rows: Rows) -> tuple[Inputs, Rows | None]:
        values, lengths = self.padded(self.coded["train"], rows)
        if self.config.model.evidence:
            ratios, _ = pad(self.ratios, rows, length=values.shape[1])
            return (values, ratios, self.voted[rows]), lengths
        return (values, self.voted[rows]) if self.config.model.figures else values, lengths

    def build(self) -> nn.Module:
        model: Any = super().build()
        if self.vote is not None:
            self.vote.put(model.figures)
        if self.ballot is not None:
            self.ballot.put(model)
        return cast("nn.Module", model)

    def _reader(self) -> Reader:
        return Words(self.data) if self.data.text else Numbers(self.data, self.config.model.readout == "flatten")

    def _read(self) -> Sequences | Written:
        if self.data.set == "waves":
            return self._waves()
        data = self.data
        asked = [data.label, data.group, *([data.time] if data.layout == "wide" and data.split == "time" else [])]
        return self.reader.read(Path(data.path), [name for name in asked if name])

    def _waves(self) -> Sequences:
        import polars as pl

        from rekur.data.datasets import waves
        from rekur.data.sequences import STEP, Sequences, numbered

        found = waves.load()
        said = [waves.KINDS[label] for label in found.labels] if self.data.predicts == "class" else found.changes
        about = numbered(len(found.labels)).to_frame().with_columns(pl.Series(self.data.label, said))
        return Sequences(found.values, (STEP,), about)

    @abc.abstractmethod
    def take(self, about: Any) -> Rows:
        """Take in what is said of all sequences; return the stratum of each, its class or how large its number is."""

    @abc.abstractmethod
    def part(self, rows: Mapping[str, Rows]) -> None:
        """Part what was taken in."""

    def files(self) -> dict[str, str]:
        return self.reader.files()

    def restore(self, files: Mapping[str, str]) -> None:
        self.reader = self._reader()
        self.reader.restore(files)

    def preprocessing(self) -> dict[str, Any]:
        return self.reader.preprocessing()

    def sized(self, outputs: int) -> Architecture:
        """Return the architecture of a model with so many outputs."""
        return Architecture(self.config.model, outputs, steps=self.reader.steps, **self.reader.sizes())

    def batches(self, epoch: int) -> Sequence[Rows]:
        lengths, size = self.coded["train"].lengths, self.config.training.batch
        return batches.bucketed(lengths, size, self.generator(1, epoch))

    def chunks(self, part: str) -> Sequence[Rows]:
        return batches.thrifty(self.coded[part].lengths, STEPS_AT_ONCE, SEQUENCES_AT_ONCE)

    def inputs(self, part: str, rows: Rows) -> tuple[Inputs, Rows]:
        return self.padded(self.coded[part], rows)

    def padded(self, coded: Ragged, rows: Rows) -> tuple[NDArray[Any], Rows]:
        """Return some sequences as one array, and their lengths."""
        return pad(coded, rows, length=self.reader.steps)

    def refits(self) -> Sequence[Refit]:
        return self.reader.refits(self.raw["train"])

    def figures(self, of: Callable[[Floats, Rows], Floats], part: str, rows: Rows | None = None) -> Floats:
        """Return what `of` makes of the steps and offsets of a part's sequences, all of them or some rows."""
        values: Ragged = self.raw[part] if rows is None else disk.taken(self.raw[part], rows)
        pieces = (disk.part(values, span) for span in disk.spans(values))
        return np.concatenate([of(piece.values, piece.offsets) for piece in pieces])

    def learned(self, most: int) -> Rows:
        """Return the training rows that a rival learns from: all, or `most` of all places, for a file may be sorted."""
        count = len(self.raw["train"])
        return np.arange(min(count, most)) * count // min(count, most)

    def answers(self, model: Model, values: Any, answer: Any) -> NDArray[Any]:
        """Return what `answer` says of batches of sequences, in their order; raises DataError for one without a step.

        `answer` takes the model, a batch and its lengths; `values` are as the reader's `parse` returns them.
        """
        coded = self.reader.encode(values)
        if not coded.lengths.all():
            place = int(np.argmin(coded.lengths))
            raise DataError(
                f"Sequence {place + 1} of {len(coded)} has no step the model can read. Leave it out, or give more."
            )
        found: NDArray[Any] | None = None
        model = for_many(model, int(coded.lengths.sum()))
        for rows in batches.thrifty(coded.lengths, STEPS_AT_ONCE, SEQUENCES_AT_ONCE):
            answered = answer(model, *self.padded(coded, rows))
            if found is None:
                found = np.empty((len(coded), *answered.shape[1:]), answered.dtype)
            found[rows] = answered
        return np.zeros(0) if found is None else found


def _some(rows: Rows) -> list[Rows]:
    return [rows[at : at + SEQUENCES_AT_ONCE] for at in range(0, len(rows), SEQUENCES_AT_ONCE)]


def with_ids(inputs: Sequence[Any], said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the id of each input that bears one before what is said of it."""
    return [
        {"id": given.id, **item} if hasattr(given, "id") else item for given, item in zip(inputs, said, strict=True)
    ]
