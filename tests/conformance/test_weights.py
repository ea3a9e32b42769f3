"""Weights that are more than parameters of their own: tied, parametrised, pruned, dropped."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune
from twins import (
    INPUTS,
    H,
    N,
    T,
    agree,
    draw,
    every_layer,
    gradients,
    loss,
    step,
)


def tie_layers(layer: Any) -> None:
    layer.weight_ih_l1, layer.bias_hh_l1 = layer.weight_ih_l0, layer.bias_ih_l0


def tie_directions(layer: Any) -> None:
    layer.weight_hh_l0_reverse = layer.weight_hh_l0


def tie_biases(layer: Any) -> None:
    layer.bias_hh_l0 = layer.bias_ih_l0


@pytest.mark.parametrize("tie", [tie_layers, tie_directions, tie_biases])
@every_layer
def test_tied_weights_in_one_layer(name: str, tie: Callable[[Any], None]) -> None:
    def act(layer: Any) -> Any:
        tie(layer)
        x = draw(T, N, H)
        result = layer(x)
        loss(result).backward()
        assert len(list(layer.parameters())) < len(layer._flat_weights)
        return result, gradients(layer), gradients(copy.deepcopy(layer))

    agree(name, act, input_size=H, num_layers=2, bidirectional=tie is tie_directions)


@every_layer
def test_weights_tied_between_layers(name: str) -> None:
    def act(layer: Any) -> Any:
        other = copy.deepcopy(layer)
        other.weight_hh_l0 = layer.weight_hh_l0
        x = draw(T, N, INPUTS)
        loss(layer(x), other(x)).backward()
        return gradients(layer), gradients(other)

    agree(name, act)


class Doubled(nn.Module):
    """A parametrisation."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


PARAMETRISED: dict[str, Callable[[Any], Any]] = {
    "doubled": lambda layer: parametrize.register_parametrization(layer, "weight_hh_l0", Doubled()),
    "normed": lambda layer: parametrizations.weight_norm(layer, "weight_hh_l0"),
    "normed inputs": lambda layer: parametrizations.weight_norm(layer, "weight_ih_l0", dim=1),
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", amount=0.5),
}


@pytest.mark.parametrize("way", PARAMETRISED)
@every_layer
def test_parametrised_weights(name: str, way: str) -> None:
    def act(layer: Any) -> Any:
        plain = step(layer)
        PARAMETRISED[way](layer)
        return plain, step(layer)

    agree(name, act)


@every_layer
def test_a_parametrisation_changes_the_outputs_until_it_is_removed(name: str) -> None:
    def act(layer: Any) -> Any:
        x, outputs = draw(T, N, INPUTS), []
        outputs.append(layer(x)[0])
        parametrize.register_parametrization(layer, "weight_hh_l0", Doubled())
        outputs.append(layer(x)[0])
        with parametrize.cached():
            outputs += [layer(x)[0], layer(x)[0]]
        parametrize.remove_parametrizations(layer, "weight_hh_l0", leave_parametrized=True)
        loss(layer(x)).backward()
        assert not torch.allclose(outputs[0], outputs[1])
        return outputs, gradients(layer)

    agree(name, act)


@every_layer
def test_dropped_weights(name: str) -> None:
    """The recurrent weights replaced by a tensor drawn anew, as in AWD-LSTM (Merity et al. 2018)."""

    def act(layer: Any) -> Any:
        raw = nn.Parameter(layer.weight_hh_l0.detach().clone())
        del layer._parameters["weight_hh_l0"]
        layer.register_parameter("raw", raw)
        results = []
        for _ in range(2):
            layer.weight_hh_l0 = nn.functional.dropout(raw, 0.5)
            results.append(layer(draw(T, N, INPUTS)))
        loss(results).backward()
        return results, gradients(layer)

    agree(name, act)
