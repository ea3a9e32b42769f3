"""What commands print: one JSON object, or Rich tables for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rekur.evaluation import names

PIPE_WIDTH = 160  # a pipe has no width of its own; Rich would take 80 and break tables


def emit(result: Mapping[str, Any]) -> None:
    """Print `result` as the one JSON object of stdout."""
    from rekur.storage import to_json

    print(to_json(result))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of text cells on stdout, as wide as the terminal; the first column is never cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    grid = Table(Column(columns[0], no_wrap=True), *columns[1:], box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(grid)


def say(text: str) -> None:
    """Print text for people on stdout, never wrapped, so that paths can be copied."""
    print(text)


def warn(text: str) -> None:
    """Print a warning for people on stderr."""
    print(text, file=sys.stderr)


def figure(metric: str, value: float | None) -> str:
    """Write the value of `metric` for people: shares in per cent, the rest to four digits."""
    if value is None:
        return ""
    if names.of(metric).share:
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1e4 else f"{value:.4g}"


def bounds(metric: str, interval: Sequence[float] | None) -> str:
    """Write an interval for people."""
    return " to ".join(figure(metric, end) for end in interval) if interval else ""
