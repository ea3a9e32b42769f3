"""What the layers and cells share: arguments checked, laid out time first, run, and laid out as they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rekur.engine import GATES, PRODUCTS
from rekur.errors import RequestError, ShapeError
from rekur.nn import kernels
from rekur.notation import check_shape

Lengths: TypeAlias = Tensor | Sequence[int] | int
PRECISIONS = tuple(PRODUCTS)


class Precise:
    """Adds the argument `precision` to a layer: how the native engine multiplies matrices of float32.

    "highest" is float32 throughout, "high" three products of bfloat16 (AMX only), "medium" one; None asks
    `torch.get_float32_matmul_precision()`. State and sums stay float32. docs/engine.md has the errors of each.
    """

    precision: str | None = None

    def __init__(self, *args: Any, precision: str | None = None, **kwargs: Any) -> None:
        if precision is not None and precision not in PRECISIONS:
            raise RequestError(
                f"{type(self).__name__}: precision must be one of {PRECISIONS} or None; got {precision!r}."
            )
        super().__init__(*args, **kwargs)
        self.precision = precision


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
    who, batched = type(layer).__name__, x.dim() != 2
    if x.dim() not in (2, 3) or x.shape[-1] != layer.input_size:
        lead = ("T",) if not batched else ("N", "T") if layer.batch_first else ("T", "N")
        check_shape(who, "input", x.shape, **dict.fromkeys(lead), I=layer.input_size)
    x = x.unsqueeze(1) if not batched else x.transpose(0, 1) if layer.batch_first else x
    if x.shape[0] == 0:
        raise ShapeError(f"{who}: input must have at least one step; got T=0.")
    if state is not None:
        state = _checked_state(layer, state, x.shape[1] if batched else None)
    outputs, state = _computed(layer, x, state, None if lengths is None else _checked_lengths(who, lengths, x, batched))
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
    check_type(who, "input", x, cell.weight_ih)
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


def check_type(who: str, what: str, tensor: Tensor, weight: Tensor) -> None:
    """Raise unless the tensor has the type and the device of the weights, or autocast will see to the type."""
    if tensor.dtype != weight.dtype and not torch.is_autocast_enabled(tensor.device.type):
        raise RequestError(
            f"{who}: {what} must be {weight.dtype} like the weights; got {tensor.dtype}. "
            f"Convert one of them: {what}.to({weight.dtype}) or module.to({tensor.dtype})."
        )
    if tensor.device != weight.device:
        raise RequestError(
            f"{who}: {what} must be on {weight.device} like the weights; got {tensor.device}. Move one of them."
        )


def weights_of(layer: nn.RNNBase) -> list[list[Tensor]]:
    """Return the weights of each layer and direction, as they are now: tied, swapped or computed ones too."""
    own: Mapping[str, Tensor | None] = layer._parameters  # getattr finds them as well, at ten times the cost
    return [
        [weight if (weight := own.get(name)) is not None else _made(layer, name) for name in names]
        for names in layer._all_weights
    ]


def _made(layer: nn.RNNBase, name: str) -> Tensor:
    """Return a weight that is no parameter of the layer, but made of others."""
    weight: Tensor | None = getattr(layer, name)
    if weight is None:
        raise RequestError(f"{type(layer).__name__}: {name} is missing; got None. Without biases: bias=False.")
    return weight


def _computed(
    layer: nn.RNNBase, x: Tensor, state: kernels.State | None, lengths: Tensor | None
) -> tuple[Tensor, kernels.State]:
    """Run the layer over x (T, N, I) with its weights and options of now."""
    weights = weights_of(layer)
    plan = kernels.Plan(
        layer.mode,
        layer.hidden_size,
        layer.num_layers,
        2 if layer.bidirectional else 1,
        layer.bias,
        layer.dropout if layer.training else 0.0,
        layer.precision or torch.get_float32_matmul_precision(),  # type: ignore[arg-type]
    )
    results = kernels.native_layer(plan, x, state, weights, lengths)
    if results is None:
        _check(layer, x, state, weights)
        results = kernels.torch_layer(plan, x, state, weights, lengths)
    return results


def _check(layer: nn.RNNBase, x: Tensor, state: kernels.State | None, weights: list[list[Tensor]]) -> None:
    """Raise unless the weights have the layer's sizes, and input and state their type and device."""
    who, D, H, P = type(layer).__name__, 2 if layer.bidirectional else 1, layer.hidden_size, layer.proj_size
    G_H, recurrent = {"G*H": GATES[layer.mode] * H}, {"P": P} if P else {"H": H}
    biases = [G_H, G_H] if layer.bias else []
    for i, (names, part) in enumerate(zip(layer._all_weights, weights, strict=True)):
        inputs = {"I": layer.input_size} if i < D else {"D*P" if P else "D*H": D * (P or H)}
        shapes = [G_H | inputs, G_H | recurrent, *biases, *([{"P": P, "H": H}] if P else [])]
        if len(part) != len(shapes):
            raise RequestError(f"{who}: bias={layer.bias} and proj_size={P} want other weights than {names}.")
        for name, weight, shape in zip(names, part, shapes, strict=True):
            check_shape(who, name, weight.shape, **shape)
    for what, tensor in zip(("input", "h_0", "c_0"), (x, *(state or ())), strict=False):
        check_type(who, what, tensor, weights[0][0])


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
    T, N = len(batch_sizes), int(batch_sizes[0])
    inside = torch.arange(N, device=data.device) < batch_sizes.to(data.device).unsqueeze(1)  # (T, N)
    places = inside.view(-1).nonzero().squeeze(1)  # (S,) of each valid step in T*N
    x = data.new_zeros(T * N, data.shape[1]).index_copy(0, places, data).view(T, N, -1)
    if state is not None:
        state = _checked_state(layer, state, N)
        state = state if order is None else tuple(part.index_select(1, order) for part in state)
    outputs, state = _computed(layer, x, state, inside.sum(0))
    if back is not None:
        state = tuple(part.index_select(1, back) for part in state)
    kept = outputs.reshape(T * N, -1).gather(0, places.unsqueeze(1).expand(-1, outputs.shape[2]))
    return PackedSequence(kept, batch_sizes, order, back), state


def _checked_state(layer: nn.RNNBase, state: kernels.State, rows: int | None) -> kernels.State:
    """Return the initial state with a batch axis; `rows` is None for input without one."""
    who, lstm = type(layer).__name__, layer.mode == "LSTM"
    KD = layer.num_layers * (2 if layer.bidirectional else 1)
    widths = (layer.proj_size or layer.hidden_size, layer.hidden_size)[: 1 + lstm]
    for name, part, width in zip(("h_0", "c_0"), state, widths, strict=False):
        letter = "P" if layer.proj_size and name == "h_0" else "H"
        sizes = {"K*D": KD, letter: width} if rows is None else {"K*D": KD, "N": rows, letter: width}
        check_shape(who, name, part.shape, **sizes)
    return state if rows is not None else tuple(part.unsqueeze(1) for part in state)


def _checked_lengths(who: str, lengths: Lengths, x: Tensor, batched: bool) -> Tensor:
    """Return `lengths` (N,) as int64 beside x (T, N, I)."""
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
    return lengths.to(torch.int64, copy=True)  # so that nobody changes it before the backward pass
