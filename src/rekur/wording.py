"""Numbers and names in sentences: one row is, two rows are."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number and what it counts; `many` where an s does not make the plural.

    >>> counted(1, "row"), counted(1204, "row")
    ('1 row', '1,204 rows')
    """
    return f"{count:,} {form(count, one, many or one + 's')}"


def form(count: int, one: str, many: str) -> str:
    """Return `one` beside a count of 1, `many` beside any other.

    >>> form(1, "is", "are"), form(0, "is", "are")
    ('is', 'are')
    """
    return one if count == 1 else many


def times(ratio: float) -> str:
    """Return how many times as large something is, in two or three digits that count.

    >>> times(0.0125), times(3.14159), times(48291.0), times(7.3e9)
    ('0.0125', '3.14', '48,000', '7e+09')
    """
    if not 100 <= ratio < 1e6:
        return f"{ratio:.3g}" if ratio < 1e6 else f"{ratio:.0e}"
    return f"{float(f'{ratio:.2g}'):,.0f}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return names as a list in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('a, b and c', 'a and 2 more')
    """
    rest = len(names) - most
    parts = [*names[:most], f"{rest} more"] if rest > 0 else list(names)
    return " and ".join([part for part in (", ".join(parts[:-1]), parts[-1]) if part]) if parts else ""


def some(values: Sequence[object], most: int = 5) -> str:
    """Return what a user wrote for a sentence, the first few of many.

    >>> some(["a", 2, "c"]), some(["a", 2, "c"], most=1)
    ('`a`, `2`, `c`', '`a` and 2 more')
    """
    shown = ", ".join(f"`{value}`" for value in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown
