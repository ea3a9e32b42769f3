"""GRU: the gated recurrent unit (Cho et al. 2014), its reset gate after the product, as in cuDNN and torch.

r_t = σ(W_ir x_t + b_ir + W_hr h_prev + b_hr)
z_t = σ(W_iz x_t + b_iz + W_hz h_prev + b_hz)
n_t = tanh(W_in x_t + b_in + r_t * (W_hn h_prev + b_hn))
h_t = (1 - z_t) * n_t + z_t * h_prev
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rekur.nn import layer


class GRU(layer.Precise, nn.GRU):
    """`torch.nn.GRU` (same arguments, parameters and outputs) that also takes lengths, and a precision.

    >>> import torch
    >>> gru = GRU(8, 16, batch_first=True, bidirectional=True)
    >>> outputs, h_n = gru(torch.randn(3, 5, 8), lengths=torch.tensor([5, 2, 4]))
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


class GRUCell(nn.GRUCell):
    """`torch.nn.GRUCell`: one step of a GRU."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return h_t, (N, H) or (H,), from input (N, I) or (I,) and h_prev; None is zeros."""
        return layer.step(self, "GRU", input, None if hx is None else (hx,))[0]
