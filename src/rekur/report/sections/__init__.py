"""The parts of a report, a file each: `section(facts)` gives the part, or None where the run has nothing for it."""

from __future__ import annotations

from collections.abc import Callable

from rekur.report.facts import Facts
from rekur.report.layout import Section
from rekur.report.sections import (
    classes,
    describing,
    examples,
    findings,
    forecast,
    forms,
    horizons,
    labels,
    learning,
    sequences,
    shapes,
    standing,
    timing,
    translation,
    writing,
)

ALL: tuple[Callable[[Facts], Section | None], ...] = (
    standing.section,
    forms.section,
    findings.section,
    horizons.section,
    forecast.section,
    classes.section,
    examples.section,
    sequences.section,
    labels.section,
    translation.section,
    describing.section,
    writing.section,
    shapes.section,
    learning.section,
    timing.section,
)
