"""Texts against their references: the edit distance against its definition, shares, error rates and their refusals."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekur.errors import DataError
from rekur.evaluation import intervals, verdict
from rekur.evaluation.captions import by_line, captions, edit_distance

SHORT = st.text("ab가", max_size=7)


def slow_distance(a: str, b: str) -> int:
    @cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return of(len(a), len(b))


@given(SHORT, SHORT)
def test_the_distance_is_the_one_defined(a, b):
    assert edit_distance(a, b) == slow_distance(a, b)


def test_the_nearest_reference_counts():
    found = captions([["one", "uno"], ["two"]], ["uno", "tow"])
    assert found.items.tolist() == [1, 0]
    assert found.metrics == {"exact_match": 0.5, "cer": 2 / 6}


def test_lines_are_scored_by_themselves_too():
    found = by_line([["two\n이"], ["one\n일"], ["six\n육"]], ["two\n이", "one\n이", "six"], ("english", "korean"))
    assert found.metrics["exact_english"] == 1
    assert found.metrics["exact_korean"] == found.metrics["exact_match"] == 1 / 3


@pytest.mark.parametrize(("references", "written"), [([], []), ([[]], ["a"]), ([[""]], ["a"]), ([["a"]], ["a", "b"])])
def test_what_cannot_be_scored_is_refused(references, written):
    with pytest.raises(DataError, match="captions:"):
        captions(references, written)


def test_intervals_hold_their_figure_and_the_share_has_wilsons():
    draw = np.random.default_rng(1)
    texts = [str(number) for number in draw.integers(10, 99, 80)]
    said = [text if row % 4 else text[::-1] for row, text in enumerate(texts)]
    found = by_line(
        [[f"{text}\n{text}"] for text in texts], [f"{text}\n{text}" for text in said], ("english", "korean")
    )
    for metric, figure in found.metrics.items():
        low, high = intervals.interval_of(found, metric)
        assert low <= figure <= high
        assert low < high
    right = int(found.items.sum())
    assert intervals.interval_of(found, "exact_match") == intervals.wilson(right, len(texts))
    nothing = captions([[text] for text in texts], ["0"] * len(texts))
    told = verdict.versus(found, {"nothing": nothing}, "exact_match", True, "mcnemar")
    assert told["verdict"] == "better"
