"""The cross-entropy of a linear layer over V words, without ever holding the scores of all steps at once.

    z = W h + b,    loss = mean over the steps of  -(1 - e) ln p_y - e/V sum_w ln p_w,    p = softmax(z)

e is label smoothing (Szegedy et al. 2016). The gradient, d z = p - (1 - e) [y] - e/V, is taken while a block's scores
are in the processor's cache; in training at precision "medium" the products are bfloat16's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from rekur import engine

BLOCK = 512  # steps whose scores are held at once: those of 4,000 words then stay in the processor's cache


def linear_cross_entropy(h: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean loss () of features h (S, F), weight (V, F), bias (V,) and words target (S,).

    The same as ``F.cross_entropy(F.linear(h, weight, bias), target, label_smoothing=smoothing)``; its gradient can be
    taken once.
    """
    mean: Tensor = _LinearCrossEntropy.apply(h, weight, bias, target, smoothing)  # type: ignore[no-untyped-call]
    return mean


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> Tensor:
        mean, *ctx.gradients = in_blocks(h, weight, bias, target, len(h), smoothing)
        return mean

    @staticmethod
    def backward(ctx: Any, d_mean: Tensor) -> tuple[Tensor | None, ...]:
        return *taken(ctx, d_mean), None, None


def in_blocks(
    h: Tensor, weight: Tensor, bias: Tensor, target: Tensor, count: int, smoothing: float = 0.0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the loss summed over the steps and divided by `count`, and its gradients by h, weight and bias."""
    V = len(weight)
    medium = h.is_cpu and torch.get_float32_matmul_precision() == "medium" and engine.multiplies("medium")
    kind = torch.bfloat16 if medium else h.dtype
    h_k, w_k, b_k = h.to(kind), weight.to(kind), bias.to(kind)
    total, d_h = h.new_zeros(()), torch.empty_like(h)
    d_weight, d_bias = torch.zeros_like(weight), torch.zeros_like(bias)
    for at in range(0, len(h), BLOCK):
        some, words = h_k[at : at + BLOCK], target[at : at + BLOCK].unsqueeze(1)
        log_p = torch.log_softmax(F.linear(some, w_k, b_k).to(h.dtype), dim=1)
        total -= (1 - smoothing) * log_p.gather(1, words).sum()
        if smoothing:
            total -= smoothing / V * log_p.sum()
        d = log_p.exp_().scatter_add_(1, words, log_p.new_full(words.shape, smoothing - 1))
        d = (d.sub_(smoothing / V) if smoothing else d).div_(count)
        d_bias += d.sum(0)
        d_k = d.to(kind)
        d_h[at : at + BLOCK] = d_k @ w_k
        d_weight += d_k.T @ some
    return total / count, d_h, d_weight, d_bias


def taken(ctx: Any, d_mean: Tensor) -> list[Tensor]:
    """Return the gradients a loss computed on its way forward, and let go of them.

    They are not saved for backward: a gradient that nothing else holds is taken as it is, where 50 MB would be copied.
    """
    if ctx.gradients is None:
        raise RuntimeError("The gradient of this loss was taken already; compute the loss again.")
    gradients, ctx.gradients = ctx.gradients, None
    return [d if d_mean == 1 else d * d_mean for d in gradients]
