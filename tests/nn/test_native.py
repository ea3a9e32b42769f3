"""The memory of the native operation: layouts, and what moves or changes between forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from twin_layers import INPUTS, H, N, T, both, draw, every_layer

from rekur import engine
from rekur import nn as ours_nn
from rekur.errors import RequestError
from rekur.nn import native

pytestmark = pytest.mark.skipif(not engine.SETS, reason="there is no native engine")


@pytest.fixture(autouse=True)
def _best() -> Iterator[None]:
    before, threads = engine.selected(), torch.get_num_threads()
    engine.select()
    torch.set_num_threads(1)
    yield
    engine.select(before)
    torch.set_num_threads(threads)


@every_layer
@given(
    steps=st.integers(0, 40),
    rows=st.integers(0, 40),
    wide=st.booleans(),
    sizes=st.tuples(*[st.integers(1, 4)] * 3),
    start=st.integers(0, 7),
)
@example(steps=2, rows=1, wide=False, sizes=(1, 2, 3), start=0)  # rows that overlap: empty_like puts features apart
def test_any_strides_of_x_and_of_its_gradient(
    name: str, steps: int, rows: int, wide: bool, sizes: tuple[int, int, int], start: int
) -> None:
    shape, strides = sizes, (steps, rows, 2 if wide else 1)
    theirs, ours = (getattr(module, name)(shape[2], 3, dtype=torch.float64) for module in (nn, ours_nn))
    ours.load_state_dict(theirs.state_dict())
    numbers, found = torch.linspace(-1, 1, 400, dtype=torch.float64), []
    for layer in (theirs, ours):
        x = numbers.as_strided(shape, strides, start).detach().requires_grad_()
        output, _ = layer(x)
        d_output = numbers.as_strided(output.shape, (rows, steps, int(wide)), start)
        found.append((output, *torch.autograd.grad(output, [x, *layer.parameters()], d_output)))
    torch.testing.assert_close(found[1], found[0])


@every_layer
def test_the_gradient_has_the_layout_of_the_input(name: str) -> None:
    _, ours = both(name, batch_first=True)
    x = draw(N, T, INPUTS).requires_grad_()
    output, _ = ours(x)
    output.sum().backward()
    assert x.grad is not None
    assert x.grad.is_contiguous()


@every_layer
def test_strided_weights_and_states(name: str) -> None:
    found = []
    for layer in both(name):
        wide = (2 * layer.weight_hh_l0.detach()).t().contiguous().requires_grad_()
        weights = {
            **dict(layer.named_parameters()),
            "weight_hh_l0": wide.t(),
            "bias_hh_l0": wide[0, ::1].expand(1, -1)[0],
        }
        torch.manual_seed(2)
        x, h = draw(T, N, INPUTS), draw(1, 1, H).requires_grad_()
        given_state = h.expand(1, N, H)
        output, _ = torch.func.functional_call(
            layer, weights, (x, (given_state,) * 2 if name == "LSTM" else given_state)
        )
        found.append((output, *torch.autograd.grad(output.square().sum(), [wide, h])))
    torch.testing.assert_close(found[1], found[0])


def narrowed(layer: Any) -> None:
    with torch.no_grad():
        layer.weight_hh_l0.data = layer.weight_hh_l0.data[1:].clone()


MOVED: dict[str, Callable[[Any], Any]] = {
    "to float32": lambda layer: layer.float(),
    "to float16": lambda layer: layer.half(),
    "to fewer numbers": narrowed,
}


@every_layer
@pytest.mark.parametrize("where", MOVED)
def test_weights_moved_before_backward_are_refused(name: str, where: str) -> None:
    _, ours = both(name)
    output, _ = ours(draw(T, N, INPUTS))
    MOVED[where](ours)
    with pytest.raises(
        RequestError, match=r"the backward pass needs a tensor of .* as it was in the forward pass; got"
    ):
        output.sum().backward()


@every_layer
def test_weights_moved_to_other_strides_before_backward_are_read_as_they_are(name: str) -> None:
    found = []
    for layer in both(name):
        torch.manual_seed(3)
        x = draw(T, N, INPUTS).requires_grad_()
        output, _ = layer(x)
        layer.weight_hh_l0.data = layer.weight_hh_l0.data.t().contiguous().t()
        (slope,) = torch.autograd.grad(output.square().sum(), x)
        found.append(slope)
    torch.testing.assert_close(found[1], found[0])


def kept(change: Callable[[Tensor], Tensor]) -> saved_tensors_hooks:
    return saved_tensors_hooks(lambda tensor: tensor, change)


HOOKS: dict[str, Callable[[Tensor], Tensor]] = {
    "copied": torch.clone,
    "copied to an odd address": lambda tensor: torch.cat((tensor.flatten()[:1], tensor.flatten()))[1:].view(
        tensor.shape
    ),
    "of other strides": lambda tensor: tensor.movedim(0, -1).contiguous().movedim(-1, 0),
    "by way of float64": lambda tensor: tensor.double().to(tensor.dtype),
}


@every_layer
@pytest.mark.parametrize("what", HOOKS)
def test_hooks_that_bring_back_equal_tensors(name: str, what: str) -> None:
    theirs, ours = both(name)
    x = draw(T, N, INPUTS)
    theirs(x)[0].square().sum().backward()
    with kept(HOOKS[what]):
        total = ours(x)[0].square().sum()
    total.backward()
    for weight, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, expected.grad)


@every_layer
def test_hooks_that_compress(name: str) -> None:
    theirs, ours = both(name)
    x = draw(T, N, INPUTS)
    theirs(x)[0].sum().backward()
    with saved_tensors_hooks(lambda tensor: tensor.to(torch.bfloat16), lambda tensor: tensor.double()):
        total = ours(x)[0].sum()
    total.backward()
    for weight, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, expected.grad, atol=0.2, rtol=0)  # bf16 has 8 bits


@every_layer
@pytest.mark.parametrize("change", [lambda tensor: tensor[:1], lambda tensor: tensor.to("meta")], ids=["cut", "away"])
def test_hooks_that_bring_back_something_else_are_refused(name: str, change: Callable[[Tensor], Tensor]) -> None:
    _, ours = both(name)
    with kept(change):
        total = ours(draw(T, N, INPUTS))[0].sum()
    with pytest.raises((RequestError, RuntimeError), match=r"the backward pass needs a tensor|meta"):
        total.backward()


@every_layer
def test_lengths_changed_before_backward_change_nothing(name: str) -> None:
    _, ours = both(name)
    x, slopes = draw(T, N, INPUTS).requires_grad_(), []
    for change in (0, 1000):
        lengths = torch.tensor([4, 1, 2])
        output, _ = ours(x, lengths=lengths)
        lengths += change
        slopes.append(torch.autograd.grad(output.sum(), x))
    assert torch.equal(*(slope for (slope,) in slopes))


@every_layer
def test_only_the_gradients_that_are_wanted_come(name: str) -> None:
    theirs, ours = both(name, bidirectional=True)
    for layer in (theirs, ours):
        for weight in layer.parameters():
            weight.requires_grad_(False)
        layer.bias_hh_l0_reverse.requires_grad_()
    x = draw(T, N, INPUTS)
    found = []
    for layer in (theirs, ours):
        layer(x)[0].square().sum().backward()
        assert [weight.grad is None for weight in layer.parameters()].count(False) == 1
        found.append(layer.bias_hh_l0_reverse.grad)
    torch.testing.assert_close(found[1], found[0])


@every_layer
def test_nothing_is_kept_where_no_gradient_is_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saving, forward = [], native._forward
    monkeypatch.setattr(native, "_forward", lambda *a, **k: saving.append(k["saving"]) or forward(*a, **k))
    _, ours = both(name)
    x = draw(T, N, INPUTS)
    ours(x)
    with torch.no_grad():
        ours(x.requires_grad_())
    ours.requires_grad_(False)(x.detach())
    assert saving == [True, False, False]
