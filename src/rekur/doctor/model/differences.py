"""Gradients written by hand against central differences, and what would mend them. NumPy alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.doctor.patient import ByHand

Floats = NDArray[np.float64]
STEEPEST, RANDOM = 4, 4  # entries of each parameter
MISMATCH = 1e-3  # of the largest entry, in float64; rounding and curvature stay below 1e-6
SECONDS = 10.0  # for all parameters


@dataclass(frozen=True)
class Compared:
    """One parameter's gradient at a few places."""

    at: list[tuple[int, ...]]
    given: Floats  # as the backward pass says
    true: Floats  # as the loss says
    turned: Floats | None  # the backward pass's at the transposed places, of a square parameter

    @property
    def error(self) -> float:
        """The largest difference, of the largest entry."""
        return _relative(self.given, self.true)

    @property
    def is_flat(self) -> bool:
        """Whether the loss does not move at all, as behind a step function with a gradient of its own."""
        return not np.any(self.true)


def _relative(a: Floats, b: Floats) -> float:
    scale = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    return float(np.abs(a - b).max(initial=0)) / scale if scale > 0 else 0.0


def compare(by_hand: ByHand, names: Sequence[str] | None = None, step: float = 1e-5) -> dict[str, Compared]:
    """Return each parameter's gradient beside its central differences, at its steepest entries and some others.

    Entries where two step sizes disagree are left out: there is a kink between them.
    """
    gradients = by_hand.gradients()
    end, found = time.monotonic() + SECONDS, {}
    floor = 1e-9 * max(float(np.abs(g).max(initial=0)) for g in gradients.values()) if gradients else 0.0
    for name in names if names is not None else gradients:
        if time.monotonic() > end:
            break
        values, gradient = by_hand.parameters[name], np.asarray(gradients[name])
        kept = [(at, slope) for at in _places(gradient) if (slope := _slope(by_hand, values, at, step)) is not None]
        if not kept:
            continue
        places = [at for at, _ in kept]
        true = np.array([slope if abs(slope) > floor else 0.0 for _, slope in kept], dtype=np.float64)
        square = gradient.ndim == 2 and gradient.shape[0] == gradient.shape[1]
        turned = np.array([gradient[at[::-1]] for at in places], dtype=np.float64) if square else None
        given = np.array([gradient[at] for at in places], dtype=np.float64)
        found[name] = Compared(places, given, true, turned)
    return found


def _places(gradient: NDArray[np.floating]) -> list[tuple[int, ...]]:
    flat = np.abs(gradient).ravel()
    generator = np.random.default_rng(0)
    steepest = np.argsort(-flat, kind="stable")[:STEEPEST]
    used = np.flatnonzero(flat)
    others = generator.choice(used if len(used) else len(flat), min(RANDOM, len(used) or len(flat)), replace=False)
    anywhere = generator.integers(0, max(1, len(flat)), min(1, len(flat)))
    chosen = dict.fromkeys(int(place) for place in [*steepest, *others, *anywhere])
    return [tuple(int(i) for i in np.unravel_index(place, gradient.shape)) for place in chosen]


def _slope(by_hand: ByHand, values: NDArray[np.floating], at: tuple[int, ...], step: float) -> float | None:
    """The central difference, None where a tenth of the step gives another."""
    wide, narrow = (_difference(by_hand, values, at, h) for h in (step, step / 10))
    if abs(wide - narrow) > 1e-3 * max(abs(wide), abs(narrow)) + 1e-8:
        return None
    return wide


def _difference(by_hand: ByHand, values: NDArray[np.floating], at: tuple[int, ...], step: float) -> float:
    kept = values[at]
    h = step * max(1.0, abs(float(kept)))
    try:
        values[at] = kept + h
        above, up = by_hand.loss(), float(values[at])
        values[at] = kept - h
        below, down = by_hand.loss(), float(values[at])
    finally:
        values[at] = kept
    return float(above - below) / (up - down)


def wrong(compared: Mapping[str, Compared], tolerance: float = MISMATCH) -> dict[str, Compared]:
    """Return the parameters whose gradient is not that of the loss."""
    return {name: c for name, c in compared.items() if c.error > tolerance and not c.is_flat}


def mend(c: Compared, sizes: Mapping[str, float], tolerance: float = MISMATCH) -> str | None:
    """Return what would make a gradient right: a factor, or its transpose; None if neither does."""
    if c.turned is not None and _relative(c.turned, c.true) <= tolerance:
        return "its transpose"
    if not np.any(c.given):
        return None
    factor = float(c.given @ c.true / (c.given @ c.given))
    if _relative(factor * c.given, c.true) > tolerance:
        return None
    named = {"-1": -1.0, "2": 2.0, "1/2": 0.5}
    for letter, size in sizes.items():
        named |= {letter: size, f"1/{letter}": 1 / size, f"-{letter}": -size, f"-1/{letter}": -1 / size}
    close = [name for name, value in named.items() if abs(factor / value - 1) < tolerance]
    return f"{factor:.4g} times it" + (f", that is {' or '.join(close)}" if close and close[0] != f"{factor:g}" else "")


def transpose_missing(
    by_hand: ByHand, names: Sequence[str], tolerance: float = MISMATCH, step: float = 1e-5
) -> str | None:
    """Return the square weight whose transpose the backward pass lacks: made symmetric, it hides the fault."""
    for name, values in by_hand.parameters.items():
        with _replaced(values, lambda block: (block + block.T) / 2) as square:
            if square and _all_right(compare(by_hand, names, step), names, tolerance):
                return name
    return None


def carried(by_hand: ByHand, names: Sequence[str], tolerance: float = MISMATCH, step: float = 1e-5) -> str | None:
    """Return the square weight the fault goes back through: with it at 0, gradients that remain are right."""
    for name, values in by_hand.parameters.items():
        with _replaced(values, np.zeros_like) as square:
            if not square:
                continue
            compared = compare(by_hand, names, step)
            others = [c for other, c in compared.items() if other != name]
            if others and _all_right(compared, names, tolerance) and not any(c.is_flat for c in others):
                return name
    return None


def _all_right(compared: Mapping[str, Compared], names: Sequence[str], tolerance: float) -> bool:
    """Whether every one of the names could be compared, and none is wrong."""
    return set(names) <= set(compared) and not wrong(compared, tolerance)


@contextlib.contextmanager
def _replaced(values: NDArray[np.floating], by: Callable[[Any], Any]) -> Iterator[bool]:
    """Put something else into the square blocks of a weight, if it has any, and put it back afterwards."""
    kept, blocks = values.copy(), list(_squares(values))
    try:
        for block in blocks:
            block[...] = by(block)
        yield bool(blocks)
    finally:
        values[...] = kept


def _squares(values: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
    """The square blocks of a weight: itself, or one a gate."""
    if values.ndim == 2 and values.shape[1] > 1 and values.shape[0] % values.shape[1] == 0:
        size = values.shape[1]
        for start in range(0, values.shape[0], size):
            yield values[start : start + size]
