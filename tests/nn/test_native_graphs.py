"""The native operation in graphs of graphs, under modes, traced and compiled."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode
from twin_layers import INPUTS, H, N, T, both, draw, every_layer

from rekur import engine

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
def test_many_gradients_at_once(name: str) -> None:
    theirs, ours = both(name)
    x, ways = draw(T, N, INPUTS), draw(3, T, N, H)
    y = x.clone().requires_grad_()
    output, _ = theirs(y)
    expected = torch.stack([torch.autograd.grad(output, y, way, retain_graph=True)[0] for way in ways])
    y = x.clone().requires_grad_()
    output, _ = ours(y)
    (got,) = torch.autograd.grad(output, y, ways, is_grads_batched=True)
    torch.testing.assert_close(got, expected)


@every_layer
def test_second_derivatives_while_autocast_is_on(name: str) -> None:
    _, ours = both(name, dtype=torch.float32)
    x, found = draw(T, N, INPUTS).float().requires_grad_(), []
    for autocast in (False, True):
        output, _ = ours(x)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            (slope,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        found.append((slope, *torch.autograd.grad(slope.square().sum(), [x, ours.weight_hh_l0])))
    torch.testing.assert_close(found[1], found[0])


@every_layer
def test_second_derivatives_where_the_state_is_made_of_the_input(name: str) -> None:
    found = []
    for layer in both(name):
        torch.manual_seed(5)
        x = draw(T, N, INPUTS).requires_grad_()
        y = 2 * x
        h = (y[:1] @ layer.weight_ih_l0.t())[..., :H]
        output, _ = layer(y, (h, h) if name == "LSTM" else h)
        slopes = torch.autograd.grad(output.square().sum(), [x, *layer.parameters()], create_graph=True)
        seconds = torch.autograd.grad(sum(slope.square().sum() for slope in slopes), [x, *layer.parameters()])
        found.append((*slopes, *seconds))
    torch.testing.assert_close(found[1], found[0])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own use
@pytest.mark.parametrize("name", ["RNN", "GRU"])  # torch's LSTM has no such derivative
def test_a_tangent_goes_through_backward(name: str) -> None:
    _, ours = both(name)
    x, way, tangent = draw(T, N, INPUTS).requires_grad_(), draw(T, N, H), draw(T, N, H)
    output, _ = ours(x)
    (expected,) = torch.autograd.grad(output, x, tangent, retain_graph=True)
    with forward_ad.dual_level():
        (slope,) = torch.autograd.grad(output, x, forward_ad.make_dual(way, tangent))
        torch.testing.assert_close(forward_ad.unpack_dual(slope).tangent, expected)


class Lost(torch.autograd.Function):
    """Passes on no gradient at all."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        return x.clone()

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> None:  # noqa: ARG004
        return None


@pytest.mark.parametrize("again", [False, True])
@every_layer
def test_a_gradient_that_was_lost_on_the_way_is_none_or_zero(name: str, again: bool) -> None:
    _, ours = both(name)
    x = draw(T, N, INPUTS).requires_grad_()
    total = Lost.apply(ours(x)[0]).sum()
    (slope,) = torch.autograd.grad(total, x, create_graph=again, allow_unused=True)
    assert slope is None or not slope.any()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # dynamo's own
@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_a_backward_pass_that_is_compiled(name: str) -> None:
    _, ours = both(name)
    x = draw(T, N, INPUTS).requires_grad_()
    (expected,) = torch.autograd.grad(ours(x)[0].square().sum(), x)
    total = ours(x)[0].square().sum()
    torch._dynamo.reset()
    with torch._dynamo.compiled_autograd._enable(torch.compile(backend="eager")):
        total.backward()
    torch._dynamo.reset()
    torch.testing.assert_close(x.grad, expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_trace_computes_what_it_is_given() -> None:
    theirs, ours = both("GRU")
    traced = torch.jit.trace(ours, (draw(T, N, INPUTS),))
    x = draw(T + 1, N + 1, INPUTS)
    torch.testing.assert_close(traced(x), theirs(x))


def test_a_mode_sees_the_operations() -> None:
    theirs, ours = both("GRU")
    x, counts = draw(T, N, INPUTS), []
    for layer in (theirs, ours):
        with FlopCounterMode(display=False) as counter:
            layer(x)
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 0


@every_layer
def test_a_graph_that_nobody_walks_back_leaves_no_word(name: str, tmp_path: Any) -> None:
    script = f"import torch; from rekur.nn import {name}; kept = {name}(2, 3)(torch.ones(1, 1, 2))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
