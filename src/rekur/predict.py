"""A run folder and new input to predictions: `rekur predict`, and `rekur.load` from Python."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rekur import config as configuration
from rekur import engine, inference, tasks
from rekur.architecture import check
from rekur.config import Config
from rekur.errors import ConfigError, RefusedModelError, RequestError, in_a_line
from rekur.inference import Forecaster, Network
from rekur.runs import Run
from rekur.sampling import Sampling
from rekur.storage import Arrays
from rekur.tasks.base import Task

if TYPE_CHECKING:
    import polars as pl
    from torch import nn

    from rekur.data.sources import Source
    from rekur.evaluation.forecasting import conformal


@dataclass(frozen=True)
class Predictor:
    """A trained model, ready for input it has not seen. Make one with `load`."""

    run: Run
    config: Config
    task: Task
    weights: Arrays  # by name, checked

    @cached_property
    def model(self) -> nn.Module:
        """The model as a torch module, in evaluation mode; it predicts where there is no engine."""
        from rekur.models import fill
        from rekur.nn.initialise import Uninitialised
        from rekur.nn.threads import flush_denormals

        flush_denormals()
        with Uninitialised():
            model = self.task.build()
        fill(model, self.weights, self.run.path)
        return model.eval()

    @cached_property
    def network(self) -> Network | Forecaster:
        """The model without torch, which takes longer to load than most predictions to make."""
        return inference.make(self.task.architecture(), self.weights)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """How good the model was on its test part: the object of `rekur run --json`."""
        return self.run.metrics()

    @property
    def column(self) -> str:
        """The column of a table that holds this model's texts, as its training file called it."""
        task = self.config.recipe.task
        named = getattr(self.task.data, "text", "") if task in ("text", "sequences") else ""
        return str(named or ("source" if task == "translate" else "text"))

    @property
    def fastest(self) -> nn.Module | Network | Forecaster:
        """What predicts here: the model without torch, or with it where there is no engine."""
        return self.model if engine.selected() == "torch" else self.network

    def predict(self, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict each of `inputs`; one dict each, with ``prediction`` in it.

        An input is a text (task text), the beginning of a text (generate), a window (T, I) of numbers in
        the units of the training columns (series), an image (height, width) (rows), a strip of digits (frames), a
        sentence, its words in a list or apart by blanks (tag), a sentence as people write it (translate), or the name
        of a class, a row of numbers, or an image or its path (describe); others raise DataError.
        """
        return self.task.predict(self.fastest, inputs)

    def write(
        self, prompt: str = "", *, temperature: float | None = None, top_k: int = 0, top_p: float = 1.0, seed: int = 1
    ) -> Iterator[str]:
        """Return what a language model writes behind `prompt`, a character or word at a time, without end.

        The same seed writes the same text; see `rekur.sampling.Sampling` for the other settings. Raises RequestError
        for a run of another task, and DataError, at the first piece, for a prompt the model cannot read.

        >>> "".join(itertools.islice(rekur.load("runs/shakespeare-best-1").write("KING "), 200))  # doctest: +SKIP
        """
        from rekur.tasks.generate import Generate

        if not isinstance(self.task, Generate):
            task = self.config.recipe.task
            raise RequestError(f"This run does not write: its task is `{task}`. `rekur predict` predicts with it.")
        own = self.task.data.temperature
        sampling = Sampling(own if temperature is None else temperature, top_k, top_p)
        return self.task.write(self.fastest, prompt, sampling, np.random.default_rng(seed))

    def forecast(self, history: pl.DataFrame | Source | None = None) -> pl.DataFrame:
        """Return unique_id, ds, forecast, q05 ... q95 of the steps behind the end of each series.

        Args:
            history: a table as the one it was trained on, with newer values; None: the end of the training table.

        Raises RequestError for a run of another task, DataError for a table that does not fit.
        """
        if self.config.recipe.task != "forecast":
            task = self.config.recipe.task
            raise RequestError(f"This run does not forecast a horizon: its task is `{task}`. Use `rekur predict`.")
        from rekur.tasks.forecast import Forecasting

        assert isinstance(self.task, Forecasting)
        table = history if history is not None else self.run.table("history")
        return self.task.forecast(self.fastest, table, self.corrections, own=history is None)

    @property
    def corrections(self) -> conformal.Corrections | None:
        """What a run of the task `forecast` adds to its quantiles, found on its validation part."""
        from rekur.evaluation.forecasting import conformal

        held = self.run.extra().get("conformal")
        return None if held is None else conformal.Corrections.from_json(held)

    def score(self, file: Path | str) -> dict[str, Any]:
        """Test the model on a labelled file; return the object of `rekur evaluate RUN FILE --json`.

        Raises RequestError for tasks that read no labelled file, DataError for a file that does not fit.
        """
        from rekur import scoring

        found = scoring.score(self.task, self.model, Path(file))
        return {**found, "run": str(self.run.path), "epochs": self.metrics["epochs"]}


def load(path: Path | str) -> Predictor:
    """Open the run folder at `path` to predict with it.

    Nothing in the folder is executed: settings are checked against their schema, and every weight against
    the model those settings describe, before memory is taken for that model. Raises RequestError if there is
    no run, and RefusedModelError (exit code 5) if the folder is damaged, hostile or of a newer rekur.

    >>> rekur.load("runs/nsmc-sample-1").predict(["재미있다"])  # doctest: +SKIP
    """
    run = Run.open(path)
    values = run.settings()
    about = values.pop("run", {})
    config = _config(run, values)
    run.metrics()  # a run that is not finished says so, and how to go on
    seed = about.get("seed", 1)
    with _refusing(run, config):
        return _checked(run, config, seed if type(seed) is int and seed >= 0 else 1)


def _config(run: Run, values: dict[str, Any]) -> Config:
    try:
        return configuration.check(Config, values, "")
    except ConfigError as error:
        said = in_a_line(error)
        raise RefusedModelError(f"The run folder {run.path} is damaged or of another rekur: {said}.") from None


@contextlib.contextmanager
def _refusing(run: Run, config: Config) -> Iterator[None]:
    """Whatever goes wrong while a stored model is built is the folder's fault."""
    try:
        yield
    except (RequestError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise RefusedModelError(
            f"The run folder {run.path} is damaged: its vocabulary, scaler or settings cannot be read "
            f"({type(error).__name__}: {in_a_line(error)}). Train it again{_how(config)}."
        ) from None


def _how(config: Config) -> str:
    """Return the command that trained a recipe of the shelf or a file; "" for what was fitted in Python."""
    if config.recipe.name in configuration.names():
        return f" with `rekur run {config.recipe.name}`"
    named = [str(config.data.get(name) or "") for name in ("path", "train", "train_source", "train_target")]
    places = [place for place in named if Path(place).is_absolute()]  # as `rekur fit` names files; Python names none
    return f" with `rekur fit {' '.join(places)}`" if places else ""


def _checked(run: Run, config: Config, seed: int) -> Predictor:
    task = tasks.create(config, seed)
    task.restore(run.files())
    expected = task.architecture().weights()
    most = sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in expected.values())
    weights = run.load_model(most)
    check(expected, weights, run.path)
    return Predictor(run, config, task, weights)
