"""How numbers and names are said to people."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from rekur.evaluation import names

TESTS = {
    "mcnemar": "McNemar's test",
    "diebold_mariano": "the Diebold-Mariano test with the Harvey correction",
    "bootstrap": "a paired bootstrap",
}
ABSENT = "–"
MOST_SHOWN = 6  # of a list in one line


def number(value: Any) -> float:
    """Return `value` as a float, NaN when it is no number (JSON writes NaN as null)."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else math.nan


def name_of(metric: str) -> str:
    """Return the words for a metric: ``f1_macro`` is macro F1."""
    return names.of(metric).name


def together(text: str) -> str:
    """Keep ``95 %`` and ``p = 0.03`` on one line each."""
    return re.sub(r"\bp ([<=]) ", "p\u00a0\\1\u00a0", text.replace(" %", "\u00a0%"))


def capital(text: str) -> str:
    """Return `text` with its first letter large and the rest as it is."""
    return text[:1].upper() + text[1:]


def direction(metric: str) -> str:
    """Say which way is better."""
    return f"{'more' if names.of(metric).higher else 'less'} is better"


def show(metric: str, value: Any) -> str:
    """Write a metric's value: 86.31 %, 24.1, 0.0366; a dash when there is none."""
    value = number(value)
    if not math.isfinite(value):
        return ABSENT
    if names.of(metric).share:
        return f"{100 * value:.2f} %"
    return f"{value:g}" if names.of(metric).whole else figure(value)


def figure(value: float) -> str:
    """Write a number with three or four digits that count."""
    if not math.isfinite(value):
        return ABSENT
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 0.01:
        return f"{value:.3g}"
    digits = 4 if size >= 1 else 3
    return f"{value:.{digits - 1 - math.floor(math.log10(size))}f}"


def interval(metric: str, low: Any, high: Any) -> str:
    """Write a 95 % interval: 86.1 to 86.9 %."""
    low_text, high_text = show(metric, low), show(metric, high)
    if ABSENT in (low_text, high_text):
        return ABSENT
    return f"{low_text.removesuffix(' %')} to {high_text}"


def whole(value: Any) -> str:
    """Write a count: 1,234."""
    value = number(value)
    return f"{value:,.0f}" if math.isfinite(value) else ABSENT


def seconds(value: Any) -> str:
    """Write a time: 8 ms, 0.42 s, 12.3 s, 3 min 12 s, 4 h 52 min."""
    value = number(value)
    if not math.isfinite(value):
        return ABSENT
    if value < 0.0995:
        return f"{1000 * value:.0f} ms"
    if value < 10:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left:02d} min" if hours else f"{minutes} min {rest:02d} s"


def probability(value: Any, test: str = "") -> str:
    """Write a p value: p = 0.031, p < 0.0001; nothing when there is none. A bootstrap cannot tell small ones."""
    value = number(value)
    if not math.isfinite(value):
        return ""
    least = 0.001 if test == "bootstrap" else 0.0001
    return f"p < {least:g}" if value < least else f"p = {value:.2g}" if value < 0.1 else f"p = {value:.2f}"


def slug(text: str) -> str:
    """Return `text` as a file name and an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "part"


def difference(metric: str, value: Any) -> str:
    """Write a signed difference; of shares in percentage points: +0.8 points."""
    value = number(value)
    if not math.isfinite(value):
        return ABSENT
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return sign + (f"{100 * abs(value):.2f} points" if names.of(metric).share else figure(abs(value)))


def difference_interval(metric: str, low: Any, high: Any) -> str:
    """Write the interval of a difference: −0.2 to +0.9 points; nothing when there is none."""
    if not (math.isfinite(number(low)) and math.isfinite(number(high))):
        return ""
    return f"{difference(metric, low).removesuffix(' points')} to {difference(metric, high)}"


def evidence(found: Mapping[str, Any]) -> str:
    """Write the evidence of a finding in one line: ``largest change 0.0924; appended 20``."""
    return "; ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in found.items())


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Mapping):
        return _plain([f"{name} {_plain(item)}" for name, item in value.items()])
    if isinstance(value, list | tuple):
        shown = ", ".join(_plain(item) for item in value[:MOST_SHOWN])
        return f"{shown}, ... ({len(value)})" if len(value) > MOST_SHOWN else shown
    return str(value)


def coded(text: str) -> Markup:
    """Return a sentence with what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )
