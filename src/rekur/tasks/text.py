"""A class for each text: sentiment, topic, spam."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from rekur.architecture import Architecture
from rekur.data import batches, evidence, few, splits
from rekur.data.batches import pad
from rekur.data.coding import Coding, KerasCoding, make
from rekur.data.ragged import Ragged, Side
from rekur.data.text import Texts
from rekur.errors import ConfigError, DataError
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.tasks import own
from rekur.tasks.answers import Rows
from rekur.tasks.base import for_many, stored_names
from rekur.tasks.case import Features, Refit
from rekur.tasks.classification import Classification
from rekur.tasks.own import OwnFile

if TYPE_CHECKING:
    import polars as pl
    from torch import nn

    from rekur.data.text import Column
    from rekur.evidence import Evidence
    from rekur.tasks.base import Inputs, Model

FOLDS, LEAST_TEXTS = 5, 2  # of the evidence: see rekur.evidence
BATCH_TEXTS, BATCH_TOKENS = 64, 65_536  # predicted at once
TIMED = 2000  # test texts predicted once more, against the clock
SHOWN = 600  # characters of a text in the report


class TextData(OwnFile):
    """`[data]` of the task `text`."""

    set: Literal["imdb", "nsmc", "nsmc-sample", "files"] = "imdb"
    text: str = Field("text", description="with set = files: the column of the texts")
    label: str = Field("label", description="with set = files: the column of the classes")
    memory: int = Field(128, ge=1, description="with set = files: megabytes of text held in memory; more is streamed")
    coding: Literal["words", "keras"] = "words"
    tokenizer: str = Field("words", description="what a text is cut into (coding words); see docs/data.md")
    max_words: int = Field(0, ge=0, description="most frequent words kept, or subwords made (coding words); 0: all")
    min_count: int = Field(1, ge=1, description="words seen less often are unknown (coding words)")
    num_words: int = Field(0, ge=0, description="ids from here on are unknown (coding keras)")
    skip_top: int = Field(0, ge=0, description="the most frequent words are unknown (coding keras)")
    vocabulary_on: Literal["train", "all"] = Field("train", description="all: over validation texts, too, a leak")
    length: int = Field(0, ge=0, le=100_000, description="texts are cut to this many tokens; 0: whole")
    side: Literal["left", "right"] = Field("right", description="where texts are cut and padded")
    fixed: bool = Field(False, description="pad every batch to `length`, not to its own longest text")
    mask: bool = Field(True, description="the model knows each text's length and never reads padding")
    order: Literal["bucketed", "shuffled"] = Field("bucketed", description="bucketed: similar lengths together")
    classes: int = Field(0, ge=0, description="outputs, where more than there are labels; 0: as many as labels")
    unit: bool = Field(False, description="one sigmoid unit in place of two classes")
    validation: float = Field(0.2, ge=0, lt=1)
    split: Literal["holdout", "permutation", "random", "stratified", "grouped", "time"] = Field(  # type: ignore[assignment]
        "holdout", description="holdout: a random part validates; permutation: as chapter C; others: see `OwnFile`"
    )
    max_train: int = Field(0, ge=0)
    max_test: int = Field(0, ge=0)


class TextClassification(Classification):
    """One of C classes from the tokens of a text."""

    Data = TextData
    data: TextData
    reads = frozenset(
        {
            "embedding",
            "dropout_embedding",
            "dropout_words",
            "dropout_weights",
            "variational",
            "evidence",
            "ballot",
            "segment",
            "transpose_fault",
        }
    )
    evidence: Evidence | None = None  # fitted by load; after restore, made by build
    sampled: Rows | None = None  # places in the training labels of the texts in memory, where not all of them are
    n_grams = 0  # that the evidence knows

    def faults(self) -> Iterator[str]:
        data, model = self.data, self.config.model
        if data.set == "files":
            yield from own.contradictions(data)
        elif data.path:
            yield f'data.path is read with data.set = "files"; it is "{data.set}".'
        if (data.split in ("holdout", "permutation")) == (data.set == "files"):
            known = (
                '"random", "stratified", "grouped" or "time"' if data.set == "files" else '"holdout" or "permutation"'
            )
            yield f'data.split: "{data.split}" is not for data.set = "{data.set}". Take {known}.'
        if data.fixed and not data.length:
            yield "data.fixed needs data.length: every batch is padded to it."
        if model.readout == "flatten" and not data.fixed:
            yield 'model.readout = "flatten" needs data.fixed = true: every text must have one length.'
        if model.readout == "every":
            yield 'model.readout: "every" gives a class a token, and a text has one. Take "mean_max".'
        if data.classes > 2 and (data.unit or model.evidence):
            yield "data.classes: one unit, or the evidence of n-grams, is of the classes there are. Leave it out."
        if model.api == "numpy" and (data.mask or not data.unit):
            yield 'model.api = "numpy" needs data.mask = false and data.unit = true: that network reads padding.'

    def load(self) -> None:
        if self.given is not None:
            self._load_given(*self.given)
        elif self.data.set == "files":
            self._load_own()
        else:
            self._load_named()
        if self.config.model.evidence:
            self._weigh_evidence()

    def _load_own(self) -> None:
        data = self.data
        from rekur.tasks import own_texts

        found = own_texts.read(data, data.text, data.label, data.memory, self.seed)
        self.unit, self.classes, self.texts, self.labels = data.unit, found.classes, found.texts, found.labels
        self.warnings += found.warnings
        self._check_classes()
        self.sampled = None if found.source.whole else found.known["train"]
        if self.sampled is not None and self.config.model.evidence:
            ballot = " and model.ballot to false" if self.config.model.ballot else ""
            raise DataError(
                f"{data.path} is larger than data.memory ({data.memory} MB), and model.evidence counts the n-grams of "
                f"all texts in memory. Set model.evidence to 0{ballot}, or raise data.memory."
            )
        self.coding = self._coding().fit(self.texts["train"])
        self.warnings += self.coding.warnings
        self.tokens = found.encoded(self._encode)

    def _load_given(self, texts: pl.Series, labels: Rows, classes: tuple[str, ...]) -> None:
        """Take the texts, labels and classes a caller in Python gives, in place of a file."""
        self.unit, self.classes = self.data.unit, classes
        rows = own.parts(self.data, len(labels), self.seed, own.Keys(labels))
        self.texts = {part: texts[chosen] for part, chosen in rows.items()}
        self.labels = {part: labels[chosen] for part, chosen in rows.items()}
        self.weights = own.weighed(self.given_weights, rows)
        self._check_classes()
        self.coding = self._coding().fit(self.texts["train"])
        self.tokens = {part: self._encode(found) for part, found in self.texts.items()}

    def _check_classes(self) -> None:
        kinds = len(np.unique(self.labels["train"]))
        if kinds < 2:
            count = len(self.labels["train"])
            raise DataError(
                f"Training texts must be of two classes or more; got {count} of one class. Give more texts."
            )
        if self.unit and len(self.classes) != 2:
            raise ConfigError(f"data.unit tells two classes apart; there are {len(self.classes)}. Set it to false.")

    def _load_named(self) -> None:
        train, test = self._read("train", self.data.max_train), self._read("test", self.data.max_test)
        self.unit, self.classes = self.data.unit, ("negative", "positive")
        kept, held = self._split(len(train.labels))
        self.texts = {"train": train.texts[kept], "validation": train.texts[held], "test": test.texts}
        self.labels = {"train": train.labels[kept], "validation": train.labels[held], "test": test.labels}
        self._check_classes()
        self.coding = self._coding().fit(train.texts if self.data.vocabulary_on == "all" else self.texts["train"])
        self.warnings += self.coding.warnings
        self.tokens = {part: self._encode(texts) for part, texts in self.texts.items()}

    def _weigh_evidence(self) -> None:
        tokens, labels, order = self.tokens["train"], self.labels["train"], self.config.model.evidence
        from rekur.evidence import Evidence

        folds = self.generator(4).integers(0, FOLDS, len(tokens))
        self.evidence, read = Evidence.fit(tokens, labels, order, LEAST_TEXTS, folds, len(self.classes))
        self.n_grams, self.read = len(self.evidence.keys), Ragged(read, tokens.offsets)

    def _read(self, part: Literal["train", "test"], limit: int) -> Texts:
        from rekur.data.datasets import imdb, nsmc

        if self.data.set == "imdb":
            whole = imdb.load(part, self.data_dir)
        else:
            whole = nsmc.load(part, self.data_dir, sample=self.data.set == "nsmc-sample")
        if not limit or limit >= len(whole.labels):
            return whole
        rows = np.sort(self.generator(3).permutation(len(whole.labels))[:limit])
        return Texts(whole.texts[rows], whole.labels[rows])

    def _split(self, count: int) -> tuple[Rows, Rows]:
        seed = self.seed if self.data.split_seed < 0 else self.data.split_seed
        if self.data.split == "holdout":
            return splits.holdout(count, self.data.validation, seed)
        order = splits.numpy_permutation(count, seed)
        boundary = count - round(count * self.data.validation)
        return order[:boundary], order[boundary:]

    def _coding(self) -> Coding:
        if self.data.coding == "keras":
            return KerasCoding(self.data.num_words, self.data.skip_top)
        return make(self.data.tokenizer, self.data.max_words, self.data.min_count)

    def _encode(self, texts: Column) -> Ragged:
        tokens = self.coding.encode(texts)
        return tokens.cut(self.data.length, self.data.side) if self.data.length else tokens

    def files(self) -> dict[str, str]:
        files = {"vocabulary.json": self.coding.to_json(), "classes.json": json.dumps(self.classes)}
        if self.config.model.evidence:
            files["evidence.json"] = evidence.to_json(self.n_grams)
        return files

    def restore(self, files: Mapping[str, str]) -> None:
        self.unit, self.classes = self.data.unit, stored_names(files["classes.json"], "classes.json")
        if not self.classes or (self.unit and len(self.classes) != 2):
            raise DataError(f"classes.json: one unit tells two classes apart; got {len(self.classes)}.")
        if self.config.model.ballot and len(self.classes) < 2:
            raise DataError(f"classes.json: a ballot is held between two classes or more; got {len(self.classes)}.")
        self.coding = self._coding().from_json(files["vocabulary.json"])
        if self.config.model.evidence:
            self.n_grams = evidence.from_json(files["evidence.json"])

    def preprocessing(self) -> dict[str, Any]:
        data = self.data
        keras = {"num_words": data.num_words, "skip_top": data.skip_top, "dropped_below": 3}
        coded = {"tokenizer": data.tokenizer} if data.coding == "words" else {"tokenizer": "keras", **keras}
        return {
            **coded,
            "vocabulary": "vocabulary.json",
            "unknown": self.coding.unknown,
            "padding": 0,
            "longest": data.length or None,
            "cut_on": data.side,
            "padded_on": self._filled(),
            "padded_to": data.length if data.fixed else None,
            "lengths": data.mask,
            "answer": "sigmoid: p of the second class" if self.unit else "softmax of the first outputs, one a class: p",
            "classes": list(self.classes),
        }

    def architecture(self) -> Architecture:
        outputs = 1 if self.unit else max(self.data.classes, len(self.classes))
        return Architecture(
            self.config.model,
            outputs,
            tokens=self.coding.size,
            steps=self.data.length or None,
            unknown=self.coding.unknown,
            features=self.n_grams,
        )

    def build(self) -> nn.Module:
        if self.config.model.api == "numpy":
            from rekur.scratch import ScratchNetwork  # the one door from a recipe to the reference

            return ScratchNetwork(self.coding.size, self.config.model, self.config.training.truncate)
        from rekur import models

        return models.build(self.architecture(), self.evidence)

    def refits(self) -> Sequence[Refit]:
        used = json.loads(self.coding.to_json())
        alone = json.loads(self._coding().fit(self.texts["train"]).to_json())
        beyond = {"the validation texts, too": used} if self.data.vocabulary_on == "all" else {}  # what `load` fits on
        return [Refit("vocabulary", used, alone, beyond)]

    def features(self) -> Features | None:
        if self.sampled is not None:
            return None  # the table would not fit into memory either
        from scipy import sparse  # slow to load, and no prediction needs it

        tokens = self.tokens["train"]
        counts = sparse.csr_matrix(
            (np.ones(len(tokens.values)), tokens.values, tokens.offsets), (len(tokens), self.coding.size)
        )
        return Features(counts, self.labels["train"], lambda token: f"the word of id {token}")

    def batches(self, epoch: int) -> Sequence[Rows]:
        size, generator = self.config.training.batch, self.generator(1, epoch)
        if self.data.order == "bucketed":
            return batches.bucketed(self.tokens["train"].lengths, size, generator)
        return batches.shuffled(len(self.labels["train"]), size, generator)

    def chunks(self, part: str) -> Sequence[Rows]:
        return batches.thrifty(self.tokens[part].lengths, BATCH_TOKENS, 2 * self.config.training.batch)

    def inputs(self, part: str, rows: Rows) -> tuple[Rows, Rows | None]:
        return self._padded(self.tokens[part], rows)

    def training_inputs(self, rows: Rows) -> tuple[Inputs, Rows | None]:
        ids, lengths = self._padded(self.tokens["train"], rows)
        if not self.config.model.evidence:
            return ids, lengths
        ratios, _ = pad(self.read, rows, length=ids.shape[1], side=self._filled())
        return (ids, ratios), lengths

    def _padded(self, tokens: Ragged, rows: Rows) -> tuple[Rows, Rows | None]:
        length = self.data.length if self.data.fixed else None
        padded, lengths = pad(tokens, rows, length=length, side=self._filled())
        return padded, lengths if self.data.mask else None

    def _filled(self) -> Side:
        return "right" if self.data.mask else self.data.side  # a layer that knows lengths wants the padding behind

    def examples(self, rows: Rows) -> dict[str, Any]:
        return {"text": [text[:SHOWN] for text in self.texts["test"][rows]]}

    def sizes(self, model: Model) -> dict[str, float]:
        """Return the vocabulary, the tokens of a test text, and how many texts a second of processor time predicts.

        The texts come as they are, so that cutting them is part of it.
        """
        lengths = self.tokens["test"].lengths
        some = self.texts["test"].gather(np.flatnonzero(lengths)[:TIMED]).to_list()
        began = time.process_time()  # by the clock on the wall, whatever else runs would choose the unit
        self.predict(model, some)
        seconds = time.process_time() - began
        return {
            "vocabulary": self.coding.size,
            "tokens_per_text": float(lengths.mean()),
            "predictions_per_second": len(some) / seconds,
        }

    def baselines(self) -> dict[str, Outcome]:
        from rekur.evaluation.baselines import text as rivals  # scikit-learn loads as slowly as torch
        from rekur.evaluation.baselines.classes import majority

        truth, C = self.labels["test"], len(self.classes)
        train, test = self.texts["train"].to_list(), self.texts["test"].to_list()
        analyzer: Literal["word", "char"] = "char" if self._by_sign() else "word"
        labels = self.labels["train"] if self.sampled is None else self.labels["train"][self.sampled]
        counts = rivals.count(train, test, analyzer)
        guesses = {
            "majority": majority(labels, len(test), C),
            "TF-IDF + logistic regression": rivals.tfidf_logistic(counts, labels, C),
            "NB-SVM with bigrams": rivals.naive_bayes_svm(counts, labels, C),
        }
        return {name: outcomes.classification(truth, probability) for name, probability in guesses.items()}

    def _by_sign(self) -> bool:
        """Whether the rivals count characters, as suits Korean, and not words."""
        return "nsmc" in self.data.set or self.data.tokenizer in ("characters", "jamo")

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict the class of each text (str); raises DataError for one without a token the model can read."""
        for text in inputs:
            if not isinstance(text, str):
                raise DataError(f"A text must be a string; got {type(text).__name__}.")
        if not inputs:
            return []
        tokens = self._encode(few.column(inputs))
        if not tokens.lengths.all():
            place = int(np.argmin(tokens.lengths))
            raise DataError(
                f"Text {place + 1} of {len(inputs)} must hold a word the model can read; got {inputs[place][:40]!r}. "
                "Leave it out, or write more of it."
            )
        found: list[dict[str, Any]] = [{}] * len(inputs)
        steps = np.maximum(tokens.lengths, self.data.length if self.data.fixed else 0)
        model = for_many(model, int(steps.sum()))
        for rows in batches.thrifty(steps, BATCH_TOKENS, BATCH_TEXTS):
            described = self.describe(self._probability(model, *self._padded(tokens, rows)))
            for row, result in zip(rows, described, strict=True):
                found[row] = result
        return found
