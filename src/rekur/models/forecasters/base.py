"""What every forecaster does around its own way of reading the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rekur import paths
from rekur.models.sequence import device_of, on
from rekur.nn import LAYERS
from rekur.sizes.forecaster import ForecasterSizes

Array = Tensor | NDArray[Any]
Inputs: TypeAlias = (
    tuple[Array, Array | None, Array | None]  # past, future, static
    | tuple[Array, Array | None, Array | None, Array]  # in training, too: the target
)
State: TypeAlias = Tensor | tuple[Tensor, Tensor]  # of the engine's layers
Known: TypeAlias = tuple[Tensor | None, Tensor | None]  # future (N, h, F) and static (N, S)

SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)  # of what was learned beyond a linear forecast


class Forecaster(nn.Module):
    """The interface: ``forward((past, future, static), lengths) -> parameters``; a subclass says how in `read`.

    With `settings.residual` the last value of the target is taken from its past and added to what is forecast, so that
    a series is forecast the same at any height (SegRNN, Lin et al. 2023). With `settings.highway` a linear map of its
    last values is added, too: what is linear is learned at once, and no state is too narrow for it (LSTNet, Lai et al.
    2018; alone and with the last value taken, it is NLinear of Zeng et al. 2023).
    """

    floors: Tensor  # (P,) what lies below a parameter that must be positive
    positive: Tensor  # (P,)
    moves: Tensor  # (P,) 1 where a parameter rises with the values

    def __init__(self, sizes: ForecasterSizes) -> None:
        super().__init__()
        self.sizes, self.settings, self.distribution = sizes, sizes.settings, sizes.distribution
        self.horizon = sizes.horizon
        links = self.distribution.links
        self.register_buffer("floors", torch.tensor([link or 0.0 for link in links]), persistent=False)
        self.register_buffer("positive", torch.tensor([link is not None for link in links]), persistent=False)
        moves = torch.tensor([float(place in self.distribution.located) for place in range(len(links))])
        self.register_buffer("moves", moves, persistent=False)
        if self.settings.highway:
            self.highway = nn.Linear(self.settings.highway, sizes.horizon, bias=False)
            nn.init.zeros_(self.highway.weight)  # the network alone, at first

    def read(self, past: Tensor, known: Known, lengths: Tensor | None, target: Tensor | None) -> Tensor:
        """Return the numbers (N, h, P) that `linked` makes parameters of."""
        raise NotImplementedError

    def ends(self) -> tuple[nn.Linear, ...]:
        """Return the layers whose sum `read` returns; the first one has a bias."""
        raise NotImplementedError

    @torch.no_grad()
    def start_from(self, weight: NDArray[Any], offsets: NDArray[Any]) -> None:
        """Make the model a linear forecast, in place: the highway, which training then leaves alone, and a constant.

        Args:
            weight: (h, n) of the highway.
            offsets: (h, P') of the parameters that move with the values. A last layer that makes several steps alike
                takes their mean.
        """
        self.highway.weight.copy_(torch.from_numpy(weight))
        self.highway.weight.requires_grad_(False)
        for layer in self.ends():
            layer.weight.zero_()
        bias = self.ends()[0].bias.view(-1, self.distribution.parameters)  # (steps, P)
        places, located = torch.arange(self.horizon) % len(bias), list(self.distribution.located)
        for place in range(min(len(bias), self.horizon)):
            bias[place, located] = torch.from_numpy(offsets)[places == place].mean(0).to(bias.dtype)

    @torch.no_grad()
    def settle(self, weight: NDArray[Any], offsets: NDArray[Any], error: Callable[[], float]) -> float:
        """Put the trained model between the linear forecast it began as and itself, where `error` of it is least.

        What it adds to that forecast is its last layers' alone, so a share of their weights adds that share. Returns
        the share of `SHARES` that is kept; of equal errors the larger one's.
        """
        ends = [parameter for layer in self.ends() for parameter in layer.parameters()]
        trained = [parameter.clone() for parameter in ends]
        self.start_from(weight, offsets)
        start = [parameter.clone() for parameter in ends]

        def stand(share: float) -> float:
            for parameter, before, after in zip(ends, start, trained, strict=True):
                parameter.copy_(after if share == 1.0 else before.lerp(after, share))
            return share

        best = min(SHARES, key=lambda share: (stand(share), error())[1])
        return stand(best)

    def forward(self, inputs: Inputs, lengths: Any = None, state: None = None) -> tuple[Tensor, None]:  # noqa: ARG002
        """Return the parameters (N, h, P) of `rekur.distributions`.

        Args:
            inputs: past (N, T, I), its first feature the target; future (N, h, F) or None; static (N, S) or None; and,
                in training, the target (N, h), which an autoregressive model reads a step late, and no other does.
            lengths: (N,) steps of each history from 1 to T, None for T everywhere. What lies behind a length, at the
                right end of `past`, changes nothing.
        """
        past, future, static, *target = on(device_of(self), inputs)
        lengths = on(device_of(self), lengths)
        aims = target[0] if target else None
        if not self.settings.residual:
            return self._shortened(past, (future, static), lengths, aims), None
        last = at_end(past, lengths)[:, 0]
        aims = None if aims is None else aims - last.unsqueeze(1)
        parameters = self._shortened(lowered(past, last), (future, static), lengths, aims)
        return parameters + last.view(-1, 1, 1) * self.moves, None

    def _shortened(self, past: Tensor, known: Known, lengths: Tensor | None, target: Tensor | None) -> Tensor:
        """Return the parameters (N, h, P): those read from the past, and what the highway adds."""
        parameters = self.linked(self.read(past, known, lengths, target))
        if not self.settings.highway:
            return parameters
        added: Tensor = self.highway(ending(past[:, :, 0], lengths, self.settings.highway))
        return parameters + added.unsqueeze(2) * self.moves

    def linked(self, numbers: Tensor) -> Tensor:
        """Return parameters (..., P): those that must be positive are made so."""
        return torch.where(self.positive, self.floors + F.softplus(numbers), numbers)

    def forecast(
        self,
        inputs: Inputs,
        lengths: Any,
        levels: Sequence[float],
        draws: int = paths.DRAWS,  # noqa: ARG002
        rng: np.random.Generator | None = None,  # noqa: ARG002
        scale: NDArray[Any] | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the quantiles (N, h, Q) and one number for each value (N, h); see `rekur.paths.forecast`."""
        with torch.inference_mode():
            parameters = self(inputs[:3], lengths)[0].cpu().numpy()
        return paths.read(self.distribution, parameters, levels, scale)

    def layer(self, read: int, layers: int | None = None) -> nn.RNNBase:
        """Return an untrained recurrent layer of the settings' cell that reads (N, T, read)."""
        settings = self.settings
        layers = layers or settings.layers
        return LAYERS[settings.cell](
            read, settings.hidden, num_layers=layers, batch_first=True, dropout=settings.dropout_layers * (layers > 1)
        )

    def dropped(self, features: Tensor) -> Tensor:
        """Return the features that the output layer reads; in training, some of them are left out."""
        return F.dropout(features, self.settings.dropout_readout, self.training)


class HorizonHead(nn.Module):
    """From what was read of a history to all steps of the horizon at once.

        y_j = A_j c + V relu(B c + W f_j)           without features of the future: y_j = A_j c

    c (N, C) is the state and the series' features, f_j what is known of step j. Source: Wen et al. 2017 (MQ-RNN).
    """

    def __init__(self, sizes: ForecasterSizes) -> None:
        super().__init__()
        self.sizes, H = sizes, sizes.settings.hidden
        self.whole = nn.Linear(sizes.context, sizes.horizon * sizes.parameters)
        if sizes.future:
            self.context = nn.Linear(sizes.context, H)
            self.future = nn.Linear(sizes.future, H, bias=False)
            self.local = nn.Linear(H, sizes.parameters, bias=False)

    def ends(self) -> tuple[nn.Linear, ...]:
        """Return the layers whose sum is returned."""
        return (self.whole, self.local) if self.sizes.future else (self.whole,)

    def forward(self, features: Tensor, known: Known) -> Tensor:
        """Return (N, h, P) from the state (N, H) and what is known."""
        future, static = known
        context = features if static is None else torch.cat([features, static], dim=1)
        made: Tensor = self.whole(context).view(-1, self.sizes.horizon, self.sizes.parameters)
        if future is None:
            return made
        hidden = torch.relu(self.context(context).unsqueeze(1) + self.future(future))
        return made + self.local(hidden)  # type: ignore[no-any-return]


def top(state: State) -> Tensor:
    """Return h_n (N, H) of the last layer."""
    return (state[0] if isinstance(state, tuple) else state)[-1]


def at_end(steps: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the last step (N, I) of each history, from (N, T, I)."""
    if lengths is None:
        return steps[:, -1]
    place = (lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, steps.shape[2])
    return steps.gather(1, place).squeeze(1)


def ending(values: Tensor, lengths: Tensor | None, size: int) -> Tensor:
    """Return the last `size` values (N, size) of each history, from (N, T); zeros before a shorter one."""
    T = values.shape[1]
    place = torch.arange(T - size, T, device=values.device)
    place = place.expand(len(values), -1) if lengths is None else place - (T - lengths.unsqueeze(1))
    return torch.where(place >= 0, values.gather(1, place.clamp(min=0)), 0)


def lowered(past: Tensor, last: Tensor) -> Tensor:
    """Return the past (N, T, I) with `last` (N,) taken from its target."""
    return torch.cat([past[:, :, :1] - last.view(-1, 1, 1), past[:, :, 1:]], dim=2)


def beside(known: Known, size: int) -> Tensor | None:
    """Return (N, size, F + S), what is known at each of `size` places of the horizon; None where nothing is."""
    future, static = known
    parts = [] if future is None else [future]
    if static is not None:
        parts.append(static.unsqueeze(1).expand(-1, size, -1))
    return torch.cat(parts, dim=2) if parts else None
