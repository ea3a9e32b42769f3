"""What every forecaster does around its own way of reading the past; see `rekur.models.forecasters.base`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rekur import engine, paths
from rekur.inference.arrays import Floats, Integers, State, Weights, linear, product, threads
from rekur.sizes.forecaster import ForecasterSizes
from rekur.sizes.layers import KINDS

Inputs = tuple[Any, ...]  # past, future or None, static or None
Known = tuple[Floats | None, Floats | None]  # future (N, h, F) and static (N, S)


class Forecaster:
    """The interface: ``forecaster((past, future, static), lengths) -> parameters``; a subclass says how in `read`."""

    def __init__(self, sizes: ForecasterSizes, weights: Weights) -> None:
        self.sizes, self.settings, self.distribution = sizes, sizes.settings, sizes.distribution
        self.weights, self.horizon = weights, sizes.horizon
        links = self.distribution.links
        self.floors = np.array([link or 0.0 for link in links], np.float32)
        self.positive = np.array([link is not None for link in links])
        self.moves = np.array([place in self.distribution.located for place in range(len(links))], np.float32)

    def read(self, past: Floats, known: Known, lengths: Integers | None) -> Floats:
        """Return the numbers (N, h, P) that `linked` makes parameters of."""
        raise NotImplementedError

    def __call__(self, inputs: Inputs, lengths: Integers | None = None, state: None = None) -> tuple[Floats, None]:  # noqa: ARG002
        """Return the parameters (N, h, P); see `rekur.models.forecasters.Forecaster.forward`."""
        past, future, static = inputs[:3]
        if not self.settings.residual:
            return self._shortened(past, (future, static), lengths), None
        last = at_end(past, lengths)[:, 0]
        parameters = self._shortened(lowered(past, last), (future, static), lengths)
        return parameters + last[:, None, None] * self.moves, None

    def _shortened(self, past: Floats, known: Known, lengths: Integers | None) -> Floats:
        """Return the parameters (N, h, P): those read from the past, and what the highway adds."""
        parameters = self.linked(self.read(past, known, lengths))
        if not self.settings.highway:
            return parameters
        added = product(ending(past[:, :, 0], lengths, self.settings.highway), self.weights["highway.weight"])
        return parameters + added[:, :, None] * self.moves

    def linked(self, numbers: Floats) -> Floats:
        """Return parameters (..., P): those that must be positive are made so."""
        return np.where(self.positive, self.floors + np.logaddexp(numbers, np.float32(0)), numbers)

    def forecast(
        self,
        inputs: Inputs,
        lengths: Integers | None,
        levels: Sequence[float],
        draws: int = paths.DRAWS,  # noqa: ARG002
        rng: np.random.Generator | None = None,  # noqa: ARG002
        scale: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """Return the quantiles (N, h, Q) and one number for each value (N, h); see `rekur.paths.forecast`."""
        return paths.read(self.distribution, self(inputs, lengths)[0], levels, scale)

    def layer(
        self, name: str, x: Floats, state: State | None = None, lengths: Integers | None = None, layers: int = 0
    ) -> tuple[Floats, State]:
        """Run the recurrent layer called `name` over x (N, T, I); return the outputs (N, T, H) and its state."""
        x, ends = x.swapaxes(0, 1), []
        for k in range(layers or self.settings.layers):
            weights = [tuple(self.weights[f"{name}.{kind}_l{k}"] for kind in KINDS)]
            start = None if state is None else tuple(part[k : k + 1] for part in state)
            x, end = engine.layer(engine.MODES[self.settings.cell], x, start, weights, lengths, threads())
            ends.append(end)
        return x.swapaxes(0, 1), tuple(np.concatenate(part) for part in zip(*ends, strict=True))

    def linear(self, name: str, x: Floats) -> Floats:
        """Return x W' + b of the linear map called `name`."""
        return linear(x, self.weights, name)

    def head(self, features: Floats, known: Known) -> Floats:
        """Return (N, h, P) from the state (N, H); see `rekur.models.forecasters.base.HorizonHead`."""
        future, static = known
        context = features if static is None else np.concatenate([features, static], axis=1)
        made = self.linear("head.whole", context).reshape(-1, self.horizon, self.sizes.parameters)
        if future is None:
            return made
        hidden = self.linear("head.context", context)[:, None] + product(future, self.weights["head.future.weight"])
        return made + product(np.maximum(hidden, 0), self.weights["head.local.weight"])


def at_end(steps: Floats, lengths: Integers | None) -> Floats:
    """Return the last step (N, I) of each history, from (N, T, I)."""
    return steps[:, -1] if lengths is None else steps[np.arange(len(steps)), np.maximum(lengths - 1, 0)]


def ending(values: Floats, lengths: Integers | None, size: int) -> Floats:
    """Return the last `size` values (N, size) of each history, from (N, T); zeros before a shorter one."""
    N, T = values.shape
    place = np.broadcast_to(np.arange(T - size, T), (N, size))
    place = place if lengths is None else place - (T - lengths[:, None])
    return np.where(place >= 0, values[np.arange(N)[:, None], np.maximum(place, 0)], np.float32(0))


def lowered(past: Floats, last: Floats) -> Floats:
    """Return the past (N, T, I) with `last` (N,) taken from its target."""
    past = past.copy()
    past[:, :, 0] -= last[:, None]
    return past


def beside(known: Known, size: int) -> Floats | None:
    """Return (N, size, F + S), what is known at each of `size` places of the horizon; None where nothing is."""
    future, static = known
    parts = [] if future is None else [future]
    if static is not None:
        parts.append(np.broadcast_to(static[:, None], (len(static), size, static.shape[1])))
    return np.concatenate(parts, axis=2) if parts else None
