"""A tag for every word of a sentence: parts of speech, names, whatever a column of a file says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.arithmetic import softmax
from rekur.config import Settings
from rekur.data import batches, splits
from rekur.data.batches import pad
from rekur.data.lexicon import FIRST, UNKNOWN, Lexicon
from rekur.data.ragged import Ragged
from rekur.errors import ConfigError, DataError
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.base import computed, for_many
from rekur.tasks.case import Refit
from rekur.tasks.labelling import IGNORED, STEPS_AT_ONCE, Labelling, Rows, cross_entropy
from rekur.wording import counted

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from rekur.data.columns import Sentence
    from rekur.tasks.base import Inputs, Model

SHOWN, LONGEST_SHOWN = 24, 60  # sentences in the report, and the words of each
SAMPLE_TEST = 0.25  # of the sample
SHARE = 0.5  # of the loss of other tags, beside that of the tags themselves


class TagData(Settings):
    """`[data]` of the task `tag`."""

    set: Literal["ewt", "sample", "files"] = "ewt"
    train: str = Field("", description="with set = files: .conllu, or columns of word ... tag, blank lines between")
    dev: str = Field("", description="with set = files: validation sentences; none: `validation` of the training ones")
    test: str = Field("", description="with set = files: the sentences the model is judged on; none: `held` of `train`")
    held: float = Field(0.2, gt=0, lt=1, description="share of the sentences that test, without a test file")
    column: int = Field(0, ge=0, le=99, description="of the tag, from 1; 0: UPOS of CoNLL-U, else the last column")
    also: int = Field(0, ge=0, le=99, description="column of other tags, learned beside and never said; 0: none")
    min_count: int = Field(1, ge=1, description="words seen less often, in lower case, are unknown")
    validation: float = Field(
        0.1, ge=0, lt=1, description="share of the training sentences held out, without a dev file"
    )
    max_train: int = Field(0, ge=0, description="training sentences read; 0: all")
    max_test: int = Field(0, ge=0, description="test sentences read; 0: all")


@dataclass(frozen=True)
class Read:
    """Sentences as ids."""

    ids: Ragged  # of each word, in lower case
    place: Ragged  # of each word in `spelt`
    spelt: NDArray[np.int64]  # (U+1, L) characters of the distinct words; row 0 is no word


class Tagging(Labelling):
    """One of C tags for every word."""

    Data = TagData
    data: TagData
    metric: ClassVar[str] = "token_accuracy"
    others = 0  # tags learned beside
    reads = frozenset(
        {"embedding", "dropout_embedding", "dropout_words", "dropout_weights", "variational"}
        | {"crf", "characters", "characters_hidden"}
    )

    def faults(self) -> Any:
        yield from super().faults()
        if not self.config.model.embedding:
            yield "model.embedding must be 1 or more: words are read as vectors."
        if self.data.set == "files" and not self.data.train:
            yield "data.train must name a file, with data.set = files."
        if self.data.set != "files" and (self.data.train or self.data.dev or self.data.test):
            yield 'data.train, data.dev and data.test are for data.set = "files". Leave them out.'
        if self.data.also and self.config.model.crf:
            yield "data.also: a conditional random field has no scores of other tags. Leave one of them out."

    def load(self) -> None:
        self.sentences = self._parts()
        tags = {tag for part in self.sentences.values() for sentence in part for tag in sentence.tags}
        self._name(sorted(tags))
        self.lexicon = self._fitted()
        self.parts = {part: self._encode([s.words for s in found]) for part, found in self.sentences.items()}
        self.labels = {part: self._ids_of_tags(found) for part, found in self.sentences.items()}
        self.beside = self._others() if self.data.also else None
        if len(np.unique(self.labels["train"].values)) < 2:
            raise DataError(f"The training sentences have one tag only, `{tags.pop()}`; a tagger needs two or more.")

    def _parts(self) -> dict[str, list[Sentence]]:
        data = self.data
        if self.given is not None:  # sentences, none of which test
            self.kept, held = (np.sort(rows) for rows in splits.holdout(len(self.given), data.validation, self.seed))
            rows = {"train": self.kept, "validation": held, "test": held[:0]}
            return {part: [self.given[row] for row in chosen] for part, chosen in rows.items()}
        train, dev, test = (self._read(part, data.column) for part in ("train", "dev", "test"))
        self.kept = np.arange(len(train))
        if not test:  # one file: random sentences of it test, the same whatever is read of them
            self.kept, held = (np.sort(rows) for rows in splits.holdout(len(train), data.held, self.seed + 1))
            if not len(held):
                raise DataError(
                    f"{counted(len(train), 'sentence is', 'sentences are')} too few to train and to test on. Give more."
                )
            train, test = [train[row] for row in self.kept], [train[row] for row in held]
        train, test = train[: data.max_train or None], test[: data.max_test or None]
        self.kept = self.kept[: len(train)]
        if not dev:
            kept, held = (np.sort(rows) for rows in splits.holdout(len(train), data.validation, self.seed))
            self.kept = self.kept[kept]
            train, dev = [train[row] for row in kept], [train[row] for row in held]
        return {"train": train, "validation": dev, "test": test}

    def _read(self, part: Literal["train", "dev", "test"], column: int) -> list[Sentence]:
        from rekur.data import columns
        from rekur.data.datasets import ewt, tags

        if self.data.set == "ewt":
            return ewt.load(part, self.data_dir, column)
        if self.data.set == "sample":
            sentences = tags.load(column)
            at = len(sentences) - round(SAMPLE_TEST * len(sentences))
            return {"train": sentences[:at], "dev": [], "test": sentences[at:]}[part]
        name: str = getattr(self.data, part)
        return columns.read(Path(name), column) if name else []

    def _others(self) -> Ragged:
        """Return the other tags of the training sentences, as ids behind those of the tags."""
        whole = self._read("train", self.data.also)
        places: dict[str, int] = {}
        found = Ragged.of([[places.setdefault(tag, len(places)) for tag in whole[row].tags] for row in self.kept])
        self.others = len(places)
        return found

    def learned(self, output: Tensor, target: Tensor, rows: Rows) -> Tensor:
        if self.beside is None:
            return self.loss(output, target)
        import torch

        others = torch.from_numpy(pad(self.beside, rows, value=IGNORED)[0]).to(output.device)
        return self.loss(output, target) + SHARE * cross_entropy(output[:, :, len(self.classes) :], others)

    def _name(self, tags: Sequence[str]) -> None:
        from rekur.evaluation import tagging

        self.classes = tuple(tags)
        self.place = {tag: place for place, tag in enumerate(self.classes)}
        if tagging.in_spans(self.classes):
            self.metric = "span_f1"  # type: ignore[misc] # what is asked for are whole names

    def _fitted(self) -> Lexicon:
        lexicon = Lexicon.fit((sentence.words for sentence in self.sentences["train"]), self.data.min_count)
        if not lexicon.words:
            raise ConfigError(f"data.min_count: no word is seen {self.data.min_count} times. Take a smaller one.")
        return lexicon

    def _encode(self, sentences: Sequence[Sequence[str]]) -> Read:
        kinds: dict[str, int] = {}
        place = Ragged.of([[1 + kinds.setdefault(word, len(kinds)) for word in words] for words in sentences])
        spelt = self.lexicon.spelt(["", *kinds])
        ids = np.concatenate([[0], self.lexicon.ids(list(kinds))])
        return Read(place.map(lambda places: ids[places]), place, spelt)

    def _ids_of_tags(self, sentences: Sequence[Sentence]) -> Ragged:
        return Ragged.of([[self.place[tag] for tag in sentence.tags] for sentence in sentences])

    def files(self) -> dict[str, str]:
        classes = json.dumps({"tags": self.classes, "others": self.others}, ensure_ascii=False)
        return {"vocabulary.json": self.lexicon.to_json(), "classes.json": classes}

    def restore(self, files: Mapping[str, str]) -> None:
        found = json.loads(files["classes.json"])
        tags, self.others = found["tags"], found["others"]
        if not all(isinstance(tag, str) for tag in tags) or type(self.others) is not int or self.others < 0:
            raise DataError("classes.json must hold the tags, and how many others were learned beside.")
        self._name(tags)
        self.lexicon = Lexicon.from_json(files["vocabulary.json"])

    def preprocessing(self) -> dict[str, Any]:
        best = "the best path through emissions and transitions" if self.config.model.crf else "argmax: a tag a word"
        return {
            "vocabulary": "vocabulary.json",
            "words_in": "lower case",
            "unknown": UNKNOWN,
            "padding": 0,
            "first": FIRST,
            "lengths": True,
            "answer": best,
            "classes": list(self.classes),
        }

    def architecture(self) -> Architecture:
        words, letters = (FIRST + len(known) for known in (self.lexicon.words, self.lexicon.characters))
        outputs = len(self.classes) + self.others
        return Architecture(self.config.model, outputs, tokens=words, unknown=UNKNOWN, letters=letters)

    def inputs(self, part: str, rows: Rows) -> tuple[Inputs, Rows]:
        return self._padded(self.parts[part], rows)

    def _padded(self, read: Read, rows: Rows) -> tuple[Inputs, Rows]:
        ids, lengths = pad(read.ids, rows)
        if not self.config.model.characters:
            return ids, lengths
        spelt = read.spelt[pad(read.place, rows)[0]]  # (N, T, L)
        longest = max(1, int(np.count_nonzero(spelt.any(axis=(0, 1)))))
        return (ids, spelt[:, :, :longest]), lengths

    def outcome(self, truth: Ragged, prediction: Ragged) -> Outcome:
        from rekur.evaluation import tagging

        return tagging.tokens(truth, prediction, self.classes)

    def refits(self) -> Sequence[Refit]:
        return [Refit("vocabulary", json.loads(self.lexicon.to_json()), json.loads(self._fitted().to_json()))]

    def guesses(self) -> dict[str, NDArray[np.int64]]:
        from rekur.evaluation.baselines import tags as rivals  # scikit-learn loads as slowly as torch

        train, test = ([s.words for s in self.sentences[part]] for part in ("train", "test"))
        tags = self.labels["train"].values
        return {
            "commonest tag of the word": rivals.commonest(train, tags, test),
            "logistic regression on a window": rivals.window(train, tags, test, len(self.classes)),
        }

    def shown(self, prediction: Ragged) -> dict[str, pl.DataFrame]:
        import polars as pl

        from rekur.evaluation import tagging

        named = [
            [self._tags(labels[row]) for row in range(len(labels))] for labels in (self.labels["test"], prediction)
        ]
        columns = {"words": [s.words for s in self.sentences["test"]], "truth": named[0], "prediction": named[1]}
        rows = self.examples(prediction, SHOWN)
        cut = {name: [list(found[row][:LONGEST_SHOWN]) for row in rows] for name, found in columns.items()}
        lists = {name: pl.Series(name, found, dtype=pl.List(pl.String)) for name, found in cut.items()}
        tables = {"sentences": pl.DataFrame({"id": rows, **lists})}
        if tagging.in_spans(self.classes):
            tables["spans"] = pl.DataFrame(tagging.of_each_kind(*named), orient="row")
        return tables

    def _tags(self, labels: Rows) -> tuple[str, ...]:
        return tuple(self.classes[label] for label in labels)

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Tag each sentence: words with blanks between, or a list of words; raises DataError for one without a word."""
        sentences = [words_of(sentence, place + 1) for place, sentence in enumerate(inputs)]
        found: list[dict[str, Any]] = [{}] * len(sentences)
        for rows, output, lengths in self._outputs(model, sentences):
            sure = None if self.config.model.crf else softmax(self.known(output).astype(np.float64)).max(axis=2)
            for n, (row, tags) in enumerate(zip(rows, self.decided(output, lengths), strict=True)):
                words = sentences[row]
                found[row] = {"words": list(words), "prediction": list(self._tags(tags[: len(words)]))}
                if sure is not None:
                    found[row]["probability"] = [float(p) for p in sure[n, : len(words)]]
        return found

    def chances(self, model: Model, sentences: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """Return the probabilities (T, C) of the tags of each word, of each sentence.

        Raises ConfigError for a conditional random field, which scores whole sequences of tags.
        """
        if self.config.model.crf:
            raise ConfigError(
                "model.crf: a conditional random field has no probability of a single tag. Train without."
            )
        found: list[NDArray[np.float64]] = [np.zeros((0, len(self.classes)))] * len(sentences)
        for rows, output, lengths in self._outputs(model, sentences):
            chances = softmax(self.known(output).astype(np.float64))
            for n, row in enumerate(rows):
                found[row] = chances[n, : lengths[n]]
        return found

    def _outputs(self, model: Model, sentences: Sequence[Sequence[str]]) -> Iterator[tuple[Rows, NDArray[Any], Rows]]:
        """Yield some sentences, the model's outputs (N, T, ...) of them, and their lengths."""
        read = self._encode(sentences)
        model = for_many(model, int(read.ids.lengths.sum()))
        for rows in batches.thrifty(read.ids.lengths, STEPS_AT_ONCE):
            given, lengths = self._padded(read, rows)
            yield rows, computed(model, given, lengths)[0], lengths

    def score(self, model: Model, sentences: Sequence[Sentence]) -> Outcome:
        """Score the model on sentences of a file; raises DataError for a tag it does not know."""
        for sentence in sentences:
            if unseen := [tag for tag in sentence.tags if tag not in self.place]:
                raise DataError(
                    f"The sentence from line {sentence.line} on has the tag `{unseen[0]}`, never seen in "
                    f"training. The model knows {', '.join(self.classes)}."
                )
        said = self.predict(model, [sentence.words for sentence in sentences])
        prediction = Ragged.of([[self.place[tag] for tag in item["prediction"]] for item in said])
        return self.outcome(self._ids_of_tags(sentences), prediction)


def words_of(sentence: Any, number: int) -> list[str]:
    """Return the words of sentence `number`: a text with blanks between them, or a list of them."""
    words = sentence.split() if isinstance(sentence, str) else sentence
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) and word for word in words):
        raise DataError(f"Sentence {number} must be a text, its words apart by blanks, or a list of words.")
    if not words:
        raise DataError(f"Sentence {number} has no word; give one or more, with blanks between them.")
    return list(words)
