"""The evidence of n-grams (`rekur.data.evidence`) in a torch model: ratios to read, and a vote of their own."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.data import evidence as ngrams
from rekur.data.evidence import NONE, PACE, START, Integers
from rekur.data.ragged import Ragged


class Evidence(nn.Module):
    """Token ids (N, T) to the ratios (N, T, order) of the n-grams that end at each step.

    Of C > 2 classes each has its own: (N, T, order*C). `keys` (F,) are the sorted hashes of the known n-grams, `ratios`
    (F,) or (F, C) their evidence. Both are saved with the weights; neither is trained.
    """

    keys: Tensor
    ratios: Tensor

    def __init__(self, features: int, order: int, classes: int = 2) -> None:
        super().__init__()
        self.order = order
        self.register_buffer("keys", torch.zeros(features, dtype=torch.int64))
        self.register_buffer("ratios", torch.zeros((features, classes) if classes > 2 else features))

    @classmethod
    def fit(
        cls, tokens: Ragged, labels: Integers, order: int, least: int, folds: Integers, classes: int = 2
    ) -> tuple[Self, NDArray[np.float32]]:
        """Count the n-grams of the training texts; arguments as of `rekur.data.evidence.fit`.

        Returns the evidence, and what each step (S, order) or (S, order*C) of the training texts reads in training.
        """
        known, ratios, read = ngrams.fit(tokens, labels, order, least, folds, classes)
        evidence = cls(len(known), order, classes)
        evidence.keys.copy_(torch.from_numpy(known))
        evidence.ratios.copy_(torch.from_numpy(ratios))
        return evidence, read

    def forward(self, ids: Tensor) -> Tensor:
        """Return (N, T, order) or (N, T, order*C) ratios; n-grams that begin before the text or are unknown have 0."""
        feature, known = self.features(ids)
        if self.ratios.dim() == 1:
            return torch.where(known, self.ratios[feature], 0.0)
        return torch.where(known.unsqueeze(3), self.ratios[feature], 0.0).flatten(2)

    def features(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the feature (N, T, order) that ends at each step of the ids (N, T), and whether there is one."""
        wanted = torch.from_numpy(ngrams.keys_of_rows(ids.cpu().numpy(), self.order)).to(ids.device)
        feature = torch.searchsorted(self.keys, wanted).clamp(max=len(self.keys) - 1)  # quicker than NumPy's
        return feature, (self.keys[feature] == wanted) & (wanted != NONE)


class Ballot(nn.Module):
    """A linear vote of the n-grams of a text, one logit: the path that passes the recurrence by.

        z = sum of r_f v_f over the F' distinct n-grams f of the text / sqrt(F') + b

    with the evidence r kept and the weights v learned, as an NB-SVM learns them (Wang and Manning 2012). Of C > 2
    classes there is a logit for each.
    """

    def __init__(self, evidence: Evidence, dropout: float) -> None:
        super().__init__()
        self.evidence, self.dropout = evidence, dropout
        self.weight = nn.Parameter(torch.zeros_like(evidence.ratios))  # (F,) or (F, C), v = START + PACE * weight
        self.bias = nn.Parameter(torch.zeros(evidence.ratios.shape[1:] or 1))

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return (N,), or (N, C), from ids (N, T); what lies behind a length does not vote."""
        feature, known = self.evidence.features(ids)
        if lengths is not None:
            known = known & (torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1)).unsqueeze(2)
        feature = feature.masked_fill(~known, -1).flatten(1).sort(dim=1).values  # (N, T*order)
        first = (feature >= 0) & (feature != F.pad(feature[:, :-1], (1, 0), value=-1))
        row, chosen = first.nonzero(as_tuple=True)[0], feature[first]
        votes = self.evidence.ratios[chosen] * (START + PACE * self.weight[chosen])
        votes = F.dropout(votes, self.dropout, self.training)
        total = votes.new_zeros(len(ids), *votes.shape[1:]).index_add(0, row, votes)
        size = first.sum(dim=1).clamp(min=1).sqrt()
        return total / (size if total.dim() == 1 else size.unsqueeze(1)) + self.bias
