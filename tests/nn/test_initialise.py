"""Keras's initial weights, by the limits and the orthogonality its documentation states."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rekur.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from rekur.nn.initialise import keras_

INPUTS, H = 20, 30


@pytest.mark.parametrize(("kind", "gates"), [(RNN, 1), (GRU, 3), (LSTM, 4)])
def test_layers(kind: type[nn.RNNBase], gates: int) -> None:
    torch.manual_seed(0)
    layer = kind(INPUTS, H, num_layers=2, bidirectional=True)
    keras_(layer)
    for name, weight in layer.named_parameters():
        if name.startswith("weight_ih"):
            limit = (6 / (weight.shape[1] + gates * H)) ** 0.5
            assert weight.abs().max() <= limit
            assert weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.1)
        elif name.startswith("weight_hh"):
            torch.testing.assert_close(weight.T @ weight, torch.eye(H), atol=1e-5, rtol=0)
        elif kind is LSTM and name.startswith("bias_ih"):
            assert weight.view(4, H).sum(1).tolist() == [0, H, 0, 0]
        else:
            assert not weight.any()


@pytest.mark.parametrize("kind", [RNNCell, GRUCell, LSTMCell])
def test_cells_are_drawn_too(kind: type[nn.RNNCellBase]) -> None:
    cell = kind(INPUTS, H)
    keras_(cell)
    hidden = cell.weight_hh
    torch.testing.assert_close(hidden.T @ hidden, torch.eye(H), atol=1e-5, rtol=0)
    assert cell.bias_ih.sum() == (H if kind is LSTMCell else 0)


def test_embeddings_and_dense_layers_within_a_model() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"table": nn.Embedding(1000, 8, padding_idx=0), "head": nn.Linear(50, 10)})
    keras_(model)
    table, head = model["table"].weight, model["head"]
    assert not table[0].any()
    assert table.abs().max() <= 0.05
    assert table[1:].std().item() == pytest.approx(0.05 / 3**0.5, rel=0.05)
    assert head.weight.abs().max() <= (6 / 60) ** 0.5
    assert not head.bias.any()
    keras_(nn.Linear(2, 2, bias=False))
    keras_(nn.Embedding(3, 2))


@pytest.mark.parametrize(("kind", "trained"), [(RNN, False), (LSTM, False), (GRU, True)])
def test_two_biases_are_trained_only_where_keras_has_two(kind: type[nn.RNNBase], trained: bool) -> None:
    layer = kind(INPUTS, H)
    keras_(layer)
    assert layer.bias_hh_l0.requires_grad is trained
    assert layer.bias_ih_l0.requires_grad
    layer(torch.randn(4, 2, INPUTS))[0].sum().backward()
    assert (layer.bias_hh_l0.grad is None) is not trained
