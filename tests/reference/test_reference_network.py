"""The from-scratch network: against torch on one-hot input, its fault, its memory, and that it learns."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from rekur.errors import DataError, RekurError, ShapeError
from rekur.reference import gradcheck
from rekur.reference.network import Network, glorot, orthogonal


def batch(N=6, T=9, V=11, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, V, (N, T)).astype(np.uint8), generator.integers(0, 2, N)


def small(V=11, H=5):
    """Return a network with no bias at zero, so that a forgotten bias shows."""
    network = Network(V, H, seed=4)
    for name in ("bias_ih_l0", "bias"):
        network.parameters[name] += np.random.default_rng(5).normal(size=network.parameters[name].shape)
    return network


@pytest.mark.parametrize("truncate", [None, 1, 4, 20])
def test_look_up_equals_torch_on_one_hot_input_detached_before_the_last_steps(truncate):
    network, (ids, y) = small(), batch()
    T, H = ids.shape[1], network.hidden
    core, readout = nn.RNN(11, H, batch_first=True).double(), nn.Linear(H, 1).double()
    given = {name: torch.from_numpy(value.copy()) for name, value in network.parameters.items()}
    core.load_state_dict(
        {**{n: v for n, v in given.items() if n.endswith("l0")}, "bias_hh_l0": torch.zeros(H).double()}
    )
    readout.load_state_dict({"weight": given["weight"], "bias": given["bias"]})

    one_hot = functional.one_hot(torch.from_numpy(ids).long(), 11).double()
    cut = 0 if truncate is None else max(0, T - truncate)
    state = torch.zeros(1, len(ids), H).double()
    if cut:
        state = core(one_hot[:, :cut], state)[1].detach()
    logits = readout(core(one_hot[:, cut:], state)[1][0])[:, 0]
    expected = functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(y).double())
    expected.backward()

    loss, gradients = network.loss_and_gradients(ids, y, truncate=truncate)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(network.predict(ids), torch.sigmoid(logits).detach(), rtol=1e-12)
    theirs = dict(core.named_parameters()) | dict(readout.named_parameters())
    assert gradients.keys() == network.parameters.keys()
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, theirs[name].grad, rtol=1e-9, atol=1e-13, err_msg=name)


def test_the_gradient_checker_passes_the_mended_and_names_the_faulty_backward():
    network, (ids, y) = small(), batch()

    def loss():
        return network.loss_and_gradients(ids, y, truncate=None)[0]

    right = network.loss_and_gradients(ids, y, truncate=None)[1]
    assert gradcheck.check(loss, network.parameters, right) < 1e-7
    wrong = network.loss_and_gradients(ids, y, truncate=None, transpose_fault=True)[1]
    with pytest.raises(RekurError, match=r"gradient of (weight_hh_l0|weight_ih_l0|bias_ih_l0) is wrong"):
        gradcheck.check(loss, network.parameters, wrong)
    for name in ("weight", "bias"):  # the fault lies behind the last state: the readout's gradients are right
        np.testing.assert_array_equal(wrong[name], right[name])


def test_first_weights():
    network = Network(100, 32, seed=1)
    w_hh = network.parameters["weight_hh_l0"]
    np.testing.assert_allclose(w_hh @ w_hh.T, np.eye(32), atol=1e-12)
    assert not network.parameters["bias_ih_l0"].any()
    assert not network.parameters["bias"].any()
    bound = np.sqrt(6 / 132)
    assert 0.95 * bound < np.abs(network.parameters["weight_ih_l0"]).max() <= bound
    other = Network(100, 32, seed=2)
    assert (other.parameters["weight_hh_l0"] != w_hh).all()


def test_orthogonal_and_glorot_are_centred():
    generator = np.random.default_rng(0)
    diagonals = np.array([np.diag(orthogonal(generator, 3)) for _ in range(400)])
    assert abs(diagonals.mean()) < 0.1  # an uncorrected QR has every diagonal of one sign
    assert abs(glorot(generator, 40, 60).mean()) < 0.02


def easy(rows, seed):
    """Reviews of noise whose last four tokens are of the class: token 1 or 2."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, rows)
    ids = generator.integers(3, 10, (rows, 12)).astype(np.uint8)
    ids[:, -4:] = 1 + y[:, None]
    return ids, y


def test_it_learns_and_the_same_seed_gives_the_same_bits():
    runs = []
    for _ in range(2):
        network = Network(10, 8, seed=1)
        runs.append(list(network.fit(*easy(640, 1), easy(200, 2), epochs=3, learning_rate=0.1, seed=1)))
    assert runs[0] == runs[1]
    assert [entry["epoch"] for entry in runs[0]] == [1, 2, 3]
    assert runs[0][-1]["loss"] < runs[0][0]["loss"]
    assert runs[0][-1]["validation"]["accuracy"] > 0.95
    assert runs[0][-1]["accuracy"] > 0.95


def test_score_is_the_loss_and_the_share_right():
    network, (ids, y) = small(), batch(N=40)
    scored = network.score(ids, y)
    assert scored["loss"] == pytest.approx(network.loss_and_gradients(ids, y)[0], rel=1e-12)
    assert scored["accuracy"] == np.mean((network.predict(ids, batch=7) > 0.5) == y)


def test_training_makes_no_one_hot_tensor():
    rows, T, V = 512, 100, 100
    generator = np.random.default_rng(0)
    ids, y = generator.integers(0, V, (rows, T)).astype(np.uint8), generator.integers(0, 2, rows)
    network = Network(V, 32)
    tracemalloc.start()
    list(network.fit(ids, y, (ids, y), epochs=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one_hot = rows * T * V * 8
    assert peak < 30e6 < one_hot  # a batch's states, 256 x 100 x 32 float64 four times over; not 41 MB


def test_the_room_needs_numpy_alone():
    code = "import sys, rekur.reference.network; print(sorted({'torch', 'scipy', 'polars'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_wrong_input_is_named():
    network = Network(10, 4)
    with pytest.raises(DataError, match="ids must be 0 to V-1=9; got 0 to 10"):
        network.predict(np.array([[0, 10]]))
    with pytest.raises(ShapeError, match=r"Network: y must be \(N=2\); got \(3,\)"):
        network.loss_and_gradients(np.zeros((2, 5), dtype=int), np.zeros(3))
    with pytest.raises(DataError, match="got 10 to 10"):
        next(network.fit(*easy(8, 1), (np.full((2, 12), 10), np.zeros(2))))
    with pytest.raises(ShapeError, match="Network: ids must be"):
        network.predict(np.zeros(5, dtype=int))
