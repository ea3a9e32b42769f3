"""`rekur recipes`: the shelf, published figures beside measured ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekur.cli import output
from rekur.cli.options import Json
from rekur.errors import ConfigError, nearest

if TYPE_CHECKING:
    from rekur.config import Published
    from rekur.shelf import Entry


def recipes(
    name: Annotated[str, typer.Argument(help="One recipe: all about it.", metavar="NAME")] = "",
    as_json: Json = False,
) -> None:
    """List the recipes, published figures beside measured ones.

    Measured figures come from your own runs in ./runs where there are any, else from the record of rekur.

    Example: rekur recipes imdb-rnn
    """
    from rekur import config, shelf

    if name:
        if name not in config.names():
            raise ConfigError(f"No recipe is called `{name}`. {nearest(name, config.names())}")
        entry = next(entry for entry in shelf.entries() if entry.config.recipe.name == name)
        if as_json:
            output.emit({**entry.as_json(), "settings": settings(entry)})
        else:
            output.say(page(entry))
    elif as_json:
        output.emit({"recipes": [entry.as_json() for entry in shelf.entries()]})
    else:
        columns = ("recipe", "chapter", "title", "published", "measured", "date")
        output.table(columns, [row(entry) for entry in shelf.entries()])


def row(entry: Entry) -> tuple[str, ...]:
    """Return an entry's row of the list."""
    about, date = entry.config.recipe, (entry.measured or {}).get("date") or ""
    return about.name, about.chapter, about.title, published(entry.config.published), measured(entry), date


def published(given: Published) -> str:
    """Return the published figures and their part, ``validation accuracy 65.72 %``, or a dash."""
    return _figures(given.part, given.metrics) or "-"


def measured(entry: Entry) -> str:
    """Return the figures last measured and their part, or ``not yet``."""
    found = entry.measured
    return (_figures(found["part"], found["metrics"]) if found else "") or "not yet"


def _figures(part: str, metrics: Mapping[str, float]) -> str:
    shown = ", ".join(f"{name.replace('_', ' ')} {output.figure(name, value)}" for name, value in metrics.items())
    return f"{part} {shown}" if shown else ""


def settings(entry: Entry) -> dict[str, Any]:
    """Return what --set may change: `[data]`, `[model]` and `[training]`."""
    return entry.config.model_dump(mode="json", include={"data", "model", "training"})


def page(entry: Entry) -> str:
    """Return everything about a recipe as text."""
    import tomli_w

    about, given = entry.config.recipe, entry.config.published
    lines = [f"{about.name}: {about.title}"]
    lines += [f"Chapter {about.chapter}" if about.chapter else "Of no chapter", ""]
    lines += [f"Fault kept on purpose: {fault}" for fault in about.faults]
    lines += [f"Mended: {mend}" for mend in about.mends]
    lines += [
        "",
        f"Published: {published(given)}  {given.source or given.reason}",
        f"Measured:  {measured(entry)}  {(entry.measured or {}).get('date') or ''}".rstrip(),
        "",
        f"Run it:    rekur run {about.name}",
        "Settings, for --set SECTION.KEY=VALUE:",
        "",
        tomli_w.dumps(settings(entry)).rstrip(),
    ]
    return "\n".join(lines)
