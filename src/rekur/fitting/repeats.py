"""A fit several times over: the folds of a cross-validation, or several seeds, and their mean and spread.

The folder holds a run folder for each, and `repeats.json`, which says what they are; an interrupted fit goes on where
it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rekur import config as configuration
from rekur import runs, shelf, storage
from rekur.config import Config
from rekur.errors import ConfigError, RefusedModelError, RequestError
from rekur.evaluation import names
from rekur.runs import Run

PLAN = "repeats.json"
RESULT = "summary.json"


def plan(config: Config, folds: int, seeds: int, seed: int) -> list[dict[str, Any]]:
    """Return what each run changes: its folder's name, its seed and its fold.

    Raises RequestError for folds of a task that splits no rows, and for fewer than two of either.
    """
    if folds and "split" not in config.data and config.recipe.task != "forecast":
        raise RequestError(
            f"--folds deals out the rows of a table, the files of a folder, or the time of series; the task "
            f"`{config.recipe.task}` has none. Take --seeds."
        )
    if min(count for count in (folds, seeds) if count) < 2:
        raise RequestError("--folds and --seeds take 2 or more: one run is what `rekur fit` does without them.")
    several = [seed + number for number in range(seeds or 1)]
    if not folds:
        return [{"name": f"seed-{one}", "seed": one, "fold": None} for one in several]
    return [
        {"name": f"fold-{fold + 1}" + (f"-seed-{one}" if seeds else ""), "seed": one, "fold": fold}
        for fold in range(folds)
        for one in several
    ]


def begin(config: Config, members: Sequence[Mapping[str, Any]], folds: int, out: Path | None) -> Path:
    """Make the folder of the runs and say in it what they are; raises RequestError where something is in it."""
    place = out or runs.free_place(config.recipe.name)
    with storage.explained(place):
        place.mkdir(parents=True, exist_ok=True)
    with Run(place).alone():
        if any(place.iterdir()):
            raise RequestError(
                f"The folder {place} is not empty, and a fit never overwrites anything. Give another --out, or go on "
                f"with `rekur fit --resume {place}`."
            )
        values = {"folds": folds, "runs": list(members), "config": configuration.dump(config)}
        storage.write_whole(place / PLAN, storage.to_json(values, indent=2) + "\n")
    return place


def go(place: Path, **options: Any) -> dict[str, Any]:
    """Do the runs that are not done yet, one after another; return the summary, which is written, too.

    Raises what `rekur.run` raises; what is finished stays.
    """
    config, members, folds = _read(place)
    with Run(place).alone():
        metrics = [_one(place, config, member, folds, options) for member in members]
        found = summary(config, place, metrics)
        storage.write_whole(place / RESULT, storage.to_json(found, indent=2) + "\n")
    return found


def _read(place: Path) -> tuple[Config, list[dict[str, Any]], int]:
    try:
        values = json.loads((place / PLAN).read_text(encoding="utf-8"))
        config = configuration.parse(values["config"], str(place / PLAN))
        members = [{"name": str(m["name"]), "seed": int(m["seed"]), "fold": m["fold"]} for m in values["runs"]]
        if any("/" in member["name"] or member["name"].startswith(".") for member in members):
            raise ValueError("a run lies outside the folder")
        return config, members, int(values["folds"])
    except (OSError, ValueError, KeyError, TypeError, ConfigError, RecursionError) as error:
        raise RefusedModelError(f"{place / PLAN} is damaged: {error}.") from None


def _one(
    place: Path, config: Config, member: Mapping[str, Any], folds: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Begin a run, or go on with it, or read what it found."""
    folder = place / str(member["name"])
    if (folder / "config.toml").exists():
        here = {name: options[name] for name in ("listeners",) if name in options}
        run = Run.open(folder)
        return run.metrics() if run.finished() else shelf.train(config, resume=folder, **here).metrics
    changes = {"data.folds": folds, "data.fold": member["fold"]} if folds else {}
    return shelf.train(
        configuration.override(config, changes), out=folder, **{**options, "seed": member["seed"]}
    ).metrics


def summary(config: Config, place: Path, metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean and the spread (standard deviation between runs) of every figure, and the verdicts counted."""
    verdicts = [str(one["verdict"]) for one in metrics]
    ours = _over([one["test"] for one in metrics])
    metric = next((one["versus"]["metric"] for one in metrics if one.get("versus")), "")
    metric = metric if metric in ours else next(iter(ours))  # of one run it may have no figure
    rivals = sorted(set.intersection(*(set(one["baselines"]) for one in metrics)))
    found = {
        "recipe": config.recipe.name,
        "task": config.recipe.task,
        "run": str(place),
        "runs": [str(one["run"]) for one in metrics],
        "metric": metric,
        "test": ours,
        "baselines": {name: _over([one["baselines"][name] for one in metrics]) for name in rivals},
        "verdicts": {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))},
        "seconds": {"total": sum(one["seconds"]["total"] for one in metrics)},
    }
    return {**found, "sentence": sentence(found, len(metrics))}


def _over(figures: Sequence[Mapping[str, float | None]]) -> dict[str, dict[str, float]]:
    """Return mean and spread of each figure that every run has."""
    found = {}
    for name in figures[0]:
        values = [one.get(name) for one in figures]
        if all(value is not None for value in values):
            numbers = np.array(values, dtype=np.float64)
            found[name] = {"mean": float(numbers.mean()), "spread": float(numbers.std(ddof=1))}
    return found


def sentence(found: Mapping[str, Any], count: int) -> str:
    """Return the summary for people, in one sentence or two."""
    metric = str(found["metric"])
    about = names.of(metric)
    ours = found["test"][metric]
    said = f"{about.name} {_written(metric, ours)} over {count} runs (mean and spread)"
    rivals = {name: one[metric]["mean"] for name, one in found["baselines"].items() if metric in one}
    if rivals:
        best = (max if about.higher else min)(rivals, key=lambda name: rivals[name])
        said += f"; the best baseline, {best}, {_written(metric, found['baselines'][best][metric])}"
    counted = ", ".join(f"{verdict} in {number}" for verdict, number in found["verdicts"].items() if verdict)
    return f"{said}. Verdicts: {counted}." if counted else f"{said}."


def _written(metric: str, figure: Mapping[str, float]) -> str:
    if names.of(metric).share:
        return f"{100 * figure['mean']:.1f} ± {100 * figure['spread']:.1f} %"
    return f"{figure['mean']:.4g} ± {figure['spread']:.2g}"
