"""The sizes that went in and came out, and which words moved each other."""

from __future__ import annotations

from typing import Any

from rekur.report.facts import Facts
from rekur.report.layout import Block, Section


def section(facts: Facts) -> Section | None:
    """Build the table of sizes; None for tasks that are about values."""
    shapes = facts.extra.get("shapes")
    if not isinstance(shapes, dict) or not shapes:
        return None
    rows = [(name, _size(size)) for name, size in shapes.items()]
    frame = facts.predictions
    moved: list[dict[str, Any]] = []
    if frame is not None and {"word", "others_moved"} <= set(frame.columns):
        moved = frame.select("word", "others_moved").to_dicts()
    return Section("Shapes", _note(moved), blocks=[Block("shapes.html.jinja", {"rows": rows, "moved": moved})])


def _size(size: Any) -> str:
    return f"({', '.join(str(n) for n in size)})" if isinstance(size, list | tuple) else str(size)


def _note(moved: list[dict[str, Any]]) -> str:
    if not moved:
        return ""
    if any((row["others_moved"] or 0) > 0 for row in moved):
        return "Changing one word moves the outputs of others: the layer has taken the batch for time."
    return "Changing one word leaves the others alone, as it must: a row of the batch knows nothing of its neighbours."
