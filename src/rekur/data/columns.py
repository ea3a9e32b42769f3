"""Tagged sentences from files of columns: CoNLL-U, and the plainer files of older shared tasks.

A sentence is a block of lines, one a word; blank lines stand between two. Every fault names its file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rekur.data.files import decode
from rekur.errors import DataError

CONLLU_COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
UPOS = CONLLU_COLUMNS.index("UPOS") + 1
ID = re.compile(r"(?P<word>[1-9]\d*)|[1-9]\d*-[1-9]\d*|\d+\.[1-9]\d*")  # a word; a range; an empty node


@dataclass(frozen=True)
class Sentence:
    """Words, and the tag of each."""

    words: tuple[str, ...]
    tags: tuple[str, ...]  # () where they were not asked for
    line: int  # of its first word in the file, from 1


def read(path: Path, column: int = 0, tagged: bool = True) -> list[Sentence]:
    """Read the sentences of a file.

    Args:
        path: ending in .conllu, ten columns and tabs between them (universaldependencies.org/format.html): comments,
            ranges such as 1-2 and empty nodes such as 1.1 are left out. Any other file has the word in its first
            column and blanks or tabs between columns; lines that begin with -DOCSTART- are left out.
        column: of the tag, from 1; 0: UPOS of CoNLL-U, else the last.
        tagged: whether every word must have a tag; if not, tags are not read.

    Raises:
        DataError: no such file, not UTF-8, no sentence, a line with a column too many or too few, a word without a tag;
            in CoNLL-U also an id out of order, and two roots.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Give the path of a file.") from None
    return parse(content, path, column, tagged)


def parse(content: bytes, path: Path, column: int = 0, tagged: bool = True) -> list[Sentence]:
    """Read the sentences of a file's bytes; see `read`."""
    lines = decode(content, path).split("\n")  # not splitlines, which also splits at signs that stand inside words
    numbered = [(number, line.removesuffix("\r")) for number, line in enumerate(lines, 1)]
    reader = _Conllu if path.suffix.lower() == ".conllu" else _Plain
    found = list(reader(path, column, tagged).sentences(numbered))
    if not found:
        raise DataError(f"{path} holds no sentence; expected a word a line, and a blank line behind each sentence.")
    return found


class _Plain:
    """Word first, tag last, blanks or tabs between."""

    def __init__(self, path: Path, column: int, tagged: bool) -> None:
        self.path, self.column, self.tagged = path, column, tagged
        self.width = 0  # columns of the first line
        self.tabs = False

    def sentences(self, lines: list[tuple[int, str]]) -> Iterator[Sentence]:
        """Yield the sentences of numbered lines."""
        block: list[tuple[int, list[str]]] = []
        for number, line in [*lines, (len(lines) + 1, "")]:
            if line.strip():
                block += [(number, fields)] if (fields := self.fields(number, line)) else []
            elif block:
                yield self.sentence(block)
                block = []

    def fields(self, number: int, line: str) -> list[str]:
        """Return the columns of a line, [] for one that is no word."""
        if line.startswith("-DOCSTART-"):
            return []
        if not self.width:
            self.tabs = "\t" in line
        fields = line.split("\t") if self.tabs else re.split(r"[ \t]+", line.strip(" \t"))
        self.width = self.width or len(fields)
        if len(fields) != self.width:
            raise self.fault(number, f"has {_columns(len(fields))}; the lines before have {self.width}")
        least = max(2, self.column) if self.tagged else 1
        if len(fields) < least:
            raise self.fault(number, f"has {_columns(len(fields))}; a word and its tag need {least}")
        return fields

    def sentence(self, block: list[tuple[int, list[str]]]) -> Sentence:
        """Return the sentence of a block of words."""
        return self.made(block, word=0, tag=(self.column or self.width) - 1, none="")

    def made(self, block: list[tuple[int, list[str]]], word: int, tag: int, none: str) -> Sentence:
        """Return the words and tags of a block; raise where there is none."""
        for number, fields in block:
            if not fields[word].strip():
                raise self.fault(number, "has no word")
            if self.tagged and fields[tag].strip() in ("", none):
                raise self.fault(number, f"has no tag in column {tag + 1}: the word is `{fields[word]}`")
        tags = tuple(fields[tag].strip() for _, fields in block) if self.tagged else ()
        return Sentence(tuple(fields[word].strip() for _, fields in block), tags, block[0][0])

    def fault(self, number: int, what: str) -> DataError:
        """Say what is wrong with a line."""
        return DataError(f"{self.path}, line {number} {what}. Correct that line.")


class _Conllu(_Plain):
    """Ten columns, a tab between two."""

    def fields(self, number: int, line: str) -> list[str]:
        if line.startswith("#"):
            return []
        fields = line.split("\t")
        if len(fields) != len(CONLLU_COLUMNS):
            names = ", ".join(CONLLU_COLUMNS)
            raise self.fault(number, f"has {_columns(len(fields))}; CoNLL-U has 10, a tab between two: {names}")
        found = ID.fullmatch(fields[0])
        if found is None:
            raise self.fault(number, f"has the id `{fields[0]}`; expected a number, a range 1-2 or an empty node 1.1")
        return fields if found["word"] else []

    def sentence(self, block: list[tuple[int, list[str]]]) -> Sentence:
        root = 0
        for expected, (number, fields) in enumerate(block, 1):
            if int(fields[0]) != expected:
                raise self.fault(number, f"has the id {fields[0]} out of order; expected {expected}")
            if fields[6] == "0":
                if root:
                    raise self.fault(number, f"is a second root (HEAD 0) of its sentence; the first is line {root}")
                root = number
        return self.made(block, word=1, tag=(self.column or UPOS) - 1, none="_")


def _columns(count: int) -> str:
    return f"{count} column{'s' if count != 1 else ''}"
