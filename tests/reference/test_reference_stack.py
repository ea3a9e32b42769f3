"""Ours against torch.nn: values, gradients, lengths, and what is said of wrong arguments."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_twins import CELLS, as_given, as_list, draw, ours_makes, torch_makes, twins

from rekur.errors import ConfigError, RequestError, ShapeError
from rekur.reference import GRU, LSTM, RNN

every_cell = pytest.mark.parametrize("cell", list(CELLS))
sizes = st.integers(1, 4)


@every_cell
@settings(max_examples=25, deadline=None)
@given(data=st.data(), T=sizes, N=sizes, width=sizes, H=sizes, K=st.integers(1, 3), both=st.booleans())
def test_equals_torch(cell, data, T, N, width, H, K, both):
    options = {
        "bidirectional": both,
        "batch_first": data.draw(st.booleans()),
        "bias": data.draw(st.booleans()),
    }
    ours, theirs = twins(cell, width, H, K, **options)
    lengths = data.draw(st.none() | st.lists(st.integers(1, T), min_size=N, max_size=N))
    x, state = draw(ours, T, N)
    ours_makes(ours, x, state, lengths).assert_equal(torch_makes(theirs, x, state, lengths))


def test_relu_equals_torch():
    ours, theirs = twins("rnn", 3, 5, 2, nonlinearity="relu", bidirectional=True)
    x, state = draw(ours, 6, 4)
    ours_makes(ours, x, state).assert_equal(torch_makes(theirs, x, state))


@every_cell
def test_an_empty_batch_gives_empty_outputs_and_zero_gradients(cell):
    ours, theirs = twins(cell, 3, 5, 2, bidirectional=True)
    x, state = draw(ours, 6, 0)
    made = ours_makes(ours, x, state)
    assert made.output.shape == theirs(torch.from_numpy(x))[0].shape == (6, 0, 10)
    assert not any(gradient.any() for gradient in made.d_weights.values())


@every_cell
def test_no_state_is_the_zero_state(cell):
    ours = CELLS[cell](3, 5, 2, bidirectional=True)
    x, state = draw(ours, 6, 4)
    zeros = as_given([np.zeros_like(part) for part in state])
    output, end, cache = ours.forward(x)
    output_zeros, end_zeros, _ = ours.forward(x, zeros)
    np.testing.assert_array_equal(output, output_zeros)
    np.testing.assert_array_equal(end, end_zeros)
    for none, zero in zip(
        ours.backward(output, None, cache)[2].values(),
        ours.backward(output, zeros, cache)[2].values(),
        strict=True,
    ):
        np.testing.assert_array_equal(none, zero)


@every_cell
def test_what_lies_behind_a_length_changes_nothing_not_even_nan(cell):
    ours = CELLS[cell](3, 5, 2, bidirectional=True)
    x, state = draw(ours, 6, 4)
    lengths = [6, 1, 3, 0]
    spoiled = x.copy()
    for row, length in enumerate(lengths):
        spoiled[length:, row] = np.nan
    clean = ours_makes(ours, x, state, lengths)
    clean.assert_equal(ours_makes(ours, spoiled, state, lengths))
    for row, length in enumerate(lengths):
        assert not clean.output[length:, row].any()
        assert not clean.d_x[length:, row].any()


@every_cell
def test_a_row_of_length_zero_hands_its_state_on(cell):
    ours = CELLS[cell](3, 5)
    x, state = draw(ours, 6, 2)
    _, end, cache = ours.forward(x, as_given(state), [0, 6])
    ends = as_list(end)
    for start, part in zip(state, ends, strict=True):
        np.testing.assert_array_equal(part[:, 0], start[:, 0])
    _, d_state, _ = ours.backward(np.ones((6, 2, 5)), as_given([np.ones_like(part) for part in ends]), cache)
    for part in as_list(d_state):
        np.testing.assert_array_equal(part[:, 0], 1.0)


@every_cell
def test_names_shapes_and_order_of_the_weights_are_torchs(cell):
    for options in ({}, {"bias": False}, {"bidirectional": True}):
        ours, theirs = twins(cell, 3, 5, 2, **options)
        wanted = {name: tuple(weight.shape) for name, weight in theirs.state_dict().items()}
        assert list(ours.shapes().items()) == list(wanted.items())
        assert {name: weight.shape for name, weight in ours.weights.items()} == wanted


@every_cell
def test_first_weights_follow_the_seed_and_torchs_bound(cell):
    one, same, other = (CELLS[cell](30, 16, seed=seed) for seed in (1, 1, 2))
    for name, weight in one.weights.items():
        np.testing.assert_array_equal(weight, same.weights[name])
        assert (weight != other.weights[name]).any()
        assert np.abs(weight).max() <= 16**-0.5
        assert np.abs(weight).max() > 0.8 * 16**-0.5  # of 16 draws or more: drawn up to the bound


def test_load_copies_and_names_every_fault():
    gru = GRU(3, 5)
    given = {name: np.ones(shape, dtype=np.float32) for name, shape in gru.shapes().items()}
    gru.load(given)
    given["bias_hh_l0"][:] = 7.0
    assert gru.weights["bias_hh_l0"].dtype == np.float64
    assert (gru.weights["bias_hh_l0"] == 1.0).all()
    del given["bias_hh_l0"]
    given |= {"weight_hh_l0": np.ones((5, 15)), "weight_hr_l0": np.ones(1)}
    with pytest.raises(ShapeError) as error:
        gru.load(given)
    assert str(error.value) == (
        "GRU: bias_hh_l0 is missing; weight_hh_l0 must be (15, 5), got (5, 15); weight_hr_l0 is not one of its weights."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": np.ones((6, 4, 2))}, "LSTM: x must be (T, N, I=3); got (6, 4, 2)."),
        ({"x": np.ones((0, 4, 3))}, "LSTM: x must have T=1 step or more; got (0, 4, 3)."),
        ({"state": np.ones((1, 4, 5))}, "LSTM: the state must be the pair (h_0, c_0); got one ndarray."),
        (
            {"state": (np.ones((1, 4, 5)), np.ones((4, 1, 5)))},
            "LSTM: c_0 must be (K*D=1, N=4, H=5); got (4, 1, 5). "
            "The first two sizes look swapped; batch_first does not apply to a state.",
        ),
        ({"lengths": [1, 2, 3]}, "LSTM: lengths must be (N=4); got (3,)."),
        ({"lengths": [1, 2, 3, 7]}, "LSTM: lengths must be whole numbers from 0 to T=6; got [1, 2, 3, 7]."),
        ({"lengths": [1, 2, 3, -1]}, "LSTM: lengths must be whole numbers from 0 to T=6; got [1, 2, 3, -1]."),
        (
            {"lengths": [1, 2, 3, 0.5]},
            "LSTM: lengths must be whole numbers from 0 to T=6; got [1.0, 2.0, 3.0, 0.5].",
        ),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ShapeError) as error:
        LSTM(3, 5).forward(**{"x": np.ones((6, 4, 3))} | arguments)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("d_output", "d_state", "message"),
    [
        (np.ones((4, 5, 5)), None, "GRU: d_output must be (N=4, T=6, D*H=5); got (4, 5, 5)."),
        (np.ones((4, 6, 5)), np.ones((1, 3, 5)), "GRU: h_n must be (K*D=1, N=4, H=5); got (1, 3, 5)."),
    ],
)
def test_wrong_gradients_are_named(d_output, d_state, message):
    gru = GRU(3, 5, batch_first=True)
    with pytest.raises(ShapeError) as error:
        gru.backward(d_output, d_state, gru.forward(np.ones((4, 6, 3)))[2])
    assert str(error.value) == message


def test_wrong_constructors_are_named():
    with pytest.raises(ConfigError, match="Did you mean `relu`"):
        RNN(3, 5, nonlinearity="rellu")
    with pytest.raises(ConfigError, match="'num_layers': 0"):
        GRU(3, 5, num_layers=0)


def test_truncation_needs_a_step_and_one_direction():
    x = np.ones((6, 4, 3))
    for network, truncate in ((GRU(3, 5), 0), (GRU(3, 5, bidirectional=True), 2)):
        output, _, cache = network.forward(x)
        with pytest.raises(RequestError, match="truncate must be 1 step or more, with one direction"):
            network.backward(output, None, cache, truncate=truncate)
