"""How good a model is on a labelled file: `rekur evaluate RUN FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rekur.cli import inputs
from rekur.data import files
from rekur.errors import DataError, RequestError
from rekur.evaluation import outcomes, verdict
from rekur.evaluation.intervals import interval_of
from rekur.evaluation.outcomes import Outcome
from rekur.predict import Predictor


def score(predictor: Predictor, file: Path) -> dict[str, Any]:
    """Return test figures, intervals and verdict on `file`, in the form of the design's JSON.

    Raises RequestError for tasks other than text and series, DataError for a file that does not fit.
    """
    task = predictor.config.recipe.task
    if task not in ("text", "series"):
        raise RequestError(f"evaluate takes a FILE for the tasks text and series; this run's task is {task}.")
    frame = files.read_table(file)
    ours, compared = _texts(predictor, frame) if task == "text" else _series(predictor, frame)
    found = {
        "recipe": predictor.config.recipe.name,
        "task": task,
        "run": str(predictor.run.path),
        "file": str(file),
        "test": ours.metrics,
        "interval": {name: list(interval_of(ours, name, seed=1)) for name in ours.metrics},
        **compared,
    }
    return {**found, "sentence": verdict.sentence(found)}


def _texts(predictor: Predictor, frame: Any) -> tuple[Outcome, dict[str, Any]]:
    classes: tuple[str, ...] = predictor.task.classes  # type: ignore[attr-defined]
    truth, _ = files.labels(frame, classes=classes)
    if len(np.unique(truth)) < 2:
        raise DataError("Every row has the same label; a classifier is judged on two classes or more. Add the others.")
    found = predictor.predict(files.text_column(frame).to_list())
    ours = outcomes.classification(truth, [[item["probability"][name] for name in classes] for item in found])
    return ours, {"chance": verdict.chance(ours, truth)}


def _series(predictor: Predictor, frame: Any) -> tuple[Outcome, dict[str, Any]]:
    data: Any = predictor.task.data
    values = inputs.series(frame, tuple(dict.fromkeys((*data.inputs, data.target))))
    if len(values) <= data.window:
        raise DataError(f"The model reads {data.window} rows to tell the next; got {len(values)}. Give more rows.")
    goal = values[:, -1] if data.target not in data.inputs else values[:, data.inputs.index(data.target)]
    windows = [values[at : at + data.window, : len(data.inputs)] for at in range(len(values) - data.window)]
    truth, before = goal[data.window :], goal[data.window - 1 : -1]
    ours = outcomes.regression(truth, [item["prediction"] for item in predictor.predict(windows)])
    rival = {"persistence": outcomes.regression(truth, before)}
    versus = verdict.versus(ours, rival, "rmse", higher_is_better=False, test="diebold_mariano")
    return ours, {"baselines": {"persistence": rival["persistence"].metrics}, "versus": versus}
