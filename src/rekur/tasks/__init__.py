"""Tasks by the name a recipe gives them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rekur.config import Config
from rekur.errors import ConfigError, nearest

if TYPE_CHECKING:
    from rekur.tasks.base import Task

TASKS = {
    "text": "TextClassification",
    "rows": "ImageRows",
    "series": "NextValue",
    "forecast": "Forecasting",
    "generate": "Generate",
    "shapes": "Shapes",
    "tag": "Tagging",
    "frames": "Frames",
    "translate": "Translation",
    "describe": "describe",
    "sequences": "sequences",
}


def create(config: Config, seed: int = 1, data_dir: Path | None = None) -> Task:
    """Return the task of `config`, its `[data]` checked, nothing loaded yet."""
    name = config.recipe.task
    if name not in TASKS:
        raise ConfigError(f"recipe.task: no task is called `{name}`. {nearest(name, TASKS)}")
    kind = getattr(import_module(f"rekur.tasks.{name}"), TASKS[name])
    task: Task = kind(config, seed, data_dir)
    return task
