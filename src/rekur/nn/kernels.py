"""The only door to the kernels that compute recurrent layers and cells: the native engine, else torch's.

`uncovered` says what goes to torch's kernels. The cells do too: a single step has little to gain.

Arrays are time first here: x (T, N, I). A state is a tuple, (h,) or (h, c), each (K*D, N, H); None is zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from rekur import engine
from rekur.nn import native, torch_kernels
from rekur.nn.torch_kernels import Plan, State, Weights

__all__ = ["Plan", "State", "Weights", "cell", "layer", "uncovered"]

_PLAIN = (Tensor, Parameter)  # other classes of tensor have ways of their own
_TYPES = (torch.float32, torch.float64)


def layer(
    plan: Plan, x: Tensor, state: State | None, weights: Sequence[Weights], lengths: Tensor | None
) -> tuple[Tensor, State]:
    """Run K layers of D directions over x and return the outputs (T, N, D*H) and the final state.

    Args:
        plan: what to compute.
        x: (T, N, I).
        state: the initial state; None is zeros.
        weights: those of each layer and direction: layer 0 forward, layer 0 backward, layer 1 forward, ...
        lengths: (N,) int64, 0 <= length <= T, on the device of x; None when all rows have T steps.
    """
    if uncovered(x, weights):
        state = torch_kernels.zeros(plan, x, weights) if state is None else state
        return torch_kernels.layer(plan, x, state, weights, lengths)
    return native.layer(plan, x, state, weights, lengths)


def cell(mode: str, x: Tensor, state: State, weights: Weights) -> State:
    """Run one step: x (N, I) and each part of the state (N, H)."""
    return torch_kernels.cell(mode, x, state, weights)


def uncovered(x: Tensor, weights: Sequence[Weights]) -> str | None:
    """Return why torch's kernels must compute this, or None where the native engine can."""
    first = weights[0][0]
    if torch.compiler.is_compiling():
        return "torch.compile and torch.export trace torch's kernels"
    if engine.selected() == "torch":
        return engine.reason or "REKUR_ENGINE=torch"
    if type(x) not in _PLAIN or type(first) not in _PLAIN or torch._C._are_functorch_transforms_active():
        return "tensors of other classes, torch.func transforms"
    if not x.is_cpu or not first.is_cpu:
        return "devices other than the CPU"
    if x.dtype not in _TYPES or first.dtype is not x.dtype or torch.is_autocast_enabled("cpu"):
        return "types other than float32 and float64, autocast"
    if len(weights[0]) % 2:
        return "LSTM with proj_size"
    return None
