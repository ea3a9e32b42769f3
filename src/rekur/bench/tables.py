"""What was measured as rows of text for people: (columns, rows), nothing printed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def layers(rows: Iterable[Row]) -> Table:
    """Return a line a shape: seconds of both, ratio, noise, shares of what is possible, errors."""
    columns = ("cell", "N x T x I x H", "threads", "torch", "rekur", "times", "torch bf16 / rekur")
    shares = ("torch / torch", "roofline", "of peak", "outputs", "gradients")
    return (*columns, *shares), [
        (
            row["cell"],
            "x".join(str(row[letter]) for letter in "NTIH"),
            str(row["threads"]),
            duration(row["seconds"]["torch"]),
            duration(row["seconds"]["rekur"]),
            times(row["ratio"]),
            times(row["ratio_bfloat16"]),
            times(row["noise"]),
            share(row["roofline"]),
            share(row["of_peak"]),
            *_errors(row),
        )
        for row in rows
    ]


def means(rows: Iterable[Row]) -> Table:
    """Return a line a cell: the geometric means over the shapes."""
    columns = ("cell", "shapes", "threads", "times", "least", "torch bf16 / rekur", "torch / torch", "roofline")
    return columns, [
        (
            row["cell"],
            f"{row['shapes']} ({row['count']})",
            str(row["threads"]),
            times(row["ratio"]),
            times(row["least"]),
            times(row["ratio_bfloat16"]),
            times(row["noise"]),
            share(row["roofline"]),
        )
        for row in rows
    ]


def lengths(rows: Iterable[Row]) -> Table:
    """Return a line a batch, and one for each cell's bucketed batches together."""
    columns = ("cell", "batch", "T", "filled", "threads", "packed", "padded", "lengths=", "packed / lengths=")
    return (*columns, "padded / lengths=", "state", "gradients"), [
        (
            row["cell"],
            row["batch"],
            str(row.get("T", "")),
            share(row.get("filled")),
            str(row["threads"]),
            *(duration(row["seconds"][name]) + _once(row, name) for name in ("packed", "padded", "lengths")),
            times(row["ratio_packed"]),
            times(row["ratio_padded"]),
            *_errors(row),
        )
        for row in rows
    ]


def memory(rows: Iterable[Row]) -> Table:
    """Return a line a shape: the largest memory of both processes."""
    columns = (
        "cell",
        "N x T x I x H",
        "threads",
        "torch, MB",
        "rekur, MB",
        "rekur / torch",
        "torch, steps",
        "rekur, steps",
    )
    return columns, [
        (
            row["cell"],
            "x".join(str(row[letter]) for letter in "NTIH"),
            str(row["threads"]),
            *(f"{row['megabytes'][form]['peak']:,.0f}" for form in ("torch", "rekur")),
            times(row["ratio"]),
            *(f"{row['megabytes'][form]['steps']:,.0f}" for form in ("torch", "rekur")),
        )
        for row in rows
    ]


def infer(rows: Sequence[Row]) -> Table:
    """Return a line a model and batch: seconds of each form, then ratios to each of rekur's."""
    forms = list(dict.fromkeys(name for row in rows for name in row["seconds"]))
    pairs = list(dict.fromkeys((ours, name) for row in rows for ours in row["ratios"] for name in row["ratios"][ours]))
    columns = ("cell", "directions", "N", "threads", *forms, *(f"{name} / {ours}" for ours, name in pairs), "error")
    return columns, [
        (
            row["cell"],
            str(row["directions"]),
            str(row["N"]),
            str(row["threads"]),
            *(duration(row["seconds"].get(name)) for name in forms),
            *(times(row["ratios"].get(ours, {}).get(name)) for ours, name in pairs),
            f"{max(row['errors'].values()):.0e}" + _verdict(row),
        )
        for row in rows
    ]


def train(rows: Iterable[Row]) -> Table:
    """Return a line a recipe and engine."""
    columns = ("recipe", "engine", "threads", "batches", "a batch", "an epoch", "the recipe", "test accuracy", "times")
    lines = []
    for row in rows:
        for name, found in row["engines"].items():
            ratio = times(row["ratio"]) if name != "torch" else ""
            paces = (duration(found[key]) for key in ("median_batch", "epoch", "recipe"))
            counts = (row["recipe"], name, str(row["threads"]), str(found["batches"]))
            lines.append((*counts, *paces, f"{100 * found['accuracy']:.2f} %", ratio))
    return columns, lines


def filled(table: Table) -> Table:
    """Leave out the columns that no row has anything in."""
    columns, rows = table
    kept = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    return tuple(columns[place] for place in kept), [tuple(row[place] for place in kept) for row in rows]


def duration(seconds: float | None) -> str:
    """Write seconds in the unit that suits them."""
    if seconds is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:,.3g} {unit}" if seconds < 1000 else f"{seconds:,.0f} s"
    return f"{seconds * 1e6:.3g} us"


def times(ratio: float | None) -> str:
    """Write a ratio; nothing for None."""
    return "" if ratio is None else f"{ratio:.2f}"


def share(part: float | None) -> str:
    """Write a share in per cent; nothing for None."""
    return "" if part is None else f"{100 * part:.0f} %"


def _errors(row: Row) -> tuple[str, str]:
    if "errors" not in row:
        return "", ""
    found = row["errors"]
    return f"{found['outputs']:.0e}", f"{found['gradients']:.0e}" + _verdict(row)


def _verdict(row: Row) -> str:
    return "" if row["agrees"] else " WRONG"


def _once(row: Row, form: str) -> str:
    return " (once)" if row.get("repeats", {}).get(form) == 1 else ""
