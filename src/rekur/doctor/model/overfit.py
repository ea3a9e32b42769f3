"""A short training on the probed rows alone, and the loss that the best constant guess has on them."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from rekur.doctor.findings import CannotExamineError
from rekur.doctor.model.dropouts import FUNCTIONS, is_dropout
from rekur.doctor.model.wants import FAILURES, Asked

if TYPE_CHECKING:
    from rekur.doctor.model.subject import Subject

RATES = (1e-2, 1e-3, 1e-1, 3e-3)  # of Adam, the likeliest first
STEPS = 80  # at each rate at most
ENOUGH = 30  # steps make a rate count as tried
SECONDS = 8.0  # for all rates
LEARNED = 0.7  # of a constant guess's loss: whoever gets there can learn
FLAT = 0.01  # of its loss at most is gained in the last third by a training that goes nowhere


@dataclass(frozen=True)
class Training:
    """One learning rate tried."""

    rate: float
    losses: list[float]

    @property
    def is_flat(self) -> bool:
        """Whether the loss has stopped falling."""
        third = len(self.losses) // 3
        before, last = min(self.losses[: 2 * third] or [0.0]), min(self.losses[2 * third :])
        return last > before - FLAT * abs(before)


@dataclass(frozen=True)
class Probe:
    """Every rate that was tried; the last one is where the model learned, if it did."""

    trainings: list[Training]
    constant: float

    @property
    def best(self) -> Training:
        """The training with the lowest loss."""
        return min(self.trainings, key=lambda training: min(training.losses))

    @property
    def learned(self) -> bool:
        """Whether one of them went clearly below a constant guess."""
        return min(self.best.losses) < LEARNED * self.constant

    @property
    def is_hopeless(self) -> bool:
        """Whether several rates were tried long enough, none got below a constant guess, and none was falling."""
        tried = [training for training in self.trainings if len(training.losses) >= ENOUGH]
        low = min(self.best.losses)
        return len(tried) >= 2 and low > 0.97 * self.constant and all(training.is_flat for training in tried)


def probe(subject: Subject, constant: float) -> Probe:
    """Train a copy of the model on the probed rows, dropout off, at one rate after the other."""
    trainings: list[Training] = []
    for number, rate in enumerate(RATES):
        seconds = SECONDS / len(RATES)
        losses = _train(subject, rate, constant, seconds)
        if losses:
            trainings.append(Training(rate, losses))
        if losses and min(losses) < LEARNED * constant:
            break
        if number == 0 and len(losses) < ENOUGH:
            break  # too slow a model to say anything
    return Probe(trainings, constant)


def _train(subject: Subject, rate: float, constant: float, seconds: float) -> list[float]:
    model = without_dropout(subject.model)
    weights = [p for p in model.parameters() if p.requires_grad and p.is_floating_point()]
    if not weights:
        raise CannotExamineError("no parameter of the model trains")
    adam, end, losses = torch.optim.Adam(weights, lr=rate), time.monotonic() + seconds, list[float]()
    with torch.enable_grad(), _NoDropout():
        for _ in range(STEPS):
            loss = subject.loss_of(subject.run(train=True, model=model))
            losses.append(float(loss.detach()))
            if losses[-1] != losses[-1] or losses[-1] < LEARNED * constant or time.monotonic() > end:
                break
            if not loss.requires_grad:
                return losses * ENOUGH
            slopes = torch.autograd.grad(loss, weights, allow_unused=True)
            for weight, slope in zip(weights, slopes, strict=True):
                weight.grad = slope
            nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()
    return [loss for loss in losses if loss == loss]


class _NoDropout(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in FUNCTIONS:
            return args[0] if args else (kwargs or {})["input"]
        return func(*args, **(kwargs or {}))


def without_dropout(model: nn.Module) -> nn.Module:
    """Return a copy whose own dropout is 0 everywhere."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if is_dropout(module):
            module.p = 0.0  # type: ignore[assignment]
        elif isinstance(module, nn.RNNBase | nn.MultiheadAttention):
            module.dropout = 0.0
    return model


def constant_guess(subject: Subject, asked: Asked) -> float | None:
    """Return the lowest loss of one and the same answer to every row and step, None where it cannot be found."""
    shape, steps = asked.outputs.shape, subject.T if subject.stepwise or asked.outputs.dim() > 2 else 0
    counts = {subject.N, steps, subject.N * steps}
    free = [1 if size in counts else size for size in shape]
    axis = next((place for place, size in enumerate(free) if size > 1), None)
    within = _within(subject, axis)
    c = torch.zeros(free, dtype=asked.outputs.dtype, requires_grad=True)
    values: list[float] = []

    def closure() -> Tensor:
        outputs = within(c).expand(shape)
        value, slope = asked.at(outputs.detach())
        (c.grad,) = torch.autograd.grad(outputs, [c], slope)
        values.append(value)
        return torch.tensor(value)

    try:
        with torch.enable_grad():
            torch.optim.LBFGS([c], max_iter=40, line_search_fn="strong_wolfe").step(closure)  # type: ignore[no-untyped-call]
    except (CannotExamineError, *FAILURES):
        return None
    finite = [value for value in values if value == value]
    return min(finite) if finite else None


def _within(subject: Subject, axis: int | None) -> Callable[[Tensor], Tensor]:
    """Keep a guess among what the loss takes: probabilities, their logarithms, or any numbers."""
    wants, ends = subject.wanted, subject.squash
    if wants == "nll":
        return (lambda c: c.log_softmax(axis)) if axis is not None else nn.functional.logsigmoid
    if wants == "bce":
        return (lambda c: c.softmax(axis)) if ends.over_classes and axis is not None else torch.sigmoid
    return lambda c: c + 0.0
