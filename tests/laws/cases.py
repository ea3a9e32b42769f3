"""What the laws are tried on: options, random arrays, and the sizes hypothesis draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from rekur.reference import LAYERS

Array = NDArray[np.float64]
State = tuple[Array, ...]  # (h,) or (h, c), each (K*D, N, H)


@dataclass(frozen=True)
class Options:
    """The arguments of a layer's constructor, named as torch names them."""

    cell: str  # rnn | gru | lstm
    input_size: int = 3
    hidden_size: int = 5
    num_layers: int = 1
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0

    @property
    def rows(self) -> int:
        """K*D."""
        return self.num_layers * (2 if self.bidirectional else 1)

    @property
    def output_size(self) -> int:
        """Features of a state h, and of the outputs of one direction."""
        return self.proj_size or self.hidden_size

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of the class called `cell`: some exist for one cell only."""
        arguments = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "cell"}
        if self.cell != "rnn":
            del arguments["nonlinearity"]
        if self.cell != "lstm":
            del arguments["proj_size"]
        return arguments


class Problem(NamedTuple):
    """What goes in: arrays drawn at random, biases included."""

    weights: dict[str, Array]
    x: Array  # (T, N, I), or (N, T, I) with batch_first
    state: State | None
    lengths: NDArray[np.int64] | None
    d_output: Array
    d_state: State


class Result(NamedTuple):
    """What comes out, forward and backward."""

    output: Array  # (T, N, D*H), or (N, T, D*H) with batch_first
    state: State
    d_x: Array
    d_state: State  # of the initial state; zeros given where none was
    d_weights: dict[str, Array]


class Case:
    """Sizes and options hypothesis draws; `options(cell)` puts them into a cell's constructor."""

    def __init__(self, sizes: dict[str, int], options: dict[str, Any], rows: list[int], seed: int) -> None:
        self.T, self.N, self.seed = sizes.pop("T"), sizes.pop("N"), seed
        self.changes = sizes | options
        self.lengths = np.array([1 + row % self.T for row in rows[: self.N]])

    def options(self, cell: Options, **changes: Any) -> Options:
        changes = self.changes | changes
        if cell.proj_size:
            changes = {**changes, "proj_size": 1, "hidden_size": changes["hidden_size"] + 1}
        return replace(cell, **changes)

    def __repr__(self) -> str:
        return f"T={self.T} N={self.N} lengths={self.lengths} seed={self.seed} {self.changes}"


CASES = st.builds(
    Case,
    st.fixed_dictionaries(
        {
            "T": st.integers(1, 6),
            "N": st.integers(1, 5),
            "input_size": st.integers(1, 4),
            "hidden_size": st.integers(1, 9),
            "num_layers": st.integers(1, 3),
        }
    ),
    st.fixed_dictionaries({"bidirectional": st.booleans(), "batch_first": st.booleans(), "bias": st.booleans()}),
    st.lists(st.integers(0, 59), min_size=5, max_size=5),
    st.integers(0, 2**32 - 1),
)


def draw(
    options: Options, T: int, N: int, *, seed: int, state: bool = True, lengths: NDArray[np.int64] | None = None
) -> Problem:
    """A problem of random numbers that float32 holds exactly, so that every engine sees the same ones."""
    generator = np.random.default_rng(seed)

    def normal(*shape: int) -> Array:
        return generator.standard_normal(shape).astype(np.float32).astype(np.float64)

    lead = (N, T) if options.batch_first else (T, N)
    widths = (options.output_size, options.hidden_size)[: 2 if options.cell == "lstm" else 1]
    directions = options.rows // options.num_layers
    weights = {}
    for name, shape in shapes(options).items():
        scale = 0.5 if len(shape) == 1 else shape[1] ** -0.5  # keeps a relu network from growing with T
        weights[name] = (normal(*shape) * np.float32(scale)).astype(np.float32).astype(np.float64)
    return Problem(
        weights,
        normal(*lead, options.input_size),
        tuple(normal(options.rows, N, width) for width in widths) if state else None,
        lengths,
        normal(*lead, directions * options.output_size),
        tuple(normal(options.rows, N, width) for width in widths),
    )


def shapes(options: Options) -> dict[str, tuple[int, ...]]:
    """The shape of every weight by its name, as docs/notation.md tells."""
    G_H, P = LAYERS[options.cell].gates * options.hidden_size, options.output_size
    directions = options.rows // options.num_layers
    shapes: dict[str, tuple[int, ...]] = {}
    for k in range(options.num_layers):
        for suffix in (f"l{k}", f"l{k}_reverse")[:directions]:
            shapes[f"weight_ih_{suffix}"] = (G_H, directions * P if k else options.input_size)
            shapes[f"weight_hh_{suffix}"] = (G_H, P)
            if options.bias:
                shapes |= {f"bias_ih_{suffix}": (G_H,), f"bias_hh_{suffix}": (G_H,)}
            if options.proj_size:
                shapes[f"weight_hr_{suffix}"] = (P, options.hidden_size)
    return shapes


def steps_of(options: Options, x: Array, chosen: Any) -> Array:
    """Steps of x, whichever axis they are."""
    return x[:, chosen] if options.batch_first else x[chosen]


def rows_of(options: Options, x: Array, chosen: Any) -> Array:
    """Rows of the batch of x, whichever axis they are."""
    return x[chosen] if options.batch_first else x[:, chosen]


def flat(result: Result) -> list[Array]:
    """Every array of a result."""
    return [result.output, *result.state, result.d_x, *result.d_state, *result.d_weights.values()]


def only(options: Options, problem: Problem, rows: list[int]) -> Problem:
    """The problem of some rows of the batch, in this order."""
    x, d_output = (rows_of(options, part, rows) for part in (problem.x, problem.d_output))
    lengths = None if problem.lengths is None else problem.lengths[rows]
    state, d_state = (tuple(p[:, rows] for p in part or ()) for part in (problem.state, problem.d_state))
    return problem._replace(x=x, d_output=d_output, lengths=lengths, state=state, d_state=d_state)


def flipped(x: Array, lengths: Any) -> Array:
    """x (T, N, F), each row read from its own end."""
    whole = x.copy()
    for row in range(x.shape[1]):
        length = len(x) if lengths is None else lengths[row]
        whole[:length, row] = x[:length, row][::-1]
    return whole
