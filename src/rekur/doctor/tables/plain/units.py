"""A jump in the unit: the level of a column changes by a factor that turns one unit into another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from rekur.doctor.findings import Curve, Finding
from rekur.doctor.patient import Floats, Tables
from rekur.doctor.tables import moments
from rekur.wording import counted, form

POWERS = (10.0, 100.0, 1000.0, 1e4, 1e6, 1024.0, 1048576.0)
UNITS = {
    1.609344: "miles and kilometres",
    2.20462: "kilograms and pounds",
    3.28084: "metres and feet",
    2.54: "inches and centimetres",
}
SPLITS = (2.0, 3.0, 4.0, 5.0, 20.0, 50.0)  # of shares
FAHRENHEIT = -1.0  # no factor: 1.8 times and 32 more
WINDOWS = (6, 15, 30)  # values before and after a step that tell the two levels
CLEAR = 3.0  # a step of the level, beside the largest hundredth of the other steps
MOST_STEPS = 3  # a machine that is switched on and off has more
EXACT = 0.02  # error of a logarithm up to which small factors can be told apart
SPIKE = 0.1  # how near the logarithm of one value alone must come to that of a factor
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
    if (x == 0).mean() > 0.01:
        return None
    places = np.flatnonzero(x)
    size = np.log(np.abs(x[places]))
    mixed = bool((x > 0).any() and (x < 0).any())
    windows = (100,) if mixed else WINDOWS
    steps = [_estimated(size, at, windows) for at in _steps(size, mixed)]
    found = [step for step in steps if step is not None]
    if not found:
        return None
    at, ratio, error = max(found, key=lambda step: abs(step[1]))
    told = not mixed and 15 <= at <= len(size) - 15  # with enough on both sides, small factors can be told apart
    factor = _factor(ratio, error, small=told)
    row = int(places[at])
    if not factor and told:
        factor = _fahrenheit(x[max(0, row - windows[-1]) : row], x[row : row + windows[-1]])
    return Jump(row, float(np.exp(ratio)), factor) if factor else None


def _estimated(size: Floats, at: int, windows: tuple[int, ...]) -> tuple[int, float, float] | None:
    """Return the step `at`, its logarithm and the error of that, by the window that gives the least error.

    A long window averages noise away, a short one a drift; where values wander, the step itself says most.
    """
    found = []
    for window in windows:
        before, after = size[max(0, at - window) : at], size[at : at + window]
        if min(len(before), len(after)) < window:
            continue
        ratio = float(np.median(after) - np.median(before))
        noise = max(_spread(before), _spread(after))
        if abs(ratio) > 1.2 * noise:  # else the two levels overlap
            found.append((noise / np.sqrt(window), ratio))
    if not found or len(found) < sum(window <= min(at, len(size) - at) for window in windows):
        return None  # it does not stay there
    if len(windows) > 1:
        steps = np.diff(size)
        found.append((1.48 * float(np.median(np.abs(steps - np.median(steps)))), float(steps[at - 1])))
    error, ratio = min(found)
    return at, ratio, error


def _steps(size: Floats, mixed: bool) -> list[int]:
    """Return where the level may step: at most three steps that are far larger than all others."""
    if mixed:
        window = 100
        medians = np.array([np.median(size[at : at + window]) for at in range(len(size) - window + 1)])
        change = np.abs(medians[window:] - medians[:-window])
        return [int(change.argmax()) + window] if len(change) else []
    steps = np.abs(np.diff(size))
    order = np.argsort(-steps)[: MOST_STEPS + 1]
    for few in range(MOST_STEPS, 0, -1):
        rest = np.delete(steps, order[:few])
        if steps[order[few - 1]] > max(0.35, CLEAR * float(np.quantile(rest, 0.99)), CLEAR / 2 * float(rest.max())):
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
    if large.sum() == 1 and abs(abs(off[row]) - np.log(factors[0])) > SPIKE:
        return None  # any spike may come so near
    return Jump(row, float(np.exp(off[row])), factors[0], int(large.sum()))


def stray(x: Floats) -> Jump | None:
    """Return values of a column without an order that form a second heap, a power of ten away; x (N,).

    One value alone is an outlier.
    """
    if not ((x > 0).all() or (x < 0).all()) or len(x) < 50:
        return None
    size = np.sort(np.log(np.abs(x)))
    at = int(np.diff(size).argmax()) + 1
    heaps = sorted([size[:at], size[at:]], key=len)
    few, many = heaps
    if not 1 < len(few) <= 0.2 * len(x) or len(np.unique(many)) < 20:
        return None
    ratio = float(np.median(few) - np.median(many))
    factor = _factor(ratio, _spread(many) / 2, small=False)
    if not factor or np.diff(size)[at - 1] < np.ptp(many) or np.ptp(few) > np.ptp(many):
        return None
    moved = few - np.copysign(np.log(factor), ratio)
    if moved.min() < many.min() - 0.05 or moved.max() > many.max() + 0.05:
        return None
    rows = np.flatnonzero(np.isin(np.log(np.abs(x)), few))
    return Jump(int(rows[0]), float(np.exp(ratio)), factor, len(rows))


def _factor(ratio: float, error: float, small: bool) -> float:
    """Return the factor of units nearest to exp(|ratio|) if that is near enough, else 0."""
    known = [*POWERS, *(() if error > EXACT or not small else (*UNITS, *SPLITS))]
    nearest = min(known, key=lambda factor: abs(abs(ratio) - np.log(factor)))
    if nearest < 20:
        allowed = min(0.25, 0.05 + 3 * error) if nearest in POWERS else 0.01 + 1.5 * error
    else:  # so large a factor is hardly a chance
        allowed = min(0.4, 0.05 + 3 * error) if nearest in POWERS else 0.05
    return nearest if abs(abs(ratio) - np.log(nearest)) <= allowed else 0.0


def _fahrenheit(before: Floats, after: Floats) -> float:
    """Return FAHRENHEIT if one of the two is the other in degrees Fahrenheit; both (W,) in the column's own unit."""
    for celsius, other in ((before, after), (after, before)):
        as_other = 1.8 * celsius + 32
        if abs(np.median(as_other) - np.median(other)) < 0.25 * max(_spread(as_other), _spread(other), 0.1):
            return FAHRENHEIT
    return 0.0


def _meant(factor: float) -> str:
    if factor == FAHRENHEIT:
        return "degrees Celsius and Fahrenheit"
    if factor in SPLITS:
        return f"as a share split {factor:g} for 1 does"
    return UNITS.get(factor) or f"a factor of {factor:,g}"


def _finding(name: str, x: Floats, jump: Jump, in_time: bool) -> Finding:
    ratio = f"{jump.ratio:,.0f} times" if jump.ratio >= 100 else f"{jump.ratio:.4g} times"
    meant = _meant(jump.factor)
    row = jump.row + 1
    if jump.single:
        what = f"{counted(jump.single, 'value')} of `{name}`, the first in row {row:,},"
        beside = "the values around" if in_time else "the others"
        sentence = f"{what} {form(jump.single, 'is', 'are')} {ratio} {beside}: {meant}."
    else:
        sentence = f"Column `{name}` jumps in row {row:,} and stays at {ratio} its level before: {meant}."
    kept = np.unique(np.concatenate([np.arange(0, len(x), max(1, len(x) // POINTS)), [max(0, jump.row - 1), jump.row]]))
    return Finding(
        "RK-DATA-07",
        "fault" if jump.factor in POWERS and in_time and jump.single != 1 else "warning",
        sentence,
        "Find out which unit each row has, and convert it before anything is scaled.",
        {
            "column": name,
            "row": row,
            "ratio": jump.ratio,
            "factor": jump.factor,
            "values": jump.single or "all after it",
        },
        Curve(f"Column {name}", "row", name, (kept + 1).tolist(), x[kept].tolist(), log=bool((x > 0).all())),
    )
