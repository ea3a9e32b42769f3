"""The optimizers of a model as plain lists: which parameters each of them steps, by their names in the model."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from rekur.doctor.findings import CannotExamineError

if TYPE_CHECKING:
    from rekur.doctor.model.subject import Subject


@dataclass(frozen=True)
class Group:
    """One group of an optimizer."""

    optimizer: int
    names: list[str | None]  # of its parameters; None for one that is not the model's
    tensors: list[Tensor]
    settings: dict[str, Any]  # the rest: lr, weight_decay


def groups(subject: Subject) -> list[Group]:
    """Return every group; raises CannotExamineError if what was given is no optimizer and gives none."""
    model, given = subject.given, subject.optimizer
    if given is None:
        return []
    if not _optimizers(given) and callable(given):
        model = copy.deepcopy(subject.model)
        given = given(model)
    found = _optimizers(given)
    if not found:
        raise CannotExamineError("what was given as the optimizer has no param_groups")
    names = {id(tensor): name for name, tensor in trainable(model)}
    return [
        Group(
            number,
            [names.get(id(tensor)) for tensor in group["params"]],
            list(group["params"]),
            {key: value for key, value in group.items() if key != "params"},
        )
        for number, optimizer in enumerate(found)
        for group in optimizer.param_groups
    ]


def trainable(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the model's parameters, and those it holds where torch does not look: in lists, dicts, plain attributes."""
    known: set[int] = set()
    for name, parameter in model.named_parameters():
        known.add(id(parameter))
        yield name, parameter
    for name, tensor in hidden(model):
        if id(tensor) not in known:
            known.add(id(tensor))
            yield name, tensor


def hidden(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters that `model.parameters()` leaves out, by the way that leads to them."""
    registered = {id(parameter) for parameter in model.parameters()}
    seen: set[int] = {id(module) for module in model.modules()}
    for owner, module in model.named_modules():
        for name, value in vars(module).items():
            if not name.startswith("_"):
                yield from _within(f"{owner}.{name}" if owner else name, value, registered, seen)


def _within(path: str, value: Any, registered: set[int], seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    if id(value) in seen or id(value) in registered:
        return
    if isinstance(value, nn.Parameter):
        yield path, value
    elif isinstance(value, nn.Module):
        seen.add(id(value))
        for name, parameter in value.named_parameters():
            if id(parameter) not in registered:
                yield f"{path}.{name}", parameter
    elif isinstance(value, tuple | list | dict):
        seen.add(id(value))
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _within(f"{path}[{key!r}]", item, registered, seen)


def _optimizers(given: Any) -> list[Any]:
    if hasattr(given, "param_groups"):
        return [given]
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, tuple | list):
        return [found for item in given for found in _optimizers(item)]
    return _optimizers(given.optimizer) if hasattr(given, "optimizer") else []  # a scheduler, or a wrapper
