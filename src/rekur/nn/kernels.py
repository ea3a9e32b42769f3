"""The only door to the kernels that compute recurrent layers and cells: the native engine, else torch's.

`TORCHS` says what goes to torch's kernels.

Arrays are time first here: x (T, N, I). A state is a tuple, (h,) or (h, c), each (K*D, N, H); None is zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rekur import engine
from rekur.nn import native, torch_kernels
from rekur.nn.torch_kernels import Plan, State, Weights

__all__ = ["TORCHS", "Plan", "State", "Weights", "cell", "native_layer", "torch_layer", "uncovered"]

TORCHS = {  # what torch's kernels compute, and why
    "cells": "RNNCell, GRUCell, LSTMCell: a single step has little to gain",
    "projections": "LSTM with proj_size: the engine has no product for it",
    "types": "types other than float32 and float64, and autocast: the engine has these two",
    "devices": "devices other than the CPU, tensors of other classes: the engine reads the memory of plain tensors",
    "transforms": "torch.func, forward-mode derivatives, dispatch modes, torch.jit.trace: they look at each operation",
    "compile": "torch.compile, torch.export: they compile each operation",
    "twice": "gradients of gradients: the engine has the first ones only; layers come out natively, then once by torch",
}


def native_layer(
    plan: Plan, x: Tensor, state: State | None, weights: Sequence[Weights], lengths: Tensor | None
) -> tuple[Tensor, State] | None:
    """Run K layers of D directions by the native engine; None where that is for torch's kernels.

    The engine's reader has checked sizes, types and devices then; torch's kernels do not check all of them.

    Args:
        plan: what to compute.
        x: (T, N, I).
        state: the initial state; None is zeros.
        weights: those of each layer and direction: layer 0 forward, layer 0 backward, layer 1 forward, ...
        lengths: (N,) int64, 0 <= length <= T, on the device of x; None when all rows have T steps.

    Returns:
        The outputs (T, N, D*H) and the final state.
    """
    return None if uncovered(x, weights) else native.layer(plan, x, state, weights, lengths)


def torch_layer(
    plan: Plan, x: Tensor, state: State | None, weights: Sequence[Weights], lengths: Tensor | None
) -> tuple[Tensor, State]:
    """Run K layers of D directions by torch's kernels; as `native_layer`, for whatever fits."""
    state = torch_kernels.zeros(plan, x, weights) if state is None else state
    return torch_kernels.layer(plan, x, state, weights, lengths)


def cell(mode: str, x: Tensor, state: State, weights: Weights) -> State:
    """Run one step: x (N, I) and each part of the state (N, H)."""
    return torch_kernels.cell(mode, x, state, weights)


def uncovered(x: Tensor, weights: Sequence[Weights]) -> str | None:
    """Return why torch's kernels must compute this, or None where the native engine can if it can read the tensors."""
    if torch.compiler.is_compiling():
        return TORCHS["compile"]
    if engine.selected() == "torch":
        return engine.reason or "REKUR_ENGINE=torch"
    if native.transformed():
        return TORCHS["transforms"]
    if x.dtype not in native.KINDS or torch.is_autocast_enabled("cpu"):
        return TORCHS["types"]
    if len(weights[0]) % 2:
        return TORCHS["projections"]
    return None
