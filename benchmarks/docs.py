"""Write what comes from the code: docs/cli.md, docs/recipes.md, docs/results.md, and marked parts of other pages.

    python benchmarks/docs.py

A marked part lies between `<!-- name -->` and `<!-- /name -->`: the shelf, the engine's figures, and
what it leaves to torch.

`tests/test_docs.py` fails when a file is not what this script writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import doctor_tables
import engine_tables
from engine_tables import markdown
from rekur import shelf
from rekur.cli import app
from rekur.cli.recipes import measured, published
from rekur.nn import kernels
from rekur.report.sections import forms
from rekur.shelf import Entry

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (
    "",
    "run",
    "fit",
    "recipes",
    "evaluate",
    "predict",
    "forecast",
    "generate",
    "export",
    "report",
    "data",
    "data list",
    "data get",
    "doctor",
)
COMMANDS += ("doctor", "bench", "bench layers", "bench infer", "bench train", "check")
CHAPTERS = {
    "A": "recurrent networks for sequences (PyTorch)",
    "B": "a notebook: sentiment with a GRU",
    "C": "text classification, from NumPy to Keras",
    "D": "series, gates and both directions (PyTorch)",
    "E": "a notebook: the pieces of an RNN",
    "": "of no chapter",
}
MARKED = ("README.md", "README.ko.md", "docs/engine.md", "docs/layers.md", "docs/doctor/README.md")
MARKS = re.compile(r"^<!-- (?P<name>[\w-]+) -->\n(?P<text>.*?)^<!-- /(?P=name) -->$", re.DOTALL | re.MULTILINE)


def generated() -> dict[Path, str]:
    """Return what each generated file must hold."""
    entries = shelf.entries(root=None)
    pages = {
        ROOT / "docs" / "cli.md": cli_page(),
        ROOT / "docs" / "recipes.md": recipes_page(entries),
        ROOT / "docs" / "results.md": results_page(entries),
    }
    parts = {"shelf": shelf_table(entries), **engine_tables.parts(engine_tables.recorded())}
    parts |= doctor_tables.parts()
    parts["fallbacks"] = markdown(("torch's kernels compute", "because"), kernels.FALLBACKS)
    return pages | {ROOT / page: filled((ROOT / page).read_text(encoding="utf-8"), parts) for page in MARKED}


def filled(page: str, parts: Mapping[str, str]) -> str:
    """Return the page with its marked parts written anew; a part of another name stays."""

    def written(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- {name} -->\n{parts.get(name, found['text'])}<!-- /{name} -->"

    return MARKS.sub(written, page)


def cli_page() -> str:
    """Return the help of every command."""
    parts = ["# The command line\n\nWritten by `python benchmarks/docs.py` from the commands' own `--help`.\n"]
    for command in COMMANDS:
        name = f"rekur {command}".strip()
        shown = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="rekur")
        parts.append(f"## `{name}`\n\n```text\n{shown.stdout.rstrip()}\n```\n")
    parts.append(EXITS)
    return "\n".join(parts)


EXITS = """## Exit codes

| code | meaning |
|---|---|
| 0 | success |
| 1 | the work failed |
| 2 | the request, the settings or the data were wrong |
| 5 | a model folder was refused: damaged, unsafe, or of a newer rekur |
| 6 | the doctor found a fault |
| 130 | interrupted; a checkpoint was written first |

Results go to stdout, progress and warnings to stderr. With `--json`, stdout holds exactly one JSON object.
"""


def recipes_page(entries: Sequence[Entry]) -> str:
    """Return the shelf, chapter by chapter, with what each recipe keeps wrong or mends."""
    parts = ["# The recipes\n\nWritten by `python benchmarks/docs.py` from the recipes. `rekur run NAME` runs one.\n"]
    for chapter, title in CHAPTERS.items():
        chosen = [entry for entry in entries if entry.config.recipe.chapter == chapter]
        if chosen:
            parts.append(f"## {f'Chapter {chapter}: {title}' if chapter else title.capitalize()}\n")
            parts += [_section(entry) for entry in chosen]
    return "\n".join(parts)


def _section(entry: Entry) -> str:
    about, given = entry.config.recipe, entry.config.published
    lines = [f"### `{about.name}`", "", f"{about.title}. Task `{about.task}`.", ""]
    lines += [f"* Fault kept on purpose: {fault}" for fault in about.faults]
    lines += [f"* Mended: {mend}" for mend in about.mends]
    if given.metrics:
        lines.append(f"* Published: {published(given)} ({given.source}).")
    else:
        lines.append(f"* No published figure. {given.reason}")
    return "\n".join([*lines, f"* Measured: {measured(entry)}.", ""])


RESULTS_HEAD = """# Measured figures

Written by `python benchmarks/record.py RUN...` from finished runs. Items are what a task learns from: texts, images,
windows, or where every step is told the tokens, characters and columns; their rate is that of the training. Memory is
the most the whole process held, libraries, data and rivals included. `-`: the run is older than the figure.

"""
RESULTS_COLUMNS = (
    "recipe",
    "measured",
    "published",
    "verdict",
    "best baseline",
    "seed",
    "seconds",
    "of these training",
    "items a second",
    "memory, MB",
    "threads",
    "date",
    "machine",
    "command",
)


def results_page(entries: Iterable[Entry]) -> str:
    """Return every recorded measurement, and the forms of each recipe that compares some."""
    found = [entry for entry in entries if entry.measured]
    rows = (_result(entry) for entry in found)
    return RESULTS_HEAD + markdown(RESULTS_COLUMNS, rows) + "".join(_forms(entry) for entry in found)


def _forms(entry: Entry) -> str:
    compared = (entry.measured or {}).get("compared")
    if not compared:
        return ""
    tables = forms.tables(next(iter(compared[0]["test"])), compared)
    return f"\n## `{entry.config.recipe.name}`, form by form\n\n" + "\n".join(markdown(*table) for table in tables)


def _result(entry: Entry) -> Iterator[Any]:
    found: dict[str, Any] = entry.measured or {}
    yield f"`{entry.config.recipe.name}`"
    yield measured(entry)
    yield published(entry.config.published)
    yield found["verdict"] or ""
    yield found["baseline"] or ""
    yield found["seed"]
    yield f"{found['seconds']:.0f}"
    for name in ("training_seconds", "items_per_second", "peak_memory", "threads"):
        yield f"{found[name]:,.0f}" if found.get(name) else "-"
    yield found["date"]
    yield found["machine"]
    yield f"`{found['command']}`"


def shelf_table(entries: Iterable[Entry]) -> str:
    """Return the table of the READMEs."""
    columns = ("recipe", "published", "measured", "against the best baseline", "date")
    return markdown(columns, (_short(entry) for entry in entries))


def _short(entry: Entry) -> Iterator[str]:
    found = entry.measured or {}
    yield f"`{entry.config.recipe.name}`"
    yield published(entry.config.published)
    yield measured(entry)
    yield found.get("verdict") or ""
    yield found.get("date") or ""


def main() -> None:
    """Write every generated file."""
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
