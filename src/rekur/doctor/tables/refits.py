"""Compare what was fitted with what the training part alone would have given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rekur.doctor.patient import Refit
from rekur.wording import counted, form

Place = tuple[str | int, ...]  # keys, and numbers from 1

EXACT = 1e-6  # relative difference up to which two fitted numbers are the same


def same(a: Any, b: Any) -> bool:
    """Whether two fitted things are equal, numbers up to rounding; lists, arrays and mappings of any depth."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    if isinstance(a, np.ndarray | list | tuple) and isinstance(b, np.ndarray | list | tuple):
        if len(a) != len(b):
            return False
        if len(a) and all(isinstance(part, str) for part in a):
            return list(a) == list(b)
        return all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, int | float | np.number) and isinstance(b, int | float | np.number):
        return bool(np.isclose(float(a), float(b), rtol=EXACT, atol=0.0, equal_nan=True))
    return bool(a == b)


def numbers(refit: Refit) -> tuple[str, dict[str, Any]]:
    """Say by how much the fitted numbers differ from those of the training part."""
    used, alone = _leaves(refit.used), _leaves(refit.train_only)
    pairs = [(place, used[place], alone[place]) for place in used if place in alone]
    if not pairs:
        return "it holds other numbers than those of the training part", {}
    at, a, b = max(pairs, key=lambda pair: abs(pair[1] - pair[2]) / max(abs(pair[2]), 1e-12))
    place = _place(at)
    off = sum(not np.isclose(x, y, rtol=EXACT, atol=0.0) for _, x, y in pairs)
    evidence = {"numbers": len(pairs), "that_differ": off, "largest": {"place": place, "used": a, "training_part": b}}
    largest = f"the largest difference: {place} is {a:,.6g}, the training part alone gives {b:,.6g}"
    of = counted(len(pairs), "number")
    return f"{off} of its {of} {form(off, 'differs', 'differ')}; {largest}", evidence


def _place(at: Place) -> str:
    """Say where a number stands: ("range", "Close") is the range of `Close`, ("scale", 5) the scale of column 5."""
    *outer, last = at or ("it",)
    named = f"column {last}" if isinstance(last, int) else f"`{last}`"
    return f"the {' '.join(map(str, outer))} of {named}" if outer else named


def words(refit: Refit) -> tuple[str, dict[str, Any]]:
    """Say how many words only the other parts gave."""
    used, alone = _names(refit.used), _names(refit.train_only)
    if used == alone:
        orders = _order(refit.used), _order(refit.train_only)
        moved = sum(a != b for a, b in zip(*orders, strict=False))
        if not moved:
            return numbers(refit)
        of = counted(len(used), "word")
        return f"{moved:,} of its {of} {form(moved, 'gets', 'get')} another number", {"moved": moved}
    extra = sorted(used - alone)
    evidence = {"words": len(used), "training_part_gives": len(alone), "extra": len(extra), "examples": extra[:10]}
    return f"{len(extra):,} of its {counted(len(used), 'word')} the training part alone would not give", evidence


def _leaves(thing: Any, place: Place = ()) -> dict[Place, float]:
    """Return every number of a fitted thing by its place in it."""
    if isinstance(thing, Mapping):
        return {k: v for key, part in thing.items() for k, v in _leaves(part, (*place, str(key))).items()}
    if isinstance(thing, list | tuple | np.ndarray):
        return {k: v for at, part in enumerate(thing, 1) for k, v in _leaves(part, (*place, at)).items()}
    return {place: float(thing)} if isinstance(thing, int | float | np.number) and not isinstance(thing, bool) else {}


def _names(thing: Any) -> set[str]:
    """Return every word of a fitted thing: strings in lists, and the keys of mappings to numbers."""
    if isinstance(thing, Mapping):
        keys = {key for key, value in thing.items() if isinstance(key, str) and isinstance(value, int | float)}
        return keys.union(*(_names(value) for value in thing.values()))
    if isinstance(thing, list | tuple | np.ndarray | set | frozenset):
        return set().union(*([{part} if isinstance(part, str) else _names(part) for part in thing] or [set()]))
    return set()


def _order(thing: Any) -> list[str]:
    """Return every word that stands in a list, in order."""
    if isinstance(thing, Mapping):
        return [word for value in thing.values() for word in _order(value)]
    if isinstance(thing, list | tuple):
        return [word for part in thing for word in ([part] if isinstance(part, str) else _order(part))]
    return []
