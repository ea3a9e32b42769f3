"""Readouts: what of a recurrent layer's outputs the rest of the model sees.

Each takes the outputs (N, T, D*H), the layer's final state and the lengths (N,) or None, and says in
`features` how wide its result is. Means, maxima and attention leave out what lies behind a length; a row of
length 0 reads as zeros.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn

from rekur.errors import ConfigError, nearest
from rekur.notation import check_shape

State: TypeAlias = Tensor | tuple[Tensor, Tensor]  # h_n, or (h_n, c_n) of an LSTM


class Readout(nn.Module):
    """The interface: ``forward(outputs (N, T, D*H), state, lengths (N,) | None) -> (N, features)``."""

    features: int  # width of the result

    def __init__(self, features: int, steps: int | None = None) -> None:  # noqa: ARG002
        super().__init__()
        self.features = features

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:
        """Return (N, features)."""
        raise NotImplementedError


class Last(Readout):
    """The top layer's last valid state, both directions joined (the backward one ends at the first step)."""

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return (N, D*H), read from the state."""
        h_n = state[0] if isinstance(state, tuple) else state  # (K*D, N, H)
        directions = self.features // h_n.shape[-1]
        return torch.cat(tuple(h_n[-directions:]), dim=-1)


class LastStep(Readout):
    """The outputs at position T-1, padding or not: the fault of many published models, kept to show it."""

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return (N, D*H)."""
        return outputs[:, -1]


class Mean(Readout):
    """The mean of the valid steps: sum_{t < length} o_t / length."""

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return (N, D*H)."""
        return mean(outputs, lengths)


class Max(Readout):
    """The largest value of each feature over the valid steps."""

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return (N, D*H)."""
        return maximum(outputs, lengths)


class MeanMax(Readout):
    """Mean and maximum of the valid steps, joined."""

    def __init__(self, features: int, steps: int | None = None) -> None:
        super().__init__(2 * features, steps)

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return (N, 2*D*H)."""
        return torch.cat((mean(outputs, lengths), maximum(outputs, lengths)), dim=-1)


class Attention(Readout):
    """A learned weighted mean of the valid steps (additive attention of Bahdanau et al. 2015, with no query).

    s_t = v · tanh(W o_t + b),  a = softmax over valid t of s,  result = sum_t a_t o_t
    """

    def __init__(self, features: int, steps: int | None = None) -> None:
        super().__init__(features, steps)
        self.key = nn.Linear(features, features)
        self.score = nn.Linear(features, 1, bias=False)

    def weights(self, outputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return a (N, T): how much each step counts; 0 behind a length, 1 in sum where there is a step."""
        scores: Tensor = self.score(torch.tanh(self.key(outputs))).squeeze(-1)  # (N, T)
        if lengths is None:
            return torch.softmax(scores, dim=1)
        mask = valid(outputs, lengths)
        lowest = torch.finfo(scores.dtype).min  # not -inf: a row of length 0 would become NaN
        return torch.softmax(scores.masked_fill(~mask, lowest), dim=1) * mask

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return (N, D*H)."""
        outputs = zeroed(outputs, lengths)
        return torch.bmm(self.weights(outputs, lengths).unsqueeze(1), outputs).squeeze(1)


class Flatten(Readout):
    """Every step beside the next in one long row; only for texts or rows of one fixed T."""

    def __init__(self, features: int, steps: int | None = None) -> None:
        if steps is None:
            raise ConfigError("Readout `flatten` needs a fixed T (`steps`); cut or pad every row to one length.")
        super().__init__(features * steps, steps)
        self.steps = steps

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return (N, T*D*H); raises ShapeError when T is not the T it was made for."""
        check_shape("flatten", "outputs", outputs.shape, N=None, T=self.steps, **{"D*H": None})
        return zeroed(outputs, lengths).flatten(1)


class Every(Readout):
    """The outputs as they are, a result for each step."""

    def forward(self, outputs: Tensor, state: State, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return (N, T, D*H)."""
        return outputs


READOUTS: dict[str, type[Readout]] = {
    "last": Last,
    "last_step": LastStep,
    "mean": Mean,
    "max": Max,
    "mean_max": MeanMax,
    "attention": Attention,
    "flatten": Flatten,
    "every": Every,
}


def make(name: str, features: int, steps: int | None = None) -> Readout:
    """Return the readout called `name` for outputs (N, T, features); `steps` is T where it is fixed.

    >>> make("mean_max", 128).features
    256
    """
    if name not in READOUTS:
        raise ConfigError(f"No readout is called `{name}`. {nearest(name, READOUTS)}")
    return READOUTS[name](features, steps)


def valid(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Return (N, T) booleans: true at the steps before a row's length."""
    steps = torch.arange(outputs.shape[1], device=outputs.device)
    return steps < lengths.to(outputs.device).unsqueeze(1)


def zeroed(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return `outputs` (N, T, F) with 0 behind each length."""
    if lengths is None:
        return outputs
    return outputs.masked_fill(~valid(outputs, lengths).unsqueeze(-1), 0.0)


def mean(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return (N, F), the mean over valid steps; zeros for a row of length 0."""
    if lengths is None:
        return outputs.mean(dim=1)
    counts = lengths.to(outputs.device).clamp(min=1).unsqueeze(1)
    return zeroed(outputs, lengths).sum(dim=1) / counts


def maximum(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return (N, F), the maximum over valid steps; zeros for a row of length 0."""
    if lengths is None:
        return outputs.amax(dim=1)
    behind = ~valid(outputs, lengths).unsqueeze(-1)
    largest = outputs.masked_fill(behind, float("-inf")).amax(dim=1)
    return largest.masked_fill(lengths.to(outputs.device).unsqueeze(1) == 0, 0.0)
