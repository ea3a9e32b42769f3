"""Narrower types, autocast, and dropout's draws: as torch has them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from twins import (
    BF16,
    F16,
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
    same,
    state_of,
    trained,
    tried,
    twins,
)


@pytest.mark.parametrize("options", [{}, STACK], ids=str)
@pytest.mark.parametrize("dtype", [BF16, F16], ids=str)
@every_layer
def test_modules_of_half_the_width(name: str, dtype: torch.dtype, options: dict[str, Any]) -> None:
    def act(layer: Any) -> Any:
        return trained(layer, draw(T, N, INPUTS, dtype=dtype, grad=True), state_of(layer, N))

    agree(name, act, dtype=dtype, tolerance=3e-2, **options)


@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("inputs", [F32, BF16], ids=str)
@pytest.mark.parametrize("options", [{}, STACK], ids=str)
@every_layer
def test_autocast(name: str, options: dict[str, Any], inputs: torch.dtype, given: bool) -> None:
    """Types are torch's own, of each result and gradient; the numbers are near."""

    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, dtype=inputs, grad=True)
        with torch.autocast("cpu", BF16):
            result = layer(x, state_of(layer, N) if given else None)
        loss(result).backward()
        return result, x.grad, gradients(layer)

    agree(name, act, dtype=F32, tolerance=5e-2, **options)


@every_layer
def test_autocast_in_a_loop_of_its_own_states(name: str) -> None:
    def act(layer: Any) -> Any:
        state, results = None, []
        with torch.autocast("cpu", BF16):
            for _ in range(3):
                output, state = layer(draw(T, N, INPUTS, dtype=F32), state)
                results.append(output)
        loss(results).backward()
        return results, state, gradients(layer)

    agree(name, act, dtype=F32, tolerance=5e-2)


@every_layer
def test_autocast_of_float64_and_of_no_gradients(name: str) -> None:
    def act(layer: Any) -> Any:
        with torch.autocast("cpu", BF16), torch.no_grad():
            return layer(draw(T, N, INPUTS, dtype=next(layer.parameters()).dtype))

    agree(name, act, tolerance=3e-2)
    agree(name, act, dtype=F32, tolerance=3e-2)


@every_layer
def test_autocast_switched_off_inside(name: str) -> None:
    def act(layer: Any) -> Any:
        with torch.autocast("cpu", BF16), torch.autocast("cpu", enabled=False):
            return layer(draw(T, N, INPUTS, dtype=F32))

    agree(name, act, dtype=F32)


@every_layer
def test_autocast_of_cells(name: str) -> None:
    def act(cell: Any) -> Any:
        with torch.autocast("cpu", BF16):
            return cell(draw(N, INPUTS, dtype=F32))

    agree(name, act, cell=True, dtype=F32, tolerance=2e-2)


@every_layer
def test_autocast_of_lengths_gives_the_types_of_whole_rows(name: str) -> None:
    _, layer = twins(name, dtype=F32)
    x = draw(T, N, INPUTS, dtype=F32)
    with torch.autocast("cpu", BF16):
        whole, some = flat(layer(x)), flat(layer(x, lengths=[2, 5, 1, 4]))
    assert [part.dtype for part in some] == [part.dtype for part in whole]


@both_types
@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@every_kind
def test_dropout_draws_what_torch_draws(name: str, given: bool, share: float, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS, dtype=dtype, grad=True)
        first = trained(layer, x, state_of(layer, N) if given else None)
        return first, layer(x.detach()), torch.rand(1)  # and leaves the generator where torch leaves it

    agree(name, act, dtype=dtype, num_layers=3, bidirectional=True, dropout=share)


@every_layer
def test_no_dropout_in_evaluation_nor_above_the_top(name: str) -> None:
    def act(layer: Any) -> Any:
        x = draw(T, N, INPUTS)
        trained = layer(x)
        layer.eval()
        once, again = layer(x), layer(x)
        same(once, again, tolerance=0.0)
        return trained, once, torch.rand(1)

    agree(name, act, num_layers=2, dropout=0.9)


@every_layer
def test_a_model_without_dropout_draws_nothing(name: str) -> None:
    _, layer = twins(name, **STACK)
    torch.manual_seed(4)
    before = torch.get_rng_state()
    layer(torch.ones(T, N, INPUTS, dtype=F64), lengths=[2, 5, 1, 4])
    assert torch.equal(torch.get_rng_state(), before)


@every_layer
def test_float16_autocast_is_torchs(name: str) -> None:
    """oneDNN's LSTM has no float16 on most processors: what torch refuses may be refused."""

    def act(layer: Any) -> Any:
        with torch.autocast("cpu", F16):
            return layer(draw(T, N, INPUTS, dtype=F32))

    theirs, ours = twins(name, dtype=F32)
    try:
        expected = tried(act, theirs)
    except RuntimeError:
        with torch.autocast("cpu", enabled=False):
            expected = tried(lambda layer: layer(draw(T, N, INPUTS, dtype=F32)), theirs)
        try:
            got = tried(act, ours)
        except RuntimeError:
            return
        same([part.float() for part in flat(got)], expected, tolerance=1e-2)
    else:
        same(tried(act, ours), expected, tolerance=1e-2)
