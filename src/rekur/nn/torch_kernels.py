"""torch's own kernels, for what the native engine does not cover; `kernels.py` says what that is.

They are dense: they know no lengths, so rows that end early are handled around them:

* What lies behind a sequence's length is set to 0 first, so that not even a NaN there reaches a gradient.
* Forward direction: a dense run is right up to each row's end, and the state at that end is gathered.
* Backward direction: each row is reversed within its length, run forward, and reversed back.
* The memory c of an LSTM is not among a kernel's outputs, so it cannot be gathered. Instead one more input
  feature, 1 behind the length and 0 before it, closes the gates: i = 0, f = 1, o = 0. Then c stands still
  bit for bit until T, its gradient passes unchanged, and the outputs behind the length are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import _VF, Tensor
from torch.nn import functional

State = tuple[Tensor, ...]
Weights = Sequence[Tensor]  # w_ih (G*H, I), w_hh (G*H, H), b_ih (G*H,), b_hh (G*H,), w_hr (P, H); as torch orders

_Kernel = Callable[..., Any]
_LAYERS: dict[str, _Kernel] = {
    "RNN_TANH": _VF.rnn_tanh,
    "RNN_RELU": _VF.rnn_relu,
    "GRU": _VF.gru,
    "LSTM": _VF.lstm,
}
_CELLS: dict[str, _Kernel] = {
    "RNN_TANH": _VF.rnn_tanh_cell,
    "RNN_RELU": _VF.rnn_relu_cell,
    "GRU": _VF.gru_cell,
    "LSTM": _VF.lstm_cell,
}

_CLOSED = 1e4  # far beyond where a sigmoid is exactly 0 or 1 in float64, and still finite in float16


class Plan(NamedTuple):
    """What is computed, whatever the weights: the mode, as torch names it, and the constructor's options."""

    mode: str  # RNN_TANH | RNN_RELU | GRU | LSTM
    hidden: int  # H
    layers: int = 1  # K
    directions: int = 1  # D
    bias: bool = True
    dropout: float = 0.0  # between layers; 0 outside of training
    precision: str = "highest"  # of the native engine's products


def layer(
    plan: Plan, x: Tensor, state: State, weights: Sequence[Weights], lengths: Tensor | None
) -> tuple[Tensor, State]:
    """Run K layers of D directions over x and return the outputs (T, N, D*H) and the final state.

    Args:
        plan: what to compute.
        x: (T, N, I).
        state: the initial state.
        weights: those of each layer and direction: layer 0 forward, layer 0 backward, layer 1 forward, ...
        lengths: (N,) int64, 0 <= length <= T, on the device of x; None when all rows have T steps.
    """
    if lengths is None or bool((lengths == x.shape[0]).all()):
        return _dense(plan, x, state, weights)
    longest = max(1, int(lengths.max()))  # a kernel needs one step at least
    outputs, state = _ragged(plan, x[:longest], state, weights, lengths)
    return functional.pad(outputs, (0, 0, 0, 0, 0, x.shape[0] - longest)), state


def cell(mode: str, x: Tensor, state: State, weights: Weights) -> State:
    """Run one step: x (N, I) and each part of the state (N, H)."""
    biases = weights[2:] or (None, None)
    if mode == "LSTM":
        h, c = _CELLS[mode](x, state, weights[0], weights[1], *biases)
        return h, c
    return (_CELLS[mode](x, state[0], weights[0], weights[1], *biases),)


def zeros(plan: Plan, x: Tensor, weights: Sequence[Weights]) -> State:
    """Return the initial state (K*D, N, H) that stands for none; with `proj_size` h has P features."""
    w_hh = weights[0][1]
    widths = (w_hh.shape[1], w_hh.shape[0] // 4) if plan.mode == "LSTM" else (w_hh.shape[1],)
    return tuple(x.new_zeros(plan.layers * plan.directions, x.shape[1], width) for width in widths)


def _dense(plan: Plan, x: Tensor, state: State, weights: Sequence[Weights]) -> tuple[Tensor, State]:
    flat = [weight for part in weights for weight in part]
    both_ways = plan.directions == 2
    options = (plan.bias, plan.layers, plan.dropout, plan.dropout > 0, both_ways, False)
    first = state if plan.mode == "LSTM" else state[0]
    outputs, *final = _LAYERS[plan.mode](x, first, flat, *options)
    return outputs, tuple(final)


def _ragged(plan: Plan, x: Tensor, state: State, weights: Sequence[Weights], lengths: Tensor) -> tuple[Tensor, State]:
    steps = torch.arange(x.shape[0], device=x.device).unsqueeze(1)  # (T, 1)
    behind = (steps >= lengths).unsqueeze(-1)  # (T, N, 1)
    mirror = torch.where(behind[..., 0], steps, lengths - 1 - steps).unsqueeze(-1)  # (T, N, 1) its own inverse
    one = plan._replace(layers=1, directions=1, dropout=0.0)
    x = x.masked_fill(behind, 0.0)
    finals: list[State] = []
    for k in range(plan.layers):
        if k > 0 and plan.dropout > 0:
            x = functional.dropout(x, plan.dropout)
        parts = []
        for d in range(plan.directions):
            i = k * plan.directions + d
            initial = tuple(part[i] for part in state)
            outputs, final = _one_way(one, _taken(x, mirror) if d else x, initial, weights[i], lengths, behind)
            parts.append(_taken(outputs, mirror) if d else outputs)
            finals.append(final)
        x = torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]
    if plan.mode != "LSTM":  # its outputs are 0 there already
        x = x.masked_fill(behind, 0.0)
    return x, tuple(torch.stack(part) for part in zip(*finals, strict=True))


def _one_way(
    plan: Plan, x: Tensor, state: State, weights: Weights, lengths: Tensor, behind: Tensor
) -> tuple[Tensor, State]:
    """Run one layer forward; return the outputs (T, N, H) and the state, (N, H) each, at each row's end."""
    if plan.mode == "LSTM":
        x, weights = _closed_behind(x, weights, behind)
    outputs, final = _dense(plan, x, tuple(part.unsqueeze(0) for part in state), [weights])
    last = (lengths - 1).clamp(min=0).view(1, -1, 1)
    h = torch.where((lengths == 0).unsqueeze(1), state[0].to(outputs.dtype), _taken(outputs, last)[0])
    return outputs, (h, *(part[0] for part in final[1:]))


def _closed_behind(x: Tensor, weights: Weights, behind: Tensor) -> tuple[Tensor, Weights]:
    """Add the input feature that closes an LSTM's gates behind each row's length, and its column of w_ih."""
    w_ih, *others = weights
    signs = w_ih.new_tensor((-1.0, 1.0, 0.0, -1.0))  # of the gates i, f, g, o
    column = (_CLOSED * signs).repeat_interleave(w_ih.shape[0] // 4).unsqueeze(1)  # (4H, 1)
    return torch.cat((x, behind.to(x.dtype)), dim=-1), [torch.cat((w_ih, column), dim=1), *others]


def _taken(x: Tensor, steps: Tensor) -> Tensor:
    """Return x (T, N, F) at `steps` (S, N, 1): (S, N, F)."""
    return x.gather(0, steps.expand(-1, -1, x.shape[2]))
