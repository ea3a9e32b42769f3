"""A single step of a single row, as a written text takes them one after another, in NumPy.

The engine copies the weights of a layer before it multiplies: that pays from the second step or row on.
"""

from __future__ import annotations

import numpy as np

from rekur import engine
from rekur.arithmetic import sigmoid
from rekur.inference.arrays import Floats, State


def layer(mode: str, x: Floats, state: State, weights: engine.Weights) -> State:
    """Return the state behind one step of a layer of one direction; h is its output, too.

    The equations are those of `rekur.reference`.

    Args:
        mode: RNN_TANH, GRU or LSTM.
        x: (1, 1, I); or (1, 1, G*H), x W_ih' already, where w_ih is None.
        state: (h,) or (h, c), each (1, 1, H).
        weights: w_ih or None, w_hh, b_ih, b_hh.
    """
    w_ih, w_hh, b_ih, b_hh = weights
    assert w_hh is not None
    inner = (x[0, 0] if w_ih is None else w_ih @ x[0, 0]) + b_ih  # (G*H,)
    outer = w_hh @ state[0][0, 0] + b_hh  # (G*H,)
    if mode == "LSTM":
        i, f, g, o = np.split(inner + outer, 4)
        c = sigmoid(f) * state[1][0, 0] + sigmoid(i) * np.tanh(g)
        return (sigmoid(o) * np.tanh(c))[None, None], c[None, None]
    if mode == "GRU":
        (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(inner, 3), np.split(outer, 3)
        z, n = sigmoid(z_x + z_h), np.tanh(n_x + sigmoid(r_x + r_h) * n_h)
        return ((n + z * (state[0][0, 0] - n))[None, None],)
    return (np.tanh(inner + outer)[None, None],)
