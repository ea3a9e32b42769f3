"""What `rekur check` computes: the layers beside torch's and beside the reference, on random cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import rekur.nn
from rekur import engine, reference

Arrays = list[NDArray[np.float64]]

T, N, H, K = 11, 5, 6, 2  # steps, batch, hidden units, layers
INPUTS = 3
LENGTHS = (11, 1, 7, 4, 10)
EXACT = 1e-10  # float64: rounding alone, over T steps and K layers
SINGLE = 1e-4  # float32 against float64


class Law(NamedTuple):
    """One comparison: the largest difference, relative to the largest number compared, and its limit."""

    engine: str
    name: str
    outputs: float
    gradients: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether both differences are within the limit; a NaN is not."""
        return self.outputs <= self.limit and self.gradients <= self.limit


def compare(seed: int = 0) -> Iterator[Law]:
    """Compare every cell with torch.nn, in float64, and with the reference, over rows of unequal length.

    Each instruction set of this machine computes in turn, and torch's kernels, which serve for what it does not cover.
    """
    before = engine.selected()
    try:
        for name in (*engine.SETS, "torch"):
            engine.select(name)
            yield from _compare(name, seed)
    finally:
        engine.select(before)


def _compare(engine_name: str, seed: int) -> Iterator[Law]:
    for number, (name, layer) in enumerate(rekur.nn.LAYERS.items()):
        cell = layer.__name__
        x = np.random.default_rng([seed, number]).standard_normal((T, N, INPUTS))
        torch.manual_seed(seed)
        ours: nn.RNNBase = layer(INPUTS, H, K, bidirectional=True).double()
        theirs: nn.RNNBase = getattr(nn, cell)(INPUTS, H, K, bidirectional=True).double()
        theirs.load_state_dict(ours.state_dict())
        yield _law(engine_name, f"{cell} beside torch.nn", _torch(ours, x), _torch(theirs, x), EXACT)
        hand = _reference(name, ours, x)
        yield _law(engine_name, f"{cell} with lengths, beside the reference", _torch(ours, x, LENGTHS), hand, EXACT)
        single = _torch(ours.float(), x, LENGTHS)
        yield _law(engine_name, f"{cell} with lengths, single precision", single, hand, SINGLE)


def _law(engine_name: str, name: str, ours: tuple[Arrays, Arrays], theirs: tuple[Arrays, Arrays], limit: float) -> Law:
    return Law(engine_name, name, _largest(ours[0], theirs[0]), _largest(ours[1], theirs[1]), limit)


def _largest(ours: Arrays, theirs: Arrays) -> float:
    pairs = list(zip(ours, theirs, strict=True))
    return float(np.max([np.abs(a - b).max() / max(1.0, float(np.abs(b).max())) for a, b in pairs]))


def _torch(layer: nn.RNNBase, x: NDArray[np.float64], lengths: Sequence[int] | None = None) -> tuple[Arrays, Arrays]:
    """Return outputs and states, and the gradients of their sum of squares by x and by every weight."""
    steps = torch.tensor(x, dtype=next(layer.parameters()).dtype, requires_grad=True)
    layer.zero_grad()
    output, state = layer(steps) if lengths is None else layer(steps, lengths=torch.tensor(lengths))
    parts: list[Tensor] = [output, *(state if isinstance(state, tuple) else (state,))]
    sum((part**2).sum() for part in parts).backward()  # type: ignore[union-attr]
    gradients = [steps.grad, *(weight.grad for weight in layer.parameters())]
    return [_array(part) for part in parts], [_array(gradient) for gradient in gradients]


def _reference(name: str, layer: nn.RNNBase, x: NDArray[np.float64]) -> tuple[Arrays, Arrays]:
    hand: Any = reference.LAYERS[name](INPUTS, H, K, bidirectional=True)
    hand.load({name: _array(weight) for name, weight in layer.state_dict().items()})
    output, state, cache = hand.forward(x, lengths=LENGTHS)
    states = state if isinstance(state, tuple) else (state,)
    doubled = tuple(2 * part for part in states)
    d_x, _, d_weights = hand.backward(2 * output, doubled if len(states) > 1 else doubled[0], cache)
    return [output, *states], [d_x, *(d_weights[name] for name, _ in layer.named_parameters())]


def _array(values: Tensor | None) -> NDArray[np.float64]:
    assert values is not None
    array: NDArray[np.float64] = values.detach().double().numpy()
    return array
