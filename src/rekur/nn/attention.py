"""Attention: which steps of a source a decoder looks at, one row of weights for each word it writes.

    a_ts = softmax over s of score(q_t, m_s),    c_t = sum_s a_ts m_s

    dot       score = q · m / sqrt(H)          Luong et al. 2015; needs H = M
    general   score = q · W m / sqrt(H)        Luong et al. 2015
    additive  score = v · tanh(W q + U m)      Bahdanau et al. 2015

The root is Vaswani et al.'s (2017): without it the weights are all on one step within a few epochs, and stay there.
q_t (H) is the decoder's state, m_s (M) the encoder's output at step s of S.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rekur.errors import ConfigError, nearest


class Attention(nn.Module):
    """The interface: ``keys`` once for a source, then ``forward`` for any number of queries."""

    def __init__(self, queries: int, memory: int) -> None:
        super().__init__()
        self.queries, self.memory = queries, memory

    def keys(self, memory: Tensor) -> Tensor:
        """Return what the queries are compared with, (N, S, H), from the memory (N, S, M)."""
        raise NotImplementedError

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return (N, T, S) from queries (N, T, H) and keys (N, S, H)."""
        return torch.bmm(queries * self.queries**-0.5, keys.transpose(1, 2))

    def forward(
        self, queries: Tensor, keys: Tensor, memory: Tensor, inside: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the contexts (N, T, M) and the weights (N, T, S), 0 where `inside` (N, S) is false.

        A source without any step gives the context 0.
        """
        scores = self.scores(queries, keys)
        if inside is None:
            weights = torch.softmax(scores, dim=2)
        else:
            mask = inside.unsqueeze(1)
            lowest = torch.finfo(scores.dtype).min  # not -inf: an empty source would become NaN
            weights = torch.softmax(scores.masked_fill(~mask, lowest), dim=2) * mask
        return torch.bmm(weights, memory), weights


class Dot(Attention):
    """score = q · m / sqrt(H)."""

    def __init__(self, queries: int, memory: int) -> None:
        if queries != memory:
            raise ConfigError(
                f"model.attention = \"dot\" compares the decoder's state with the encoder's outputs: they must be of "
                f'one size; got {queries} and {memory}. Change model.decoder_hidden, or take "general".'
            )
        super().__init__(queries, memory)

    def keys(self, memory: Tensor) -> Tensor:
        """Return the memory itself."""
        return memory


class General(Attention):
    """score = q · W m / sqrt(H)."""

    def __init__(self, queries: int, memory: int) -> None:
        super().__init__(queries, memory)
        self.key = nn.Linear(memory, queries, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """Return W m, (N, S, H)."""
        keys: Tensor = self.key(memory)
        return keys


class Additive(General):
    """score = v · tanh(W q + U m)."""

    def __init__(self, queries: int, memory: int) -> None:
        super().__init__(queries, memory)
        self.query = nn.Linear(queries, queries)
        self.score = nn.Linear(queries, 1, bias=False)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return (N, T, S); the sums in between are (N, T, S, H)."""
        summed = self.query(queries).unsqueeze(2) + keys.unsqueeze(1)
        scores: Tensor = self.score(torch.tanh(summed)).squeeze(3)
        return scores


KINDS: dict[str, type[Attention]] = {"dot": Dot, "general": General, "additive": Additive}


def make(kind: str, queries: int, memory: int) -> Attention | None:
    """Return the attention called `kind` for queries of size H and a memory of size M; None for "none".

    >>> make("general", 4, 6).keys(torch.zeros(1, 2, 6)).shape
    torch.Size([1, 2, 4])
    """
    if kind == "none":
        return None
    if kind not in KINDS:
        raise ConfigError(f"No attention is called `{kind}`. {nearest(kind, KINDS)}")
    return KINDS[kind](queries, memory)
