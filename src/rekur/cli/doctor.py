"""`rekur doctor`: what is wrong with a recurrent model, its data or its forecast."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Json
from rekur.errors import RequestError

if TYPE_CHECKING:
    from rekur.doctor import Finding
    from rekur.doctor.patient import Patient

FOUND = 6  # the exit code of a fault
WIDTH = 110  # characters of a line
SIGNS = {"fault": "✗", "warning": "!", "note": "·"}


def doctor(
    subject: Annotated[
        str | None,
        typer.Argument(help="A run folder, or a model: path/to/file.py:name.", metavar="[RUN|FILE.py:NAME]"),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(help="The batch: what the model takes, or (batch, target).", metavar="FILE.py:NAME"),
    ] = None,
    loss: Annotated[str | None, typer.Option(help="loss(output, target).", metavar="FILE.py:NAME")] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="The optimizer, or a function of the model.", metavar="FILE.py:NAME")
    ] = None,
    forecast: Annotated[
        Path | None, typer.Option(help="A table of a forecast beside the truth, in time order.", metavar="FILE")
    ] = None,
    horizon: Annotated[int, typer.Option(help="Steps ahead that were forecast.", min=1)] = 1,
    truth: Annotated[str, typer.Option(help="Its column of true values.", metavar="COLUMN")] = "y",
    prediction: Annotated[str, typer.Option(help="Its column of forecasts.", metavar="COLUMN")] = "yhat",
    data: Annotated[
        Path | None,
        typer.Option(help="A table of examples; with RUN, the folder with the data sets.", metavar="FILE|DIR"),
    ] = None,
    test: Annotated[Path | None, typer.Option(help="The test part, with --data.", metavar="FILE")] = None,
    text: Annotated[str | None, typer.Option(help="The column of texts.", metavar="COLUMN")] = None,
    label: Annotated[str | None, typer.Option(help="The column of labels.", metavar="COLUMN")] = None,
    time: Annotated[str | None, typer.Option(help="The column of dates.", metavar="COLUMN")] = None,
    group: Annotated[str | None, typer.Option(help="The column of what must not be split.", metavar="COLUMN")] = None,
    length: Annotated[int | None, typer.Option(help="Tokens that texts are cut to.", min=1)] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this check or code; repeatable.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Not this check or code; repeatable.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the pictures, too.", metavar="FILE")] = None,
    as_json: Json = False,
) -> None:
    """Find what is wrong with a recurrent model, its data or its forecast.

    Examines a run folder, any torch model with a batch, a table of forecasts, or a table of examples. The model is
    examined on a copy. Exit code 6 if a fault is found, 0 if none is.

    Example: rekur doctor model.py:build --batch model.py:batch
    """
    from rekur.doctor import examination

    columns: dict[str, Any] = {"text": text, "label": label, "time": time, "group": group, "length": length}
    if (subject is None) + (forecast is None) + (data is None or subject is not None) != 2:
        raise RequestError("Give one patient: a RUN, a model as FILE.py:NAME, --forecast FILE, or --data FILE.")
    if subject is None and (batch or loss or optimizer):
        raise RequestError("--batch, --loss and --optimizer belong to a model: give it as FILE.py:NAME.")
    if subject is not None:
        patient = _of_code(subject, batch, loss, optimizer) if ":" in subject else _of_run(subject, data)
    elif forecast is not None:
        patient = _of_forecast(forecast, truth, prediction, horizon)
    else:
        assert data is not None
        from rekur.doctor.patient import Patient
        from rekur.doctor.tables import read as tables

        patient = Patient(tables=tables.read(data, test, **columns))
    findings = examination.examine(patient, only=only or (), skip=skip or ())
    if html is not None:
        from rekur import report

        report.findings_page([finding.as_json() for finding in findings], html, subject or str(forecast or data))
    show(findings, as_json)
    if any(finding.severity == "fault" for finding in findings):
        raise typer.Exit(FOUND)


def _of_code(model: str, batch: str | None, loss: str | None, optimizer: str | None) -> Patient:
    from rekur.doctor import loading

    return loading.patient(model, batch, loss, optimizer)


def _of_run(path: str, data: Path | None) -> Patient:
    if path.endswith(".py"):
        raise RequestError(f"Name what in {path} builds the model: {path}:build.")
    if data is not None and not data.is_dir():
        raise RequestError(f"With a RUN, --data is the folder with the data sets; got {data}.")
    from rekur.doctor import runs
    from rekur.runs import Run

    return runs.read(Run.open(path), data)


def _of_forecast(path: Path, truth: str, prediction: str, horizon: int) -> Patient:
    from rekur.data import files
    from rekur.doctor.patient import Forecast, Patient

    values = files.series(files.read_table(path), (truth, prediction))
    return Patient(forecast=Forecast(values[:, 0], values[:, 1], horizon=horizon))


def show(findings: Sequence[Finding], as_json: bool) -> None:
    """Print the findings, for people or as one JSON object."""
    if as_json:
        output.emit({"findings": [finding.as_json() for finding in findings], "counts": _counts(findings)})
    else:
        output.say(told(findings))


def told(findings: Sequence[Finding]) -> str:
    """Return the findings as people read them."""
    return "\n".join([*map(_paragraph, findings), _summary(_counts(findings))])


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    return {severity: sum(f.severity == severity for f in findings) for severity in SIGNS}


def _paragraph(finding: Finding) -> str:
    from rekur.report import words

    lines = [_wrapped(f"{SIGNS[finding.severity]} {finding.severity} {finding.code}", finding.sentence, "  ")]
    if finding.severity != "note":
        shown = words.evidence(finding.evidence)
        lines += [_wrapped("  evidence", shown)] if shown else []
        lines += [_wrapped("  cure    ", finding.cure), _wrapped("  see     ", finding.page)]
    return "\n".join(lines) + "\n"


def _wrapped(head: str, text: str, indent: str = " " * 12) -> str:
    return textwrap.fill(
        f"{head}  {text}", WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _summary(counts: dict[str, int]) -> str:
    if not counts["fault"]:
        return "No fault found." if not counts["warning"] else f"No fault found; warnings: {counts['warning']}."
    return f"Faults: {counts['fault']}; warnings: {counts['warning']}."
