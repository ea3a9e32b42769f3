"""Where moments stand in the day, week and year, as nodes; see `rekur.data.calendar.features`.

Years are found by whole numbers alone, in a calendar whose years begin in March, so that a leap day is their last.
Source: Hinnant 2013, "chrono-compatible low-level date algorithms", `civil_from_days`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rekur.graphs.builder import Builder

DAY = 86_400
ERA, ERA_YEARS = 146_097, 400  # days and years after which the calendar repeats itself
FROM_MARCH = 719_468  # days from 0000-03-01 to 1970-01-01
MARCH = 306  # days from March to the end of December
WINTER = 59  # days of January and February without a leap day


def features(graph: Builder, times: str, cycles: Sequence[str]) -> str:
    """Return sine and cosine (N, T, 2 * cycles) of moments (N, T), seconds since 1970 as int64."""
    clock = graph.add("Mod", times, graph.constant(DAY))
    days = graph.add("Div", graph.add("Sub", times, clock), graph.constant(DAY))
    of_day = graph.add("Div", graph.cast(clock, "DOUBLE"), graph.exact(DAY))
    waves = []
    for name in cycles:
        share = {"day": lambda: of_day, "week": lambda: _of_week(graph, days, of_day)}.get(
            name, lambda: _of_year(graph, days, of_day)
        )()
        angle = graph.cast(graph.add("Mul", share, graph.exact(2 * math.pi)), "FLOAT")
        waves += [graph.add("Unsqueeze", graph.add(wave, angle), graph.constant([2])) for wave in ("Sin", "Cos")]
    return graph.add("Concat", *waves, axis=2)


def _of_week(graph: Builder, days: str, of_day: str) -> str:
    day = graph.add("Mod", graph.add("Add", days, graph.constant(3)), graph.constant(7))  # 1970-01-01 was a Thursday
    return graph.add("Div", graph.add("Add", graph.cast(day, "DOUBLE"), of_day), graph.exact(7))


def _of_year(graph: Builder, days: str, of_day: str) -> str:
    """Return the share (N, T) of its year that is over, at days since 1970 and a share of the day."""

    def part(x: str, by: int) -> str:
        return graph.add("Div", x, graph.constant(by))

    def total(first: str, *others: tuple[str, str]) -> str:
        for operator, x in others:
            first = graph.add(operator, first, x)
        return first

    moved = graph.add("Add", days, graph.constant(FROM_MARCH))
    of_era = graph.add("Mod", moved, graph.constant(ERA))
    leaps = (("Sub", part(of_era, 1460)), ("Add", part(of_era, 36_524)), ("Sub", part(of_era, ERA - 1)))
    year = part(total(of_era, *leaps), 365)  # of the era, from March
    whole = graph.add("Mul", year, graph.constant(365))
    begun = total(whole, ("Add", part(year, 4)), ("Sub", part(year, 100)))
    of_year = graph.add("Sub", of_era, begun)  # days since the first of March
    era = graph.add("Mul", part(graph.add("Sub", moved, of_era), ERA), graph.constant(ERA_YEARS))
    winter = graph.add("Not", graph.add("Less", of_year, graph.constant(MARCH)))
    civil = total(era, ("Add", year), ("Add", graph.cast(winter, "INT64")))
    leap = _is_leap(graph, civil)
    spring = total(of_year, ("Add", graph.constant(WINTER)), ("Add", leap))
    day = graph.add("Where", winter, graph.add("Sub", of_year, graph.constant(MARCH)), spring)
    length = graph.cast(graph.add("Add", leap, graph.constant(365)), "DOUBLE")
    return graph.add("Div", graph.add("Add", graph.cast(day, "DOUBLE"), of_day), length)


def _is_leap(graph: Builder, year: str) -> str:
    """Return 1 for a leap year, else 0."""

    def divides(by: int) -> str:
        return graph.add("Equal", graph.add("Mod", year, graph.constant(by)), graph.constant(0))

    every = graph.add("And", divides(4), graph.add("Not", divides(100)))
    return graph.cast(graph.add("Or", every, divides(ERA_YEARS)), "INT64")
