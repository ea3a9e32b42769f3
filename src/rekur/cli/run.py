"""`rekur run`: a recipe end to end, or the starter shelf."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Changes, Data, Device, Json, Out, Quiet, Seed, Threads
from rekur.errors import RequestError

if TYPE_CHECKING:
    from rekur.shelf import Result

COLUMNS = ("recipe", "metric", "ours", "95 % interval", "best baseline", "verdict", "published")


def run(
    name: Annotated[
        str,
        typer.Argument(help="A recipe of `rekur recipes`, or a TOML file. None: the starter shelf.", metavar="NAME"),
    ] = "",
    out: Out = None,
    data: Data = None,
    seed: Seed = None,
    device: Device = None,
    threads: Threads = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs, in place of the recipe's.", metavar="N", min=1)] = None,
    settings: Changes = None,
    resume: Annotated[
        Path | None, typer.Option(help="Take up an interrupted run again, to the same bits.", metavar="RUN")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train and test a recipe, and write its report.

    Every step runs: data, training, the test beside its baselines, the report. Without NAME it is the starter
    shelf: five recipes on data inside the package, two at a time, in less than a minute.

    Example: rekur run kospi-gru --seed 2 --set model.hidden=16
    """
    from rekur import config, shelf
    from rekur.training import progress

    common: dict[str, Any] = {
        "data": data,
        "seed": seed,
        "device": device,
        "threads": threads,
        "epochs": epochs,
    }
    common["listeners"] = (progress.Progress(quiet=quiet),)
    if name or resume:
        if resume and out:
            raise RequestError("--resume goes on in the run's own folder; leave out --out.")
        changes = config.parse_assignments(settings or ())
        result = shelf.run(name, out=out, settings=changes, resume=resume, **common)
        show(result, as_json)
        return
    if settings:
        raise RequestError(
            "--set changes one recipe: give its NAME. Example: rekur run kospi-gru --set model.hidden=16"
        )
    began = time.monotonic()
    workers = 1 if threads else min(2, os.cpu_count() or 1)
    results, page = shelf.starter(out=out, workers=workers, **common)
    show_starter(results, page, time.monotonic() - began, as_json)


def show(result: Result, as_json: bool) -> None:
    """Print one recipe's result."""
    if as_json:
        output.emit(result.metrics)
        return
    shown = rows(result)
    width = len(COLUMNS) - all(not row[-1] for row in shown)  # nobody published a figure of a file of one's own
    output.table(COLUMNS[:width], [row[:width] for row in shown])
    if compared := result.metrics.get("compared"):
        from rekur.report.sections import forms

        for table in forms.tables(result.metrics["versus"]["metric"], compared):
            output.table(*table)
    faults = [found["code"] for found in result.metrics.get("findings") or () if found["severity"] == "fault"]
    doctor = f"\nDoctor: {', '.join(faults)}; `rekur doctor {result.path}` explains" if faults else ""
    output.say(f"{result.sentence}{signed(result.metrics)}\n\nReport: {result.report}\nRun:    {result.path}{doctor}")


def signed(metrics: Mapping[str, Any]) -> str:
    """Return a line for each metric whose ways of computing differ, and which was taken."""
    from rekur.evaluation import names

    found = metrics.get("signatures") or {}
    return "".join(f"\n{names.of(metric).name} {signature}" for metric, signature in found.items())


def show_starter(results: Sequence[Result], page: Path, seconds: float, as_json: bool) -> None:
    """Print the starter's results as one table."""
    if as_json:
        output.emit({"runs": [result.metrics for result in results], "report": str(page)})
        return
    output.table(COLUMNS, [row for result in results for row in rows(result)[:1]])
    output.say(f"{len(results)} recipes in {seconds:.0f} s.\n\nReport: {page}\nRuns:   {page.parent}")


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return the table rows of a result: the tested metric, then each published figure of another part."""
    from rekur import config, shelf

    metrics, recipe = result.metrics, config.parse(result.run.config_text(), "config.toml")
    published = recipe.published
    versus = metrics.get("versus") or {}
    metric = versus.get("metric") or next(iter(metrics["test"]), "")
    rival = versus.get("baseline")
    first = (
        recipe.recipe.name,
        f"test {metric}".replace("_", " "),
        output.figure(metric, metrics["test"].get(metric)),
        output.bounds(metric, (metrics.get("interval") or {}).get(metric)),
        f"{output.figure(metric, metrics['baselines'][rival][metric])} {rival}" if rival else "none",
        result.verdict,
        output.figure(metric, published.metrics.get(metric)) if published.part == "test" else "",
    )
    ours = shelf.figures(recipe, result.run)
    others = [
        (
            "",
            f"{published.part} {name}".replace("_", " "),
            output.figure(name, ours.get(name)),
            "",
            "",
            "",
            output.figure(name, value),
        )
        for name, value in published.metrics.items()
        if (published.part, name) != ("test", metric)
    ]
    return [first, *others]
