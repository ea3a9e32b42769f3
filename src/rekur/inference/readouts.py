"""Readouts in NumPy: what of a core's outputs (N, T, D*H) the head sees; see nn/readouts.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rekur.arithmetic import softmax
from rekur.inference.arrays import Floats, Integers, State, Weights, linear, valid

Readout = Callable[[Floats, State, Integers | None, Weights], Floats]


def last(outputs: Floats, state: State, lengths: Integers | None, weights: Weights) -> Floats:  # noqa: ARG001
    """The top layer's state at each row's end, both directions joined."""
    h_n = state[0]  # (K*D, N, H)
    return np.concatenate(list(h_n[-(outputs.shape[2] // h_n.shape[2]) :]), axis=1)


def mean(outputs: Floats, state: State, lengths: Integers | None, weights: Weights) -> Floats:  # noqa: ARG001
    """The mean of the valid steps; the outputs behind them are 0."""
    if lengths is None:
        return np.mean(outputs, axis=1)  # type: ignore[no-any-return]
    return np.sum(outputs, axis=1) / lengths.clip(min=1)[:, None].astype(outputs.dtype)  # type: ignore[no-any-return]


def maximum(outputs: Floats, state: State, lengths: Integers | None, weights: Weights) -> Floats:  # noqa: ARG001
    """The largest value of each feature over the valid steps; 0 for a row without any."""
    if lengths is None:
        return np.max(outputs, axis=1)  # type: ignore[no-any-return]
    largest = np.max(outputs, axis=1, where=valid(outputs, lengths), initial=-np.inf)
    return np.where(lengths[:, None] > 0, largest, outputs.dtype.type(0))  # type: ignore[no-any-return]


def attention(outputs: Floats, state: State, lengths: Integers | None, weights: Weights) -> Floats:  # noqa: ARG001
    """The learned weighted mean of the valid steps: s_t = v · tanh(W o_t + b), their softmax weighs them."""
    scores = np.tanh(linear(outputs, weights, "readout.key")) @ weights["readout.score.weight"].T  # (N, T, 1)
    if lengths is not None:
        scores = np.where(valid(outputs, lengths), scores, np.finfo(scores.dtype).min)
    weighed: Floats = softmax(scores, axis=1) * outputs  # behind a length the outputs are 0
    return np.sum(weighed, axis=1)  # type: ignore[no-any-return]


READOUTS: dict[str, Readout] = {
    "last": last,
    "last_step": lambda outputs, *_: outputs[:, -1],
    "mean": mean,
    "max": maximum,
    "mean_max": lambda *of: np.concatenate([mean(*of), maximum(*of)], axis=1),
    "attention": attention,
    "flatten": lambda outputs, *_: outputs.reshape(len(outputs), -1),
    "every": lambda outputs, *_: outputs,
}
