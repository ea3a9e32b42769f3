"""`rekur evaluate`: test a finished run again, on its own test part or on a labelled file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Data, Json, RunFolder
from rekur.cli.run import signed
from rekur.errors import RequestError

SAME = 1e-5  # relative: other processors round in another order


def evaluate(
    run: RunFolder,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Test on this file, with columns `text` and `label`, `source` and `target`, or a series.",
            metavar="FILE",
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Test a finished run again.

    Without FILE its own test part is predicted once more, and the exit code is 1 if the figures do not stand.

    Example: rekur evaluate runs/kospi-gru-1
    """
    if file and data:
        raise RequestError("--data is for the run's own test part; with FILE leave it out.")
    if file:
        _on_file(run, file, as_json)
    else:
        _again(run, data, as_json)


def _on_file(run: Path, file: Path, as_json: bool) -> None:
    from rekur import predict

    found = predict.load(run).score(file)
    if as_json:
        output.emit(found)
        return
    rows = [
        (name, output.figure(name, value), output.bounds(name, found["interval"].get(name)))
        for name, value in found["test"].items()
    ]
    output.table(("metric", file.name, "95 % interval"), rows)
    output.say(found["sentence"] + signed(found))


def _again(run: Path, data: Path | None, as_json: bool) -> None:
    from rekur.runs import Run
    from rekur.training import experiment

    opened = Run.open(run)
    before, after = opened.metrics()["test"], experiment.evaluate(opened, data)
    stands = same(before, after["test"])
    if as_json:
        output.emit({**after, "stands": stands})
    else:
        rows = [
            (name, output.figure(name, value), output.figure(name, before.get(name)))
            for name, value in after["test"].items()
        ]
        output.table(("metric", "now", "recorded"), rows)
        output.say("The figures stand." if stands else "The figures do NOT stand.")
    if not stands:
        raise typer.Exit(1)


def same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether two tests gave the same figures."""
    return before.keys() == after.keys() and all(
        value == after[name] or (value is not None and math.isclose(value, after[name], rel_tol=SAME))
        for name, value in before.items()
    )
