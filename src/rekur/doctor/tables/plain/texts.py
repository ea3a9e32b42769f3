"""Texts: how long they are and what a cut takes away, and words of the test part that training never saw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl

from rekur.data.text import tokenize
from rekur.doctor.findings import Curve, Finding
from rekur.doctor.patient import Floats, Tables
from rekur.doctor.tables.plain import parts
from rekur.wording import counted

LOST = 0.25  # share of all tokens behind the cut
PADDING = 0.8  # share of a batch of whole texts that would be padding
UNKNOWN = 0.05  # share of test tokens, worth a note
FOREIGN, FOREIGN_BY = 2.0, 0.05  # beside training texts held out: so many times as many unknown, and so many more
MOST = 20_000  # texts of a part that are read


def found(tables: Tables) -> Iterator[Finding]:
    """Yield what truncation cuts, and what the vocabulary does not know."""
    if tables.text is None or tables.train[tables.text].dtype != pl.String:
        return
    columns = [frame[tables.text] for _, frame in parts(tables) if tables.text in frame.columns]
    yield from _lengths(pl.concat([column.cast(pl.String) for column in columns]), tables.length)
    if len(columns) == 2 and min(map(len, columns)) >= 20:
        yield from _unknown(*columns)


def _lengths(texts: pl.Series, L: int | None) -> Iterator[Finding]:
    lengths = texts.fill_null("").str.count_matches(r"\S+").to_numpy().astype(np.float64)
    if not lengths.sum():
        return
    quantiles = {f"{q:.0%}": float(np.quantile(lengths, q)) for q in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)}
    evidence = {"tokens": "separated by space", "quantiles": quantiles, "longest": int(lengths.max())}
    if L is not None:
        yield from _cut(lengths, L, evidence)
        return
    padding = 1 - float(lengths.mean() / lengths.max())
    if padding > PADDING and len(lengths) >= 20:
        yield Finding(
            "RK-DATA-04",
            "note",
            f"Half of the texts have at most {counted(round(quantiles['50%']), 'token')}, the longest has "
            f"{lengths.max():,.0f}: padded to the longest, {padding:.0%} of every batch would be padding.",
            f"Batch texts of similar length, or cut at about {quantiles['95%']:,.0f} tokens, which 95 % keep whole.",
            evidence | {"share_of_padding": padding},
            _curve(lengths),
        )


def _cut(lengths: Floats, L: int, evidence: dict[str, object]) -> Iterator[Finding]:
    cut, lost = float((lengths > L).mean()), float(np.maximum(lengths - L, 0).sum() / lengths.sum())
    if not cut:
        return
    yield Finding(
        "RK-DATA-04",
        "warning" if lost > LOST else "note",
        f"A cut at {counted(L, 'token')} shortens {cut:.1%} of the texts and takes away {lost:.1%} of all tokens "
        f"(half of the texts have more than {np.median(lengths):,.0f}).",
        f"Cut at {np.quantile(lengths, 0.95):,.0f} tokens to keep 95 % of the texts whole; if time forbids it, try "
        "which "
        "end is better kept.",
        evidence | {"cut_at": L, "share_of_texts_cut": cut, "share_of_tokens_lost": lost},
        _curve(lengths),
    )


def _curve(lengths: Floats) -> Curve:
    at = np.unique(np.rint(np.geomspace(max(1, np.quantile(lengths, 0.01)), lengths.max(), 40)))
    lost = [float(np.maximum(lengths - L, 0).sum() / lengths.sum()) for L in at]
    return Curve("What a cut takes away", "cut at tokens", "share of all tokens lost", at.tolist(), lost)


def _unknown(train: pl.Series, test: pl.Series) -> Iterator[Finding]:
    """Words of the test part that the training part does not hold, beside training texts held out likewise."""
    train, test = (
        part.sample(MOST, seed=0, shuffle=True) if len(part) > MOST else part.sample(fraction=1, seed=0, shuffle=True)
        for part in (train, test)
    )
    tokens = tokenize(pl.concat([train.cast(pl.String), test.cast(pl.String)]), "words")
    if len(tokens.codes) < 2 * len(tokens.offsets):  # names, or a script without spaces
        return
    held = max(1, min(len(test), len(train) // 5))
    ends = tokens.offsets[[0, held, len(train), len(train) + len(test)]]
    first, rest, tested = (tokens.codes[a:b] for a, b in pairwise(ends))
    known_rest = np.zeros(len(tokens.kinds), dtype=bool)
    known_rest[rest] = True
    inside = float((~known_rest[first]).mean()) if len(first) else 0.0
    known_rest[first] = True
    outside = float((~known_rest[tested]).mean()) if len(tested) else 0.0
    evidence = {"share_of_test_tokens": outside, "share_of_training_tokens_held_out": inside}
    if outside > FOREIGN * inside and outside > inside + FOREIGN_BY:
        yield Finding(
            "RK-DATA-05",
            "warning",
            f"{outside:.1%} of the test part's words never occur in the training part, where {inside:.1%} would be "
            "expected "
            "of texts of its own kind: the two parts come from different sources, or were made plain differently.",
            "Compare how the two parts were written and cleaned (case, script, markup), or train on texts of the "
            "test's kind.",
            evidence,
        )
    elif outside >= UNKNOWN:
        yield Finding(
            "RK-DATA-05",
            "note",
            f"{outside:.1%} of the test part's words never occur in the training part; the model sees the unknown "
            "word there.",
            "Consider characters or parts of words as tokens, above all for a language that joins endings to words.",
            evidence,
        )
