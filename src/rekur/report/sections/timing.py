"""How long each part of the run took."""

from __future__ import annotations

import math

import numpy as np

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Picture, Section, Size
from rekur.report.plot import Floats, Plot, span

LINE = 36
WORTH_DRAWING = 0.5  # seconds of an epoch; shorter ones show only the noise of the clock
PARTS = {
    "data": "reading the data",
    "train": "training",
    "test": "testing",
    "baselines": "fitting the rivals",
    "forms": "training the other forms",
    "doctor": "examining",
}


def section(facts: Facts) -> Section | None:
    """Build the bars; None for a run that kept no times."""
    times = {key: words.number(value) for key, value in facts.part("seconds").items()}
    total = times.pop("total", math.nan)
    times = {key: value for key, value in times.items() if math.isfinite(value) and value >= 0}
    if not times:
        return None
    rest = total - sum(times.values())
    if math.isfinite(rest) and rest > 0.02 * total:
        times["the rest"] = rest
    pictures = [_bars(times)]
    clock = np.array([words.number(entry.get("seconds")) for entry in facts.history])  # since the training began
    took = np.diff(clock, prepend=0.0)
    if len(took) > 1 and np.isfinite(took).all() and np.median(took) >= WORTH_DRAWING:
        pictures.append(_by_epoch(facts, took))
    note = f"{words.seconds(total)} in all." if math.isfinite(total) else ""
    return Section("How long it took", note, pictures)


def _bars(times: dict[str, float]) -> Picture:
    longest = max(times.values()) or 1.0

    def draw(size: Size) -> Plot:
        plot = Plot((size[0], len(times) * LINE + 8), (0, longest), (0, 1), left=12)
        for i, (part, value) in enumerate(times.items()):
            y = 16 + i * LINE
            plot.text(12, y, PARTS.get(part, part), "axis")
            plot.text(plot.x.end, y, words.seconds(value), "axis strong", anchor="end")
            plot.box(12, y + 6, plot.x.end - 12, 7, "faint band")
            plot.box(12, y + 6, max(plot.x.at(value) - 12, 1), 7, "ours bar")
        return plot

    said = "; ".join(f"{PARTS.get(part, part)} {words.seconds(value)}" for part, value in times.items())
    return Picture("seconds", "Each part", f"Seconds of each part: {said}.", draw)


def _by_epoch(facts: Facts, seconds: Floats) -> Picture:
    epochs = np.array([words.number(entry.get("epoch", i)) for i, entry in enumerate(facts.history)])

    def draw(size: Size) -> Plot:
        plot = Plot((size[0], 210), span(epochs, whole=True), (0, span(seconds)[1]), x_title="epoch", y_label=_short)
        plot.x_numbers(least=1)
        plot.line(epochs, seconds, "ours")
        return plot

    caption = f"{words.seconds(float(np.median(seconds)))} in the median epoch."
    return Picture("seconds-by-epoch", "Each epoch", f"Seconds of each epoch: {caption}", draw, caption)


def _short(value: float) -> str:
    return f"{value:.3g} s"
