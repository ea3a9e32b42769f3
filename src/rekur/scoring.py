"""How good a model is on a labelled file: `rekur evaluate RUN FILE`, and `Predictor.score` from Python."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from torch import nn

from rekur.data import columns, files
from rekur.data.columns import Sentence
from rekur.errors import DataError, RequestError
from rekur.evaluation import outcomes, telling
from rekur.evaluation.outcomes import Outcome
from rekur.models import parameters
from rekur.nn import threads
from rekur.tasks.base import Task
from rekur.training import results
from rekur.wording import counted

Judged = tuple[Outcome, dict[str, Outcome]]  # the model, and its rivals


def score(task: Task, model: nn.Module, file: Path) -> dict[str, Any]:
    """Return the figures of `model` on `file`, with the keys of metrics.json that do not depend on its training.

    The published figure is of other data, so it is None. Texts are judged against chance, a series beside repeating
    the value before. Raises RequestError for tasks that read no labelled file, DataError for a file that does not fit.
    """
    about = task.config.recipe
    if about.task not in READERS:
        known = ", ".join(READERS)
        raise RequestError(f"evaluate takes a FILE for the tasks {known}; this run's task is {about.task}.")
    began = time.monotonic()
    reader, judge = READERS[about.task]
    given = reader(task, file)
    read = time.monotonic()
    try:
        ours, baselines = judge(task, model, given)
    except DataError as error:
        raise DataError(str(error) if str(file) in str(error) else f"{file}: {error}") from None
    figures = results.figures(task, ours, baselines)
    here, done = threads.describe(), time.monotonic()
    found = {
        "recipe": about.name,
        "task": about.task,
        "file": str(file),
        "seed": task.seed,
        "device": "cpu",
        "engine": here["engine"],
        "threads": here["threads"],
        "machine": here["processor"],
        "seconds": {"data": read - began, "train": 0.0, "test": done - read, "total": done - began},
        "parameters": parameters(model),
        **figures,
        "published": None,
        "verdict": telling.word(figures),
    }
    return {**found, "sentence": telling.sentence(found)}


def _texts(task: Any, model: nn.Module, frame: pl.DataFrame) -> Judged:
    text, label = (task.data.text, task.data.label) if task.data.set == "files" else ("text", "label")
    truth, classes = files.labels(frame, label, classes=task.classes)
    if len(np.unique(truth)) < 2:
        raise DataError("Every row has the same label; a classifier is judged on two classes or more. Add the others.")
    found = task.predict(model, files.text_column(frame, text).to_list())
    return outcomes.classification(truth, [[item["probability"][name] for name in classes] for item in found]), {}


def _series(task: Any, model: nn.Module, frame: pl.DataFrame) -> Judged:
    data = task.data
    values = files.series(frame, tuple(dict.fromkeys((*data.inputs, data.target))))
    if len(values) <= data.window:
        raise DataError(
            f"The model reads {counted(data.window, 'row')} to tell the next; got {len(values)}. Give more rows."
        )
    goal = values[:, -1] if data.target not in data.inputs else values[:, data.inputs.index(data.target)]
    windows = [values[at : at + data.window, : len(data.inputs)] for at in range(len(values) - data.window)]
    truth, before = goal[data.window :], goal[data.window - 1 : -1]
    ours = outcomes.regression(truth, [item["prediction"] for item in task.predict(model, windows)])
    return ours, {"persistence": outcomes.regression(truth, before)}


def _tags(task: Any, model: nn.Module, sentences: list[Sentence]) -> Judged:
    return task.score(model, sentences), {}


def _pairs(task: Any, model: nn.Module, frame: pl.DataFrame) -> Judged:
    sources, targets = (files.text_column(frame, name).to_list() for name in ("source", "target"))
    for name, texts in (("source", sources), ("target", targets)):
        if empty := next((row for row, text in enumerate(texts, 1) if not text.strip()), None):
            raise DataError(f"Row {empty} has no {name}. Write the sentence, or drop the row.")
    written = [item["prediction"] for item in task.predict(model, sources)]
    ours, copied = (outcomes.translation(texts, targets, tokenised=False) for texts in (written, sources))
    return ours, {"copy the source": copied}


def _sequences(task: Any, model: nn.Module, found: Any) -> Judged:
    data, parsed = task.data, task.reader.parse(list(found.values))
    if data.predicts == "number":
        truth = files.numeric_columns(found.about, [data.label])[:, 0]
        return outcomes.regression(truth, task.numbers(model, parsed)), {}
    known, _ = files.labels(found.about, data.label, task.classes)
    if len(np.unique(known)) < 2:
        raise DataError(
            "Every sequence has the same label; a classifier is judged on two classes or more. Add the others."
        )
    return outcomes.classification(known, task.chances(model, parsed)), {}


def _of_the_form(task: Any, file: Path) -> Any:
    if file.suffix.lower() == ".npy":
        raise DataError(f"{file} has no labels; expected a table. Give one with the column `{task.data.label}`.")
    return task.reader.read(file, [task.data.label])


def _table(task: Task, file: Path) -> pl.DataFrame:  # noqa: ARG001 - the form of a reader
    return files.read_table(file)


def _sentences(task: Any, file: Path) -> list[Sentence]:
    return columns.read(file, task.data.column)


# task -> what reads its file, and what judges the model on it
READERS: dict[str, tuple[Callable[[Any, Path], Any], Callable[[Any, nn.Module, Any], Judged]]] = {
    "text": (_table, _texts),
    "series": (_table, _series),
    "tag": (_sentences, _tags),
    "translate": (_table, _pairs),
    "sequences": (_of_the_form, _sequences),
}
