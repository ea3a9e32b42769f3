"""Which gradients come: of which leaves, from which uses of the results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from twins import (
    INPUTS,
    STACK,
    N,
    T,
    agree,
    both_types,
    draw,
    every_kind,
    every_layer,
    flat,
    gradients,
    loss,
    state_of,
    twins,
)

WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l1", "weight_ih_l0_reverse", "weight_hh_l1_reverse")


@pytest.mark.parametrize("leaf", [False, True], ids=["plain input", "input wants a gradient"])
@pytest.mark.parametrize("frozen", [(weight,) for weight in WEIGHTS] + [WEIGHTS[::2], WEIGHTS[1::2]], ids=str)
@every_layer
def test_frozen_parameters(name: str, frozen: tuple[str, ...], leaf: bool) -> None:
    def act(layer: Any) -> Any:
        for weight in frozen:
            layer.get_parameter(weight).requires_grad_(False)
        x = draw(T, N, INPUTS, grad=leaf)
        loss(layer(x)).backward()
        return x.grad, gradients(layer)

    agree(name, act, **STACK)


@pytest.mark.parametrize("only", WEIGHTS)
@every_layer
def test_all_but_one_parameter_frozen(name: str, only: str) -> None:
    def act(layer: Any) -> Any:
        layer.requires_grad_(False).get_parameter(only).requires_grad_()
        loss(layer(draw(T, N, INPUTS))).backward()
        return gradients(layer)

    agree(name, act, **STACK)


@every_kind
def test_all_frozen(name: str) -> None:
    def act(layer: Any) -> Any:
        layer.requires_grad_(False)
        x = draw(T, N, INPUTS)
        assert not any(part.requires_grad for part in flat(layer(x)))
        x.requires_grad_()
        loss(layer(x)).backward()
        return x.grad, gradients(layer)

    agree(name, act, **STACK)


@pytest.mark.parametrize("part", [0, -1], ids=["h_0", "the last"])
@every_layer
def test_only_an_initial_state_wants_a_gradient(name: str, part: int) -> None:
    def act(layer: Any) -> Any:
        layer.requires_grad_(False)
        state = state_of(layer, N)
        flat(state)[part].requires_grad_()
        loss(layer(draw(T, N, INPUTS), state)).backward()
        return [one.grad for one in flat(state)]

    agree(name, act, **STACK)


USES: dict[str, Callable[[Tensor, list[Tensor]], Any]] = {
    "outputs": lambda output, _: output,
    "last step": lambda output, _: output[-1],
    "first step": lambda output, _: output[0],
    "a middle step": lambda output, _: output[2:4],
    "one feature": lambda output, _: output[..., 3],
    "one row": lambda output, _: output[:, 1],
    "h_n": lambda _, final: final[0],
    "c_n, or h_n": lambda _, final: final[-1],
    "top of h_n": lambda _, final: final[0][-1],
    "sum of outputs": lambda output, _: output.sum(),  # its gradient is one number, expanded
    "outputs and state": lambda output, final: (output, final),
    "transposed": lambda output, _: output.permute(2, 0, 1).contiguous(),
}


@pytest.mark.parametrize("use", USES)
@both_types
@every_layer
def test_whatever_part_is_used(name: str, dtype: torch.dtype, use: str) -> None:
    def act(layer: Any) -> Any:
        x, state = draw(T, N, INPUTS, dtype=dtype, grad=True), state_of(layer, N, grad=True)
        output, final = layer(x, state)
        loss(USES[use](output, flat(final))).backward()
        return x.grad, [part.grad for part in flat(state)], gradients(layer)

    agree(name, act, dtype=dtype, **STACK)


@every_layer
def test_nothing_used(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, grad=True)
        output, final = layer(x)
        loss(x, output.detach(), flat(final)[0].detach()).backward()
        return x.grad, gradients(layer)

    agree(name, act)


@every_layer
def test_some_gradients_by_name(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, grad=True)
        total = loss(layer(x))
        some = torch.autograd.grad(total, [layer.weight_hh_l0, layer.bias_ih_l1], retain_graph=True)
        total.backward(inputs=[x, layer.weight_ih_l1])
        return some, x.grad, gradients(layer)

    agree(name, act, **STACK)


@pytest.mark.parametrize("options", [{}, STACK, {"bias": False}], ids=str)
@pytest.mark.parametrize("lengths", [None, [3, 1]], ids=["whole", "lengths"])
@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM", "LSTM-projected"])
def test_gradients_by_finite_differences(name: str, lengths: list[int] | None, options: dict[str, Any]) -> None:
    _, layer = twins(name, input_size=2, hidden_size=3, **options)
    names, weights = zip(*layer.named_parameters(), strict=True)
    state = state_of(layer, 2, grad=True)

    def run(x: Tensor, *rest: Tensor) -> Any:
        hx, values = rest[: len(flat(state))], rest[len(flat(state)) :]
        arguments = (x, hx if len(hx) > 1 else hx[0], *([lengths] if lengths else []))
        return tuple(flat(torch.func.functional_call(layer, dict(zip(names, values, strict=True)), arguments)))

    torch.manual_seed(2)
    assert torch.autograd.gradcheck(run, (draw(3, 2, 2, grad=True), *flat(state), *weights), fast_mode=True)
