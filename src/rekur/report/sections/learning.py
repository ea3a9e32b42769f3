"""How the weights were found: loss, metrics and learning rate by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rekur.evaluation import names
from rekur.report import words
from rekur.report.facts import Facts, Metrics, curve
from rekur.report.layout import Picture, Section, Size
from rekur.report.plot import Floats, Label, Plot, percent, plain, span

Curve = tuple[str, str, str, Floats]  # role, dash, words, value by epoch
LOG_FROM = 12.0  # a loss that shrinks by this factor is drawn on a logarithmic scale


@dataclass(frozen=True)
class Drawn:
    """How a picture of curves is named and scaled."""

    name: str
    title: str
    label: Label
    log: bool


def section(facts: Facts) -> Section | None:
    """Build the curves; None where nothing was trained."""
    pictures = pictures_of(facts)
    if not pictures:
        return None
    count = len(facts.history)
    return Section("How it learned", f"{count} epoch{'s' if count != 1 else ''} over the training part.", pictures)


def pictures_of(facts: Facts) -> list[Picture]:
    """Return the curves, the loss first."""
    epochs = np.array([words.number(entry.get("epoch", i)) for i, entry in enumerate(facts.history)])
    by_part = {part: [curve(entry, part) for entry in facts.history] for part in ("train", "validation")}
    metrics = dict.fromkeys(metric for rows in by_part.values() for row in rows for metric in row)
    pictures = [picture for metric in metrics if (picture := _metric_picture(facts, epochs, by_part, metric))]
    rates = np.array([words.number(entry.get("learning_rate")) for entry in facts.history])
    if len(np.unique(rates[np.isfinite(rates)])) > 1:
        drawn = Drawn("learning-rate", "Learning rate", plain, log=False)
        pictures.append(_picture(drawn, epochs, [("extra", "", "learning rate", rates)], ""))
    return pictures


def _metric_picture(facts: Facts, epochs: Floats, by_part: dict[str, list[Metrics]], metric: str) -> Picture | None:
    curves: list[Curve] = []
    for part, role, said in (("train", "ours", "training"), ("validation", "rival", "validation")):
        values = np.array([row.get(metric, math.nan) for row in by_part[part]])
        if np.isfinite(values).any():
            curves.append((role, "", said, values))
    if not curves:
        return None
    caption = _best_epoch(metric, epochs, curves)
    published = facts.published.get(metric, math.nan)
    if math.isfinite(published) and facts.published_part != "test":
        curves.append(("extra", "dashed", f"published ({facts.published_part})", np.full(len(epochs), published)))
    label = percent if names.of(metric).share else plain
    drawn = Drawn(
        f"curve-{words.slug(metric)}", f"{words.capital(words.name_of(metric))} by epoch", label, _falls_far(curves)
    )
    return _picture(drawn, epochs, curves, caption)


def _falls_far(curves: Sequence[Curve]) -> bool:
    values = np.concatenate([values for *_, values in curves])
    known = values[np.isfinite(values)]
    return bool(known.min() > 0 and known.max() / known.min() >= LOG_FROM)


def _best_epoch(metric: str, epochs: Floats, curves: Sequence[Curve]) -> str:
    values = next((curve[3] for curve in curves if curve[2] == "validation"), None)
    if values is None or np.isfinite(values).sum() < 2:
        return ""
    higher = names.of(metric).higher
    best = int(np.nanargmax(values) if higher else np.nanargmin(values))
    last = "the last epoch" if best == len(values) - 1 else f"epoch {epochs[best]:g} of {epochs[0]:g} to {epochs[-1]:g}"
    kind = "highest" if higher else "lowest"
    return f"On the validation part {kind} at {last}: {words.show(metric, values[best])}."


def _picture(drawn: Drawn, epochs: Floats, curves: Sequence[Curve], caption: str) -> Picture:
    log, title = drawn.log, drawn.title

    def draw(size: Size) -> Plot:
        legend = [(role, dash, said) for role, dash, said, _ in curves if said != title.lower()]
        y = span(*(values for *_, values in curves), log=log)
        x = span(epochs, whole=True)
        plot = Plot(size, x, y, legend=legend, log=log, x_title="epoch", y_label=drawn.label)
        plot.x_numbers(least=1)
        for role, dash, _, values in curves:
            plot.line(epochs, values, role, dash)
        return plot

    said = "; ".join(f"{said} from {_ends(values)}" for _, _, said, values in curves)
    scale = " The scale is logarithmic." if log else ""
    return Picture(drawn.name, title, f"{title}: {said}.{scale}", draw, (caption + scale).strip())


def _ends(values: Floats) -> str:
    known = values[np.isfinite(values)]
    return f"{words.figure(float(known[0]))} to {words.figure(float(known[-1]))}"
