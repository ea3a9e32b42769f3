r"""A sentiment classifier from scratch: ids in, one probability out, trained with nothing but NumPy.

    a_t = W_ih[:, id_t] + b_ih             the column of W_ih that belongs to the token
    h_t = tanh(a_t + W_hh h_prev)          t = 1 .. T, h_0 = 0
    z   = w h_T + b                        one logit from the last state
    p   = sigmoid(z)                       probability of a positive review

The chapter this follows feeds one-hot vectors: x_t is zero but for a one at the token's place. Of the V
products in each entry of W_ih x_t one alone is not zero: W_ih x_t *is* a column of W_ih. Taking the column
needs the ids alone, a byte each; the one-hot array of 20,000 reviews, 100 steps and 100 tokens is 800 MB in
float32 and 1.6 GB in float64. Backward, the same thought: d_W_ih is zero but in the columns of the tokens
seen, where their d_a add up.

    d_z   = (p - y) / N                    the loss is the mean over the batch
    d_w   = sum of d_z h_T                 d_b = sum of d_z
    d_h_T = d_z w                          and from here `rekur.reference.loop`, over the last k steps
    d_W_ih[:, id_t] += d_a_t               d_b_ih = sum of d_a_t

First weights: W_hh orthogonal, so that it neither shrinks nor stretches a state at first (Saxe and others,
2014, arXiv:1312.6120); W_ih and w uniform in +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio, AISTATS
2010); biases 0. There is one bias, not torch's two: their gradients are always equal, and together they would
learn twice as fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.notation import check_shape
from rekur.reference import loop
from rekur.reference.loop import Array
from rekur.reference.losses import binary_cross_entropy, sigmoid
from rekur.reference.rnn import RNN

Ids = NDArray[np.integer[Any]]


class Network:
    """One tanh layer of H units over V tokens and a sigmoid unit on its last state.

    Args: tokens V; hidden H; seed, of the first weights.
    `parameters`: weight_ih_l0 (H, V), weight_hh_l0 (H, H), bias_ih_l0 (H,), weight (1, H), bias (1,).

    >>> network = Network(tokens=100, hidden=32, seed=1)
    >>> network.predict(np.zeros((2, 100), dtype=np.uint8)).shape
    (2,)
    """

    def __init__(self, tokens: int = 100, hidden: int = 32, seed: int = 1) -> None:
        generator = np.random.default_rng(seed)
        self.tokens, self.hidden = tokens, hidden
        self.cell = RNN(tokens, hidden)  # for its step alone: the weights are the ones below
        self.parameters: dict[str, Array] = {
            "weight_ih_l0": glorot(generator, hidden, tokens),  # (H, V)
            "weight_hh_l0": orthogonal(generator, hidden),  # (H, H)
            "bias_ih_l0": np.zeros(hidden),  # (H,)
            "weight": glorot(generator, 1, hidden),  # (1, H)
            "bias": np.zeros(1),  # (1,)
        }

    def forward(self, ids: Ids) -> tuple[Array, Array, loop.Walk]:
        """Return the logits (N,), the last state (N, H) and the walk, from `ids` (N, T), each 0 to V - 1."""
        w = self.parameters
        N, T = ids.shape
        a = w["weight_ih_l0"].T[ids.T] + w["bias_ih_l0"]  # (T, N, H)
        start, no_bias = (np.zeros((N, self.hidden)),), np.zeros(self.hidden)  # (N, H), (H,)
        lengths = np.full(N, T, dtype=np.int64)  # (N,)
        _, (h_T,), walk = loop.forward(self.cell, a, start, w["weight_hh_l0"], no_bias, lengths)
        logits = h_T @ w["weight"][0] + w["bias"]  # (N,)
        return logits, h_T, walk

    def backward(
        self,
        d_z: Array,
        h_T: Array,
        walk: loop.Walk,
        ids: Ids,
        truncate: int | None = None,
        transpose_fault: bool = False,
    ) -> dict[str, Array]:
        """Return the gradient of every parameter from d_z (N,), the logits' own, and what `forward` gave."""
        w = self.parameters
        N, T = ids.shape
        d_h_T = d_z[:, None] * w["weight"]  # (N, H)
        way_back = w["weight_hh_l0"].T if transpose_fault else w["weight_hh_l0"]  # (H, H)
        d_output = np.zeros((T, N, self.hidden))  # (T, N, H) the loss reads the last state, no output
        back = loop.backward(self.cell, d_output, (d_h_T,), walk, way_back, truncate)
        recent = slice(0 if truncate is None else max(0, T - truncate), T)
        d_weight_ih = np.zeros_like(w["weight_ih_l0"])  # (H, V)
        np.add.at(d_weight_ih.T, ids.T[recent], back.d_a[recent])  # (V, H) a token seen twice adds twice
        return {
            "weight_ih_l0": d_weight_ih,  # (H, V)
            "weight_hh_l0": back.d_weight_hh,  # (H, H)
            "bias_ih_l0": back.d_a.sum(axis=(0, 1)),  # (H,)
            "weight": d_z[None, :] @ h_T,  # (1, H)
            "bias": d_z.sum(keepdims=True),  # (1,)
        }

    def loss_and_gradients(
        self, ids: Ids, y: NDArray[Any], truncate: int | None = 10, transpose_fault: bool = False
    ) -> tuple[float, dict[str, Array]]:
        """Return the mean binary cross-entropy of a batch, in nats, and the gradient of every parameter.

        Args: ids (N, T), each 0 to V - 1; y (N,) of 0 and 1; truncate, the last steps the gradient flows back
        over, None for all; transpose_fault, the chapter's own slip: go back through W_hh where its transpose
        belongs. Raises ShapeError and DataError.
        """
        self._check(ids, y)
        logits, h_T, walk = self.forward(ids)  # (N,), (N, H)
        loss, d_z = binary_cross_entropy(logits, y)  # (N,)
        return loss, self.backward(d_z, h_T, walk, ids, truncate, transpose_fault)

    def predict(self, ids: Ids, batch: int = 256) -> Array:
        """Return the probability of class 1 for each row of `ids` (N, T): (N,). Raises DataError."""
        self._check(ids, np.zeros(len(ids)))
        rows = [self.forward(ids[first : first + batch])[0] for first in range(0, len(ids), batch)]
        return sigmoid(np.concatenate([np.zeros(0), *rows]))  # (N,)

    def score(self, ids: Ids, y: NDArray[Any]) -> dict[str, float]:
        """Return {"loss": mean nats, "accuracy": share right} of `ids` (N, T) against `y` (N,)."""
        p = self.predict(ids)  # (N,)
        right = np.where(y == 1, p, 1.0 - p)  # (N,) the probability given to the truth
        nats = -np.log(np.clip(right, 1e-15, None))  # (N,)
        return {"loss": float(nats.mean()), "accuracy": float((right > 0.5).mean())}

    def fit(
        self,
        ids: Ids,
        y: NDArray[Any],
        validation: tuple[Ids, NDArray[Any]],
        *,
        epochs: int = 20,
        batch: int = 32,
        learning_rate: float = 0.01,
        truncate: int | None = 10,
        transpose_fault: bool = False,
        seed: int = 1,
    ) -> Iterator[dict[str, Any]]:
        """Train by plain gradient descent, w = w - learning_rate * d_w, and yield after each epoch.

        Args: ids (N, T), y (N,) and the like for `validation`; seed, of the order of the rows.
        Yields: {"epoch": from 1, "loss" and "accuracy": means over the training batches as they came,
        "validation": `score`}. Raises ShapeError and DataError, before the first step.
        """
        self._check(ids, y)
        self._check(*validation)
        generator = np.random.default_rng([seed, 1])
        for epoch in range(1, epochs + 1):
            order = generator.permutation(len(ids))  # (N,)
            nats = right = 0.0
            for first in range(0, len(ids), batch):
                rows = order[first : first + batch]  # (batch,)
                logits, h_T, walk = self.forward(ids[rows])  # (batch,), (batch, H)
                loss, d_z = binary_cross_entropy(logits, y[rows])  # (batch,)
                gradients = self.backward(d_z, h_T, walk, ids[rows], truncate, transpose_fault)
                for name, gradient in gradients.items():
                    self.parameters[name] -= learning_rate * gradient  # as the parameter
                nats += loss * len(rows)
                right += float(((logits > 0) == (y[rows] == 1)).sum())
            yield {
                "epoch": epoch,
                "loss": nats / len(ids),
                "accuracy": right / len(ids),
                "validation": self.score(*validation),
            }

    def _check(self, ids: Ids, y: NDArray[Any]) -> None:
        check_shape("Network", "ids", ids.shape, N=None, T=None)
        check_shape("Network", "y", y.shape, N=len(ids))
        if ids.size and not 0 <= ids.min() <= ids.max() < self.tokens:
            found = f"{ids.min()} to {ids.max()}"
            raise DataError(f"Network: ids must be 0 to V-1={self.tokens - 1}; got {found}.")


def glorot(generator: np.random.Generator, rows: int, columns: int) -> Array:
    """Return weights uniform in +-sqrt(6 / (rows + columns)), (rows, columns)."""
    bound = np.sqrt(6.0 / (rows + columns))
    return generator.uniform(-bound, bound, (rows, columns))  # (rows, columns)


def orthogonal(generator: np.random.Generator, size: int) -> Array:
    """Return a random W with W W^T = 1: the Q of a normal matrix's QR, its signs set free; (size, size)."""
    q, r = np.linalg.qr(generator.normal(size=(size, size)))  # (size, size) each
    w: Array = q * np.sign(np.diag(r))  # (size, size)
    return w
