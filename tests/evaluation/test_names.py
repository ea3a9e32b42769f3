"""One table of metrics, light enough for the command line, and true to the tasks."""

from __future__ import annotations

import doctest
import subprocess
import sys
from importlib import import_module
from typing import get_args

import numpy as np

from rekur import tasks
from rekur.evaluation import names, outcomes
from rekur.tasks import describe, sequences


def test_importing_the_table_imports_nothing_heavy() -> None:
    code = "import sys, rekur.evaluation.names; sys.exit(any(m in sys.modules for m in ('numpy', 'scipy', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_metric_of_an_outcome_has_a_name_and_the_unit_of_a_difference() -> None:
    found = (
        outcomes.classification([0, 1], np.eye(2)),
        outcomes.regression([1.0, 2.0], [1.0, 3.0]),
        outcomes.language([0.5, 1.0]),
    )
    assert all(names.METRICS[metric].unit for outcome in found for metric in outcome.metrics)


def test_the_tasks_agree_on_which_way_is_better() -> None:
    kinds = {f"{file}.{kind}" for file, kind in tasks.TASKS.items() if file not in ("describe", "sequences")}
    kinds |= {f"describing.{kind}" for kind in describe.SETS.values()}
    for name in kinds | {f"sequencing.{kind}" for kind in sequences.KINDS.values()}:
        module, _, kind = name.rpartition(".")
        task = getattr(import_module(f"rekur.tasks.{module}"), kind)
        chosen = get_args(task.Data.model_fields["metric"].annotation) if name == "forecast.Forecasting" else ()
        for metric in chosen or (task.metric,):
            assert names.of(metric).higher is task.higher_is_better


def test_examples() -> None:
    assert doctest.testmod(names).failed == 0
