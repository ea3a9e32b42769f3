"""Where series are cut, in time: training, validation, test; and the origins of the windows in each.

Where rows have dates the cuts are dates, one for all series, so that no model learns from a day on which it is tested.
A series that ends before a part begins has no window in it. One that begins too late to learn from is tested as a new
one: it trains nothing, and its windows begin where the model has a whole window to read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data.panel import Panel, Series
from rekur.errors import DataError
from rekur.tasks.forecasting.clock import Clock, Presence, by_date
from rekur.tasks.forecasting.settings import ForecastData
from rekur.wording import counted

Floats = NDArray[np.float64]
Origins = NDArray[np.int64]  # (N, 2): series, step

SHARE = 5  # one part in so many tests, where nothing is said
SOME = 10_000  # windows looked at together
LEAST = 2  # steps that a window must hold
NAMES = ("train", "validation", "test")
NAMED = 3  # series named in a note


@dataclass(frozen=True)
class Parts:
    """The origins of each part. What a part's windows foretell lies in that part alone."""

    train: Origins
    validation: Origins
    test: Origins
    ends: tuple[int, ...]  # of the training part of each series; 0: it trains nothing
    seen: tuple[int, ...]  # steps of each series that may say how large it is: those, or a window of a new one
    clock: Clock
    begins: str = ""  # the date from which on all series test; "": each has its own
    notes: tuple[str, ...] = ()  # which series test or train nothing, for people

    def of(self, places: NDArray[np.int64]) -> Parts:
        """Return the parts of some series (n,), rising, which are then numbered from 0; notes are of all."""

        def kept(origins: Origins) -> Origins:
            held = origins[np.isin(origins[:, 0], places)]
            return np.stack([np.searchsorted(places, held[:, 0]), held[:, 1]], axis=1)

        origins: dict[str, Any] = {name: kept(getattr(self, name)) for name in NAMES}
        ends, seen = (tuple(of[place] for place in places) for of in (self.ends, self.seen))
        return replace(self, **origins, ends=ends, seen=seen, clock=self.clock.of(places))


@dataclass(frozen=True)
class _Cuts:
    """When the parts begin: the test part at moment 0 of each series."""

    clock: Clock
    tests: NDArray[np.int64]  # (M,) moments of it
    validations: NDArray[np.int64]  # (M,) moments before it

    @classmethod
    def by_date(cls, panel: Panel, data: ForecastData, tested: bool) -> _Cuts:
        clock = Clock.shared(panel)
        there = Presence.of(panel, clock)
        test = (data.test or max(data.horizon, there.last_share(1 / SHARE))) if tested else 0
        share = there.before(there.end - test).last_share(1 / SHARE)
        validation = data.validation or max(data.horizon, min(test or there.end, share))
        every = np.ones(len(panel.series), dtype=np.int64)
        return cls(clock.since(there.end - test), test * every, validation * every)

    @classmethod
    def by_series(cls, panel: Panel, data: ForecastData, tested: bool) -> _Cuts:
        lengths = [len(series.values) for series in panel.series]
        tests, validations = np.array([sizes(L, data, tested) for L in lengths], dtype=np.int64).T
        return cls(Clock.own([L - test for L, test in zip(lengths, tests.tolist(), strict=True)]), tests, validations)


def cut(panel: Panel, data: ForecastData, tested: bool = True) -> Parts:
    """Cut the series, at dates or each at its own end; raises DataError naming the first one that is too short.

    Where nothing is `tested`, as in an estimator, the values that would test join those before them.
    """
    dated = by_date(panel, data)
    cuts = (_Cuts.by_date if dated else _Cuts.by_series)(panel, data, tested)
    found: dict[str, list[Origins]] = {name: [] for name in NAMES}
    ends, seen = [], []
    alone = not dated or len(panel.series) == 1
    for place, series in enumerate(panel.series):
        end = min(cuts.clock.step(place, -int(cuts.validations[place])), len(series.values))
        trains = end >= data.horizon + LEAST
        if not trains and (alone or len(series.values) < data.horizon + LEAST):
            raise _too_short(series, cuts, place, data, alone)
        ends.append(end if trains else 0)
        seen.append(end if trains else min(data.window, len(series.values)))
        for name, steps in _steps(len(series.values), place, end, trains, cuts, data, tested).items():
            found[name].append(np.stack([np.full(len(steps), place), steps], axis=1))
    origins: dict[str, Any] = {name: np.concatenate(each).astype(np.int64) for name, each in found.items()}
    if not any(ends):
        raise _none_trains(panel, cuts, data)
    begins = cuts.clock.told(panel, 0) if dated and tested else ""
    made = Parts(**origins, ends=tuple(ends), seen=tuple(seen), clock=cuts.clock, begins=begins)
    return replace(made, notes=_notes(panel, made) if begins else ())


def _steps(
    L: int, place: int, end: int, trains: bool, cuts: _Cuts, data: ForecastData, tested: bool
) -> dict[str, NDArray[np.int64]]:
    """Return the steps of one series that windows of each part foretell first."""
    first = data.window if end >= data.window + data.horizon else max(LEAST, end - data.horizon)
    stop = min(cuts.clock.step(place, 0), L)
    since = 0 if trains else data.window

    def later(begin: int, behind: int, moment: int) -> NDArray[np.int64]:
        steps = np.arange(max(begin, since), behind)
        apart = cuts.clock.at(np.full(len(steps), place), steps) - moment
        found: NDArray[np.int64] = steps[apart % data.every == 0]
        return found

    return {
        "train": np.arange(end - data.horizon, first - 1, -data.stride)[::-1] if trains else np.arange(0),
        "validation": later(end, stop - data.horizon + 1, -int(cuts.validations[place])),
        "test": later(stop, L - data.shortest_horizon + 1, 0) if tested else np.arange(0),
    }


def worth(parts: Parts, truth: Callable[[Origins], Floats], tested: bool = True) -> Parts:
    """Return the origins behind which any value is known; raises DataError where a part has none."""
    found: dict[str, Any] = {}
    for name in NAMES:
        origins = getattr(parts, name)
        known = [np.isfinite(truth(origins[at : at + SOME])).any(axis=1) for at in range(0, len(origins), SOME)]
        found[name] = origins[np.concatenate(known)] if known else origins
        if not len(found[name]) and (tested or name != "test"):
            raise DataError(
                f"No window of the part `{name}` has a value to foretell. Give more values, fill gaps, or take a "
                "shorter data.horizon or another data.cut."
            )
    return replace(parts, **found)


def sizes(L: int, data: ForecastData, tested: bool = True) -> tuple[int, int]:
    """Return how many of L steps test, and how many before those validate."""
    test = (data.test or max(data.horizon, round(L / SHARE))) if tested else 0
    return test, data.validation or max(data.horizon, min(test or L, round((L - test) / SHARE)))


def until(panel: Panel, data: ForecastData) -> tuple[Panel, ForecastData]:
    """Return the panel as it was when the test part of a fold ended, and the settings with the size of that part.

    The test parts of the folds follow each other up to the end of the series; where nothing is said they are the
    second half of all values together, and the first half always trains.

    Raises DataError where no series is left.
    """
    share = 0.5 / data.folds
    if by_date(panel, data):
        clock = Clock.shared(panel)
        there = Presence.of(panel, clock)
        test = data.test or max(data.horizon, round(there.last_share(0.5) / data.folds))
        left = there.end - (data.folds - 1 - data.fold) * test
        lengths = [clock.step(place, left) for place in range(len(panel.series))]
    else:
        steps = [len(series.values) for series in panel.series]
        test = data.test or max(data.horizon, round(min(steps) * share))
        lengths = [max(0, L - (data.folds - 1 - data.fold) * test) for L in steps]
    last = data.fold == data.folds - 1
    kept = tuple(
        series if last else _first(series, length)
        for series, length in zip(panel.series, lengths, strict=True)
        if length
    )
    if not kept:
        raise DataError(
            f"{data.folds} folds of {test} steps are more than the series have. Take fewer folds, or a smaller "
            "data.test."
        )
    return replace(panel, series=kept), data.model_copy(update={"test": test})


def _first(series: Series, steps: int) -> Series:
    """Return the first steps of a series, up to the last known value among them; no row is kept behind them."""
    values = series.values
    end = int(np.flatnonzero(np.isfinite(values[:steps]))[-1]) + 1
    rows = end if steps < len(values) else steps
    dates = None if series.dates is None else series.dates[:rows]
    return replace(series, values=values[:end], covariates=series.covariates[:rows], dates=dates)


def _too_short(series: Series, cuts: _Cuts, place: int, data: ForecastData, alone: bool) -> DataError:
    name, L, window = series.id, len(series.values), data.horizon + LEAST
    if L == 1:
        return DataError(
            f"Series `{name}` has one value, and one value has no history. Drop it, or leave short series out with "
            "data.shortest."
        )
    test, validation = (int(sizes[place]) for sizes in (cuts.tests, cuts.validations))
    shares = f": {test} to test, {validation} to validate, and {window} for one window to learn from" if alone else ""
    return DataError(
        f"Series `{name}` has {counted(L, 'value')}; a horizon of {data.horizon} needs "
        f"{window + (test + validation if alone else 0)} or more{shares}. Take a shorter "
        "data.horizon, give more values, or leave short series out with data.shortest."
    )


def _none_trains(panel: Panel, cuts: _Cuts, data: ForecastData) -> DataError:
    when = cuts.clock.told(panel, -int(cuts.validations[0]))
    return DataError(
        f"No series has {data.horizon + LEAST} steps before {when}, where the part that validates begins, so that "
        "nothing is left to learn from. Take a shorter data.horizon, a smaller data.test and data.validation, or "
        'data.cut = "series", which cuts each at its own end.'
    )


def _notes(panel: Panel, parts: Parts) -> tuple[str, ...]:
    """Say which series test nothing, and which train nothing."""
    tested = set(parts.test[:, 0].tolist())
    new = [place for place, end in enumerate(parts.ends) if not end]
    M = len(panel.series)
    kinds = {
        f"ending before {parts.begins}, where the test part begins, or in its first steps: trained on, not tested": [
            place for place, end in enumerate(parts.ends) if end and place not in tested
        ],
        "beginning too late to learn from: tested as new, where a window can be read": [
            place for place in new if place in tested
        ],
        "beginning too late to learn from, too short to be tested: left out": [
            place for place in new if place not in tested
        ],
    }
    return tuple(f"{len(of)} of {M} series, {said}{_named(panel, of)}." for said, of in kinds.items() if of)


def _named(panel: Panel, places: list[int]) -> str:
    names = ", ".join(f"`{panel.series[place].id}`" for place in places[:NAMED])
    return f" ({names}{', ...' if len(places) > NAMED else ''})"


def check_positive(found: Panel, ends: tuple[int, ...] = ()) -> tuple[str, ...]:
    """Raise DataError unless every value has a logarithm; with `ends`, every value before those.

    Returns a note on the values behind `ends` that have none: they are read as missing, and scored as they are.
    """
    later = 0
    for place, series in enumerate(found.series):
        end = ends[place] if ends else len(series.values)
        low = np.flatnonzero(series.values <= 0)  # NaN is not
        if len(low) and low[0] < end:
            when = f" at step {low[0] + 1}"
            cure = "Set data.log to false." if ends else "Leave the value empty, or fit a model without."
            raise DataError(
                f"data.log: series `{series.id}` has the value {series.values[low[0]]:g}{when}, which has no "
                f"logarithm. {cure}"
            )
        later += len(low)
    if not later:
        return ()
    what = "value behind the training part is" if later == 1 else "values behind the training part are"
    return (f"{later:,} {what} 0 or less and without a logarithm: read as missing, and scored as they are.",)
