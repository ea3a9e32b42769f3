"""What time it is at each step of each series: moments that all series share, so that none reads another's future.

Where rows have dates, one moment is one date for all. Integers are shared, too, years for instance, unless every series
counts its steps from 0 or 1: then, as without times, each series has a clock of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.calendar import written
from rekur.data.panel import Panel
from rekur.tasks.forecasting.settings import ForecastData

Moments = NDArray[np.int64]


@dataclass(frozen=True)
class Clock:
    """Moments, counted in steps of the series' frequency; the test part begins at moment 0."""

    firsts: Moments  # (M,) of the first step of each series
    days: tuple[Moments, ...] = ()  # weekdays: of each row (L + A,), for a holiday of one series is none of another

    @classmethod
    def shared(cls, panel: Panel) -> Clock:
        """Return the clock of all dates of a panel, its first at moment 0."""
        if panel.frequency.unit == "weekday":
            rows = [_days(panel, place) for place in range(len(panel.series))]
            every = np.unique(np.concatenate(rows))
            days = tuple(np.searchsorted(every, row).astype(np.int64) for row in rows)
            return cls(np.array([found[0] for found in days]), days)
        month = panel.frequency.unit == "month"
        firsts = np.array([_number(series.first, month) for series in panel.series])
        return cls((firsts - firsts.min()) // panel.frequency.count)

    @classmethod
    def own(cls, begins: Sequence[int]) -> Clock:
        """Return clocks that say 0 at a step of each series."""
        return cls(-np.array(begins, dtype=np.int64))

    def since(self, moment: int) -> Clock:
        """Return the clock that says 0 at `moment`."""
        return replace(self, firsts=self.firsts - moment, days=tuple(days - moment for days in self.days))

    def of(self, places: Moments) -> Clock:
        """Return the clock of some series."""
        return replace(self, firsts=self.firsts[places], days=tuple(self.days[place] for place in places if self.days))

    def at(self, places: Moments, steps: Moments) -> Moments:
        """Return the moment of a step of each series `places` (N,): of steps (N,) or (N, h)."""
        firsts = self.firsts[places].reshape(-1, *[1] * (steps.ndim - 1))
        if not self.days:
            return firsts + steps
        found = np.empty(steps.shape, dtype=np.int64)
        order = np.argsort(places, kind="stable")
        for here in np.split(order, np.flatnonzero(np.diff(places[order])) + 1) if len(order) else ():
            days = self.days[int(places[here[0]])]
            beyond = np.maximum(steps[here] - (len(days) - 1), 0)  # a step to come is a moment to come
            found[here] = days[np.minimum(steps[here], len(days) - 1)] + beyond
        return found

    def step(self, place: int, moment: int) -> int:
        """Return the first step of a series that is not before a moment, 0 at least; it may lie behind its end."""
        if not self.days:
            return max(0, moment - int(self.firsts[place]))
        days = self.days[place]
        found = int(np.searchsorted(days, moment))
        return found if found < len(days) else found + max(0, moment - int(days[-1]) - 1)

    def told(self, panel: Panel, moment: int) -> str:
        """Write the date of a moment, as a series has it whose step comes first then."""
        times = [panel.times(place, self.step(place, moment), 1) for place in range(len(panel.series))]
        return written(np.min(times, axis=0))[0]


def by_date(panel: Panel, data: ForecastData) -> bool:
    """Say whether all series are cut at one date."""
    if data.cut:
        return data.cut == "date"
    return not panel.counted


@dataclass(frozen=True)
class Presence:
    """How many series have begun and not ended, at each moment that any has: years may lie between two series."""

    moments: Moments  # (n,) rising
    counts: Moments  # (n,)
    end: int  # the moment behind the last one looked at

    @classmethod
    def of(cls, panel: Panel, clock: Clock) -> Presence:
        """Count the series of a panel."""
        lengths = [len(series.values) for series in panel.series]
        changes: Counter[int] = Counter()  # of how many there are, by the moment they come with
        if clock.days:
            rows = [days[:L] for days, L in zip(clock.days, lengths, strict=True)]
            counts = np.zeros(1 + max(int(row[-1]) for row in rows), dtype=np.int64)
            for row in rows:
                counts[row] += 1
            moments = np.flatnonzero(counts)
            return cls(moments, counts[moments], len(counts))
        for first, L in zip(clock.firsts.tolist(), lengths, strict=True):
            changes[first] += 1
            changes[first + L] -= 1
        edges = np.array(sorted(changes), dtype=np.int64)
        levels = np.cumsum([changes[edge] for edge in edges.tolist()])[:-1]
        spans = np.where(levels > 0, np.diff(edges), 0)
        moments = np.concatenate([np.arange(edge, edge + span) for edge, span in zip(edges[:-1], spans, strict=True)])
        return cls(moments, np.repeat(levels, spans), int(edges[-1]))

    def before(self, moment: int) -> Presence:
        """Return the same of what comes before a moment."""
        held = int(np.searchsorted(self.moments, moment))
        return Presence(self.moments[:held], self.counts[:held], max(0, moment))

    def last_share(self, share: float) -> int:
        """Return how many of the last moments hold a share of all values, as nearly as can be.

        >>> Presence(np.arange(6), np.array([1, 1, 1, 1, 2, 2]), 6).last_share(0.5)
        2
        """
        held = np.concatenate([[0], np.cumsum(self.counts[::-1])])
        last = int(np.abs(held - share * held[-1]).argmin())
        return self.end - int(self.moments[-last]) if last else 0


def _number(first: Any, month: bool) -> int:
    return int(first.astype("datetime64[M]").astype(np.int64) if month else np.asarray(first).astype(np.int64))


def _days(panel: Panel, place: int) -> Moments:
    steps = len(panel.series[place].covariates)
    found: Moments = panel.times(place, 0, steps).astype("datetime64[D]").astype(np.int64)
    return found
