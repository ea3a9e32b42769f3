"""The settings `[data]` of the task `sequences`, and what contradicts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from rekur.config import Config
from rekur.tasks import own
from rekur.tasks.own import OwnFile


class SequencesData(OwnFile):
    """`[data]` of the task `sequences`."""

    set: Literal["files", "waves"] = "files"
    predicts: Literal["class", "number"] = Field("class", description="what is said of each sequence")
    layout: Literal["long", "wide"] = Field(
        "long", description="of a table: long has a row a step, wide a row a sequence, its columns the steps"
    )
    alike: bool = Field(True, description="layout wide: columns are steps of one thing; if not, they are one step")
    id: str = Field("", description="the column that says which sequence a row belongs to; layout wide: its name")
    time: str = Field("", description="layout long: orders the steps; split = time: says which sequences are newest")
    values: tuple[str, ...] = Field((), strict=False, description="columns of numbers; none named: all others")
    text: str = Field("", description="the column of texts, in place of numbers")
    label: str = Field("label", description="the column of the class or the number of each sequence")
    labels: str = Field("", description="with a .npy file: the file of its labels, .npy or one a line")
    length: int = Field(0, ge=0, description="sequences are cut to this many steps; 0: whole")
    side: Literal["left", "right"] = Field("right", description="where they are cut: right keeps their beginning")
    tokenizer: str = Field("words", description="texts: what they are cut into; see docs/data.md")
    max_words: int = Field(0, ge=0, description="texts: most frequent words kept; 0: all")
    min_count: int = Field(1, ge=1, description="texts: words seen less often are unknown")
    memory: int = Field(
        512, ge=1, description="megabytes of a file of numbers held in memory; a larger one is read in batches"
    )


OF_TEXTS = ("embedding", "dropout_embedding", "dropout_words", "evidence", "segment")


def faults(config: Config, data: SequencesData) -> Iterator[str]:
    """Yield a sentence for each contradiction."""
    model = config.model
    if model.readout in ("every", "decoder"):
        yield f'model.readout: a sequence has one answer, and "{model.readout}" gives one a step. Take "mean_max".'
    if model.squash != "none" or not model.linear:
        yield "model.squash and model.linear = false have no part in an answer for a whole sequence. Leave them out."
    if data.text:
        yield from _of_texts(config, data)
        if config.model.figures:
            yield "model.figures: they are of sequences of numbers, and data.text names texts. Leave it out."
    elif set_ := [name for name in OF_TEXTS if getattr(model, name)]:
        yield f"model.{set_[0]}: numbers are read as they are. Leave it out, or name data.text."
    if data.set != "files":
        if data.path or data.id or data.values or data.text or data.labels or data.group:
            yield f'data: path, id, values, text, labels and group are for data.set = "files", not "{data.set}".'
        return
    yield from own.contradictions(data)
    yield from _of_files(data)


def _of_texts(config: Config, data: SequencesData) -> Iterator[str]:
    if data.predicts == "class":
        yield 'data.text: a class for a text is the task `text`; this one gives it a number (data.predicts = "number").'
    if not config.model.embedding:
        yield "model.embedding must be 1 or more: words are read as vectors."
    if config.model.readout == "flatten":
        yield 'model.readout = "flatten": texts differ in length. Take "mean_max".'
    if config.model.evidence and not config.model.ballot:
        yield "model.evidence needs model.ballot = true: of a number, what n-grams say is their share of a vote."
    if data.values:
        yield "data.values and data.text: a sequence is numbers or a text, not both. Leave one out."


def _of_files(data: SequencesData) -> Iterator[str]:
    stacked = data.path.lower().endswith(".npy")
    if stacked and not data.labels:
        yield "data.labels: a .npy file has no column of labels; name the file that holds one for each sequence."
    if stacked and (data.group or data.split == "time"):
        yield "data.split: a .npy file has no groups and no times. Take random or stratified."
    if data.labels and not stacked:
        yield "data.labels is for a .npy file; a table names its column of labels with data.label."
    if not data.alike and (stacked or data.text or data.layout != "wide"):
        yield 'data.alike = false is for a table with data.layout = "wide", a row an example. Leave it out.'
    if not stacked and not data.text and data.layout == "long" and data.path and not data.id:
        yield 'data.id: with data.layout = "long" it names the column that says which sequence a row belongs to.'
