"""A fit several times over: the folds of a cross-validation, or several seeds, and their mean and spread.

The folder holds a run folder for each, and `repeats.json`, which says what they are; an interrupted fit goes on where
it stopped.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rekur import config as configuration
from rekur import runs, shelf, storage
from rekur.config import Config
from rekur.errors import ConfigError, Interrupted, RefusedModelError, RequestError
from rekur.evaluation import names
from rekur.runs import SEVERAL, Run
from rekur.wording import counted

if TYPE_CHECKING:
    from rekur.training.events import Listener

RESULT = "summary.json"
MOST_FOLDS = 100


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
    if folds > MOST_FOLDS:
        raise RequestError(f"--folds takes 2 to {MOST_FOLDS}; got {folds}.")
    several = [seed + number for number in range(seeds or 1)]
    if not folds:
        return [{"name": f"seed-{one}", "seed": one, "fold": None} for one in several]
    return [
        {"name": f"fold-{fold + 1}" + (f"-seed-{one}" if seeds else ""), "seed": one, "fold": fold}
        for fold in range(folds)
        for one in several
    ]


@dataclass(frozen=True)
class Several:
    """What `repeats.json` says."""

    config: Config
    members: Sequence[Mapping[str, Any]]  # the name of each run's folder, its seed, its fold
    folds: int
    device: str | None  # None in both: whatever the first of the runs computes on
    threads: int | None


def begin(
    config: Config,
    members: Sequence[Mapping[str, Any]],
    folds: int,
    out: Path | None,
    device: str | None = None,
    threads: int | None = None,
) -> Path:
    """Make the folder of the runs and say in it what they are, and on what they compute.

    Raises RequestError where something is in it, and for a device that is not there.
    """
    from rekur.training import devices

    device = str(devices.choose(device or "auto"))
    place = out or runs.free_place(config.recipe.name)
    with storage.explained(place):
        place.mkdir(parents=True, exist_ok=True)
    with Run(place).alone():
        if any(place.iterdir()):
            raise RequestError(
                f"The folder {place} is not empty, and a fit never overwrites anything. Give another --out, or go on "
                f"with `rekur fit --resume {place}`."
            )
        here = {"device": device, "threads": threads}
        values = {"folds": folds, **here, "runs": list(members), "config": configuration.dump(config)}
        storage.write_whole(place / SEVERAL, storage.to_json(values, indent=2) + "\n")
    return place


def go(place: Path, listeners: Sequence[Listener] = (), **given: Any) -> dict[str, Any]:
    """Do the runs that are not done yet, one after another; return the summary, which is written, too.

    `given` are the seed, the device and the threads the caller expects, each None for whatever they are. Raises what
    `rekur.run` raises; what is finished stays, and where nothing was begun, nothing does.
    """
    several = _read(place)
    shelf.check_same({**_computed_on(place, several), "seed": several.members[0]["seed"]}, given)
    with Run(place).alone(), _left_in_order(place):
        metrics = [_one(place, several, member, listeners) for member in several.members]
        found = summary(several.config, place, several.members, metrics)
        storage.write_whole(place / RESULT, storage.to_json(found, indent=2) + "\n")
    return found


@contextlib.contextmanager
def _left_in_order(place: Path) -> Iterator[None]:
    """Say how to go on with all the runs where one is interrupted; remove a folder in which none was begun."""
    try:
        yield
    except (RequestError, Interrupted, KeyboardInterrupt) as error:
        begun = any(entry.is_dir() for entry in place.iterdir())
        if not begun:
            (place / SEVERAL).unlink()
            with contextlib.suppress(OSError):
                place.rmdir()
        if isinstance(error, RequestError):
            raise
        if begun:
            raise Interrupted(f"Interrupted. Continue with `rekur fit --resume {place}`.") from None
        raise Interrupted("Interrupted before the training began; nothing was written.") from None


def _read(place: Path) -> Several:
    try:
        values = json.loads((place / SEVERAL).read_text(encoding="utf-8"))
        config = configuration.parse(values["config"], str(place / SEVERAL))
        members = [{"name": str(m["name"]), "seed": int(m["seed"]), "fold": m["fold"]} for m in values["runs"]]
        if any("/" in member["name"] or member["name"].startswith(".") for member in members):
            raise ValueError("a run lies outside the folder")
        if not members:
            raise ValueError("it names no runs")
        device, threads = values.get("device"), values.get("threads")  # earlier versions wrote neither
        return Several(
            config,
            members,
            int(values["folds"]),
            None if device is None else str(device),
            None if threads is None else max(1, int(threads)),
        )
    except (OSError, ValueError, KeyError, TypeError, ConfigError, RecursionError) as error:
        raise RefusedModelError(f"{place / SEVERAL} is damaged: {error}.") from None


def _computed_on(place: Path, several: Several) -> dict[str, Any]:
    """Return the device and the threads of all runs: what is not said is that of the first of them, once begun."""
    first = place / str(several.members[0]["name"])
    about = Run.open(first).about() if (first / "config.toml").exists() else {}
    said = {"device": several.device, "threads": several.threads}
    found = {name: about.get(name) if value is None else value for name, value in said.items()}
    return {name: value for name, value in found.items() if value is not None}


def _one(place: Path, several: Several, member: Mapping[str, Any], listeners: Sequence[Listener]) -> dict[str, Any]:
    """Begin a run, or go on with it, or read what it found."""
    folder, config = place / str(member["name"]), several.config
    if (folder / "config.toml").exists():
        run = Run.open(folder)
        return run.metrics() if run.finished() else shelf.train(config, resume=folder, listeners=listeners).metrics
    changes = {"data.folds": several.folds, "data.fold": member["fold"]} if several.folds else {}
    config = configuration.override(config, changes)
    here = _computed_on(place, several)
    return shelf.train(config, out=folder, seed=member["seed"], listeners=listeners, **here).metrics


def summary(
    config: Config, place: Path, members: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the mean and the spread (standard deviation) of every figure, and the verdicts counted.

    The spread is that between folds, of each the mean over its seeds, or between seeds where there are no folds. Runs
    of one fold share their test rows: a spread over all runs would take them for more than they are. With folds and
    several seeds, "between_seeds" is the spread of each seed's mean over the folds.
    """
    keys = {by: [member[by] for member in members] for by in ("fold", "seed")}
    by = "seed" if keys["fold"][0] is None else "fold"
    both = by == "fold" and len(set(keys["seed"])) > 1
    verdicts = [str(one["verdict"]) for one in metrics]
    ours = _over(_means([one["test"] for one in metrics], keys[by]))
    metric = next((one["versus"]["metric"] for one in metrics if one.get("versus")), "")
    metric = metric if metric in ours else next(iter(ours))  # of one run it may have no figure
    rivals = sorted(set.intersection(*(set(one["baselines"]) for one in metrics)))
    found = {
        "recipe": config.recipe.name,
        "task": config.recipe.task,
        "run": str(place),
        "runs": [str(one["run"]) for one in metrics],
        "metric": metric,
        "spread_over": f"{by}s",
        "test": ours,
        "baselines": {name: _over(_means([one["baselines"][name] for one in metrics], keys[by])) for name in rivals},
        "between_seeds": _over(_means([one["test"] for one in metrics], keys["seed"])) if both else {},
        "verdicts": {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))},
        "seconds": {"total": sum(one["seconds"]["total"] for one in metrics)},
    }
    return {**found, "sentence": sentence(found, {by: len(set(values)) for by, values in keys.items()})}


def _means(figures: Sequence[Mapping[str, float | None]], keys: Sequence[Any]) -> list[dict[str, float]]:
    """Return the mean of each figure that every run has, for each of the keys."""
    names = [name for name in figures[0] if all(one.get(name) is not None for one in figures)]
    groups = [[one for one, key in zip(figures, keys, strict=True) if key == wanted] for wanted in dict.fromkeys(keys)]
    return [{name: float(np.mean([one[name] for one in group])) for name in names} for group in groups]


def _over(figures: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean and spread of each figure."""
    values = {name: np.array([one[name] for one in figures], dtype=np.float64) for name in figures[0]}
    return {name: {"mean": float(all.mean()), "spread": float(all.std(ddof=1))} for name, all in values.items()}


def sentence(found: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """Return the summary for people, in one sentence or two; `counts` of folds and of seeds."""
    metric = str(found["metric"])
    about = names.of(metric)
    ours = found["test"][metric]
    each = found["between_seeds"].get(metric)
    of = counted(counts[found["spread_over"].removesuffix("s")], found["spread_over"].removesuffix("s"))
    beside = f", each over {counts['seed']} seeds, between which it is {_spread(metric, each)}" if each else ""
    said = f"{about.name} {_written(metric, ours)} (mean and spread of {of}{beside})"
    rivals = {name: one[metric]["mean"] for name, one in found["baselines"].items() if metric in one}
    if rivals:
        best = (max if about.higher else min)(rivals, key=lambda name: rivals[name])
        said += f"; the best baseline, {best}, {_written(metric, found['baselines'][best][metric])}"
    verdicts = ", ".join(f"{verdict} in {number}" for verdict, number in found["verdicts"].items() if verdict)
    return f"{said}. Verdicts: {verdicts}." if verdicts else f"{said}."


def _written(metric: str, figure: Mapping[str, float]) -> str:
    mean = f"{100 * figure['mean']:.1f}" if names.of(metric).share else f"{figure['mean']:.4g}"
    return f"{mean} ± {_spread(metric, figure)}"


def _spread(metric: str, figure: Mapping[str, float]) -> str:
    return f"{100 * figure['spread']:.1f} %" if names.of(metric).share else f"{figure['spread']:.2g}"
