"""The verdicts by steps ahead, for people; reports tell them without SciPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENOUGH = 10  # origins for each step by which errors overlap; with fewer the test finds differences that are not there


def sentence(found: Mapping[str, Any]) -> str:
    """Say for which steps the forecast is better, worse, not distinguishable from the best rival, or not tested.

    >>> sentence({"steps": [[1, 1], [2, 2], [3, 3]], "verdicts": [
    ...     {"verdict": "better", "rival": "drift"}, {"verdict": "better", "rival": "drift"},
    ...     {"verdict": "not distinguishable", "rival": "drift"}]})
    'By steps ahead, beside the best rival of each: better at 1 to 2; not distinguishable at 3.'
    """
    runs: dict[str, list[list[int]]] = {}
    before = ""
    for (first, last), one in zip(found.get("steps", ()), found.get("verdicts", ()), strict=False):
        verdict = str(one["verdict"])
        if verdict == before:
            runs[verdict][-1][1] = last
        else:
            runs.setdefault(verdict, []).append([first, last])
        before = verdict
    if not runs:
        return ""
    said = [f"{verdict} at {', '.join(_run(*run) for run in runs[verdict])}" for verdict in runs]
    return f"By steps ahead, beside the best rival of each: {'; '.join(said)}."


def _run(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"
