"""Pairs: 80 German sentences and their English ones, invented for examples and tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rekur.data.datasets.base import DataSet, File, read
from rekur.data.moses import tokenise
from rekur.data.parallel import Form, Pairs, Part

SET = DataSet(
    name="pairs",
    title="Invented German-English sentences",
    licence="Apache-2.0, as rekur",
    source="written for rekur",
    citation="the rekur authors, 2026",
    files=(File("de-en.tsv", 5_020, "fb6d1735f679d189237e5e8091fa7a02649026dac8d0c262bb150ac6329a6ca5"),),
)


FIRST = {"train": 0, "validation": 60, "test": 70}  # pair of each part, once they are shuffled
SHUFFLE = 1  # seed


def load(part: Part, source: str = "de", target: str = "en", form: Form = "raw", data_dir: Path | None = None) -> Pairs:
    """Return 60 pairs of train, 10 of validation or 10 of test; `source` and `target` are de or en.

    With `form` "tokenised" they are cut by `rekur.data.moses`; "raw" is as a person writes.
    """
    rows = [line.split("\t") for line in read(SET, "de-en.tsv", data_dir).decode().splitlines()[1:]]
    order = np.random.default_rng(SHUFFLE).permutation(len(rows))
    begin = FIRST[part]
    end = min((first for first in FIRST.values() if first > begin), default=len(rows))
    sides = []
    for language in (source, target):
        texts = [rows[place][("de", "en").index(language)] for place in order[begin:end]]
        sides.append([" ".join(tokenise(text, language)) for text in texts] if form == "tokenised" else texts)
    return Pairs(*sides)
