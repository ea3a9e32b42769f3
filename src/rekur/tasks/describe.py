"""One-to-many: a class, a vector or an image starts a decoder that writes what there is to say of it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rekur.config import Config
from rekur.errors import ConfigError, nearest

if TYPE_CHECKING:
    from rekur.tasks.base import Task

SETS = {  # data.set -> the kind of its sources
    "names": "classes.Classes",
    "classes": "classes.Classes",
    "vectors": "vectors.Vectors",
    "strips": "images.Images",
    "small-strips": "images.Images",
    "files": "images.Images",
}


def describe(config: Config, seed: int = 1, data_dir: Path | None = None) -> Task:
    """Return the task that fits the sources of `data.set`."""
    name = config.data.get("set", "names")
    if not isinstance(name, str) or name not in SETS:
        raise ConfigError(f"Setting `data.set`: no set to describe is called `{name}`. {nearest(str(name), SETS)}")
    module, _, kind = SETS[name].partition(".")
    task: Task = getattr(import_module(f"rekur.tasks.describing.{module}"), kind)(config, seed, data_dir)
    return task
