"""What is refused where torch refuses it: sizes, types and devices that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from twins import (
    F32,
    F64,
    INPUTS,
    H,
    N,
    T,
    both_refuse,
    draw,
    every_layer,
    state_of,
)

Z = torch.zeros

WRONG: dict[str, Callable[[Any], Any]] = {
    "too few features": lambda layer: layer(draw(T, N, INPUTS - 1)),
    "too many features": lambda layer: layer(draw(T, N, INPUTS + 1)),
    "four sizes": lambda layer: layer(draw(1, T, N, INPUTS)),
    "one size": lambda layer: layer(draw(INPUTS)),
    "a scalar": lambda layer: layer(Z((), dtype=F64)),
    "no step": lambda layer: layer(draw(0, N, INPUTS)),
    "no step of one row": lambda layer: layer(draw(0, INPUTS)),
    "float32": lambda layer: layer(draw(T, N, INPUTS, dtype=F32)),
    "integers": lambda layer: layer(Z(T, N, INPUTS, dtype=torch.int64)),
    "complex": lambda layer: layer(Z(T, N, INPUTS, dtype=torch.complex128)),
    "a NumPy array": lambda layer: layer(draw(T, N, INPUTS).numpy()),
    "a list": lambda layer: layer([[0.0] * INPUTS]),
    "nothing": lambda layer: layer(None),
    "no argument": lambda layer: layer(),
    "sparse": lambda layer: layer(draw(T, N, INPUTS).to_sparse()),
    "another device": lambda layer: layer(Z(T, N, INPUTS, dtype=F64, device="meta")),
}


@pytest.mark.parametrize("what", WRONG)
@every_layer
def test_wrong_input_is_refused(name: str, what: str) -> None:
    both_refuse(name, WRONG[what])


WRONG_STATES: dict[str, Callable[[Tensor], Any]] = {
    "of two layers": lambda h: h.repeat(2, 1, 1),
    "one row too many": lambda h: torch.cat((h, h[:, :1]), dim=1),
    "one row for all": lambda h: h[:, :1],
    "one unit too many": lambda h: torch.cat((h, h[..., :1]), dim=2),
    "no layers": lambda h: h[0],
    "no rows": lambda h: h[:, 0],
    "four sizes": lambda h: h.unsqueeze(0),
    "batch first": lambda h: h.transpose(0, 1),
    "float32": lambda h: h.float(),
    "another device": lambda h: h.to("meta"),
    "a NumPy array": lambda h: h.numpy(),
}


@pytest.mark.parametrize("what", WRONG_STATES)
@every_layer
def test_a_wrong_state_is_refused(name: str, what: str) -> None:
    def act(layer: Any) -> Any:
        h = WRONG_STATES[what](draw(1, N, H))
        return layer(draw(T, N, INPUTS), (h, h) if name == "LSTM" else h)

    both_refuse(name, act)


@pytest.mark.parametrize(
    "hx", [(Z(1, N, H),), (Z(1, N, H),) * 3, Z(2, 1, N, H), (None, None), 5, (Z(1, N, H), Z(1, H))], ids=range(6)
)
def test_an_lstm_wants_two_states(hx: Any) -> None:
    both_refuse("LSTM", lambda layer: layer(draw(T, N, INPUTS, dtype=F32), hx), dtype=F32)


@pytest.mark.parametrize("name", ["RNN", "GRU"])
def test_the_others_want_one_state(name: str) -> None:
    both_refuse(name, lambda layer: layer(draw(T, N, INPUTS), (draw(1, N, H), draw(1, N, H))))


@every_layer
def test_one_row_wants_a_state_without_rows(name: str) -> None:
    both_refuse(name, lambda layer: layer(draw(T, INPUTS), state_of(layer, 1)))
    both_refuse(name, lambda layer: layer(draw(T, INPUTS), state_of(layer, T)))


WRONG_CELLS: dict[str, Callable[[Any], Any]] = {
    "features": lambda cell: cell(draw(N, INPUTS + 1)),
    "three sizes": lambda cell: cell(draw(T, N, INPUTS)),
    "a scalar": lambda cell: cell(Z((), dtype=F64)),
    "float32": lambda cell: cell(draw(N, INPUTS, dtype=F32)),
    "rows of the state": lambda cell: cell(draw(N, INPUTS), state_of(cell, N + 1)),
    "units of the state": lambda cell: cell(draw(N, H), state_of(cell, H)),
    "a state without rows": lambda cell: cell(draw(N, INPUTS), state_of(cell)),
    "a state with rows": lambda cell: cell(draw(INPUTS), state_of(cell, N)),
    "a state of three sizes": lambda cell: cell(draw(N, INPUTS), state_of(cell, 1, N)),
    "nothing": lambda cell: cell(None),
}


@pytest.mark.parametrize("what", WRONG_CELLS)
@every_layer
def test_cells_refuse_wrong_input(name: str, what: str) -> None:
    both_refuse(name, WRONG_CELLS[what], cell=True)


def test_a_cell_with_an_unknown_nonlinearity_is_refused_when_it_runs() -> None:
    both_refuse("RNN", lambda cell: cell(draw(N, INPUTS)), cell=True, nonlinearity="gelu")


@pytest.mark.parametrize(  # not the LSTM in float32: oneDNN does not look, and reads what is not there
    ("name", "dtype"), [("RNN", F32), ("RNN", F64), ("GRU", F32), ("GRU", F64), ("LSTM", F64)], ids=str
)
def test_weights_of_a_wrong_size_are_refused(name: str, dtype: torch.dtype) -> None:
    def act(layer: Any) -> Any:
        layer.weight_hh_l0 = nn.Parameter(draw(3, 3, dtype=dtype))
        return layer(draw(T, N, INPUTS, dtype=dtype))

    both_refuse(name, act, dtype=dtype)


@every_layer
def test_weights_of_two_types_are_refused(name: str) -> None:
    def act(layer: Any) -> Any:
        layer.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0.detach().double())
        return layer(draw(T, N, INPUTS, dtype=F32))

    both_refuse(name, act, dtype=F32)


@every_layer
def test_missing_biases_are_refused(name: str) -> None:
    def act(layer: Any) -> Any:
        layer.bias_hh_l0 = None
        return layer(draw(T, N, INPUTS))

    both_refuse(name, act)
