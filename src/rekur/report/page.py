"""The page of one run, and the page of a shelf of runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from rekur.report import card, words
from rekur.report.layout import Picture
from rekur.report.sections import findings as found
from rekur.report.view import Page
from rekur.runs import Run
from rekur.storage import explained, write_whole


def page(run: Run) -> Path:
    """Write report.html, plots/ and MODEL_CARD.md into the run folder and return the page's path.

    The page is one file: no network, no script, every text from the data escaped.
    Raises RequestError while the run is unfinished, RefusedModelError if a file of it is damaged.

    >>> page(Run.open("runs/imdb-gru-1"))  # doctest: +SKIP
    """
    shown = Page(run)
    html = _environment().get_template("page.html.jinja").render(page=shown)
    _write_plots(run, shown.pictures)
    card.write(run)
    write_whole(run.report_path, html)
    return run.report_path


def shelf_page(runs: Sequence[Run], path: Path, heading: str = "", note: str = "") -> Path:
    """Write one page for several runs to `path`: a table, then a card each, linked to its own report.

    >>> shelf_page([Run.open("runs/hello-rnn-1")], Path("runs/shelf.html"))  # doctest: +SKIP
    """
    path = Path(path)
    pages = [Page(run) for run in runs]
    count = f"{len(runs)} run{'s' if len(runs) != 1 else ''}, each beside its best rival"
    values = {"pages": pages, "heading": heading or count, "note": note, "link": lambda run: _address(run, path)}
    html = _environment().get_template("shelf.html.jinja").render(values)
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, html)
    return path


def findings_page(findings: Sequence[Mapping[str, Any]], path: Path, patient: str) -> Path:
    """Write what the doctor found in `patient` to a page of its own, in the form of metrics.json's "findings"."""
    section = found.section_of(findings, found.ALL_CHECKS)
    html = _environment().get_template("findings_page.html.jinja").render(section=section, patient=patient)
    write_whole(Path(path), html)
    return Path(path)


def _address(run: Run, path: Path) -> str:
    """Return the address of a run's report from the page at `path`, empty if it has none."""
    if not run.report_path.exists():
        return ""
    return quote(Path(os.path.relpath(run.report_path, path.parent)).as_posix())


def _write_plots(run: Run, pictures: Sequence[Picture]) -> None:
    """Write each picture as a file of its own, with the colours inside."""
    with explained(run.plots):
        run.plots.mkdir(exist_ok=True)
    for picture in pictures:
        write_whole(run.plots / f"{picture.name}.svg", alone(picture))


def alone(picture: Picture) -> str:
    """Return the picture as an SVG file of its own, with the colours inside."""
    head, rest = picture.svg("wide" if picture.wide else "half").split(">", 1)
    style = Markup("<style>{}</style><rect width='100%' height='100%' fill='var(--card)'/>").format(Markup(_colours()))
    return f"{head}>{style}{rest}"


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("rekur.report", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(coded=words.coded, slug=words.slug, together=words.together)
    environment.globals["style"] = Markup(_read("style.css") + _read("plot.css"))
    return environment


def _colours() -> str:
    """Return the style of a picture that stands alone: the page's colours and the marks."""
    style = _read("style.css")
    return style[: style.index("* {")] + _read("plot.css")


def _read(name: str) -> str:
    return (resources.files("rekur.report") / "templates" / name).read_text(encoding="utf-8")
