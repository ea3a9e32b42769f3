"""What the layers and cells share: arguments checked, laid out time first, run, and laid out as they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rekur.errors import RequestError, ShapeError
from rekur.nn import kernels
from rekur.notation import check_shape

Lengths: TypeAlias = Tensor | Sequence[int] | int


def run(
    layer: nn.RNNBase, x: Tensor | PackedSequence, state: kernels.State | None, lengths: Lengths | None
) -> tuple[Tensor | PackedSequence, kernels.State]:
    """Run `layer` over x and return the outputs, in the layout of x, and the final state.

    Args:
        layer: whose weights and options to use.
        x: (T, N, I), (N, T, I) with `batch_first`, (T, I) for one row, or packed.
        state: (h_0,) or (h_0, c_0), each (K*D, N, H), or (K*D, H) for one row; None is zeros.
        lengths: (N,) integers from 0 to T, a number for one row, None when all rows have T steps. What lies
            behind a length changes nothing; the outputs there are 0; the final state is the one at the length
            (the initial one where it is 0); the backward direction starts there. Rows need no sorting.

    Raises:
        ShapeError: where a size does not fit.
        RequestError: where a type does not fit.
    """
    if isinstance(x, PackedSequence):
        return _run_packed(layer, x, state, lengths)
    who = type(layer).__name__
    batched = x.dim() != 2
    sizes: dict[str, int | None] = {"T": None, "N": None, "I": layer.input_size}
    if not batched:
        del sizes["N"]
    elif layer.batch_first:
        sizes = {"N": None, "T": None, "I": layer.input_size}
    check_shape(who, "input", x.shape, **sizes)
    check_type(who, x, layer.all_weights[0][0])
    x = x.unsqueeze(1) if not batched else x.transpose(0, 1) if layer.batch_first else x
    if x.shape[0] == 0:
        raise ShapeError(f"{who}: input must have at least one step; got T=0.")
    rows = x.shape[1]
    state = _checked_state(layer, x, state, rows if batched else None)
    outputs, state = _run_padded(layer, x, state, _checked_lengths(who, lengths, x, batched))
    if not batched:
        return outputs.squeeze(1), tuple(part.squeeze(1) for part in state)
    return outputs.transpose(0, 1) if layer.batch_first else outputs, state


def step(
    cell: nn.RNNCell | nn.GRUCell | nn.LSTMCell, mode: str, x: Tensor, state: kernels.State | None
) -> kernels.State:
    """Run one step of `cell` over x (N, I) or (I,) and return (h_t,) or (h_t, c_t), each (N, H) or (H,)."""
    who, batched = type(cell).__name__, x.dim() > 1
    rows: dict[str, int | None] = {"N": x.shape[0]} if batched else {}
    check_shape(who, "input", x.shape, **rows, I=cell.input_size)
    check_type(who, x, cell.weight_ih)
    if state is None:
        state = (x.new_zeros(*x.shape[:-1], cell.hidden_size),) * (2 if mode == "LSTM" else 1)
    for name, part in zip(("h_0", "c_0"), state, strict=False):
        check_shape(who, name, part.shape, **rows, H=cell.hidden_size)
    weights = [cell.weight_ih, cell.weight_hh, *((cell.bias_ih, cell.bias_hh) if cell.bias else ())]
    if batched:
        return kernels.cell(mode, x, state, weights)
    state = kernels.cell(mode, x.unsqueeze(0), tuple(part.unsqueeze(0) for part in state), weights)
    return tuple(part.squeeze(0) for part in state)


def pair(who: str, hx: Sequence[Tensor] | None) -> kernels.State | None:
    """Return the state an LSTM was given as (h_0, c_0), None as None."""
    if hx is not None and (isinstance(hx, Tensor) or len(hx) != 2):
        raise RequestError(f"{who}: hx must be the pair (h_0, c_0); got {type(hx).__name__} of {len(hx)}.")
    return None if hx is None else tuple(hx)


def check_type(who: str, x: Tensor, weight: Tensor) -> None:
    """Raise unless x has the type of the weights, or autocast will see to it."""
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise RequestError(
            f"{who}: input must be {weight.dtype} like the weights; got {x.dtype}. "
            f"Convert one of them: input.to({weight.dtype}) or module.to({x.dtype})."
        )


def _run_padded(
    layer: nn.RNNBase, x: Tensor, state: kernels.State, lengths: Tensor | None
) -> tuple[Tensor, kernels.State]:
    plan = kernels.Plan(
        layer.mode,
        layer.num_layers,
        2 if layer.bidirectional else 1,
        layer.bias,
        layer.dropout if layer.training else 0.0,
    )
    return kernels.layer(plan, x, state, layer.all_weights, lengths)


def _run_packed(
    layer: nn.RNNBase, packed: PackedSequence, state: kernels.State | None, lengths: Lengths | None
) -> tuple[PackedSequence, kernels.State]:
    """Run dense what came packed: padded, run with lengths, packed again.

    The data of a PackedSequence are the valid steps in time order, longest row first; its state is in the
    order the rows had before they were sorted.
    """
    who = type(layer).__name__
    if lengths is not None:
        raise RequestError(f"{who}: a PackedSequence has its own lengths; leave `lengths` out.")
    data, batch_sizes, order, back = packed
    check_shape(who, "packed data", data.shape, **{"sum of lengths": None, "I": layer.input_size})
    check_type(who, data, layer.all_weights[0][0])
    T, N = len(batch_sizes), int(batch_sizes[0])
    inside = torch.arange(N, device=data.device) < batch_sizes.to(data.device).unsqueeze(1)  # (T, N)
    places = inside.view(-1).nonzero().squeeze(1)  # (S,) of each valid step in T*N
    x = data.new_zeros(T * N, data.shape[1]).index_copy(0, places, data).view(T, N, -1)
    state = _checked_state(layer, x, state, N)
    if order is not None:
        state = tuple(part.index_select(1, order) for part in state)
    outputs, state = _run_padded(layer, x, state, inside.sum(0))
    if back is not None:
        state = tuple(part.index_select(1, back) for part in state)
    kept = outputs.reshape(T * N, -1).gather(0, places.unsqueeze(1).expand(-1, outputs.shape[2]))
    return PackedSequence(kept, batch_sizes, order, back), state


def _checked_state(layer: nn.RNNBase, x: Tensor, state: kernels.State | None, rows: int | None) -> kernels.State:
    """Return the initial state with a batch axis: zeros for None; `rows` is None for input without one."""
    who, lstm = type(layer).__name__, layer.mode == "LSTM"
    KD = layer.num_layers * (2 if layer.bidirectional else 1)
    widths = (layer.proj_size or layer.hidden_size, layer.hidden_size)[: 1 + lstm]
    if state is None:
        return tuple(x.new_zeros(KD, x.shape[1], width) for width in widths)
    for name, part, width in zip(("h_0", "c_0"), state, widths, strict=False):
        letter = "P" if layer.proj_size and name == "h_0" else "H"
        sizes = {"K*D": KD, letter: width} if rows is None else {"K*D": KD, "N": rows, letter: width}
        check_shape(who, name, part.shape, **sizes)
    return state if rows is not None else tuple(part.unsqueeze(1) for part in state)


def _checked_lengths(who: str, lengths: Lengths | None, x: Tensor, batched: bool) -> Tensor | None:
    """Return `lengths` (N,) as int64 beside x (T, N, I)."""
    if lengths is None:
        return None
    lengths = torch.as_tensor(lengths, device=x.device)
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise RequestError(f"{who}: lengths must be integers; got {lengths.dtype}. Convert them: lengths.long().")
    if not batched and lengths.dim() == 0:
        lengths = lengths.unsqueeze(0)
    T, N = x.shape[:2]
    check_shape(who, "lengths", lengths.shape, N=N)
    outside = (lengths < 0) | (lengths > T)
    if bool(outside.any()):
        row = int(outside.nonzero()[0])
        raise ShapeError(
            f"{who}: lengths must be from 0 to T={T}; got {int(lengths[row])} in row {row}. "
            "Cut the lengths where the rows were cut, or pad the rows further."
        )
    return lengths.long()
