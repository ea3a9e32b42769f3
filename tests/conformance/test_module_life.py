"""What is done to a module from its making to its saving: copied, moved, changed, hooked."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from twins import (
    BF16,
    F16,
    F32,
    F64,
    INPUTS,
    STACK,
    H,
    N,
    T,
    agree,
    draw,
    every_kind,
    every_layer,
    flat,
    gradients,
    loss,
    same,
    step,
    twins,
)


def stored(layer: Any) -> Any:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda layer: pickle.loads(pickle.dumps(layer)),
    "torch.save": stored,
    "averaged": AveragedModel,
}


@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("way", COPIES)
@every_layer
def test_a_copy_is_equal_and_its_own(name: str, way: str, used: bool) -> None:
    def act(layer: Any) -> Any:
        if used:
            step(layer)
        twin = COPIES[way](layer)
        with torch.no_grad():
            layer.weight_hh_l0.zero_()
        torch.manual_seed(5)
        return step(twin)

    agree(name, act, **STACK)


@every_kind
def test_weights_go_to_torch_and_back(name: str) -> None:
    theirs, ours = twins(name, **STACK)
    for one, other in ((theirs, ours), (ours, theirs)):
        step(one)
        with torch.no_grad():
            one.weight_ih_l1.mul_(2)
        file = io.BytesIO()
        torch.save(one.state_dict(), file)
        file.seek(0)
        report = other.load_state_dict(torch.load(file, weights_only=True), strict=True)
        assert not report.missing_keys
        assert not report.unexpected_keys
        x = draw(T, N, INPUTS)
        same(ours(x), theirs(x))


@every_layer
def test_weights_that_do_not_fit_are_refused(name: str) -> None:
    theirs, ours = twins(name)
    other = getattr(nn, name)(INPUTS, H + 1, num_layers=2).state_dict()
    messages = []
    for layer in (theirs, ours):
        with pytest.raises(RuntimeError, match="size mismatch for weight_hh_l0") as refusal:
            layer.load_state_dict(other)
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("dtype", [F32, F64, BF16, F16], ids=str)
@every_layer
def test_moved_to_another_type_and_back(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        step(layer)
        assert layer.to(dtype) is layer
        there = step(layer)
        return there, step(layer.to(device="cpu", dtype=F64))

    agree(name, act, tolerance=3e-2 if dtype in (BF16, F16) else 1e-4 if dtype == F32 else None)


@every_layer
def test_shared_memory(name: str) -> None:
    def act(layer: Any) -> Any:
        before = step(layer)
        layer.share_memory()
        assert all(weight.is_shared() for weight in layer.parameters())
        torch.manual_seed(1)
        return before, step(layer)

    agree(name, act)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "in place": lambda layer: layer.weight_hh_l0.detach().mul_(2),
    "by data": lambda layer: layer.weight_hh_l0.data.mul_(2),
    "new data": lambda layer: setattr(layer.weight_hh_l0, "data", 2 * layer.weight_hh_l0.data),
    "by NumPy": lambda layer: layer.weight_hh_l0.detach().numpy().__imul__(2),
    "a new parameter": lambda layer: setattr(layer, "weight_hh_l0", nn.Parameter(2 * layer.weight_hh_l0.detach())),
    "loaded": lambda layer: layer.load_state_dict({key: 2 * weight for key, weight in layer.state_dict().items()}),
    "assigned": lambda layer: layer.load_state_dict(
        {key: 2 * weight for key, weight in layer.state_dict().items()}, assign=True
    ),
    "drawn again": lambda layer: layer.reset_parameters(),
    "as one vector": lambda layer: nn.utils.vector_to_parameters(
        2 * nn.utils.parameters_to_vector(layer.parameters()), layer.parameters()
    ),
    "a step of SGD": lambda layer: torch.optim.SGD(layer.parameters(), lr=0.1).step(),
    "a step of Adam": lambda layer: torch.optim.Adam(layer.parameters(), lr=0.1, fused=True).step(),
    "clipped": lambda layer: nn.utils.clip_grad_norm_(layer.parameters(), 0.1),
}


@pytest.mark.parametrize("change", CHANGES)
@every_layer
def test_the_next_step_sees_a_change_of_weights(name: str, change: str) -> None:
    def act(layer: Any) -> Any:
        step(layer)
        with torch.no_grad():
            CHANGES[change](layer)
        clipped = [weight.grad for weight in layer.parameters()] if change == "clipped" else []
        return [part.clone() for part in clipped], step(layer)

    agree(name, act, **STACK)


@pytest.mark.parametrize("to_none", [False, True])
@every_layer
def test_gradients_set_to_zero(name: str, to_none: bool) -> None:
    def act(layer: Any) -> Any:
        step(layer)
        layer.zero_grad(set_to_none=to_none)
        before = [None if grad is None else grad.clone() for grad in gradients(layer).values()]
        layer.weight_hh_l0.grad = torch.ones_like(layer.weight_hh_l0)
        loss(layer(draw(T, N, INPUTS))).backward()
        return before, gradients(layer)

    agree(name, act)


@every_layer
def test_hooks_on_modules(name: str) -> None:
    def act(layer: Any) -> Any:
        seen: list[Any] = []
        model = nn.ModuleList([layer])
        layer.register_forward_pre_hook(lambda _, arguments: (3 * arguments[0], *arguments[1:]))
        layer.register_forward_hook(lambda _, __, result: (2 * result[0], result[1]))
        layer.register_full_backward_pre_hook(lambda _, slopes: seen.append([s for s in slopes if s is not None]))
        layer.register_full_backward_hook(lambda _, slopes, __: seen.append([s for s in slopes if s is not None]))
        x = draw(T, N, INPUTS, grad=True)
        result = model[0](x)
        loss(result[0], flat(result[1])[0]).backward()
        assert len(seen) == 2
        return result, seen, x.grad, gradients(layer)

    agree(name, act)


@every_layer
def test_removed_hooks_and_hooks_with_keywords(name: str) -> None:
    def act(layer: Any) -> Any:
        seen: list[Any] = []
        handle = layer.register_forward_hook(lambda *_: seen.append(torch.zeros(1)))
        handle.remove()
        layer.register_forward_hook(lambda _, __, given, ___: seen.append(list(given.values())), with_kwargs=True)
        result = layer(input=draw(T, N, INPUTS), hx=None)
        return seen, result

    agree(name, act)


@every_layer
def test_applied_frozen_and_switched(name: str) -> None:
    def act(layer: Any) -> Any:
        visited: list[str] = []
        model = nn.Sequential(layer).apply(lambda part: visited.append(type(part).__name__))
        assert visited == [name, "Sequential"]
        layer.apply(lambda part: [nn.init.constant_(weight, 0.1) for weight in part.parameters()])
        x = draw(T, N, INPUTS)
        results = [model.train()(x), model.eval()(x), model.requires_grad_(False)(x)]
        assert not layer.training
        assert not results[2][0].requires_grad
        return results

    agree(name, act, num_layers=2, dropout=0.5)
