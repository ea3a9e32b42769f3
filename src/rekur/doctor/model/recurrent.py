"""The recurrent layers of any model: what they read and gave in a call, and their states and gates step by step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

Recurrent = nn.RNNBase | nn.RNNCellBase


@dataclass(frozen=True)
class Call:
    """One call of a recurrent layer or cell."""

    name: str  # of the module in the model
    layer: Any  # Recurrent
    inputs: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any  # as the layer returned it, its graph intact

    @property
    def is_cell(self) -> bool:
        """Whether it is one step of a cell."""
        return isinstance(self.layer, nn.RNNCellBase)

    @property
    def x(self) -> Tensor | PackedSequence:
        """What it read."""
        found: Tensor | PackedSequence = self.inputs[0] if self.inputs else self.kwargs["input"]
        return found

    @property
    def outputs(self) -> Tensor:
        """A layer's outputs, in its own layout (packed ones padded, batch first), or a cell's h (N, H)."""
        first = self.output[0] if isinstance(self.output, tuple) else self.output
        if isinstance(first, PackedSequence):
            return pad_packed_sequence(first, batch_first=True)[0]
        found: Tensor = first
        return found

    @property
    def steps_first(self) -> Tensor:
        """A layer's outputs (T, N, D*H); of one row, (T, 1, D*H)."""
        packed = isinstance(self.output[0], PackedSequence)
        outputs = self.outputs
        if outputs.dim() == 2:
            return outputs.unsqueeze(1)
        batch_first = packed or self.layer.batch_first
        return outputs.transpose(0, 1) if batch_first else outputs

    @property
    def states(self) -> tuple[Tensor, ...]:
        """The final state: h (K*D, N, H), and c of an LSTM; of a cell (N, H)."""
        state = self.output if self.is_cell else self.output[1]
        return tuple(state) if isinstance(state, tuple) else (state,)


def layers(model: nn.Module) -> dict[str, Recurrent]:
    """Return every recurrent layer and cell of the model by its name; torch's, and those that descend from them."""
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.RNNBase | nn.RNNCellBase)}


@contextlib.contextmanager
def watched(model: nn.Module) -> Iterator[list[Call]]:
    """Note every call of a recurrent layer or cell of `model` in the block, in order."""
    calls: list[Call] = []
    handles = []
    for name, layer in layers(model).items():

        def note(
            module: nn.Module, inputs: tuple[Any, ...], kwargs: dict[str, Any], output: Any, name: str = name
        ) -> None:
            calls.append(Call(name, module, inputs, kwargs, output))

        handles.append(layer.register_forward_hook(note, with_kwargs=True))
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def walked(call: Call, calls: Sequence[Call]) -> tuple[int, int] | None:
    """Return along how many steps a layer walked, or a cell was looped, and on how many rows; None if it is packed."""
    if not isinstance(call.x, Tensor):
        return None
    if call.is_cell:
        rows = call.x.shape[0] if call.x.dim() == 2 else 1
        return sum(other.layer is call.layer for other in calls), rows
    T, N = call.steps_first.shape[:2]
    return T, N


@dataclass(frozen=True)
class Walk:
    """One direction of one layer, step by step in the order of reading."""

    name: str  # of the layer, as "rnn, layer 0, backward"
    states: list[Tensor]  # h_t (N, H), as many as steps, in reading order, each part of the graph
    gates: dict[str, Tensor]  # name -> (T, N, H) after its nonlinearity, detached
    valid: Tensor  # (T, N) whether the step lies inside its row's length, in reading order
    last: tuple[Tensor, ...]  # h and, of an LSTM, c (N, H) after the last step read, in the graph


def walk(call: Call, lengths: Tensor | None = None) -> tuple[Tensor, list[Walk]]:
    """Compute a layer's call again, step by step, in the graph of its own input.

    Returns the top outputs (T, N, D*H) and each layer's and direction's walk. Rows shorter than T keep their state
    behind their length, and the backward direction starts there. Dropout between layers is left out.
    Raises NotImplementedError for projections (`proj_size`).
    """
    layer = call.layer
    assert isinstance(layer, nn.RNNBase)
    if getattr(layer, "proj_size", 0):
        raise NotImplementedError("LSTM with proj_size")
    x, inside = _laid_out(call, lengths)
    D, found = 2 if layer.bidirectional else 1, []
    initial = _initial(call, x)
    for k in range(layer.num_layers):
        directions = []
        for d in range(D):
            start = tuple(part[k * D + d] for part in initial)
            name = ", ".join(
                [call.name or type(layer).__name__]
                + ([f"layer {k}"] if layer.num_layers > 1 else [])
                + (["backward" if d else "forward"] if D == 2 else [])
            )
            outputs, walked = _one_way(layer, k, d, x, inside, start, name)
            directions.append(outputs)
            found.append(walked)
        x = torch.cat(directions, dim=2)
    return x, found


def steps_of(call: Call) -> Tensor:
    """Return what a layer read, steps first: (T, N, I)."""
    return _laid_out(call, None)[0]


def _laid_out(call: Call, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the layer's input (T, N, I) and which steps are valid (T, N)."""
    x = call.x
    if isinstance(x, PackedSequence):
        padded, lengths = pad_packed_sequence(x)
    else:
        padded = x.unsqueeze(1) if x.dim() == 2 else x
        padded = padded.transpose(0, 1) if x.dim() == 3 and call.layer.batch_first else padded
    T, N = padded.shape[:2]
    if lengths is None or len(lengths) != N:
        return padded, torch.ones(T, N, dtype=torch.bool)
    return padded, torch.arange(T).unsqueeze(1) < lengths.cpu().unsqueeze(0)


def _initial(call: Call, x: Tensor) -> tuple[Tensor, ...]:
    layer: Any = call.layer
    given = call.inputs[1] if len(call.inputs) > 1 else call.kwargs.get("hx")
    D = 2 if layer.bidirectional else 1
    if given is None:
        zeros = x.new_zeros(layer.num_layers * D, x.shape[1], layer.hidden_size)
        return (zeros, zeros) if isinstance(layer, nn.LSTM) else (zeros,)
    parts = tuple(given) if isinstance(given, tuple | list) else (given,)
    return tuple(part.unsqueeze(1) if part.dim() == 2 else part for part in parts)


def _one_way(
    layer: nn.RNNBase, k: int, d: int, x: Tensor, inside: Tensor, start: tuple[Tensor, ...], name: str
) -> tuple[Tensor, Walk]:
    suffix = f"_l{k}{'_reverse' if d else ''}"
    weights = [getattr(layer, f"{kind}{suffix}", None) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    order = range(len(x) - 1, -1, -1) if d else range(len(x))
    state, states, gates = start, [], []
    for t in order:
        after, opened = _step(layer.mode, x[t], state, weights)
        keep = inside[t].to(x.device).unsqueeze(1)
        state = tuple(torch.where(keep, new, old) for new, old in zip(after, state, strict=True))
        states.append(state[0])
        gates.append(opened)
    outputs = torch.stack(states[::-1] if d else states)
    outputs = torch.where(inside.to(x.device).unsqueeze(2), outputs, 0)
    named = {gate: torch.stack([step[gate] for step in gates]) for gate in gates[0]}
    return outputs, Walk(name, states, named, inside.flip(0) if d else inside, state)


def mode(layer: Recurrent) -> str:
    """Return RNN_TANH, RNN_RELU, GRU or LSTM, of a layer or a cell."""
    if isinstance(layer, nn.RNNBase):
        return str(layer.mode)
    if isinstance(layer, nn.RNNCell):
        return f"RNN_{layer.nonlinearity.upper()}"
    return "GRU" if isinstance(layer, nn.GRUCell) else "LSTM"


def cell_gates(call: Call) -> dict[str, Tensor]:
    """Return the gates (N, H) of one call of a cell, after their nonlinearity, detached."""
    x = call.x
    assert isinstance(x, Tensor)
    given = call.inputs[1] if len(call.inputs) > 1 else call.kwargs.get("hx")
    if given is None:
        zeros = x.new_zeros(*x.shape[:-1], call.layer.hidden_size)
        given = (zeros, zeros)
    state = tuple(given) if isinstance(given, tuple | list) else (given,)
    weights = [getattr(call.layer, kind, None) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    return _step(mode(call.layer), x, state, weights)[1]


def _step(
    mode: str, x: Tensor, state: tuple[Tensor, ...], weights: list[Any]
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """One step of torch's equations: the new state, and the gates after their nonlinearity."""
    w_ih, w_hh, b_ih, b_hh = weights
    h = state[0]
    gi, gh = nn.functional.linear(x, w_ih, b_ih), nn.functional.linear(h, w_hh, b_hh)
    if mode.startswith("RNN"):
        new = torch.tanh(gi + gh) if mode == "RNN_TANH" else torch.relu(gi + gh)
        return (new,), {"h": new.detach()}
    if mode == "GRU":
        (r_i, z_i, n_i), (r_h, z_h, n_h) = gi.chunk(3, 1), gh.chunk(3, 1)
        r, z = torch.sigmoid(r_i + r_h), torch.sigmoid(z_i + z_h)
        n = torch.tanh(n_i + r * n_h)
        new = (1 - z) * n + z * h
        return (new,), {"reset gate": r.detach(), "update gate": z.detach(), "candidate": n.detach()}
    i, f, g, o = (gi + gh).chunk(4, 1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c = f * state[1] + i * g
    gates = {"input gate": i, "forget gate": f, "candidate": g, "output gate": o}
    return (o * torch.tanh(c), c), {name: gate.detach() for name, gate in gates.items()}
