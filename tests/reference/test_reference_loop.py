"""Back-propagation through time: against finite differences, and truncated against torch's detach."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_twins import CELLS, as_given, as_list, draw, twins

from rekur.reference import gradcheck

every_cell = pytest.mark.parametrize("cell", list(CELLS))


@every_cell
@pytest.mark.parametrize("both", [False, True])
def test_every_gradient_equals_finite_differences(cell, both):
    ours = CELLS[cell](2, 3, 2, bidirectional=both)
    x, state = draw(ours, 4, 3)
    lengths = [4, 2, 1]
    generator = np.random.default_rng(1)
    d_output = generator.normal(size=ours.forward(x)[0].shape)
    d_end = [generator.normal(size=part.shape) for part in state]

    def loss():
        output, end, _ = ours.forward(x, as_given(state), lengths)
        return float((output * d_output).sum() + sum((e * d).sum() for e, d in zip(as_list(end), d_end, strict=True)))

    cache = ours.forward(x, as_given(state), lengths)[2]
    d_x, d_state, d_weights = ours.backward(d_output, as_given(d_end), cache)
    letters = [f"{letter}_0" for letter in ours.states]
    arrays = {**ours.weights, "x": x, **dict(zip(letters, state, strict=True))}
    gradients = {**d_weights, "x": d_x, **dict(zip(letters, as_list(d_state), strict=True))}
    assert gradcheck.check(loss, arrays, gradients, entries=12) < 1e-7


@every_cell
@settings(max_examples=15, deadline=None)
@given(T=st.integers(1, 6), k=st.integers(1, 7), K=st.integers(1, 2))
def test_truncated_equals_torch_with_the_first_steps_detached(cell, T, k, K):
    ours, theirs = twins(cell, 3, 4, K)
    x, state = draw(ours, T, 2)
    d_output = np.random.default_rng(2).normal(size=(T, 2, 4))
    end = ours.forward(x, as_given(state))[1]
    d_end = as_given([np.ones_like(part) for part in as_list(end)])
    d_x, d_state, d_weights = ours.backward(d_output, d_end, ours.forward(x, as_given(state))[2], truncate=k)

    cut = max(0, T - k)
    carried = as_given([torch.tensor(part, requires_grad=cut == 0) for part in state])
    if cut:
        with torch.no_grad():
            carried = theirs(torch.tensor(x[:cut]), carried)[1]
    tail = torch.tensor(x[cut:], requires_grad=True)
    output, torch_end = theirs(tail, carried)
    loss = (output * torch.from_numpy(d_output[cut:])).sum() + sum(part.sum() for part in as_list(torch_end))
    loss.backward()
    np.testing.assert_allclose(d_x[cut:], tail.grad, rtol=1e-9, atol=1e-12)
    assert not d_x[:cut].any()
    for name, weight in theirs.named_parameters():
        np.testing.assert_allclose(d_weights[name], weight.grad, rtol=1e-9, atol=1e-12)
    for ours_part, torch_part in zip(as_list(d_state), as_list(carried), strict=True):
        expected = np.zeros_like(ours_part) if cut else torch_part.grad
        np.testing.assert_allclose(ours_part, expected, rtol=1e-9, atol=1e-12)


@every_cell
def test_truncation_counts_from_each_rows_own_end(cell):
    ours = CELLS[cell](3, 4)
    x, state = draw(ours, 6, 3)
    lengths = [6, 2, 4]
    output, end, cache = ours.forward(x, as_given(state), lengths)
    d_end = [np.ones_like(part) for part in as_list(end)]
    d_x, d_state, _ = ours.backward(output, as_given(d_end), cache, truncate=3)
    for row, length in enumerate(lengths):
        alone = as_given([part[:, row : row + 1] for part in state])
        own, _, own_cache = ours.forward(x[:length, row : row + 1], alone)
        own_d = as_given([part[:, row : row + 1] for part in d_end])
        own_d_x, own_d_state, _ = ours.backward(own, own_d, own_cache, truncate=3)
        np.testing.assert_allclose(d_x[:length, row : row + 1], own_d_x, rtol=1e-10, atol=1e-13)
        for part, own_part in zip(as_list(d_state), as_list(own_d_state), strict=True):
            np.testing.assert_allclose(part[:, row : row + 1], own_part, rtol=1e-10, atol=1e-13)
        assert d_x[:length, row].any(axis=1).sum() == min(length, 3)
