r"""Losses of the reference, each with its gradient, each the mean over the items it is given.

The mean, not the sum: a batch of 32 and a batch of 1 then ask for steps of the same size, and the learning
rates of the chapters, of Keras and of torch mean what they say.

All three gradients have one form, (prediction - truth) / items, twice that for the squared error, which is
why these losses stand behind these outputs. Logits go in, not probabilities: log(sigmoid(z)) overflows where
log(1 + exp(-|z|)) does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError, ShapeError
from rekur.reference.loop import Array


def sigmoid(z: Array) -> Array:
    """sigmoid(z) = 1 / (1 + exp(-z)) = (1 + tanh(z / 2)) / 2; the second form cannot overflow. Any shape."""
    return 0.5 * (1.0 + np.tanh(0.5 * z))  # as z


def binary_cross_entropy(logits: Array, y: Array) -> tuple[float, Array]:
    """Cross-entropy, in nats, of a yes-or-no truth from one logit z an item.

        loss = mean of -y log sigmoid(z) - (1 - y) log(1 - sigmoid(z))
             = mean of max(z, 0) - z y + log(1 + exp(-|z|))
        d_z  = (sigmoid(z) - y) / items

    Args: logits, any shape; y, of that shape, each 0 or 1 or a probability between.
    Returns: the loss, and d_logits of the same shape. Raises ShapeError where the shapes differ.
    """
    _same_shape("binary_cross_entropy", y.shape, logits.shape)
    nats = np.maximum(logits, 0.0) - logits * y + np.log1p(np.exp(-np.abs(logits)))  # as logits
    d_logits = (sigmoid(logits) - y) / nats.size  # as logits
    return float(nats.mean()), d_logits


def softmax(logits: Array) -> Array:
    """p_c = exp(z_c) / sum of exp(z) along the last axis, the largest z taken off first; (..., C)."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))  # (..., C)
    p: Array = powers / powers.sum(axis=-1, keepdims=True)  # (..., C)
    return p


def softmax_cross_entropy(logits: Array, y: NDArray[np.integer]) -> tuple[float, Array]:
    """Cross-entropy, in nats, of one class of C.

        loss = mean of -log p_y,   p = softmax(z)
        d_z  = (p - one_hot(y)) / items

    Args: logits (..., C); y (...) the class of each item, 0 to C - 1.
    Returns: the loss, and d_logits (..., C). Raises ShapeError, or DataError for a class that does not exist.
    """
    C = logits.shape[-1]
    _same_shape("softmax_cross_entropy", y.shape, logits.shape[:-1])
    if y.size and not 0 <= y.min() <= y.max() < C:
        found = f"{y.min()} to {y.max()}"
        raise DataError(f"softmax_cross_entropy: classes must be 0 to C-1={C - 1}; got {found}.")
    one_hot = np.eye(C)[y]  # (..., C)
    above = logits - logits.max(axis=-1, keepdims=True)  # (..., C)
    log_p = above - np.log(np.exp(above).sum(axis=-1, keepdims=True))  # (..., C)
    d_logits: Array = (np.exp(log_p) - one_hot) / y.size  # (..., C)
    return float(-(one_hot * log_p).sum() / y.size), d_logits


def mean_squared_error(forecast: Array, y: Array) -> tuple[float, Array]:
    """Mean of the squared differences.

        loss = mean of (forecast - y)^2          d_forecast = 2 (forecast - y) / items

    Args: forecast and y, of one shape. Returns: the loss, and d_forecast. Raises ShapeError.
    """
    _same_shape("mean_squared_error", y.shape, forecast.shape)
    difference = forecast - y  # as forecast
    d_forecast = 2.0 * difference / difference.size  # as forecast
    return float((difference**2).mean()), d_forecast


def _same_shape(who: str, got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if got != wanted:
        raise ShapeError(f"{who}: y must be {wanted}, as the predictions are; got {got}.")
