"""Copies across a split: the same text, nearly the same text, the same row of numbers.

Near-copies are found by their shingles, the runs of two or three words. A text whose Jaccard similarity to some
other is 0.8 shares at least 0.8 of its shingles with the whole other part: few texts are left to compare in pairs.
(A. Broder, On the resemblance and containment of documents, 1997.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rekur.data.text import Tokens, tokenize

Rows = NDArray[np.int64]
Hashes = NDArray[np.uint64]

SIMILAR = 0.8  # of Jaccard, from which two texts count as one
TOKENS, CHARACTERS = 5, 20  # a shorter text may be written twice by chance
SHORT = 40  # tokens of half of the texts, up to which shingles are of two words
RAREST = 12  # shingles of a text by which its partners are looked up
PARTNERS = 40  # training texts that may share such a shingle
DISTINCT = 30  # rows from which a column without repeats counts as one of measurements
BITS = 26  # of the table of shingles, 64 MB


@dataclass(frozen=True)
class Pairs:
    """Test rows that repeat a training row, and of each the training row most like it."""

    test: Rows
    train: Rows
    similarity: NDArray[np.float64]  # (P,) 1 where they are equal

    def __len__(self) -> int:
        return len(self.test)


def plain(texts: pl.Series) -> pl.Series:
    """Return texts without case, outer space and runs of space, composed (NFC)."""
    return (
        texts.cast(pl.String)
        .fill_null("")
        .str.normalize("NFC")
        .str.to_lowercase()
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


def long_enough(texts: pl.Series) -> NDArray[np.bool_]:
    """Which plain texts (N,) are too long to be written twice by chance; scripts without spaces go by characters."""
    characters = texts.str.len_chars().to_numpy()
    spaces = texts.str.count_matches(" ", literal=True).to_numpy()
    unspaced = texts.str.contains(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]").to_numpy()
    enough: NDArray[np.bool_] = (characters >= CHARACTERS) & ((spaces + 1 >= TOKENS) | unspaced)
    return enough


def equal(train: pl.Series, test: pl.Series) -> Pairs:
    """Return the test texts that are equal to a training text; both (N,) plain."""
    found = (
        test.alias("text")
        .to_frame()
        .with_row_index("test")
        .filter(pl.Series(long_enough(test)))
        .join(train.alias("text").to_frame().with_row_index("train").unique("text", keep="first"), on="text")
        .sort("test")
    )
    rows = found["test"].to_numpy().astype(np.int64), found["train"].to_numpy().astype(np.int64)
    return Pairs(*rows, np.ones(len(found)))


def similar(train: pl.Series, test: pl.Series) -> Pairs:
    """Return the test texts that nearly repeat a training text; both (N,) plain; equal ones are left out."""
    tokens = tokenize(pl.concat([train, test]), "words")
    if len(tokens.codes) < 3 * len(tokens.offsets):  # a script without spaces
        tokens = tokenize(pl.concat([train, test]), "characters")
    shingles, owners = _shingles(tokens)
    start = int(np.searchsorted(owners, len(train)))
    enough = np.concatenate([long_enough(train), long_enough(test)])
    other = np.concatenate(
        [_in_other(shingles[:start], shingles[start:]), _in_other(shingles[start:], shingles[:start])]
    )
    total = np.bincount(owners, minlength=len(enough))
    shared = np.bincount(owners, weights=other, minlength=len(enough))
    # A little less than 0.8: here a shingle counts as often as it stands in the text.
    chosen = enough & (total >= TOKENS - 2) & (shared >= (SIMILAR - 0.1) * total)
    kept = chosen[owners]
    pairs = _compared(shingles[kept], owners[kept], len(train))
    different = (train[pairs.train] != test[pairs.test]).to_numpy()
    return Pairs(pairs.test[different], pairs.train[different], pairs.similarity[different])


def _shingles(tokens: Tokens) -> tuple[Hashes, Rows]:
    """Hash every run of two or three tokens within a text; return the hashes (S,) and the text of each (S,)."""
    lengths = np.diff(tokens.offsets)
    width = 2 if np.median(lengths) < SHORT else 3
    codes = tokens.codes.astype(np.uint64)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    end = max(0, len(codes) - width + 1)
    mixed = np.zeros(end, dtype=np.uint64)
    for shift in range(width):
        mixed = (mixed ^ codes[shift : shift + end]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    whole = owners[:end] == owners[width - 1 : width - 1 + end]
    return mixed[whole], owners[:end][whole]


def _in_other(mine: Hashes, others: Hashes) -> NDArray[np.bool_]:
    """Which shingles probably occur in the other part: by their first bits, so a few are too many."""
    table = np.zeros(1 << BITS, dtype=bool)
    shift = np.uint64(64 - BITS)
    table[(others * np.uint64(0xD6E8FEB86659FD93)) >> shift] = True
    found: NDArray[np.bool_] = table[(mine * np.uint64(0xD6E8FEB86659FD93)) >> shift]
    return found


def _compared(shingles: Hashes, owners: Rows, first_test: int) -> Pairs:
    """Compare each test text with the training texts that share one of its rarest shingles."""
    frame = pl.DataFrame({"shingle": shingles, "owner": owners}).unique()
    sizes = np.bincount(frame["owner"].to_numpy(), minlength=int(owners.max(initial=0)) + 1)
    train = frame.filter(pl.col("owner") < first_test)
    test = frame.filter(pl.col("owner") >= first_test)
    often = train.group_by("shingle").len("often").filter(pl.col("often") <= PARTNERS)
    rare = test.join(often, on="shingle").sort("owner", "often", "shingle").group_by("owner").head(RAREST)
    candidates = (
        rare.select("owner", "shingle").join(train, on="shingle", suffix="_train").select("owner", "owner_train")
    )
    # Of texts of too different sizes 0.8 cannot be.
    ratio = sizes[candidates["owner"].to_numpy()] / np.maximum(1, sizes[candidates["owner_train"].to_numpy()])
    candidates = candidates.filter(pl.Series((ratio >= SIMILAR) & (ratio <= 1 / SIMILAR))).unique()
    shared = (
        candidates.join(test, on="owner")
        .join(train, left_on=["shingle", "owner_train"], right_on=["shingle", "owner"], how="semi")
        .group_by("owner", "owner_train")
        .len("shared")
    )
    a, b, c = (shared[name].to_numpy().astype(np.int64) for name in ("owner", "owner_train", "shared"))
    jaccard = c / np.maximum(1, sizes[a] + sizes[b] - c)
    best = (
        pl.DataFrame({"test": a - first_test, "train": b, "jaccard": jaccard})
        .filter(pl.col("jaccard") >= SIMILAR)
        .sort("test", "jaccard", "train", descending=[False, True, False])
        .unique("test", keep="first", maintain_order=True)
    )
    return Pairs(best["test"].to_numpy(), best["train"].to_numpy(), best["jaccard"].to_numpy())


def equal_rows(train: pl.DataFrame, test: pl.DataFrame) -> Pairs | None:
    """Return the test rows (N, F) whose every value stands in one training row, None if chance could make them so.

    Rows are compared where two drawn at random would not meet: by the columns' collision entropy, as if columns were
    independent, with as much again to spare; or where in two columns no two different rows have the same value.
    """
    distinct = pl.concat([train, test]).unique()
    meetings = [_meetings(column) for column in distinct.get_columns()]
    pairs = len(distinct) * (len(distinct) - 1) / 2
    fine = sum(count == 0 for count in meetings) >= 2 and len(distinct) >= DISTINCT
    bits = sum(float(np.log2(max(1.0, pairs / (count + 1)))) for count in meetings)
    if len(train.columns) < 2 or not (fine or bits >= 2 * np.log2(max(2, len(train) * len(test)))):
        return None
    seen = train.with_row_index("train_row").unique(train.columns, keep="first")
    found = test.with_row_index("test_row").join(seen, on=train.columns, nulls_equal=True).sort("test_row")
    rows = found["test_row"].to_numpy().astype(np.int64), found["train_row"].to_numpy().astype(np.int64)
    return Pairs(*rows, np.ones(len(found)))


def _meetings(column: pl.Series) -> float:
    """Return how many pairs of rows have the same value."""
    counts = column.value_counts()["count"].to_numpy().astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())
