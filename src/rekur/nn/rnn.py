"""RNN: the plain recurrent network (Elman 1990).

h_t = tanh(W_ih x_t + b_ih + W_hh h_prev + b_hh)    or relu in place of tanh
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rekur.errors import ConfigError
from rekur.nn import layer


class RNN(layer.Precise, nn.RNN):
    """`torch.nn.RNN` (same arguments, parameters and outputs) that also takes lengths, and a precision.

    >>> import torch
    >>> rnn = RNN(8, 16, batch_first=True, bidirectional=True)
    >>> outputs, h_n = rnn(torch.randn(3, 5, 8), lengths=torch.tensor([5, 2, 4]))
    >>> outputs.shape, h_n.shape
    (torch.Size([3, 5, 32]), torch.Size([2, 3, 16]))
    """

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: layer.Lengths | None = None
    ) -> tuple[Any, Tensor]:
        """Return the outputs, laid out as `input`, and h_n (K*D, N, H), the state at each row's own end.

        Args:
            input: (T, N, I), (N, T, I) with `batch_first`, (T, I) for one row, or packed.
            hx: h_0 (K*D, N, H), or (K*D, H) for one row; None is zeros.
            lengths: (N,) integers from 0 to T; see `rekur.nn.layer.run`, also for what is raised.
        """
        outputs, state = layer.run(self, input, None if hx is None else (hx,), lengths)
        return outputs, state[0]


class RNNCell(nn.RNNCell):
    """`torch.nn.RNNCell`: one step of an RNN."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return h_t, (N, H) or (H,), from input (N, I) or (I,) and h_prev; None is zeros."""
        if self.nonlinearity not in ("tanh", "relu"):  # torch's constructor takes any word, and it refuses here, too
            raise ConfigError(f"RNNCell: nonlinearity must be `tanh` or `relu`; got `{self.nonlinearity}`.")
        return layer.step(self, f"RNN_{self.nonlinearity.upper()}", input, None if hx is None else (hx,))[0]
