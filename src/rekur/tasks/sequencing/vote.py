"""The linear vote beside a network that reads numbers: fitted in closed form, or nearly so, before the network trains.

What the network is shown of the vote in training comes from votes that never saw the sequence (out of fold), so that it
learns what the vote misses on sequences that are new to it (stacking, Wolpert 1992).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rekur.data import figures
from rekur.data.figures import Kernels

if TYPE_CHECKING:
    from torch import nn

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

FOLDS = 5
PENALTIES = (0.01, 0.1, 1.0)  # of a logistic regression: C, the less the stronger
RIDGE = tuple(10.0**power for power in range(-1, 6))
STEPS = 100  # of L-BFGS
MOST = 8000  # training sequences that the vote is fitted to; of more, others say nothing new
FLAT = 1e-6  # deviation below which a figure says nothing

Fit = Callable[[Floats, NDArray[np.float64], float], tuple[Floats, Floats]]  # figures, answers, penalty -> W (O, F), b


@dataclass(frozen=True)
class Vote:
    """A linear map of a sequence's figures to the model's outputs."""

    kernels: Kernels
    shift: Floats  # (F,) of the figures
    scale: Floats  # (F,) 1 / their deviations, 0 for one that never varies
    weight: Floats  # (O, F)
    bias: Floats  # (O,)

    def said(self, told: Floats) -> Floats:
        """Return the vote (N, O) of figures (N, F)."""
        found: Floats = figures.scaled(told, self.shift, self.scale) @ self.weight.T + self.bias
        return found

    def put(self, module: nn.Module) -> None:
        """Put it into a `rekur.models.Figures`."""
        import torch

        parts = {"kernels": self.kernels.weight, "offsets": self.kernels.bias, "shift": self.shift, "scale": self.scale}
        for name, array in {**parts, "weight": self.weight, "bias": self.bias}.items():
            getattr(module, name).copy_(torch.from_numpy(array))


def apart(order: Rows, groups: Rows | None, most: int) -> tuple[Rows, Rows]:
    """Return the rows that the vote is fitted to, the first of `order` (N,), and the others; both rise.

    They are `most` at most, and no group (N,) is torn apart, but one that is larger than that.
    """
    end = most
    if groups is not None:
        _, first, number = np.unique(groups[order], return_index=True, return_inverse=True)
        order = order[np.argsort(first[number], kind="stable")]
        edges = np.append(np.flatnonzero(np.diff(groups[order])) + 1, len(order))
        end = int(edges[edges <= most].max(initial=0)) or most
    return np.sort(order[:end]), np.sort(order[end:])


def fit(
    told: Floats,
    kernels: Kernels,
    answers: NDArray[np.float64],
    classes: int,
    generator: np.random.Generator,
    groups: Rows | None = None,
) -> tuple[Vote, Floats]:
    """Return the vote, and what it says of each training sequence (N, O) when that was left out.

    Args:
        told: the figures (N, F) of the training sequences.
        kernels: what they were made with.
        answers: (N,) classes, or standardised numbers.
        classes: O, or 0 where the answer is a number (O = 1).
        generator: deals the sequences into folds.
        groups: (N,) equal for sequences that are left out together; a single group is no group.
    """
    deviation = told.std(axis=0)
    shift, scale = told.mean(axis=0), np.where(deviation > FLAT, 1 / np.maximum(deviation, FLAT), 0).astype(np.float32)
    x = figures.scaled(told, shift, scale)
    fitted: Fit = _logistic(classes) if classes else _ridge
    penalties = PENALTIES if classes else RIDGE
    folds = dealt(answers if classes else np.zeros(len(x)), FOLDS, generator, groups)
    tried = [_left_out(fitted, x, answers, folds, penalty) for penalty in penalties]
    best = int(np.argmin([_loss(said, answers, classes) for said in tried]))
    return Vote(kernels, shift, scale, *fitted(x, answers, penalties[best])), tried[best]


def dealt(labels: NDArray[np.float64], folds: int, generator: np.random.Generator, groups: Rows | None) -> Rows:
    """Return the fold of each row (N,): the groups of each class are dealt out in turn, in a random order."""
    if groups is None or (groups == groups[0]).all():
        groups = np.arange(len(labels))
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((generator.random(len(first)), labels[first]))
    found = np.empty(len(first), np.int64)
    found[order] = np.arange(len(first)) % folds
    return found[number]


def _left_out(fitted: Fit, x: Floats, answers: NDArray[np.float64], folds: Rows, penalty: float) -> Floats:
    """Return what is said (N, O) of each row by a fit to the other folds."""
    parts = []
    for fold in range(folds.max() + 1):
        weight, bias = fitted(x[folds != fold], answers[folds != fold], penalty)
        parts.append(x[folds == fold] @ weight.T + bias)
    said = np.empty((len(x), parts[0].shape[1]), np.float32)
    for fold, part in enumerate(parts):
        said[folds == fold] = part
    return said


def _loss(said: Floats, answers: NDArray[np.float64], classes: int) -> float:
    if not classes:
        return float(((said[:, 0] - answers) ** 2).mean())
    above = said - said.max(axis=1, keepdims=True)
    nats = np.log(np.exp(above).sum(axis=1)) - above[np.arange(len(said)), answers.astype(np.int64)]
    return float(nats.mean())


def _logistic(classes: int) -> Fit:
    def fitted(x: Floats, labels: NDArray[np.float64], penalty: float) -> tuple[Floats, Floats]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        weight = np.zeros((classes, x.shape[1]), np.float32)
        bias = np.full(classes, -np.log(len(x) + 1.0), np.float32)  # a class that this part has none of is rare
        known = np.unique(labels).astype(np.int64)
        if len(known) < 2:
            return weight, bias
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the steps are limited on purpose
            model = LogisticRegression(C=penalty, max_iter=STEPS).fit(x, labels)
        coefficients, start = model.coef_, model.intercept_
        if len(known) == 2:
            coefficients, start = np.concatenate([-coefficients, coefficients]) / 2, np.append(-start, start) / 2
        weight[known], bias[known] = coefficients, start
        return weight, bias

    return fitted


def _ridge(x: Floats, targets: NDArray[np.float64], penalty: float) -> tuple[Floats, Floats]:
    wide = x.astype(np.float64)
    middle, mean = wide.mean(axis=0), targets.mean()
    apart, aims = wide - middle, targets - mean
    if len(x) < x.shape[1]:  # as many equations as rows are fewer
        weight = apart.T @ np.linalg.solve(apart @ apart.T + penalty * np.eye(len(x)), aims)
    else:
        weight = np.linalg.solve(apart.T @ apart + penalty * np.eye(x.shape[1]), apart.T @ aims)
    return weight[None].astype(np.float32), np.array([mean - middle @ weight], np.float32)
