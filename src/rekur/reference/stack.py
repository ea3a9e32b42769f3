r"""Layers and directions: how one cell becomes a whole recurrent network, the same for the three cells.

    layer 0       reads x (T, N, I)
    layer k       reads what layer k - 1 put out, (T, N, D*H)
    direction 0   walks a layer's input from the first step to the last
    direction 1   walks it from the last step to the first, with weights of its own
    output        the two halves of each step joined, direction 0 first, (T, N, D*H)
    state         (K*D, N, H): layer by layer, and in a layer direction 0 first

A row shorter than T is walked in its own length only: what lies behind it changes nothing, the outputs there
are zero, the state returned is that of its own last step, and direction 1 starts at its own end.

Backward is the same road walked the other way: the gradients of a layer's input are the gradients of the
outputs of the layer below; where an array was used twice (both directions read it) the gradients add.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekur.errors import ConfigError, RequestError
from rekur.reference import arguments, loop
from rekur.reference.loop import Array, State

States = ArrayLike | Sequence[ArrayLike]  # h, or the pair (h, c), each (K*D, N, H)


class Pass(NamedTuple):
    """One layer walked in one direction: what `backward` needs of it."""

    seen: Array  # (T, N, I or D*H) its input, in the order walked
    walk: loop.Walk


@dataclass(frozen=True)
class Cache:
    """What `forward` keeps for `backward`."""

    order: NDArray[np.int64]  # (T, N) the step that stands at t when each row is walked from its own end
    passes: tuple[Pass, ...]  # K*D, layer by layer, forward before backward


class Stack(abc.ABC):
    """K layers and D directions of one cell; `RNN`, `GRU` and `LSTM` say what the cell does in one step.

    Args: input_size I; hidden_size H; num_layers K; bias, false leaves b_ih and b_hh out; batch_first, x
    and output are (N, T, ...) in place of (T, N, ...), states are not touched by it; bidirectional, D = 2;
    seed, of the first weights, drawn uniformly from -1/sqrt(H) to 1/sqrt(H) as torch does.
    Raises ConfigError for sizes below 1.

    `weights` holds the arrays under torch's names, each also found in `torch.nn`'s state_dict with the same
    shape: weight_ih_l0 (G*H, I), from layer 1 on (G*H, D*H); weight_hh_l0 (G*H, H); bias_ih_l0, bias_hh_l0
    (G*H,); `_reverse` behind the name for the second direction.
    """

    gates: ClassVar[int]  # G
    states: ClassVar[tuple[str, ...]]  # the letters of the state: h, or h and c

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = False,
        bidirectional: bool = False,
        seed: int = 0,
    ) -> None:
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        if min(sizes.values()) < 1:
            raise ConfigError(f"{type(self).__name__}: sizes must be 1 or more; got {sizes}.")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.directions = 2 if bidirectional else 1
        bound = hidden_size**-0.5
        generator = np.random.default_rng(seed)
        self.weights: dict[str, Array] = {
            name: generator.uniform(-bound, bound, shape) for name, shape in self.shapes().items()
        }

    @abc.abstractmethod
    def step(self, a_t: Array, m_t: Array, state_prev: State) -> tuple[State, tuple[Array, ...]]:
        """One step: from the two sides (N, G*H) and the previous state to the next state; see `loop.Cell`."""

    @abc.abstractmethod
    def step_backward(self, d_state: State, kept: tuple[Array, ...]) -> tuple[Array, Array, State]:
        """The same step back; see `loop.Cell`."""

    def suffixes(self) -> list[str]:
        """Return the endings of the weight names, K*D of them, in the order of the state."""
        return [f"l{k}{way}" for k in range(self.num_layers) for way in ("", "_reverse")[: self.directions]]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every weight by its name, in torch's order."""
        G_H, H = self.gates * self.hidden_size, self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {}
        for name in self.suffixes():
            first = name in ("l0", "l0_reverse")
            shapes[f"weight_ih_{name}"] = (G_H, self.input_size if first else self.directions * H)
            shapes[f"weight_hh_{name}"] = (G_H, H)
            if self.bias:
                shapes |= {f"bias_ih_{name}": (G_H,), f"bias_hh_{name}": (G_H,)}
        return shapes

    def load(self, weights: Mapping[str, ArrayLike]) -> None:
        """Copy `weights` in, such as torch's; raises ShapeError unless they are as `shapes` says."""
        self.weights = arguments.weights(type(self).__name__, weights, self.shapes())

    def forward(
        self, x: ArrayLike, state: States | None = None, lengths: ArrayLike | None = None
    ) -> tuple[Array, Array | State, Cache]:
        """Run the network over x.

        Args: x (T, N, I), or (N, T, I) with batch_first; state, h_0 or for an LSTM (h_0, c_0), each
        (K*D, N, H), None for zeros; lengths (N,) from 0 to T, None for T everywhere.
        Returns: output (T, N, D*H), or (N, T, D*H), zero behind a row's length; the state after each row's
        last step, h_n or (h_n, c_n), each (K*D, N, H); the cache `backward` takes. Raises ShapeError.
        """
        who, D = type(self).__name__, self.directions
        sizes = {"T": None, "N": None, "I": self.input_size}
        x_steps = arguments.steps(who, "x", x, sizes, self.batch_first)  # (T, N, I)
        T, N, _ = x_steps.shape
        row_lengths = arguments.lengths(who, lengths, T, N)  # (N,)
        state_0 = self._state(state, N, "_0")  # (K*D, N, H) each
        order = _own_end_first(row_lengths, T)  # (T, N)
        below = np.where(loop.valid_steps(row_lengths, T), x_steps, 0.0)  # (T, N, I)
        passes, ends = [], []
        for k in range(self.num_layers):
            outputs = []
            for d in range(D):
                seen = below if d == 0 else _turn(below, order)  # (T, N, I or D*H)
                start = tuple(letter[k * D + d] for letter in state_0)  # (N, H) each
                output, end, walk = self._walk(k * D + d, seen, start, row_lengths)
                outputs.append(output if d == 0 else _turn(output, order))  # (T, N, H)
                passes.append(Pass(seen, walk))
                ends.append(end)
            below = np.concatenate(outputs, axis=2)  # (T, N, D*H)
        state_n = tuple(np.stack(letter) for letter in zip(*ends, strict=True))  # (K*D, N, H) each
        return self._as_given(below), self._one_or_pair(state_n), Cache(order, tuple(passes))

    def backward(
        self, d_output: ArrayLike, d_state: States | None, cache: Cache, truncate: int | None = None
    ) -> tuple[Array, Array | State, dict[str, Array]]:
        """Walk `forward` back.

        Args: d_output, shaped as the output; d_state, shaped as the returned state, None for zeros; cache,
        from `forward`; truncate, let the gradient flow over the last `truncate` steps of each row alone, as
        if everything before had been computed without gradients, None for all steps.
        Returns: d_x, d_state_0 and the gradients of the weights by name. Raises ShapeError, and RequestError
        for truncation below 1 step or over two directions, which share no last step.
        """
        who, D, H = type(self).__name__, self.directions, self.hidden_size
        if truncate is not None and (truncate < 1 or D == 2):
            got = f"{truncate} step(s) and D={D}"
            raise RequestError(f"{who}: truncate must be 1 step or more, with one direction; got {got}.")
        T, N = cache.order.shape
        sizes = {"T": T, "N": N, "D*H": D * H}
        d_above = arguments.steps(who, "d_output", d_output, sizes, self.batch_first)  # (T, N, D*H)
        d_state_n = self._state(d_state, N, "_n")  # (K*D, N, H) each
        d_starts: list[State] = [()] * len(cache.passes)
        d_weights: dict[str, Array] = {}
        for k in reversed(range(self.num_layers)):
            d_below = np.zeros_like(cache.passes[k * D].seen)  # (T, N, I or D*H)
            for d in range(D):
                row = k * D + d
                d_half = d_above[:, :, d * H : (d + 1) * H]  # (T, N, H)
                d_walked = d_half if d == 0 else _turn(d_half, cache.order)  # (T, N, H)
                d_end = tuple(letter[row] for letter in d_state_n)  # (N, H) each
                d_seen, d_starts[row], grads = self._walk_back(row, d_walked, d_end, cache, truncate)
                d_below += d_seen if d == 0 else _turn(d_seen, cache.order)  # (T, N, I or D*H)
                d_weights |= grads
            d_above = d_below  # (T, N, D*H), at last (T, N, I)
        d_state_0 = tuple(np.stack(letter) for letter in zip(*d_starts, strict=True))  # (K*D, N, H) each
        return self._as_given(d_above), self._one_or_pair(d_state_0), {w: d_weights[w] for w in self.weights}

    def _walk(self, row: int, seen: Array, start: State, lengths: NDArray[np.int64]) -> tuple[Array, State, loop.Walk]:
        suffix, zeros = self.suffixes()[row], np.zeros(self.gates * self.hidden_size)  # (G*H,)
        bias_ih = self.weights.get(f"bias_ih_{suffix}", zeros)  # (G*H,)
        bias_hh = self.weights.get(f"bias_hh_{suffix}", zeros)  # (G*H,)
        a = seen @ self.weights[f"weight_ih_{suffix}"].T + bias_ih  # (T, N, G*H)
        return loop.forward(self, a, start, self.weights[f"weight_hh_{suffix}"], bias_hh, lengths)

    def _walk_back(
        self, row: int, d_output: Array, d_end: State, cache: Cache, truncate: int | None
    ) -> tuple[Array, State, dict[str, Array]]:
        suffix, (seen, walk) = self.suffixes()[row], cache.passes[row]
        back = loop.backward(self, d_output, d_end, walk, self.weights[f"weight_hh_{suffix}"], truncate)
        d_seen = back.d_a @ self.weights[f"weight_ih_{suffix}"]  # (T, N, I or D*H)
        d_weights = {
            f"weight_ih_{suffix}": loop.outer(back.d_a, seen),  # (G*H, I or D*H)
            f"weight_hh_{suffix}": back.d_weight_hh,  # (G*H, H)
            f"bias_ih_{suffix}": back.d_a.sum(axis=(0, 1)),  # (G*H,)
            f"bias_hh_{suffix}": back.d_bias_hh,  # (G*H,)
        }
        return d_seen, back.d_state_0, d_weights

    def _state(self, given: States | None, N: int, when: str) -> State:
        sizes = {"K*D": self.num_layers * self.directions, "N": N, "H": self.hidden_size}
        letters = tuple(letter + when for letter in self.states)
        return arguments.state(type(self).__name__, letters, given, sizes)  # (K*D, N, H) each

    def _as_given(self, x_steps: Array) -> Array:
        return x_steps.swapaxes(0, 1) if self.batch_first else x_steps  # (N, T, width) or (T, N, width)

    def _one_or_pair(self, state: State) -> Array | State:
        return state if len(self.states) > 1 else state[0]  # (K*D, N, H) each


def _own_end_first(lengths: NDArray[np.int64], T: int) -> NDArray[np.int64]:
    """Return, for each row, its own steps from last to first and then the rest as it stands, (T, N)."""
    t = np.arange(T)[:, None]  # (T, 1)
    return np.where(t < lengths, lengths - 1 - t, t)  # (T, N)


def _turn(steps: Array, order: NDArray[np.int64]) -> Array:
    """Return `steps` (T, N, width) with each row in `order` (T, N); turning twice gives the steps back."""
    return np.take_along_axis(steps, order[:, :, None], axis=0)  # (T, N, width)
