"""What goes to the native engine and what to torch's kernels, and that each says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from rekur import engine
from rekur.errors import RequestError, ShapeError
from rekur.nn import LSTM, RNN, GRUCell, kernels, native

T, N, INPUTS, H = 4, 3, 5, 6


@pytest.fixture(autouse=True)
def _best() -> Iterator[None]:
    before = engine.selected()
    engine.select()
    yield
    engine.select(before)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who computed: "native" or "torch" for each layer that ran, in their order."""
    seen: list[str] = []

    def noted(name: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            seen.append(name)
            return run(*arguments, **named)

        return wrapped

    monkeypatch.setattr(native, "_forward", noted("native", native._forward))
    monkeypatch.setattr(kernels.torch_kernels, "layer", noted("torch", kernels.torch_kernels.layer))
    return seen


class Watching(TorchDispatchMode):
    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return function(*args, **(kwargs or {}))


def under(context: Callable[[], Any], dtype: torch.dtype = torch.float32) -> Callable[[], None]:
    def act() -> None:
        with context():
            RNN(INPUTS, H, dtype=dtype)(torch.randn(T, N, INPUTS, dtype=dtype))

    return act


def gradient() -> None:
    torch.func.grad(lambda x: RNN(INPUTS, H)(x)[0].sum())(torch.randn(T, N, INPUTS))


def compiled() -> None:
    torch._dynamo.reset()
    torch.compile(RNN(INPUTS, H), backend="eager")(torch.randn(T, N, INPUTS))
    torch._dynamo.reset()


class Other(Tensor):
    """A class that might compute otherwise."""


def twice() -> None:
    x = torch.randn(T, N, INPUTS, requires_grad=True)
    (slope,) = torch.autograd.grad(RNN(INPUTS, H)(x)[0].sum(), x, create_graph=True)
    slope.sum().backward()


LEFT: dict[str, tuple[kernels.Fallback, Callable[[], Any], list[str]]] = {
    "cells": (kernels.CELLS, lambda: GRUCell(INPUTS, H)(torch.randn(N, INPUTS)), []),
    "projections": (kernels.PROJECTED, lambda: LSTM(INPUTS, H, proj_size=2)(torch.randn(T, N, INPUTS)), ["torch"]),
    "half": (kernels.TYPES, lambda: RNN(INPUTS, H).half()(torch.randn(T, N, INPUTS).half()), ["torch"]),
    "autocast": (kernels.TYPES, under(lambda: torch.autocast("cpu", torch.bfloat16), torch.float64), ["torch"]),
    "devices": (
        kernels.READING,
        lambda: RNN(INPUTS, H, device="meta")(torch.zeros(T, N, INPUTS, device="meta")),
        ["torch"],
    ),
    "classes": (kernels.READING, lambda: RNN(INPUTS, H)(torch.randn(T, N, INPUTS).as_subclass(Other)), ["torch"]),
    "functions": (kernels.TRANSFORMED, gradient, ["torch"]),
    "forward": (kernels.TRANSFORMED, under(forward_ad.dual_level), ["torch"]),
    "modes": (kernels.TRANSFORMED, under(Watching), ["torch"]),
    "compile": (kernels.COMPILED, compiled, ["torch"]),
    "twice": (kernels.TWICE, twice, ["native", "torch"]),
}


@pytest.mark.skipif(not engine.SETS, reason="there is no native engine")
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_to_torch(what: str, computed: list[str]) -> None:
    _, act, expected = LEFT[what]
    act()
    assert computed == expected


def test_every_kind_of_fallback_was_tried() -> None:
    assert {fallback for fallback, *_ in LEFT.values()} == set(kernels.FALLBACKS)


@pytest.mark.skipif(not engine.SETS, reason="there is no native engine")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_rest_is_the_engines(dtype: torch.dtype, computed: list[str]) -> None:
    layer, x = LSTM(INPUTS, H, 2, bidirectional=True, dtype=dtype), torch.randn(T, N, INPUTS, dtype=dtype)
    layer(x, lengths=[4, 1, 2])[0].sum().backward()
    assert computed == ["native"] * 2
    with torch.no_grad():
        layer.eval()(x.transpose(0, 1))
    assert computed == ["native"] * 4


def test_torch_alone_on_request(computed: list[str]) -> None:
    engine.select("torch")
    RNN(INPUTS, H)(torch.randn(T, N, INPUTS))
    assert computed == ["torch"]
    assert kernels.everything() == ("everything", engine.reason or "REKUR_ENGINE=torch")


def test_without_an_engine_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    engine.select("torch")
    monkeypatch.setattr(engine, "reason", "no compiler was found")
    assert kernels.uncovered(torch.randn(T, N, INPUTS), []) == ("everything", "no compiler was found")


WEIGHTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "w_ih": (lambda layer: wrong(layer, "weight_ih_l0", 6, 4), r"weight_ih_l0 must be \(G\*H=6, I=5\); got \(6, 4\)"),
    "upper w_ih": (lambda layer: wrong(layer, "weight_ih_l1", 6, 5), r"weight_ih_l1 must be \(G\*H=6, D\*H=12\); got"),
    "w_hh": (lambda layer: wrong(layer, "weight_hh_l1_reverse", 6, 7), r"weight_hh_l1_reverse must be \(G\*H=6, H=6\)"),
    "bias": (lambda layer: wrong(layer, "bias_hh_l0", 7), r"bias_hh_l0 must be \(G\*H=6\); got \(7,\)"),
    "missing": (lambda layer: setattr(layer, "bias_hh_l0", None), "bias_hh_l0 is missing"),
    "no bias": (lambda layer: setattr(layer, "bias", False), "bias=False and proj_size=0 want other weights"),
    "half": (lambda layer: layer.half(), "input must be torch.float16 like the weights; got torch.float32"),
    "moved": (lambda layer: layer.to("meta"), "input must be on meta like the weights; got cpu"),
}


def wrong(layer: Any, name: str, *shape: int) -> None:
    setattr(layer, name, nn.Parameter(torch.zeros(shape)))


@pytest.mark.parametrize("kernel", [*engine.SETS[:1], "torch"])
@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_that_do_not_fit_are_named(kernel: str, what: str) -> None:
    engine.select(kernel)
    change, message = WEIGHTS[what]
    layer = RNN(INPUTS, H, 2, bidirectional=True)
    change(layer)
    with pytest.raises((ShapeError, RequestError), match=f"^RNN: {message}"):
        layer(torch.randn(T, N, INPUTS))


@pytest.mark.parametrize("kernel", [*engine.SETS[:1], "torch"])
@pytest.mark.parametrize(
    ("change", "message"), [("double", "float32 like the weights; got torch.float64"), ("meta", "on cpu")]
)
def test_states_that_do_not_fit_are_named(kernel: str, change: str, message: str) -> None:
    engine.select(kernel)
    h_0, c_0 = torch.zeros(1, N, H), torch.zeros(1, N, H)
    c_0 = c_0.double() if change == "double" else c_0.to("meta")
    with pytest.raises(RequestError, match=f"^LSTM: c_0 must be .*{message}"):
        LSTM(INPUTS, H)(torch.randn(T, N, INPUTS), (h_0, c_0))
