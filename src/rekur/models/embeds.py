"""Embed: what a step is to the core, from token ids or numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.architecture import Architecture
from rekur.data.lexicon import distinct
from rekur.evidence import Evidence
from rekur.nn import LAYERS, variational
from rekur.nn.convolution import Columns
from rekur.nn.softmax import lookup


class TokenEmbedding(nn.Module):
    """Token ids (N, T) to vectors (N, T, E); whole words and single numbers may be dropped in training.

    Word dropout replaces a token by the unknown token (Iyyer et al. 2015). `variational` drops the same numbers at
    all steps of a row; `tied` says that the output layer shares the table.
    """

    def __init__(
        self,
        vocabulary: int,
        size: int,
        words: float,
        dropout: float,
        unknown: int,
        variational: bool = False,
        tied: bool = False,
    ) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, size)
        self.words, self.dropout, self.unknown = words, dropout, unknown
        self.variational, self.tied = variational, tied

    def forward(self, tokens: Tensor) -> Tensor:
        if self.training and self.words > 0:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.words
            tokens = tokens.masked_fill(dropped, self.unknown)
        vectors: Tensor = lookup(self.table.weight, tokens) if self.tied else self.table(tokens)
        if self.variational:
            return variational.dropout(vectors, self.dropout, self.training)
        return F.dropout(vectors, self.dropout, self.training)


class TokensWithEvidence(nn.Module):
    """Token ids (N, T) to vectors (N, T, E + order): the words, and beside them what their n-grams say.

    In training the task gives the pair (ids, evidence), as a text must not read ratios of its own making.
    """

    def __init__(self, tokens: TokenEmbedding, evidence: Evidence) -> None:
        super().__init__()
        self.tokens, self.evidence = tokens, evidence

    def forward(self, inputs: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        ids, ratios = inputs if isinstance(inputs, tuple) else (inputs, self.evidence(inputs))
        if self.training and self.tokens.words > 0:
            ratios = ratios * (torch.rand(ratios.shape, device=ratios.device) >= self.tokens.words)
        return torch.cat([self.tokens(ids), ratios], dim=2)


class TokensWithCharacters(nn.Module):
    """Ids (N, T) and characters (N, T, L) to vectors (N, T, E + 2H): each word, and beside it how it is spelt.

    A recurrent layer reads the characters of each distinct word of the batch, both ways, and gives its last states
    (Ling et al. 2015). A character's id is 0 behind a word's last.
    """

    def __init__(self, tokens: TokenEmbedding, characters: int, size: int, reader: nn.Module) -> None:
        super().__init__()
        self.tokens, self.reader = tokens, reader
        self.characters = nn.Embedding(characters, size)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        ids, characters = inputs
        words, place, lengths = (torch.from_numpy(part).to(ids.device) for part in distinct(characters.cpu().numpy()))
        _, state = self.reader(self.characters(words), lengths=lengths)
        h_n = state[0] if isinstance(state, tuple) else state  # (2, U, H)
        spelt = torch.cat(tuple(h_n), dim=1)[place].view(*ids.shape, -1)
        dropout = variational.dropout if self.tokens.variational else F.dropout
        return torch.cat([self.tokens(ids), dropout(spelt, self.tokens.dropout, self.training)], dim=2)


class OneHot(nn.Module):
    """Token ids (N, T) to unit vectors (N, T, V)."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def forward(self, tokens: Tensor) -> Tensor:
        return F.one_hot(tokens, self.vocabulary).to(torch.get_default_dtype())


class Values(nn.Module):
    """Numbers (N, T, I) as they are."""

    def forward(self, values: Tensor) -> Tensor:
        return values


def make(architecture: Architecture, evidence: Evidence | None) -> nn.Module:
    """Return the untrained Embed of a model."""
    settings, V = architecture.settings, architecture.tokens
    if architecture.image:
        return Columns(architecture.image[0], settings.convolution)
    if architecture.values:
        return Values()
    if not settings.embedding:
        return OneHot(V)
    dropouts = settings.dropout_words, settings.dropout_embedding
    unknown, same, tied = architecture.unknown, settings.variational, architecture.ties
    tokens = TokenEmbedding(V, settings.embedding, *dropouts, unknown, same, tied)
    if architecture.spelling:
        reader: type[nn.Module] = LAYERS[settings.cell]
        read = reader(settings.characters, architecture.spelling, batch_first=True, bidirectional=True)
        return TokensWithCharacters(tokens, architecture.letters, settings.characters, read)
    return tokens if evidence is None else TokensWithEvidence(tokens, evidence)
