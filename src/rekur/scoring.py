"""How good a model is on a labelled file: `rekur evaluate RUN FILE`, and `Predictor.score` from Python."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from torch import nn

from rekur.data import files
from rekur.errors import DataError, RequestError
from rekur.evaluation import outcomes, telling
from rekur.evaluation.outcomes import Outcome
from rekur.models import parameters
from rekur.nn import threads
from rekur.tasks.base import Task
from rekur.training import results


def score(task: Task, model: nn.Module, file: Path) -> dict[str, Any]:
    """Return the figures of `model` on `file`, with the keys of metrics.json that do not depend on its training.

    The published figure is of other data, so it is None. Texts are judged against chance, a series beside repeating
    the value before. Raises RequestError for tasks other than text and series, DataError for a file that does not fit.
    """
    about = task.config.recipe
    if about.task not in ("text", "series"):
        raise RequestError(f"evaluate takes a FILE for the tasks text and series; this run's task is {about.task}.")
    began = time.monotonic()
    frame = files.read_table(file)
    read = time.monotonic()
    ours, baselines = (_texts if about.task == "text" else _series)(task, model, frame)
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


def _texts(task: Any, model: nn.Module, frame: pl.DataFrame) -> tuple[Outcome, dict[str, Outcome]]:
    truth, classes = files.labels(frame, classes=task.classes)
    if len(np.unique(truth)) < 2:
        raise DataError("Every row has the same label; a classifier is judged on two classes or more. Add the others.")
    found = task.predict(model, files.text_column(frame).to_list())
    return outcomes.classification(truth, [[item["probability"][name] for name in classes] for item in found]), {}


def _series(task: Any, model: nn.Module, frame: pl.DataFrame) -> tuple[Outcome, dict[str, Outcome]]:
    data = task.data
    values = files.series(frame, tuple(dict.fromkeys((*data.inputs, data.target))))
    if len(values) <= data.window:
        raise DataError(f"The model reads {data.window} rows to tell the next; got {len(values)}. Give more rows.")
    goal = values[:, -1] if data.target not in data.inputs else values[:, data.inputs.index(data.target)]
    windows = [values[at : at + data.window, : len(data.inputs)] for at in range(len(values) - data.window)]
    truth, before = goal[data.window :], goal[data.window - 1 : -1]
    ours = outcomes.regression(truth, [item["prediction"] for item in task.predict(model, windows)])
    return ours, {"persistence": outcomes.regression(truth, before)}
