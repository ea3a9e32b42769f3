"""Scoring what was written of something against what people wrote of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.evaluation.outcomes import Outcome


def edit_distance(a: str, b: str) -> int:
    """Return how many characters must be put in, left out or changed to make `b` of `a` (Levenshtein 1966).

    >>> edit_distance("seven", "eleven")
    2
    """
    goal = np.array([ord(c) for c in b])
    places = np.arange(len(b) + 1)
    row = places
    for i, c in enumerate(a, 1):
        above = np.concatenate([[i], np.minimum(row[1:] + 1, row[:-1] + (goal != ord(c)))])
        row = np.minimum.accumulate(above - places) + places  # what is put in costs 1 a place further on
    return int(row[-1])


def captions(references: Sequence[Sequence[str]], written: Sequence[str]) -> Outcome:
    """Score texts (N,) against one or more right ones each: exact_match and cer, the character error rate.

    An item is 1 where the text is one of its references. The error rate is the sum of edit distances to the nearest
    reference over the sum of those references' lengths.

    Raises DataError for no item, an item without a reference, or an empty one.

    >>> captions([["one"], ["two", "2"]], ["one", "too"]).metrics
    {'exact_match': 0.5, 'cer': 0.16666666666666666}
    """
    if not len(written) or len(references) != len(written):
        raise DataError(f"captions: N texts need N lists of references, N >= 1; got {len(written)}, {len(references)}.")
    if not all(len(texts) and all(texts) for texts in references):
        raise DataError("captions: every item needs a reference, and none may be empty.")
    right = np.array([text in texts for text, texts in zip(written, references, strict=True)], dtype=np.float64)
    pairs = zip(written, references, strict=True)
    errors = np.array([_nearest(text, texts) for text, texts in pairs], dtype=np.float64)  # (N, 2)
    figures = {"exact_match": float(right.mean()), "cer": float(errors[:, 0].sum() / errors[:, 1].sum())}
    return Outcome(figures, right, {"distance": errors[:, 0], "length": errors[:, 1]})


def by_line(references: Sequence[Sequence[str]], written: Sequence[str], names: Sequence[str]) -> Outcome:
    """Score as `captions`, and each line by itself, too: `exact_<name>` for the first line, the second, ..."""
    whole = captions(references, written)
    figures, details = dict(whole.metrics), dict(whole.details)
    for place, name in enumerate(names):
        pairs = zip(written, references, strict=True)
        right = [_line(text, place) in {_line(one, place) for one in texts} for text, texts in pairs]
        details[f"exact_{name}"] = np.array(right, dtype=np.float64)
        figures[f"exact_{name}"] = float(np.mean(right))
    return Outcome(figures, whole.items, details)


def _line(text: str, place: int) -> str:
    lines = text.split("\n")
    return lines[place] if place < len(lines) else ""


def _nearest(text: str, references: Sequence[str]) -> tuple[int, int]:
    """Return the edit distance to the nearest reference, and that one's length."""
    if text in references:
        return 0, len(text)
    return min(((edit_distance(text, one), len(one)) for one in references), key=lambda found: found[0] / found[1])


def error_rate(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the error rate from the means (draws, 2) of distances and lengths."""
    return means[:, 0] / np.maximum(means[:, 1], np.finfo(np.float64).tiny)
