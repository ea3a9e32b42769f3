"""Which classes are taken for which, and whether a probability means what it says."""

from __future__ import annotations

import numpy as np
import polars as pl

from rekur.evaluation import metrics
from rekur.evaluation.metrics import Calibration, Integers
from rekur.report.facts import Facts
from rekur.report.layout import Picture, Section, Size
from rekur.report.plot import Floats, Plot, percent, width_of

SHOWN = 24  # classes a confusion matrix has room for
PREFIX = "probability_"
FEW = 10  # items; of fewer the share of right answers says nothing, and has no dot
SLANT = 0.77  # sine of the angle at which names stand above the columns, where they do not fit side by side


def section(facts: Facts) -> Section | None:
    """Build the pictures of a classification; None for other tasks."""
    frame = facts.predictions
    if frame is None or not len(frame) or not _classified(frame):
        return None
    truth, prediction = (frame[name].cast(pl.Int64).to_numpy() for name in ("truth", "prediction"))
    names = class_names(facts, int(max(truth.max(), prediction.max())) + 1)
    pictures = []
    if len(names) <= SHOWN:
        pictures.append(confusion_picture(metrics.confusion(truth, prediction, len(names)), names))
    pictures += _calibration(frame, truth)
    note = f"{len(truth):,} test items, {int((truth == prediction).sum()):,} of them right."
    return Section("The classes", note, pictures, key=pictures[0] if pictures else None)


def _classified(frame: pl.DataFrame) -> bool:
    columns = set(frame.columns)
    return {"truth", "prediction"} <= columns and frame["truth"].dtype.is_integer() and _has_probability(frame)


def _has_probability(frame: pl.DataFrame) -> bool:
    return any(name.startswith(PREFIX) for name in frame.columns) or frame["prediction"].dtype.is_integer()


def class_names(facts: Facts, at_least: int) -> list[str]:
    """Return a name for every class, also for those the model can say but the data never holds."""
    names = facts.classes
    return names + [f"class {c}" for c in range(len(names), at_least)]


def confusion_picture(table: Integers, names: list[str]) -> Picture:
    """Draw counts: a row the truth, a column what was said, the shade the share of the row."""
    C = len(names)
    total = np.maximum(table.sum(axis=1, keepdims=True), 1)
    shares = table / total

    def draw(size: Size) -> Plot:
        left = min(max(width_of(_short(name, C)) for name in ["truth", *names]) + 12, size[0] * 0.3) + 6
        side = min((size[0] - left - 4) / C, 110.0)
        widest = max(width_of(_short(name, C)) for name in names)
        slanted = widest > side - 2
        top = 38 + (round(widest * SLANT) if slanted else 0)
        plot = Plot((size[0], round(side * C) + top + 8), (0, 1), (0, 1), left=left)
        plot.text(left, 11, "said", "axis")
        plot.text(8, top - 8, "truth", "axis")
        for c, name in enumerate(names):
            if slanted:
                plot.slanted(left + (c + 0.5) * side, top - 6, _short(name, C), "axis")
            else:
                plot.text(left + (c + 0.5) * side, top - 8, _short(name, C), "axis", anchor="middle")
            plot.text(left - 8, top + 4 + (c + 0.5) * side, _short(name, C), "axis", anchor="end")
        for (row, column), count in np.ndenumerate(table):
            x, y, share = left + column * side, top + row * side, float(shares[row, column])
            role = "ours" if row == column else "rival"
            plot.box(x + 1, y + 1, side - 2, side - 2, f"{role} cell", 0.06 + 0.84 * share)
            told = _count(int(count), C)
            if (count or C <= 4) and width_of(told) <= side:  # where it does not fit, the shade says it
                tone = "cell-text on" if share > 0.62 else "cell-text"
                plot.text(x + side / 2, y + side / 2 + 4, told, tone, anchor="middle")
        return plot

    said = "; ".join(f"of {total[c, 0]:,} {name}, {table[c, c]:,} right" for c, name in enumerate(names))
    return Picture(
        "confusion", "Truth, and what was said", f"Confusion matrix: {said}.", draw, _most_confused(table, names)
    )


def _short(name: str, C: int) -> str:
    most = 12 if C <= 4 else 5
    return name if len(name) <= most else name[: most - 1] + "…"


def _count(count: int, C: int) -> str:
    return f"{count:,}" if count < 10_000 or C <= 5 else f"{count / 1000:.0f}k"


def _most_confused(table: Integers, names: list[str]) -> str:
    off = table.copy()
    np.fill_diagonal(off, 0)
    row, column = np.unravel_index(int(off.argmax()), off.shape)
    if not off[row, column]:
        return "Nothing was confused."
    most = f"Most often {names[row]} was taken for {names[column]}: {off[row, column]:,} times."
    return f"{most} The shade is the share of the row."


def _calibration(frame: pl.DataFrame, truth: Integers) -> list[Picture]:
    columns = [name for name in frame.columns if name.startswith(PREFIX)]
    if len(columns) < 2:
        return []
    probability: Floats = frame.select(columns).to_numpy().astype(np.float64)  # (N, C)
    known = np.isfinite(probability).all(axis=1)
    if not known.any():
        return []
    return [reliability_picture(metrics.calibration(truth[known], probability[known]))]


def reliability_picture(table: Calibration) -> Picture:
    """Draw the share of right answers against the model's own confidence; well calibrated is the diagonal."""
    share = table.count / table.count.sum()
    told = table.count >= FEW if (table.count >= FEW).any() else table.count > 0
    start = float(table.low[0])

    def draw(size: Size) -> Plot:
        legend = [("ours", "dot", "right"), ("truth", "dashed", "perfect"), ("faint", "band", "share of items")]
        plot = Plot(size, (start, 1.0), (0, 1.0), legend=legend, x_title="confidence of the answer", y_label=percent)
        plot.x_numbers(percent)
        for low, high, part in zip(table.low, table.high, share, strict=True):
            plot.bar(low, high, part, "faint")
        plot.line([start, 1], [start, 1], "truth", "dashed")
        plot.line(table.confidence[told], table.accuracy[told], "ours")
        return plot

    sure, right = (float(np.average(v, weights=table.count)) for v in (table.confidence, table.accuracy))
    kind = (
        "well calibrated"
        if table.ece < 0.02
        else "too sure of itself"
        if sure > right
        else "less sure than it could be"
    )
    caption = (
        f"The model is {kind}: {100 * sure:.1f} % sure on average, {100 * right:.1f} % right "
        f"(expected calibration error {100 * table.ece:.1f} %)."
    )
    bins = "; ".join(
        f"{100 * c:.0f} % sure, {100 * a:.0f} % right" for c, a in zip(table.confidence, table.accuracy, strict=True)
    )
    return Picture("calibration", "Does its confidence mean anything?", f"{caption} {bins}.", draw, caption)
