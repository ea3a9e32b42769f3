r"""What each word and phrase of a text says about its label, for a recurrent layer to read beside the words.

An n-gram f has the log-count ratio of naive Bayes (Wang and Manning, ACL 2012), over the training texts,

    r_f = ln((1 + texts of class 1 with f) / (1 + texts of class 0 with f)) - ln(texts of class 1 / of class 0)

and step t reads r of the word, the pair and the triple that end there. A training text must not meet ratios that
its own label helped to make, or the layer learns to trust them too much; so the ratios it reads in training leave
out the fold it lies in (cross-fitting).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rekur.data.ragged import Ragged

SPREAD = -7046029254386353131  # an odd number near 2^64 / golden ratio: neighbours land far apart
START, PACE = 0.3, 7.0  # of a vote's weight: its first value, and how much faster it learns than the rest
NONE = 0  # the key of what is no n-gram, and of those too rare to say anything; its ratio is 0

Integers = NDArray[np.int64]


class Evidence(nn.Module):
    """Token ids (N, T) to the ratios (N, T, order) of the n-grams that end at each step.

    `keys` (F,) are the sorted hashes of the known n-grams, `ratios` (F,) their evidence. Both are saved with the
    weights; neither is trained.
    """

    keys: Tensor
    ratios: Tensor

    def __init__(self, features: int, order: int) -> None:
        super().__init__()
        self.order = order
        self.register_buffer("keys", torch.zeros(features, dtype=torch.int64))
        self.register_buffer("ratios", torch.zeros(features))

    @classmethod
    def fit(
        cls, tokens: Ragged, labels: Integers, order: int, least: int, folds: Integers
    ) -> tuple[Self, NDArray[np.float32]]:
        """Count the n-grams of the training texts.

        Args:
            tokens: ids of the N training texts.
            labels: (N,) of 0 and 1.
            order: longest n-gram.
            least: texts an n-gram must stand in.
            folds: (N,) the fold each text lies in, from 0.

        Returns:
            The evidence, and what each step (S, order) of the training texts reads in training.
        """
        text = np.repeat(np.arange(len(tokens)), tokens.lengths)  # (S,)
        place = np.arange(len(text)) - np.repeat(tokens.offsets[:-1], tokens.lengths)  # (S,)
        ids = torch.from_numpy(tokens.values.astype(np.int64))
        steps = _keys(ids, torch.from_numpy(place), order).numpy()  # (S, order)
        known, feature = _known(steps, text, len(tokens), least)
        counts = _counts(feature, text, labels, folds, len(known))  # (2, F, folds)
        prior = np.log(labels.sum() / (len(labels) - labels.sum()))
        silent = known == NONE
        evidence = cls(len(known), order)
        evidence.keys.copy_(torch.from_numpy(known))
        evidence.ratios.copy_(torch.from_numpy(_ratios(counts.sum(axis=2), prior, silent)))
        without = _ratios(counts.sum(axis=2, keepdims=True) - counts, prior, silent)  # (F, folds)
        return evidence, without[feature, folds[text][:, None]]

    def forward(self, ids: Tensor) -> Tensor:
        """Return (N, T, order) ratios; n-grams that begin before the text or are unknown have 0."""
        feature, known = self.features(ids)
        return torch.where(known, self.ratios[feature], 0.0)

    def features(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the feature (N, T, order) that ends at each step of the ids (N, T), and whether there is one."""
        place = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        wanted = _keys(ids.flatten(), place.flatten(), self.order).view(*ids.shape, self.order)
        feature = torch.searchsorted(self.keys, wanted).clamp(max=len(self.keys) - 1)
        return feature, (self.keys[feature] == wanted) & (wanted != NONE)


class Ballot(nn.Module):
    """A linear vote of the n-grams of a text, one logit: the path that passes the recurrence by.

        z = sum of r_f v_f over the F' distinct n-grams f of the text / sqrt(F') + b

    with the evidence r kept and the weights v learned, as an NB-SVM learns them (Wang and Manning 2012).
    """

    def __init__(self, evidence: Evidence, dropout: float) -> None:
        super().__init__()
        self.evidence, self.dropout = evidence, dropout
        self.weight = nn.Parameter(torch.zeros(len(evidence.keys)))  # (F,) v = START + PACE * weight
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return (N,) from ids (N, T); what lies behind a length does not vote."""
        feature, known = self.evidence.features(ids)
        if lengths is not None:
            known = known & (torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1)).unsqueeze(2)
        feature = feature.masked_fill(~known, -1).flatten(1).sort(dim=1).values  # (N, T*order)
        first = (feature >= 0) & (feature != F.pad(feature[:, :-1], (1, 0), value=-1))
        row, chosen = first.nonzero(as_tuple=True)[0], feature[first]
        votes = self.evidence.ratios[chosen] * (START + PACE * self.weight[chosen])
        votes = F.dropout(votes, self.dropout, self.training)
        total = votes.new_zeros(len(ids)).index_add(0, row, votes)
        return total / first.sum(dim=1).clamp(min=1).sqrt() + self.bias


def _keys(ids: Tensor, place: Tensor, order: int) -> Tensor:
    """Hash the n-grams that end at each of the ids (S,), texts end to end; (S, order), 0 where there is none."""
    columns, key = [], torch.zeros_like(ids)
    for n in range(order):
        before = torch.cat([torch.zeros_like(ids[:n]), ids[: max(len(ids) - n, 0)]]) if n else ids
        key = (key + before + 1 + n) * SPREAD  # wraps around at 2^64
        key = key ^ (key >> 29)
        columns.append(torch.where(place >= n, key, NONE))
    return torch.stack(columns, dim=1)


def _known(steps: Integers, text: Integers, texts: int, least: int) -> tuple[Integers, Integers]:
    """Return the sorted keys of n-grams in `least` texts or more, and the feature (S, order) of each step."""
    known = [np.full(1, NONE)]
    for column in steps.T:
        keys, code = np.unique(column, return_inverse=True)
        pairs = np.unique(code * np.int64(texts) + text)
        spread = np.bincount(pairs // texts, minlength=len(keys))
        known.append(keys[spread >= least])
    kept = np.unique(np.concatenate(known))
    at = np.searchsorted(kept, steps).clip(max=len(kept) - 1)
    none = int(np.searchsorted(kept, NONE))
    return kept, np.where(kept[at] == steps, at, none)


def _counts(feature: Integers, text: Integers, labels: Integers, folds: Integers, F: int) -> NDArray[np.float32]:
    """Count the texts of each class and fold that hold each feature: (2, F, folds)."""
    K = int(folds.max()) + 1
    counts = np.zeros((2, F * K), dtype=np.float32)
    for column in feature.T:
        pairs = np.unique(text * np.int64(F) + column)
        holder, held = pairs // F, pairs % F
        cell = held * K + folds[holder]
        for label in (0, 1):
            counts[label] += np.bincount(cell[labels[holder] == label], minlength=F * K)
    return counts.reshape(2, F, K)


def _ratios(counts: NDArray[Any], prior: float, silent: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return r (F, ...) from the counts (2, F, ...) of both classes."""
    ratios: NDArray[np.float32] = (np.log1p(counts[1]) - np.log1p(counts[0]) - prior).astype(np.float32)
    ratios[silent] = 0
    return ratios
