"""The engine without torch: what it refuses, what it takes, and that it gives what the reference gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rekur import engine, reference
from rekur.errors import RequestError, ShapeError

pytestmark = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")

T, N, I, H = 5, 3, 4, 6  # noqa: E741
MODES = {"RNN_TANH": ("rnn", 1), "GRU": ("gru", 3), "LSTM": ("lstm", 4)}
every_mode = pytest.mark.parametrize("mode", MODES)


@pytest.fixture(autouse=True, params=engine.SETS)
def _set(request: pytest.FixtureRequest) -> Any:
    before = engine.selected()
    engine.select(request.param)
    yield
    engine.select(before)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def weights(mode: str, D: int = 2, bias: bool = True) -> list[tuple[np.ndarray, ...]]:
    G = MODES[mode][1]
    shapes = ((G * H, I), (G * H, H), *(((G * H,), (G * H,)) if bias else ()))
    return [tuple(normal(*shape) / 2 + d for shape in shapes) for d in range(D)]


def state(mode: str) -> tuple[np.ndarray, ...]:
    return tuple(normal(2, N, H) + part for part in range(2 if mode == "LSTM" else 1))


def by_hand(mode: str, x: np.ndarray, lengths: np.ndarray | None) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    layer = reference.LAYERS[MODES[mode][0]](I, H, bidirectional=True)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    layer.load(
        {
            f"{name}_l0{suffix}": array
            for suffix, part in zip(("", "_reverse"), weights(mode), strict=True)
            for name, array in zip(names, part, strict=True)
        }
    )
    given = state(mode)
    outputs, final, _ = layer.forward(x, given if mode == "LSTM" else given[0], lengths)
    return outputs, final if mode == "LSTM" else (final,)


@every_mode
@pytest.mark.parametrize("lengths", [None, [5, 0, 2]], ids=["whole", "lengths"])
def test_it_gives_what_the_reference_gives(mode: str, lengths: list[int] | None) -> None:
    ends = None if lengths is None else np.array(lengths)
    expected, finals = by_hand(mode, normal(T, N, I), ends)
    outputs, final = engine.layer(mode, normal(T, N, I), state(mode), weights(mode), ends, threads=2)
    np.testing.assert_allclose(outputs, expected, atol=1e-12)
    for ours, theirs in zip(final, finals, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@every_mode
def test_x_may_be_multiplied_already(mode: str) -> None:
    x, parts = normal(T, N, I), weights(mode)
    multiplied = np.concatenate([x @ part[0].T for part in parts], axis=2)
    expected, finals = engine.layer(mode, x, None, parts)
    outputs, final = engine.layer(mode, multiplied, None, [(None, *part[1:]) for part in parts])
    np.testing.assert_allclose(outputs, expected, atol=1e-12)
    np.testing.assert_allclose(final[0], finals[0], atol=1e-12)


def test_it_reads_x_however_it_lies() -> None:
    x = normal(T, N, I)
    expected, _ = engine.layer("GRU", x, None, weights("GRU"))
    raw = np.zeros(x.nbytes + 1, np.uint8)
    unaligned = raw[1:].view(np.float64).reshape(T, N, I)
    unaligned[:] = x
    wide = np.zeros((T, N, 2 * I))
    wide[..., ::2] = x
    for other in (x.swapaxes(0, 1).copy().swapaxes(0, 1), unaligned, wide[..., ::2], x[::-1].copy()[::-1]):
        np.testing.assert_array_equal(engine.layer("GRU", other, None, weights("GRU"))[0], expected)


def refused(error: type[Exception], words: str, **changes: Any) -> None:
    given: dict[str, Any] = {
        "x": normal(T, N, I),
        "state": None,
        "weights": weights("LSTM"),
        "lengths": None,
        **changes,
    }
    with pytest.raises(error, match=words):
        engine.layer("LSTM", given["x"], given["state"], given["weights"], given["lengths"])


def test_what_does_not_fit_is_refused() -> None:
    first, second = weights("LSTM")
    refused(ShapeError, "x must be", x=normal(T, I))
    refused(ShapeError, "w_ih must be", x=normal(T, N, I + 1))
    refused(RequestError, "float32 or float64", x=normal(T, N, I).astype(">f8"))
    refused(RequestError, "float32 or float64", x=normal(T, N, I).astype(np.float16))
    refused(RequestError, "weights must be", weights=[first, (None, *second[1:])])
    refused(RequestError, "weights must be", weights=[first, second[:2]])
    refused(RequestError, "weights must be", weights=[first[:1]])
    refused(RequestError, "weights must be", weights=[(first[0], None, *first[2:])])
    refused(RequestError, "weights must be", weights=[])
    refused(ShapeError, "b_hh must be", weights=[(*first[:3], first[3][1:]), second])
    refused(ShapeError, "multiplied by W_ih", weights=[(None, *first[1:]), (None, *second[1:])])
    refused(RequestError, "state must be", state=())
    refused(RequestError, "state must be", state=(normal(2, N, H),))
    refused(ShapeError, "c_0 must be", state=(normal(2, N, H), normal(1, N, H)))
    refused(ShapeError, "lengths must be", lengths=np.array([1, 2]))
    refused(ShapeError, "from 0 to T", lengths=np.array([1, 2, T + 1]))
    refused(ShapeError, "from 0 to T", lengths=np.array([1, -2, T]))
    refused(RequestError, "integers", lengths=np.array([1.0, 2.0, 3.0]))
    with pytest.raises(RequestError, match="no cell is called"):
        engine.layer("GRUU", normal(T, N, I), None, weights("GRU"))


def test_without_it_a_call_says_so() -> None:
    engine.select("torch")
    with pytest.raises(RequestError, match="needs the native engine"):
        engine.layer("GRU", normal(T, N, I), None, weights("GRU"))
    assert engine.peak(1) is None
    assert not engine.multiplies("medium")


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(RequestError, match="portable"):
        engine.select("portabel")


def test_float32_keeps_its_type_and_its_precision() -> None:
    x, parts = normal(T, N, I), weights("LSTM")
    expected, _ = engine.layer("LSTM", x, None, parts)
    outputs, final = engine.layer("LSTM", x.astype(np.float32), None, parts)
    assert outputs.dtype == final[0].dtype == final[1].dtype == np.float32
    np.testing.assert_allclose(outputs, expected, atol=2e-6)
