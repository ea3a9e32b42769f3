"""Small line drawings in SVG that take their colours and type from the page's style sheet.

A picture is drawn once and serves light and dark, screen and file, because it names roles (`ours`, `truth`,
`rival`), never colours. Text stays text: it is searchable, scales with the page, and needs no font of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Label = Callable[[float], str]

GLYPH = 7.2  # mean width of a character at the drawing's type size, in pixels
GAP = 20  # least space between two numbers of the lower edge
ROW = 18  # height of a row of the legend
DASHES = {"": "", "dashed": "5 4", "dotted": "1.5 3.5"}


@dataclass(frozen=True)
class Scale:
    """Maps data from `low` to `high` onto pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, values: ArrayLike) -> Floats:
        """Return the pixels of `values`, NaN where the scale has no place for them."""
        values = np.asarray(values, dtype=np.float64)
        low, high = self.low, self.high
        if self.log:
            values = np.log10(np.where(values > 0, values, np.nan))
            low, high = math.log10(low), math.log10(high)
        return self.start + (values - low) / (high - low) * (self.end - self.start)

    def at(self, value: float) -> float:
        """Return the pixel of one value."""
        return float(self(value))


def span(*series: ArrayLike, margin: float = 0.05, log: bool = False, whole: bool = False) -> tuple[float, float]:
    """Return the (low, high) that holds every finite value of `series`, with a margin; never an empty span."""
    values = np.concatenate([np.ravel(np.asarray(s, dtype=np.float64)) for s in series] or [np.zeros(0)])
    values = values[np.isfinite(values) & (values > 0 if log else True)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.1, 1.0)
    if log:
        room = max(high / low, 2.0) ** margin
        return low / room, high * room
    if low == high:
        room = 0.5 if whole else abs(low) * 0.1 or 1.0
        return low - room, high + room
    room = 0.0 if whole else (high - low) * margin
    return low - room, high + room


def ticks(low: float, high: float, count: int = 5, *, log: bool = False, least: float = 0.0) -> list[float]:
    """Return about `count` round numbers from `low` to `high`; `least` is the smallest step allowed."""
    if log and high / low >= 5:
        return _log_ticks(low, high, count)
    rough = max((high - low) / max(count, 1), least)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    step = max(math.ceil(step), 1) if least >= 1 else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _log_ticks(low: float, high: float, count: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for within in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**d for d in decades for m in within if low <= m * 10.0**d <= high]
        if len(found) <= count + 2:
            return found
    return found[:: math.ceil(len(found) / count)]


def plain(value: float) -> str:
    """Write a tick's number: 2,150 or 0.05 or 1.5."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def percent(value: float) -> str:
    """Write a tick's share: 87.5 %."""
    return f"{100 * value:.4g} %"


def width_of(text: str) -> float:
    """Return about how many pixels `text` takes; Chinese, Japanese and Korean characters are twice as wide."""
    return sum(GLYPH * (1.9 if ord(character) > 0x1100 else 1) for character in text)


class Plot:
    """A picture of `width` by `height` with one pair of axes; every mark returns None and is drawn in order.

    A role is a CSS class: ours, rival, truth, extra, faint. `legend` is a list of (role, dash, words).
    """

    def __init__(
        self,
        size: tuple[int, int],
        x: tuple[float, float],
        y: tuple[float, float],
        *,
        legend: Sequence[tuple[str, str, str]] = (),
        log: bool = False,
        x_title: str = "",
        y_label: Label = plain,
        left: float | None = None,
        right: float = 12,
    ) -> None:
        self.width, self.height = size
        self._parts: list[Markup] = []
        top = 8.0 + self._legend(legend)
        bottom = self.height - (40 if x_title else 26)
        y_ticks = ticks(*y, 5 if self.height > 250 else 4, log=log)
        margin = max((width_of(y_label(v)) for v in y_ticks), default=0) + 10 if left is None else left
        self.x = Scale(*x, margin, self.width - right)
        self.y = Scale(*y, bottom, top, log)
        if left is None:
            self._y_axis(y_ticks, y_label)
        if x_title:
            self.text((self.x.start + self.x.end) / 2, self.height - 4, x_title, "axis", anchor="middle")

    # axes

    def _legend(self, entries: Sequence[tuple[str, str, str]]) -> float:
        x, row = 4.0, 0
        for role, dash, words in entries:
            needed = 30 + width_of(words)
            if x > 4 and x + needed > self.width:
                x, row = 4.0, row + 1
            middle = 12 + row * ROW
            if dash == "dot":
                self.dot(x + 11, middle, role)
            elif dash == "band":
                self.box(x, middle - 6, 22, 12, f"{role} band")
            else:
                self._path(f"M{x:.1f} {middle}h22", role, dash)
            self.text(x + 28, middle + 4, words, "axis")
            x += needed + 14
        return (row + 1) * ROW + 6 if entries else 0

    def _y_axis(self, values: Sequence[float], label: Label) -> None:
        for value in values:
            y = self.y.at(value)
            self._add('<path class="grid" d="M{} {}H{}"/>', f"{self.x.start:.1f}", f"{y:.1f}", f"{self.x.end:.1f}")
            self.text(self.x.start - 6, y + 4, label(value), "axis", anchor="end")

    def x_ticks(self, values: Sequence[float], labels: Sequence[str]) -> None:
        """Mark `values` below the plot."""
        for value, words in zip(values, labels, strict=True):
            x = self.x.at(value)
            half = width_of(words) / 2
            anchor = "end" if x + half > self.width else "start" if x - half < 0 else "middle"
            self._add('<path class="grid" d="M{} {}v4"/>', f"{x:.1f}", f"{self.y.start:.1f}")
            self.text(x, self.y.start + 17, words, "axis", anchor=anchor)

    def x_numbers(self, label: Label = plain, *, least: float = 0.0) -> None:
        """Mark as many round numbers below the plot as have room; `least` is the smallest step, 1 for whole ones."""
        for count in range(8, 0, -1):
            values = ticks(self.x.low, self.x.high, count, least=least)
            labels = [label(v) for v in values]
            if sum(width_of(words) + GAP for words in labels) <= self.x.end - self.x.start:
                break
        self.x_ticks(values, labels)

    # marks, in the units of the data

    def line(self, x: ArrayLike, y: ArrayLike, role: str, dash: str = "") -> None:
        """Draw a line through the points, broken where a value is not finite; few points get dots too."""
        px, py = self.x(x), self.y(y)
        known = np.isfinite(px) & np.isfinite(py)
        alone = known & ~np.r_[False, known[:-1]] & ~np.r_[known[1:], False]
        if len(px):
            px, py, known, alone = _thinned(px, py, known, alone, int(self.width) * 2)
        pieces = [
            f"{'L' if before else 'M'}{a:.1f} {b:.1f}"
            for a, b, here, before in zip(px, py, known, np.r_[False, known[:-1]], strict=True)
            if here
        ]
        self._path("".join(pieces), role, dash)
        few = known.sum() <= 20 and dash == ""
        for a, b in zip(px[known if few else alone], py[known if few else alone], strict=True):
            self.dot(a, b, role, 2.6)

    def between(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, role: str) -> None:
        """Shade what lies between two lines through the points; where a value is not finite there is no point."""
        px, below, above = self.x(x), self.y(low), self.y(high)
        known = np.isfinite(px) & np.isfinite(below) & np.isfinite(above)
        there = [f"{a:.1f} {b:.1f}" for a, b in zip(px[known], above[known], strict=True)]
        back = [f"{a:.1f} {b:.1f}" for a, b in zip(px[known][::-1], below[known][::-1], strict=True)]
        if len(there) > 1:
            self._add('<path class="{} band" d="M{}Z"/>', role, "L".join([*there, *back]))

    def dots(self, x: ArrayLike, y: ArrayLike, role: str, radius: float = 2.4) -> None:
        """Draw a dot at every finite point."""
        for a, b in zip(np.ravel(self.x(x)), np.ravel(self.y(y)), strict=True):
            if np.isfinite(a) and np.isfinite(b):
                self.dot(a, b, role, radius)

    def bar(self, low: float, high: float, top: float, role: str) -> None:
        """Draw a bar from x = `low` to `high`, up from the lower edge to y = `top`."""
        a, b, y = self.x.at(low), self.x.at(high), self.y.at(top)
        if math.isfinite(y):
            self.box(a, y, b - a, max(self.y.start - y, 0.0), f"{role} bar")

    def shade(self, low: float, high: float, role: str = "faint") -> None:
        """Shade the whole height from x = `low` to `high`."""
        a, b = self.x.at(low), self.x.at(high)
        self.box(a, self.y.end, b - a, self.y.start - self.y.end, f"{role} band")

    def level(self, y: float, role: str, dash: str = "dashed") -> None:
        """Draw a line across at height `y`."""
        self._path(f"M{self.x.start:.1f} {self.y.at(y):.1f}H{self.x.end:.1f}", role, dash)

    def upright(self, x: float, role: str, dash: str = "dashed") -> None:
        """Draw a line up and down at `x`."""
        self._path(f"M{self.x.at(x):.1f} {self.y.start:.1f}V{self.y.end:.1f}", role, dash)

    # marks, in pixels

    def dot(self, x: float, y: float, role: str, radius: float = 4) -> None:
        """Draw a dot."""
        self._add('<circle class="{} dot" cx="{}" cy="{}" r="{}"/>', role, f"{x:.1f}", f"{y:.1f}", f"{radius:g}")

    def arrow(self, x: float, y: float, role: str, direction: int) -> None:
        """Draw an arrow head at the edge, for a value that lies beyond it: direction -1 left, 1 right."""
        self._add('<path class="{} dot" d="M{} {}l{} -5v10z"/>', role, f"{x:.1f}", f"{y:.1f}", -9 * direction)

    def box(self, x: float, y: float, width: float, height: float, role: str, opacity: float = 1.0) -> None:
        """Draw a rectangle."""
        faded = Markup("") if opacity == 1 else Markup(' fill-opacity="{}"').format(f"{opacity:.3f}")
        size = (f"{value:.1f}" for value in (x, y, width, height))
        self._add('<rect class="{}" x="{}" y="{}" width="{}" height="{}"{}/>', role, *size, faded)

    def text(self, x: float, y: float, words: str, role: str, anchor: str = "start") -> None:
        """Write `words`; their base line is at `y`."""
        self._add(
            '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', role, f"{x:.1f}", f"{y:.1f}", anchor, words
        )

    def slanted(self, x: float, y: float, words: str, role: str) -> None:
        """Write `words` upwards to the right, from (`x`, `y`): where columns are narrower than their names."""
        at = f"{x:.1f} {y:.1f}"
        self._add('<text class="{}" transform="translate({}) rotate(-50)">{}</text>', role, at, words)

    def segment(self, x: float, y: float, to_x: float, to_y: float, role: str, dash: str = "") -> None:
        """Draw a straight line."""
        self._path(f"M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}", role, dash)

    def _path(self, d: str, role: str, dash: str = "") -> None:
        if d:
            drawn = Markup(' stroke-dasharray="{}"').format(DASHES[dash]) if DASHES[dash] else Markup("")
            self._add('<path class="{} line" d="{}"{}/>', role, d, drawn)

    def _add(self, form: str, *values: object) -> None:
        self._parts.append(Markup(form).format(*values))

    def svg(self, words: str) -> Markup:
        """Return the picture; `words` tell what it shows to those who do not see it."""
        form = '<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 {} {}" aria-label="{}">'
        return Markup("").join([Markup(form).format(self.width, self.height, words), *self._parts, Markup("</svg>")])


def _thinned(
    x: Floats, y: Floats, known: NDArray[np.bool_], alone: NDArray[np.bool_], most: int
) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Keep the lowest and highest point of each stretch, because a pixel can show no more."""
    if len(x) <= most:
        return x, y, known, alone
    stretches = np.array_split(np.arange(len(x)), most // 4)
    low = [s[np.argmin(np.where(known[s], y[s], np.inf))] for s in stretches]
    high = [s[np.argmax(np.where(known[s], y[s], -np.inf))] for s in stretches]
    ends = [s[i] for s in stretches for i in (0, -1)]
    rows = np.unique(np.array([*low, *high, *ends]))
    return x[rows], y[rows], known[rows], alone[rows]
