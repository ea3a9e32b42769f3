"""Modes of the whole of torch: no gradients, inference, anomalies, determinism, and modules on meta or faked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode
from twins import (
    F32,
    F64,
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
    right_or_refused,
    same,
    state_of,
    tried,
    twins,
)

from rekur.nn import GRU


@every_layer
def test_no_grad_keeps_nothing(name: str) -> None:
    def act(layer: Any) -> Any:
        with torch.no_grad():
            output, final = layer(draw(T, N, INPUTS, grad=True))
        assert output.grad_fn is None
        assert not any(part.requires_grad for part in flat(final))
        return output.add_(1), final

    agree(name, act, **STACK)


@both_types
@every_layer
def test_inference_mode(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        with torch.inference_mode():
            output, final = layer(draw(T, N, INPUTS, dtype=dtype))
        assert output.is_inference()
        loss(layer(output[..., :INPUTS].clone())).backward()  # a clone is a normal tensor
        return output, final, gradients(layer)

    agree(name, act, dtype=dtype)


@both_types
@every_layer
def test_a_result_of_inference_mode_is_refused_in_training(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any, cloned: bool = False) -> Any:
        with torch.inference_mode():
            output, _ = layer(draw(T, N, INPUTS, dtype=dtype))
        x = output[..., :INPUTS]
        loss(layer(x.clone() if cloned else x)).backward()
        return gradients(layer)

    right_or_refused(name, act, "Inference tensors", expected=lambda layer: act(layer, True), dtype=dtype)


@every_layer
def test_tracking_weights_made_in_inference_mode_is_refused(name: str) -> None:
    with torch.inference_mode():
        theirs, ours = twins(name)
        expected = tried(lambda layer: layer(draw(T, N, INPUTS)), theirs)
        same(tried(lambda layer: layer(draw(T, N, INPUTS)), ours), expected)
    for layer in (theirs, ours):
        with pytest.raises(RuntimeError, match="Inference tensors"):
            layer(draw(T, N, INPUTS))


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
@every_layer
def test_anomaly_mode(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, grad=True)
        loss(layer(x)).backward()
        return x.grad, gradients(layer)

    with torch.autograd.detect_anomaly():
        agree(name, act)


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled", "ignore:Error detected in")
@every_layer
def test_anomaly_mode_finds_nan(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS)
        x[1, 1, 1] = float("nan")
        layer(x.requires_grad_())[0][-1].sum().backward()

    for layer in twins(name):
        with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="nan values"):
            tried(act, layer)


@pytest.mark.parametrize("lengths", [None, [5, 1, 0, 3]], ids=["whole", "lengths"])
@both_types
@every_kind
def test_the_same_bits_twice(name: str, dtype: torch.dtype, lengths: list[int] | None) -> None:
    def act(layer: Any) -> Any:
        layer.zero_grad()
        x = draw(T, N, INPUTS, dtype=dtype, grad=True)
        result = layer(x, state_of(layer, N), **({"lengths": lengths} if lengths else {}))
        loss(result).backward()
        return [part.clone() for part in flat([result, x.grad, gradients(layer)]) if part is not None]

    _, layer = twins(name, dtype=dtype, **STACK)
    torch.use_deterministic_algorithms(True)
    try:
        first = tried(act, layer)
        twins("GRU", hidden_size=40)[1](draw(2, 9, INPUTS))  # other work in between
        same(tried(act, layer), first, tolerance=0.0)
    finally:
        torch.use_deterministic_algorithms(False)


@every_layer
def test_numbers_of_another_default_type(name: str) -> None:
    torch.set_default_dtype(F64)
    try:
        agree(name, lambda layer: layer(draw(T, N, INPUTS, dtype=F32)), dtype=F32)
        agree(name, lambda layer: layer(torch.randn(T, N, INPUTS)), dtype=None)
    finally:
        torch.set_default_dtype(F32)


@every_layer
def test_a_module_on_meta_tells_shapes(name: str) -> None:
    def act(layer: Any) -> Any:
        result = flat(layer(torch.zeros(T, N, INPUTS, dtype=F64, device="meta")))
        assert all(part.is_meta for part in result if part is not None)
        return [torch.tensor(part.shape) for part in result if part is not None]

    agree(name, act, device="meta")


@every_layer
def test_fake_tensors_tell_shapes(name: str) -> None:
    def act(layer: Any) -> Any:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            result = flat(layer(mode.from_tensor(draw(T, N, INPUTS, grad=True))))
        return [torch.tensor(part.shape) for part in result if part is not None]

    agree(name, act, **STACK)


def test_a_mode_that_looks_at_every_operation_changes_nothing() -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, grad=True)
        with FlopCounterMode(display=False):
            loss(layer(x)).backward()
        return x.grad, gradients(layer)

    agree("GRU", act)


@every_layer
def test_a_model_under_the_meta_device_is_made_and_filled(name: str) -> None:
    theirs, ours = twins(name)
    x = draw(T, N, INPUTS)
    with torch.device("meta"):
        assigned = type(ours)(INPUTS, ours.hidden_size, dtype=F64)
    assigned.load_state_dict(theirs.state_dict(), assign=True)
    emptied = type(ours)(INPUTS, ours.hidden_size, dtype=F64, device="meta").to_empty(device="cpu")
    emptied.load_state_dict(theirs.state_dict())
    for layer in (assigned, emptied):
        same(layer(x), theirs(x))


def test_inside_a_module_of_a_subclass() -> None:
    class Residual(GRU):
        """What a user makes of the layer."""

        def forward(self, input: torch.Tensor, hx: Any = None, lengths: Any = None) -> Any:
            output, state = super().forward(input, hx, lengths)
            return output + input, state

    theirs, ours = twins("GRU", hidden_size=INPUTS)
    layer = Residual(INPUTS, INPUTS, dtype=F64)
    layer.load_state_dict(ours.state_dict())
    x = draw(T, N, INPUTS)
    expected, state = theirs(x)
    same(nn.Sequential(layer)(x), (expected + x, state))
    with pytest.raises(ValueError, match="Residual: input must be"):
        layer(x[..., :2])
