"""The forms of a recipe: `[compare]` names each, and what it changes; the one that changes nothing is the run itself.

    [compare]
    characters = {}
    jamo = { "data.tokenizer" = "jamo" }

Every other form is a run of its own inside the run's folder: same seed, budget and test items, so that each is
compared with the run item by item.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rekur import config as configuration
from rekur.config import Config
from rekur.errors import ConfigError, DataError, MissingPackage
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.runs import Run
from rekur.tasks.base import Task
from rekur.tasks.classification import Classification
from rekur.training import results
from rekur.training.events import Audience

FOLDER = "forms"
KEPT = ("test", "interval", "parameters", "epochs", "items_per_second", "sizes")


def check(config: Config, task: Task) -> None:
    """Raise ConfigError unless one form of `config` changes nothing and every other is a recipe."""
    if not config.compare:
        return
    if not isinstance(task, Classification):
        raise ConfigError(f"[compare] is for tasks that tell classes; got `{config.recipe.task}`. Leave it out.")
    if odd := [name for name in config.compare if not re.fullmatch(r"\w[\w .+-]*", name)]:
        raise ConfigError(f"[compare]: a form is called by letters and digits, as its folder is; got {odd[0]!r}.")
    plain = [name for name, changes in config.compare.items() if not changes]
    if len(plain) != 1:
        raise ConfigError(f"[compare] needs one form without changes, the run itself; got {len(plain)}.")
    others(config)


def others(config: Config) -> dict[str, Config]:
    """Return the recipe of each form but the run's own; raises ConfigError for a change that cannot be."""
    alone = config.model_copy(update={"compare": {}})
    return {name: configuration.override(alone, changes) for name, changes in config.compare.items() if changes}


def place(folder: Run, name: str) -> Path:
    """Return where the run of the form `name` is, or will be."""
    return folder.path / FOLDER / name


def train(
    run: Callable[..., Run], folder: Run, config: Config, task: Task, audience: Audience, data_dir: Path | None
) -> dict[str, Run]:
    """Train the other forms by `run` (`experiment.run`), or go on where they stand.

    A form that needs a package which is not there is left out, with a warning.
    """
    about, done = folder.about(), {}
    same = {key: about[key] for key in ("seed", "device", "threads")}
    common: dict[str, Any] = {"data_dir": data_dir, "listeners": audience.listeners, "form": True}
    for name, other in others(config).items():
        audience.on_note(f"{config.recipe.name}: the form {name}")
        inside = place(folder, name)
        begun = (inside / "config.toml").exists()
        try:
            done[name] = run(None, resume=inside, **common) if begun else run(other, out=inside, **same, **common)
        except MissingPackage as error:
            task.warnings.append(f"The form {name} is left out. {error}")
            audience.on_warning(task.warnings[-1])
    return done


def finished(folder: Run, config: Config) -> dict[str, Run]:
    """Return the finished runs of the other forms; one that could not be made has none."""
    runs = {name: Run(place(folder, name)) for name in others(config)}
    return {name: run for name, run in runs.items() if run.finished()}


def outcome(run: Run) -> Outcome:
    """Score the predictions of a run again, item by item."""
    table = run.predictions()
    return outcomes.classification(table["truth"].to_numpy(), table.select("^probability_.*$").to_numpy())


def scored(runs: Mapping[str, Run], ours: Outcome) -> dict[str, Outcome]:
    """Return the outcomes of the other forms; raises DataError for one that was tested on other items than ours."""
    found = {name: outcome(run) for name, run in runs.items()}
    for name, theirs in found.items():
        if not np.array_equal(theirs.details["truth"], ours.details["truth"]):
            raise DataError(f"[compare]: the form `{name}` was tested on other items than the run itself.")
    return found


def rows(config: Config, task: Task, ours: Outcome, metrics: Mapping[str, Any], runs: Mapping[str, Run]) -> list[Any]:
    """Return one object a form, as the recipe orders them: figures, cost, and how it stands beside the run itself."""
    found = []
    for name, changes in config.compare.items():
        if not changes:
            found.append({"form": name, **_kept(metrics), "versus": None})
        elif name in runs:
            versus = results.figures(task, outcome(runs[name]), {config.recipe.name: ours})["versus"]
            found.append({"form": name, **_kept(runs[name].metrics()), "versus": versus})
    return found


def _kept(metrics: Mapping[str, Any]) -> dict[str, Any]:
    seconds = metrics["seconds"]
    return {**{name: metrics[name] for name in KEPT}, "seconds": {part: seconds[part] for part in ("data", "train")}}
