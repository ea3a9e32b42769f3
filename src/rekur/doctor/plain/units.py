"""A jump in the unit: the level of a column changes by a factor that turns one unit into another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from rekur.doctor import moments
from rekur.doctor.findings import Curve, Finding
from rekur.doctor.patient import Floats, Tables

POWERS = {10.0: "10", 100.0: "100", 1000.0: "1,000", 1e4: "10,000", 1e6: "1,000,000", 1024.0: "1,024", 1048576.0: "1,048,576"}
UNITS = {
    1.609344: "miles and kilometres",
    2.20462: "kilograms and pounds",
    3.28084: "metres and feet",
    2.54: "inches and centimetres",
    1.8: "degrees Celsius and Fahrenheit, or a change of scale",
}
SPLITS = {2.0: "a share split 2 for 1", 3.0: "3 for 1", 4.0: "4 for 1", 5.0: "5 for 1", 20.0: "20 for 1", 50.0: "50 for 1"}
WINDOW = 30  # values before and after a step
CLEAR = 5.0  # a step of the level, beside the largest of the other steps
POINTS = 400


@dataclass(frozen=True)
class Jump:
    """Where and by how much."""

    row: int
    ratio: float
    factor: float
    single: int = 0  # values; 0: the level stays


def found(tables: Tables) -> Iterator[Finding]:
    """Yield jumps of numeric columns: in time where the rows are a series, else in a few values."""
    frame = tables.train
    in_time = _series(tables)
    for column in frame.get_columns():
        if not column.dtype.is_numeric() or column.name in (tables.label, tables.time, tables.group):
            continue
        x = column.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
        if len(x) < 20 or _counts_rows(x):
            continue
        jump = (level(x) or single(x)) if in_time else stray(x)
        if jump is not None:
            yield _finding(column.name, x, jump, in_time)


def _series(tables: Tables) -> bool:
    """Whether the rows follow each other in time."""
    if tables.text is not None:
        return False
    if tables.time is None:
        return tables.label is None and tables.group is None
    stamps = moments.stamps(tables.train[tables.time])
    return stamps is not None and len(stamps) == len(tables.train) and bool((np.diff(stamps) >= 0).mean() > 0.95)


def _counts_rows(x: Floats) -> bool:
    """An id, an index or a running total: it only ever rises."""
    steps = np.diff(x)
    return bool((steps > 0).all() or (steps < 0).all())


def level(x: Floats) -> Jump | None:
    """Return the step after which a series goes on at another level, by a factor of units; x (T,)."""
    if (x == 0).mean() > 0.01 or len(x) < 2 * 10:
        return None
    size = np.log(np.abs(x[x != 0]))
    mixed = bool((x > 0).any() and (x < 0).any())
    window = 100 if mixed else min(WINDOW, len(size) // 2)
    if len(size) < 2 * window:
        return None
    found = []
    for at in _steps(size, window, mixed):
        before, after = size[max(0, at - window) : at], size[at : at + window]
        if min(len(before), len(after)) < min(window, 8):
            continue
        ratio = float(np.median(after) - np.median(before))
        noise = max(_spread(before), _spread(after))
        if abs(ratio) < 1.5 * noise or (not mixed and abs(size[at] - size[at - 1]) < 0.5 * abs(ratio)):
            continue  # it slides, or the two levels overlap
        found.append((at, ratio, noise / np.sqrt(window)))
    if not 0 < len(found) <= 3:  # a machine that is switched on and off has many levels
        return None
    at, ratio, error = max(found, key=lambda step: abs(step[1]))
    factor = _factor(ratio, error, small=not mixed)
    row = int(np.flatnonzero(x != 0)[at])
    return Jump(row, float(np.exp(ratio)), factor) if factor else None


def _steps(size: Floats, window: int, mixed: bool) -> list[int]:
    """Return where the level may step: the largest steps, if they are far larger than all others."""
    if mixed:
        medians = np.array([np.median(size[at : at + window]) for at in range(len(size) - window + 1)])
        change = np.abs(medians[window:] - medians[:-window])
        return [int(change.argmax()) + window] if len(change) else []
    steps = np.abs(np.diff(size))
    order = np.argsort(-steps)[:4]
    for few in range(len(order), 0, -1):
        rest = np.delete(steps, order[:few])
        if steps[order[few - 1]] > max(0.35, CLEAR * float(np.quantile(rest, 0.99)), 2.0 * float(rest.max())):
            return [int(at) + 1 for at in order[:few]]
    return []


def _spread(values: Floats) -> float:
    """Range of the middle nine tenths."""
    low, high = np.quantile(values, [0.05, 0.95])
    return float(high - low)


def single(x: Floats) -> Jump | None:
    """Return the values of a series that lie off their neighbours by a power of ten; x (T,)."""
    if not ((x > 0).all() or (x < 0).all()) or len(x) < 30:
        return None
    size = np.log(np.abs(x))
    near = np.lib.stride_tricks.sliding_window_view(np.pad(size, 7, mode="reflect"), 15)
    off = size - np.median(near, axis=1)
    large = np.abs(off) > np.log(5)
    if not 0 < large.sum() <= max(1, 0.02 * len(x)):
        return None
    rest = np.abs(off[~large])
    if np.log(5) < 2 * rest.max():  # its own variation reaches nearly as far
        return None
    error = float(np.quantile(rest, 0.95))
    factors = [_factor(value, error / 2, small=False) for value in off[large]]
    if not all(factors):
        return None
    row = int(large.argmax())
    return Jump(row, float(np.exp(off[row])), factors[0], int(large.sum()))


def stray(x: Floats) -> Jump | None:
    """Return values of a column without an order that form a second heap, a power of ten away; x (N,)."""
    if not ((x > 0).all() or (x < 0).all()) or len(x) < 50:
        return None
    size = np.sort(np.log(np.abs(x)))
    at = int(np.diff(size).argmax()) + 1
    heaps = sorted([size[:at], size[at:]], key=len)
    few, many = heaps
    if len(few) > 0.2 * len(x) or len(np.unique(many)) < 20:
        return None
    ratio = float(np.median(few) - np.median(many))
    factor = _factor(ratio, _spread(many) / 2, small=False)
    if not factor or np.ptp(many) > np.log(abs(factor)) * 0.75 or np.ptp(few) > np.ptp(many):
        return None
    moved = few - np.copysign(np.log(factor), ratio)
    if moved.min() < many.min() - 0.05 or moved.max() > many.max() + 0.05:
        return None
    rows = np.flatnonzero(np.isin(np.log(np.abs(x)), few))
    return Jump(int(rows[0]), float(np.exp(ratio)), factor, len(rows))


def _factor(ratio: float, error: float, small: bool) -> float:
    """Return the factor of units nearest to exp(|ratio|) if that is near enough, else 0; the smaller it is, the nearer."""
    known = [*POWERS, *(UNITS if small else ()), *(SPLITS if small else ())]
    nearest = min(known, key=lambda factor: abs(abs(ratio) - np.log(factor)))
    allowed = min(0.25, 0.03 + 2 * error) if nearest in POWERS else min(0.06, 0.015 + 2 * error)
    return nearest if abs(abs(ratio) - np.log(nearest)) <= allowed else 0.0


def _finding(name: str, x: Floats, jump: Jump, in_time: bool) -> Finding:
    up = "times" if jump.ratio > 1 else "one part in"
    size = jump.ratio if jump.ratio > 1 else 1 / jump.ratio
    meant = f"a factor of {POWERS[jump.factor]}" if jump.factor in POWERS else UNITS.get(jump.factor) or SPLITS[jump.factor]
    row = jump.row + 1
    if jump.single:
        what = f"{jump.single:,} value{'s' if jump.single > 1 else ''} of `{name}`, the first in row {row:,},"
        beside = "their neighbours" if in_time else "the others"
        sentence = f"{what} {'are' if jump.single > 1 else 'is'} {up} {size:,.3g} of {beside}: {meant}."
    else:
        sentence = f"`{name}` jumps in row {row:,} and stays there, at {up} {size:,.4g} its level before: {meant}."
    kept = np.unique(np.concatenate([np.arange(0, len(x), max(1, len(x) // POINTS)), [max(0, jump.row - 1), jump.row]]))
    return Finding(
        "RK-DATA-07",
        "fault" if jump.factor in POWERS and in_time else "warning",
        sentence,
        "Find out which unit each row has, and convert it before anything is scaled.",
        {"column": name, "row": row, "ratio": jump.ratio, "factor": jump.factor, "values": jump.single or "all after it"},
        Curve(f"Column {name}", "row", name, (kept + 1).tolist(), x[kept].tolist(), log=bool((x > 0).all())),
    )
