r"""The gated recurrent unit (Cho and others, 2014), in the form torch computes.

Three gates, in torch's order: reset r, update z, new n. Write a for W_ih x_t + b_ih and m for W_hh h_prev +
b_hh, each cut into three parts of H:

    r_t = sigmoid(a_r + m_r)                       how much of the memory the new value may read
    z_t = sigmoid(a_z + m_z)                       how much of the old state stays
    n_t = tanh(a_n + r_t * m_n)                    the new value
    h_t = (1 - z_t) * n_t + z_t * h_prev

and backward, with sigmoid' = s (1 - s) and tanh' = 1 - n^2, where u is what stands inside each bracket:

    d_n   = d_h_t * (1 - z_t)              d_z   = d_h_t * (h_prev - n_t)
    d_u_n = d_n * (1 - n_t^2)              d_u_z = d_z * z_t * (1 - z_t)
    d_r   = d_u_n * m_n                    d_u_r = d_r * r_t * (1 - r_t)
    d_a   = [d_u_r, d_u_z, d_u_n]
    d_m   = [d_u_r, d_u_z, d_u_n * r_t]
    past the gates to h_prev:  d_h_t * z_t

The reset gate multiplies m_n = W_hn h_prev + b_hn, bias included: this is why torch keeps b_in and b_hn
apart, and why a GRU with one bias a gate is another function. (Cho's own form resets h_prev before the
product.)

Source: Cho and others, "Learning phrase representations using RNN encoder-decoder", EMNLP 2014,
arXiv:1406.1078; the torch.nn.GRU documentation for the place of the reset gate.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rekur.reference.loop import Array, State
from rekur.reference.losses import sigmoid
from rekur.reference.stack import Stack


class GRU(Stack):
    """A stack of GRU layers, as `torch.nn.GRU`. Arguments, `forward` and `backward` are in `Stack`.

    >>> gru = GRU(input_size=3, hidden_size=5, num_layers=2)
    >>> output, state, cache = gru.forward(np.ones((7, 2, 3)))
    >>> output.shape, state.shape
    ((7, 2, 5), (2, 2, 5))
    """

    gates: ClassVar[int] = 3
    states: ClassVar[tuple[str, ...]] = ("h",)

    def step(self, a_t: Array, m_t: Array, state_prev: State) -> tuple[State, tuple[Array, ...]]:
        """r, z, n, then h_t = (1 - z) n + z h_prev; a_t and m_t are (N, 3*H)."""
        (h_prev,) = state_prev  # (N, H)
        a_r, a_z, a_n = np.split(a_t, 3, axis=1)  # (N, H) each
        m_r, m_z, m_n = np.split(m_t, 3, axis=1)  # (N, H) each
        r_t = sigmoid(a_r + m_r)  # (N, H)
        z_t = sigmoid(a_z + m_z)  # (N, H)
        n_t = np.tanh(a_n + r_t * m_n)  # (N, H)
        h_t = (1.0 - z_t) * n_t + z_t * h_prev  # (N, H)
        return (h_t,), (r_t, z_t, n_t, m_n, h_prev)

    def step_backward(self, d_state: State, kept: tuple[Array, ...]) -> tuple[Array, Array, State]:
        """The chain rule from h_t to a_t, m_t and h_prev."""
        (d_h_t,) = d_state  # (N, H)
        r_t, z_t, n_t, m_n, h_prev = kept  # (N, H) each
        d_u_n = d_h_t * (1.0 - z_t) * (1.0 - n_t**2)  # (N, H)
        d_u_z = d_h_t * (h_prev - n_t) * z_t * (1.0 - z_t)  # (N, H)
        d_u_r = d_u_n * m_n * r_t * (1.0 - r_t)  # (N, H)
        d_a_t = np.concatenate([d_u_r, d_u_z, d_u_n], axis=1)  # (N, 3*H)
        d_m_t = np.concatenate([d_u_r, d_u_z, d_u_n * r_t], axis=1)  # (N, 3*H)
        past_gates = d_h_t * z_t  # (N, H)
        return d_a_t, d_m_t, (past_gates,)
