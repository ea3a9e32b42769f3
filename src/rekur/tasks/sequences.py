"""Many-to-one on data of your own: numeric sequences to a class or to a number, and texts to a number."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rekur.config import Config
from rekur.errors import ConfigError, nearest

if TYPE_CHECKING:
    from rekur.tasks.base import Task

KINDS = {"class": "classes.SequenceClasses", "number": "values.SequenceValues"}  # data.predicts -> what answers


def sequences(config: Config, seed: int = 1, data_dir: Path | None = None) -> Task:
    """Return the task that answers with what `data.predicts` says."""
    name = config.data.get("predicts", "class")
    if not isinstance(name, str) or name not in KINDS:
        raise ConfigError(f"Setting `data.predicts`: a class or a number; got `{name}`. {nearest(str(name), KINDS)}")
    module, _, kind = KINDS[name].partition(".")
    task: Task = getattr(import_module(f"rekur.tasks.sequencing.{module}"), kind)(config, seed, data_dir)
    return task
