"""A run as a patient: at its end, while its data are in memory, or later, from its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.config import Config
from rekur.doctor import examination
from rekur.doctor.findings import reason_of
from rekur.doctor.model.subject import ROWS, Subject
from rekur.doctor.patient import Classes, Forecast, Patient, RunRecord
from rekur.errors import RequestError
from rekur.models import fill
from rekur.runs import Run
from rekur.tasks.base import Task, Test
from rekur.training import experiment
from rekur.training.experiment import Finished

ANCHORED = ("last", "changes")  # normalising a window so makes its last value the starting point
FEW = 4  # examples probed at the end of a run, which must not wait for its doctor


def at_the_end(finished: Finished, tested: Test) -> list[dict[str, Any]]:
    """Run the cheap checks on a run that has just been tested; return the metrics' "findings"."""
    try:
        patient = _patient(finished, tested.predictions, tested.tables, FEW)
    except Exception as error:  # a finished run must not be lost to its doctor
        patient = Patient(not_known={"the run": reason_of(error)})
    return [finding.as_json() for finding in examination.examine(patient, cheap=True)]


def read(folder: Run, data_dir: Path | None = None) -> Patient:
    """Open a finished run: its weights, its data read again, its predictions.

    Where the data cannot be had, what needs them is not known, and the rest is. Raises RequestError for a run that
    is not finished, RefusedModelError for a damaged one.
    """
    metrics, history = folder.metrics(), folder.history()
    config, about = experiment.settings_of(folder)
    tables = {name: folder.table(name) for name in folder.tables()}
    predictions = folder.predictions() if (folder.path / "predictions.parquet").exists() else None
    try:
        task, model = experiment.prepared(config, about, data_dir)
    except RequestError as error:
        record = RunRecord(config.model_dump(mode="json"), metrics, history)
        why = {"the model and its data": str(error)}
        forecast, classes = _forecast(config, tables), _classes(predictions)
        return Patient(run=record, forecast=forecast, classes=classes, not_known=why)
    fill(model, folder.load_model(), folder.path)
    return _patient(Finished(config, task, model.eval(), history, metrics), predictions, tables)


def _patient(
    run: Finished, predictions: pl.DataFrame | None, tables: Mapping[str, pl.DataFrame], rows: int = ROWS
) -> Patient:
    task = run.task
    record = RunRecord(
        run.config.model_dump(mode="json"), run.metrics, run.history, task=task, refits=tuple(task.refits())
    )
    subject, not_known = None, {}
    try:
        subject = _subject(task, run.model, rows)
    except Exception as error:  # what a model may raise; the rest of the run can be examined all the same
        not_known["the model"] = reason_of(error)
    return Patient(
        model=subject,
        run=record,
        forecast=_forecast(run.config, tables),
        classes=_classes(predictions, task),
        not_known=not_known,
    )


def _subject(task: Task, model: Any, rows: int) -> Subject:
    case = task.case(_rows(task.batches(0)))
    return Subject(
        model,
        (case.inputs,),
        case.target,
        case.loss,
        lengths=case.lengths,
        causal=case.causal,
        rows_axis=0,
        rows=rows,
    )


def _rows(batches: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return training rows of unlike kinds: one of each of many batches, whose own rows may be alike, or one batch."""
    if len(batches) < ROWS:
        return batches[len(batches) // 2] if len(batches) else np.zeros(0, dtype=np.int64)
    places = np.linspace(0, len(batches) - 1, ROWS).round().astype(int)
    return np.array([batches[place][0] for place in places])


def _forecast(config: Config, tables: Mapping[str, pl.DataFrame]) -> Forecast | None:
    series = tables.get("series")
    if series is None or "truth" not in series.columns:
        return None
    test = series.filter(pl.col("part") == "test")
    return Forecast(
        test["truth"].to_numpy().astype(np.float64),
        test["forecast"].to_numpy().astype(np.float64),
        before=float(test["persistence"][0]) if len(test) else None,
        anchored=config.model.residual or config.data.get("normalise") in ANCHORED,
    )


def _classes(predictions: pl.DataFrame | None, task: Task | None = None) -> Classes | None:
    if predictions is None or not any(name.startswith("probability_") for name in predictions.columns):
        return None
    names = [name.removeprefix("probability_") for name in predictions.columns if name.startswith("probability_")]
    truth, prediction = (predictions[name].to_numpy().astype(np.int64) for name in ("truth", "prediction"))
    table = task.features() if task is not None else None
    if table is None:
        return Classes(truth, prediction, names)
    return Classes(truth, prediction, names, lambda: (table.values, table.labels), table.name)
