"""The door without torch: equal to the reference for any sizes and strides, and clear about what does not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rekur import engine, reference
from rekur.errors import RequestError, ShapeError

MODES = {
    "RNN_TANH": ("rnn", {"nonlinearity": "tanh"}),
    "RNN_RELU": ("rnn", {"nonlinearity": "relu"}),
    "GRU": ("gru", {}),
    "LSTM": ("lstm", {}),
}
TOLERANCE = {"float64": 1e-12, "float32": 3e-5}
T, N, INPUTS, H = 4, 3, 5, 6

native = pytest.mark.skipif(not engine.SETS, reason="there is no native engine")
every_mode = pytest.mark.parametrize("mode", MODES)
every_set = pytest.mark.parametrize("kernels", engine.SETS)
Arrays = NDArray[Any]


@pytest.fixture(autouse=True)
def _best() -> Iterator[None]:
    before = engine.selected()
    engine.select()
    yield
    engine.select(before)


def normal(*shape: int, kind: str = "float64", seed: int = 0) -> Arrays:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32).astype(kind)


def case(mode: str, D: int, sizes: tuple[int, int, int, int], *, bias: bool, kind: str, seed: int) -> Any:
    """A state, the weights of each direction, and x."""
    T, N, features, H = sizes
    G_H = engine.GATES[mode] * H
    shapes = [(G_H, features), (G_H, H), *([(G_H,), (G_H,)] if bias else [])]
    weights = [
        tuple(normal(*shape, kind=kind, seed=seed + 7 * d + i) / 2 for i, shape in enumerate(shapes)) for d in range(D)
    ]
    state = tuple(normal(D, N, H, kind=kind, seed=seed + 50 + i) for i in range(2 if mode == "LSTM" else 1))
    return normal(T, N, features, kind=kind, seed=seed), state, weights


def by_hand(mode: str, x: Arrays, state: Any, weights: Any, lengths: Any) -> tuple[Arrays, tuple[Arrays, ...]]:
    """What the reference says."""
    name, options = MODES[mode]
    directions, features, H = len(weights), x.shape[2], weights[0][1].shape[1]
    bias = len(weights[0]) == 4
    layer = reference.LAYERS[name](features, H, bidirectional=directions == 2, bias=bias, **options)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    layer.load(
        {
            f"{name}_l0{suffix}": weight
            for part, suffix in zip(weights, ("", "_reverse"), strict=False)
            for name, weight in zip(names, part, strict=False)
        }
    )
    given = state if state is None or mode == "LSTM" else state[0]
    output, final, _ = layer.forward(x, given, lengths=lengths)
    return output, final if isinstance(final, tuple) else (final,)


def same(got: Any, expected: Any, kind: str = "float64") -> None:
    """Raise unless outputs and states agree."""
    for ours, theirs in zip((got[0], *got[1]), (expected[0], *expected[1]), strict=True):
        assert ours.dtype == kind
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[kind] * scale)


@native
@every_set
@every_mode
@given(
    D=st.integers(1, 2),
    sizes=st.tuples(st.integers(1, 6), st.integers(0, 5), st.integers(1, 20), st.integers(1, 35)),
    bias=st.booleans(),
    zeros=st.booleans(),
    ragged=st.booleans(),
    kind=st.sampled_from(["float32", "float64"]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_equals_the_reference(
    kernels: str,
    mode: str,
    D: int,
    sizes: tuple[int, int, int, int],
    bias: bool,
    zeros: bool,
    ragged: bool,
    kind: str,
    threads: int,
    seed: int,
) -> None:
    engine.select(kernels)
    x, state, weights = case(mode, D, sizes, bias=bias, kind=kind, seed=seed)
    given_state = None if zeros else state
    lengths = np.random.default_rng(seed).integers(0, sizes[0] + 1, sizes[1]) if ragged else None
    expected = by_hand(mode, x, given_state, weights, lengths)
    same(engine.layer(mode, x, given_state, weights, lengths, threads), expected, kind)


LAYOUTS: dict[str, Callable[[Arrays], Arrays]] = {
    "rows first": lambda x: np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1),
    "features first": lambda x: np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0),
    "every second feature": lambda x: np.repeat(x, 2, axis=2)[:, :, ::2],
    "every second step": lambda x: np.repeat(x, 2, axis=0)[::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "rows backwards": lambda x: x[:, ::-1].copy()[:, ::-1],
    "features backwards": lambda x: x[:, :, ::-1].copy()[:, :, ::-1],
    "off by a byte": lambda x: off_by_a_byte(x),
    "read-only": lambda x: read_only(x),
    "in a record": lambda x: in_a_record(x),
}


def off_by_a_byte(x: Arrays) -> Arrays:
    moved = np.empty(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    moved[...] = x
    return moved


def read_only(x: Arrays) -> Arrays:
    x = x.copy()
    x.flags.writeable = False
    return x


def in_a_record(x: Arrays) -> Arrays:
    """Rows of numbers with a byte between them: the strides are no whole numbers of numbers."""
    records = np.zeros(x.shape[:2], np.dtype([("x", x.dtype, x.shape[2]), ("byte", np.uint8)]))
    records["x"] = x
    return records["x"]


@native
@every_mode
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", TOLERANCE)
def test_any_layout_of_the_arrays(mode: str, layout: str, kind: str) -> None:
    x, state, weights = case(mode, 2, (T, N, INPUTS, H), bias=True, kind=kind, seed=1)
    expected, turn = by_hand(mode, x, state, weights, None), LAYOUTS[layout]
    same(engine.layer(mode, turn(x), state, weights), expected, kind)
    same(engine.layer(mode, x, tuple(map(turn, state)), weights), expected, kind)
    turned = [
        tuple(turn(array[:, :, None])[:, :, 0] if array.ndim == 2 else array for array in part) for part in weights
    ]
    same(engine.layer(mode, x, state, turned), expected, kind)


@native
@every_mode
def test_one_row_for_all_is_not_copied_wrong(mode: str) -> None:
    x, state, weights = case(mode, 1, (T, N, INPUTS, H), bias=True, kind="float64", seed=2)
    spread = np.broadcast_to(x[:1, :1], x.shape)
    expected = by_hand(mode, np.array(spread), state, weights, None)
    same(engine.layer(mode, spread, state, weights), expected)


@native
@every_mode
def test_other_types_of_weights_and_states_are_converted(mode: str) -> None:
    x, state, weights = case(mode, 1, (T, N, INPUTS, H), bias=True, kind="float32", seed=3)
    wide = [tuple(array.astype(np.float64) for array in part) for part in weights]
    expected = by_hand(mode, x, state, weights, None)
    same(engine.layer(mode, x, tuple(part.astype(">f8") for part in state), wide), expected, "float32")


@native
@every_mode
@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int32, np.int64])
def test_lengths_of_any_integers(mode: str, kind: Any) -> None:
    x, state, weights = case(mode, 2, (T, N, INPUTS, H), bias=True, kind="float64", seed=4)
    lengths = np.array([9, 4, 9, 0, 9, 2], kind)[1::2]
    same(engine.layer(mode, x, state, weights, lengths), by_hand(mode, x, state, weights, [4, 0, 2]))
    np.testing.assert_array_equal(lengths, [4, 0, 2])


@native
@every_set
@every_mode
@pytest.mark.parametrize("kind", [np.uint8, np.int64])
@pytest.mark.parametrize("rows", [2, 9])  # W_ih is multiplied ahead, and step by step
def test_ids_take_rows_of_a_table(kernels: str, mode: str, kind: Any, rows: int) -> None:
    engine.select(kernels)
    table, _, _ = case(mode, 1, (1, 7, INPUTS, H), bias=True, kind="float64", seed=8)
    _, state, weights = case(mode, 2, (T, rows, INPUTS, H), bias=True, kind="float64", seed=8)
    ids = np.random.default_rng(1).integers(0, 7, (rows, T)).astype(kind).T
    lengths = np.arange(rows) % (T + 1)
    expected = by_hand(mode, table[0][ids], state, weights, lengths)
    same(engine.layer(mode, table[0], state, weights, lengths, 2, ids), expected)
    products = np.concatenate([table[0] @ part[0].T for part in weights], axis=1)
    multiplied = [(None, *part[1:]) for part in weights]
    same(engine.layer(mode, products, state, multiplied, lengths, 2, ids), expected)


@native
@every_mode
def test_what_lies_behind_a_length_is_not_read(mode: str) -> None:
    x, state, weights = case(mode, 2, (T, N, INPUTS, H), bias=True, kind="float64", seed=5)
    lengths = np.array([4, 1, 2])
    expected = engine.layer(mode, x, state, weights, lengths)
    x[1:, 1] = x[2:, 2] = np.nan
    for ours, theirs in zip(engine.layer(mode, x, state, weights, lengths), expected, strict=True):
        np.testing.assert_array_equal(np.array(ours), np.array(theirs))


@native
def test_nothing_that_was_given_is_changed() -> None:
    x, state, weights = case("LSTM", 2, (T, N, INPUTS, H), bias=True, kind="float64", seed=6)
    arrays = [x, *state, *(array for part in weights for array in part)]
    before = [array.copy() for array in arrays]
    engine.layer("LSTM", x, state, weights, np.array([4, 0, 2]))
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def changed(**changes: Any) -> dict[str, Any]:
    x, state, weights = case("LSTM", 1, (T, N, INPUTS, H), bias=True, kind="float64", seed=7)
    return {"mode": "LSTM", "x": x, "state": state, "weights": weights, **changes}


def weights_with(i: int, array: Any) -> list[Any]:
    (part,) = case("LSTM", 1, (T, N, INPUTS, H), bias=True, kind="float64", seed=7)[2]
    return [(*part[:i], array, *part[i + 1 :])]


Z = np.zeros
WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "cell": ({"mode": "GRUU"}, RequestError, "no cell is called `GRUU`. Did you mean `GRU`"),
    "two axes": ({"x": Z((T, N))}, ShapeError, r"LSTM: x must be \(T, N, I\); got \(4, 3\)"),
    "integers": ({"x": Z((T, N, INPUTS), int)}, RequestError, "x must be float32 or float64; got int64. Convert"),
    "half": ({"x": Z((T, N, INPUTS), np.float16)}, RequestError, "x must be float32 or float64; got float16"),
    "other end first": ({"x": Z((T, N, INPUTS), ">f8")}, RequestError, "x must be float32 or float64; got >f8"),
    "features": ({"x": Z((T, N, 4))}, ShapeError, r"w_ih must be \(G\*H=24, I=4\); got \(24, 5\)"),
    "w_hh": ({"weights": weights_with(1, Z((23, H)))}, ShapeError, r"w_hh must be \(G\*H=24, H=6\); got \(23, 6\)"),
    "b_ih": ({"weights": weights_with(2, Z(23))}, ShapeError, r"b_ih must be \(G\*H=24\); got \(23,\)"),
    "b_hh": ({"weights": weights_with(3, Z((24, 1)))}, ShapeError, r"b_hh must be \(G\*H=24\); got \(24, 1\)"),
    "three weights": ({"weights": [part[:3] for part in changed()["weights"]]}, RequestError, "weights must be w_ih"),
    "no direction": ({"weights": []}, RequestError, "one or two directions"),
    "three directions": ({"weights": changed()["weights"] * 3}, RequestError, "one or two directions"),
    "h_0 alone": ({"state": (Z((1, N, H)),)}, RequestError, r"state must be \(h_0, c_0\); got 1 arrays"),
    "rows": ({"state": (Z((1, N, H)), Z((1, 4, H)))}, ShapeError, r"c_0 must be \(D=1, N=3, H=6\); got \(1, 4, 6\)"),
    "count": ({"lengths": np.array([1, 2])}, ShapeError, r"lengths must be \(N=3\); got \(2,\)"),
    "too long": ({"lengths": np.array([1, 5, 2])}, ShapeError, "lengths must be from 0 to T=4; got 1 to 5"),
    "negative": ({"lengths": np.array([1, -1, 2])}, ShapeError, "lengths must be from 0 to T=4; got -1 to 2"),
    "no row": ({"x": Z((7, INPUTS)), "ids": Z((T, N), int) + 7}, ShapeError, "ids must be from 0 to V-1=6; got 7 to 7"),
    "below": (
        {"x": Z((7, INPUTS)), "ids": Z((T, N), int) - 1},
        ShapeError,
        "ids must be from 0 to V-1=6; got -1 to -1",
    ),
    "real ids": ({"x": Z((7, INPUTS)), "ids": Z((T, N))}, RequestError, "ids must be integers; got float64"),
    "flat ids": ({"x": Z((7, INPUTS)), "ids": Z(T, int)}, ShapeError, r"ids must be \(T, N\); got \(4,\)"),
    "real": ({"lengths": np.array([1.0, 2.0, 3.0])}, RequestError, "lengths must be integers; got float64"),
}


@native
@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_named(what: str) -> None:
    change, error, message = WRONG[what]
    with pytest.raises(error, match=message):
        engine.layer(**changed(**change))


def test_without_a_native_engine_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    engine.select("torch")
    monkeypatch.setattr(engine, "reason", None)
    with pytest.raises(RequestError, match="needs the native engine, and there is none: REKUR_ENGINE=torch"):
        engine.layer(**changed())
    monkeypatch.setattr(engine, "reason", "no compiler was found")
    with pytest.raises(RequestError, match="there is none: no compiler was found"):
        engine.layer(**changed())
    assert not engine.multiplies("high")
    assert engine.peak(1) is None


def test_select() -> None:
    for name in (*engine.SETS, "torch"):
        assert engine.select(name) == engine.selected() == name
    assert engine.select() == engine.selected() == (*engine.SETS, "torch")[0]
    assert engine.select("") == engine.selected() == (*engine.SETS, "torch")[0]
    with pytest.raises(RequestError, match=r"no engine is called `tourch` here.*Did you mean `torch`"):
        engine.select("tourch")
    assert engine.selected() == (*engine.SETS, "torch")[0]  # as it was


@native
def test_portable_code_is_always_there_and_last() -> None:
    assert engine.SETS[-1] == "portable"
    assert len(set(engine.SETS)) == len(engine.SETS)


@native
@every_set
def test_a_precision_without_products_of_its_own_is_the_highest(kernels: str) -> None:
    engine.select(kernels)
    assert engine.multiplies("highest")
    peak = engine.peak(1)
    assert peak is not None
    assert peak > 1e8


def in_a_new_process(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("name", [*engine.SETS, "torch"])
def test_the_environment_chooses(name: str) -> None:
    done = in_a_new_process("from rekur import engine; print(engine.selected())", REKUR_ENGINE=name)
    assert done.stdout == f"{name}\n"


def test_an_unknown_engine_in_the_environment_is_refused() -> None:
    done = in_a_new_process("from rekur import engine", REKUR_ENGINE="avx1024")
    assert done.returncode != 0
    assert "REKUR_ENGINE: no engine is called `avx1024` here" in done.stderr


def test_no_torch_is_imported() -> None:
    script = "import sys; from rekur import engine; print('torch' in sys.modules)"
    assert in_a_new_process(script).stdout == "False\n"


def test_without_the_extension_the_reason_is_told() -> None:
    script = (
        "import sys; sys.modules['rekur._native'] = None\n"
        "from rekur import engine; print(engine.SETS, engine.selected(), engine.reason)"
    )
    said = in_a_new_process(script, REKUR_ENGINE="").stdout
    assert said.startswith("() torch the extension is not there (")
    assert said.count("\n") == 1
