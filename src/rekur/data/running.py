"""A running text as ids: its characters, or its words."""

from __future__ import annotations

import abc
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError

Ids = NDArray[np.int64]

UNKNOWN, END_OF_LINE = "<unk>", "<eos>"
_CLOSING, _OPENING = frozenset(".,;:!?)]}%…'’”"), frozenset("([{“‘")
_SIGNS = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]")


@dataclass(frozen=True)
class Units(abc.ABC):
    """V kinds of units, a place each, and how a text is cut into them and put together again."""

    kinds: tuple[str, ...]  # id -> unit
    unknown: int  # the id of any other; may be one behind the last kind

    name: ClassVar[str]  # one of them
    start: ClassVar[str]  # the unit that a text begins behind where no prompt is given

    @property
    def size(self) -> int:
        """V."""
        return max(len(self.kinds), self.unknown + 1)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each unit."""
        return {kind: place for place, kind in enumerate(self.kinds)}

    @abc.abstractmethod
    def cut(self, text: str) -> Sequence[str]:
        """Return the units of `text`, in their order."""

    @abc.abstractmethod
    def joined(self, units: Iterable[str]) -> Iterator[str]:
        """Yield the text of each unit as it stands behind those before it."""

    def encode(self, units: Iterable[str]) -> Ids:
        """Return the ids of units."""
        return np.array([self.ids.get(unit, self.unknown) for unit in units], dtype=np.int64)

    def unseen(self, units: Iterable[str]) -> list[str]:
        """Return the units that have no id of their own, each once."""
        return [unit for unit in dict.fromkeys(units) if unit not in self.ids]

    def to_json(self) -> str:
        """Write the kinds as JSON."""
        return json.dumps({f"{self.name}s": self.kinds}, ensure_ascii=False)


@dataclass(frozen=True)
class Characters(Units):
    """Characters in the order of their code points; one more id, the last, is any other unless `closed`."""

    name = "character"
    start = "\n"

    @classmethod
    def of(cls, kinds: Iterable[str], closed: bool = False) -> Self:
        """Return the units for these characters."""
        found = tuple(kinds)
        return cls(found, len(found) - closed)

    @classmethod
    def fit(cls, text: str, closed: bool = False) -> Self:
        """Return the characters of a training text."""
        return cls.of(sorted(set(text)), closed)

    def cut(self, text: str) -> Sequence[str]:
        return text

    def joined(self, units: Iterable[str]) -> Iterator[str]:
        yield from units


@dataclass(frozen=True)
class Words(Units):
    """Words, the most frequent first, with <eos> behind every line; rare and unknown ones are <unk>.

    Words and signs stand apart by spaces already (`spaced`), or are cut so: "don't stop!" is don't, stop and !.
    """

    spaced: bool

    name = "word"
    start = END_OF_LINE

    @classmethod
    def of(cls, kinds: Iterable[str], spaced: bool) -> Self:
        """Return the units for these words."""
        found = tuple(kinds)
        return cls(found, found.index(UNKNOWN) if UNKNOWN in found else len(found), spaced)

    @classmethod
    def fit(cls, text: str, spaced: bool, min_count: int = 1) -> Self:
        """Return the words of a training text that stand in it `min_count` times or more."""
        times = Counter(cls((), 0, spaced).cut(text))
        rare = [word for word, count in times.items() if count < min_count and word != END_OF_LINE]
        spare = sum(times.pop(word) for word in rare)
        if spare:
            times[UNKNOWN] += spare
        return cls.of(sorted(times, key=lambda word: (-times[word], word)), spaced)

    def cut(self, text: str) -> Sequence[str]:
        *lines, last = text.split("\n")
        found: list[str] = []
        for line in lines:
            found += self._words(line)
            found.append(END_OF_LINE)
        return found + self._words(last)

    def _words(self, line: str) -> list[str]:
        return line.split() if self.spaced else _SIGNS.findall(line)

    def joined(self, units: Iterable[str]) -> Iterator[str]:
        before = END_OF_LINE
        for unit in units:
            close = before == END_OF_LINE or (not self.spaced and (unit in _CLOSING or before in _OPENING))
            yield "\n" if unit == END_OF_LINE else unit if close else f" {unit}"
            before = unit


def read_json(text: str, name: str) -> list[str]:
    """Return the kinds that `Units.to_json` wrote for units called `name`, or raise DataError."""
    values = json.loads(text)
    kinds = values.get(f"{name}s") if isinstance(values, dict) else None
    if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) for kind in kinds):
        raise DataError("This is not a vocabulary written by rekur. Train the model again.")
    return kinds
