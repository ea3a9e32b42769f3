"""What every task tells the training loop, and nothing more.

A task owns its data after the split: it hands out batches, computes the loss, validates, and, once, tests.
It is the only place where data, model, loss, metrics and baselines meet.

Arrays are NumPy's up to the door of the model. Loading torch takes longer than most predictions, so a task imports
only at its top what `restore` and `predict` need: torch in `build` and `step`, data sets in `load`, scikit-learn in
`baselines`, polars where there is a table.
"""

from __future__ import annotations

import abc
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rekur import config as configuration
from rekur.architecture import Architecture
from rekur.config import Config, Settings
from rekur.errors import ConfigError, DataError
from rekur.evaluation.outcomes import Outcome
from rekur.inference import Forecaster, Network
from rekur.tasks import checks
from rekur.tasks.case import Case, Features, Refit

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor, nn

    Model = nn.Module | Network | Forecaster  # what predicts: torch's module, or the same model without torch

Inputs = NDArray[Any] | tuple[NDArray[Any] | None, ...]  # ids or values, or ids and evidence, or what forecasters read
State = Any  # a recurrent state, as the model gave it; None at first


@dataclass(frozen=True)
class Step:
    """What one training batch gave."""

    loss: Tensor  # () mean over `count`, differentiable
    count: int  # items the mean is over
    state: State = None  # the state to carry to the next batch (truncated BPTT), detached; None elsewhere
    metrics: Mapping[str, Tensor] = field(default_factory=dict)  # further means over `count`, detached


@dataclass(frozen=True)
class Test:
    """What the model did on the test part."""

    outcome: Outcome
    predictions: pl.DataFrame  # id, truth, prediction, and probability_<class> or other columns
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)  # name -> further table for the report
    extra: Mapping[str, Any] = field(default_factory=dict)  # JSON for the report: samples, shapes


class Task(abc.ABC):
    """One kind of work. Subclasses are final and live in a file each."""

    Data: ClassVar[type[Settings]]  # the settings of [data]
    metric: ClassVar[str]  # the metric a verdict is about
    higher_is_better: ClassVar[bool]
    paired_test: ClassVar[str]  # mcnemar | diebold_mariano | bootstrap
    block: ClassVar[int] = 1  # test items that depend on their neighbours are resampled this many at a time
    reads: ClassVar[frozenset[str]] = frozenset()  # which settings of `checks.OPTIONAL` count here
    begun: bool = False  # whether `build` returns a model worth keeping untrained: it is then the first candidate
    given: Any = None  # what a caller in Python gives in place of a file: `load` reads it first

    def __init__(self, config: Config, seed: int, data_dir: Path | None = None) -> None:
        self.config = config
        self.seed = seed
        self.data_dir = data_dir
        self.data = configuration.check(self.Data, config.data, "data")
        self.warnings: list[str] = []
        if faults := [*checks.faults(config, self.reads), *self.faults()]:
            raise ConfigError("\n".join(faults))

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each contradiction of the settings that the schema cannot see."""
        yield from ()

    @abc.abstractmethod
    def load(self) -> None:
        """Read the data, split it, and fit vocabulary and scaler on the training part."""

    @abc.abstractmethod
    def files(self) -> dict[str, str]:
        """Return the JSON files a prediction needs beside the weights: vocabulary.json, scaler.json."""

    @abc.abstractmethod
    def restore(self, files: Mapping[str, str]) -> None:
        """Take back what `files` gave, in place of `load`, to predict new input."""

    @abc.abstractmethod
    def architecture(self) -> Architecture:
        """Return what the model is made of; the data are loaded or restored."""

    def build(self) -> nn.Module:
        """Return the untrained model; the caller has seeded torch."""
        from rekur import models

        return models.build(self.architecture())

    @abc.abstractmethod
    def batches(self, epoch: int) -> Sequence[NDArray[np.int64]]:
        """Return the rows of each training batch of `epoch` (from 0), a function of seed and epoch alone."""

    @abc.abstractmethod
    def step(self, model: nn.Module, rows: NDArray[np.int64], state: State) -> Step:
        """Forward and loss of one training batch; `state` is what the batch before returned, None at first."""

    @abc.abstractmethod
    def validate(self, model: Model) -> dict[str, float]:
        """Metrics of the validation part, ``loss`` among them; {} where the recipe keeps none."""

    def settle(self, model: nn.Module) -> bool:  # noqa: ARG002
        """Change the trained model, in eval mode, as the validation part asks; say whether anything was changed."""
        return False

    @abc.abstractmethod
    def test(self, model: Model) -> Test:
        """Predict the test part. Called once, at the end."""

    @abc.abstractmethod
    def baselines(self) -> dict[str, Outcome]:
        """Fit the cheap rivals on the same training rows and score them on the same test items."""

    @abc.abstractmethod
    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict new inputs, one JSON object each; see each task for the form of an input."""

    @abc.abstractmethod
    def case(self, rows: NDArray[np.int64]) -> Case:
        """Return the training rows as the doctor examines them: what the model reads, and the loss of its answer."""

    def refits(self) -> Sequence[Refit]:
        """Fit vocabulary and scaler again on the training part alone; the data are loaded."""
        return ()

    def features(self) -> Features | None:
        """Return the training part as a table, for probes of single features; None where there is no such table."""
        return None

    def preprocessing(self) -> dict[str, Any]:
        """Return how an input becomes what the model reads, as JSON for programs without rekur.

        `lengths` says whether the model is told how many steps of each row count, `state` whether it goes on from a
        state it gave before. The other words are the task's own; see docs/export.md.
        """
        return {"lengths": True}

    def epoch_notes(self, model: Model) -> dict[str, Any]:  # noqa: ARG002
        """Return what the history of an epoch should hold besides losses and metrics."""
        return {}

    def training_metrics(self, history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Return what a figure published for the training part stands beside: means over the last epoch."""
        last = history[-1] if history else {}
        return {name: last[name] for name in ("loss", "accuracy") if name in last}

    def sizes(self, model: Model) -> dict[str, float]:  # noqa: ARG002
        """Return what forms of a recipe are compared by besides figures: vocabulary, length, speed of predictions."""
        return {}

    def generator(self, *words: int) -> np.random.Generator:
        """Return the generator of one stochastic part, named by integers, from the run's seed."""
        return np.random.default_rng([self.seed, *words])


def stored_names(text: str, file: str) -> tuple[str, ...]:
    """Return the names that `file` of a run lists; raises DataError unless they are texts, each once."""
    names = json.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len({*names}) != len(names):
        raise DataError(f"{file} must be a list of names, each once; got something else. Train the model again.")
    return tuple(names)


def for_many(model: Model, ids: int) -> Model:
    """Return the model for a job of so many ids in all; see `rekur.inference.Network.for_many`."""
    return model.for_many(ids) if isinstance(model, Network) else model


def computed(
    model: Model, inputs: Any, lengths: NDArray[np.int64] | None = None, state: State = None
) -> tuple[NDArray[Any], State]:
    """Return the outputs of `model` as an array, and the state it ends in; `inputs` are `Inputs`.

    Nothing is kept for a gradient.
    """
    if isinstance(model, Network | Forecaster):
        return model(inputs, lengths, state)
    import torch

    with torch.inference_mode():
        outputs, state = model(inputs, lengths, state)
    return outputs.cpu().numpy(), state


def seed_torch(seed: int) -> None:
    """Seed torch's global generator, which initialisation and dropout draw from."""
    import torch

    torch.manual_seed(seed)
