"""The distribution over V words that shares its weights with their embedding, in one piece or in a head and tails.

In one piece:      p(w) = softmax(W h + b)_w,  W (V, E) the table of the embedding (Press and Wolf 2017).
In head and tails: the ids are cut at `cutoffs` into a head and G tails, the most frequent words first:
    p(w) = softmax([W_head h + b_head, W_group h + b_group])_w            for a word of the head
    p(w) = softmax(...)_(tail g) softmax(W_tail h + b_tail)_w             for a word of tail g
Both add up to 1 exactly. The second computes the logits of a tail only where the word is in it, which is seldom
(Grave et al. 2017, without narrowing the tails, so that they stay tied).
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur import engine
from rekur.nn.crossentropy import in_blocks, taken

KINDS = {torch.float32: np.float32, torch.float64: np.float64}


class TiedSoftmax(nn.Module):
    """Features (..., F) to scores (..., V) of words, by the table (V, E) of their embedding.

    The scores are logits; with `cutoffs` they are log-probabilities, which are logits of themselves.
    """

    def __init__(self, features: int, embedding: int, words: int, cutoffs: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.projection = nn.Linear(features, embedding) if features != embedding else nn.Identity()
        self.bias = nn.Parameter(torch.zeros(words))
        self.edges = [0, *cutoffs, words]
        if cutoffs:
            self.groups = nn.Linear(embedding, len(cutoffs))

    def forward(self, features: Tensor, table: Tensor) -> Tensor:
        """Return the scores (..., V)."""
        h = self.projection(features)
        scores = F.linear(h, table, self.bias)
        if len(self.edges) == 2:
            return scores
        head, *tails = (scores[..., a:b] for a, b in itertools.pairwise(self.edges))
        first = torch.log_softmax(torch.cat([head, self.groups(h)], dim=-1), dim=-1)
        c = self.edges[1]
        parts = [torch.log_softmax(tail, dim=-1) + first[..., c + g, None] for g, tail in enumerate(tails)]
        return torch.cat([first[..., :c], *parts], dim=-1)

    def nats(self, features: Tensor, targets: Tensor, table: Tensor) -> Tensor:
        """Return the mean of -ln p of the words `targets` (S,) after features (S, F), without all V scores.

        Its gradient can be taken once.
        """
        h = self.projection(features)
        groups = (self.groups.weight, self.groups.bias) if len(self.edges) > 2 else (h[:0].detach(), h[:0, 0].detach())
        mean: Tensor = _Nats.apply(h, table, self.bias, *groups, targets, self.edges)  # type: ignore[no-untyped-call]
        return mean


def lookup(table: Tensor, ids: Tensor) -> Tensor:
    """Return the rows `ids` (N, T) of table (V, E), (N, T, E), as `torch.nn.functional.embedding` does.

    The gradient of a large table, nearly all zeros, takes a third of its time.
    """
    rows: Tensor = _Lookup.apply(table, ids)  # type: ignore[no-untyped-call]
    return rows


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, ids: Tensor) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.like = table.detach()
        return table[ids]

    @staticmethod
    def backward(ctx: Any, d_rows: Tensor) -> tuple[Tensor, None]:
        (ids,) = ctx.saved_tensors
        return _zeros(ctx.like).index_add_(0, ids.flatten(), d_rows.flatten(0, -2)), None


class _Nats(torch.autograd.Function):
    """The mean of -ln p (S,), and at once its gradients: d logits = p - [w], while the logits are in the cache.

    h (S, E), table (V, E), bias (V,), rows (G, E) and biases (G,) of the groups, targets (S,).
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, table: Tensor, bias: Tensor, *given: Any) -> Tensor:
        rows, biases, targets, edges = given
        c = edges[1]
        group = torch.bucketize(targets, torch.tensor(edges[1:-1], device=h.device), right=True)  # 0: head, g: tail g
        d_table, d_bias = _zeros(table), torch.zeros_like(bias)
        first = torch.where(group > 0, c + group - 1, targets)
        total, d_h, d_w, d_b = in_blocks(h, torch.cat([table[:c], rows]), torch.cat([bias[:c], biases]), first, len(h))
        d_table[:c], d_bias[:c] = d_w[:c], d_b[:c]
        for g, (begin, end) in enumerate(itertools.pairwise(edges[1:]), start=1):
            chosen = (group == g).nonzero().squeeze(1)
            if len(chosen):
                words = slice(begin, end)
                found = in_blocks(h[chosen], table[words], bias[words], targets[chosen] - begin, len(h))
                total = total + found[0]
                d_h.index_add_(0, chosen, found[1])
                d_table[words], d_bias[words] = found[2:]
        ctx.gradients = d_h, d_table, d_bias, d_w[c:].clone(), d_b[c:].clone()
        return total

    @staticmethod
    def backward(ctx: Any, d_mean: Tensor) -> tuple[Tensor | None, ...]:
        return *taken(ctx, d_mean), None, None


def _zeros(like: Tensor) -> Tensor:
    """Return zeros; large ones in memory kept warm, as the system's own costs four times a pass over it."""
    if not like.is_cpu or like.dtype not in KINDS or not engine.SETS:
        return torch.zeros_like(like)
    size = like.numel() * like.element_size()
    return torch.from_numpy(engine.block(size).view(KINDS[like.dtype]).reshape(like.shape)).zero_()
