r"""The loop over time, forward and back: the part the three cells share.

A recurrent layer is one cell applied T times, each time to the next input and to its own last state.
The two linear maps of step t stand here; what the gates do with them stands in the cell's own file.

    a_t = W_ih x_t + b_ih            the input's side, computed for all steps before the loop
    m_t = W_hh h_prev + b_hh         the memory's side, one step after the other
    state_t = cell(a_t, m_t, state_prev)

Back-propagation through time is the chain rule along the same loop, walked from the last step to the first.
The state is used twice, as the output of its step and by the step after it, so its gradient is a sum:

    d_state_t = (gradient of the output at t) + (what step t + 1 sends back)
    d_h_prev  = W_hh^T d_m_t + what the cell sends past the gates
    d_W_hh    = sum over t of d_m_t h_prev^T          d_b_hh = sum over t of d_m_t

With rows as examples, `W_hh^T d_m` is written `d_m @ weight_hh`. Writing `d_m @ weight_hh.T` instead is a
famous slip: the sizes fit, the loss even falls, and the gradients are wrong (see
`rekur.reference.gradcheck`).

Truncated BPTT walks only the last k steps of each row: the rest of the row is taken as given.

Letters: T steps, N batch, H hidden units, G gates; `docs/notation.md`.
Source: Werbos, "Backpropagation through time: what it does and how to do it", Proc. IEEE 78 (1990);
Williams and Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
trajectories", Neural Computation 2 (1990), for the truncated form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = tuple[Array, ...]  # (h,) of an RNN or GRU, (h, c) of an LSTM, each (N, H)


class Cell(Protocol):
    """What the loop asks of a cell: one step forward, and the same step back."""

    def step(self, a_t: Array, m_t: Array, state_prev: State) -> tuple[State, tuple[Array, ...]]:
        """Return the next state and what `step_backward` needs of this step."""

    def step_backward(self, d_state: State, kept: tuple[Array, ...]) -> tuple[Array, Array, State]:
        """Return d_a_t, d_m_t and the gradient of the previous state that did not pass through m_t."""


@dataclass(frozen=True)
class Walk:
    """What the way forward keeps for the way back."""

    lengths: NDArray[np.int64]  # (N,) steps of each row
    valid: NDArray[np.bool_]  # (T, N, 1) the step lies within the row
    h_prev: Array  # (T, N, H) the state each step started from
    kept: list[tuple[Array, ...]]  # T entries, each what the cell kept of its step


@dataclass(frozen=True)
class Gradients:
    """What the way back returns."""

    d_a: Array  # (T, N, G*H)
    d_state_0: State  # each (N, H)
    d_weight_hh: Array  # (G*H, H)
    d_bias_hh: Array  # (G*H,)


def valid_steps(lengths: NDArray[np.int64], steps: int) -> NDArray[np.bool_]:
    """Return which of the T `steps` lie within each row, (T, N, 1), from `lengths` (N,)."""
    t = np.arange(steps)[:, None, None]  # (T, 1, 1)
    return t < lengths[None, :, None]  # (T, N, 1)


def forward(
    cell: Cell, a: Array, state_0: State, weight_hh: Array, bias_hh: Array, lengths: NDArray[np.int64]
) -> tuple[Array, State, Walk]:
    """Walk the steps from first to last.

    Args: a (T, N, G*H) input's side; state_0 each (N, H); weight_hh (G*H, H); bias_hh (G*H,); lengths (N,).
    Returns: output (T, N, H), zero behind a row's length; the state after each row's last step; the walk.
    """
    T, N, H = len(a), a.shape[1], weight_hh.shape[1]
    valid = valid_steps(lengths, T)  # (T, N, 1)
    output = np.zeros((T, N, H))  # (T, N, H)
    h_prev = np.zeros((T, N, H))  # (T, N, H)
    kept = []
    state = state_0
    for t in range(T):
        h_prev[t] = state[0]  # (N, H)
        m_t = h_prev[t] @ weight_hh.T + bias_hh  # (N, G*H)
        state_t, kept_t = cell.step(a[t], m_t, state)
        state = tuple(np.where(valid[t], new, old) for new, old in zip(state_t, state, strict=True))  # (N, H)
        output[t] = np.where(valid[t], state[0], 0.0)  # (N, H)
        kept.append(kept_t)
    return output, state, Walk(lengths, valid, h_prev, kept)


def backward(
    cell: Cell, d_output: Array, d_state: State, walk: Walk, weight_hh: Array, truncate: int | None = None
) -> Gradients:
    """Walk the steps from last to first.

    Args: d_output (T, N, H); d_state, of the state after the last step, each (N, H); walk, from `forward`;
    weight_hh (G*H, H); truncate, the steps k of each row the gradient flows back over, None for all.
    Returns: the gradients of everything `forward` took.
    """
    T, N, _ = d_output.shape
    reach = T if truncate is None else truncate
    recent = ~valid_steps(walk.lengths - reach, T)  # (T, N, 1) among the row's last k steps
    flows = walk.valid & recent  # (T, N, 1)
    first = int(max(0, min(walk.lengths, default=0) - reach))
    d_a = np.zeros((T, N, len(weight_hh)))  # (T, N, G*H)
    d_m = np.zeros((T, N, len(weight_hh)))  # (T, N, G*H)
    for t in reversed(range(first, T)):
        d_h = d_state[0] + d_output[t]  # (N, H) the state's two uses
        d_state_t = tuple(np.where(flows[t], d, 0.0) for d in (d_h, *d_state[1:]))  # (N, H)
        d_a[t], d_m[t], past_gates = cell.step_backward(d_state_t, walk.kept[t])  # (N, G*H), (N, G*H), (N, H)
        d_h_prev = d_m[t] @ weight_hh + past_gates[0]  # (N, H)
        d_state = tuple(
            np.where(walk.valid[t], d_prev, d)  # (N, H) behind the length a state is only handed on
            for d_prev, d in zip((d_h_prev, *past_gates[1:]), d_state, strict=True)
        )
    whole = (walk.lengths <= reach)[:, None]  # (N, 1) rows short enough for the gradient to reach their start
    d_state_0 = tuple(np.where(whole, d, 0.0) for d in d_state)  # (N, H)
    d_weight_hh = outer(d_m[first:], walk.h_prev[first:])  # (G*H, H)
    return Gradients(d_a, d_state_0, d_weight_hh, d_m.sum(axis=(0, 1)))


def outer(d: Array, x: Array) -> Array:
    """Return the sum over steps and rows of d x^T, the gradient of a weight, from (T, N, P) and (T, N, Q)."""
    return d.reshape(-1, d.shape[2]).T @ x.reshape(-1, x.shape[2])  # (P, Q)
