"""The calls of dropout in one run of a model, whether modules or functions, and what the outputs take from them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.overrides import TorchFunctionMode

from rekur.doctor.model import twins
from rekur.doctor.model.inputs import every_tensor

if TYPE_CHECKING:
    from rekur.doctor.model.subject import Subject

FUNCTIONS = {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"}
FUNCTIONS |= {"feature_dropout", "dropout_", "alpha_dropout_", "feature_dropout_", "native_dropout"}


@dataclass
class Call:
    """One call of dropout that was switched on."""

    place: str  # the module in whose forward it stands, "" for the model's own
    module: bool  # whether a dropout module made it
    p: float
    result: Tensor = field(repr=False)

    @property
    def name(self) -> str:
        """How to speak of it."""
        if self.module:
            return f"`{self.place}`"
        return f"a call of dropout in `{self.place}`" if self.place else "a call of dropout in `forward`"


@dataclass
class Watched:
    """A run and its calls of dropout."""

    outputs: list[Tensor]  # every tensor of numbers that the model returned
    calls: list[Call]  # those switched on, p > 0
    off: list[tuple[str, float]]  # place and p of those switched off
    modules: set[str]  # the names of the dropout modules that were called


class _Watch(TorchFunctionMode):
    """Note calls of dropout; those whose number is in `replaced` give back what they were given."""

    def __init__(self, within: list[tuple[str, nn.Module]], replaced: Sequence[int] | None) -> None:
        super().__init__()
        self.within, self.replaced = within, replaced
        self.calls: list[Call] = []
        self.off: list[tuple[str, float]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") not in FUNCTIONS:
            return func(*args, **kwargs)
        place, module = self.within[-1] if self.within else ("", None)
        p, on = _settings(func.__name__, args, kwargs)
        if not on or p <= 0:
            if p > 0:
                self.off.append((place, p))
            return func(*args, **kwargs)
        before = args[0] if args else kwargs["input"]
        kept = before.clone()
        result = func(*args, **kwargs)  # also where it is replaced: the generator must go on alike
        if self.replaced is not None and len(self.calls) in self.replaced:
            result = before.copy_(kept) if result is before else kept
        elif isinstance(result, Tensor) and not result.requires_grad and torch.is_grad_enabled():
            result = result.requires_grad_()
        self.calls.append(Call(place, isinstance(module, _DropoutNd), p, result))
        return result


def _settings(name: str, args: Any, kwargs: Any) -> tuple[float, bool]:
    """Return p and whether it is on, from any of the ways to call it."""
    p = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
    on = kwargs.get("training", kwargs.get("train", args[2] if len(args) > 2 else True))
    return float(p), bool(on if on is not None else True) or name == "native_dropout"


def watched(subject: Subject, *, train: bool, seed: int = 1, replaced: Sequence[int] | None = None) -> Watched:
    """Run a light copy of the model in train or eval mode; the graph is kept where gradients are enabled."""
    model = twins.light(subject.model).train(train)
    within: list[tuple[str, nn.Module]] = []
    called: set[str] = set()
    with contextlib.ExitStack() as stack:
        for name, module in model.named_modules():
            for handle in _tracked(name, module, within, called):
                stack.callback(handle.remove)
        watch = stack.enter_context(_Watch(within, replaced))
        stack.enter_context(twins.seeded(seed))
        raw = subject.inputs.call(model)
    return Watched(every_tensor(raw), watch.calls, watch.off, called)


def _tracked(name: str, module: nn.Module, within: list[tuple[str, nn.Module]], called: set[str]) -> Iterator[Any]:
    def enter(module: nn.Module, _: Any) -> None:
        within.append((name, module))
        if is_dropout(module):
            called.add(name)

    def leave(module: nn.Module, *_: Any) -> None:  # noqa: ARG001
        within.pop()

    yield module.register_forward_pre_hook(enter)
    yield module.register_forward_hook(leave, always_call=True)


def is_dropout(module: nn.Module) -> bool:
    """Whether it is a dropout module of torch's, or a child of one."""
    return isinstance(module, _DropoutNd)


def unused(subject: Subject, run: Watched) -> list[int]:
    """Return the calls whose result nothing the model returns was made of.

    No gradient reaches the result, and nothing changes when the call gives back its input instead.
    """
    outputs = [output for output in run.outputs if output.requires_grad]
    if not run.calls or not outputs:
        return []
    results = [call.result for call in run.calls]
    total = sum(output.double().sum() for output in outputs)
    slopes = torch.autograd.grad(total, results, allow_unused=True)  # type: ignore[arg-type]
    silent = [number for number, slope in enumerate(slopes) if slope is None]
    if not silent:
        return []
    with torch.no_grad():
        without = watched(subject, train=True, replaced=silent)
    return silent if same(run.outputs, without.outputs) else []


def same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Whether two runs gave equal outputs, up to rounding."""
    if len(one) != len(other):
        return False
    return all(
        a.shape == b.shape and torch.allclose(a.detach(), b.detach(), rtol=1e-5, atol=1e-6, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )
