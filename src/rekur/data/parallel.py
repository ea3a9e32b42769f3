"""Parallel texts: sentences and their translations, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Literal, get_args

from rekur.errors import DataError
from rekur.wording import counted

Part = Literal["train", "validation", "test"]
Form = Literal["tokenised", "raw"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Pairs:
    """N sentences and N translations of them."""

    source: list[str]
    target: list[str]

    def __len__(self) -> int:
        return len(self.source)

    def first(self, count: int) -> Pairs:
        """Return the first `count` pairs."""
        return Pairs(self.source[:count], self.target[:count])

    def kept(self, keep: Sequence[bool]) -> Pairs:
        """Return the pairs that `keep` (N,) marks."""
        return Pairs(list(compress(self.source, keep)), list(compress(self.target, keep)))


def read(source: Path, target: Path) -> Pairs:
    """Read two text files in UTF-8, one sentence a line, line n of one the translation of line n of the other.

    Raises:
        DataError: a file cannot be read, is not UTF-8 or empty, they have different lengths, or a line has no word.
    """
    from rekur.data.files import read_lines

    sides = [read_lines(path) for path in (source, target)]
    if len(sides[0]) != len(sides[1]):
        short, long = sorted(zip(map(len, sides), (source, target), strict=True))
        raise DataError(
            f"{short[1]} has {counted(short[0], 'line')} and {long[1]} has {long[0]}: line {short[0] + 1} of "
            f"{long[1]} has no partner. Give two files of equal length, each sentence in the line of its translation."
        )
    for path, lines in zip((source, target), sides, strict=True):
        empty = next((number for number, line in enumerate(lines, 1) if not line.strip()), None)
        if empty:
            raise DataError(
                f"{path}, line {empty}: there is no word in it. Write the sentence, or drop it from both files."
            )
    return Pairs(*sides)


def too_long(sentences: Sequence[Sequence[str]], longest: int) -> int | None:
    """Return the place of the first sentence of more than `longest` words, None if there is none."""
    return next((place for place, words in enumerate(sentences) if len(words) > longest), None)
