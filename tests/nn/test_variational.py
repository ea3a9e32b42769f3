"""Dropout of whole sequences: one mask for all steps, one thinned W_hh, and without either the layer itself."""

from __future__ import annotations

import pytest
import torch

from rekur import nn
from rekur.nn import variational

N, T, INPUTS, H = 3, 6, 4, 5
KINDS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


def layer(kind: str, **options):
    torch.manual_seed(4)
    return KINDS[kind](INPUTS, H, num_layers=2, batch_first=True, **options)


def parts(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [None, [6, 2, 4]])
def test_without_any_dropout_it_is_the_layer(kind, bidirectional, lengths):
    made = layer(kind, bidirectional=bidirectional)
    ends = None if lengths is None else torch.tensor(lengths)
    x = torch.randn(N, T, INPUTS)
    _, state = made(torch.randn(N, T, INPUTS))
    outputs, end = variational.run(made, x, state, ends, 0.0, 0.0)
    expected, other = made(x, state, lengths=ends)
    torch.testing.assert_close(outputs, expected)
    for part, one in zip(parts(end), parts(other), strict=True):
        torch.testing.assert_close(part, one)


def test_the_same_features_are_left_out_at_all_steps_and_others_in_each_row():
    torch.manual_seed(0)
    kept = variational.dropout(torch.ones(8, 50, 30), 0.4, training=True) != 0
    assert (kept == kept[:, :1]).all()
    assert not (kept[0] == kept[1]).all()
    assert 0.4 < kept.float().mean() < 0.8
    assert torch.equal(variational.dropout(torch.ones(2, 3, 4), 0.4, training=False), torch.ones(2, 3, 4))


def test_what_is_kept_is_scaled_so_that_the_mean_stays():
    torch.manual_seed(0)
    assert variational.dropout(torch.ones(300, 1, 100), 0.3, training=True).mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_dropped_recurrent_weights_get_no_gradient_and_the_others_do(kind):
    made = layer(kind)
    outputs, _ = variational.run(made, torch.randn(N, T, INPUTS), None, None, 0.0, 0.5)
    outputs.square().sum().backward()
    for k in range(2):
        none = (getattr(made, f"weight_hh_l{k}").grad == 0).float().mean()
        assert 0.3 < none < 0.7
        assert getattr(made, f"weight_ih_l{k}").grad.all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_thinned_layer_is_a_layer_of_thinned_weights(kind):
    made, x = layer(kind), torch.randn(N, T, INPUTS)
    torch.manual_seed(7)
    outputs, _ = variational.run(made, x, None, None, 0.0, 0.5)
    torch.manual_seed(7)
    with torch.no_grad():
        for k in range(2):
            weight = getattr(made, f"weight_hh_l{k}")
            weight.copy_(torch.nn.functional.dropout(weight, 0.5))
    torch.testing.assert_close(outputs, made(x)[0])


@pytest.mark.parametrize("same", [False, True])
def test_between_layers_the_mask_is_one_a_sequence_or_one_a_step(same, monkeypatch):
    seen = []
    native, other = variational.kernels.native_layer, variational.kernels.torch_layer
    monkeypatch.setattr(variational.kernels, "native_layer", lambda p, x, *a: seen.append(x) or native(p, x, *a))
    monkeypatch.setattr(variational.kernels, "torch_layer", lambda p, x, *a: seen.append(x) or other(p, x, *a))
    variational.run(layer("GRU"), torch.randn(N, T, INPUTS), None, None, 0.5, 0.0, same=same)
    kept = next(x for x in seen if x.shape[2] == H).detach().numpy() != 0  # (T, N, H)
    assert (kept == kept[:1]).all() == same
    assert 0 < kept.mean() < 1
