"""What the layers add to the laws: packed and unbatched input, forms of lengths, messages, torch's habits."""

from __future__ import annotations

import copy
import doctest
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from rekur import nn as ours_nn
from rekur.errors import RequestError, ShapeError
from rekur.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, gru, lstm, rnn

LAYERS = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM}
LENGTHS = torch.tensor([2, 5, 1, 4])
T, N, INPUTS, H = 5, 4, 3, 6

every_layer = pytest.mark.parametrize("name", LAYERS)


def both(name: str, **options: Any) -> tuple[nn.RNNBase, nn.RNNBase]:
    """torch's layer and ours, float64, with the same weights."""
    torch.manual_seed(0)
    theirs = getattr(nn, name)(INPUTS, H, dtype=torch.float64, **options)
    ours = LAYERS[name](INPUTS, H, dtype=torch.float64, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def states(name: str, *shape: int) -> Any:
    return (draw(*shape), draw(*shape)) if name == "LSTM" else draw(*shape)


@every_layer
@pytest.mark.parametrize("is_sorted", [True, False])
@pytest.mark.parametrize("given", [True, False])
def test_packed_sequences_go_in_and_out_as_in_torch(name: str, is_sorted: bool, given: bool) -> None:
    theirs, ours = both(name, num_layers=2, bidirectional=True)
    lengths = LENGTHS.sort(descending=True).values if is_sorted else LENGTHS
    x = draw(T, N, INPUTS)
    state = states(name, 4, N, H) if given else None
    results = []
    for layer in (theirs, ours):
        leaf = x.clone().requires_grad_()
        output, final = layer(pack_padded_sequence(leaf, lengths, enforce_sorted=is_sorted), state)
        finals = final if isinstance(final, tuple) else (final,)
        sum((part * part).sum() for part in (output.data, *finals)).backward()
        results.append((output, finals, leaf.grad, [p.grad for p in layer.parameters()]))
    (expected, *others), (got, *ours_others) = results
    assert isinstance(got, PackedSequence)
    torch.testing.assert_close(got.data, expected.data)
    for part in ("batch_sizes", "sorted_indices", "unsorted_indices"):
        if getattr(expected, part) is None:
            assert getattr(got, part) is None
        else:
            assert torch.equal(getattr(got, part), getattr(expected, part))
    torch.testing.assert_close(ours_others, others)


@every_layer
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("given", [True, False])
def test_one_row_without_a_batch(name: str, batch_first: bool, given: bool) -> None:
    theirs, ours = both(name, num_layers=2, bidirectional=True, batch_first=batch_first)
    x, state = draw(T, INPUTS), states(name, 4, H) if given else None
    torch.testing.assert_close(ours(x, state), theirs(x, state))
    output, final = ours(x, state, lengths=3)
    expected, expected_final = theirs(x[:3], state)
    torch.testing.assert_close(output, torch.cat((expected, torch.zeros(2, 2 * H, dtype=torch.float64))))
    torch.testing.assert_close(final, expected_final)


@every_layer
@pytest.mark.parametrize("lengths", [LENGTHS.int(), LENGTHS.tolist(), LENGTHS.numpy(), LENGTHS.to(torch.uint8)])
def test_lengths_may_be_any_integers(name: str, lengths: Any) -> None:
    _, ours = both(name, bidirectional=True)
    x = draw(T, N, INPUTS)
    torch.testing.assert_close(ours(x, lengths=lengths), ours(x, lengths=LENGTHS))


@every_layer
def test_rows_that_all_end_early_or_never_begin(name: str) -> None:
    theirs, ours = both(name, num_layers=2, bidirectional=True)
    x, state = draw(T, N, INPUTS), states(name, 4, N, H)
    output, final = ours(x, state, lengths=[3] * N)
    expected, expected_final = theirs(x[:3], state)
    torch.testing.assert_close(output[:3], expected)
    torch.testing.assert_close(final, expected_final)
    assert output.shape[0] == T
    assert not output[3:].any()
    output, final = ours(x, state, lengths=[0] * N)
    assert not output.any()
    torch.testing.assert_close(final, state)


@every_layer
def test_dropout_stands_between_layers_and_only_in_training(name: str) -> None:
    _, ours = both(name, num_layers=2, dropout=1.0)
    top = LAYERS[name](H, H, dtype=torch.float64)
    top.load_state_dict({key[:-1] + "0": weight for key, weight in ours.state_dict().items() if key.endswith("1")})
    x = draw(T, N, INPUTS)
    output, final = ours(x, lengths=LENGTHS)  # everything below the second layer is dropped
    torch.testing.assert_close(output, top(torch.zeros(T, N, H, dtype=torch.float64), lengths=LENGTHS)[0])
    _, plain = both(name, num_layers=2)
    expected = plain(x, lengths=LENGTHS)
    bottom, expected_bottom = (state[0][0] if isinstance(state, tuple) else state[0] for state in (final, expected[1]))
    torch.testing.assert_close(bottom, expected_bottom)  # and nothing of what the first layer reads
    ours.eval()
    torch.testing.assert_close(ours(x, lengths=LENGTHS), expected)


@every_layer
def test_stays_a_torch_layer(name: str) -> None:
    theirs, ours = both(name, num_layers=2)
    x = draw(T, N, INPUTS)
    assert isinstance(ours, getattr(nn, name))
    for twin in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        torch.testing.assert_close(twin(x), theirs(x))
    zeros = {key: torch.zeros_like(weight) for key, weight in ours.state_dict().items()}
    output, _ = torch.func.functional_call(ours, zeros, (x,), {"lengths": LENGTHS})
    assert not output.any()  # lengths take the weights of the call, not those the layer was made with


@every_layer
def test_half_precision_by_autocast(name: str) -> None:
    layer = LAYERS[name](INPUTS, H)
    x = torch.randn(T, N, INPUTS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = layer(x, lengths=LENGTHS)
    expected, _ = layer(x, lengths=LENGTHS)
    torch.testing.assert_close(output.float(), expected, atol=2e-2, rtol=0)


BAD_INPUT: list[tuple[str, dict[str, Any], str]] = [
    ("three sizes", {"input": torch.zeros(2, 3, 4, 5)}, r"input must be \(T, N, I=3\); got \(2, 3, 4, 5\)"),
    ("features", {"input": torch.zeros(T, N, 4)}, r"input must be \(T, N, I=3\); got \(5, 4, 4\)"),
    ("one row", {"input": torch.zeros(T, 4)}, r"input must be \(T, I=3\); got \(5, 4\)"),
    ("no step", {"input": torch.zeros(0, N, 3)}, "at least one step; got T=0"),
    ("swapped", {"hx": torch.zeros(N, 2, H)}, r"h_0 must be \(K\*D=2, N=4, H=6\); got \(4, 2, 6\).*swapped"),
    ("no batch", {"hx": torch.zeros(2, H)}, r"h_0 must be \(K\*D=2, N=4, H=6\); got \(2, 6\)"),
    ("count", {"lengths": [1, 2]}, r"lengths must be \(N=4\); got \(2,\)"),
    ("too long", {"lengths": [1, 2, 6, 7]}, "lengths must be from 0 to T=5; got 6 in row 2"),
    ("negative", {"lengths": [1, -2, 3, 4]}, "from 0 to T=5; got -2 in row 1"),
    ("no integer", {"lengths": torch.ones(N)}, r"integers; got torch.float32. Convert them"),
    ("a mask", {"lengths": torch.ones(N, dtype=torch.bool)}, "integers; got torch.bool"),
]


@pytest.mark.parametrize(("change", "message"), [case[1:] for case in BAD_INPUT], ids=[case[0] for case in BAD_INPUT])
@every_layer
def test_wrong_arguments_are_named(name: str, change: dict[str, Any], message: str) -> None:
    layer = LAYERS[name](INPUTS, H, bidirectional=True)
    arguments: dict[str, Any] = {"input": torch.zeros(T, N, INPUTS), **change}
    if name == "LSTM" and "hx" in change:
        arguments["hx"] = (change["hx"], change["hx"])
    with pytest.raises((ShapeError, RequestError), match=f"^{name}: .*{message}"):
        layer(**arguments)


@every_layer
def test_wrong_types_are_named(name: str) -> None:
    layer = LAYERS[name](INPUTS, H)
    with pytest.raises(RequestError, match=r"must be torch.float32 like the weights; got torch.float64"):
        layer(draw(T, N, INPUTS))
    packed = pack_padded_sequence(torch.zeros(T, N, INPUTS), LENGTHS, enforce_sorted=False)
    with pytest.raises(RequestError, match="a PackedSequence has its own lengths"):
        layer(packed, lengths=LENGTHS)


def test_an_lstm_wants_a_pair() -> None:
    layer, x = LSTM(INPUTS, H), torch.zeros(T, N, INPUTS)
    with pytest.raises(RequestError, match=r"hx must be the pair \(h_0, c_0\); got Tensor of 1"):
        layer(x, torch.zeros(1, N, H))
    with pytest.raises(ShapeError, match=r"LSTM: c_0 must be \(K\*D=1, N=4, H=6\)"):
        layer(x, (torch.zeros(1, N, H), torch.zeros(1, N, H + 1)))


def test_projected_states_have_two_widths() -> None:
    layer, x = LSTM(INPUTS, H, proj_size=2), torch.zeros(T, N, INPUTS)
    with pytest.raises(ShapeError, match=r"LSTM: h_0 must be \(K\*D=1, N=4, P=2\); got \(1, 4, 6\)"):
        layer(x, (torch.zeros(1, N, H), torch.zeros(1, N, H)))


def test_no_gradient_comes_from_behind_a_length_even_if_a_relu_network_would_blow_up_there() -> None:
    layer = RNN(INPUTS, H, nonlinearity="relu")
    x = torch.ones(200, N, INPUTS)
    x[5:] = 1e30
    x.requires_grad_()
    _, h_n = layer(x, lengths=LENGTHS)
    h_n.sum().backward()
    assert x.grad is not None
    assert all(torch.isfinite(leaf.grad).all() for leaf in (x, *layer.parameters()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_memory_of_an_lstm_stands_still_behind_a_length_bit_for_bit(dtype: torch.dtype) -> None:
    layer = LSTM(INPUTS, H, dtype=dtype)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.mul_(20)  # gates far from the middle
    x = torch.randn(300, 2, INPUTS, dtype=dtype)
    c_0 = torch.tensor(np.linspace(-3, 3, 2 * H), dtype=dtype).view(1, 2, H)
    _, (_, c_n) = layer(x, (torch.zeros(1, 2, H, dtype=dtype), c_0), lengths=[0, 300])
    assert torch.equal(c_n[:, 0], c_0[:, 0])


@pytest.mark.parametrize("module", [rnn, gru, lstm], ids=lambda module: module.__name__)
def test_the_examples_are_true(module: Any) -> None:
    assert doctest.testmod(module).attempted > 0
    assert doctest.testmod(module).failed == 0


def test_the_page_about_layers_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "layers.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.setattr(torch, "set_flush_denormal", lambda _: False)  # the mode would outlive this test
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    names: dict[str, Any] = {"train_one_batch": lambda: None}
    for block in blocks:
        exec(block, names)
    assert names["features"].shape == (3, 64)


@pytest.mark.parametrize("name", ["RNN", "RNN-relu", "GRU", "LSTM"])
@pytest.mark.parametrize("unbatched", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_cells_equal_torch(name: str, unbatched: bool, bias: bool) -> None:
    kind, _, nonlinearity = name.partition("-")
    options = {"bias": bias, "dtype": torch.float64} | ({"nonlinearity": nonlinearity} if nonlinearity else {})
    theirs = getattr(nn, f"{kind}Cell")(INPUTS, H, **options)
    ours = getattr(ours_nn, f"{kind}Cell")(INPUTS, H, **options)
    ours.load_state_dict(theirs.state_dict())
    lead = () if unbatched else (N,)
    x, state = draw(*lead, INPUTS), states(kind, *lead, H)
    for given in (state, None):
        gradients = []
        for cell in (theirs, ours):
            leaf = x.clone().requires_grad_()
            result = cell(leaf, given)
            parts = result if isinstance(result, tuple) else (result,)
            total = sum((part * part).sum() for part in parts)
            gradients.append((parts, torch.autograd.grad(total, [leaf, *cell.parameters()])))
        torch.testing.assert_close(gradients[1], gradients[0])


def test_wrong_arguments_of_cells_are_named() -> None:
    with pytest.raises(ShapeError, match=r"GRUCell: input must be \(N=4, I=3\); got \(4, 2\)"):
        GRUCell(INPUTS, H)(torch.zeros(N, 2))
    with pytest.raises(ShapeError, match=r"LSTMCell: c_0 must be \(N=4, H=6\); got \(4, 7\)"):
        LSTMCell(INPUTS, H)(torch.zeros(N, INPUTS), (torch.zeros(N, H), torch.zeros(N, 7)))
    with pytest.raises(RequestError, match="LSTMCell: hx must be the pair"):
        LSTMCell(INPUTS, H)(torch.zeros(N, INPUTS), torch.zeros(N, H))
