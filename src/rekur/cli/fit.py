"""`rekur fit`: a model of your own file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Changes, Device, Json, Out, Quiet, Seed, Threads
from rekur.errors import DataError, RequestError
from rekur.wording import counted

if TYPE_CHECKING:
    from rekur.fitting.plan import Plan
    from rekur.fitting.work import Fitting

COVARIATES = ("known", "observed", "static")
BESIDE_RESUME = ("resume", "seed", "device", "threads", "as_json", "quiet")  # the middle three as they were
OPTIONS = ("text", "label", "time", "target", "id", "group", "horizon", "folds")  # that are settings of `[data]`, too


def _column(said: str) -> Any:
    return typer.Option(help=said, metavar="COLUMN")


def fit(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="A table, a text, a folder by class, or two files of parallel texts.", metavar="FILE..."),
    ] = None,
    task: Annotated[
        str, typer.Option(help="text, sequences, forecast, tag, translate, generate or rows.", metavar="NAME")
    ] = "",
    text: Annotated[str, _column("The column of the texts.")] = "",
    label: Annotated[str, _column("The column of the classes, or of the numbers to tell.")] = "",
    time: Annotated[str, _column("The column of dates; rows of texts are then split by it.")] = "",
    target: Annotated[str, _column("The column to forecast, or the number to tell.")] = "",
    id: Annotated[str, _column("The column that says which series or sequence a row belongs to.")] = "",
    group: Annotated[str, _column("Rows of one value of it are never parted: patients, shops, authors.")] = "",
    horizon: Annotated[int, typer.Option(help="Steps to forecast. Default: by the dates.", metavar="N", min=0)] = 0,
    covariates: Annotated[
        str, typer.Option(help="Columns beside a series.", metavar="known=A,B,observed=C,static=D")
    ] = "",
    folds: Annotated[
        int, typer.Option(help="So many folds of a cross-validation; of series, in time.", metavar="N", min=0)
    ] = 0,
    seeds: Annotated[int, typer.Option(help="So many seeds from --seed on: mean and spread.", metavar="N", min=0)] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, the model and the time it will take; train nothing.")
    ] = False,
    out: Out = None,
    seed: Seed = None,
    device: Device = None,
    threads: Threads = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs. Default: by the size.", metavar="N", min=1)] = None,
    settings: Changes = None,
    resume: Annotated[
        Path | None, typer.Option(help="Take up an interrupted fit again, to the same bits.", metavar="RUN")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model of your own file, test it beside baselines, and write its report.

    What to learn is read from the columns and said in one line; options name what the columns do not say. The test
    part is held out first and read once, at the end.

    Example: rekur fit reviews.csv --text review --label sentiment
    """
    from rekur import config, runs, shelf
    from rekur.fitting import repeats, work
    from rekur.fitting.kinds import Given
    from rekur.training import progress

    listener = progress.Progress(quiet=quiet)
    if resume:
        _check_resumed(context)
        same: dict[str, Any] = {"seed": seed, "device": device, "threads": threads}
        if (resume / runs.SEVERAL).exists():
            _show_several(repeats.go(resume, (listener,), **same), as_json)
        else:
            _show(shelf.run(resume=resume, listeners=(listener,), **same), as_json)
        return
    if not paths:
        raise RequestError("Give a file or a folder to learn from. Example: rekur fit reviews.csv")
    given = Given(task, text, label, time, target, id, group, horizon, **parse_covariates(covariates))
    changes = config.parse_assignments(settings or ())
    options: dict[str, Any] = {"device": device, "threads": threads}
    first = 1 if seed is None else seed
    with _in_words_of_fit(paths):
        fitting = work.prepare(paths, given, changes, epochs, first, folds)
        members = repeats.plan(fitting.config, folds, seeds, first) if folds or seeds else []
        _say(fitting, as_json, quiet)
        if dry_run:
            _plan(fitting, first, {**options, "folds": folds, "runs": len(members) or 1}, as_json)
        elif members:
            place = repeats.begin(fitting.config, members, folds, out, **options)
            _show_several(repeats.go(place, (listener,)), as_json)
        else:
            _show(shelf.train(fitting.config, out=out, seed=seed, listeners=(listener,), **options), as_json)


def _check_resumed(context: typer.Context) -> None:
    """Raise RequestError for what is given beside --resume and would go unread."""
    if context.params["paths"]:
        raise RequestError("--resume goes on with the file of its own folder; leave out FILE.")
    named = {param.name: param.opts[0] for param in context.command.params if param.name not in BESIDE_RESUME}
    sources = {option: context.get_parameter_source(name) for name, option in named.items() if name}
    if given := [option for option, source in sources.items() if source and source.name == "COMMANDLINE"]:
        raise RequestError(f"--resume goes on with the run's own settings; leave out {', '.join(given)}.")


@contextlib.contextmanager
def _in_words_of_fit(paths: Sequence[Path]) -> Iterator[None]:
    """Say what is wrong with a file with its name, and settings by the options that give them here."""
    try:
        yield
    except DataError as error:
        said = re.sub(rf"\bdata\.({'|'.join(OPTIONS)})\b", r"--\1", str(error))
        named = any(path.name in said for path in paths)
        raise DataError(said if named else f"{' and '.join(map(str, paths))}: {said}") from None


def parse_covariates(said: str) -> dict[str, tuple[str, ...]]:
    """Turn ``known=price,promo,observed=weather`` into the columns of each kind; raises RequestError."""
    found: dict[str, list[str]] = {}
    kind = ""
    for piece in filter(None, (part.strip() for part in said.replace(";", ",").split(","))):
        before, equals, name = piece.partition("=")
        if equals:
            kind = before.strip()
            if kind not in COVARIATES:
                raise RequestError(f"--covariates: `{kind}` is none of {', '.join(COVARIATES)}.")
        if not kind:
            raise RequestError(f"--covariates takes known=A,B,observed=C,static=D; got `{said}`.")
        found.setdefault(kind, []).append(name.strip() if equals else piece)
    return {name: tuple(filter(None, columns)) for name, columns in found.items()}


def _say(fitting: Fitting, as_json: bool, quiet: bool) -> None:
    """Tell what was read from the file: on stdout for people, on stderr where stdout is one object."""
    if not as_json:
        output.say(fitting.config.recipe.title + ".")
    elif not quiet:
        output.warn(fitting.config.recipe.title + ".")
    if not quiet:
        for note in fitting.kind.notes:
            output.warn(note)


def _show(result: Any, as_json: bool) -> None:
    from rekur.cli import run

    run.show(result, as_json)
    if not as_json:
        task = result.metrics["task"]
        asked = {"forecast": "forecast {}", "generate": "generate {}"}.get(task, "predict {} FILE")
        output.say(f"Next:   rekur {asked.format(result.path)}")


def _show_several(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.emit(found)
        return
    metric = found["metric"]
    rows = [("ours", *_mean(metric, found["test"]))]
    rows += [(name, *_mean(metric, figures)) for name, figures in found["baselines"].items()]
    output.table(("", f"test {metric}".replace("_", " "), "spread"), rows)
    output.say(f"{found['sentence']}\n\nRuns: {found['run']}")


def _mean(metric: str, figures: dict[str, dict[str, float]]) -> tuple[str, str]:
    figure = figures.get(metric)
    return (output.figure(metric, figure["mean"]), output.figure(metric, figure["spread"])) if figure else ("", "")


def _plan(fitting: Fitting, seed: int, options: dict[str, Any], as_json: bool) -> None:
    from rekur.fitting import plan

    found = plan.make(fitting, seed, **{**options, "device": options["device"] or "auto"})
    if as_json:
        output.emit(found.as_json())
        return
    output.table(("plan", ""), lines(found))
    for note in found.notes[len(fitting.kind.notes) :]:
        output.warn(note)


def lines(plan: Plan) -> list[tuple[str, str]]:
    """Return the rows of the table of a plan."""
    several = f"{plan.runs} runs, each of " if plan.runs > 1 else ""
    return [
        ("task", plan.task),
        ("split", plan.split),
        ("parts", ", ".join(f"{part} {count:,}" for part, count in plan.parts.items())),
        ("baselines", ", ".join(plan.baselines)),
        ("model", plan.model),
        ("parameters", f"{plan.parameters:,}"),
        ("training", f"{several}{counted(plan.epochs, 'epoch')} of {counted(plan.batches, 'batch', 'batches')}"),
        ("time", f"about {duration(plan.seconds)} of training here, by some timed batches"),
    ]


def duration(seconds: float) -> str:
    """Write a time for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
