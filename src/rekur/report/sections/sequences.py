"""Answers for whole sequences: numbers beside the truth, and the sequences that the model was most wrong about."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Picture, Section, Size
from rekur.report.plot import Plot, span
from rekur.report.sections.classes import class_names

SHOWN = 6  # sequences drawn


def section(facts: Facts) -> Section | None:
    """Build the pictures; None for other tasks."""
    frame = facts.predictions
    if frame is None or facts.recipe.get("task") != "sequences" or not {"truth", "prediction"} <= set(frame.columns):
        return None
    of_numbers = frame["truth"].dtype.is_float()
    table = facts.table("worst" if of_numbers else "examples")
    pictures = [said_picture(frame)] if of_numbers and len(frame) else []
    key = pictures[0] if pictures else None
    if table is not None and "sequence" in table.columns:
        rows = table.head(SHOWN).to_dicts()
        pictures += [sequence_picture(place, row, _answer(facts, row, of_numbers)) for place, row in enumerate(rows)]
    if not pictures:
        return None
    note = "" if of_numbers and table is None else "The test items it was most wrong about, the first column of each."
    return Section("The sequences", note, pictures, key=key)


def said_picture(frame: pl.DataFrame) -> Picture:
    """Draw the number said against the true one, a dot a test item."""
    truth, said = (frame[name].cast(pl.Float64).to_numpy() for name in ("truth", "prediction"))

    def draw(size: Size) -> Plot:
        edges = span(truth, said)
        plot = Plot(size, edges, edges, x_title="truth")
        plot.x_numbers()
        plot.line(edges, edges, "truth", "dashed")
        plot.dots(truth, said, "ours point")
        return plot

    off = words.figure(float(np.median(np.abs(said - truth))))
    caption = (
        f"What is right lies on the dashed line. Half of the {len(truth):,} test items are off by less than {off}."
    )
    return Picture("numbers", "Said, and true", f"The number said against the true one. {caption}", draw, caption)


def sequence_picture(place: int, row: dict[str, Any], answer: str) -> Picture:
    """Draw the steps of one sequence."""
    values = np.array([np.nan if value is None else value for value in row["sequence"]], dtype=np.float64)

    def draw(size: Size) -> Plot:
        plot = Plot(size, (0, max(len(values) - 1, 1)), span(values), x_title="step")
        plot.x_numbers(least=1.0)
        plot.line(np.arange(len(values)), values, "ours")
        return plot

    title = f"Sequence {row['id']}"
    return Picture(f"sequence-{place + 1}", title, f"{title}: {answer}", draw, answer)


def _answer(facts: Facts, row: dict[str, Any], of_numbers: bool) -> str:
    truth, said = row["truth"], row["prediction"]
    if of_numbers:
        return f"It is {words.figure(float(truth))}; the model said {words.figure(float(said))}."
    names = class_names(facts, 1 + max(int(truth), int(said)))
    sure = words.number(row.get("probability"))
    return f"It is {names[int(truth)]}; the model said {names[int(said)]}, {100 * sure:.1f} % sure."
