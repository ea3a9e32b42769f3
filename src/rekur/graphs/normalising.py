"""Windows brought to a common size, as nodes; see `rekur.tasks.forecasting.normalising`."""

from __future__ import annotations

from rekur.data.scaling import SHARE, TINY
from rekur.graphs.builder import Builder


def normaliser(graph: Builder, values: str, absent: str, kind: str, sizes: tuple[int, int]) -> tuple[str, str]:
    """Return shift and scale (N, 1) of windows (N, T) of float64; `sizes` are T and the steps of a season."""
    return _Normaliser(graph, values, absent, sizes).pair(kind)


class _Normaliser:
    def __init__(self, graph: Builder, values: str, absent: str, sizes: tuple[int, int]) -> None:
        self.graph, self.values, (self.steps, self.season) = graph, values, sizes
        self.weight = graph.cast(graph.add("Not", absent), "DOUBLE")
        self.count = self._at_least_one(self._sum(self.weight))
        self.last = graph.between(values, self.steps - 1, self.steps, axis=1)
        self.zero = graph.add("Sub", self.last, self.last)  # (N, 1)
        self.one = graph.add("Add", self.zero, graph.exact(1.0))

    def pair(self, kind: str) -> tuple[str, str]:
        graph = self.graph
        if kind == "none":
            return self.zero, self.one
        if kind == "last":
            return self.last, self.one
        mean = self._mean(self.values)
        if kind == "mean":
            shift, scale = self.zero, self._mean(graph.add("Abs", self.values))
        elif kind == "changes":
            shift, scale = self.last, graph.add("Sqrt", self._changes(1, squared=True))
        else:
            off = graph.add("Sub", self.values, mean)
            shift, scale = (mean if kind == "standard" else self._level()), self._deviation(off)
        if kind == "seasonal_changes":
            least = graph.add("Mul", scale, graph.exact(SHARE))
            scale = graph.add("Max", self._changes(self.season, squared=False), least)
        largest = graph.add("ReduceMax", graph.add("Abs", self.values), graph.constant([1]))
        size = graph.add("Max", graph.add("Abs", mean), largest, graph.exact(TINY))
        some = graph.add("Greater", scale, graph.add("Mul", size, graph.exact(TINY)))
        return shift, graph.add("Where", some, scale, self.one)

    def _sum(self, x: str) -> str:
        return self.graph.add("ReduceSum", x, self.graph.constant([1]))

    def _mean(self, x: str) -> str:
        """Return the mean (N, 1) of what was there."""
        return self.graph.add("Div", self._sum(self.graph.add("Mul", x, self.weight)), self.count)

    def _deviation(self, off: str) -> str:
        return self.graph.add("Sqrt", self._mean(self.graph.add("Mul", off, off)))

    def _level(self) -> str:
        """Return the mean (N, 1) of the last season."""
        season = self.graph.between(self.values, -self.season, self.steps, axis=1)
        return self.graph.add("ReduceMean", season, self.graph.constant([1]))

    def _at_least_one(self, count: str) -> str:
        return self.graph.add("Max", count, self.graph.exact(1.0))

    def _changes(self, steps: int, squared: bool) -> str:
        """Return the mean size (N, 1) of the changes over `steps` steps, where both ends are there."""
        if steps >= self.steps:
            return self.zero
        (now, before), (here, there) = (
            (
                self.graph.between(x, steps, self.steps, axis=1),
                self.graph.between(x, 0, self.steps - steps, axis=1),
            )
            for x in (self.values, self.weight)
        )
        change, both = self.graph.add("Sub", now, before), self.graph.add("Mul", here, there)
        size = self.graph.add("Mul", change, change) if squared else self.graph.add("Abs", change)
        total = self._sum(self.graph.add("Mul", size, both))
        return self.graph.add("Div", total, self._at_least_one(self._sum(both)))
