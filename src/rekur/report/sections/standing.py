"""Where the result stands: published, ours and the rivals, as one table and one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from rekur.evaluation import names
from rekur.report import words
from rekur.report.facts import Facts, Metrics, numbers
from rekur.report.layout import Block, Picture, Section, Size
from rekur.report.plot import Plot, percent, plain, span, width_of


@dataclass(frozen=True)
class Row:
    """One competitor: who, on which part, with which figures."""

    role: str  # ours, rival, published: how it is drawn
    name: str
    part: str
    figures: Metrics
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    def has(self, metric: str) -> bool:
        """Say whether there is such a figure."""
        return math.isfinite(self.figures.get(metric, math.nan))

    def shown(self, metric: str) -> str:
        """The figure as words."""
        return words.show(metric, self.figures.get(metric))

    def within(self, metric: str) -> str:
        """The interval as words, empty when there is none."""
        if metric not in self.intervals:
            return ""
        return words.interval(metric, *self.intervals[metric])


def section(facts: Facts) -> Section | None:
    """Build the table and the picture; None for a run that has no figure at all."""
    rows = competitors(facts)
    columns = columns_of(facts, rows)
    if not columns:
        return None
    best = {metric: _best(metric, rows) for metric in columns}
    rows = [row for row in rows if any(row.has(metric) for metric in columns)]
    table = Block("standing.html.jinja", {"rows": rows, "columns": columns, "best": best, "name_of": words.name_of})
    picture = standing_picture(facts.metric, rows)
    return Section("The result and its rivals", _note(facts), [picture] if picture else [], [table], picture)


def competitors(facts: Facts) -> list[Row]:
    """Return every row of the table: published, ours on each part, and the rivals, the best first."""
    rows = []
    if facts.published:
        rows.append(Row("published", "published", facts.published_part, facts.published))
    intervals = {metric: pair for metric in facts.test if (pair := facts.interval(metric))}
    if facts.test:
        rows.append(Row("ours", "ours", "test", facts.test, intervals))
    rows += [Row("ours", "ours", part, figures) for part, figures in _other_parts(facts).items() if figures]
    return rows + [Row("rival", name, "test", figures) for name, figures in facts.baselines.items()]


def _other_parts(facts: Facts) -> dict[str, Metrics]:
    validation = numbers(facts.part("validation"))
    for metric in {"log_loss", "nats"} & facts.test.keys():  # of these two, the loss is the mean
        validation.setdefault(metric, validation.get("loss", math.nan))
    return {"validation": validation, "train": facts.trained if facts.published_part == "train" else {}}


def columns_of(facts: Facts, rows: Sequence[Row]) -> list[str]:
    """Return the metrics worth a column: the verdict's first, then the test's, then those of published figures."""
    wanted = dict.fromkeys([facts.metric, *facts.test, *facts.published])
    return [metric for metric in wanted if any(row.has(metric) for row in rows)]


def _best(metric: str, rows: Sequence[Row]) -> float:
    tested = [row for row in rows if row.part == "test" and row.role != "published"]
    known = [row.figures[metric] for row in tested if row.has(metric)]
    if len(known) < 2:
        return math.nan
    return max(known) if names.of(metric).higher else min(known)


def _note(facts: Facts) -> str:
    versus = facts.part("versus")
    if not versus:
        return "No rival stands beside this result."
    metric, test = facts.metric, str(versus.get("test", ""))
    if not math.isfinite(words.number(versus.get("difference"))):
        return f"The best rival is {versus.get('baseline')}; the two could not be compared."
    low, high = [*(versus.get("interval") or ()), None, None][:2]
    within, p = words.difference_interval(metric, low, high), words.probability(versus.get("p_value"), test)
    said = [f"95 % interval {within}" if within else "", p, words.TESTS.get(test, test)]
    return (
        f"Ours minus the best rival, {versus.get('baseline')}, on the same test items: {words.name_of(metric)} "
        f"{words.difference(metric, versus['difference'])} ({', '.join(part for part in said if part)})."
    )


def standing_picture(metric: str, rows: Sequence[Row]) -> Picture | None:
    """Draw each figure of `metric` as a dot on one scale, ours with its interval; None for a single figure."""
    published = {row.part for row in rows if row.role == "published"}
    rows = [row for row in rows if row.part in {"test", *published} and row.has(metric)]
    if len(rows) < 2:
        return None
    low, high = _scale(metric, rows)
    beyond = [row for row in rows if not low <= row.figures[metric] <= high]

    def draw(size: Size) -> Plot:
        roomy = size[0] > 600
        left = max(width_of(_name(row)) for row in rows) * 1.08 + 24 if roomy else 12.0
        pitch = 30 if roomy else 44
        plot = Plot((size[0], len(rows) * pitch + 32), (low, high), (0, 1), left=left, right=100 if roomy else 12)
        for i, row in enumerate(rows):
            _draw_row(plot, row, metric, i * pitch + (15 if roomy else 27), roomy)
        plot.x_numbers(percent if names.of(metric).share else plain)
        return plot

    said = "; ".join(f"{_name(row)} {row.shown(metric)}" for row in rows)
    title = f"{words.capital(words.name_of(metric))}: {words.direction(metric)}"
    caption = _caption(rows, metric, bool(beyond))
    return Picture("standing", title, f"{title}. {said}.", draw, caption, wide=True)


def _caption(rows: Sequence[Row], metric: str, beyond: bool) -> str:
    said = []
    if any(metric in row.intervals for row in rows):
        said.append("The bar is the 95 % interval of ours.")
    if any(row.role == "published" for row in rows):
        said.append("Hollow is the chapter's own figure.")
    if beyond:
        said.append("An arrow stands for a figure off the scale.")
    return " ".join(said)


def _scale(metric: str, rows: Sequence[Row]) -> tuple[float, float]:
    """Return the span of ours, the best rival and what lies near them: one far figure must not flatten the rest."""
    rivals = [row for row in rows if row.role == "rival"]
    near = [row for row in rows if row.role == "ours"] + rivals[:1]
    ends = [end for row in near for end in (row.figures[metric], *row.intervals.get(metric, ())) if math.isfinite(end)]
    low, high = min(ends), max(ends)
    reach = 3 * (high - low) if len(near) > 1 else math.inf
    kept = [row.figures[metric] for row in rows if low - reach <= row.figures[metric] <= high + reach]
    low, high = span(ends, kept, margin=0.07)
    return (max(low, -0.02), min(high, 1 + 0.02 * (1 - low))) if names.of(metric).share else (low, high)


def _name(row: Row) -> str:
    name = row.name if row.part == "test" else f"{row.name} ({row.part})"
    return name if width_of(name) <= 260 else f"{name[:36].rstrip()}…"


def _draw_row(plot: Plot, row: Row, metric: str, line: float, roomy: bool) -> None:
    role = "axis strong" if row.role == "ours" else "axis"
    height = line + 4 if roomy else line - 10
    plot.text(4, height, _name(row), role)
    plot.text(plot.width - 4, height, row.shown(metric), role, anchor="end")
    plot.segment(plot.x.start, line, plot.x.end, line, "grid")
    if metric in row.intervals:
        low, high = (plot.x.at(end) for end in row.intervals[metric])
        plot.segment(low, line, high, line, "ours whisker")
    mark, value = {"published": "extra hollow"}.get(row.role, row.role), row.figures[metric]
    if plot.x.low <= value <= plot.x.high:
        plot.dot(plot.x.at(value), line, mark, 4.5)
    else:
        plot.arrow(plot.x.start if value < plot.x.low else plot.x.end, line, mark, -1 if value < plot.x.low else 1)
