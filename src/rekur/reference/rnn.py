r"""The plain recurrent network of Elman (1990).

One gate, which is the new state itself. With f = tanh or relu:

    u_t = W_ih x_t + b_ih + W_hh h_prev + b_hh
    h_t = f(u_t)

and backward, where d_ means "the gradient of the loss with respect to":

    d_u = d_h_t * f'(u_t)         tanh: f' = 1 - h_t^2         relu: f' = 1 where h_t > 0, else 0
    d_a = d_u                     (a_t = W_ih x_t + b_ih)
    d_m = d_u                     (m_t = W_hh h_prev + b_hh)

Nothing of d_h_prev passes beside the gate: all of it comes through W_hh, multiplied by f' <= 1 at every step.
That product of T factors is why the gradients of a plain RNN vanish (or, with large weights, explode).

Source: Elman, "Finding structure in time", Cognitive Science 14 (1990).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rekur.errors import ConfigError, nearest
from rekur.reference.loop import Array, State
from rekur.reference.stack import Stack


class RNN(Stack):
    """A stack of plain recurrent layers, as `torch.nn.RNN`.

    `nonlinearity` is "tanh" or "relu", anything else raises ConfigError. The other arguments, `forward` and
    `backward` are in `Stack`.

    >>> rnn = RNN(input_size=3, hidden_size=5)
    >>> output, state, cache = rnn.forward(np.ones((7, 2, 3)))
    >>> output.shape, state.shape
    ((7, 2, 5), (1, 2, 5))
    """

    gates: ClassVar[int] = 1
    states: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *,
        bias: bool = True,
        batch_first: bool = False,
        bidirectional: bool = False,
        seed: int = 0,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            hint = nearest(nonlinearity, ("tanh", "relu"))
            raise ConfigError(f"RNN: nonlinearity must be tanh or relu; got `{nonlinearity}`. {hint}")
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias=bias,
            batch_first=batch_first,
            bidirectional=bidirectional,
            seed=seed,
        )

    def step(self, a_t: Array, m_t: Array, state_prev: State) -> tuple[State, tuple[Array, ...]]:  # noqa: ARG002
        """h_t = f(a_t + m_t); a_t and m_t are (N, H)."""
        u_t = a_t + m_t  # (N, H)
        h_t = np.tanh(u_t) if self.nonlinearity == "tanh" else np.maximum(u_t, 0.0)  # (N, H)
        return (h_t,), (h_t,)

    def step_backward(self, d_state: State, kept: tuple[Array, ...]) -> tuple[Array, Array, State]:
        """d_u = d_h_t * f'(u_t)."""
        (d_h_t,) = d_state  # (N, H)
        (h_t,) = kept  # (N, H)
        slope = 1.0 - h_t**2 if self.nonlinearity == "tanh" else np.where(h_t > 0.0, 1.0, 0.0)  # (N, H)
        d_u_t = d_h_t * slope  # (N, H)
        past_gates = np.zeros_like(d_h_t)  # (N, H)
        return d_u_t, d_u_t, (past_gates,)
