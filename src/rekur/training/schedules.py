"""How far each step goes: optimizers, learning rates and gradient clipping from `[training]`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, SparseAdam

from rekur.config import TrainingSettings
from rekur.errors import ConfigError

WARM_UP = 0.3  # one_cycle: share of the steps in which the rate rises
START, END = 1 / 25, 1 / 250_000  # one_cycle: first and last rate as shares of the highest


def rate(settings: TrainingSettings, epoch: int, done: float) -> float:
    """Return the learning rate of a step, in `epoch` (from 0) and after the share `done` of all steps.

    none:       r
    step:       r * step_factor^floor(epoch / step_epochs)
    one_cycle:  by half cosines from r/25 up to r over the first 30 % of the steps, then down to r/250,000
                (Smith and Topin 2018)
    """
    r = settings.learning_rate
    if settings.schedule == "step":
        return r * settings.step_factor ** (epoch // settings.step_epochs)
    if settings.schedule == "one_cycle":
        done = min(done, 1.0)
        if done < WARM_UP:
            return r * _between(START, 1.0, done / WARM_UP)
        return r * _between(1.0, END, (done - WARM_UP) / (1 - WARM_UP))
    return r


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


class Optimizers:
    """The optimizer of the dense weights, and beside it one for embeddings with sparse gradients.

    A sparse gradient names the few rows of a table that a batch used; only they are touched, moments
    included (SparseAdam): a step costs the batch, not the vocabulary. Neither momentum nor decay is possible.
    """

    def __init__(self, model: nn.Module, settings: TrainingSettings) -> None:
        tables = {id(m.weight) for m in model.modules() if getattr(m, "sparse", False)}
        trained = [p for p in model.parameters() if p.requires_grad]
        self.sparse = [p for p in trained if id(p) in tables]
        self.dense = [p for p in trained if id(p) not in tables]
        self.parts: list[Optimizer] = []
        if self.dense:
            self.parts.append(_dense(self.dense, settings))
        if self.sparse:
            self.parts.append(_sparse(self.sparse, settings))

    def clear(self) -> None:
        """Forget the gradients of the step before."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def clip(self, largest: float) -> float:
        """Shorten the whole gradient to the norm `largest` if it is longer; return its norm before."""
        for p in self.sparse:
            p.grad = None if p.grad is None else p.grad.coalesce()
        gradients = [p.grad for p in (*self.dense, *self.sparse) if p.grad is not None]
        values = [g._values() if g.is_sparse else g for g in gradients]
        norm = float(torch.stack([v.norm() for v in values]).norm()) if values else 0.0
        if norm > largest:
            for v in values:
                v.mul_(largest / norm)
        return norm

    def step(self, rate: float) -> None:
        """Move the weights by one step with the learning rate `rate`."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate
            part.step()

    def state(self) -> list[dict[str, Any]]:
        """Return the moments and counters of each part."""
        return [part.state_dict() for part in self.parts]

    def load(self, states: list[dict[str, Any]]) -> None:
        """Take back what `state` gave."""
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def _dense(weights: list[nn.Parameter], settings: TrainingSettings) -> Optimizer:
    # fused: one pass over the memory. Six million weights with Adam on a CPU: 6 ms a step, 44 ms without.
    fused = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in weights)
    r, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "sgd":
        return SGD(weights, lr=r, momentum=settings.momentum, weight_decay=decay, fused=fused)
    kind = AdamW if settings.optimizer == "adamw" else Adam
    return kind(weights, lr=r, weight_decay=decay, fused=fused)


def _sparse(tables: list[nn.Parameter], settings: TrainingSettings) -> Optimizer:
    if settings.optimizer == "adam" and settings.weight_decay:
        raise ConfigError(
            "training.weight_decay: Adam cannot decay an embedding with sparse gradients. "
            "Use optimizer = adamw (the table stays undecayed), weight_decay = 0, or a dense embedding."
        )
    if settings.optimizer == "sgd":
        if settings.momentum or settings.weight_decay:
            raise ConfigError(
                "training.momentum and training.weight_decay must be 0 for SGD with sparse embeddings. "
                "Use Adam, or a dense embedding."
            )
        return SGD(tables, lr=settings.learning_rate)
    return SparseAdam(tables, lr=settings.learning_rate)
