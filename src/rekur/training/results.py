"""The figures of a test, beside chance and the cheap rivals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rekur.config import Config, Published
from rekur.errors import DataError
from rekur.evaluation import verdict
from rekur.evaluation.intervals import interval_of
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.base import Task


def figures(task: Task, ours: Outcome, baselines: Mapping[str, Outcome]) -> dict[str, Any]:
    """Return test, interval, baselines, versus and chance, as metrics.json has them; None if there is none.

    Where a metric has several ways to be computed, "signatures" says which was taken.
    """
    signatures = {"signatures": dict(ours.signatures)} if ours.signatures else {}
    return {
        "test": dict(ours.metrics),
        **signatures,
        "interval": _intervals(ours, task.seed, task.block),
        "baselines": {name: dict(outcome.metrics) for name, outcome in baselines.items()},
        "versus": _versus(task, ours, baselines) if baselines else None,
        "chance": verdict.chance(ours, ours.details["truth"]) if task.metric == "accuracy" else None,
    }


def published(figure: Published) -> dict[str, Any] | None:
    """Return the chapter's figures with their part and source, None if it gives none."""
    if not figure.metrics:
        return None
    return {**figure.metrics, "part": figure.part, "source": figure.source}


def printed(tested: Outcome, config: Config) -> dict[str, float]:
    """Return the test's figures as the chapter's script prints them."""
    figures = dict(tested.metrics)
    if "log_loss" in figures and config.script.loss_divided_by == "examples":
        items = len(tested.items)
        figures["log_loss"] *= math.ceil(items / config.training.batch) / items
    return figures


def _versus(task: Task, ours: Outcome, baselines: Mapping[str, Outcome]) -> dict[str, Any]:
    test: Any = task.paired_test
    return verdict.versus(ours, baselines, task.metric, task.higher_is_better, test, task.seed, block=task.block)


def _intervals(ours: Outcome, seed: int, block: int) -> dict[str, list[float]]:
    found = {}
    for metric in ours.metrics:
        try:
            found[metric] = list(interval_of(ours, metric, seed, block))
        except DataError:
            continue  # a figure that is no mean over items, as the sizes of chapter E, has none
    return found
