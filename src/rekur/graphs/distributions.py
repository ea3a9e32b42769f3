"""From a forecaster's parameters to its quantiles, and their corrections, as nodes; see `rekur.distributions`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from rekur.distributions import Distribution, NegativeBinomial, Normal, Quantiles, StudentT
from rekur.graphs.builder import Builder

DEGREE = 20  # of the polynomial that stands for Student's quantiles: within 1e-11 of them at any freedom above two
LARGEST = 1e12  # degrees of freedom that are a normal distribution's


def read(graph: Builder, distribution: Distribution, parameters: str, levels: Sequence[float], scale: str) -> str:
    """Return the quantiles (N, h, Q) of parameters (N, h, P), float64; `scale` (N, 1) is of counts alone."""
    if isinstance(distribution, Quantiles):
        return _sorted(graph, distribution, parameters)
    if isinstance(distribution, Normal):
        from scipy.special import ndtri

        return _spread(graph, parameters, graph.exact(ndtri(np.asarray(levels))))
    if isinstance(distribution, StudentT):
        return _spread(graph, parameters, _students(graph, parameters, levels))
    if isinstance(distribution, NegativeBinomial):
        return _counted(graph, parameters, levels, scale)
    return graph.add("Expand", graph.cast(parameters, "DOUBLE"), graph.constant([1, 1, len(levels)]))


def point(graph: Builder, distribution: Distribution, parameters: str) -> str:
    """Return the forecast (N, h) in one number, float64."""
    if not isinstance(distribution, Quantiles):
        return graph.add("Squeeze", _nth(graph, parameters, 0), graph.constant([2]))
    place = float(np.interp(0.5, distribution.levels, np.arange(len(distribution.levels))))
    share = np.zeros(len(distribution.levels))
    share[int(np.ceil(place))] += place - np.floor(place)
    share[int(np.floor(place))] += 1 - (place - np.floor(place))
    return graph.add("MatMul", _sorted(graph, distribution, parameters), graph.exact(share))


def _sorted(graph: Builder, distribution: Quantiles, parameters: str) -> str:
    """Return the quantiles at the levels trained, which are those asked for."""
    size = graph.constant([distribution.parameters])
    rising, _ = graph.several("TopK", parameters, size, outputs=2, axis=2, largest=0)
    return graph.cast(rising, "DOUBLE")


def _nth(graph: Builder, parameters: str, place: int) -> str:
    """Return one parameter (N, h, 1), float64."""
    return graph.cast(graph.between(parameters, place, place + 1, axis=2), "DOUBLE")


def _spread(graph: Builder, parameters: str, standard: str) -> str:
    wide = graph.add("Mul", _nth(graph, parameters, 1), standard)
    return graph.add("Add", _nth(graph, parameters, 0), wide)


def _students(graph: Builder, parameters: str, levels: Sequence[float]) -> str:
    """Return Student's quantiles (N, h, Q), a polynomial of one over the degrees of freedom at each level."""
    x = graph.add("Div", graph.exact(4.0), _nth(graph, parameters, 2))  # of 1/ν from 0 to 1/2
    x = graph.add("Sub", x, graph.exact(1.0))
    rows = np.zeros((DEGREE + 1, len(levels)))
    for place, level in enumerate(levels):
        powers = chebyshev.cheb2poly(_interpolated(level))
        rows[: len(powers), place] = powers
    found = graph.exact(rows[-1])
    for row in rows[-2::-1]:
        found = graph.add("Add", graph.add("Mul", found, x), graph.exact(row))
    return found


def _interpolated(level: float) -> NDArray[np.float64]:
    from scipy.special import stdtrit

    def quantile(x: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = stdtrit(1 / np.maximum((x + 1) / 4, 1 / LARGEST), level)
        return found

    found: NDArray[np.float64] = chebyshev.chebinterpolate(quantile, DEGREE)  # type: ignore[arg-type]
    return found


def counts_of(graph: Builder, parameters: str, scale: str) -> tuple[str, str]:
    """Return mean and spread (N, h, 1) of counts, from those in a window's own size; scale is (N, 1)."""
    one = graph.add("Unsqueeze", graph.cast(scale, "FLOAT"), graph.constant([2]))
    mean = graph.add("Mul", graph.between(parameters, 0, 1, axis=2), one)
    spread = graph.add("Div", graph.between(parameters, 1, 2, axis=2), graph.add("Sqrt", one))
    return graph.cast(mean, "DOUBLE"), graph.cast(spread, "DOUBLE")


def _counted(graph: Builder, parameters: str, levels: Sequence[float], scale: str) -> str:
    """Return the least counts as probable as the levels, in a window's own size: probabilities are added up.

    No quantile lies further from the mean than sqrt(p / (1 - p)) deviations (Cantelli), which says where to stop.
    """
    mean, spread = counts_of(graph, parameters, scale)
    wide = graph.add("Mul", spread, mean)  # α μ
    size = graph.add("Reciprocal", spread)
    grown = graph.add("Add", wide, graph.exact(1.0))
    far = np.sqrt(max(levels) / (1 - max(levels)))
    deviation = graph.add("Mul", graph.add("Sqrt", graph.add("Mul", mean, grown)), graph.exact(far))
    most = graph.add("ReduceMax", graph.add("Add", mean, deviation), keepdims=0)
    most = graph.add("Add", graph.cast(graph.add("Ceil", most), "INT64"), graph.constant(2))
    k = graph.cast(graph.add("Range", graph.constant(0), most, graph.constant(1)), "DOUBLE")  # (K,)
    growth = graph.add("Log", graph.add("Div", wide, grown))
    before = graph.add("Max", graph.add("Sub", k, graph.exact(1.0)), graph.exact(0.0))
    ratio = graph.add("Log", graph.add("Div", graph.add("Add", before, size), graph.add("Max", k, graph.exact(1.0))))
    step = graph.add("Add", ratio, growth)  # ln p(k) - ln p(k - 1)
    zero = graph.add("Neg", graph.add("Mul", size, graph.add("Log", grown)))  # ln p(0)
    first = graph.add("Equal", k, graph.exact(0.0))
    log_p = graph.add("CumSum", graph.add("Where", first, zero, step), graph.constant(2))
    below = graph.add("CumSum", graph.add("Exp", log_p), graph.constant(2))  # (N, h, K)
    found = [
        graph.add("ReduceSum", graph.cast(graph.add("Less", below, graph.exact(p)), "DOUBLE"), graph.constant([2]))
        for p in levels
    ]
    counted = graph.add("Concat", *found, axis=2)
    return graph.add("Div", counted, graph.add("Unsqueeze", scale, graph.constant([2])))


def corrected(
    graph: Builder, quantiles: str, levels: Sequence[float], shifts: NDArray[np.float64], spread: str = ""
) -> str:
    """Return quantiles (N, h, Q) corrected as `rekur.evaluation.forecasting.conformal.Corrections.apply` does.

    Args:
        shifts: (P, h) a row for each central interval, the widest first.
        spread: (N, 1, 1) in which they are counted; none for 1.
    """
    Q = len(levels)
    bands = [graph.between(quantiles, place, place + 1, axis=2) for place in range(Q)]
    middle = bands[Q // 2] if Q % 2 else graph.add("ReduceMean", quantiles, graph.constant([2]))
    low = high = middle
    for place in reversed(range(len(shifts))):  # from the middle outwards: each holds the one within it
        shift = graph.exact(shifts[place][:, None])  # (h, 1)
        shift = graph.add("Mul", spread, shift) if spread else shift
        low = graph.add("Min", graph.add("Sub", bands[place], shift), low)
        high = graph.add("Max", graph.add("Add", bands[Q - 1 - place], shift), high)
        bands[place], bands[Q - 1 - place] = low, high
    return graph.add("Concat", *bands, axis=2)
