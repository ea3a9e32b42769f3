"""Names: 20,050 surnames in 18 languages, of which 18,012 pairs of name and language are distinct."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rekur.data.datasets.base import DataSet, File, read

SET = DataSet(
    name="names",
    title="Surnames in 18 languages",
    licence="MIT",
    source="https://github.com/spro/practical-pytorch, data/names",
    citation="S. Robertson, Practical PyTorch: Classifying names with a character-level RNN, 2017",
    files=(
        File(
            "names.txt.xz",
            319_615,
            "aa2a0d22cb2d2d8cb27761882c3448bdf4a7de6772fc362e6afe3f8ceed090f6",
        ),
    ),
)


@dataclass(frozen=True)
class Names:
    """N surnames, each with its language."""

    names: tuple[str, ...]  # composed (NFC), no white space around them; a name stands once under each language
    labels: NDArray[np.int64]  # (N,) places in `languages`
    languages: tuple[str, ...]  # in the order of the alphabet


def load(data_dir: Path | None = None) -> Names:
    """Return every pair of a name and its language once, in the order of the file.

    The file repeats itself: 2,000 lines of Arabic hold 108 names. Raises DataError if it is damaged.
    """
    lines = read(SET, "names.txt.xz", data_dir).decode("utf-8").removesuffix("\n").split("\n")
    pairs = dict.fromkeys(_pair(line) for line in lines)
    languages = tuple(sorted({language for language, _ in pairs}))
    place = {language: number for number, language in enumerate(languages)}
    labels = np.array([place[language] for language, _ in pairs], dtype=np.int64)
    return Names(tuple(name for _, name in pairs), labels, languages)


def _pair(line: str) -> tuple[str, str]:
    language, _, name = line.partition("\t")
    return language, unicodedata.normalize("NFC", name.strip())
