"""What goes in: sizes, layouts in memory, numbers that are none, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from twins import (
    F32,
    INPUTS,
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
    same,
    same_where_finite,
    state_of,
    trained,
    tried,
    twins,
)

Z = torch.zeros


@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lead", [(T,), (1,), (T, N), (1, N), (T, 1), (1, 1), (T, 0)], ids=str)
@every_kind
def test_sizes_and_layouts(name: str, lead: tuple[int, ...], batch_first: bool, given: bool) -> None:
    def act(layer: Any) -> Any:
        sizes = lead[::-1] if batch_first else lead
        x = draw(*sizes, INPUTS, grad=True)
        return trained(layer, x, state_of(layer, *lead[1:], grad=True) if given else None)

    agree(name, act, batch_first=batch_first, num_layers=2, bidirectional=True)


@pytest.mark.parametrize("options", [{"hidden_size": 1}, {"hidden_size": 17}, {"input_size": 1}, {"bias": False}])
@both_types
@every_layer
def test_widths(name: str, dtype: torch.dtype, options: dict[str, Any]) -> None:
    agree(name, lambda layer: trained(layer, draw(T, N, layer.input_size, dtype=dtype)), dtype=dtype, **options)


@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("lead", [(), (N,), (1,), (0,)], ids=str)
@pytest.mark.parametrize("name", ["RNN", "RNN-relu", "GRU", "LSTM"])
def test_cells(name: str, lead: tuple[int, ...], given: bool) -> None:
    def act(cell: Any) -> Any:
        return trained(cell, draw(*lead, INPUTS, grad=True), state_of(cell, *lead, grad=True) if given else None)

    agree(name, act, cell=True)


LAYOUTS: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor]]] = {
    "transposed": ((N, T, INPUTS), lambda x: x.transpose(0, 1)),
    "every second step": ((2 * T, N, INPUTS), lambda x: x[::2]),
    "every second row": ((T, 2 * N, INPUTS), lambda x: x[:, 1::2]),
    "every second feature": ((T, N, 2 * INPUTS), lambda x: x[..., ::2]),
    "features first": ((INPUTS, T, N), lambda x: x.permute(1, 2, 0)),
    "some rows": ((T, 3 * N, INPUTS), lambda x: x.narrow(1, N, N)),
    "some features": ((T, N, 3 * INPUTS), lambda x: x.narrow(2, 2, INPUTS)),
    "one step, expanded": ((1, N, INPUTS), lambda x: x.expand(T, N, INPUTS)),
    "one row, expanded": ((T, 1, INPUTS), lambda x: x.expand(T, N, INPUTS)),
    "one feature, expanded": ((T, N, 1), lambda x: x.expand(T, N, INPUTS)),
    "overlapping windows": ((T + N, INPUTS), lambda x: x.unfold(0, T, 1)[:N].permute(2, 0, 1)),
    "off alignment": ((T * N * INPUTS + 1,), lambda x: x[1:].view(T, N, INPUTS)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@both_types
@every_layer
def test_any_strides(name: str, dtype: torch.dtype, layout: str) -> None:
    shape, view = LAYOUTS[layout]

    def act(layer: Any) -> Any:
        base = draw(*shape, dtype=dtype, grad=True)
        result = layer(view(base))
        loss(result).backward()
        return result, base.grad, gradients(layer)

    agree(name, act, dtype=dtype)


STATE_LAYOUTS: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor]]] = {
    "a learned row, expanded": ((2, 1, H), lambda h: h.expand(2, N, H)),
    "rows first": ((N, 2, H), lambda h: h.transpose(0, 1)),
    "every second unit": ((2, N, 2 * H), lambda h: h[..., 1::2]),
    "one number, expanded": ((1,), lambda h: h.expand(2, N, H)),
}


@pytest.mark.parametrize("layout", STATE_LAYOUTS)
@every_layer
def test_any_strides_of_the_state(name: str, layout: str) -> None:
    shape, view = STATE_LAYOUTS[layout]

    def act(layer: Any) -> Any:
        base = draw(*shape, grad=True)
        state = view(base)
        result = layer(draw(T, N, INPUTS), (state, state) if name == "LSTM" else state)  # one tensor as h_0 and c_0
        loss(result).backward()
        return result, base.grad

    agree(name, act, num_layers=2)


def test_the_input_may_be_the_state_too() -> None:
    def act(layer: Any) -> Any:
        x = draw(1, N, H, grad=True)
        return trained(layer, x, x)

    agree("GRU", act, input_size=H)


WEIGHT_LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "columns first": lambda weight: weight.t().contiguous().t(),
    "part of a wider matrix": lambda weight: torch.cat((weight, weight), dim=-1)[..., : weight.shape[-1]],
    "off alignment": lambda weight: torch.cat((Z(1, dtype=weight.dtype), weight.flatten()))[1:].view(weight.shape),
    "one row, expanded": lambda weight: weight[:1].expand(weight.shape),
}


@pytest.mark.parametrize("layout", WEIGHT_LAYOUTS)
@both_types
@every_layer
def test_any_strides_of_the_weights(name: str, dtype: torch.dtype, layout: str) -> None:
    def act(layer: Any) -> Any:
        for key, weight in list(layer.named_parameters()):
            setattr(layer, key, nn.Parameter(WEIGHT_LAYOUTS[layout](weight.detach())))
        return trained(layer, draw(T, N, INPUTS, dtype=dtype, grad=True))

    agree(name, act, dtype=dtype, tolerance=1e-4 if dtype == F32 else None)


SPOILT = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "1e30": 1e30}


@pytest.mark.parametrize("value", SPOILT)
@both_types
@pytest.mark.parametrize("name", ["RNN", "RNN-relu", "GRU", "LSTM"])
def test_numbers_that_are_none_go_where_torch_lets_them_go(name: str, dtype: torch.dtype, value: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, dtype=dtype)
        x[2, 1, 0] = SPOILT[value]
        return trained(layer, x.requires_grad_())

    theirs, ours = twins(name, dtype=dtype)
    (result, *slopes), (expected, *expected_slopes) = tried(act, ours), tried(act, theirs)
    same(result, expected)
    same_where_finite(slopes, expected_slopes)


@pytest.mark.parametrize("value", SPOILT)
@both_types
@pytest.mark.parametrize("name", ["RNN", "RNN-relu", "GRU", "LSTM"])
def test_a_spoilt_row_touches_no_other(name: str, dtype: torch.dtype, value: str) -> None:
    _, layer = twins(name, dtype=dtype, num_layers=2, bidirectional=True)
    others = [0, 2, 3]
    results = []
    for spoil in (False, True):
        x = torch.linspace(-1, 1, T * N * INPUTS, dtype=dtype).view(T, N, INPUTS)
        if spoil:
            x[:, 1] = SPOILT[value]
        x.requires_grad_()
        output, final = layer(x)
        loss(output[:, others]).backward()
        assert x.grad is not None
        results.append((output[:, others], [part[:, others] for part in flat(final)], x.grad[:, others]))
    same(results[1], results[0])


@both_types
@every_layer
def test_spoilt_weights_spoil_what_torchs_do(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        with torch.no_grad():
            layer.weight_hh_l0[1, 2] = float("nan")
            layer.bias_ih_l0[0] = float("inf")
        return layer(draw(T, N, INPUTS, dtype=dtype))

    agree(name, act, dtype=dtype)


@both_types
@pytest.mark.parametrize("size", [20.0, 100.0, 1e4])
@every_layer
def test_gates_far_from_the_middle(name: str, size: float, dtype: torch.dtype) -> None:
    agree(name, lambda layer: trained(layer, draw(T, N, INPUTS, dtype=dtype).mul_(size).requires_grad_()), dtype=dtype)


@every_layer
def test_two_thousand_steps(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(2000, 2, 1, dtype=F32, grad=True)
        output, final = layer(x)
        loss(output[-3:], final).backward()
        return output, final, x.grad, gradients(layer)

    agree(name, act, dtype=F32, input_size=1, hidden_size=2)


@every_layer
def test_the_input_stays_as_it_was(name: str) -> None:
    _, layer = twins(name)
    x, state = draw(T, N, INPUTS), state_of(layer, N)
    before = [part.clone() for part in flat([x, state])]
    layer(x, state, lengths=[5, 3, 0, 1])
    same([x, state], before, tolerance=0.0)


@every_layer
def test_state_and_outputs_share_no_memory(name: str) -> None:
    _, layer = twins(name)
    for x in (draw(T, N, INPUTS), draw(1, N, INPUTS)):
        with torch.no_grad():
            output, final = layer(x)
            before = output.clone()
            for part in flat(final):
                part.zero_()
        assert torch.equal(output, before)


@every_layer
def test_a_tensor_of_a_subclass_counts_as_its_numbers(name: str) -> None:
    class Marked(Tensor):
        pass

    def act(layer: Any) -> Any:
        output, _ = layer(draw(T, N, INPUTS).as_subclass(Marked))
        return output.as_subclass(Tensor)

    agree(name, act)


@every_layer
def test_complex_numbers_are_computed_as_torch_computes_them(name: str) -> None:
    agree(name, lambda layer: layer(draw(T, N, INPUTS, dtype=torch.complex64)), dtype=torch.complex64)
