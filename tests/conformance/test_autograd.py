"""What may happen between forward and backward."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from twins import (
    INPUTS,
    MODIFIED,
    STACK,
    H,
    N,
    T,
    agree,
    both_types,
    draw,
    every_layer,
    flat,
    gradients,
    loss,
    right_or_refused,
    state_of,
    tried,
    twins,
)


@every_layer
def test_backward_again_where_the_graph_is_kept(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, grad=True)
        output, final = layer(x)
        loss(output).backward(retain_graph=True)
        first = [x.grad.clone(), *(weight.grad.clone() for weight in layer.parameters())]
        loss(output, final).backward(retain_graph=True)
        loss(output).backward()
        return first, x.grad, gradients(layer)

    agree(name, act, **STACK)


@both_types
@every_layer
def test_backward_again_where_it_is_not_kept(name: str, dtype: torch.dtype) -> None:
    for layer in twins(name, dtype=dtype):
        output, _ = layer(draw(T, N, INPUTS, dtype=dtype))
        total = output.sum()
        total.backward()
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            total.backward()


@every_layer
def test_gradients_add_up(name: str) -> None:
    def act(layer: Any) -> Any:
        for rows in (N, 2, N):
            loss(layer(draw(T, rows, INPUTS))).backward()
        return gradients(layer)

    agree(name, act)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)], ids=str)
@every_layer
def test_calls_of_many_sizes_await_their_backwards_in_any_order(name: str, order: tuple[int, ...]) -> None:
    def act(layer: Any) -> Any:
        inputs = [draw(steps, rows, INPUTS, grad=True) for steps, rows in ((T, N), (2 * T, 1), (1, 3 * N))]
        totals = [loss(layer(x)) for x in inputs]
        for one in order:
            totals[one].backward()
        return [x.grad for x in inputs], gradients(layer)

    agree(name, act, **STACK)


@every_layer
def test_a_layer_called_on_its_own_output(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, H, grad=True)
        first, state = layer(x)
        loss(layer(first, state)).backward()
        return x.grad, gradients(layer)

    agree(name, act, input_size=H)


@every_layer
def test_truncated_backpropagation(name: str) -> None:
    def act(layer: Any) -> Any:
        state, parts = None, []
        for _ in range(3):
            output, state = layer(draw(T, N, INPUTS), state)
            loss(output).backward()
            state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
            parts.append(output)
        return parts, gradients(layer)

    agree(name, act)


@every_layer
def test_states_detached_in_place(name: str) -> None:
    def act(layer: Any) -> Any:
        first, state = layer(draw(T, N, INPUTS))
        for part in flat(state):
            part.detach_()
        loss(first, layer(draw(T, N, INPUTS), state)).backward()
        return gradients(layer)

    agree(name, act, **STACK)


@every_layer
def test_what_a_graph_holds_is_freed_with_it(name: str) -> None:
    gc.disable()  # by counting references alone
    try:
        for layer in twins(name, **STACK):
            x = 1 * draw(T, N, INPUTS, grad=True)
            result = layer(x)
            held = [weakref.ref(part) for part in flat([x, result]) if part is not None]
            loss(result).backward()
            del x, result
            assert [part() for part in held] == [None] * len(held)
    finally:
        gc.enable()


@pytest.mark.parametrize("what", ["output", "state"])
@both_types
@every_layer
def test_results_changed_in_place_before_backward(name: str, dtype: torch.dtype, what: str) -> None:
    """torch's GRU and RNN allow it, its LSTM on oneDNN says no; either will do, a wrong gradient will not."""

    def act(layer: Any, kept: bool = True) -> Any:
        x = draw(T, N, INPUTS, dtype=dtype, grad=True)
        output, final = layer(x)
        if not kept:
            output, final = output.clone(), [part.clone() for part in flat(final)]
        for part in [output] if what == "output" else flat(final):
            functional.relu_(part.mul_(2))
        loss(output, final).backward()
        return output, final, x.grad, gradients(layer)

    right_or_refused(name, act, MODIFIED, expected=lambda layer: act(layer, False), dtype=dtype)


@pytest.mark.parametrize("what", ["x", "h_0", "weight_ih_l0", "weight_hh_l0", "weight_hh_l1"])
@both_types
@every_layer
def test_what_backward_needs_changed_in_place(name: str, dtype: torch.dtype, what: str) -> None:
    def act(layer: Any) -> Any:
        x = 1 * draw(T, N, INPUTS, dtype=dtype, grad=True)
        state = state_of(layer, N)
        output, _ = layer(x, state)
        with torch.no_grad():
            {"x": x, "h_0": flat(state)[0], **dict(layer.named_parameters())}[what].mul_(2)
        loss(output).backward()

    for layer in twins(name, dtype=dtype, num_layers=2):
        with pytest.raises(RuntimeError, match=MODIFIED):
            tried(act, layer)


@pytest.mark.parametrize("what", ["bias_ih_l0", "bias_hh_l0"])
@every_layer
def test_biases_changed_in_place(name: str, what: str) -> None:
    def act(layer: Any) -> Any:
        output, _ = layer(draw(T, N, INPUTS))
        with torch.no_grad():
            layer.get_parameter(what).mul_(2)
        loss(output).backward()
        return gradients(layer)

    right_or_refused(name, act, MODIFIED)


@pytest.mark.parametrize("reentrant", [False, True])
@every_layer
def test_checkpointing(name: str, reentrant: bool) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, grad=True)
        output, final = checkpoint(layer, x, use_reentrant=reentrant)
        loss(output, final).backward()
        return output, x.grad, gradients(layer)

    agree(name, act, num_layers=2, dropout=0.5)


@every_layer
def test_hooks_on_saved_tensors(name: str) -> None:
    def act(layer: Any) -> Any:
        results = []
        for context in (save_on_cpu(), saved_tensors_hooks(lambda kept: kept.clone(), lambda kept: kept.clone())):
            x = draw(T, N, INPUTS, grad=True)
            with context:
                total = loss(layer(x))
            total.backward()
            results.append(x.grad)
        return results, gradients(layer)

    agree(name, act, **STACK)


@every_layer
def test_hooks_on_tensors(name: str) -> None:
    def act(layer: Any) -> Any:
        seen: list[Tensor] = []
        x = draw(T, N, INPUTS, grad=True)
        layer.weight_hh_l0.register_hook(lambda gradient: 3 * gradient)
        layer.weight_ih_l0.register_post_accumulate_grad_hook(lambda weight: seen.append(weight.grad.clone()))
        output, final = layer(x)
        output.retain_grad()
        output.register_hook(lambda gradient: gradient.clamp(-0.1, 0.1))
        flat(final)[-1].register_hook(lambda gradient: seen.append(gradient.clone()))
        loss(output, final).backward()
        return seen, output.grad, x.grad, gradients(layer)

    agree(name, act)


def test_cells_changed_in_place_before_backward_are_right_or_refused() -> None:
    def act(cell: Any, kept: bool = True) -> Any:
        h = cell(draw(N, INPUTS))
        h = cell(draw(N, INPUTS), h if kept else h.clone())
        (h if kept else h.clone()).mul_(2).sum().backward()
        return gradients(cell)

    for name in ("RNN", "GRU"):
        right_or_refused(name, act, MODIFIED, expected=lambda cell: act(cell, False), cell=True)
