r"""The long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate: Gers and others, 2000).

Four gates, in torch's order: input i, forget f, cell g, output o; and a second state, the cell c. With
u = W_ih x_t + b_ih + W_hh h_prev + b_hh cut into four parts of H:

    i_t = sigmoid(u_i)                     how much of the new value enters
    f_t = sigmoid(u_f)                     how much of the old cell stays
    g_t = tanh(u_g)                        the new value
    o_t = sigmoid(u_o)                     how much of the cell is shown
    c_t = f_t * c_prev + i_t * g_t
    h_t = o_t * tanh(c_t)

and backward, with sigmoid' = s (1 - s) and tanh' = 1 - g^2:

    d_c   = d_c_t + d_h_t * o_t * (1 - tanh(c_t)^2)          the cell is used by h_t and by the next step
    d_u_i = d_c * g_t * i_t * (1 - i_t)
    d_u_f = d_c * c_prev * f_t * (1 - f_t)
    d_u_g = d_c * i_t * (1 - g_t^2)
    d_u_o = d_h_t * tanh(c_t) * o_t * (1 - o_t)
    d_a   = d_m = [d_u_i, d_u_f, d_u_g, d_u_o]
    past the gates to c_prev:  d_c * f_t                     nothing to h_prev

The road from c_t to c_prev is one multiplication by f_t, without W_hh and without a squashing function:
where the forget gate stays near 1 the gradient neither vanishes nor explodes.

Source: Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); Gers, Schmidhuber
and Cummins, "Learning to forget", Neural Computation 12 (2000).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rekur.reference.loop import Array, State
from rekur.reference.losses import sigmoid
from rekur.reference.stack import Stack


class LSTM(Stack):
    """A stack of LSTM layers, as `torch.nn.LSTM`: the state is (h, c). See `Stack` for everything else.

    >>> lstm = LSTM(input_size=3, hidden_size=5, bidirectional=True)
    >>> output, (h, c), cache = lstm.forward(np.ones((7, 2, 3)))
    >>> output.shape, h.shape, c.shape
    ((7, 2, 10), (2, 2, 5), (2, 2, 5))
    """

    gates: ClassVar[int] = 4
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def step(self, a_t: Array, m_t: Array, state_prev: State) -> tuple[State, tuple[Array, ...]]:
        """i, f, g, o, then c_t and h_t; a_t and m_t are (N, 4*H)."""
        _, c_prev = state_prev  # (N, H) each
        u_i, u_f, u_g, u_o = np.split(a_t + m_t, 4, axis=1)  # (N, H) each
        i_t = sigmoid(u_i)  # (N, H)
        f_t = sigmoid(u_f)  # (N, H)
        g_t = np.tanh(u_g)  # (N, H)
        o_t = sigmoid(u_o)  # (N, H)
        c_t = f_t * c_prev + i_t * g_t  # (N, H)
        shown = np.tanh(c_t)  # (N, H)
        h_t = o_t * shown  # (N, H)
        return (h_t, c_t), (i_t, f_t, g_t, o_t, c_prev, shown)

    def step_backward(self, d_state: State, kept: tuple[Array, ...]) -> tuple[Array, Array, State]:
        """The chain rule from h_t and c_t to the gates and to c_prev."""
        d_h_t, d_c_t = d_state  # (N, H) each
        i_t, f_t, g_t, o_t, c_prev, shown = kept  # (N, H) each
        d_c = d_c_t + d_h_t * o_t * (1.0 - shown**2)  # (N, H)
        d_u_i = d_c * g_t * i_t * (1.0 - i_t)  # (N, H)
        d_u_f = d_c * c_prev * f_t * (1.0 - f_t)  # (N, H)
        d_u_g = d_c * i_t * (1.0 - g_t**2)  # (N, H)
        d_u_o = d_h_t * shown * o_t * (1.0 - o_t)  # (N, H)
        d_u_t = np.concatenate([d_u_i, d_u_f, d_u_g, d_u_o], axis=1)  # (N, 4*H)
        past_gates = np.zeros_like(d_h_t), d_c * f_t  # (N, H) each
        return d_u_t, d_u_t, past_gates
