"""Both readers take exactly what the engine can compute with: what DLPack tells, and what is asked from Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from rekur import engine
from rekur.nn import GRU, LSTM, native, tensors

pytestmark = pytest.mark.skipif(not engine.SETS, reason="there is no native engine")

T, N, INPUTS, H, D = 4, 3, 5, 6, 2
READERS = [tensors.READER, tensors.Asking()]
every_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: type(reader).__name__)


def problem(mode: str = "LSTM", kind: str = "float32") -> Any:
    return engine.problem(mode, kind, (T, N, INPUTS, H, D), 1)


def inputs(dtype: torch.dtype = torch.float32) -> list[Any]:
    """x, h_0, c_0 and the weights of two directions of an LSTM."""
    weights = [(4 * H, INPUTS), (4 * H, H), (4 * H,), (4 * H,)] * D
    return [torch.randn(*shape, dtype=dtype) for shape in ((T, N, INPUTS), (D, N, H), (D, N, H), *weights)]


class Other(Tensor):
    """A class that might compute otherwise."""


def fake(tensor: Tensor) -> Tensor:
    with FakeTensorMode() as mode:
        return mode.from_tensor(tensor)


FITS: dict[str, Callable[[Tensor], Tensor | None]] = {
    "as it is": lambda tensor: tensor,
    "absent": lambda _: None,
    "a parameter": nn.Parameter,
    "with a gradient to come": lambda tensor: tensor.requires_grad_(),
    "a view": lambda tensor: torch.stack((tensor, tensor))[1],
}
NEVER: dict[str, Callable[[Tensor], Any]] = {
    "float64": lambda tensor: tensor.double(),
    "bfloat16": lambda tensor: tensor.bfloat16(),
    "integers": lambda tensor: tensor.int(),
    "one more": lambda tensor: torch.cat((tensor, tensor[-1:])),
    "one less": lambda tensor: tensor[1:],
    "one axis more": lambda tensor: tensor.unsqueeze(0),
    "one axis less": lambda tensor: tensor[0],
    "of one number": lambda tensor: tensor.new_zeros(()),
    "last axis first": lambda tensor: tensor.movedim(-1, 0) if tensor.dim() > 1 else tensor[::2],
    "sparse": lambda tensor: tensor.to_sparse(),
    "on another device": lambda tensor: tensor.to("meta"),
    "negated by a bit": lambda tensor: torch._neg_view(tensor),
    "zeros without memory": lambda tensor: torch._efficientzerotensor(tensor.shape),
    "of another class": lambda tensor: tensor.as_subclass(Other),
    "fake": fake,
}
every_input = pytest.mark.parametrize("i", range(3 + 4 * D))


@every_reader
@every_input
@pytest.mark.parametrize("what", FITS)
def test_what_fits_is_read(reader: Any, i: int, what: str) -> None:
    given = inputs()
    given[i] = FITS[what](given[i])
    assert reader.inputs(problem(), given) is not None


@every_reader
@every_input
@pytest.mark.parametrize("what", NEVER)
def test_nothing_else_is_read(reader: Any, i: int, what: str) -> None:
    given = inputs()
    given[i] = NEVER[what](given[i])
    assert reader.inputs(problem(), given) is None


@every_reader
@pytest.mark.parametrize("i", [1, 2, 3, 4, 7, 8])
def test_strides_are_free_for_x_alone(reader: Any, i: int) -> None:
    turned = inputs()
    turned[i] = turned[i].transpose(0, 1).contiguous().transpose(0, 1)
    assert reader.inputs(problem(), turned) is None
    spread = inputs()
    spread[i] = spread[i][:1].expand(spread[i].shape)
    assert reader.inputs(problem(), spread) is None
    for x in (
        torch.randn(N, T, INPUTS).transpose(0, 1),
        torch.randn(1, N, INPUTS).expand(T, N, INPUTS),
        torch.randn(T, N, 9)[..., :INPUTS],
    ):
        assert reader.inputs(problem(), [x, *inputs()[1:]]) is not None
    assert reader.inputs(problem(), [torch.randn(T, N, 2 * INPUTS)[..., ::2], *inputs()[1:]]) is None


@every_reader
def test_a_list_of_another_length_is_not_read(reader: Any) -> None:
    assert reader.inputs(problem(), inputs()[:-1]) is None
    assert reader.inputs(problem(), [*inputs(), None]) is None
    assert reader.results(problem("GRU"), [torch.zeros(T, N, D * H), None, None]) is None


@every_reader
def test_results_are_read_alike(reader: Any) -> None:
    output, state = torch.zeros(T, N, D * H), torch.zeros(D, N, H)
    assert reader.results(problem("GRU"), [output, state]) is not None
    assert reader.results(problem(), [output, None, state]) is not None
    assert reader.results(problem(), [None, state, None]) is not None
    assert reader.results(problem("GRU"), [output.transpose(0, 1), state]) is None
    assert reader.results(problem("GRU", "float64"), [output, state]) is None
    assert reader.results(problem("GRU"), [torch.zeros(T, N, 2 * D * H)[..., ::2], state]) is None


@every_reader
def test_sizes_of_one_have_no_stride(reader: Any) -> None:
    small = engine.problem("GRU", "float64", (1, 1, 1, 1, 1), 1)
    shapes = [
        ((1, 1, 1), (7, 8, 9)),
        ((1, 1, 1), (9, 8, 7)),
        None,
        ((3, 1), (1, 5)),
        ((3, 1), (1, 7)),
        ((3,), (1,)),
        None,
    ]
    numbers = torch.zeros(64, dtype=torch.float64)
    given = [None if shape is None else numbers.as_strided(*shape) for shape in shapes]
    assert reader.inputs(small, given) is not None


@every_reader
def test_an_empty_batch_has_no_address(reader: Any) -> None:
    empty = engine.problem("GRU", "float32", (T, 0, INPUTS, H, 1), 1)
    weights = [torch.zeros(3 * H, INPUTS), torch.zeros(3 * H, H), None, None]
    assert reader.inputs(empty, [torch.zeros(T, 0, INPUTS), torch.zeros(1, 0, H), None, *weights]) is not None


@every_reader
def test_a_buffer_is_read_whole_and_aligned(reader: Any) -> None:
    buffer = torch.zeros(256, dtype=torch.uint8)
    start = -buffer.data_ptr() % 64
    assert reader.bytes(buffer[start : start + 100], 100) == buffer.data_ptr() + start
    for wrong in (
        buffer[start + 1 : start + 101],
        buffer[start : start + 99],
        buffer[start : start + 200 : 2],
        buffer.to("meta")[:100],
        torch.zeros(100, dtype=torch.int8),
        torch.zeros(25, dtype=torch.float32),
    ):
        assert reader.bytes(wrong, 100) == 0


def test_torch_has_what_dlpack_asks_for() -> None:
    exchange = getattr(Tensor, "__dlpack_c_exchange_api__", None)
    assert isinstance(tensors.READER, tensors.Asking) == (exchange is None)


def test_an_older_torch_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "READER", tensors.Asking())
    for ours, theirs in (
        (GRU(INPUTS, H, 2, bidirectional=True), nn.GRU(INPUTS, H, 2, bidirectional=True)),
        (LSTM(INPUTS, H), nn.LSTM(INPUTS, H)),
    ):
        theirs.load_state_dict(ours.state_dict())
        found = []
        for layer in (ours, theirs):
            x = torch.linspace(-1, 1, T * N * INPUTS).view(N, T, INPUTS).transpose(0, 1).requires_grad_()
            output, _ = layer(x)
            found.append((output, *torch.autograd.grad(output.square().sum(), [x, *layer.parameters()])))
        torch.testing.assert_close(found[0], found[1])
