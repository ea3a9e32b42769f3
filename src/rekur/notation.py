"""The letters every room uses, and the check that an array has the sizes they name.

T time steps, N batch, I input features, H hidden units, K stacked layers, D directions, V vocabulary,
G gates (RNN 1, GRU 3, LSTM 4), C classes. `docs/notation.md` has the whole legend.
"""

from __future__ import annotations

from collections.abc import Sequence

from rekur.errors import ShapeError

PAD, UNKNOWN, START, END = range(4)  # the first ids of every vocabulary that is written, not only read


def check_shape(who: str, what: str, shape: Sequence[int], **expected: int | None) -> None:
    """Raise unless `shape` has the sizes named in `expected`, in order; None lets a size be anything.

    >>> check_shape("GRU", "h_0", (2, 64, 128), **{"K*D": 2, "N": 64, "H": 128})
    """
    wanted = tuple(expected.values())
    fits = len(shape) == len(wanted) and all(w is None or w == s for w, s in zip(wanted, shape, strict=True))
    if fits:
        return
    named = ", ".join(letter if size is None else f"{letter}={size}" for letter, size in expected.items())
    raise ShapeError(f"{who}: {what} must be ({named}); got {tuple(shape)}.{_swap_hint(shape, wanted)}")


def _swap_hint(shape: Sequence[int], wanted: tuple[int | None, ...]) -> str:
    if len(shape) != len(wanted) or len(shape) < 2:
        return f" It has {len(shape)} dimensions, not {len(wanted)}." if len(shape) != len(wanted) else ""
    swapped = (shape[1], shape[0], *shape[2:])
    if all(w is None or w == s for w, s in zip(wanted, swapped, strict=True)):
        return " The first two sizes look swapped; batch_first does not apply to a state."
    return ""
