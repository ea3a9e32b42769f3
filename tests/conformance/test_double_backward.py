"""Derivatives of derivatives: right, or refused in so many words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from twins import (
    INPUTS,
    TWICE,
    H,
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
    or_refused,
    right_or_refused,
    twins,
)


@pytest.mark.parametrize("lengths", [None, [3, 1]], ids=["whole", "lengths"])
@every_kind
def test_second_derivatives_are_right_or_refused(name: str, lengths: list[int] | None) -> None:
    _, layer = twins(name, input_size=2, hidden_size=3)

    def run(x: Tensor, *_: Tensor) -> Any:
        return tuple(flat(layer(x, **({"lengths": lengths} if lengths else {}))))

    torch.manual_seed(2)
    inputs = (draw(3, 2, 2, grad=True), *layer.parameters())
    with or_refused(TWICE):
        assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


@both_types
@every_layer
def test_gradient_penalty(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, dtype=dtype, grad=True)
        output, _ = layer(x)
        (slope,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        (output.sum() + (slope.norm() - 1).square()).backward()
        return x.grad, gradients(layer)

    right_or_refused(name, act, TWICE, dtype=dtype)


@every_layer
def test_second_derivatives_where_input_state_and_weights_hang_together(name: str) -> None:
    """A gradient with respect to the weights must not run on through an input that was made of them."""

    def act(layer: Any) -> Any:
        x, scale = draw(T, N, H, grad=True), draw(H, grad=True)
        first, _ = layer(scale * x, state_of_rows(layer, scale))
        output, _ = layer(first, state_of_rows(layer, first[-1]))
        slopes = torch.autograd.grad(output.square().sum(), [x, scale, *layer.parameters()], create_graph=True)
        sum(slope.square().sum() for slope in slopes).backward()
        return [slope.detach() for slope in slopes], x.grad, scale.grad, gradients(layer)

    def state_of_rows(layer: Any, h: Tensor) -> Any:
        h = h.expand(1, N, H)
        return (h, h) if isinstance(layer, nn.LSTM) else h

    right_or_refused(name, act, TWICE, input_size=H)


@every_layer
def test_a_graph_of_the_graph_that_nobody_asks(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, grad=True)
        return [
            part.detach() for part in torch.autograd.grad(loss(layer(x)), [x, *layer.parameters()], create_graph=True)
        ]

    agree(name, act)


@every_layer
def test_second_derivatives_of_cells(name: str) -> None:
    def act(cell: Any) -> Any:
        x = draw(N, INPUTS, grad=True)
        (slope,) = torch.autograd.grad(loss(cell(x)), x, create_graph=True)
        slope.square().sum().backward()
        return x.grad, gradients(cell)

    right_or_refused(name, act, TWICE, cell=True)
