"""A sentence for each sentence: translation by an encoder and a decoder, words or subwords on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from rekur import search
from rekur.architecture import Architecture
from rekur.config import Settings
from rekur.data import batches, coding, parallel
from rekur.data.batches import pad
from rekur.data.coding import Coding
from rekur.data.moses import detokenise, tokenise
from rekur.data.parallel import PARTS, Pairs, Part
from rekur.data.ragged import Ragged
from rekur.errors import DataError
from rekur.evaluation import bleu, outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.notation import END, START, UNKNOWN
from rekur.search import Written
from rekur.tasks.base import State, Step, Task, Test
from rekur.tasks.case import Case, Refit

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rekur.tasks.base import Model

Rows = NDArray[np.int64]
Sentences = list[list[str]]  # of words

GREEDY = 200  # validation sentences translated after an epoch: a second, where an epoch takes a minute
BATCH_TOKENS = 4_096  # source tokens translated at once, padding among them
EXAMPLES = 12
EDGES = (8, 11, 14, 18)  # source words of the last sentence in each class of lengths
UNKNOWN_WORD = "<unk>"


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
    unit: Literal["words", "bpe", "unigram"] = "words"
    max_words: int = Field(0, ge=0, description="words kept, the most frequent, or subwords; 0: all, or 8,000")
    max_target_words: int = Field(0, ge=0, description="the same of the target; 0: as max_words")
    min_count: int = Field(1, ge=1, description="words seen less often are unknown (unit words)")
    shared: bool = Field(False, description="one vocabulary, and one table of vectors, for both sides")
    reverse: bool = Field(False, description="the source is read from its end (Sutskever et al. 2014)")
    longest: int = Field(100, ge=1, le=1000, description="words of a sentence at most; longer ones are not trained on")
    beam: int = Field(5, ge=1, le=100, description="sentences kept in the search; 1: greedy")
    length_penalty: float = Field(1.0, ge=0, description="sentences are compared by log p / length^this")
    max_train: int = Field(0, ge=0, description="pairs read; 0: all")
    max_test: int = Field(0, ge=0)


class Translation(Task):
    """Sentences of one language from those of another."""

    Data = TranslateData
    data: TranslateData
    metric: ClassVar[str] = "bleu"
    higher_is_better: ClassVar[bool] = True
    paired_test: ClassVar[str] = "bootstrap"
    reads = frozenset(
        {
            "embedding",
            "dropout_embedding",
            "dropout_words",
            "decoder_hidden",
            "decoder_layers",
            "attention",
            "input_feeding",
            "tied",
            "training.label_smoothing",
            "training.teacher_forcing",
            "training.teacher_forcing_end",
        }
    )
    epoch = 0

    def faults(self) -> Iterator[str]:
        data, model = self.data, self.config.model
        if model.readout != "decoder":
            yield f'model.readout must be "decoder", which writes the translation; got "{model.readout}".'
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
            if data.set == "files" and (any(sides) or part != "validation") and not all(sides):
                yield f"data.{part}_source and data.{part}_target must both name a file."

    # data

    def load(self) -> None:
        bleu.require()
        self.texts = {part: self._read(part) for part in PARTS}
        self.words = {part: self._cut(part) for part in PARTS}
        self._drop_long()
        self._name_words(*self._fitted())
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

    def _fitted(self) -> tuple[Coding, Coding]:
        source, target = ([" ".join(words) for words in side] for side in self.words["train"])
        if self.data.shared:
            both = self._coding(self.data.max_words).fit(pl.Series([*source, *target], dtype=pl.String))
            return both, both
        sizes = self.data.max_words, self.data.max_target_words or self.data.max_words
        texts = (pl.Series(side, dtype=pl.String) for side in (source, target))
        first, second = (self._coding(size).fit(side) for size, side in zip(sizes, texts, strict=True))
        return first, second

    def _coding(self, size: int) -> Coding:
        unit = "spaces" if self.data.unit == "words" else self.data.unit
        return coding.make(unit, size, self.data.min_count, marks=True)

    def _name_words(self, source: Coding, target: Coding) -> None:
        self.source, self.target = source, target

    def _encode_both(self, part: Part) -> tuple[Ragged, Ragged]:
        source, target = self.words[part]
        return self._encode(source), self.target.encode(_joined(target))

    def _encode(self, sentences: Sentences) -> Ragged:
        ids = self.source.encode(_joined(sentences))
        return ids.backwards() if self.data.reverse else ids

    def files(self) -> dict[str, str]:
        if self.data.shared:
            return {"vocabulary.json": self.source.to_json()}
        return {"source_vocabulary.json": self.source.to_json(), "target_vocabulary.json": self.target.to_json()}

    def restore(self, files: Mapping[str, str]) -> None:
        empty = self._coding(self.data.max_words)
        if self.data.shared:
            both = empty.from_json(files["vocabulary.json"])
            self._name_words(both, both)
        else:
            names = ("source_vocabulary.json", "target_vocabulary.json")
            self._name_words(*(empty.from_json(files[name]) for name in names))

    def refits(self) -> Sequence[Refit]:
        again = [coding.to_json() for coding in self._fitted()]
        names = ["vocabulary"] if self.data.shared else ["source vocabulary", "target vocabulary"]
        used = (self.source, self.target)
        return [
            Refit(name, json.loads(had.to_json()), json.loads(alone))
            for name, had, alone in zip(names, used, again, strict=False)
        ]

    def architecture(self) -> Architecture:
        return Architecture(
            self.config.model, self.target.size, tokens=self.source.size, unknown=UNKNOWN, shared=self.data.shared
        )

    # training

    def batches(self, epoch: int) -> Sequence[Rows]:
        self.epoch = epoch
        source, target = (side.lengths for side in self.ids["train"])
        alike = target * (int(source.max(initial=0)) + 1) + source  # by the target's length, then by the source's
        return batches.bucketed(alike, self.config.training.batch, self.generator(1, epoch))

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:  # noqa: ARG002
        source, lengths, read, target = self._batch("train", rows)
        read = self._partly_its_own(model, source, lengths, read, rows)
        smoothing = self.config.training.label_smoothing
        return Step(model.nats((source, read), lengths, target, smoothing), int(np.count_nonzero(target)))  # type: ignore[operator]

    def _batch(self, part: Part, rows: Rows) -> tuple[Rows, Rows, Rows, Rows]:
        """Return the source (N, S), its lengths (N,), what the decoder reads (N, T), and what it is to write."""
        sources, targets = self.ids[part]
        source, lengths = pad(sources, rows)
        words, count = pad(targets, rows)
        start = np.full((len(rows), 1), START)
        target = np.concatenate([words, np.zeros_like(start)], axis=1)
        target[np.arange(len(rows)), count] = END
        return source, lengths, np.concatenate([start, words], axis=1), target

    def _partly_its_own(self, model: nn.Module, source: Rows, lengths: Rows, read: Rows, rows: Rows) -> Rows:
        """Return `read` with some true words replaced by those the model would write there.

        A pass without a gradient gives the model's own words at every step at once, and the next pass reads the
        mixture: parallel scheduled sampling (Mihaylova and Martins 2019, Duckworth et al. 2019).
        """
        share = self._forced_share()
        if share >= 1:
            return read
        import torch

        with torch.no_grad():
            scores, _ = model((source, read), lengths)
        own = np.concatenate([read[:, :1], scores.argmax(dim=2).cpu().numpy()[:, :-1]], axis=1)
        forced = self.generator(5, self.epoch, int(rows[0])).random(read.shape) < share
        return np.where(forced, read, own)

    def _forced_share(self) -> float:
        """The share of true words read in this epoch: linear from teacher_forcing to teacher_forcing_end."""
        settings = self.config.training
        way = min(1.0, self.epoch / max(1, settings.epochs - 1))
        return settings.teacher_forcing + way * (settings.teacher_forcing_end - settings.teacher_forcing)

    def case(self, rows: Rows) -> Case:
        source, lengths, read, target = self._batch("train", rows)
        return Case((source, read), lengths, target, _cross_entropy)

    def validate(self, model: Model) -> dict[str, float]:
        if not len(self.texts["validation"]):
            return {}
        import torch

        nats, count = 0.0, 0
        with torch.inference_mode():
            for rows in _chunks(self.ids["validation"][1].lengths, self.config.training.batch):
                source, lengths, read, target = self._batch("validation", rows)
                scores: Any = model((source, read), lengths)[0]
                words = int(np.count_nonzero(target))
                nats += float(_cross_entropy(scores, torch.from_numpy(target).to(scores.device))) * words
                count += words
        rows = np.arange(min(GREEDY, len(self.texts["validation"])))
        written = self._sentences(self._write(model, "validation", rows, 1), "validation", rows)
        return {"loss": nats / count, "bleu": self._score(written, "validation", rows).metrics["bleu"]}

    # translating

    def _write(self, model: Model, part: Part, rows: Rows, width: int) -> list[Written]:
        ids = self.ids[part][0]
        return self._search(model, Ragged.of([ids[row] for row in rows]), width)

    def _search(self, model: Model, ids: Ragged, width: int) -> list[Written]:
        """Translate source ids (N rows), rows of like length together; attention is of the source as it stood."""
        found: list[Any] = [None] * len(ids)
        for rows in _thrifty(ids.lengths, width):
            source, lengths = pad(ids, rows)
            longest = np.minimum(2 * lengths + 10, 2 * self.data.longest)
            penalty = self.data.length_penalty
            written = search.beam(model, source, lengths, width=width, longest=longest, penalty=penalty)  # type: ignore[arg-type]
            for row, one in zip(rows, written, strict=True):
                found[row] = self._forwards(one, int(ids.lengths[row]))
        return found

    def _forwards(self, written: Written, length: int) -> Written:
        if written.attention is None:
            return written
        seen = written.attention[:, :length]
        return Written(
            written.ids, written.log_probability, seen[:, ::-1] if self.data.reverse else seen, written.ended
        )

    def _sentences(self, written: Sequence[Written], part: Part, rows: Rows) -> Sentences:
        return [self._words(one, self.words[part][0][row]) for one, row in zip(written, rows, strict=True)]

    def _words(self, written: Written, source: list[str]) -> list[str]:
        """Return what was written, as words; an unknown one is the source word most attended to (Luong et al. 2015)."""
        if self.data.unit != "words":
            return self.target.decode([written.ids])[0].split()
        named = self.target.decode([[word] for word in written.ids])
        for place, word in enumerate(written.ids):
            if word == UNKNOWN:
                looked = written.attention
                named[place] = UNKNOWN_WORD if looked is None else source[int(looked[place].argmax())]
        return named

    def _score(self, sentences: Sentences, part: Part, rows: Rows) -> Outcome:
        references = [self.texts[part].target[row] for row in rows]
        return outcomes.translation(
            [self._text(words) for words in sentences], references, self.data.form == "tokenised"
        )

    def _text(self, words: list[str]) -> str:
        """Return words as the references are written."""
        return " ".join(words) if self.data.form == "tokenised" else detokenise(words)

    def test(self, model: Model) -> Test:
        rows = np.arange(len(self.texts["test"]))
        written = self._write(model, "test", rows, self.data.beam)
        sentences = self._sentences(written, "test", rows)
        outcome, rival = self._score(sentences, "test", rows), self._rivals["word-by-word dictionary"]
        predictions = pl.DataFrame(
            {
                "id": rows,
                "source": self.texts["test"].source,
                "truth": self.texts["test"].target,
                "prediction": [self._text(words) for words in sentences],
                "bleu": outcome.items,
                "log_probability": [one.log_probability for one in written],
            }
        )
        examples = self.generator(6).permutation(len(rows))[:EXAMPLES]
        rivals = [self._text(words) for words in rival]
        tables = {
            "translations": predictions[examples].with_columns(pl.Series("rival", [rivals[n] for n in examples])),
            "lengths": self._by_length(outcome, self._score(rival, "test", rows)),
        }
        if written[0].attention is not None:
            tables["attention"] = self._looked([written[n] for n in examples], examples)
        return Test(outcome, predictions, tables)

    def _looked(self, written: Sequence[Written], rows: Rows) -> pl.DataFrame:
        """Return, for each example, the source and target tokens and the weights (T*S,) between them."""
        ids = self.ids["test"][0]
        sources = [ids[row][::-1] if self.data.reverse else ids[row] for row in rows]
        return pl.DataFrame(
            {
                "id": rows,
                "source": [_named(self.source, source) for source in sources],
                "target": [_named(self.target, one.ids) + ["</s>"] * one.ended for one in written],
                "weight": [[] if one.attention is None else one.attention.ravel().tolist() for one in written],
            }
        )

    def _by_length(self, ours: Outcome, rival: Outcome) -> pl.DataFrame:
        """Return the BLEU of test sentences of like length, ours and the rival's."""
        words = np.array([len(source) for source in self.words["test"][0]])
        place = np.searchsorted(EDGES, words)
        found = []
        for part in np.unique(place):
            rows = place == part
            scores = (float(bleu.bleu(one.details["bleu"][rows].sum(0)[None])[0]) for one in (ours, rival))
            found.append((int(words[rows].min()), int(words[rows].max()), int(rows.sum()), *scores))
        return pl.DataFrame(found, schema=["from", "to", "sentences", "bleu", "rival"], orient="row")

    @cached_property
    def _rivals(self) -> dict[str, Sentences]:
        from rekur.evaluation.baselines import translation as rivals

        train, (test, _) = self.words["train"], self.words["test"]
        return {
            "copy the source": rivals.copied(test),
            "word-by-word dictionary": rivals.word_by_word(test, rivals.dictionary(*train)),
        }

    def baselines(self) -> dict[str, Outcome]:
        rows = np.arange(len(self.texts["test"]))
        return {name: self._score(sentences, "test", rows) for name, sentences in self._rivals.items()}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Translate each sentence (str), as a person writes it; DataError for one of no word, or of too many.

        Words that were never seen are unknown to the model; "warning" says so of a sentence that holds no other.
        """
        sentences = [self._checked(text, place, len(inputs)) for place, text in enumerate(inputs, 1)]
        ids = self._encode(sentences)
        found = []
        for row, one in enumerate(self._search(model, ids, self.data.beam)):
            words = self._words(one, sentences[row])
            result: dict[str, Any] = {
                "prediction": detokenise(words),
                "words": words,
                "log_probability": one.log_probability,
            }
            if (ids[row] == UNKNOWN).all():
                result["warning"] = f"No word of sentence {row + 1} was seen in training: its translation is a guess."
            found.append(result)
        return found

    def _checked(self, text: Any, place: int, count: int) -> list[str]:
        if not isinstance(text, str):
            raise DataError(f"A sentence must be a string; got {type(text).__name__}.")
        words, longest = tokenise(text, self.data.source), self.data.longest
        if not 1 <= len(words) <= longest:
            raise DataError(
                f"Sentence {place} of {count} must have 1 to {longest} words; got {len(words)}. "
                + ("Cut it into sentences." if words else "Leave it out, or write one.")
            )
        return words


def _joined(sentences: Sentences) -> pl.Series:
    return pl.Series([" ".join(words) for words in sentences], dtype=pl.String)


def _named(coding: Coding, ids: Iterable[int]) -> list[str]:
    return [name or UNKNOWN_WORD for name in coding.decode([[int(token)] for token in ids])]


def _chunks(lengths: Rows, size: int) -> list[Rows]:
    order = np.argsort(lengths, kind="stable")
    return [order[at : at + size] for at in range(0, len(order), size)]


def _thrifty(lengths: Rows, width: int) -> list[Rows]:
    """Cut the rows, short ones first, into batches of few tokens in all the sentences that a beam keeps."""
    found: list[list[int]] = [[]]
    for row in np.argsort(lengths, kind="stable"):
        if found[-1] and (len(found[-1]) + 1) * max(1, lengths[row]) * width > BATCH_TOKENS:
            found.append([])
        found[-1].append(row)
    return [np.array(rows) for rows in found if rows]


def _cross_entropy(scores: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean over the words that are to be written; padding (0) is none."""
    from torch.nn import functional as F

    return F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=0, label_smoothing=smoothing)
