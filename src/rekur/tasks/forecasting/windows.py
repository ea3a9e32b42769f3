"""Windows over many series: what a model reads before an origin, and what comes behind it.

An origin is the step of a series that is forecast first; whatever is read lies before it. The past (N, T, I) has the
target first, then observed and known covariates, the calendar, and last, where anything is missing, a 0/1 column
"was missing". The future (N, h, F) has the known covariates and the calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rekur.data import calendar, disk
from rekur.data.panel import Panel
from rekur.data.scaling import HIGHEST, TINY
from rekur.errors import DataError
from rekur.tasks.forecasting.normalising import normaliser
from rekur.tasks.forecasting.settings import ForecastData

Floats = NDArray[np.float64]
Blank = Callable[[tuple[int, ...], Any], NDArray[Any]]  # an array of zeros, of a shape and a type
Origins = NDArray[np.int64]  # (N, 2): series, step

ENOUGH = 1_000_000  # steps that say how large covariates are: of more, every n-th is read


@dataclass(frozen=True)
class Scales:
    """How series and covariates are brought to a common size, fitted on the training part alone."""

    series: Mapping[str, tuple[float, float]]  # id -> shift and scale of its values
    covariates: Floats  # (2, C): shift and scale of each
    words: tuple[tuple[str, ...], ...]  # of each static column, the words it may have; () for numbers
    static: Floats  # (2, S): shift and scale of each static number
    marked: bool  # whether the model reads what was missing
    season: int = 1  # steps of a season; 1: there is none

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; every bit comes back."""
        return {
            "series": {name: list(pair) for name, pair in self.series.items()},
            "covariates": self.covariates.tolist(),
            "words": [list(words) for words in self.words],
            "static": self.static.tolist(),
            "marked": self.marked,
            "season": self.season,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        series = {str(name): (float(shift), float(scale)) for name, (shift, scale) in values["series"].items()}
        pairs = {name: np.asarray(values[name], dtype=np.float64).reshape(2, -1) for name in ("covariates", "static")}
        if not all(np.isfinite(pair).all() and (pair[1] > 0).all() for pair in pairs.values()):
            raise ValueError("scales must be finite and above 0")
        if not all(np.isfinite(pair).all() and pair[1] > 0 for pair in series.values()):
            raise ValueError("the scale of a series must be finite and above 0")
        words = tuple(tuple(str(word) for word in found) for found in values["words"])
        season = int(values["season"])
        if season < 1:
            raise ValueError("a season has a step or more")
        return cls(series, words=words, marked=bool(values["marked"]), season=season, **pairs)


@dataclass(frozen=True)
class Batch:
    """N windows: what the model reads, what came, and how to come back to the series' own units."""

    past: NDArray[np.float32]  # (N, T, I)
    future: NDArray[np.float32] | None  # (N, h, F)
    static: NDArray[np.float32] | None  # (N, S)
    target: NDArray[np.float32]  # (N, h) normalised; 0 where missing
    weight: NDArray[np.float32]  # (N, h) how much a step counts in what is scored; 0 where the value is missing
    shift: Floats  # (N,) of the window
    scale: Floats  # (N,)

    @property
    def inputs(self) -> tuple[Any, Any, Any]:
        """What the model takes."""
        return self.past, self.future, self.static


def transformed(values: Floats, log: bool) -> Floats:
    """Return the values, or their logarithms: NaN where there is none."""
    return np.log(np.where(values > 0, values, np.nan)) if log else values


class Windows:
    """The series of a panel, scaled and laid end to end, so that windows are cut out by their places."""

    def __init__(self, panel: Panel, data: ForecastData, scales: Scales, seen: Sequence[int] | None = None) -> None:
        """Lay out the series; of one that `scales` does not know, the first `seen` steps say how large it is."""
        self.panel, self.data, self.scales, self.seen = panel, data, scales, seen
        self.shares = data.shares
        self.lengths = np.array([len(series.values) for series in panel.series])
        self.starts = np.concatenate(
            [[0], np.cumsum(self.lengths + data.horizon)[:-1]]
        )  # room for a horizon behind each
        total = int(self.starts[-1] + self.lengths[-1] + data.horizon)
        zeros: Blank = disk.blank if disk.on_disk(panel.series[0].values) else np.zeros
        self.raw = zeros((total,), np.float64)  # own units, NaN where missing
        self.z = zeros((total,), np.float64)  # scaled, NaN where missing
        self.filled = zeros((total,), np.float64)  # scaled, what is missing filled with what came before
        self.missing = zeros((total,), np.float32)
        self.before = zeros((total,), np.float64)  # the last known value at each step, own units
        self.pairs = np.array([self._pair(place) for place in range(len(panel.series))])  # (M, 2) shift, scale
        self.varying = zeros((total, len(panel.columns.varying)), np.float32)
        self.given = zeros((total, len(panel.columns.known)), np.bool_)  # known covariates that are there
        cycles = panel.frequency.cycles if data.calendar else ()
        self.calendar = zeros((total, 2 * len(cycles)), np.float32)
        for place in range(len(panel.series)):
            self._lay(place)
        self.static = _static(panel, scales, data.identity)

    def _pair(self, place: int) -> tuple[float, float]:
        series = self.panel.series[place]
        if series.id in self.scales.series:
            return self.scales.series[series.id]
        values = series.values if self.seen is None else series.values[: self.seen[place]]
        return scale_of(transformed(values, self.data.log)) if self.data.standardise else (0.0, 1.0)

    def _lay(self, place: int) -> None:
        series, data = self.panel.series[place], self.data
        at = slice(int(self.starts[place]), int(self.starts[place] + self.lengths[place]))
        room = slice(at.start, at.stop + data.horizon)
        shift, scale = self.pairs[place]
        self.raw[at.stop : room.stop] = self.z[at.stop : room.stop] = np.nan
        self.raw[at] = series.values
        self.z[at] = (transformed(series.values, data.log) - shift) / scale
        self.filled[at] = carried(self.z[at])
        self.missing[at] = np.isnan(self.z[at])
        self.before[at] = carried(series.values)
        if self.calendar.shape[1]:
            times = self.panel.times(place, 0, room.stop - room.start)
            self.calendar[room] = calendar.features(times, self.panel.frequency)
        if self.varying.shape[1]:
            given = series.covariates[: room.stop - room.start]
            scaled = (given - self.scales.covariates[0]) / self.scales.covariates[1]
            self.varying[at.start : at.start + len(given)] = carried(scaled, first=0.0)  # 0: the mean in training
            known = len(self.panel.columns.known)
            self.given[at.start : at.start + len(given)] = np.isfinite(given[:, :known])

    # sizes

    @property
    def features(self) -> int:
        """I, what a step of the past has."""
        return int(1 + self.varying.shape[1] + self.calendar.shape[1] + self.scales.marked)

    @property
    def ahead(self) -> int:
        """F, what a step of the future has."""
        return int(len(self.panel.columns.known) + self.calendar.shape[1] + len(self.data.lags))

    # cutting

    def cut(self, origins: Origins) -> Batch:
        """Cut the windows before the origins (N, 2), and what came behind them."""
        data, place, origin = self.data, origins[:, 0], origins[:, 1]
        step = origin[:, None] + np.arange(-data.window, 0)  # (N, T)
        at = self.starts[place][:, None] + np.maximum(step, 0)
        values, absent = self.filled[at], np.where(step < 0, np.float32(1), self.missing[at])
        shift, scale = normaliser(values, absent, data.normalise, self.scales.season)
        parts = [((values - shift[:, None]) / scale[:, None])[:, :, None], *self._varying(at)]
        if self.scales.marked:
            parts.append(absent[:, :, None])
        known, coming = len(self.panel.columns.known), self._coming(origins)
        future = None
        if self.ahead:
            lagged = (self.filled[self._lagged(origins)] - shift[:, None, None]) / scale[:, None, None]
            future = np.concatenate([self.varying[coming, :known], self.calendar[coming], lagged], axis=2)
            future = future.astype(np.float32)
        truth = self.z[coming]
        weight = np.isfinite(truth)
        target = np.where(weight, (truth - shift[:, None]) / scale[:, None], 0.0)
        return Batch(
            np.concatenate(parts, axis=2).astype(np.float32),
            future,
            self.static[place] if self.static.shape[1] else None,
            target.astype(np.float32),
            weight * self.shares,
            shift,
            scale,
        )

    def _varying(self, at: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        known = len(self.panel.columns.known)
        return [self.varying[at, known:], self.varying[at, :known], self.calendar[at]]

    def _lagged(self, origins: Origins) -> NDArray[np.int64]:
        """Return the places (N, h, lags) of the last values that lie whole lags before each step to come."""
        steps = np.arange(self.data.horizon)[:, None]
        lags = np.array(self.data.lags, dtype=np.int64)
        back = steps - lags * (steps // lags + 1)  # (h, lags), all below 0
        found: NDArray[np.int64] = self.starts[origins[:, 0], None, None] + np.maximum(
            origins[:, 1, None, None] + back, 0
        )
        return found

    def _coming(self, origins: Origins) -> NDArray[np.int64]:
        """Return the places (N, h) of the steps behind the origins."""
        begin = self.starts[origins[:, 0]] + origins[:, 1]
        return begin[:, None] + np.arange(self.data.horizon)

    def truth(self, origins: Origins, units: str = "own") -> Floats:
        """Return what came (N, h); NaN where it is missing or lies behind the end."""
        found: Floats = (self.raw if units == "own" else self.z)[self._coming(origins)]
        return found

    def histories(self, origins: Origins, units: str = "own", most: int | None = None) -> list[Floats]:
        """Return all values before each origin, or the last `most`, missing ones filled with what came before."""
        values = self.before if units == "own" else self.filled
        ends = self.starts[origins[:, 0]] + origins[:, 1]
        begins = self.starts[origins[:, 0]] if most is None else np.maximum(self.starts[origins[:, 0]], ends - most)
        return [values[begin:end] for begin, end in zip(begins, ends, strict=True)]

    def known(self, origins: Origins, units: str = "own") -> list[Floats]:
        """Return all values before each origin, NaN where missing."""
        values = self.raw if units == "own" else self.z
        begins = self.starts[origins[:, 0]]
        return [values[begin : begin + step] for begin, step in zip(begins, origins[:, 1], strict=True)]

    def pasts(self, origins: Origins) -> Floats:
        """Return the scaled values (N, T) before the origins, not normalised; before the first, the first."""
        steps = np.maximum(origins[:, 1, None] + np.arange(-self.data.window, 0), 0)
        found: Floats = self.filled[self.starts[origins[:, 0], None] + steps]
        return found

    def unscaled(self, values: Floats, batch: Batch, origins: Origins, units: str = "own") -> Floats:
        """Bring normalised values (N, h) or (N, h, Q) back to the series' own units, or to its standard ones."""
        return self.back(values, batch.shift, batch.scale, origins, units)

    def back(self, values: Floats, shift: Floats, scale: Floats, origins: Origins, units: str = "own") -> Floats:
        """Undo shift and scale (N,) of windows, and come back to `units`."""
        form = (-1, *[1] * (values.ndim - 1))
        return self.in_units(values * scale.reshape(form) + shift.reshape(form), origins, units)

    def in_units(self, scaled: Floats, origins: Origins, units: str = "own") -> Floats:
        """Bring scaled values (N, h) or (N, h, Q) to the series' own units, or leave them in its standard ones."""
        if units == "standard":
            return scaled
        form = (-1, *[1] * (scaled.ndim - 1))
        pairs = self.pairs[origins[:, 0]]
        own: Floats = scaled * pairs[:, 1].reshape(form) + pairs[:, 0].reshape(form)
        return np.exp(np.minimum(own, HIGHEST)) if self.data.log else own


def carried(values: Floats, first: float | None = None) -> Floats:
    """Fill NaN along the first axis with the last number before it.

    Before the first number stands `first`. None puts that first number there, which must not be read from any origin
    before it: series begin with a number, covariates need not.
    """
    if not np.isnan(values).any():
        return values
    rows = values.reshape(len(values), -1)
    there = np.isfinite(rows)
    last = np.maximum.accumulate(np.where(there, np.arange(len(rows))[:, None], -1), axis=0)
    begun = last >= 0
    last = np.where(begun, last, there.argmax(axis=0))
    found = np.take_along_axis(rows, last, axis=0)
    if first is not None:
        found = np.where(begun, found, first)
    return np.nan_to_num(found, nan=0.0).reshape(values.shape)


def scale_of(values: Floats) -> tuple[float, float]:
    """Return mean and deviation of what is there; a constant series keeps its size."""
    there = values[np.isfinite(values)]
    if not len(there):
        return 0.0, 1.0
    deviation = float(there.std())
    return float(there.mean()), deviation if deviation > TINY * abs(float(there.mean())) else 1.0


def fitted(panel: Panel, data: ForecastData, ends: Sequence[int], season: int = 1) -> Scales:
    """Fit scales on the first `ends[i]` steps of each series; the season was found before. Those of 0 are not read."""
    series, covariates, every = {}, [], max(1, sum(ends) // ENOUGH)
    trained = [(one, end) for one, end in zip(panel.series, ends, strict=True) if end]
    for one, end in trained:
        values = transformed(one.values[:end], data.log)
        series[one.id] = scale_of(values) if data.standardise else (0.0, 1.0)
        covariates.append(one.covariates[:end:every])
    joined = np.concatenate(covariates)
    pairs = np.array([scale_of(column) for column in joined.T]).reshape(-1, 2).T
    words, numbers = [], []
    for column in range(len(panel.columns.static)):
        kinds = [one.static[column] for one, _ in trained if one.static[column] is not None]
        amounts = [_amount(kind) for kind in kinds]
        of_words = None in amounts
        words.append(tuple(sorted({str(kind) for kind in kinds})) if of_words else ())
        if not of_words:
            numbers.append(scale_of(np.array(amounts, dtype=np.float64)))
    gaps = any(bool(np.isnan(one.values[:end]).any()) for one, end in trained)
    short = any(end < data.window + data.horizon for _, end in trained)
    return Scales(series, pairs, tuple(words), np.array(numbers).reshape(-1, 2).T, gaps or short, season)


def _amount(value: Any) -> float | None:
    """Return a static value as a number, None if it is a word; a .csv file writes numbers, too, as words."""
    try:
        found = float(value)
    except (ValueError, TypeError):  # of dates
        return None
    return None if isinstance(value, str) and not np.isfinite(found) else found


def _static(panel: Panel, scales: Scales, identity: bool) -> NDArray[np.float32]:
    """Return the static features (M, S): where asked for, a column a series; a column a word, and numbers scaled."""
    rows, known = [], list(scales.series) if identity else []
    for one in panel.series:
        row = [float(one.id == name) for name in known]
        place = 0
        for name, words, value in zip(panel.columns.static, scales.words, one.static, strict=True):
            if words:
                row += [float(str(value) == word) for word in words]
                continue
            amount = None if value is None else _amount(value)
            if amount is None and value is not None:
                raise DataError(f"Column `{name}` held numbers in training; got `{value}` of series `{one.id}`.")
            shift, scale = scales.static[:, place]
            row.append(0.0 if amount is None else (amount - shift) / scale)
            place += 1
        rows.append(row)
    return np.array(rows, dtype=np.float32).reshape(len(rows), -1)
