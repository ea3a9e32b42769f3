"""torch's layer and ours side by side: the same weights, the same draws, and all that comes out of both.

A test states what it does to a layer once, as a function of the layer; torch.nn's answer is the expected one.
Letters: T = 5 steps, N = 4 rows, I = INPUTS = 3 features, H = 6 hidden units.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError
from torch.nn.utils.rnn import PackedSequence

from rekur import nn as ours_nn
from rekur.errors import RequestError

T, N, INPUTS, H = 5, 4, 3, 6
F32, F64, BF16, F16 = torch.float32, torch.float64, torch.bfloat16, torch.float16
TOLERANCE = {F64: 1e-10, F32: 3e-5, BF16: 2e-2, F16: 4e-3, torch.complex64: 3e-5}  # of a number, relative to 1

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "RNN": ("RNN", {}),
    "RNN-relu": ("RNN", {"nonlinearity": "relu"}),
    "GRU": ("GRU", {}),
    "LSTM": ("LSTM", {}),
    "LSTM-projected": ("LSTM", {"proj_size": 2}),
}
STACK: dict[str, Any] = {"num_layers": 2, "bidirectional": True}  # more than one layer in more than one direction
every_layer = pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
every_kind = pytest.mark.parametrize("name", list(KINDS))
both_types = pytest.mark.parametrize("dtype", [F32, F64], ids=["float32", "float64"])

MODIFIED = "modified by an inplace operation"  # autograd's word, ours too
TWICE = "twice|double backward|second derivative"  # where only first derivatives exist

Act = Callable[[Any], Any]  # what is done to a layer, and the tensors to compare


def twins(name: str, *, cell: bool = False, **options: Any) -> tuple[Any, Any]:
    """torch's module and ours of a kind, float64 unless told, with equal weights drawn at random."""
    kind, always = KINDS[name]
    kind += "Cell" if cell else ""
    options = {"input_size": INPUTS, "hidden_size": H, "dtype": F64, **always, **options}
    torch.manual_seed(0)
    theirs, ours = (getattr(module, kind)(**options) for module in (nn, ours_nn))
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def draw(*shape: int, dtype: torch.dtype = F64, grad: bool = False) -> Tensor:
    """Numbers of a normal distribution."""
    return torch.randn(*shape, dtype=dtype).requires_grad_(grad)


def state_of(layer: Any, *lead: int, grad: bool = False) -> Any:
    """An initial state for `layer`, (K*D, *lead, H) a part, as its forward wants it; of a cell (*lead, H)."""
    cell = isinstance(layer, nn.RNNCellBase)
    dtype = next(layer.parameters()).dtype
    rows = () if cell else (layer.num_layers * (1 + layer.bidirectional),)
    h = draw(*rows, *lead, getattr(layer, "proj_size", 0) or layer.hidden_size, dtype=dtype, grad=grad)
    if not isinstance(layer, nn.LSTM | nn.LSTMCell):
        return h
    return h, draw(*rows, *lead, layer.hidden_size, dtype=dtype, grad=grad)


def flat(result: Any) -> list[Tensor | None]:
    """Every tensor of nested tuples, packed sequences and dictionaries, None included."""
    if result is None or isinstance(result, Tensor):
        return [result]
    if isinstance(result, PackedSequence):
        return [result.data, result.batch_sizes, result.sorted_indices, result.unsorted_indices]
    parts: Sequence[Any] = list(result.values()) if isinstance(result, dict) else list(result)
    return [tensor for part in parts for tensor in flat(part)]


def loss(*results: Any) -> Tensor:
    """A number that every entry of every floating-point result moves, each in another direction."""
    total = torch.zeros((), dtype=F64)
    for tensor in flat(results):
        if tensor is not None and tensor.is_floating_point():
            ways = torch.linspace(-1, 1, tensor.numel(), dtype=F64).view(tensor.shape)
            total = total + (tensor.double() * ways + tensor.double().square()).sum()
    return total


def gradients(layer: nn.Module) -> dict[str, Tensor | None]:
    """The .grad of every parameter by its name."""
    return {name: weight.grad for name, weight in layer.named_parameters()}


def trained(layer: nn.Module, x: Tensor, *state: Any) -> list[Any]:
    """The results of one forward, and after a backward from all of them the gradient of every leaf."""
    result = layer(x, *state)
    loss(result).backward()
    leaves = [part for part in flat([x, *state]) if part is not None and part.is_leaf]
    return [result, [leaf.grad for leaf in leaves], gradients(layer)]


def step(layer: nn.Module) -> list[Any]:
    """`trained` from zero gradients, on numbers of the layer's own type."""
    layer.zero_grad()
    return trained(layer, draw(T, N, INPUTS, dtype=next(layer.parameters()).dtype, grad=True))


def same(got: Any, expected: Any, tolerance: float | None = None) -> None:
    """Raise unless both hold the same tensors: None where the other has None, types and shapes, NaN included."""
    ours, theirs = flat(got), flat(expected)
    assert len(ours) == len(theirs) > 0
    for mine, other in zip(ours, theirs, strict=True):
        if other is None or mine is None:
            assert mine is other
            continue
        scale = max(1.0, float(other.detach().abs().nan_to_num(posinf=0.0).max())) if other.numel() else 1.0
        limit = (TOLERANCE.get(other.dtype, 0.0) if tolerance is None else tolerance) * scale
        torch.testing.assert_close(mine, other, rtol=0, atol=limit, equal_nan=True)


def same_where_finite(got: Any, expected: Any) -> None:
    """Raise unless both are finite in the same places and the same there: inf may be NaN, neither may be hidden."""
    for mine, other in zip(flat(got), flat(expected), strict=True):
        assert (mine is None) == (other is None)
        if mine is not None and other is not None:
            assert torch.equal(mine.isfinite(), other.isfinite())
            same(mine.nan_to_num(0, 0, 0), other.nan_to_num(0, 0, 0))


def tried(act: Act, layer: Any) -> Any:
    """What `act` makes of the layer, each time from the same random state."""
    torch.manual_seed(1)
    return act(layer)


def agree(name: str, act: Act, *, tolerance: float | None = None, **options: Any) -> None:
    """Raise unless `act` makes the same of our layer as of torch's."""
    theirs, ours = twins(name, **options)
    expected = tried(act, theirs)
    same(tried(act, ours), expected, tolerance)


def both_refuse(name: str, act: Act, **options: Any) -> None:
    """Raise unless torch raises and ours raises the same error, rekur's RequestError, or Python's own."""
    theirs, ours = twins(name, **options)
    with pytest.raises((RuntimeError, ValueError, TypeError, AttributeError, IndexError)) as refusal:
        tried(act, theirs)
    with pytest.raises((refusal.type, TypeError, AttributeError, RequestError)) as ours_refusal:
        tried(act, ours)
    for error in (refusal, ours_refusal):  # and not by the test itself
        assert "_call_impl" in {entry.name for entry in error.traceback}


@contextlib.contextmanager
def or_refused(message: str) -> Iterator[None]:
    """Let an error that says `message` stand for the right answer: never a wrong number."""
    try:
        yield
    except (RuntimeError, RequestError) as refusal:
        if isinstance(refusal, GradcheckError) or not re.search(message, str(refusal)):
            raise


def right_or_refused(name: str, act: Act, message: str, *, expected: Act | None = None, **options: Any) -> None:
    """Raise unless ours does as torch (as `expected` does on torch), or says `message`."""
    theirs, ours = twins(name, **options)
    wanted = tried(expected or act, theirs)
    with or_refused(message):
        same(tried(act, ours), wanted)
