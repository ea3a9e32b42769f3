"""From raw histories to the windows a forecaster reads, as nodes; `rekur.tasks.forecasting.windows` says what they are.

Histories (N, L) end where the forecast begins, in the series' own units, NaN where a value is missing and before the
first one. L is free: the last T steps are read, and those before them fill what is missing at their beginning.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rekur.data.scaling import TINY
from rekur.graphs import calendar
from rekur.graphs.builder import Builder
from rekur.graphs.normalising import normaliser

Floats = NDArray[np.float64]
LAST = np.iinfo(np.int64).max  # the end of an axis


@dataclass(frozen=True)
class Reading:
    """How histories become windows, fitted in training; raw numbers come in, the model's own go on."""

    window: int  # T
    horizon: int  # h
    season: int
    normalise: str
    log: bool
    marked: bool  # a feature says what was missing
    identity: bool  # static features say which series it is
    lags: tuple[int, ...]
    series: int  # M, how many the run knows
    pairs: Floats | None  # (M, 2) shift and scale of each series; None where they stay as they are
    known: Floats  # (2, K) shift and scale of each covariate known ahead
    observed: Floats  # (2, O) of each observed one
    words: tuple[int, ...]  # of each static column, how many words it has; 0 for numbers
    static: Floats  # (2, S) shift and scale of each static number
    cycles: tuple[str, ...]  # of the calendar


@dataclass(frozen=True)
class Cut:
    """The windows, each by the name of its value."""

    past: str  # (N, T, I)
    future: str  # (N, h, F), "" for none
    static: str  # (N, S), "" for none
    shift: str  # (N, 1) float64, of the window
    scale: str
    pair: tuple[str, str] | None  # (N, 1) float64 each, shift and scale of the series


def cut(graph: Builder, reading: Reading) -> Cut:
    """Declare the inputs of histories and add what cuts windows out of them."""
    return _Cutter(graph, reading).cut()


class _Cutter:
    def __init__(self, graph: Builder, reading: Reading) -> None:
        self.graph, self.reading = graph, reading
        values = graph.takes("values", "DOUBLE", ["N", "L"])
        self.series = graph.takes("series", "INT64", ["N"]) if reading.identity or reading.pairs is not None else ""
        short = graph.add("Sub", graph.constant([reading.window]), graph.size(values, 1))
        self.short = graph.add("Max", short, graph.constant([0]))  # (1,) steps that a history lacks
        self.values = self._padded(values)
        # what has no logarithm is missing, and no comparison with NaN is true
        known = graph.add("Greater", self.values, graph.exact(0.0)) if reading.log else ""
        self.there = known or graph.add("Not", graph.add("IsNaN", self.values))
        there = graph.cast(self.there, "INT32")
        self.first = graph.add("ArgMax", there, axis=1, keepdims=1)  # (N, 1)
        self.length = graph.size(self.values, 1)
        ahead = graph.add("Add", self.length, graph.constant([reading.horizon]))
        begin = graph.add("Sub", self.length, graph.constant([reading.window]))
        steps = graph.add("Range", graph.scalar(begin), graph.scalar(ahead), graph.constant(1))  # (T + h,)
        self.steps = graph.add("Max", graph.add("Unsqueeze", steps, graph.constant([0])), self.first)  # (N, T + h)

    def cut(self) -> Cut:
        graph, reading, T = self.graph, self.reading, self.reading.window
        pair, scaled = self._series()
        filled, _ = carried(graph, scaled, self.there)
        values = graph.between(filled, -T, LAST, axis=1)
        absent = graph.add("Not", graph.between(self.there, -T, LAST, axis=1))
        shift, scale = normaliser(graph, values, absent, reading.normalise, (T, reading.season))
        own = graph.add("Div", graph.add("Sub", values, shift), scale)
        both = [*self._covariates("known"), *self._calendar()]  # (N, T + h, ...)
        observed, future = self._covariates("observed"), [graph.between(part, T, LAST, axis=1) for part in both]
        parts = [self._column(own), *observed, *(graph.between(part, 0, T, axis=1) for part in both)]
        if reading.marked:
            parts.append(self._column(absent))
        if reading.lags:
            future.append(self._lagged(own))
        return Cut(self._joined(parts, 2), self._joined(future, 2), self._static(), shift, scale, pair)

    def _padded(self, x: str, missing: float | int = np.nan) -> str:
        """Return x (N, L, ...) with at least T steps, those before the first one missing."""
        graph = self.graph
        nothing = graph.constant(np.int64(missing)) if isinstance(missing, int) else graph.exact(missing)
        axis = graph.constant([1])
        front = graph.add("Concat", self.short, graph.constant([0]), axis=0)
        return graph.add("Pad", x, front, nothing, axis)

    def _series(self) -> tuple[tuple[str, str] | None, str]:
        """Return shift and scale of each series, and the values (N, L) brought to its size."""
        graph, reading = self.graph, self.reading
        values = graph.add("Log", self.values) if reading.log else self.values
        if reading.pairs is None:
            return None, values
        row = graph.add("Unsqueeze", self.series, graph.constant([1]))  # (N, 1)
        known = graph.add("Not", graph.add("Less", row, graph.constant(0)))
        place = graph.add("Max", row, graph.constant(0))
        new = self._measured(values)
        pair = [
            graph.add("Where", known, graph.add("Gather", graph.exact(column), place, axis=0), other)
            for column, other in zip(reading.pairs.T, new, strict=True)
        ]
        return (pair[0], pair[1]), graph.add("Div", graph.add("Sub", values, pair[0]), pair[1])

    def _measured(self, values: str) -> tuple[str, str]:
        """Return mean and deviation (N, 1) of a series never seen: of what is there in its history."""
        graph, axis, zero = self.graph, self.graph.constant([1]), self.graph.exact(0.0)
        weight = graph.cast(self.there, "DOUBLE")
        count = graph.add("Max", graph.add("ReduceSum", weight, axis), graph.exact(1.0))
        mean = graph.add("Div", graph.add("ReduceSum", graph.add("Where", self.there, values, zero), axis), count)
        off = graph.add("Where", self.there, graph.add("Sub", values, mean), zero)
        deviation = graph.add("Sqrt", graph.add("Div", graph.add("ReduceSum", graph.add("Mul", off, off), axis), count))
        size = graph.add("Max", graph.add("Abs", mean), graph.exact(1.0))
        some = graph.add("Greater", deviation, graph.add("Mul", size, graph.exact(TINY)))
        return mean, graph.add("Where", some, deviation, graph.exact(1.0))

    def _covariates(self, name: str) -> list[str]:
        """Return the covariates called so, scaled and filled: (N, T + h, K) of the known ones, else (N, T, O)."""
        graph, ahead = self.graph, name == "known"
        pairs = self.reading.known if ahead else self.reading.observed
        if not pairs.shape[1]:
            return []
        given = graph.takes(name, "DOUBLE", ["N", "L + h" if ahead else "L", pairs.shape[1]])
        x = graph.add("Div", graph.add("Sub", self._padded(given), graph.exact(pairs[0])), graph.exact(pairs[1]))
        begun = graph.add("Unsqueeze", self.first, graph.constant([2]))  # (N, 1, 1)
        steps = graph.add("Range", graph.constant(0), graph.scalar(graph.size(x, 1)), graph.constant(1))
        inside = graph.add("Not", graph.add("Less", graph.add("Unsqueeze", steps, graph.constant([0, 2])), begun))
        there = graph.add("And", graph.add("Not", graph.add("IsNaN", x)), inside)
        filled, some = carried(graph, x, there, axes=3)
        filled = graph.add("Where", some, filled, graph.exact(0.0))  # the mean in training
        steps = self.steps if ahead else graph.between(self.steps, 0, self.reading.window, axis=1)
        places = graph.add("Unsqueeze", steps, graph.constant([2]))
        places = graph.add("Expand", places, graph.constant([1, 1, pairs.shape[1]]))
        return [graph.add("GatherElements", filled, places, axis=1)]

    def _calendar(self) -> list[str]:
        if not self.reading.cycles:
            return []
        times = self._padded(self.graph.takes("times", "INT64", ["N", "L + h"]), 0)
        moments = self.graph.add("GatherElements", times, self.steps, axis=1)
        return [calendar.features(self.graph, moments, self.reading.cycles)]

    def _lagged(self, own: str) -> str:
        """Return (N, h, lags): the last values that lie whole lags before each step to come."""
        steps, lags = np.arange(self.reading.horizon)[:, None], np.array(self.reading.lags, dtype=np.int64)
        places = self.reading.window + steps - lags * (steps // lags + 1)
        return self.graph.add("Gather", own, self.graph.constant(places), axis=1)

    def _static(self) -> str:
        """Return (N, S): a column a series, a column a word, and numbers scaled, as the run's columns come."""
        graph, reading, parts, number = self.graph, self.reading, [], 0
        if reading.identity:
            parts.append(self._one_hot(self.series, reading.series))
        given = graph.takes("static", "DOUBLE", ["N", len(reading.words)]) if reading.words else ""
        for column, words in enumerate(reading.words):
            cell = graph.between(given, column, column + 1, axis=1)  # (N, 1)
            if words:
                one = graph.cast(graph.add("Squeeze", cell, graph.constant([1])), "INT64")
                parts.append(self._one_hot(one, words))
                continue
            shift, scale = (graph.exact(part) for part in reading.static[:, number])
            scaled = graph.add("Div", graph.add("Sub", cell, shift), scale)
            parts.append(graph.add("Where", graph.add("IsNaN", cell), graph.exact(0.0), scaled))
            number += 1
        return self._joined(parts, 1)

    def _one_hot(self, place: str, size: int) -> str:
        """Return (N, size), 1 at the place (N,); of -1, zeros."""
        wanted = self.graph.add("Unsqueeze", place, self.graph.constant([1]))
        return self.graph.add("Equal", wanted, self.graph.constant(np.arange(size)))

    def _column(self, x: str) -> str:
        return self.graph.add("Unsqueeze", x, self.graph.constant([2]))

    def _joined(self, parts: list[str], axis: int) -> str:
        """Return features side by side, as float32."""
        return self.graph.add("Concat", *(self.graph.cast(part, "FLOAT") for part in parts), axis=axis) if parts else ""


def carried(graph: Builder, x: str, there: str, axes: int = 2) -> tuple[str, str]:
    """Fill x (N, L), or (N, L, K) of three `axes`, along its steps with the last value that was there.

    Returns it, and where a value had been there; before the first one stands the first one. ONNX has no running
    maximum: the places of what is there are sorted to the front, and how many came before says which is the last.
    """
    length = graph.size(x, 1)
    steps = graph.add("Range", graph.constant(0), graph.scalar(length), graph.constant(1))  # (L,)
    ones = graph.cast(there, "INT64")
    rank = graph.add("CumSum", ones, graph.constant(1))
    steps = graph.add("Reshape", steps, graph.constant([-1, *[1] * (axes - 2)]))
    order = graph.add("Where", there, steps, graph.add("Add", steps, length))
    front, _ = graph.several("TopK", order, length, outputs=2, axis=1, largest=0)
    place = graph.add("Max", graph.add("Sub", rank, graph.constant(1)), graph.constant(0))
    source = graph.add("GatherElements", front, place, axis=1)
    source = graph.add("Min", source, graph.add("Sub", length, graph.constant([1])))  # where nothing is there at all
    return graph.add("GatherElements", x, source, axis=1), graph.add("Greater", rank, graph.constant(0))
