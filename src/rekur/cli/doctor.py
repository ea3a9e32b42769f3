"""`rekur doctor`: what is wrong with a recurrent model, its data or its forecast."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Json
from rekur.errors import RequestError

if TYPE_CHECKING:
    from rekur.doctor import Finding
    from rekur.doctor.examination import Examination
    from rekur.doctor.patient import Patient

FOUND = 6  # the exit code of a fault
WIDTH = 110  # characters of a line
OPTIONS = {  # of each kind of patient
    "model": {"batch", "loss", "optimizer"},
    "run": set(),
    "forecast": {"truth", "prediction", "horizon"},
    "data": {"test", "text", "label", "time", "group", "length"},
}
WORDS = {
    "model": "model, FILE.py:NAME",
    "run": "run",
    "forecast": "table of forecasts, --forecast",
    "data": "data file, --data",
}
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
    truth: Annotated[str | None, typer.Option(help="Its column of true values; y.", metavar="COLUMN")] = None,
    prediction: Annotated[str | None, typer.Option(help="Its column of forecasts; yhat.", metavar="COLUMN")] = None,
    horizon: Annotated[int | None, typer.Option(help="Steps ahead that were forecast; 1.", min=1)] = None,
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
    _check_options(
        "forecast" if forecast else "data" if subject is None else "model" if _is_code(subject) else "run",
        subject=subject,
        forecast=forecast,
        data=data,
        given={
            "batch": batch,
            "loss": loss,
            "optimizer": optimizer,
            "truth": truth,
            "prediction": prediction,
            "horizon": horizon,
            "test": test,
            "text": text,
            "label": label,
            "time": time,
            "group": group,
            "length": length,
        },
    )
    if html is not None and (html.is_dir() or not html.parent.is_dir()):
        raise RequestError(f"--html must name a file in a folder that exists; got {html}.")
    if subject is not None:
        patient = _of_code(subject, batch, loss, optimizer) if _is_code(subject) else _of_run(subject, data)
    elif forecast is not None:
        patient = _of_forecast(forecast, truth or "y", prediction or "yhat", horizon or 1)
    else:
        patient = _of_data(data, test, {"text": text, "label": label, "time": time, "group": group, "length": length})
    _examine(patient, only or (), skip or (), html, subject or str(forecast or data), as_json)


def _check_options(kind: str, subject: Any, forecast: Any, data: Any, given: Mapping[str, Any]) -> None:
    """Raise RequestError unless there is one patient, and every option belongs to it."""
    patients = [subject, forecast, None if subject is not None and kind == "run" else data]
    if sum(one is not None for one in patients) != 1:
        raise RequestError("Give one patient: a RUN, a model as FILE.py:NAME, --forecast FILE, or --data FILE.")
    for name, value in given.items():
        if value is not None and name not in OPTIONS[kind]:
            owner = next(other for other, names in OPTIONS.items() if name in names)
            raise RequestError(f"--{name} belongs to a {WORDS[owner]}; this is a {WORDS[kind]}. Leave it out.")


def _is_code(subject: str) -> bool:
    """Whether the words name something in code: a path with a colon may be a folder on Windows."""
    place, _, name = subject.rpartition(":")
    return bool(place) and name.replace(".", "").isidentifier() and not Path(subject).exists()


def _examine(
    patient: Patient, only: Sequence[str], skip: Sequence[str], html: Path | None, name: str, as_json: bool
) -> None:
    from rekur.doctor import examination

    found = examination.run(patient, only=only, skip=skip)
    if html is not None:
        from rekur import report

        report.findings_page([finding.as_json() for finding in found.findings], html, name)
    show(found, as_json)
    if not found.ran:
        raise RequestError("Nothing was examined: no check could read what was given. The notes say why.")
    if any(finding.severity == "fault" for finding in found.findings):
        raise typer.Exit(FOUND)


def _of_data(data: Path | None, test: Path | None, columns: dict[str, Any]) -> Patient:
    from rekur.doctor.patient import Patient
    from rekur.doctor.tables import read as tables

    assert data is not None
    return Patient(tables=tables.read(data, test, **columns))


def _of_code(model: str, batch: str | None, loss: str | None, optimizer: str | None) -> Patient:
    from rekur.doctor import loading

    return loading.patient(model, batch, loss, optimizer)


def _of_run(path: str, data: Path | None) -> Patient:
    if path.endswith(".py"):
        raise RequestError(f"Name what in {path} builds the model: {path}:build.")
    if data is not None and not data.is_dir():
        raise RequestError(f"With a RUN, --data is the folder with the data sets; got {data}.")
    from rekur import predict
    from rekur.doctor import runs
    from rekur.runs import Run

    run = Run.open(path)
    run.metrics()
    predict.load(path)  # a folder that no prediction can be had of is refused here as it is there
    return runs.read(run, data)


def _of_forecast(path: Path, truth: str, prediction: str, horizon: int) -> Patient:
    from rekur.data import files
    from rekur.doctor.patient import Forecast, Patient

    values = files.series(files.read_table(path), (truth, prediction))
    return Patient(forecast=Forecast(values[:, 0], values[:, 1], horizon=horizon))


def show(found: Examination, as_json: bool) -> None:
    """Print what was found, for people or as one JSON object."""
    if as_json:
        findings = [finding.as_json() for finding in found.findings]
        output.emit({"findings": findings, "counts": _counts(found.findings), "ran": list(found.ran)})
    else:
        output.say(told(found))


def told(found: Examination) -> str:
    """Return the findings as people read them."""
    return "\n".join([*map(_paragraph, found.findings), _summary(_counts(found.findings), len(found.ran))])


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


def _summary(counts: dict[str, int], ran: int) -> str:
    checks = f"{ran} check{'s' if ran != 1 else ''} ran."
    if counts["fault"] or counts["warning"]:
        return f"Faults: {counts['fault']}; warnings: {counts['warning']}. {checks}"
    return f"No fault found. {checks}" if ran else checks.replace("0", "No")
