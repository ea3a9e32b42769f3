"""`rekur report`: the page of a finished run, written again."""

from __future__ import annotations

from rekur.cli import output
from rekur.cli.options import Json, RunFolder


def report(run: RunFolder, as_json: Json = False) -> None:
    """Write the page of a finished run again.

    Prints the path of the page.

    Example: rekur report runs/kospi-gru-1
    """
    from rekur import report as reports
    from rekur.runs import Run

    page = reports.page(Run.open(run))
    if as_json:
        output.emit({"run": str(run), "report": str(page)})
    else:
        output.say(str(page))
