"""The drawing: scales, ticks, and lines that survive what is not finite."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.report.plot import Plot, Scale, span, ticks, width_of

SVG = "{http://www.w3.org/2000/svg}"
numbers = st.floats(-1e9, 1e9, allow_nan=False)


def parsed(plot: Plot) -> ET.Element:
    return ET.fromstring(str(plot.svg("words")))


def paths(plot: Plot, role: str) -> list[str]:
    return [p.get("d", "") for p in parsed(plot).iter(f"{SVG}path") if role in p.get("class", "").split()]


@given(low=numbers, width=st.floats(1e-6, 1e9), count=st.integers(2, 9))
def test_ticks_are_few_round_and_inside(low: float, width: float, count: int) -> None:
    if low + width == low or width / max(abs(low), 1e-300) < 1e-9:
        return  # floats cannot tell such ends apart
    found = ticks(low, low + width, count)
    assert 1 <= len(found) <= count + 1
    assert found[0] >= low - 1e-6 * width
    assert found[-1] <= low + width * (1 + 1e-6)
    if len(found) > 2:
        assert np.diff(found) == pytest.approx(found[1] - found[0], rel=1e-3)


def test_ticks_of_epochs_are_whole_numbers() -> None:
    assert ticks(0, 3, 8, least=1) == [0, 1, 2, 3]
    assert ticks(0, 300, 6, least=1) == [0, 50, 100, 150, 200, 250, 300]


@pytest.mark.parametrize(("low", "high"), [(0.0005, 0.04), (1e-7, 3e4), (0.9, 6.0)])
def test_ticks_of_a_logarithmic_scale_are_few_and_inside(low: float, high: float) -> None:
    found = ticks(low, high, log=True)
    assert 1 <= len(found) <= 8
    assert min(found) >= low
    assert max(found) <= high


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=6), st.booleans())
def test_a_span_holds_every_finite_value_and_is_never_empty(values: list[float], log: bool) -> None:
    low, high = span(values, log=log)
    assert low < high
    held = [v for v in values if np.isfinite(v) and (v > 0 or not log)]
    assert all(low <= v <= high for v in held)


def test_a_scale_has_no_place_for_what_a_logarithm_cannot_show() -> None:
    scale = Scale(0.01, 1.0, 0.0, 100.0, log=True)
    assert scale([0.01, 0.1, 1.0, 0.0, -1.0]) == pytest.approx([0, 50, 100, np.nan, np.nan], nan_ok=True)


def test_a_line_breaks_where_a_value_is_not_finite_and_keeps_a_lone_point() -> None:
    plot = Plot((400, 200), (0, 40), (0, 1))
    y = np.full(41, 0.5)
    y[[10, 12]] = np.nan
    plot.line(np.arange(41), y, "ours")
    assert paths(plot, "ours")[0].count("M") == 3
    assert len(list(parsed(plot).iter(f"{SVG}circle"))) == 1  # the point between the two gaps


def test_a_long_line_is_thinned_to_what_the_pixels_show_and_keeps_its_extremes() -> None:
    plot = Plot((400, 200), (0, 1e5), (-1, 2))
    y = np.zeros(100_001)
    y[51_234], y[700] = 2.0, -1.0
    plot.line(np.arange(100_001), y, "ours")
    drawn = paths(plot, "ours")[0]
    heights = {float(piece.split()[1]) for piece in drawn[1:].replace("M", "L").split("L")}
    assert len(drawn) < 30_000
    assert {round(plot.y.at(v), 1) for v in (-1.0, 0.0, 2.0)} <= heights


def test_words_of_the_data_are_text_and_never_markup() -> None:
    hostile = "</text><script>alert(1)</script>&\"'"
    plot = Plot((400, 200), (0, 1), (0, 1), legend=[("ours", "", hostile)], x_title=hostile)
    root = ET.fromstring(str(plot.svg(hostile)))
    assert root.get("aria-label") == hostile
    assert sum(t.text == hostile for t in root.iter(f"{SVG}text")) == 2
    assert not list(root.iter(f"{SVG}script"))


def test_a_legend_too_long_for_a_phone_takes_a_second_row() -> None:
    entries = [("ours", "", "a rather long name"), ("rival", "dashed", "another rather long name")]
    short, wide = (Plot((w, 200), (0, 1), (0, 1), legend=entries) for w in (320, 900))
    assert short.y.end > wide.y.end


@pytest.mark.parametrize("width", [350, 460, 880])
@pytest.mark.parametrize("ends", [(0.96123, 0.99457), (0, 300), (-1234.5, 1234.5), (1e-5, 3e-5)])
def test_numbers_below_a_plot_are_several_and_never_touch(width: int, ends: tuple[float, float]) -> None:
    plot = Plot((width, 200), ends, (0, 1), left=12)
    plot.x_numbers()
    labels = [(float(t.get("x", "")), width_of(t.text or "")) for t in parsed(plot).iter(f"{SVG}text")]
    assert len(labels) >= 2
    assert all(b[0] - a[0] >= (a[1] + b[1]) / 2 for a, b in itertools.pairwise(labels))
