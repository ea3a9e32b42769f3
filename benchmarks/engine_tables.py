"""The engine's figures as tables for READMEs and docs, from the record that `record_engine.py` writes.

`benchmarks/docs.py` puts each text of `parts` between the marks of its name, `<!-- speed -->` and `<!-- /speed -->`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ladder
from rekur.bench import layers, tables

RECORD = Path(__file__).with_name("engine.json")
LETTERS = "NTIH"
CELLS = ("gru", "rnn", "lstm")

Row = Mapping[str, Any]
Entry = Mapping[str, Any]  # of the record: date, command, and what the command found


def recorded() -> dict[str, Entry]:
    """Return the record: of each part its date, its command, and the command's JSON."""
    found: dict[str, Entry] = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return found


def parts(record: Mapping[str, Entry]) -> dict[str, str]:
    """Return the text between the marks of each name: a table and where it comes from, or how to get one."""
    return {name: _part(record.get(source), source, shown) for name, (source, shown) in TABLES.items()}


def _part(entry: Entry | None, source: str, shown: Callable[[Entry], str]) -> str:
    if entry is None:
        return f"*Not on record yet: `python benchmarks/record_engine.py {source}` measures it.*\n"
    found = entry["found"]
    machine = f"{found['machine']['processor']}, torch {found['machine']['torch']}"
    notes = "".join(f"*{note}*\n\n" for note in found.get("notes", ()))
    return f"{shown(found)}\n{notes}`{entry['command']}`, {entry['date']}, {machine}.\n"


def speed(found: Entry, threads: int = 1) -> str:
    """A line a shape, a column a cell: times torch.nn, and the seconds of both; then the means over the shapes."""
    rows = [row for row in found["layers"] if row["threads"] == threads]
    shapes = dict.fromkeys(tuple(row[letter] for letter in LETTERS) for row in rows)
    cells = {(row["cell"], *(row[letter] for letter in LETTERS)): _both(row) for row in rows}
    means = {(row["shapes"], row["cell"]): row for row in layers.means(rows)}
    columns = ("N, T, I, H", *(cell.upper() for cell in CELLS))
    lines = [(", ".join(map(str, shape)), *(cells.get((cell, *shape), "") for cell in CELLS)) for shape in shapes]
    for chosen in dict.fromkeys(name for name, _ in means):
        label = "geometric mean" if chosen == "all" else f"geometric mean, {chosen}"
        lines.append((label, *(_mean(means.get((chosen, cell))) for cell in CELLS)))
    return markdown(columns, lines)


def _both(row: Row) -> str:
    theirs, ours = (tables.duration(row["seconds"][name]) for name in ("torch", "rekur"))
    return f"**{tables.times(row['ratio'])}** ({theirs} / {ours})"


def _mean(row: Row | None) -> str:
    return f"**{tables.times(row['ratio'])}**" if row else ""


def means(found: Entry) -> str:
    """The means over the shapes, on each number of threads."""
    return _filled(tables.means(layers.means(found["layers"])))


def lengths(found: Entry) -> str:
    """All bucketed batches together, the longest and the unsorted one; the five that stand for all are left out."""
    kept = [row for row in found["lengths"] if row["batch"] != "bucketed"]
    ordered = sorted([*found["together"], *kept], key=lambda row: (row["threads"], CELLS.index(row["cell"])))
    return _filled(tables.lengths(ordered))


def climb(found: Entry) -> str:
    """The rungs, under the sizes they were timed at."""
    sizes = ", ".join(f"{letter} = {found[letter]}" for letter in LETTERS)
    return f"{found['cell'].upper()}, {sizes}:\n\n{_filled(ladder.table(found['rungs']))}"


def _filled(table: tables.Table) -> str:
    return markdown(*tables.filled(table))


def markdown(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table of Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


TABLES: dict[str, tuple[str, Callable[[Entry], str]]] = {  # by mark: the part of the record, and its form
    "speed": ("layers", speed),
    "speed-2": ("layers", lambda found: speed(found, 2)),
    "means": ("layers", means),
    "high": ("high", speed),
    "medium": ("medium", speed),
    "medium-means": ("medium", means),
    "lengths": ("lengths", lengths),
    "memory": ("memory", lambda found: _filled(tables.memory(found["memory"]))),
    "infer": ("infer", lambda found: _filled(tables.infer(found["infer"]))),
    "train": ("train", lambda found: _filled(tables.train(found["train"]))),
    "ladder": ("ladder", climb),
}
