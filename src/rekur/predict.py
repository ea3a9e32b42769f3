"""A run folder and new input to predictions: `rekur predict`, and `rekur.load` from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from rekur import config as configuration
from rekur import tasks
from rekur.config import Config
from rekur.errors import ConfigError, RefusedModelError, RequestError
from rekur.nn.threads import flush_denormals
from rekur.runs import Run
from rekur.tasks.base import Task


@dataclass(frozen=True)
class Predictor:
    """A trained model, ready for input it has not seen. Make one with `load`."""

    run: Run
    config: Config
    task: Task
    model: nn.Module

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """How good the model was on its test part: the object of `rekur run --json`."""
        return self.run.metrics()

    def predict(self, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict each of `inputs`; one dict each, with ``prediction`` in it.

        An input is a text (task text), the beginning of a text (characters), a window (T, I) of numbers in
        the units of the training columns (series), or an image (height, width) (rows); others raise DataError.
        """
        return self.task.predict(self.model, inputs)


def load(path: Path | str) -> Predictor:
    """Open the run folder at `path` to predict with it.

    Nothing in the folder is executed: settings are checked against their schema, and every weight against
    the model those settings describe, before memory is taken for that model. Raises RequestError if there is
    no run, and RefusedModelError (exit code 5) if the folder is damaged, hostile or of a newer rekur.

    >>> rekur.load("runs/nsmc-sample-1").predict(["재미있다"])  # doctest: +SKIP
    """
    run = Run.open(path)
    config = _config(run)
    task = _restored(run, config)
    model = _filled(task, run.load_model(), run.path)
    flush_denormals()
    return Predictor(run, config, task, model.eval())


def _config(run: Run) -> Config:
    try:
        return configuration.parse(run.config_text(), str(run.path / "config.toml"))
    except ConfigError as error:
        raise RefusedModelError(f"{error} The run folder {run.path} is damaged or of another rekur.") from None


def _restored(run: Run, config: Config) -> Task:
    seed = run.about().get("seed", 1)
    try:
        task = tasks.create(config, seed if isinstance(seed, int) else 1)
        task.restore(run.files())
    except (RequestError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RefusedModelError(
            f"The run folder {run.path} is damaged: its vocabulary, scaler or settings cannot be read "
            f"({type(error).__name__}: {error}). Train it again with `rekur run {config.recipe.name}`."
        ) from None
    return task


class _Uninitialised(TorchFunctionMode):
    """Leave weights as they are where a module would initialise them: the file's take their place."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else None
        return func(*args, **(kwargs or {}))


def _filled(task: Task, weights: Mapping[str, NDArray[Any]], path: Path) -> nn.Module:
    """Return the model of `task` with `weights`, which must be the ones it has: names, shapes, types, finite."""
    if task.config.model.hidden**2 > sum(array.size for array in weights.values()):
        raise RefusedModelError(f"The weights in {path} are fewer than its settings need; one of them is damaged.")
    with _Uninitialised():
        with torch.device("meta"):  # sizes without memory: settings may ask for a petabyte
            faults = _faults(task.build().state_dict(), weights)
        if faults:
            raise RefusedModelError(f"The weights in {path} do not fit its settings: {'; '.join(faults[:5])}.")
        model = task.build()
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return model


def _faults(expected: Mapping[str, Tensor], weights: Mapping[str, NDArray[Any]]) -> list[str]:
    faults = [f"{name} is missing" for name in sorted(expected.keys() - weights.keys())]
    faults += [f"{name} does not belong to it" for name in sorted(weights.keys() - expected.keys())]
    for name in sorted(expected.keys() & weights.keys()):
        wanted, array = expected[name], weights[name]
        if tuple(wanted.shape) != array.shape:
            faults.append(f"{name} must be {tuple(wanted.shape)}; got {array.shape}")
        elif str(wanted.dtype) != f"torch.{array.dtype}":
            faults.append(f"{name} must be {str(wanted.dtype).removeprefix('torch.')}; got {array.dtype}")
        elif not np.isfinite(array).all():
            faults.append(f"{name} holds numbers that are not finite")
    return faults
