"""How a step moves the weights: SGD, Adam and AdamW.

The arithmetic is torch's, by the functions behind `torch.optim`. Its classes are not used: making the first one
imports torch's compiler, which takes as long as training a small model (2 s of processor time).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from rekur.config import TrainingSettings

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # of Adam (Kingma and Ba 2015)

State = dict[str, list[Tensor]]


class Rule(Protocol):
    """One way to move the weights."""

    state: State  # what it remembers: a tensor for each weight, by name

    def step(self, rate: float) -> None:
        """Move the weights once, with the learning rate `rate`."""


class Optimizer:
    """All weights of a model that are trained, and the rule that moves them."""

    def __init__(self, model: nn.Module, settings: TrainingSettings) -> None:
        self.weights = [p for p in model.parameters() if p.requires_grad]
        self.rule = _rule(self.weights, settings)

    def clear(self) -> None:
        """Forget the gradients of the step before."""
        for weight in self.weights:
            weight.grad = None

    def clip(self, largest: float) -> float:
        """Shorten the whole gradient to the norm `largest` if it is longer; return its norm before."""
        _, _, gradients = _used(self.weights)
        norm = float(torch.stack([g.norm() for g in gradients]).norm()) if gradients else 0.0
        if norm > largest:
            for g in gradients:
                g.mul_(largest / norm)
        return norm

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the weights once, with the learning rate `rate`."""
        self.rule.step(rate)

    def state(self) -> State:
        """Return what the rule remembers."""
        return self.rule.state

    def load(self, state: State) -> None:
        """Take back what `state` gave."""
        for name, mine in self.rule.state.items():
            for tensor, saved in zip(mine, state[name], strict=True):
                tensor.copy_(saved)


def _rule(weights: list[nn.Parameter], settings: TrainingSettings) -> Rule:
    if settings.optimizer == "sgd":
        return SGD(weights, settings.momentum, settings.weight_decay)
    return Adam(weights, settings.weight_decay, decoupled=settings.optimizer == "adamw")


class Adam:
    """Adam (Kingma and Ba 2015), or with `decoupled` AdamW (Loshchilov and Hutter 2019)."""

    def __init__(self, weights: list[nn.Parameter], decay: float, decoupled: bool) -> None:
        self.weights, self.decay = weights, decay
        self.function = adamw if decoupled else adam
        self.state = {
            "first": [torch.zeros_like(w) for w in weights],
            "second": [torch.zeros_like(w) for w in weights],
            "steps": [torch.zeros((), device=w.device) for w in weights],
        }

    def step(self, rate: float) -> None:
        used, weights, gradients = _used(self.weights)
        first, second, steps = ([self.state[name][i] for i in used] for name in ("first", "second", "steps"))
        self.function(
            weights,
            gradients,
            first,
            second,
            [],
            steps,
            fused=_fused(self.weights),
            amsgrad=False,
            beta1=BETA1,
            beta2=BETA2,
            lr=rate,
            weight_decay=self.decay,
            eps=EPSILON,
            maximize=False,
        )


class SGD:
    """b_t = momentum b_{t-1} + g_t, then w_t = w_{t-1} - r b_t; `decay` adds decay * w to g."""

    def __init__(self, weights: list[nn.Parameter], momentum: float, decay: float) -> None:
        self.weights, self.momentum, self.decay = weights, momentum, decay
        self.state = {"momentum": [torch.zeros_like(w) for w in weights] if momentum else []}

    def step(self, rate: float) -> None:
        used, weights, gradients = _used(self.weights)
        sgd(
            weights,
            gradients,
            [self.state["momentum"][i] if self.momentum else None for i in used],
            fused=_fused(self.weights),
            weight_decay=self.decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )


def _used(weights: list[nn.Parameter]) -> tuple[list[int], list[Tensor], list[Tensor]]:
    """Return the places, weights and gradients of those that have a gradient in this step."""
    found = [(i, weight, weight.grad) for i, weight in enumerate(weights) if weight.grad is not None]
    return [i for i, _, _ in found], [w for _, w, _ in found], [g for _, _, g in found]


def _fused(weights: list[nn.Parameter]) -> bool:
    # One pass over the memory: a third of the time of Adam on six million weights (benchmarks/small_gains.py).
    return all(w.device.type in ("cpu", "cuda") and w.is_floating_point() for w in weights)
