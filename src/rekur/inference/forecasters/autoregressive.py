"""Forecasts one value after another; the equations are in `rekur.models.forecasters.autoregressive`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rekur import paths
from rekur.inference.arrays import Floats, Integers, State
from rekur.inference.forecasters.base import Forecaster, Inputs, Known, at_end, beside, lowered


class Standing(NamedTuple):
    """What has been read of some series, and what is known of their horizon."""

    state: State  # (K, N, H) each
    known: Known
    last: Floats  # (N,) what was taken from the target


class Autoregressive(Forecaster):
    """One recurrent layer over past and horizon; a `rekur.paths.Walker`."""

    def read(self, past: Floats, known: Known, lengths: Integers | None) -> Floats:
        """Return (N, h, P); each step reads the mean that was forecast before it."""
        state, value, made = self._begun(past, known[1], lengths), at_end(past, lengths)[:, 0], []
        for place in range(self.horizon):
            numbers, state = self._walk(value, place, known, state)
            made.append(numbers)
            value = self.linked(numbers)[:, 0]
        return np.stack(made, axis=1)

    def _begun(self, past: Floats, static: Floats | None, lengths: Integers | None) -> State:
        parts = [past]
        if static is not None:
            parts.append(np.broadcast_to(static[:, None], (*past.shape[:2], static.shape[1])))
        return self.layer("core", self.linear("past", np.concatenate(parts, axis=2)), None, lengths)[1]

    def _walk(self, before: Floats, place: int, known: Known, state: State) -> tuple[Floats, State]:
        """Return the numbers (N, P) of one step from the values before it (N,), and the state behind."""
        future, static = known
        read = beside((None if future is None else future[:, place : place + 1], static), 1)
        value = before[:, None, None]
        x = value if read is None else np.concatenate([value, read], axis=2)
        hidden, state = self.layer("core", self.linear("step", x), state)
        return self.linear("output", hidden)[:, 0], state

    def forecast(
        self,
        inputs: Inputs,
        lengths: Integers | None,
        levels: Sequence[float],
        draws: int = paths.DRAWS,
        rng: np.random.Generator | None = None,
        scale: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """Return the quantiles (N, h, Q) of drawn paths and their mean (N, h); see `rekur.paths.forecast`."""
        return paths.forecast(self, inputs, lengths, levels, draws, rng, scale)

    def begin(self, inputs: Inputs, lengths: Integers | None) -> tuple[Standing, Floats]:
        """Read the past; see `rekur.paths.Walker`."""
        past, future, static = inputs[:3]
        value = at_end(past, lengths)[:, 0]
        last = value if self.settings.residual else np.zeros_like(value)
        return Standing(self._begun(lowered(past, last), static, lengths), (future, static), last), value

    def advance(self, before: Floats, place: int, standing: Standing) -> tuple[Floats, Standing]:
        """Return the parameters of the values at `place`; see `rekur.paths.Walker`."""
        numbers, state = self._walk(before - standing.last, place, standing.known, standing.state)
        return self.linked(numbers) + standing.last[:, None] * self.moves, standing._replace(state=state)

    def pick(self, standing: Standing, rows: Integers) -> Standing:
        """Return the standing of these rows; see `rekur.paths.Walker`."""
        future, static = (None if part is None else part[rows] for part in standing.known)
        return Standing(tuple(part[:, rows] for part in standing.state), (future, static), standing.last[rows])
