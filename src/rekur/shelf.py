"""The shelf: run a recipe by name, write its report, and put measured figures beside published ones."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rekur import config as configuration
from rekur import runs
from rekur.config import Config
from rekur.errors import RefusedModelError, RequestError
from rekur.evaluation import telling
from rekur.runs import Run

if TYPE_CHECKING:
    from rekur.training.events import Listener

STARTER = ("hello-rnn", "kospi-gru", "nsmc-sample", "digits-rows", "shakespeare-short")
LONGEST = ("nsmc-sample", "shakespeare-short", "digits-rows")  # of these; begun first, so that none is waited for


@dataclass(frozen=True)
class Result:
    """A finished run and its report.

    >>> result = rekur.run("kospi-gru")  # doctest: +SKIP
    >>> result.metrics["test"]["rmse"], result.sentence  # doctest: +SKIP
    """

    run: Run

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The object `rekur run --json` prints."""
        return self.run.metrics()

    @property
    def path(self) -> Path:
        """The run folder, which `rekur.load` takes."""
        return self.run.path

    @property
    def report(self) -> Path:
        """The page of the run."""
        return self.run.report_path

    @property
    def verdict(self) -> str:
        """Not distinguishable from chance, or against the best baseline: better, not distinguishable or worse."""
        return telling.word(self.metrics)

    @property
    def sentence(self) -> str:
        """The verdict for people, in one sentence."""
        return str(self.metrics["sentence"])


def run(
    name: str = "",
    *,
    out: Path | str | None = None,
    data: Path | str | None = None,
    seed: int | None = None,
    device: str | None = None,
    threads: int | None = None,
    epochs: int | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: Path | str | None = None,
    listeners: Sequence[Listener] = (),
) -> Result:
    """Train and test the recipe `name` and write its report.

    Args:
        name: a recipe of the shelf, or the path of a TOML file; not given with `resume`.
        out: the run folder, new or empty; by default the next free place under ``./runs``.
        data: folder with the data sets; else ``REKUR_DATA``, the cache, the embedded copy, the publisher.
        seed: by default 1. Same seed, machine and thread count: same bits.
        device: by default "auto", the CPU.
        threads: by default found by a short calibration.
        epochs, settings: changes of the recipe; `settings` has dotted keys: ``{"model.hidden": 64}``.
        resume: an interrupted run to take up again, with its own settings.
        listeners: told what happens while it trains.

    Raises RequestError (exit code 2) for what the caller can mend, and RekurError when the work failed.
    """
    options: dict[str, Any] = {"data": data, "seed": seed, "device": device, "threads": threads, "listeners": listeners}
    if resume is not None:
        check_same(Run.open(Path(resume)).about(), {"seed": seed, "device": device, "threads": threads})
        return train(_resumed(Path(resume), name, settings, epochs), resume=resume, **options)
    return train(changed(configuration.load(name), settings, epochs), out=out, **options)


def train(
    config: Config,
    *,
    out: Path | str | None = None,
    data: Path | str | None = None,
    seed: int | None = None,
    device: str | None = None,
    threads: int | None = None,
    resume: Path | str | None = None,
    listeners: Sequence[Listener] = (),
) -> Result:
    """Train and test a recipe that is not on the shelf, and write its report; arguments as of `run`."""
    from rekur import report
    from rekur.doctor import runs as doctor
    from rekur.training import experiment

    finished = experiment.run(
        config,
        out=Path(out) if out is not None else None,
        data_dir=Path(data) if data is not None else None,
        seed=1 if seed is None else seed,
        device=device or "auto",
        threads=threads,
        resume=Path(resume) if resume is not None else None,
        listeners=listeners,
        examine=doctor.at_the_end,
    )
    report.page(finished)
    return Result(finished)


def starter(
    *, out: Path | str | None = None, workers: int = 1, listeners: Sequence[Listener] = (), **options: Any
) -> tuple[list[Result], Path]:
    """Run the starter shelf, on data inside the package; return the results and their common page.

    With `workers` above 1 that many recipes run at a time, each in a process of its own, on one thread.
    """
    from rekur import report

    place = Path(out) if out is not None else runs.free_place("starter")
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise RequestError(f"--out must be a new or empty folder; got {place}, which is neither. Name another.")
    try:
        if workers > 1:
            from rekur.training import abreast

            tell = [listener.on_note for listener in listeners]
            abreast.run(sorted(STARTER, key=_begun_first), place, workers, options, tell)
            results = [Result(Run.open(place / name)) for name in STARTER]
        else:
            results = [run(name, out=place / name, listeners=listeners, **options) for name in STARTER]
    except BaseException:
        if out is None:
            with contextlib.suppress(OSError):  # it holds what is worth keeping
                place.rmdir()
                place.parent.rmdir()
        raise
    return results, report.shelf_page([result.run for result in results], place / "report.html")


def _begun_first(name: str) -> int:
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def changed(config: Config, settings: Mapping[str, Any] | None, epochs: int | None) -> Config:
    """Return a recipe with dotted keys changed, and the number of its epochs."""
    changes = dict(settings or {})
    if epochs is not None:
        changes["training.epochs"] = epochs
    return configuration.override(config, changes)


def _resumed(place: Path, name: str, settings: Mapping[str, Any] | None, epochs: int | None) -> Config:
    from rekur.training import experiment

    config, _ = experiment.settings_of(Run.open(place))
    if settings or epochs is not None:
        raise RequestError("--resume goes on with the run's own settings; leave out --set and --epochs.")
    if name and name != config.recipe.name:
        raise RequestError(f"--resume {place} is a run of `{config.recipe.name}`; got the name `{name}`. Leave it out.")
    return config


def check_same(about: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise RequestError where something given differs from what the run was begun with, which `about` says."""
    for name, value in given.items():
        if value is not None and value != about.get(name) and (name, value) != ("device", "auto"):
            raise RequestError(
                f"--resume goes on with the run's own --{name}, {about.get(name, 'to be calibrated')}; got {value}. "
                "Leave it out, or begin a new run."
            )


# figures


@dataclass(frozen=True)
class Entry:
    """A recipe as the shelf shows it."""

    config: Config
    measured: dict[str, Any] | None  # what `record` gives

    def as_json(self) -> dict[str, Any]:
        """Return the object of `rekur recipes --json`."""
        about, published = self.config.recipe, self.config.published
        return {
            "name": about.name,
            "title": about.title,
            "chapter": about.chapter,
            "task": about.task,
            "faults": list(about.faults),
            "mends": list(about.mends),
            "published": published.model_dump(mode="json"),
            "measured": self.measured,
        }


def entries(root: Path | None = Path("runs")) -> list[Entry]:
    """Return every recipe with its last measured figure, by name.

    It comes from the newest run under `root` that is the recipe as shipped, or else from the record.
    """
    found = {**measured(), **(_local(root) if root else {})}
    return [Entry(configuration.load(name), found.get(name)) for name in configuration.names()]


def measured() -> dict[str, dict[str, Any]]:
    """Return the record that ships with rekur: recipe -> figure, date, seed, machine, command."""
    file = resources.files("rekur") / "recipes" / "measured.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def record(run: Run) -> dict[str, Any]:
    """Return what the shelf keeps of a finished run."""
    config, metrics = configuration.parse(run.config_text(), str(run.path)), run.metrics()
    versus = metrics.get("versus") or {}
    forms = {"compared": metrics["compared"]} if metrics.get("compared") else {}
    return {
        **forms,
        "part": config.published.part,
        "metrics": figures(config, run),
        "test": metrics["test"],
        "baseline": versus.get("baseline"),
        "verdict": telling.word(metrics),
        "seed": metrics["seed"],
        "seconds": metrics["seconds"]["total"],
        "training_seconds": metrics["seconds"]["train"],
        "items_per_second": metrics.get("items_per_second"),  # None in runs older than the figure
        "peak_memory": metrics.get("peak_memory"),
        "threads": metrics["threads"],
        "date": metrics["date"][:10],
        "machine": metrics["machine"],
        "command": f"rekur run {config.recipe.name} --seed {metrics['seed']}",
    }


def as_shipped(config: Config) -> bool:
    """Say whether a run's recipe is the one of the shelf: the words of it may change, the settings may not."""
    recipe = configuration.load(config.recipe.name)
    parts = ("model", "training", "script", "compare")
    if any(getattr(config, part) != getattr(recipe, part) for part in parts):
        return False
    from rekur.training.experiment import resolved  # late: it imports torch

    return resolved(config).data == resolved(recipe).data


def figures(config: Config, run: Run) -> dict[str, float]:
    """Return the measured numbers that stand beside the published ones, of the same part and metric."""
    metrics, published = run.metrics(), config.published
    by_part = {"train": metrics["training"], **metrics}
    found = by_part.get(published.part) or {}
    told = (metrics.get("versus") or {}).get("metric")  # without rivals, the task's first metric
    wanted = list(published.metrics) or ([told] if told else list(found)[:1])
    return {name: found[name] for name in wanted if found.get(name) is not None}


def _local(root: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, tuple[float, dict[str, Any]]] = {}
    for path in sorted([*root.glob("*/metrics.json"), *root.glob("*/*/metrics.json")]):
        try:
            run = Run.open(path.parent)
            config = configuration.parse(run.config_text(), str(path))
            name, when = config.recipe.name, path.stat().st_mtime
            if not as_shipped(config) or when < found.get(name, (0.0, {}))[0]:
                continue
            found[name] = (when, record(run))
        except (RequestError, RefusedModelError, OSError, KeyError):
            continue  # a run of another version or a damaged one has no place on the shelf
    return {name: entry for name, (_, entry) in found.items()}
