"""From a forecaster's parameters to quantiles: read from them, or from paths drawn value after value.

Letters: N windows, h horizon, Q levels. Values are in the model's own units; `scale` (N,) says how many counts one of
them is, where the distribution is of counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rekur.distributions import Distribution

Floats = NDArray[Any]
S = TypeVar("S")  # where a walker stands
DRAWS = 200  # paths a series: the 5 % quantile of so many stands ten values from the end
LARGEST = 8192  # paths walked side by side


class Walker(Protocol[S]):
    """A model that forecasts one value after another."""

    @property
    def distribution(self) -> Distribution:
        """What it says of each value."""

    @property
    def horizon(self) -> int:
        """The values it forecasts, h."""

    def begin(self, inputs: Any, lengths: Any) -> tuple[S, Floats]:
        """Read the past; return where that leads, and its last values (N,)."""

    def advance(self, before: Floats, place: int, standing: S) -> tuple[Floats, S]:
        """Return the parameters (N, P) of values at `place` behind those `before` (N,), and where it is then."""

    def pick(self, standing: S, rows: NDArray[np.int64]) -> S:
        """Return the standing of these rows (N',), some perhaps more than once."""


def read(
    distribution: Distribution, parameters: Floats, levels: Sequence[float], scale: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return the quantiles (N, h, Q) and one number for each value (N, h) that the parameters (N, h, P) say."""
    if scale is None or not distribution.counts:
        return distribution.quantiles(parameters, levels), distribution.mean(parameters)
    counted = distribution.rescaled(parameters, np.zeros_like(scale), scale)
    return distribution.quantiles(counted, levels) / scale[:, None, None], distribution.mean(parameters)


def forecast(
    walker: Walker[S],
    inputs: Any,
    lengths: Any,
    levels: Sequence[float],
    draws: int = DRAWS,
    rng: np.random.Generator | None = None,
    scale: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return the quantiles (N, h, Q) of drawn paths, and one number for each value (N, h): their mean.

    Args:
        walker: the model; where its distribution is a single number, there is one path.
        inputs: (past, future, static) as the model takes them.
        lengths: (N,) steps of each history, None for all.
        levels: (Q,) between 0 and 1.
        draws: paths of each series.
        rng: what draws them; None takes a generator of seed 0.
        scale: (N,) counts in one unit of the values.
    """
    drawn = drawn_paths(walker, inputs, lengths, draws, rng or np.random.default_rng(0), scale)
    quantiles = np.moveaxis(np.quantile(drawn, levels, axis=1), 0, 2)
    return quantiles.astype(drawn.dtype), drawn.mean(axis=1)


def drawn_paths(
    walker: Walker[S], inputs: Any, lengths: Any, draws: int, rng: np.random.Generator, scale: Floats | None = None
) -> Floats:
    """Return paths (N, draws, h) of each series; arguments as of `forecast`."""
    standing, last = walker.begin(inputs, lengths)
    draws = draws if walker.distribution.random else 1
    scale = np.ones_like(last) if scale is None else scale
    together = max(1, LARGEST // draws)
    found = [np.empty((0, draws, walker.horizon), last.dtype)]
    for first in range(0, len(last), together):
        rows = np.arange(first, min(first + together, len(last))).repeat(draws)
        walked = _walked(walker, walker.pick(standing, rows), last[rows], rng, scale[rows])
        found.append(walked.reshape(-1, draws, walker.horizon))
    return np.concatenate(found)


def _walked(walker: Walker[S], standing: S, value: Floats, rng: np.random.Generator, scale: Floats) -> Floats:
    """Return one path (N, h) from each standing."""
    distribution, path = walker.distribution, []
    for place in range(walker.horizon):
        parameters, standing = walker.advance(value, place, standing)
        if distribution.counts:
            drawn = distribution.draw(distribution.rescaled(parameters, np.zeros_like(scale), scale), rng) / scale
        else:
            drawn = distribution.draw(parameters, rng)
        value = drawn.astype(value.dtype)
        path.append(value)
    return np.stack(path, axis=1)
