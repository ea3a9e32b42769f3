"""Labels: the same class written in two ways, and classes of very different sizes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np
import polars as pl

from rekur.doctor.findings import Curve, Finding
from rekur.doctor.patient import Tables
from rekur.doctor.tables.plain import parts
from rekur.doctor.tables.read import MOST_CLASSES
from rekur.wording import counted, form, some

ALWAYS = 0.95  # share of one class from which its name is a good answer to every question
RARE, FEW = 100, 10  # times that the commonest class is as large as the rarest, if that has fewer examples than FEW
UNEQUAL = 3.0  # likewise, worth a note
MOVED = 0.25  # share of examples that would have to change class for the parts to agree
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def found(tables: Tables) -> Iterator[Finding]:
    """Yield labels, and values of other columns of few words, that are one; then the balance of the classes."""
    for name in tables.train.columns:
        if name not in (tables.text, tables.time, tables.group):
            yield from _alike(tables, name)
    if tables.label is not None:
        yield from _balance(tables, tables.label)
        yield from _between(tables, tables.label)


def key(label: str) -> str:
    """Return what is left of a label without case, space, punctuation at its end and Unicode form."""
    plain = unicodedata.normalize("NFKC", label).translate(_INVISIBLE).casefold()
    joined = " ".join(plain.split())
    try:
        return repr(float(joined))  # "1" and "1.0"
    except ValueError:
        return joined


def _alike(tables: Tables, name: str) -> Iterator[Finding]:
    is_label = name == tables.label
    counts = _counts(tables, name)
    if not counts or (not is_label and len(counts) > MOST_CLASSES):
        return
    same: dict[str, list[str]] = {}
    for written in counts:
        same.setdefault(key(written), []).append(written)
    groups = [sorted(group, key=lambda label: -counts[label]) for group in same.values() if len(group) > 1]
    if not is_label:  # codes such as a and A may well be two
        groups = [group for group in groups if len(key(group[0])) > 2 and not key(group[0])[0].isdigit()]
    if not groups:
        return
    rows = sum(counts[label] for group in groups for label in group[1:])
    shown = "; ".join(" and ".join(repr(label) for label in group) for group in groups[:3])
    what = "Labels" if is_label else f"Values of column `{name}`"
    yield Finding(
        "RK-DATA-02",
        "fault" if is_label else "warning",
        f"{what} that differ by case, space or Unicode form alone count as different: {shown} ({counted(rows, 'row')} "
        f"{form(rows, 'is', 'are')} written unlike most of the kind).",
        "Strip, normalise and lower-case them before they are numbered.",
        {"column": name, "alike": groups[:20], "written": len(counts), "meant": len(same), "rows": rows},
    )


def _counts(tables: Tables, name: str) -> dict[str, int]:
    """How often each value of a column of strings occurs in both parts."""
    columns = [frame[name] for _, frame in parts(tables) if name in frame.columns]
    if any(column.dtype not in (pl.String, pl.Categorical, pl.Enum) for column in columns):
        return {}
    return dict(pl.concat([c.cast(pl.String).drop_nulls().alias("v") for c in columns]).value_counts().iter_rows())


def _classes(column: pl.Series) -> bool:
    """Whether a column names classes: words, yes and no, or few whole numbers."""
    distinct = column.n_unique()
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        return bool(distinct <= max(MOST_CLASSES, len(column) // 20))
    return column.dtype == pl.Boolean or (column.dtype.is_integer() and distinct <= 20)


def _meant(tables: Tables, name: str) -> list[pl.Series]:
    """Return each part's labels without the missing, every class by its commonest spelling."""
    columns = [frame[name].drop_nulls() for _, frame in parts(tables) if name in frame.columns]
    counts = _counts(tables, name)
    spelling: dict[str, str] = {}
    for written in sorted(counts, key=counts.__getitem__):
        spelling[key(written)] = written
    if len(spelling) == len(counts):
        return columns
    as_meant = {written: spelling[key(written)] for written in counts}
    return [column.cast(pl.String).replace(as_meant) for column in columns]


def _balance(tables: Tables, name: str) -> Iterator[Finding]:
    column = _meant(tables, name)[0]
    if len(column) < 20 or not _classes(column):
        return
    counts = column.value_counts(sort=True)
    names, sizes = counts[name].cast(pl.String).to_list(), counts["count"].to_list()
    share, ratio = sizes[0] / len(column), sizes[0] / sizes[-1]
    evidence = {"classes": names[:MOST_CLASSES], "examples": sizes[:MOST_CLASSES], "share_of_the_commonest": share}
    curve = Curve(
        "Examples of each class", "class, by size", "examples", range(1, len(sizes) + 1), sizes, log=ratio > 30
    )
    if len(sizes) == 1:
        yield Finding(
            "RK-DATA-03",
            "fault",
            f"Every label is `{names[0]}`: there is nothing to learn.",
            "Look at how the rows were chosen; a classifier needs examples of two classes or more.",
            evidence,
        )
    elif share >= ALWAYS or (ratio >= RARE and sizes[-1] < FEW):
        yield Finding(
            "RK-DATA-03",
            "warning",
            f"Classes out of balance: {share:.1%} of the labels are `{names[0]}`, {sizes[-1]:,} of {len(column):,} "
            f"{form(sizes[-1], 'is', 'are')} `{names[-1]}`; always answering `{names[0]}` is right {share:.1%} "
            "of the time.",
            "Judge by balanced accuracy, F1 or average precision instead of accuracy; weight the loss or draw classes "
            "evenly.",
            evidence,
            curve,
        )
    elif ratio >= UNEQUAL:
        yield Finding(
            "RK-DATA-03",
            "note",
            f"Class `{names[0]}` is {ratio:.1f} times as common as `{names[-1]}`; always answering it is right "
            f"{share:.1%} of the time.",
            "Compare accuracy with that, or judge by balanced accuracy.",
            evidence,
            curve,
        )


def _between(tables: Tables, name: str) -> Iterator[Finding]:
    """Compare the classes of the two parts: a split of sorted rows, or a class never trained on."""
    if tables.test is None or name not in tables.test.columns:
        return
    meant = _meant(tables, name)
    if min(map(len, meant)) < 20 or not _classes(meant[0]):
        return
    both = [column.cast(pl.String) for column in meant]
    sizes = [dict(column.alias("v").value_counts().iter_rows()) for column in both]
    unseen = sorted(set(sizes[1]) - set(sizes[0]))
    if unseen:
        rows = sum(sizes[1][label] for label in unseen)
        yield Finding(
            "RK-DATA-03",
            "warning",
            f"{counted(rows, 'example')} of the test part {form(rows, 'has', 'have')} a label that the training part "
            f"never has: {some(unseen)}.",
            "Split so that every class lies in both parts, or correct the labels.",
            {"unseen": unseen[:20], "rows": rows},
        )
        return
    names = sorted(sizes[0])
    shares = np.array([[size.get(label, 0) for label in names] for size in sizes], dtype=float)
    shares /= shares.sum(1, keepdims=True)
    moved = float(np.abs(shares[0] - shares[1]).sum() / 2)
    by_chance = float(np.sqrt(len(names) / min(map(len, both))))  # what the draw of the smaller part does at most
    if moved >= max(MOVED, 2 * by_chance):
        worst = int(np.abs(shares[0] - shares[1]).argmax())
        yield Finding(
            "RK-DATA-03",
            "warning",
            f"The parts hold other shares of the classes: `{names[worst]}` is {shares[0, worst]:.0%} of the training "
            "part "
            f"and {shares[1, worst]:.0%} of the test part.",
            "Shuffle the rows before they are split, or split each class by itself.",
            {"classes": names, "train": shares[0].tolist(), "test": shares[1].tolist(), "moved": moved},
        )
