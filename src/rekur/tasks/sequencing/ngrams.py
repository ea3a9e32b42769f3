"""The linear vote of n-grams beside a network that gives a text a number: a ridge regression, fitted before it trains.

It is stored and computed as the ballot of a classifier (`rekur.evidence`): an n-gram's evidence is its weight in the
regression, for the network to read at each step, and the ballot adds them up. As the vote of figures (`vote.py`), the
network is shown in training only what was fitted without the text (stacking, Wolpert 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.data import evidence
from rekur.data.evidence import NONE, PACE, START, Integers
from rekur.data.ragged import Ragged
from rekur.tasks.sequencing.vote import dealt

Floats = NDArray[np.float32]

FOLDS, LEAST_TEXTS = 5, 2  # texts an n-gram must stand in
RIDGE = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
MOST = 20_000  # training texts that choose the penalty
CLOSE = 1e-4  # of the solver
HALF = 2  # a ballot counts half: see `rekur.models.WithBallot`


@dataclass(frozen=True)
class NumberVote:
    """What each n-gram adds to the number of a text."""

    keys: Integers  # (F,) sorted
    weights: Floats  # (F,)
    bias: float

    def put(self, model: Any) -> None:
        """Put it into a `rekur.models.WithBallot`, which adds to it from nothing on, and does not train it."""
        import torch

        ballot = model.ballot
        ballot.evidence.keys.copy_(torch.from_numpy(self.keys))
        ballot.evidence.ratios.copy_(torch.from_numpy(self.weights))
        torch.nn.init.constant_(ballot.weight.requires_grad_(False), (HALF - START) / PACE)
        torch.nn.init.constant_(ballot.bias.requires_grad_(False), HALF * self.bias)
        for weight in model.model.head[-1].parameters():
            torch.nn.init.zeros_(weight)


def fit(
    tokens: Ragged,
    answers: NDArray[np.float64],
    order: int,
    generator: np.random.Generator,
    groups: Integers | None = None,
) -> tuple[NumberVote, Floats, Floats]:
    """Return the vote, what each step (S, order) of the training texts reads in training, and their ballots (N, 1).

    Args:
        tokens: ids of the N training texts.
        answers: (N,) standardised numbers.
        order: longest n-gram.
        generator: deals the texts into folds.
        groups: (N,) equal for texts that are left out together, as `vote.dealt` takes them.
    """
    known, feature, text = evidence.features(tokens, order, LEAST_TEXTS)
    told, rarity = _told(known, feature, text, len(tokens))
    folds = dealt(np.zeros(len(tokens)), FOLDS, generator, groups)
    some = np.arange(min(len(tokens), MOST))
    errors = [_error(told[some], answers[some], folds[some], penalty) for penalty in RIDGE]
    penalty = RIDGE[int(np.argmin(errors))]
    weights, said = _left_out(told, answers, folds, penalty)
    read = (weights * rarity)[folds[text][:, None], feature].astype(np.float32)
    weight, bias = _ridge(told, answers, penalty)
    found = NumberVote(known, (weight * rarity).astype(np.float32), float(bias))
    return found, read, (HALF * said[:, None]).astype(np.float32)


def _told(known: Integers, feature: Integers, text: Integers, texts: int) -> tuple[Any, NDArray[np.float64]]:
    """Return the distinct n-grams of each text, a sparse (N, F), its row over the root of how many, times rarity (F,).

    rarity = 1 + ln((1 + N) / (1 + texts that hold it)), by which the ridge holds frequent n-grams back the more.
    """
    from scipy import sparse  # slow to load, and no prediction needs it

    F = len(known)
    there = known[feature] != NONE
    pairs = np.unique((text[:, None] * np.int64(F) + feature)[there])
    row, column = pairs // F, pairs % F
    rarity = 1 + np.log((1 + texts) / (1 + np.bincount(column, minlength=F)))
    size = np.sqrt(np.maximum(1, np.bincount(row, minlength=texts)))
    table = sparse.csr_matrix((rarity[column] / size[row], (row, column)), shape=(texts, F))
    return table, np.where(known == NONE, 0, rarity)


def _error(told: Any, answers: NDArray[np.float64], folds: Integers, penalty: float) -> float:
    return float(((_left_out(told, answers, folds, penalty)[1] - answers) ** 2).mean())


def _left_out(
    told: Any, answers: NDArray[np.float64], folds: Integers, penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights (FOLDS, F) of fits to the folds but each, and what they say (N,) of the one left out."""
    weights, said = np.zeros((FOLDS, told.shape[1])), np.zeros(len(answers))
    for fold in range(FOLDS):
        rest, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        weights[fold], bias = _ridge(told[rest], answers[rest], penalty)
        said[held] = told[held] @ weights[fold] + bias
    return weights, said


def _ridge(told: Any, answers: NDArray[np.float64], penalty: float) -> tuple[NDArray[np.float64], float]:
    """Return the weights (F,) and the bias."""
    from sklearn.linear_model import Ridge

    if len(answers) < 2 or not told.nnz:
        return np.zeros(told.shape[1]), float(answers.sum() / max(1, len(answers)))
    model = Ridge(alpha=penalty, solver="lsqr", tol=CLOSE).fit(told, answers)
    return np.asarray(model.coef_, dtype=np.float64), float(model.intercept_)
