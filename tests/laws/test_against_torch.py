"""Laws 1, 2, 9, 10 and 11: every engine and cell against torch.nn. Each test's name begins with its law."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES, Case, Options, Problem, draw, flat
from engines import ENGINES, ORACLE, ORACLE_32, PAIRS, Engine, every_pair, same
from hypothesis import given
from torch import nn

SMOOTH = [pair for pair in PAIRS if "float32" not in str(pair.id) and "relu" not in str(pair.id)]


@every_pair
@given(case=CASES)
def test_1_and_2_outputs_and_every_gradient_equal_torch(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell)
    for lengths in (None, case.lengths):
        problem = draw(options, case.T, case.N, seed=case.seed, lengths=lengths)
        same(engine, engine.run(options, problem), ORACLE.run(options, problem))


@pytest.mark.parametrize(("engine", "cell"), SMOOTH)
@given(case=CASES)
def test_2_gradients_equal_finite_differences(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell)
    problem = draw(options, case.T, case.N, seed=case.seed, lengths=case.lengths)
    way = draw(options, case.T, case.N, seed=case.seed + 1)  # a random direction for all inputs at once
    step = 1e-5
    ahead, back = (loss(engine, options, problem, moved(problem, way, sign * step)) for sign in (1, -1))
    result = engine.run(options, problem)
    pairs = [(result.d_x, way.x), *zip(result.d_state, way.state or (), strict=True)]
    pairs += [(result.d_weights[name], way.weights[name]) for name in problem.weights]
    slope = sum(float((gradient * direction).sum()) for gradient, direction in pairs)
    assert (ahead - back) / (2 * step) == pytest.approx(slope, rel=1e-6, abs=1e-6)


def moved(problem: Problem, way: Problem, step: float) -> Problem:
    """The problem, all its inputs moved along `way`."""
    return problem._replace(
        x=problem.x + step * way.x,
        state=tuple(a + step * b for a, b in zip(problem.state or (), way.state or (), strict=True)),
        weights={name: weight + step * way.weights[name] for name, weight in problem.weights.items()},
    )


def loss(engine: Engine, options: Options, problem: Problem, at: Problem) -> float:
    """The number whose gradient a run with the problem's d_output and d_state computes."""
    result = engine.run(options, at)
    parts = zip((result.output, *result.state), (problem.d_output, *problem.d_state), strict=True)
    return sum(float((part * gradient).sum()) for part, gradient in parts)


@every_pair
@given(case=CASES)
def test_9_weights_go_to_torch_and_back_unchanged(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell)
    weights = engine.weights(options)
    theirs = ORACLE.layer(options)
    assert list(weights) == list(theirs.state_dict())
    theirs.load_state_dict({name: torch.tensor(weight) for name, weight in weights.items()})
    back = {name: weight.numpy() for name, weight in theirs.state_dict().items()}
    for name, weight in weights.items():
        np.testing.assert_array_equal(back[name], weight)
    problem = draw(options, case.T, case.N, seed=case.seed)._replace(weights=back)
    same(engine, engine.run(options, problem), ORACLE.run(options, problem))


@every_pair
@pytest.mark.parametrize("sizes", [{"T": 1}, {"N": 1}, {"H": 1}, {"H": 17}, {"I": 1}, {"N": 0}, {"T": 40}], ids=str)
def test_10_edge_sizes(engine: Engine, cell: Options, sizes: dict[str, int]) -> None:
    projected = cell.proj_size > 0
    for num_layers, bidirectional in ((1, False), (2, True)):
        options = replace(
            cell,
            input_size=sizes.get("I", 3),
            hidden_size=sizes.get("H", 5) + projected,
            num_layers=num_layers,
            bidirectional=bidirectional,
        )
        T, N = sizes.get("T", 4), sizes.get("N", 3)
        problem = draw(options, T, N, seed=10)
        same(engine, engine.run(options, problem), ORACLE.run(options, problem))
        lengths = np.array([T, 1, 2])[:N].clip(max=T)
        problem = problem._replace(lengths=lengths)
        expected = ORACLE.run(options, problem if N else problem._replace(lengths=None))  # cannot pack no rows
        same(engine, engine.run(options, problem), expected)


SETTINGS: dict[str, tuple[Any, ...]] = {
    "num_layers": (1, 2),
    "bias": (True, False),
    "batch_first": (False, True),
    "bidirectional": (False, True),
    "dropout": (0.0, 0.4),
    "proj_size": (0, 2),
    "nonlinearity": ("tanh", "relu"),
}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_11_every_option_runs_forward_and_backward(engine: Engine, cell: str) -> None:
    for values in itertools.product(*SETTINGS.values()):
        options = Options(cell, **dict(zip(SETTINGS, values, strict=True)))
        idle = options.dropout and options.num_layers == 1  # torch warns that it does nothing
        stray = (options.proj_size and cell != "lstm") or (options.nonlinearity == "relu" and cell != "rnn")
        if idle or stray or not engine.has(options):
            continue
        problem = draw(options, 4, 3, seed=11)
        torch.manual_seed(1)  # of the dropout of both
        result = engine.run(options, problem)
        torch.manual_seed(1)
        oracle = ORACLE_32 if options.dropout and "float32" in engine.name else ORACLE
        same(engine, result, oracle.run(options, problem))
        with_lengths = engine.run(options, problem._replace(lengths=np.array([4, 1, 3])))
        assert all(np.isfinite(part).all() for part in flat(with_lengths))


def test_11_no_option_of_torch_is_forgotten() -> None:
    known = {"self", "mode", "input_size", "hidden_size", "device", "dtype", *SETTINGS}
    named = set(inspect.signature(nn.RNNBase.__init__).parameters) | {"nonlinearity"}
    assert named == known
