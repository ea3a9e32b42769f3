"""A linear-chain conditional random field: tags are scored as a whole sequence, not one by one.

    p(y | x) = exp(sum_t s_t(y_{t-1}, y_t)) / Z(x),    s_t(i, j) = e_t(j) + A(i, j)

with the emissions e (N, T, C) of a network, the learned transitions A, and learned scores of the first and the last
tag. Source: Lafferty, McCallum and Pereira 2001; on top of a BiLSTM: Huang, Xu and Yu 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BOUND = 0.1  # of the scores it begins with


class CRF(nn.Module):
    """Emissions (N, T, C) to scores (N, T, C, C) of tag j after tag i, all that the functions below need.

    At a row's first step the scores are the same after every i and hold the start's; its last step holds the end's.

    >>> CRF(3)(torch.zeros(2, 5, 3)).shape
    torch.Size([2, 5, 3, 3])
    """

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.empty(tags, tags).uniform_(-BOUND, BOUND))
        self.start = nn.Parameter(torch.empty(tags).uniform_(-BOUND, BOUND))
        self.end = nn.Parameter(torch.empty(tags).uniform_(-BOUND, BOUND))

    def forward(self, emissions: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the scores; `lengths` (N,) say which step is a row's last, None: T-1. What is behind means nothing."""
        N, T, _ = emissions.shape
        steps = torch.arange(T, device=emissions.device)
        last = torch.full((N,), T - 1, device=emissions.device) if lengths is None else lengths - 1
        ends = (steps == last.unsqueeze(1)).to(emissions.dtype)  # (N, T)
        whole = emissions + ends.unsqueeze(2) * self.end
        before = torch.where((steps == 0).view(T, 1, 1), self.start, self.transitions)  # (T, C, C)
        return whole.unsqueeze(2) + before


def log_partition(scores: Tensor, lengths: Tensor) -> Tensor:
    """Return ln Z (N,): of the sum over all tag sequences of a row, by the forward algorithm; 0 for a row of none.

    a_0(j) = s_0(., j),    a_t(j) = ln sum_i exp(a_{t-1}(i) + s_t(i, j)),    ln Z = ln sum_j exp(a_last(j))
    """
    a = scores[:, 0, 0]  # (N, C)
    for t in range(1, scores.shape[1]):
        further = torch.logsumexp(a.unsqueeze(2) + scores[:, t], dim=1)
        a = torch.where((t < lengths).unsqueeze(1), further, a)
    return torch.where(lengths > 0, torch.logsumexp(a, dim=1), 0.0)


def path_score(scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
    """Return the score (N,) of the tags (N, T), whatever stands behind each length."""
    N, T, C, _ = scores.shape
    inside = torch.arange(T, device=scores.device) < lengths.unsqueeze(1)
    known = tags.where(inside, 0)
    before = torch.cat([known.new_zeros(N, 1), known[:, :-1]], dim=1)
    steps = scores.flatten(2).gather(2, (before * C + known).unsqueeze(2)).squeeze(2)
    return steps.where(inside, 0.0).sum(dim=1)


def log_likelihood(scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
    """Return ln p(tags | x) of each row (N,)."""
    return path_score(scores, tags, lengths) - log_partition(scores, lengths)
