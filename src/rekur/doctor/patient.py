"""What is examined: a patient has the parts that are known of it, and each check reads the parts it can.

The parts without a model are here, torch-free; the model's is `rekur.doctor.model.subject.Subject`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rekur.tasks.case import Refit

if TYPE_CHECKING:
    import polars as pl

    from rekur.doctor.model.subject import Subject
    from rekur.tasks.base import Task

__all__ = ["ByHand", "Classes", "Forecast", "Patient", "Refit", "RunRecord", "Source", "Tables"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """A forecast beside the truth, in time order."""

    truth: Floats  # (N,) in the series' own unit
    prediction: Floats  # (N,) of the same steps
    before: float | None = None  # the value before the first of them, if it is known
    horizon: int = 1  # steps ahead
    anchored: bool = False  # the model itself adds the last value to what it learned: a declared starting point


@dataclass(frozen=True)
class Classes:
    """A classifier's answers on the test part."""

    truth: NDArray[np.int64]  # (N,)
    prediction: NDArray[np.int64]  # (N,)
    names: Sequence[str] = ()
    features: Callable[[], tuple[NDArray[Any], NDArray[np.int64]]] | None = None
    # the training part for a probe of single features: (N, F) numbers or counts, and the labels (N,)
    feature_names: Callable[[int], str] = "feature {}".format
    said: bool | None = None  # whether the result was told beside chance; None: nobody knows


@dataclass(frozen=True)
class Tables:
    """Data as people bring it: one table, or a training and a test part."""

    train: pl.DataFrame
    test: pl.DataFrame | None = None
    text: str | None = None  # the columns' names
    label: str | None = None
    time: str | None = None
    group: str | None = None
    length: int | None = None  # tokens that texts are cut to
    contents: Mapping[str, bytes] = field(default_factory=dict)  # file name -> its bytes as they were read


@dataclass(frozen=True)
class RunRecord:
    """A run, finished or about to be: what it was, what it logged, and its task with the data loaded, if they are."""

    config: Mapping[str, Any]  # the recipe as plain data
    metrics: Mapping[str, Any]  # what metrics.json holds
    history: Sequence[Mapping[str, Any]]  # one object an epoch
    task: Task | None = None
    refits: Sequence[Refit] = ()


@dataclass(frozen=True)
class Source:
    """Python files of a model and its training, read but not run."""

    texts: Mapping[Path, str]


@dataclass(frozen=True)
class ByHand:
    """Gradients written by hand, in NumPy."""

    parameters: Mapping[str, Floats]  # float64, moved in place and put back
    loss: Callable[[], float]
    gradients: Callable[[], Mapping[str, Floats]]


@dataclass(frozen=True)
class Patient:
    """Whatever is known; None is not known."""

    model: Subject | None = None
    by_hand: ByHand | None = None
    forecast: Forecast | None = None
    classes: Classes | None = None
    tables: Tables | None = None
    run: RunRecord | None = None
    source: Source | None = None
    not_known: Mapping[str, str] = field(default_factory=dict)  # part -> why it is not known
