"""Averages of the weights: over every step, or over the last epochs."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """A copy of a model whose weights follow the trained ones smoothly, and which is judged in their place.

        a_t = d_t a_{t-1} + (1 - d_t) w_t,    d_t = min(decay, t / (9 + t))

    The growing d_t keeps the untrained weights of the start out of the average (Polyak and Juditsky 1992 for
    averaging; the warm-up is TensorFlow's).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        shared = {id(buffer): buffer for buffer in model.buffers()}  # no average: they are as the training has them
        self.model = copy.deepcopy(model, shared).requires_grad_(False).eval()
        self._averaged: list[Tensor] = list(self.model.parameters())
        self._trained: list[Tensor] = list(model.parameters())

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        self.steps += 1
        d = min(self.decay, self.steps / (9 + self.steps))
        torch._foreach_lerp_(self._averaged, self._trained, 1 - d)

    def state(self) -> dict[str, Any]:
        """Return the averaged weights and the count behind d_t."""
        return {"steps": self.steps, "weights": dict(self.model.named_parameters())}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.steps = state["steps"]
        self.model.load_state_dict({**self.model.state_dict(), **state["weights"]})


class EpochMean:
    """The mean of the weights after each of the last epochs (checkpoint averaging).

        m_k = m_{k-1} + (w_k - m_{k-1}) / k,    k = 1, 2 ... of the epochs taken in

    Source: Vaswani et al. 2017, section 6.1, where the checkpoints averaged are those of the training's end.
    """

    def __init__(self) -> None:
        self.epochs = 0
        self.weights: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after an epoch; what is no floating point number is kept as it is last."""
        self.epochs += 1
        for name, weight in model.state_dict().items():
            if name not in self.weights or not weight.is_floating_point():
                self.weights[name] = weight.clone()
            else:
                self.weights[name].lerp_(weight, 1 / self.epochs)

    def state(self) -> dict[str, Any]:
        """Return the mean and the count behind it."""
        return {"epochs": self.epochs, "weights": self.weights}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.epochs, self.weights = state["epochs"], dict(state["weights"])
