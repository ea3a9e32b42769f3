"""The only door to the kernels that compute recurrent layers and cells: the native engine, else torch's.

`FALLBACKS` says what goes to torch's kernels, and why.

Arrays are time first here: x (T, N, I). A state is a tuple, (h,) or (h, c), each (K*D, N, H); None is zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rekur import engine
from rekur.nn import native, torch_kernels
from rekur.nn.torch_kernels import Plan, State, Weights

__all__ = [
    "FALLBACKS",
    "Fallback",
    "Plan",
    "State",
    "Weights",
    "cell",
    "everything",
    "native_layer",
    "torch_layer",
    "uncovered",
]


class Fallback(NamedTuple):
    """What torch's kernels compute, and why the engine does not."""

    what: str
    why: str


CELLS = Fallback("RNNCell, GRUCell, LSTMCell", "a single step has little to gain")
PROJECTED = Fallback("LSTM with proj_size", "the engine has no product for the projection")
TYPES = Fallback(
    "types other than float32 and float64, and bf16 (autocast too) where the processor has no products of it",
    "the engine computes in these",
)
READING = Fallback("devices other than the CPU, tensors of other classes", "the engine reads plain memory")
TRANSFORMED = Fallback(
    "torch.func, forward-mode derivatives, dispatch modes, torch.jit.trace", "they look at each operation"
)
COMPILED = Fallback("torch.compile, torch.export", "they compile each operation")
TWICE = Fallback("backward passes with create_graph", "the engine has no second derivatives")
FALLBACKS = (CELLS, PROJECTED, TYPES, READING, TRANSFORMED, COMPILED, TWICE)


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
    if _asks_for_bf16(x):
        return _bf16_layer(plan, x, state, weights, lengths)
    return None if uncovered(x, weights) else native.layer(plan, x, state, weights, lengths)


def _asks_for_bf16(x: Tensor) -> bool:
    return x.dtype is torch.bfloat16 or (x.dtype is torch.float32 and _autocasts_to_bf16())


def _autocasts_to_bf16() -> bool:
    return torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is torch.bfloat16


def _bf16_layer(
    plan: Plan, x: Tensor, state: State | None, weights: Sequence[Weights], lengths: Tensor | None
) -> tuple[Tensor, State] | None:
    """Compute bf16 tensors, and what autocast makes them of: products of bf16, state and sums of float32."""
    tensors = [x, *(state or ()), *(weight for part in weights for weight in part)]
    alike = _autocasts_to_bf16() or all(tensor.dtype is torch.bfloat16 for tensor in tensors)
    if not (alike and engine.multiplies("medium")):
        return None
    with torch.autocast("cpu", enabled=False):
        results = native_layer(
            plan._replace(precision="medium"),
            x.float(),
            state and tuple(part.float() for part in state),
            [[weight.float() for weight in part] for part in weights],
            lengths,
        )
    if results is None or (plan.mode == "GRU" and any(part.dtype is torch.float32 for part in (x, *(state or ())))):
        return results  # torch's GRU, which autocast does not know, keeps the wider type
    return results[0].bfloat16(), tuple(part.bfloat16() for part in results[1])


def torch_layer(
    plan: Plan, x: Tensor, state: State | None, weights: Sequence[Weights], lengths: Tensor | None
) -> tuple[Tensor, State]:
    """Run K layers of D directions by torch's kernels; as `native_layer`, for whatever fits."""
    state = torch_kernels.zeros(plan, x, weights) if state is None else state
    return torch_kernels.layer(plan, x, state, weights, lengths)


def cell(mode: str, x: Tensor, state: State, weights: Weights) -> State:
    """Run one step: x (N, I) and each part of the state (N, H)."""
    return torch_kernels.cell(mode, x, state, weights)


def uncovered(x: Tensor, weights: Sequence[Weights]) -> Fallback | None:
    """Return why torch's kernels must compute this; None where the engine does, if it can read the tensors."""
    if torch.compiler.is_compiling():
        return COMPILED
    if engine.selected() == "torch":
        return everything()
    if native.transformed():
        return TRANSFORMED
    if x.dtype not in native.KINDS or torch.is_autocast_enabled("cpu"):
        return TYPES
    if len(weights[0]) % 2:
        return PROJECTED
    return None


def everything() -> Fallback | None:
    """Return why torch's kernels compute all there is, or None where the native engine is selected."""
    return Fallback("everything", engine.reason or "REKUR_ENGINE=torch") if engine.selected() == "torch" else None
