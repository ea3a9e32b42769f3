"""One step of a caller's optimizer, taken on copies: what it moves, and by which learning rate."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rekur.doctor.findings import CannotExamineError
from rekur.doctor.model import twins

if TYPE_CHECKING:
    from rekur.doctor.model.subject import Subject

NEAR_ZERO = 1e-5  # a bias of 0 shows any step, however small


@dataclass(frozen=True)
class Rates:
    """A group's learning rate now, and the one a schedule starts from, if there is a schedule."""

    at: int
    current: float
    initial: float | None
    weights: int


@dataclass(frozen=True)
class Copies:
    """A model and the optimizers over it; neither is the caller's."""

    model: nn.Module
    optimizers: list[torch.optim.Optimizer]

    @property
    def rates(self) -> list[Rates]:
        """Every group that holds weights which may learn."""
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        counted = [(group, sum(p.numel() for p in group["params"] if p.requires_grad)) for group in groups]
        return [
            Rates(at, float(group["lr"]), None if (first := group.get("initial_lr")) is None else float(first), weights)
            for at, (group, weights) in enumerate(counted)
            if weights and "lr" in group
        ]


@dataclass(frozen=True)
class Moved:
    """What a step changed."""

    share: float  # of the weights in tensors with a gradient, near-zero ones left out
    weights: int
    rate: float  # the largest
    norm: float  # of the gradient


def copied(subject: Subject) -> Copies:
    """Copy model and optimizers together; a function is called with the copy of the model."""
    if not hasattr(subject.optimizer, "param_groups") and callable(subject.optimizer):
        model = twins.whole(subject.given)
        return Copies(model, list(_optimizers(subject.optimizer(model))))
    memo: dict[int, Any] = twins._without_graphs(subject.given)
    model = copy.deepcopy(subject.given, memo)
    return Copies(model, [_copy(one, memo) for one in _optimizers(subject.optimizer)])


def _copy(optimizer: torch.optim.Optimizer, memo: dict[int, Any]) -> torch.optim.Optimizer:
    twin = copy.deepcopy(optimizer, memo)
    if isinstance(twin, torch.optim.LBFGS):  # keeps these beside its groups, and its copies forget them
        twin._params, twin._numel_cache = twin.param_groups[0]["params"], None
    return twin


def _optimizers(given: Any) -> Iterator[torch.optim.Optimizer]:
    """Yield the optimizers of one, a pair with its schedule, a list or a dict."""
    if hasattr(given, "param_groups"):
        yield given
    elif isinstance(given, dict):
        for value in given.values():
            yield from _optimizers(value)
    elif isinstance(given, tuple | list):
        for value in given:
            yield from _optimizers(value)


def moved(subject: Subject, copies: Copies) -> Moved | None:
    """Take one step on the copies; None if no gradient reaches a weight that the optimizers have."""
    model = copies.model.train()
    held = {id(p) for one in copies.optimizers for group in one.param_groups for p in group["params"]}
    weights = [p for p in model.parameters() if p.requires_grad and id(p) in held]
    model.zero_grad()
    _backward(subject, model)
    reached = [p for p in weights if p.grad is not None and bool((p.grad != 0).any())]
    if not reached:
        return None
    norm = float(torch.stack([_dense(p).norm() for p in reached]).norm())
    before = [p.detach().clone() for p in reached]
    for optimizer in copies.optimizers:
        for group in optimizer.param_groups:  # a warm-up starts at 0, a schedule may have ended there
            group["lr"] = group.get("initial_lr", group["lr"]) or group["lr"]
        _step(subject, model, optimizer)
    pairs = [(old, p.detach()) for old, p in zip(before, reached, strict=True)]
    big = [(old.abs() > NEAR_ZERO, old, p) for old, p in pairs]
    count = sum(int(mask.sum()) for mask, _, _ in big)
    if not count:
        return None
    changed = sum(int(((p != old) & mask).sum()) for mask, old, p in big)
    rate = max((rates.initial or rates.current for rates in copies.rates), default=0.0)
    return Moved(changed / count, count, rate, norm)


def _dense(p: Tensor) -> Tensor:
    assert p.grad is not None
    return p.grad.to_dense() if p.grad.is_sparse else p.grad


def _step(subject: Subject, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    def closure() -> float:
        model.zero_grad()
        return _backward(subject, model)

    if isinstance(optimizer, torch.optim.LBFGS):
        optimizer.param_groups[0].update(max_iter=1, max_eval=1)
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    else:
        optimizer.step()


def _backward(subject: Subject, model: nn.Module) -> float:
    with torch.enable_grad(), twins.seeded(1):
        loss = subject.loss_of(subject.run(train=True, model=model))
    if not loss.requires_grad:
        raise CannotExamineError("the loss has no gradient")
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
