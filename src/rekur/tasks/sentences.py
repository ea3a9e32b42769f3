"""Two sides of sentences as a translation reads and writes them: their words, their vocabularies, their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.config import Settings
from rekur.data import coding, few, parallel, splits
from rekur.data.batches import pad
from rekur.data.coding import Coding
from rekur.data.moses import detokenise, tokenise
from rekur.data.parallel import PARTS, Pairs, Part
from rekur.data.ragged import Ragged
from rekur.errors import DataError
from rekur.notation import END, PAD, START, UNKNOWN
from rekur.wording import counted

if TYPE_CHECKING:
    from rekur.data.text import Column

Rows = NDArray[np.int64]
Sentences = list[list[str]]  # of words


class TranslateData(Settings):
    """`[data]` of the task `translate`."""

    set: Literal["multi30k", "sample", "files"] = "multi30k"
    source: str = Field("de", description="language translated from")
    target: str = Field("en", description="language translated into")
    form: Literal["tokenised", "raw"] = Field(
        "tokenised", description="tokenised: words stand apart already, and are scored so; raw: as a person writes"
    )
    train_source: str = Field("", description="with set = files: a sentence a line; so are the next five")
    train_target: str = ""
    validation_source: str = ""
    validation_target: str = ""
    test_source: str = ""
    test_target: str = ""
    test: float = Field(0.1, gt=0, lt=1, description="share of the training pairs that test, without test files")
    validation: float = Field(0.1, gt=0, lt=1, description="the same of pairs that validate, without files of either")
    unit: Literal["words", "bpe", "unigram"] = "words"
    max_words: int = Field(0, ge=0, description="words kept, the most frequent, or subwords; 0: all, or 8,000")
    max_target_words: int = Field(0, ge=0, description="the same of the target; 0: as max_words")
    min_count: int = Field(1, ge=1, description="words seen less often are unknown (unit words)")
    shared: bool = Field(False, description="one vocabulary, and one table of vectors, for both sides")
    reverse: bool = Field(False, description="the source is read from its end (Sutskever et al. 2014)")
    longest: int = Field(100, ge=1, le=1000, description="words of a sentence at most; longer ones are not trained on")
    beam: int = Field(5, ge=1, le=100, description="sentences kept in the search; 1: greedy")
    length_penalty: float = Field(1.0, ge=0, le=10, description="sentences are compared by log p / length^this")
    max_train: int = Field(0, ge=0, description="pairs read; 0: all")
    max_test: int = Field(0, ge=0)


def contradictions(data: TranslateData) -> Iterator[str]:
    """Yield a sentence for each contradiction of the settings."""
    if data.set != "files" and {data.source, data.target} != {"de", "en"}:
        yield f'data.source and data.target: the set `{data.set}` has "de" and "en"; got "{data.source}" and ' + (
            f'"{data.target}".'
        )
    if data.unit != "words" and data.min_count > 1:
        yield f'data.min_count is of words; data.unit is "{data.unit}". Leave it out.'
    if data.shared and data.max_target_words:
        yield "data.max_target_words: with data.shared there is one vocabulary. Set data.max_words alone."
    given = {part: [getattr(data, f"{part}_{side}") for side in ("source", "target")] for part in PARTS}
    if data.set != "files" and any(map(any, given.values())):
        yield f'data.train_source and its like are read with data.set = "files"; it is "{data.set}".'
    for part, sides in given.items():
        if data.set == "files" and (any(sides) or part == "train") and not all(sides):
            yield f"data.{part}_source and data.{part}_target must both name a file."


class ParallelText:
    """The pairs of every part, and the two codings, which are one with `data.shared`."""

    source: Coding
    target: Coding

    def __init__(self, data: TranslateData, data_dir: Path | None, seed: int = 1) -> None:
        self.data, self.data_dir, self.seed = data, data_dir, seed
        self.warnings: list[str] = []

    def load(self) -> None:
        """Read the pairs, leave out training pairs of too many words, and fit the codings on the others."""
        self.texts = {part: self._read(part) for part in PARTS}
        if not len(self.texts["test"]):
            self._divide()
        self.words = {part: self._cut(part) for part in PARTS}
        self._drop_long()
        self.source, self.target = self.fitted()
        self.warnings += dict.fromkeys((*self.source.warnings, *self.target.warnings))
        self.ids = {part: self._encode_both(part) for part in PARTS}

    def _read(self, part: Part) -> Pairs:
        data = self.data
        if data.set == "files":
            paths = [Path(getattr(data, f"{part}_{side}")) for side in ("source", "target")]
            found = parallel.read(*paths) if getattr(data, f"{part}_source") else Pairs([], [])
        else:
            from rekur.data.datasets import multi30k, pairs

            if data.set == "multi30k":
                found = multi30k.load(part, data.source, data.target, data.form, self.data_dir)
            else:
                found = pairs.load(part, data.source, data.target, data.form, self.data_dir)
        limit = {"train": data.max_train, "test": data.max_test}.get(part, 0)
        return found.first(limit) if limit else found

    def _divide(self) -> None:
        """Let random pairs of the one file there is test, and validate where no file does; copies stay together."""
        self.words = {"train": self._cut("train")}
        self._drop_long_of_train()
        whole, data = self.texts["train"], self.data
        shares = [data.test, 0.0 if len(self.texts["validation"]) else data.validation]
        keys = np.unique([f"{s}\0{t}" for s, t in zip(whole.source, whole.target, strict=True)], return_inverse=True)[1]
        alike = np.zeros(len(whole), dtype=np.int64)
        train, test, validation = splits.together(keys, alike, shares, np.random.default_rng([self.seed, 7]))
        if not len(train) or not len(test):
            raise DataError(
                f"{counted(len(whole), 'pair is', 'pairs are')} too few to train and to test on. Give more."
            )
        self.texts |= {"train": _of(whole, train), "test": _of(whole, test)}
        if shares[1]:
            self.texts["validation"] = _of(whole, validation)

    def _cut(self, part: Part) -> tuple[Sentences, Sentences]:
        texts = self.texts[part]
        if self.data.form == "tokenised":
            return [text.lower().split() for text in texts.source], [text.lower().split() for text in texts.target]
        return (
            [tokenise(text, self.data.source) for text in texts.source],
            [tokenise(text, self.data.target) for text in texts.target],
        )

    def _drop_long(self) -> None:
        longest = self.data.longest
        for part in ("validation", "test"):
            place = parallel.too_long(self.words[part][0], longest)
            if place is not None:
                name = getattr(self.data, f"{part}_source") or f"the {part} part"
                count = len(self.words[part][0][place])
                raise DataError(
                    f"{name}, line {place + 1}: a sentence may have {longest} words (data.longest); this one has "
                    f"{count}. Cut it, or raise data.longest."
                )
        self._drop_long_of_train()

    def _drop_long_of_train(self) -> None:
        longest = self.data.longest
        source, target = self.words["train"]
        keep = [len(s) <= longest and len(t) <= longest for s, t in zip(source, target, strict=True)]
        if not all(keep):
            self.warnings.append(
                f"{keep.count(False):,} of {len(keep):,} training pairs have a sentence of more than {longest} words "
                "(data.longest) and were left out."
            )
        self.texts["train"] = self.texts["train"].kept(keep)
        self.words["train"] = self._cut("train")
        if not any(keep):
            raise DataError("There is no training pair left. Give more, or raise data.longest.")

    def fitted(self) -> tuple[Coding, Coding]:
        """Return the codings of source and target, fitted on the training part."""
        source, target = ([" ".join(words) for words in side] for side in self.words["train"])
        if self.data.shared:
            both = self._coding(self.data.max_words).fit(few.polars_column([*source, *target]))
            return both, both
        sizes = self.data.max_words, self.data.max_target_words or self.data.max_words
        texts = (few.polars_column(side) for side in (source, target))
        first, second = (self._coding(size).fit(side) for size, side in zip(sizes, texts, strict=True))
        return first, second

    def _coding(self, size: int) -> Coding:
        unit = "spaces" if self.data.unit == "words" else self.data.unit
        return coding.make(unit, size, self.data.min_count, marks=True)

    def _encode_both(self, part: Part) -> tuple[Ragged, Ragged]:
        source, target = self.words[part]
        return self.encode(source), self.target.encode(_joined(target))

    def encode(self, sentences: Sentences) -> Ragged:
        """Return the ids of source sentences in the order the encoder reads them."""
        ids = self.source.encode(_joined(sentences))
        return ids.backwards() if self.data.reverse else ids

    def written(self, words: list[str]) -> str:
        """Return target words as the references are written."""
        return " ".join(words) if self.data.form == "tokenised" else detokenise(words)

    def files(self) -> dict[str, str]:
        """Return the vocabularies as files of a run."""
        if self.data.shared:
            return {"vocabulary.json": self.source.to_json()}
        return {"source_vocabulary.json": self.source.to_json(), "target_vocabulary.json": self.target.to_json()}

    def restore(self, files: Mapping[str, str]) -> None:
        """Take back what `files` gave."""
        empty = self._coding(self.data.max_words)
        if self.data.shared:
            both = empty.from_json(files["vocabulary.json"])
            self.source = self.target = both
        else:
            names = ("source_vocabulary.json", "target_vocabulary.json")
            self.source, self.target = (empty.from_json(files[name]) for name in names)

    def preprocessing(self) -> dict[str, Any]:
        """Return how sentences become ids and ids sentences, as JSON for programs without rekur."""
        names = list(self.files())
        return {
            "cut_into": "words and signs in lower case, as Moses' tokeniser does",
            "unit": self.data.unit,
            "languages": [self.data.source, self.data.target],
            "source_vocabulary": names[0],
            "target_vocabulary": names[-1],
            "reversed": self.data.reverse,
            "padding": PAD,
            "unknown": UNKNOWN,
            "start": START,
            "end": END,
            "longest": 2 * self.data.longest,  # and no more than 2 S + 10 ids for S of the source
        }

    def batch(self, part: Part, rows: Rows) -> tuple[Rows, Rows, Rows, Rows]:
        """Return the source (N, S), its lengths (N,), what the decoder reads (N, T), and what it is to write."""
        sources, targets = self.ids[part]
        source, lengths = pad(sources, rows)
        words, count = pad(targets, rows)
        start = np.full((len(rows), 1), START)
        target = np.concatenate([words, np.zeros_like(start)], axis=1)
        target[np.arange(len(rows)), count] = END
        return source, lengths, np.concatenate([start, target[:, :-1]], axis=1), target


def _of(pairs: Pairs, rows: Rows) -> Pairs:
    return Pairs([pairs.source[row] for row in rows], [pairs.target[row] for row in rows])


def _joined(sentences: Sentences) -> Column:
    return few.column([" ".join(words) for words in sentences])
