"""The engines the laws are held against, behind one interface in NumPy float64; torch.nn is the oracle.

A new engine is one more entry of ENGINES. It says which options it has and runs forward and backward once.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pytest
import torch
from cases import Array, Options, Problem, Result
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rekur import engine, reference
from rekur import nn as rekur_nn
from rekur.models import CellLoop


class Engine(Protocol):
    """What a law asks of an engine."""

    name: str
    tolerance: float  # of a number, relative to the largest of its array or 1

    def has(self, options: Options) -> bool:
        """Whether it can compute this at all."""

    def weights(self, options: Options) -> dict[str, Array]:
        """The weights a new layer has, by name."""

    def run(self, options: Options, problem: Problem) -> Result:
        """One forward and one backward pass."""


class Torch:
    """The layers of a module laid out like torch.nn, in one precision."""

    def __init__(self, name: str, module: Any, dtype: torch.dtype, tolerance: float) -> None:
        self.name, self.module, self.dtype, self.tolerance = name, module, dtype, tolerance

    def has(self, options: Options) -> bool:  # noqa: ARG002
        return True

    def layer(self, options: Options) -> nn.RNNBase:
        layer: nn.RNNBase = getattr(self.module, options.cell.upper())(**options.arguments(), dtype=self.dtype)
        return layer

    def weights(self, options: Options) -> dict[str, Array]:
        return {name: array(weight) for name, weight in self.layer(options).state_dict().items()}

    def run(self, options: Options, problem: Problem) -> Result:
        layer = self.layer(options)
        layer.load_state_dict({name: self.tensor(weight) for name, weight in problem.weights.items()})
        x = self.tensor(problem.x).requires_grad_()
        given = problem.state or tuple(np.zeros_like(part) for part in problem.d_state)
        state = tuple(self.tensor(part).requires_grad_() for part in given)
        hx: Any = state if options.cell == "lstm" else state[0]
        output, final = self.forward(layer, x, hx if problem.state else None, problem.lengths)
        finals = final if isinstance(final, tuple) else (final,)
        torch.autograd.backward((output, *finals), tuple(map(self.tensor, (problem.d_output, *problem.d_state))))
        return Result(
            array(output),
            tuple(map(array, finals)),
            array(x.grad),
            tuple(array(part.grad) for part in state) if problem.state else given,
            {name: array(weight.grad) for name, weight in layer.named_parameters()},
        )

    def forward(self, layer: nn.RNNBase, x: torch.Tensor, hx: Any, lengths: NDArray[np.int64] | None) -> Any:
        return layer(x, hx, lengths=None if lengths is None else torch.as_tensor(lengths))

    def tensor(self, values: Array) -> torch.Tensor:
        return torch.tensor(values, dtype=self.dtype)


class Layers(Torch):
    """`rekur.nn`'s layers, computed by one instruction set of the native engine or by torch's kernels."""

    def __init__(self, kernels: str, dtype: torch.dtype) -> None:
        bits = torch.finfo(dtype).bits
        super().__init__(f"nn-{kernels}-float{bits}", rekur_nn, dtype, 1e-11 if bits == 64 else 3e-5)
        self.kernels = kernels

    def has(self, options: Options) -> bool:
        return self.kernels == "torch" or not options.proj_size

    def run(self, options: Options, problem: Problem) -> Result:
        before = engine.selected()
        engine.select(self.kernels)
        try:
            return super().run(options, problem)
        finally:
            engine.select(before)


class Oracle(Torch):
    """torch.nn itself; it knows lengths only as packed sequences."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        super().__init__("torch.nn", nn, dtype, 0.0)

    def forward(self, layer: nn.RNNBase, x: torch.Tensor, hx: Any, lengths: NDArray[np.int64] | None) -> Any:
        if lengths is None:
            return layer(x, hx)
        packed = pack_padded_sequence(x, torch.as_tensor(lengths), layer.batch_first, enforce_sorted=False)
        output, state = layer(packed, hx)
        steps = x.shape[1 if layer.batch_first else 0]
        return pad_packed_sequence(output, layer.batch_first, total_length=steps)[0], state


class Reference:
    """The room of NumPy float64, forward and backward by hand."""

    name = "reference"
    tolerance = 1e-11

    def has(self, options: Options) -> bool:
        return not options.dropout and not options.proj_size

    def layer(self, options: Options) -> Any:
        arguments = options.arguments()
        del arguments["dropout"]
        arguments.pop("proj_size", None)
        return getattr(reference, options.cell.upper())(**arguments)

    def weights(self, options: Options) -> dict[str, Array]:
        return dict(self.layer(options).weights)

    def run(self, options: Options, problem: Problem) -> Result:
        layer, lstm = self.layer(options), options.cell == "lstm"
        layer.load(problem.weights)
        given = problem.state if lstm or problem.state is None else problem.state[0]
        output, state, cache = layer.forward(problem.x, given, problem.lengths)
        d_final = problem.d_state if lstm else problem.d_state[0]
        d_x, d_state, d_weights = layer.backward(problem.d_output, d_final, cache)
        if problem.state is None:
            d_state = tuple(np.zeros_like(part) for part in problem.d_state)
        elif not lstm:
            d_state = (d_state,)
        return Result(output, state if lstm else (state,), d_x, d_state, d_weights)


class Loops(nn.Module):
    """`CellLoop`, one layer and one direction, chained and flipped into those of `options` under torch's names."""

    def __init__(self, options: Options, dtype: torch.dtype) -> None:
        super().__init__()
        self.batch_first, self.directions = options.batch_first, options.rows // options.num_layers
        self.loops: list[CellLoop] = []
        for k in range(options.num_layers):
            for suffix in (f"l{k}", f"l{k}_reverse")[: self.directions]:
                features = self.directions * options.hidden_size if k else options.input_size
                self.loops.append(CellLoop(options.cell, features, options.hidden_size).to(dtype))
                for name, weight in self.loops[-1].cell.named_parameters():
                    if options.bias or name.startswith("weight"):
                        self.register_parameter(f"{name}_{suffix}", weight)
                    else:
                        weight.data.zero_()

    def forward(self, x: torch.Tensor, hx: Any = None, lengths: torch.Tensor | None = None) -> Any:
        x, finals = x if self.batch_first else x.transpose(0, 1), []
        for first in range(0, len(self.loops), self.directions):
            outputs = []
            for row in range(first, first + self.directions):
                back = row > first
                given = None if hx is None else tuple(part[[row]] for part in (hx if isinstance(hx, tuple) else (hx,)))
                given = given[0] if given and len(given) == 1 else given
                output, final = self.loops[row](reversed_in_time(x, lengths) if back else x, given, lengths)
                outputs.append(reversed_in_time(output, lengths) if back else output)
                finals.append(final if isinstance(final, tuple) else (final,))
            x = torch.cat(outputs, dim=2)
        state = tuple(torch.cat(part) for part in zip(*finals, strict=True))
        return x if self.batch_first else x.transpose(0, 1), state if len(state) > 1 else state[0]


def reversed_in_time(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """x (N, T, F), each row read from its own end; what lies behind stays."""
    steps = torch.arange(x.shape[1]).expand(x.shape[:2])
    ends = torch.full((len(x), 1), x.shape[1]) if lengths is None else lengths.unsqueeze(1)
    return torch.take_along_dim(x, torch.where(steps < ends, ends - 1 - steps, steps).unsqueeze(2), dim=1)


class Looped(Torch):
    """The cell that `model.api = "cell"` loops; the chain and the flips are the adapter's."""

    def __init__(self) -> None:
        super().__init__("cell-loop", None, torch.float64, 1e-11)

    def has(self, options: Options) -> bool:
        return not options.dropout and not options.proj_size and options.nonlinearity == "tanh"

    def layer(self, options: Options) -> Any:
        return Loops(options, self.dtype)


ENGINES: tuple[Engine, ...] = (
    Reference(),
    Looped(),
    *(Layers(kernels, dtype) for kernels in (*engine.SETS, "torch") for dtype in (torch.float64, torch.float32)),
)
ORACLE = Oracle()
ORACLE_32 = Oracle(torch.float32)  # only for dropout, whose draws depend on the precision

CELLS = {
    "rnn": Options("rnn"),
    "rnn-relu": Options("rnn", nonlinearity="relu"),
    "gru": Options("gru"),
    "lstm": Options("lstm"),
    "lstm-projected": Options("lstm", proj_size=1),
}
PAIRS = [
    pytest.param(engine, options, id=f"{engine.name}-{name}")
    for engine in ENGINES
    for name, options in CELLS.items()
    if engine.has(options)
]
every_pair = pytest.mark.parametrize(("engine", "cell"), PAIRS)


def array(tensor: torch.Tensor | None) -> Array:
    """A copy as NumPy float64."""
    assert tensor is not None
    return tensor.detach().double().numpy().copy()


def same(engine: Engine, got: Result, expected: Result) -> None:
    """Raise unless every array of both, gradients included, agrees to the engine's tolerance."""
    for field in ("output", "d_x"):
        close(engine, field, getattr(got, field), getattr(expected, field))
    for field in ("state", "d_state"):
        for letter, ours, theirs in zip("hc", getattr(got, field), getattr(expected, field), strict=False):
            close(engine, f"{field} {letter}", ours, theirs)
    assert got.d_weights.keys() == expected.d_weights.keys()
    for name, weight in expected.d_weights.items():
        close(engine, f"d_{name}", got.d_weights[name], weight)


def close(engine: Engine, what: str, got: Array, expected: Array) -> None:
    """Raise unless two arrays agree to the engine's tolerance, scaled by the largest number expected."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=engine.tolerance * scale, err_msg=what)
