"""Autoregressive forecasts: the next value's distribution, then the next, each reading the value before it.

    h_t = core(A [x_t; static], h_{t-1})                        over the past
    h_j = core(B [y_{j-1}; future_j; static], h_{j-1})          over the horizon, y_0 the last value of the past
    p(y_j | y_<j) = distribution(O h_j)

In training y_{j-1} is the true value, and the horizon is one pass. To forecast, values are drawn one after another,
many paths a series, and quantiles are the paths'. Source: Salinas et al. 2020 (DeepAR).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rekur import paths
from rekur.models.forecasters.base import Forecaster, Inputs, Known, State, at_end, beside, lowered
from rekur.models.sequence import device_of, on
from rekur.sizes.forecaster import ForecasterSizes


class Standing(NamedTuple):
    """What has been read of some series, and what is known of their horizon."""

    state: State  # (K, N, H) each
    known: Known
    last: Tensor  # (N,) what was taken from the target


class Autoregressive(Forecaster):
    """One recurrent layer over past and horizon; a `rekur.paths.Walker`."""

    def __init__(self, sizes: ForecasterSizes) -> None:
        super().__init__(sizes)
        H = self.settings.hidden
        self.past = nn.Linear(sizes.values + sizes.static, H)
        self.core = self.layer(H)
        self.step = nn.Linear(1 + sizes.future + sizes.static, H)
        self.output = nn.Linear(H, sizes.parameters)

    def read(self, past: Tensor, known: Known, lengths: Tensor | None, target: Tensor | None) -> Tensor:
        """Return (N, h, P); without a target each step reads the mean that was forecast before it."""
        state, value = self._begun(past, known[1], lengths), at_end(past, lengths)[:, 0]
        if target is not None:
            before = torch.cat([value.unsqueeze(1), target[:, :-1]], dim=1)
            return self._walk(before, known, state)[0]
        made: list[Tensor] = []
        for place in range(self.sizes.horizon):
            numbers, state = self._walk(value.unsqueeze(1), _at(known, place), state)
            made.append(numbers)
            value = self.linked(numbers)[:, 0, 0]
        return torch.cat(made, dim=1)

    def _begun(self, past: Tensor, static: Tensor | None, lengths: Tensor | None) -> State:
        if static is not None:
            past = torch.cat([past, static.unsqueeze(1).expand(-1, past.shape[1], -1)], dim=2)
        return self.core(self.past(past), None, lengths=lengths)[1]  # type: ignore[no-any-return]

    def _walk(self, before: Tensor, known: Known, state: State) -> tuple[Tensor, State]:
        """Return the numbers (N, n, P) of n steps from the values before them (N, n), and the state behind."""
        read = beside(known, before.shape[1])
        x = before.unsqueeze(2) if read is None else torch.cat([before.unsqueeze(2), read], dim=2)
        hidden, state = self.core(self.step(x), state)
        return self.output(self.dropped(hidden)), state

    def forecast(
        self,
        inputs: Inputs,
        lengths: Any,
        levels: Sequence[float],
        draws: int = paths.DRAWS,
        rng: np.random.Generator | None = None,
        scale: NDArray[Any] | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the quantiles (N, h, Q) of drawn paths and their mean (N, h); see `rekur.paths.forecast`."""
        return paths.forecast(self, inputs, lengths, levels, draws, rng, scale)

    def begin(self, inputs: Inputs, lengths: Any) -> tuple[Standing, NDArray[Any]]:
        """Read the past; see `rekur.paths.Walker`."""
        with torch.inference_mode():
            past, future, static = on(device_of(self), inputs[:3])
            lengths = on(device_of(self), lengths)
            value = at_end(past, lengths)[:, 0]
            last = value if self.settings.residual else torch.zeros_like(value)
            state = self._begun(lowered(past, last), static, lengths)
        return Standing(state, (future, static), last), value.cpu().numpy()

    def advance(self, before: NDArray[Any], place: int, standing: Standing) -> tuple[NDArray[Any], Standing]:
        """Return the parameters of the values at `place`; see `rekur.paths.Walker`."""
        with torch.inference_mode():
            value = (on(device_of(self), before) - standing.last).unsqueeze(1)
            numbers, state = self._walk(value, _at(standing.known, place), standing.state)
            parameters = self.linked(numbers)[:, 0] + standing.last.unsqueeze(1) * self.moves
        return parameters.cpu().numpy(), standing._replace(state=state)

    def pick(self, standing: Standing, rows: NDArray[np.int64]) -> Standing:
        """Return the standing of these rows; see `rekur.paths.Walker`."""
        with torch.inference_mode():
            chosen = on(device_of(self), rows)
            state = standing.state
            taken = tuple(part[:, chosen] for part in state) if isinstance(state, tuple) else state[:, chosen]
            known = tuple(None if part is None else part[chosen] for part in standing.known)
            return Standing(taken, known, standing.last[chosen])  # type: ignore[arg-type]


def _at(known: Known, place: int) -> Known:
    """Return what is known of one step of the horizon."""
    future, static = known
    return None if future is None else future[:, place : place + 1], static
