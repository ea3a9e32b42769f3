"""Dropout that leaves out the same units at all steps of a sequence, and the same recurrent weights.

Drawn anew at every step, dropout inside a recurrence adds noise that its memory cannot average out; one mask a
sequence is a thinned network, read to its end.
Sources: Gal and Ghahramani 2016 (units); Merity, Keskar and Socher 2018 (weight drop, of W_hh).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.nn import kernels
from rekur.nn.layer import weights_of


def dropout(x: Tensor, share: float, training: bool, steps: int = 1) -> Tensor:
    """Return x with the same `share` of each row's features set to 0 along the axis `steps`, the rest scaled up."""
    if not training or share == 0:
        return x
    shape = list(x.shape)
    shape[steps] = 1
    return x * F.dropout(x.new_ones(shape), share)


def run(
    layer: nn.RNNBase,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    between: float,
    recurrent: float,
    same: bool = True,
) -> tuple[Tensor, Any]:
    """Run `layer` in training, its own dropout aside, as `rekur.nn` layers run.

    Args:
        layer: of K layers and D directions.
        x: (N, T, I) with `batch_first`, else (T, N, I).
        state: (K*D, N, H), for an LSTM the pair of them; None is zeros.
        lengths: (N,) valid steps of each row, None for all.
        between: share of the features (N, D*H) left out between two layers.
        recurrent: share of the numbers of each W_hh left out, the same at all steps.
        same: whether `between` leaves out the same features at all steps.
    """
    D, pair = 2 if layer.bidirectional else 1, layer.mode == "LSTM"
    start = state if pair or state is None else (state,)
    plan = kernels.Plan(layer.mode, layer.hidden_size, 1, D, layer.bias, 0.0, _precision(layer))
    x = x.transpose(0, 1) if layer.batch_first else x
    ends, weights = [], _thinned(weights_of(layer), recurrent)
    for k in range(0, layer.num_layers * D, D):
        x = dropout(x, between, k > 0, steps=0) if same else F.dropout(x, between, k > 0)
        given = None if start is None else tuple(part[k : k + D] for part in start)
        args = plan, x, given, weights[k : k + D], lengths
        x, end = kernels.native_layer(*args) or kernels.torch_layer(*args)
        ends.append(end)
    final = tuple(torch.cat(part) for part in zip(*ends, strict=True))
    return x.transpose(0, 1) if layer.batch_first else x, final if pair else final[0]


def _precision(layer: nn.RNNBase) -> str:
    return getattr(layer, "precision", None) or torch.get_float32_matmul_precision()


def _thinned(weights: list[list[Tensor]], share: float) -> list[list[Tensor]]:
    """Return the weights of each layer and direction, a `share` of every W_hh set to 0, the rest scaled up."""
    return [[w_ih, F.dropout(w_hh, share), *biases] for w_ih, w_hh, *biases in weights] if share else weights
