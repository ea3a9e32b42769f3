"""Losses against torch's, at sizes where a careless form overflows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from rekur.errors import DataError, ShapeError
from rekur.reference import losses

logits = st.lists(st.floats(-800, 800, width=32), min_size=1, max_size=8)


def same(ours, torch_loss, torch_input):
    loss, gradient = ours
    torch_loss.backward()
    np.testing.assert_allclose(loss, torch_loss.item(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient, torch_input.grad, rtol=1e-10, atol=1e-14)


@settings(max_examples=50, deadline=None)
@given(z=logits)
def test_binary_cross_entropy_equals_torch(z):
    y = np.resize([0.0, 1.0, 1.0, 0.25], len(z))
    theirs = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    expected = functional.binary_cross_entropy_with_logits(theirs, torch.from_numpy(y))
    same(losses.binary_cross_entropy(np.array(z), y), expected, theirs)


@settings(max_examples=50, deadline=None)
@given(z=logits, N=st.integers(1, 4), C=st.integers(1, 5))
def test_softmax_cross_entropy_equals_torch(z, N, C):
    table, y = np.resize(z, (N, C)), np.arange(N) % C
    theirs = torch.tensor(table, requires_grad=True)
    same(losses.softmax_cross_entropy(table, y), functional.cross_entropy(theirs, torch.from_numpy(y)), theirs)
    np.testing.assert_allclose(losses.softmax(table), torch.softmax(theirs.detach(), -1), rtol=1e-12)


def test_softmax_cross_entropy_takes_any_leading_axes():
    generator = np.random.default_rng(0)
    table, y = generator.normal(size=(3, 2, 4)), generator.integers(0, 4, (3, 2))
    loss, gradient = losses.softmax_cross_entropy(table, y)
    flat_loss, flat_gradient = losses.softmax_cross_entropy(table.reshape(6, 4), y.ravel())
    assert loss == pytest.approx(flat_loss, rel=1e-14)
    np.testing.assert_allclose(gradient.reshape(6, 4), flat_gradient, rtol=1e-14)


def test_mean_squared_error_equals_torch():
    forecast, y = np.random.default_rng(0).normal(size=(2, 5, 3))
    theirs = torch.tensor(forecast, requires_grad=True)
    same(losses.mean_squared_error(forecast, y), functional.mse_loss(theirs, torch.from_numpy(y)), theirs)


def test_sigmoid_is_right_at_both_ends():
    z = np.array([-1e4, -30.0, 0.0, 30.0, 1e4])
    np.testing.assert_allclose(losses.sigmoid(z), torch.sigmoid(torch.from_numpy(z)), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("loss", [losses.binary_cross_entropy, losses.mean_squared_error, losses.softmax_cross_entropy])
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(ShapeError, match=rf"{loss.__name__}: y must be \(4,"):
        loss(np.zeros((4, 1)), np.zeros((1, 4), dtype=int))


def test_a_class_that_does_not_exist_is_refused():
    for classes in ([0, 3], [-1, 0]):
        with pytest.raises(DataError, match="classes must be 0 to C-1=2"):
            losses.softmax_cross_entropy(np.zeros((2, 3)), np.array(classes))
