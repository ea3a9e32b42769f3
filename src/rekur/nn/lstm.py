"""LSTM: long short-term memory (Hochreiter & Schmidhuber 1997, forget gate of Gers et al. 2000).

i_t = σ(W_ii x_t + b_ii + W_hi h_prev + b_hi)
f_t = σ(W_if x_t + b_if + W_hf h_prev + b_hf)
g_t = tanh(W_ig x_t + b_ig + W_hg h_prev + b_hg)
o_t = σ(W_io x_t + b_io + W_ho h_prev + b_ho)
c_t = f_t * c_prev + i_t * g_t
h_t = o_t * tanh(c_t)                               with `proj_size` P: h_t = W_hr (o_t * tanh(c_t))
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rekur.nn import layer


class LSTM(layer.Precise, nn.LSTM):
    """`torch.nn.LSTM` (same arguments, parameters and outputs) that also takes lengths, and a precision.

    >>> import torch
    >>> lstm = LSTM(8, 16, batch_first=True, bidirectional=True)
    >>> outputs, (h_n, c_n) = lstm(torch.randn(3, 5, 8), lengths=torch.tensor([5, 2, 4]))
    >>> outputs.shape, c_n.shape
    (torch.Size([3, 5, 32]), torch.Size([2, 3, 16]))
    """

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        lengths: layer.Lengths | None = None,
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Return the outputs, laid out as `input`, and (h_n, c_n), the state at each row's own end.

        Args:
            input: (T, N, I), (N, T, I) with `batch_first`, (T, I) for one row, or packed.
            hx: (h_0, c_0), each (K*D, N, H), or (K*D, H) for one row; None is zeros. With `proj_size` the
                outputs and h have P features in place of H.
            lengths: (N,) integers from 0 to T; see `rekur.nn.layer.run`, also for what is raised.
        """
        outputs, (h_n, c_n) = layer.run(self, input, layer.pair("LSTM", hx), lengths)
        return outputs, (h_n, c_n)


class LSTMCell(nn.LSTMCell):
    """`torch.nn.LSTMCell`: one step of an LSTM."""

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Return (h_t, c_t), each (N, H) or (H,), from input (N, I) or (I,) and (h_prev, c_prev)."""
        h_t, c_t = layer.step(self, "LSTM", input, layer.pair("LSTMCell", hx))
        return h_t, c_t
