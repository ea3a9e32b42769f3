"""Labels of steps, scored: tokens, whole sentences, and spans of tokens that make up a name.

Tokens of a sentence depend on each other, so the items are sentences: intervals and paired tests draw whole ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError
from rekur.evaluation.outcomes import Outcome


class Rows(Protocol):
    """N sequences of labels in one array, as `rekur.data.ragged.Ragged` holds them."""

    @property
    def values(self) -> NDArray[Any]: ...  # (S,) one behind the other
    @property
    def offsets(self) -> NDArray[np.int64]: ...  # (N+1,)
    @property
    def lengths(self) -> NDArray[np.int64]: ...  # (N,)
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[NDArray[Any]]: ...


Span = tuple[int, int, str]  # first step, the step behind the last, kind
MARKS = "BIES"  # begins, goes on, ends, stands alone


def in_spans(tags: Iterable[str]) -> bool:
    """Say whether these tags mark spans: each is O or one of B- I- E- S- with a kind, and some are not O.

    >>> in_spans(["O", "B-PER", "I-PER"]), in_spans(["NOUN", "X"])
    (True, False)
    """
    marked = {tag for tag in tags if tag != "O"}
    return bool(marked) and all(tag[:1] in MARKS and tag[1:2] == "-" and tag[2:] for tag in marked)


def spans(tags: Sequence[str]) -> list[Span]:
    """Return the spans that tags in BIO or BIOES mark, by conlleval's rule (Tjong Kim Sang and Buchholz 2000).

    A span begins at B and S, and at an I or E that goes on from nothing: behind O, behind an E or S, or of another
    kind than the span before it. It ends before the next O or beginning.

    >>> spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
    [(0, 2, 'PER'), (3, 4, 'LOC'), (4, 5, 'LOC')]
    """
    found: list[Span] = []
    begin, kind, ended = 0, "", False
    for t, tag in enumerate([*tags, "O"]):
        mark, _, here = tag.partition("-")
        begins = mark in ("B", "S") or (mark in ("I", "E") and (here != kind or ended))
        if kind and (mark == "O" or begins):
            found.append((begin, t, kind))
            kind = ""
        if begins:
            begin, kind = t, here
        ended = mark in ("E", "S")
    return found


@dataclass(frozen=True)
class Counts:
    """Spans of each sentence (N,): said and true, said, true."""

    hits: NDArray[np.float64]
    said: NDArray[np.float64]
    true: NDArray[np.float64]


def count_spans(truth: Sequence[Sequence[str]], prediction: Sequence[Sequence[str]]) -> Counts:
    """Count the spans of each sentence; a hit has the same first and last token and the same kind."""
    pairs = [(set(spans(a)), set(spans(b))) for a, b in zip(truth, prediction, strict=True)]
    counts = np.array([(len(a & b), len(b), len(a)) for a, b in pairs], dtype=np.float64).reshape(-1, 3)
    return Counts(*counts.T)


def of_each_kind(truth: Sequence[Sequence[str]], prediction: Sequence[Sequence[str]]) -> list[dict[str, str | int]]:
    """Return for each kind of span how often it is true, said, and both: label, true, said, right."""
    pairs = [(set(spans(a)), set(spans(b))) for a, b in zip(truth, prediction, strict=True)]
    found = {
        "true": Counter(kind for a, _ in pairs for *_, kind in a),
        "said": Counter(kind for _, b in pairs for *_, kind in b),
        "right": Counter(kind for a, b in pairs for *_, kind in a & b),
    }
    kinds = sorted({*found["true"], *found["said"]})
    return [{"label": kind, **{name: counts[kind] for name, counts in found.items()}} for kind in kinds]


def tokens(truth: Rows, prediction: Rows, names: Sequence[str]) -> Outcome:
    """Score the tags (ids, places in `names`) of N sentences: token_accuracy, sentence_accuracy, and span_f1 in BIO.

    >>> from rekur.data.ragged import Ragged
    >>> tokens(Ragged.of([[0, 1], [1]]), Ragged.of([[0, 0], [1]]), ["NOUN", "VERB"]).metrics["sentence_accuracy"]
    0.5
    """
    right = _right(truth, prediction)
    whole = (right == truth.lengths).astype(np.float64)
    figures = {"token_accuracy": right.sum() / truth.lengths.sum(), "sentence_accuracy": whole.mean()}
    details = {"right": right, "steps": truth.lengths.astype(np.float64), "whole": whole}
    if in_spans(names):
        named = [[[names[tag] for tag in row] for row in rows] for rows in (truth, prediction)]
        counts = count_spans(*named)
        details |= {"hits": counts.hits, "said": counts.said, "true": counts.true}
        hits = counts.hits.sum()
        figures |= {
            "span_f1": 2 * hits / max(1.0, counts.said.sum() + counts.true.sum()),
            "span_precision": hits / max(1.0, counts.said.sum()),
            "span_recall": hits / max(1.0, counts.true.sum()),
        }
    return Outcome({name: float(value) for name, value in figures.items()}, right / truth.lengths, details)


def frames(truth: Rows, prediction: Rows, read_right: NDArray[np.bool_]) -> Outcome:
    """Score the labels of every step of N sequences: frame_accuracy, and string_accuracy of what they spell.

    `read_right` (N,) says whether the whole of a sequence was read right.
    """
    right, whole = _right(truth, prediction), read_right.astype(np.float64)
    figures = {"frame_accuracy": float(right.sum() / truth.lengths.sum()), "string_accuracy": float(whole.mean())}
    details = {"right": right, "steps": truth.lengths.astype(np.float64), "whole": whole}
    return Outcome(figures, right / truth.lengths, details)


def _right(truth: Rows, prediction: Rows) -> NDArray[np.float64]:
    """Return how many steps of each sequence are right (N,)."""
    if len(truth) == 0 or not truth.lengths.all():
        raise DataError("tagging: there must be a sentence to score, and no sentence without a word.")
    if not np.array_equal(truth.offsets, prediction.offsets):
        raise DataError("tagging: truth and prediction must have the same number of tokens in each sentence.")
    return np.add.reduceat((truth.values == prediction.values).astype(np.float64), truth.offsets[:-1])
