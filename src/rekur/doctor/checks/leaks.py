"""Test data seen in training: copies, groups and times on both sides of the split, and things fitted on both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.doctor.findings import Curve, Finding, Severity
from rekur.doctor.patient import Refit, RunRecord, Tables
from rekur.doctor.tables import copies, moments, refits
from rekur.doctor.tables.copies import Pairs
from rekur.wording import counted, form

MANY, SEVERAL = 0.01, 3  # share of the test part that makes a fault, and the fewest rows that do
WARNS = 0.005  # share that makes a warning: half a point of accuracy; below lie the copies that IMDB was published with
INTERLEAVED = 0.1  # turns from one part to the other in the order of time, beside the size of the test part
PERSON = re.compile(
    r"^(patient|person|user|subject|device|speaker|participant)s?[ _-]?(id|no|nr|number|code|name)?$", re.I
)


def of_tables(tables: Tables) -> Iterator[Finding]:
    """Yield what of the test part was trained on."""
    if tables.test is None or not len(tables.test) or not len(tables.train):
        return
    if tables.text is not None and tables.text in tables.test.columns:
        yield from _texts(tables, tables.train[tables.text], tables.test[tables.text])
    elif tables.text is None:
        yield from _rows(tables, tables.test)
    yield from _groups(tables, tables.test)
    yield from _times(tables, tables.test)


def of_run(record: RunRecord) -> Iterator[Finding]:
    """Yield what was fitted beyond the training part."""
    for refit in record.refits:
        if refits.same(refit.used, refit.train_only):
            continue
        for part, fitted in refit.beyond.items():
            if refits.same(refit.used, fitted):
                yield _fitted(refit, part)
                break


def _texts(tables: Tables, train: pl.Series, test: pl.Series) -> Iterator[Finding]:
    if train.dtype != pl.String or test.dtype != pl.String:
        return
    train, test = copies.plain(train), copies.plain(test)
    compared = int(copies.long_enough(test).sum())
    equal = copies.equal(train, test)
    if len(equal):
        stand = form(len(equal), "stands", "stand")
        yield _copied(tables, equal, compared, "RK-LEAK-01", f"{stand} in the training part, word for word", test)
    near = copies.similar(train, test)
    near = _without(near, equal)
    if len(near):
        repeat = form(len(near), "repeats", "repeat")
        yield _copied(tables, near, compared, "RK-LEAK-02", f"nearly {repeat} a text of the training part", test)


def _without(pairs: Pairs, others: Pairs) -> Pairs:
    kept = ~np.isin(pairs.test, others.test)
    return Pairs(pairs.test[kept], pairs.train[kept], pairs.similarity[kept])


def _severity(rows: int, of: int) -> Severity:
    share = rows / max(1, of)
    if share >= MANY and rows >= SEVERAL:
        return "fault"
    return "warning" if share >= WARNS and rows > 1 else "note"


def _copied(tables: Tables, pairs: Pairs, compared: int, code: str, what: str, texts: pl.Series) -> Finding:
    rows, of = len(pairs), len(texts)
    evidence: dict[str, Any] = {
        "rows": rows,
        "share": rows / of,
        "compared": compared,
        "least_length": {"tokens": copies.TOKENS, "characters": copies.CHARACTERS},
        "first": [[int(b) + 1, int(a) + 1] for b, a in zip(pairs.test[:5], pairs.train[:5], strict=True)],
        "example": texts[int(pairs.test[0])][:120],
    }
    curve = None
    if code == "RK-LEAK-02":
        evidence["similarity"] = {"least": float(pairs.similarity.min()), "median": float(np.median(pairs.similarity))}
        shares = np.sort(pairs.similarity)[::-1]
        curve = Curve("Test texts like a training text", "rank", "Jaccard similarity", *_ranked(shares))
    sentence = f"{rows:,} of {counted(of, 'test text')} ({rows / of:.2%}) {what}" + _agreement(tables, pairs, evidence)
    if compared < of:
        short = of - compared
        passed_over = form(short, "was passed over", "were passed over")
        sentence += f"; {counted(short, 'text')} that may be equal by chance, being short, {passed_over}"
    return Finding(code, _severity(rows, of), sentence + ".", _CURE_COPIES, evidence, curve)


_CURE_COPIES = "Remove these from one part and split again, keeping all copies of an example on one side."


def _agreement(tables: Tables, pairs: Pairs, evidence: dict[str, Any]) -> str:
    if tables.label is None or tables.test is None or tables.label not in tables.test.columns:
        return ""
    a = tables.train[tables.label].cast(pl.String)[pairs.train].fill_null("").to_numpy()
    b = tables.test[tables.label].cast(pl.String)[pairs.test].fill_null("").to_numpy()
    share = float((a == b).mean())
    evidence["same_label"] = share
    if len(a) == 1:
        return f"; it bears {'the same' if share else 'another'} label"
    return f"; {share:.0%} of them bear the same label"


def _ranked(values: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    at = np.unique(np.linspace(0, len(values) - 1, min(len(values), 200)).astype(int))
    return (at + 1).tolist(), values[at].tolist()


def _rows(tables: Tables, test: pl.DataFrame) -> Iterator[Finding]:
    """Rows of numbers: all columns but the label, the time, the group and what merely counts the rows."""
    names = [
        name
        for name in tables.train.columns
        if name in test.columns
        and name not in (tables.label, tables.time, tables.group)
        and tables.train[name].dtype == test[name].dtype
        and not tables.train[name].dtype.is_nested()
        and not _counts_rows(tables.train[name])
    ]
    if not names:
        return
    pairs = copies.equal_rows(tables.train.select(names), test.select(names))
    if pairs is None or not len(pairs):
        return
    evidence: dict[str, Any] = {
        "rows": len(pairs),
        "share": len(pairs) / len(test),
        "columns": names[:50],
        "first": [[int(b) + 1, int(a) + 1] for b, a in zip(pairs.test[:5], pairs.train[:5], strict=True)],
    }
    sentence = (
        f"{len(pairs):,} of {counted(len(test), 'test row')} ({len(pairs) / len(test):.2%}) "
        f"{form(len(pairs), 'stands', 'stand')} in the training part, equal in "
        + form(len(names), "the one column of features", f"all {len(names)} columns of features")
        + _agreement(tables, pairs, evidence)
        + "."
    )
    yield Finding("RK-LEAK-01", _severity(len(pairs), len(test)), sentence, _CURE_COPIES, evidence)


def _counts_rows(column: pl.Series) -> bool:
    return column.dtype.is_integer() and len(column) > 2 and bool((column.diff().drop_nulls() > 0).all())


def _groups(tables: Tables, test: pl.DataFrame) -> Iterator[Finding]:
    given = tables.group is not None
    name = tables.group or _guessed(tables)
    if name is None or name not in test.columns:
        return
    mine = test[name].drop_nulls().cast(pl.String)
    both = mine.is_in(_values(tables.train, name))
    rows = int(both.sum())
    if not rows:
        return
    groups = mine.filter(both).unique(maintain_order=True)
    chronological = _older(tables, test) == 0.0
    severity: Severity = "fault" if given and rows / len(mine) >= MANY else "warning"
    if chronological:  # the later values of the same groups are what is forecast
        severity = "note"
    yield Finding(
        "RK-LEAK-05",
        severity,
        f"{len(groups):,} of {counted(mine.n_unique(), 'group')} of the test part (column `{name}`) "
        f"{form(len(groups), 'lies', 'lie')} in the training part, too, with {rows:,} of "
        f"{counted(len(test), 'test row')}"
        + ("; all later." if chronological else ": a model may know the group instead of the answer."),
        "Split by groups, so that no group lies on both sides, if new groups are what the model is for.",
        {"column": name, "given": given, "groups": len(groups), "rows": rows, "examples": groups[:5].to_list()},
    )


def _values(frame: pl.DataFrame, name: str) -> list[str]:
    return frame[name].drop_nulls().cast(pl.String).unique().to_list()


def _guessed(tables: Tables) -> str | None:
    """Return a column named like the id of somebody, of whom there are several rows."""
    for name in tables.train.columns:
        column = tables.train[name]
        plausible = name not in (tables.text, tables.label, tables.time) and not column.dtype.is_float()
        if plausible and PERSON.search(name) and 2 <= column.n_unique() <= 0.5 * len(column):
            return name
    return None


def _both(tables: Tables, test: pl.DataFrame) -> tuple[moments.Stamps, moments.Stamps] | None:
    if tables.time is None or tables.time not in test.columns:
        return None
    a, b = moments.stamps(tables.train[tables.time]), moments.stamps(test[tables.time])
    return None if a is None or b is None or not len(a) or not len(b) else (a, b)


def _older(tables: Tables, test: pl.DataFrame) -> float | None:
    """Return the share of test rows older than the newest training row, None where times are not known."""
    both = _both(tables, test)
    return None if both is None else float((both[1] < both[0].max()).mean())


def _times(tables: Tables, test: pl.DataFrame) -> Iterator[Finding]:
    both = _both(tables, test)
    if both is None:
        return
    train, mine = both
    count = int((mine < train.max()).sum())
    older = count / len(mine)
    if not older:
        return
    if tables.group in test.columns and not set(_values(tables.train, str(tables.group))) & set(
        _values(test, str(tables.group))
    ):
        return  # other groups: their times may lie anywhere
    if tables.train[str(tables.time)].dtype.is_integer() and np.isin(mine, train).mean() > 0.5:
        return  # each part counts its own steps
    parts = np.concatenate([np.zeros(len(train), dtype=int), np.ones(len(mine), dtype=int)])
    stamps = np.concatenate([train, mine])
    alone = ~np.isin(stamps, np.intersect1d(train, mine))  # a time of both parts is no turn
    turns = int(np.abs(np.diff(parts[alone][np.argsort(stamps[alone], kind="stable")])).sum())
    mixed = turns > 2 and turns >= INTERLEAVED * min(len(mine), len(train))
    series = len(np.unique(stamps)) >= 0.8 * len(stamps) and tables.text is None
    how = f"{count:,} of {counted(len(mine), 'test row')} ({older:.1%}) {form(count, 'is', 'are')} "
    how += "older than the newest training row"
    if mixed:
        how += f", and the two parts take turns {turns:,} times in the order of time: the split was drawn at random"
    yield Finding(
        "RK-LEAK-06",
        "fault" if mixed and series else "warning",
        how + ".",
        "Split at a moment: train on what lies before it, test on what lies after it.",
        {"column": tables.time, "share_older": older, "turns": turns, "series": series},
        Curve("Who comes when", "row, in the order of time", "share of test rows so far", *_so_far(parts, stamps)),
    )


def _so_far(parts: NDArray[np.int64], stamps: moments.Stamps) -> tuple[list[float], list[float]]:
    share = np.cumsum(parts[np.lexsort((parts, stamps))]) / parts.sum()
    at = np.unique(np.linspace(0, len(share) - 1, min(len(share), 200)).astype(int))
    return (at + 1).tolist(), share[at].tolist()


def _fitted(refit: Refit, part: str) -> Finding:
    scaler = "scal" in refit.what
    differs, evidence = (refits.numbers if scaler else refits.words)(refit)
    return Finding(
        "RK-LEAK-03" if scaler else "RK-LEAK-04",
        "fault",
        f"The {refit.what} was fitted on {part}: {differs}.",
        f"Fit the {refit.what} on the training part alone, and apply it to the other parts.",
        {"what": refit.what, "fitted_on": part} | evidence,
    )
