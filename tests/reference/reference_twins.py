"""The same network twice, ours and torch's, and what both make of one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from rekur.reference import GRU, LSTM, RNN

CELLS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
TORCH = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@dataclass
class Made:
    """Outputs, end states and, for random gradients of both, those of x, the start state and the weights."""

    output: np.ndarray
    state: list[np.ndarray]
    d_x: np.ndarray
    d_state: list[np.ndarray]
    d_weights: dict[str, np.ndarray]

    def assert_equal(self, other: Made) -> None:
        close = {"rtol": 1e-9, "atol": 1e-11}
        np.testing.assert_allclose(self.output, other.output, **close)
        np.testing.assert_allclose(self.d_x, other.d_x, **close)
        for mine, theirs in zip(self.state + self.d_state, other.state + other.d_state, strict=True):
            np.testing.assert_allclose(mine, theirs, **close)
        assert list(self.d_weights) == list(other.d_weights)
        for name, mine in self.d_weights.items():
            np.testing.assert_allclose(mine, other.d_weights[name], err_msg=name, **close)


def twins(cell: str, input_size: int, hidden_size: int, num_layers: int = 1, **options: Any) -> tuple[Any, Any]:
    """Return our network and torch's, float64, with the same random weights; no bias is zero."""
    ours = CELLS[cell](input_size, hidden_size, num_layers, **options, seed=3)
    theirs = TORCH[cell](input_size, hidden_size, num_layers, **options).double()
    theirs.load_state_dict({name: torch.from_numpy(weight.copy()) for name, weight in ours.weights.items()})
    return ours, theirs


def as_list(state: Any) -> list[Any]:
    return list(state) if isinstance(state, tuple | list) else [state]


def as_given(parts: list[Any]) -> Any:
    return tuple(parts) if len(parts) > 1 else parts[0]


def ours_makes(ours: Any, x: np.ndarray, state: list[np.ndarray], lengths: Any = None, seed: int = 0) -> Made:
    output, end, cache = ours.forward(x, as_given(state), lengths)
    d_output, d_end = _gradients(output.shape, [part.shape for part in as_list(end)], seed)
    d_x, d_state, d_weights = ours.backward(d_output, as_given(d_end), cache)
    return Made(output, as_list(end), d_x, as_list(d_state), d_weights)


def torch_makes(theirs: Any, x: np.ndarray, state: list[np.ndarray], lengths: Any = None, seed: int = 0) -> Made:
    x_in = torch.tensor(x, requires_grad=True)
    state_in = [torch.tensor(part, requires_grad=True) for part in state]
    if lengths is None:
        output, end = theirs(x_in, as_given(state_in))
    else:
        pack, pad = nn.utils.rnn.pack_padded_sequence, nn.utils.rnn.pad_packed_sequence
        steps = x.shape[1] if theirs.batch_first else x.shape[0]
        packed = pack(x_in, torch.as_tensor(lengths), theirs.batch_first, enforce_sorted=False)
        packed_output, end = theirs(packed, as_given(state_in))
        output, _ = pad(packed_output, theirs.batch_first, total_length=steps)
    ends = as_list(end)
    d_output, d_end = _gradients(output.shape, [part.shape for part in ends], seed)
    outputs = [output, *ends]
    torch.autograd.backward(outputs, [torch.from_numpy(d) for d in (d_output, *d_end)])
    return Made(
        output.detach().numpy(),
        [part.detach().numpy() for part in ends],
        x_in.grad.numpy(),
        [part.grad.numpy() for part in state_in],
        {name: weight.grad.numpy() for name, weight in theirs.named_parameters()},
    )


def draw(ours: Any, T: int, N: int, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return a random x and start state for `ours`."""
    generator = np.random.default_rng(seed)
    shape = (N, T) if ours.batch_first else (T, N)
    layers = ours.num_layers * ours.directions
    state = [generator.normal(size=(layers, N, ours.hidden_size)) for _ in ours.states]
    return generator.normal(size=(*shape, ours.input_size)), state


def _gradients(output: Any, ends: list[Any], seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    generator = np.random.default_rng([seed, 7])
    return generator.normal(size=tuple(output)), [generator.normal(size=tuple(end)) for end in ends]
