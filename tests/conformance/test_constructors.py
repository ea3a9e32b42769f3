"""What the constructors take, refuse, warn of and print: word for word torch's."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn
from twins import (
    F64,
    every_kind,
    every_layer,
    same,
    twins,
)

from rekur import nn as ours_nn

LAYERS = ("RNN", "GRU", "LSTM")
CELLS = ("RNNCell", "GRUCell", "LSTMCell")

WRONG: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((3,), {}),
    (("3", 4), {}),
    ((3, 4.0), {}),
    ((3, None), {}),
    ((0, 4), {}),
    ((3, 0), {}),
    ((3, -1), {}),
    ((3, 4), {"num_layers": 0}),
    ((3, 4), {"num_layers": -2}),
    ((3, 4), {"num_layers": 2.0}),
    ((3, 4), {"num_layers": 2, "dropout": 1.5}),
    ((3, 4), {"num_layers": 2, "dropout": -0.1}),
    ((3, 4), {"num_layers": 2, "dropout": True}),
    ((3, 4), {"num_layers": 2, "dropout": "a little"}),
    ((3, 4), {"bias": "yes"}),
    ((3, 4), {"batch_first": 1}),
    ((3, 4), {"proj_size": -1}),
    ((3, 4), {"proj_size": 4}),
    ((3, 4), {"proj_size": 9}),
    ((3, 4), {"nonlinearity": "gelu"}),
    ((3, 4), {"nope": 1}),
    ((3, 4), {"dtype": torch.int64}),
    ((3, 4), {"device": "nowhere"}),
]
WRONG_CELLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((3,), {}),
    ((3, 4.0), {}),
    ((3, -1), {}),
    ((3, 4), {"num_layers": 2}),
    ((3, 4), {"nope": 1}),
    ((3, 4), {"dtype": torch.int64}),
]


def refusal(make: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[type, str]:
    with pytest.raises((TypeError, ValueError, RuntimeError)) as error:
        make(*arguments, **options)
    return error.type, str(error.value)


@pytest.mark.parametrize(("arguments", "options"), WRONG, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_refuse_what_torch_refuses(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    expected = refusal(getattr(nn, name), arguments, options)
    assert refusal(getattr(ours_nn, name), arguments, options) == expected


@pytest.mark.parametrize(("arguments", "options"), WRONG_CELLS, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_cells_refuse_what_torch_refuses(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    expected = refusal(getattr(nn, name), arguments, options)
    assert refusal(getattr(ours_nn, name), arguments, options) == expected


@pytest.mark.parametrize("name", ["RNN", "GRU"])
def test_only_an_lstm_projects(name: str) -> None:
    with pytest.raises(ValueError, match="proj_size argument is only supported for LSTM, not RNN or GRU"):
        getattr(ours_nn, name)(3, 4, proj_size=2)


@every_layer
def test_dropout_on_one_layer_warns(name: str) -> None:
    with pytest.warns(UserWarning, match=r"num_layers greater than 1, but got dropout=0.5 and num_layers=1"):
        getattr(ours_nn, name)(3, 4, dropout=0.5)


POSITIONAL = {
    "RNN": (3, 4, 2, "relu", False, True, 0.25, True),
    "GRU": (3, 4, 2, False, True, 0.25, True),
    "LSTM": (3, 4, 2, False, True, 0.25, True, 1),
    "RNNCell": (3, 4, False, "relu"),
    "GRUCell": (3, 4, False),
    "LSTMCell": (3, 4, False),
}
ATTRIBUTES = (
    *("mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"),
    *("proj_size", "nonlinearity", "training", "_flat_weights_names", "_all_weights"),
)


@pytest.mark.parametrize("name", POSITIONAL)
def test_arguments_by_position_are_torchs(name: str) -> None:
    theirs, ours = (getattr(module, name)(*POSITIONAL[name]) for module in (nn, ours_nn))
    for attribute in ATTRIBUTES:
        assert getattr(ours, attribute, "absent") == getattr(theirs, attribute, "absent")
    assert repr(ours) == repr(theirs)
    assert {key: weight.shape for key, weight in ours.state_dict().items()} == {
        key: weight.shape for key, weight in theirs.state_dict().items()
    }
    assert list(inspect.signature(ours.forward).parameters)[:2] == list(inspect.signature(theirs.forward).parameters)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 3},
    {"bias": False},
    {"batch_first": True},
    {"num_layers": 2, "dropout": 0.5},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True, "bias": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@every_kind
def test_they_print_as_torchs_do(name: str, options: dict[str, Any]) -> None:
    theirs, ours = twins(name, **options)
    assert repr(ours) == repr(theirs)
    assert ours.extra_repr() == theirs.extra_repr()
    assert repr(nn.Sequential(ours)) == repr(nn.Sequential(theirs))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@every_kind
def test_weights_stand_where_torchs_stand(name: str, options: dict[str, Any]) -> None:
    theirs, ours = twins(name, **options)
    assert [key for key, _ in ours.named_parameters()] == [key for key, _ in theirs.named_parameters()]
    assert [[weight.shape for weight in part] for part in ours.all_weights] == [
        [weight.shape for weight in part] for part in theirs.all_weights
    ]
    by_name = [ours.get_parameter(key) for key in ours._flat_weights_names]
    for flat in (ours._flat_weights, [weight for part in ours.all_weights for weight in part]):
        assert all(one is other for one, other in zip(flat, by_name, strict=True))


@every_kind
def test_flattening_parameters_changes_nothing(name: str) -> None:
    _, ours = twins(name, num_layers=2)
    before = [(weight.data_ptr(), weight.detach().clone()) for weight in ours.parameters()]
    assert ours.flatten_parameters() is None
    for (place, values), weight in zip(before, ours.parameters(), strict=True):
        assert weight.data_ptr() == place
        assert torch.equal(weight, values)


@pytest.mark.parametrize("name", [*LAYERS, *CELLS])
def test_the_same_seed_draws_the_same_weights(name: str) -> None:
    drawn = []
    for module in (nn, ours_nn):
        torch.manual_seed(3)
        layer = getattr(module, name)(3, 4)
        first = [weight.detach().clone() for weight in layer.parameters()]
        layer.reset_parameters()
        drawn.append((first, list(layer.parameters())))
    same(drawn[1], drawn[0], tolerance=0.0)


@pytest.mark.parametrize("name", [*LAYERS, *CELLS])
def test_device_and_type_by_keyword(name: str) -> None:
    layer = getattr(ours_nn, name)(3, 4, device="meta", dtype=F64)
    assert all(weight.is_meta and weight.dtype == F64 for weight in layer.parameters())
    with torch.device("meta"):
        assert all(weight.is_meta for weight in getattr(ours_nn, name)(3, 4).parameters())


@pytest.mark.parametrize("name", [*LAYERS, *CELLS])
def test_they_are_found_where_torchs_are_looked_for(name: str) -> None:
    layer = getattr(ours_nn, name)(3, 4)
    assert isinstance(layer, getattr(nn, name))
    assert isinstance(layer, nn.RNNBase if name in LAYERS else nn.RNNCellBase)
    assert type(layer).__name__ == name
