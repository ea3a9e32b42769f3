"""The door to the native engine: which instruction set computes, and recurrent layers on NumPy arrays, without torch.

`rekur.nn.kernels` goes through it for training. The extension `rekur._native` is built from `native/` at installation;
where there was no compiler, `SETS` is empty, torch's kernels serve, and `reason` says why.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rekur.errors import RequestError, ShapeError, nearest
from rekur.notation import check_shape

Array: TypeAlias = NDArray[Any]
State: TypeAlias = tuple[Array, ...]  # (h,) or (h, c), each (D, N, H)
Weights: TypeAlias = Sequence[Array | None]  # w_ih (G*H, I) or None, w_hh (G*H, H), and with biases b_ih, b_hh (G*H,)

reason: str | None = None  # why there is no native engine
_native: Any = None
try:
    _native = import_module("rekur._native")
except ImportError as _error:
    reason = f"the extension is not there ({_error}); it is built at installation where a C++ compiler is found"

SETS: tuple[str, ...] = tuple(_native.instruction_sets()) if _native is not None else ()  # best first
CELLS = {"RNN_TANH": 0, "RNN_RELU": 1, "GRU": 2, "LSTM": 3}  # the numbers of native/include/rekur/engine.h
TYPES = {"float32": 0, "float64": 1}
PRODUCTS = {"highest": 0, "high": 1, "medium": 2}  # named as torch.set_float32_matmul_precision does
GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}  # G
MODES = {"rnn": "RNN_TANH", "gru": "GRU", "lstm": "LSTM"}  # by the name a recipe gives a cell


def select(name: str | None = None) -> str:
    """Choose what computes from now on, and return it: "torch", one of `SETS`, or the best there is for None.

    Raises RequestError for a name this build or this processor does not have.
    """
    global _selected
    best = SETS[0] if SETS else "torch"
    if name and name not in ("torch", *SETS):
        why = reason or f"this build and this processor have {', '.join(SETS)}"
        raise RequestError(f"REKUR_ENGINE: no engine is called `{name}` here: {why}. {nearest(name, ('torch', *SETS))}")
    _selected = name or best
    return _selected


def selected() -> str:
    """Return what computes: "torch" or the name of an instruction set."""
    return _selected


def multiplies(precision: str) -> bool:
    """Return whether the selected engine has products of its own for a precision, or would take "highest"."""
    return _selected != "torch" and bool(_native.multiplies(_selected, PRODUCTS[precision]))


def peak(threads: int) -> float | None:
    """Return the floating-point operations a second that `threads` threads reach in registers: no product is faster.

    None without a native engine.
    """
    return None if _selected == "torch" else float(_native.peak(_selected, threads))


def problem(
    mode: str, kind: str, sizes: tuple[int, int, int, int, int], threads: int, precision: str = "highest"
) -> Any:
    """Return what the native engine shall compute; its methods take arrays by address, checked by then.

    Args:
        mode: RNN_TANH, RNN_RELU, GRU or LSTM.
        kind: the type of every array, "float32" or "float64".
        sizes: T, N, I, H, D.
        threads: the most that may work.
        precision: of products of float32: "highest", "high" or "medium", as torch names them; where the instruction
            set has nothing faster to offer, "highest" is taken.
    """
    return _native.Problem(_selected, CELLS[mode], TYPES[kind], PRODUCTS[precision], *sizes, threads)


def block(size: int) -> NDArray[np.uint8]:
    """Return `size` bytes aligned to 64, not initialised, in memory that an earlier block may have left warm."""
    found: NDArray[np.uint8] = _native.block(size)
    return found


def arrays(data: int, step: int, row: int, others: list[int]) -> Any:
    """Return the inputs of a problem, its results, or the gradients of either, for its methods.

    Whoever calls has checked type and sizes, and keeps the memory alive: C++ trusts the addresses.

    Args:
        data: address of x (T, N, I) or of the outputs (T, N, D*H), features side by side.
        step: numbers from one step of it to the next.
        row: numbers from one row of it to the next.
        others: addresses of what is contiguous: h_0, c_0 and w_ih, w_hh, b_ih, b_hh of each direction; of results h_n
            and, of an LSTM, c_n. 0 is absent.
    """
    return _native.Arrays(data, step, row, others)


def reader(exchange: object, classes: Sequence[type]) -> Any:
    """Return what reads arrays from tensors: `inputs` and `results` take a problem and a list, `bytes` a buffer.

    Each checks sizes, type, device and strides where it takes the address.

    Args:
        exchange: the C functions of the tensors' class, its `__dlpack_c_exchange_api__`.
        classes: of tensors that have no ways of their own.

    Raises ValueError for an exchange of a version before 1.3.
    """
    return _native.Reader(exchange, list(classes))


def layer(
    mode: str,
    x: Array,
    state: State | None,
    weights: Sequence[Weights],
    lengths: NDArray[np.int64] | None = None,
    threads: int = 1,
    ids: NDArray[np.integer[Any]] | None = None,
) -> tuple[Array, State]:
    """Run one layer of D directions over x and return the outputs (T, N, D*H) and the final state, (D, N, H) each.

    Forward only: nothing is kept for gradients.

    Args:
        mode: RNN_TANH, RNN_RELU, GRU or LSTM.
        x: (T, N, I), float32 or float64; or (T, N, D*G*H), each direction's x W_ih', where w_ih is None. With ids it
            is a table of such steps, (V, I) or (V, D*G*H).
        state: the initial (h,) or (h, c); None is zeros.
        weights: those of each direction, of the type of x.
        lengths: (N,) from 0 to T; None when all rows have T steps. Outputs behind a length are 0, the final state is
            the one at the length, the second direction starts there.
        threads: the most that may work.
        ids: (T, N) from 0 to V - 1, the row of the table that each step reads.

    Raises:
        RequestError: without a native engine, or for a type it does not have.
        ShapeError: where a size does not fit.
    """
    if _selected == "torch":
        raise RequestError(
            f"engine.layer needs the native engine, and there is none: {reason or 'REKUR_ENGINE=torch'}."
        )
    x = x if ids is None else x[np.newaxis]  # (1, V, I)
    T, N, I = _sizes(mode, x)  # noqa: E741
    D, H = len(weights), _hidden_size(mode, weights)
    if weights[0][0] is None:
        check_shape(mode, "x, multiplied by W_ih already,", x.shape, T=T, N=N, **{"D*G*H": D * GATES[mode] * H})
    if ids is not None:
        ids = _checked_ids(mode, ids, N)
        T, N = ids.shape
    x = _plain(x)
    kept = [_checked_weights(mode, part, I, H, x.dtype) for part in weights]
    given = _checked_state(mode, state, (D, N, H), x.dtype)
    ends = None if lengths is None else _checked_lengths(mode, lengths, T, N)
    outputs = block(T * N * D * H * x.itemsize).view(x.dtype).reshape(T, N, D * H)
    final = [np.empty((D, N, H), x.dtype) for _ in range(2 if mode == "LSTM" else 1)]
    inputs = _arrays(x, *given, *(array for part in kept for array in part))
    sizes = (T, N, I, H, D)
    work, results = problem(mode, x.dtype.name, sizes, threads), _arrays(outputs, *final)
    if ids is None:
        work.forward(inputs, results, _address(ends), 0)
    else:
        work.look_up(inputs, results, _address(ends), _address(ids))
    return outputs, tuple(final)


def _arrays(first: Array, *others: Array | None) -> Any:
    step, row = (stride // first.itemsize for stride in first.strides[:2])
    return arrays(_address(first), step, row, [_address(array) for array in others])


def _address(array: Array | None) -> int:
    return 0 if array is None else array.ctypes.data


def _plain(array: Array) -> Array:
    """The array with its features beside each other and strides that are whole numbers, copied if need be."""
    whole = array.flags.aligned and all(stride % array.itemsize == 0 for stride in array.strides)
    return array if whole and array.strides[-1] == array.itemsize else np.require(array, requirements=["C", "A"])


def _sizes(mode: str, x: Array) -> tuple[int, ...]:
    if mode not in CELLS:
        raise RequestError(f"engine.layer: no cell is called `{mode}`. {nearest(mode, CELLS)}")
    check_shape(mode, "x", x.shape, T=None, N=None, I=None)
    if x.dtype.name not in TYPES or not x.dtype.isnative:
        raise RequestError(f"{mode}: x must be float32 or float64; got {x.dtype}. Convert it: x.astype(np.float32).")
    return x.shape


def _hidden_size(mode: str, weights: Sequence[Weights]) -> int:
    """Return H; raise unless each of one or two directions has the weights that the first one has."""
    given = [tuple(array is not None for array in part) for part in weights]
    known = ((True, True), (False, True), (True,) * 4, (False, True, True, True))
    if len(given) not in (1, 2) or given[0] not in known or len(set(given)) > 1:
        raise RequestError(
            f"{mode}: weights must be w_ih (None where x is multiplied already), w_hh and, with biases, b_ih and b_hh, "
            f"for each of one or two directions, alike in both; got {[len(part) for part in weights]} arrays."
        )
    return int(weights[0][1].shape[1])  # type: ignore[union-attr]


def _checked_ids(mode: str, ids: NDArray[Any], V: int) -> NDArray[np.int64]:
    check_shape(mode, "ids", ids.shape, T=None, N=None)
    if ids.dtype.kind not in "iu":
        raise RequestError(f"{mode}: ids must be integers; got {ids.dtype}. Convert them: ids.astype(np.int64).")
    if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < V:
        raise ShapeError(f"{mode}: ids must be from 0 to V-1={V - 1}; got {int(ids.min())} to {int(ids.max())}.")
    return np.require(ids, np.int64, ["C", "A"])


def _checked_weights(mode: str, part: Weights, I: int, H: int, dtype: np.dtype[Any]) -> list[Array | None]:  # noqa: E741
    G_H = GATES[mode] * H
    shapes = {"w_ih": {"G*H": G_H, "I": I}, "w_hh": {"G*H": G_H, "H": H}, "b_ih": {"G*H": G_H}, "b_hh": {"G*H": G_H}}
    kept: list[Array | None] = []
    for (name, shape), weight in zip(shapes.items(), part, strict=False):
        if weight is not None:
            check_shape(mode, name, weight.shape, **shape)
        kept.append(None if weight is None else np.require(weight, dtype, ["C", "A"]))
    return [*kept, None, None][:4]


def _checked_state(
    mode: str, state: State | None, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> list[Array | None]:
    if state is None:
        return [None, None]
    names = ("h_0", "c_0") if mode == "LSTM" else ("h_0",)
    if len(state) != len(names):
        raise RequestError(f"{mode}: state must be ({', '.join(names)}); got {len(state)} arrays.")
    D, N, H = shape
    for name, part in zip(names, state, strict=True):
        check_shape(mode, name, part.shape, D=D, N=N, H=H)
    kept: list[Array | None] = [np.require(part, dtype, ["C", "A"]) for part in state]
    return [*kept, None][:2]


def _checked_lengths(mode: str, lengths: NDArray[np.int64], T: int, N: int) -> NDArray[np.int64]:
    """Return a copy: nobody may change it while C++ reads it."""
    check_shape(mode, "lengths", lengths.shape, N=N)
    if not np.issubdtype(lengths.dtype, np.integer):
        raise RequestError(f"{mode}: lengths must be integers; got {lengths.dtype}. Convert them: lengths.astype(int).")
    if N and not 0 <= int(lengths.min()) <= int(lengths.max()) <= T:
        raise ShapeError(f"{mode}: lengths must be from 0 to T={T}; got {int(lengths.min())} to {int(lengths.max())}.")
    return np.array(lengths, np.int64)


_selected = ""
select(os.environ.get("REKUR_ENGINE") or None)
