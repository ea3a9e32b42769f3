"""Laws 3 to 8: what holds within every engine and cell. Each test's name begins with its law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from cases import CASES, Case, Options, Problem, Result, draw, flat, flipped, only, rows_of, shapes, steps_of
from engines import Engine, close, every_pair, same
from hypothesis import given
from hypothesis import strategies as st


@every_pair
@given(case=CASES)
def test_3_no_state_is_a_state_of_zeros(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell)
    for lengths in (None, case.lengths):
        problem = draw(options, case.T, case.N, seed=case.seed, state=False, lengths=lengths)
        zeros = problem._replace(state=tuple(np.zeros_like(part) for part in problem.d_state))
        with_zeros = engine.run(options, zeros)._replace(d_state=tuple(zeros.state or ()))
        same(engine, engine.run(options, problem), with_zeros)


@every_pair
@given(case=CASES, cut=st.integers(0, 59))
def test_4_cut_anywhere(engine: Engine, cell: Options, case: Case, cut: int) -> None:
    options, T = case.options(cell, bidirectional=False), case.T + 1
    t = 1 + cut % (T - 1)  # 1 <= t < T
    axis = 1 if options.batch_first else 0
    for lengths in (None, case.lengths):
        problem = draw(options, T, case.N, seed=case.seed, lengths=lengths)
        whole, head, tail = engine.run(options, problem), until(options, problem, t), beyond(options, problem, t)
        second = engine.run(options, tail._replace(state=engine.run(options, head).state))
        first = engine.run(options, head._replace(d_state=second.d_state))
        joined = Result(
            np.concatenate((first.output, second.output), axis),
            second.state,
            np.concatenate((first.d_x, second.d_x), axis),
            first.d_state,
            {name: first.d_weights[name] + second.d_weights[name] for name in first.d_weights},
        )
        same(engine, joined, whole)


def until(options: Options, problem: Problem, t: int) -> Problem:
    """The problem's steps before t."""
    x, d_output = (steps_of(options, part, slice(0, t)) for part in (problem.x, problem.d_output))
    lengths = None if problem.lengths is None else np.minimum(problem.lengths, t)
    return problem._replace(x=x, d_output=d_output, lengths=lengths)


def beyond(options: Options, problem: Problem, t: int) -> Problem:
    """The problem's steps from t on."""
    x, d_output = (steps_of(options, part, slice(t, None)) for part in (problem.x, problem.d_output))
    lengths = None if problem.lengths is None else np.maximum(problem.lengths - t, 0)
    return problem._replace(x=x, d_output=d_output, lengths=lengths)


@every_pair
@given(case=CASES)
def test_5_what_lies_behind_a_length_changes_nothing(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell)
    lengths = case.lengths * (np.arange(case.N) > 0)  # row 0 has no step at all
    problem = draw(options, case.T, case.N, seed=case.seed, lengths=lengths)
    behind = np.arange(case.T) >= lengths[:, None]  # (N, T)
    behind = behind if options.batch_first else behind.T
    result = engine.run(options, problem)
    for filling in (7.0, np.nan, np.inf):
        filled = problem._replace(x=np.where(behind[..., None], filling, problem.x))
        again = engine.run(options, filled)
        for before, after in zip(flat(result), flat(again), strict=True):
            np.testing.assert_array_equal(before, after)
    assert not result.output[behind].any()
    assert not result.d_x[behind].any()
    assert problem.state is not None
    for end, start in zip(result.state, problem.state, strict=True):
        np.testing.assert_array_equal(end[:, 0], start[:, 0])


@every_pair
@given(case=CASES)
def test_5_each_row_is_as_if_it_were_alone_and_cut(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell)
    problem = draw(options, case.T, case.N, seed=case.seed, lengths=case.lengths)
    together = engine.run(options, problem)
    for row, length in enumerate(case.lengths):
        alone = only(options, problem, [row])._replace(lengths=None)
        x, d_output = (steps_of(options, part, slice(0, length)) for part in (alone.x, alone.d_output))
        result = engine.run(options, alone._replace(x=x, d_output=d_output))
        output = steps_of(options, rows_of(options, together.output, [row]), slice(0, length))
        close(engine, "output", output, result.output)
        for ours, theirs in zip(together.state, result.state, strict=True):
            close(engine, "state", ours[:, [row]], theirs)


@every_pair
@given(case=CASES, data=st.data())
def test_6_rows_of_a_batch_do_not_know_each_other(
    engine: Engine, cell: Options, case: Case, data: st.DataObject
) -> None:
    options = case.options(cell)
    order = data.draw(st.permutations(range(case.N)))
    for lengths in (None, case.lengths):
        problem = draw(options, case.T, case.N, seed=case.seed, lengths=lengths)
        whole = engine.run(options, problem)
        permuted = engine.run(options, only(options, problem, order))
        close(engine, "output", permuted.output, rows_of(options, whole.output, order))
        close(engine, "d_x", permuted.d_x, rows_of(options, whole.d_x, order))
        alone = [engine.run(options, only(options, problem, [row])) for row in range(case.N)]
        total = {name: sum(run.d_weights[name] for run in alone) for name in whole.d_weights}
        for name, gradient in whole.d_weights.items():
            close(engine, f"permuted d_{name}", permuted.d_weights[name], gradient)
            close(engine, f"d_{name}", np.asarray(total[name]), gradient)
        for row, run in enumerate(alone):
            close(engine, "output", run.output, rows_of(options, whole.output, [row]))
            for ours, theirs in zip(run.state, whole.state, strict=True):
                close(engine, "state", ours, theirs[:, [row]])


@every_pair
@given(case=CASES)
def test_7_two_directions_are_a_run_and_a_flipped_run(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell, bidirectional=True, num_layers=1, batch_first=False)
    one = replace(options, bidirectional=False)
    for lengths in (None, case.lengths):
        problem = draw(options, case.T, case.N, seed=case.seed, lengths=lengths)
        result, size = engine.run(options, problem), options.output_size
        for d, suffix in enumerate(("l0", "l0_reverse")):
            half = problem._replace(
                weights={f"{name[:-2]}l0": problem.weights[name[:-2] + suffix] for name in shapes(one)},
                x=flipped(problem.x, lengths) if d else problem.x,
                state=tuple(part[[d]] for part in problem.state or ()),
                d_output=problem.d_output[..., :size],
                d_state=tuple(part[[d]] for part in problem.d_state),
            )
            run = engine.run(one, half)
            output = flipped(run.output, lengths) if d else run.output
            close(engine, "output", result.output[..., d * size : (d + 1) * size], output)
            for ours, theirs in zip(result.state, run.state, strict=True):
                close(engine, "state", ours[[d]], theirs)


@every_pair
@given(case=CASES)
def test_7_layers_are_a_chain(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell)
    for lengths in (None, case.lengths):
        problem = draw(options, case.T, case.N, seed=case.seed, lengths=lengths)
        result = engine.run(options, problem)
        D, x = options.rows // options.num_layers, problem.x
        for k in range(options.num_layers):
            one = replace(options, num_layers=1, input_size=x.shape[-1])
            run = engine.run(
                one,
                problem._replace(
                    weights={name: problem.weights[name.replace("l0", f"l{k}")] for name in shapes(one)},
                    x=x,
                    state=tuple(part[k * D : (k + 1) * D] for part in problem.state or ()),
                    d_state=tuple(part[k * D : (k + 1) * D] for part in problem.d_state),
                ),
            )
            x = run.output
            for ours, theirs in zip(result.state, run.state, strict=True):
                close(engine, "state", ours[k * D : (k + 1) * D], theirs)
        close(engine, "output", result.output, x)


@every_pair
@given(case=CASES)
def test_8_batch_first_is_a_transpose(engine: Engine, cell: Options, case: Case) -> None:
    options = case.options(cell, batch_first=True)
    for lengths in (None, case.lengths):
        problem = draw(options, case.T, case.N, seed=case.seed, lengths=lengths)
        x, d_output = problem.x.swapaxes(0, 1), problem.d_output.swapaxes(0, 1)
        turned = engine.run(replace(options, batch_first=False), problem._replace(x=x, d_output=d_output))
        back = turned._replace(output=turned.output.swapaxes(0, 1), d_x=turned.d_x.swapaxes(0, 1))
        same(engine, engine.run(options, problem), back)
