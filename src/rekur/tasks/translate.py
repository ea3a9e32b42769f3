"""A sentence for each sentence: translation by an encoder and a decoder, words or subwords on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rekur import search
from rekur.architecture import Architecture
from rekur.data import batches
from rekur.data.batches import pad
from rekur.data.coding import Coding
from rekur.data.moses import detokenise, tokenise
from rekur.data.parallel import Part
from rekur.data.ragged import Ragged
from rekur.errors import DataError
from rekur.evaluation import bleu, outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.notation import UNKNOWN
from rekur.search import Written
from rekur.tasks import checks
from rekur.tasks.base import State, Step, Task, Test
from rekur.tasks.case import Case, Refit
from rekur.tasks.sentences import ParallelText, Rows, Sentences, TranslateData, contradictions

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor, nn

    from rekur.tasks.base import Model

GREEDY = 200  # validation sentences translated after an epoch: a second, where an epoch takes a minute
BATCH_TOKENS = 4_096  # source tokens translated at once, padding among them
EXAMPLES = 12
EDGES = (8, 11, 14, 18)  # source words of the last sentence in each class of lengths
UNKNOWN_WORD = "<unk>"


class Translation(Task):
    """Sentences of one language from those of another."""

    Data = TranslateData
    data: TranslateData
    metric: ClassVar[str] = "bleu"
    higher_is_better: ClassVar[bool] = True
    paired_test: ClassVar[str] = "bootstrap"
    reads = checks.WRITING | {"training.teacher_forcing", "training.teacher_forcing_end"}
    epoch = 0

    def faults(self) -> Iterator[str]:
        model = self.config.model
        if model.readout != "decoder":
            yield f'model.readout must be "decoder", which writes the translation; got "{model.readout}".'
        yield from contradictions(self.data)

    def load(self) -> None:
        bleu.require()
        self.text = ParallelText(self.data, self.data_dir, self.seed)
        self.text.load()
        self.warnings += self.text.warnings

    def files(self) -> dict[str, str]:
        return self.text.files()

    def restore(self, files: Mapping[str, str]) -> None:
        self.text = ParallelText(self.data, self.data_dir, self.seed)
        self.text.restore(files)

    def refits(self) -> Sequence[Refit]:
        names = ("vocabulary",) if self.data.shared else ("source vocabulary", "target vocabulary")
        used, again = (self.text.source, self.text.target), self.text.fitted()
        return [
            Refit(name, json.loads(had.to_json()), json.loads(alone.to_json()))
            for name, had, alone in zip(names, used, again, strict=False)
        ]

    def architecture(self) -> Architecture:
        return Architecture(
            self.config.model,
            self.text.target.size,
            tokens=self.text.source.size,
            unknown=UNKNOWN,
            shared=self.data.shared,
        )

    def preprocessing(self) -> dict[str, Any]:
        return {**self.text.preprocessing(), "lengths": True, "answer": "log-probabilities of the next id; end ends it"}

    # training

    def batches(self, epoch: int) -> Sequence[Rows]:
        self.epoch = epoch
        source, target = (side.lengths for side in self.text.ids["train"])
        alike = target * (int(source.max(initial=0)) + 1) + source  # by the target's length, then by the source's
        return batches.bucketed(alike, self.config.training.batch, self.generator(1, epoch))

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:  # noqa: ARG002
        source, lengths, read, target = self.text.batch("train", rows)
        read = self._partly_its_own(model, source, lengths, read, rows)
        smoothing = self.config.training.label_smoothing
        return Step(model.nats((source, read), lengths, target, smoothing), int(np.count_nonzero(target)))  # type: ignore[operator]

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
        source, lengths, read, target = self.text.batch("train", rows)
        return Case((source, read), lengths, target, _cross_entropy, causal=True)

    def validate(self, model: Model) -> dict[str, float]:
        if not len(self.text.texts["validation"]):
            return {}
        import torch

        nats, count = 0.0, 0
        with torch.inference_mode():
            for rows in _chunks(self.text.ids["validation"][1].lengths, self.config.training.batch):
                source, lengths, read, target = self.text.batch("validation", rows)
                scores: Any = model((source, read), lengths)[0]
                words = int(np.count_nonzero(target))
                nats += float(_cross_entropy(scores, torch.from_numpy(target).to(scores.device))) * words
                count += words
        rows = np.arange(min(GREEDY, len(self.text.texts["validation"])))
        written = self._sentences(self._write(model, "validation", rows, 1), "validation", rows)
        return {"loss": nats / count, "bleu": self._score(written, "validation", rows).metrics["bleu"]}

    # translating

    def _write(self, model: Model, part: Part, rows: Rows, width: int) -> list[Written]:
        ids = self.text.ids[part][0]
        return self._search(model, Ragged.of([ids[row] for row in rows]), width)

    def _search(self, model: Model, ids: Ragged, width: int) -> list[Written]:
        """Translate source ids (N rows), rows of like length together; attention is of the source as it stood."""
        found: list[Any] = [None] * len(ids)
        for rows in batches.thrifty(np.maximum(ids.lengths, 1) * width, BATCH_TOKENS):
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
        return [self._words(one, self.text.words[part][0][row]) for one, row in zip(written, rows, strict=True)]

    def _words(self, written: Written, source: list[str]) -> list[str]:
        """Return what was written, as words; an unknown one is the source word most attended to (Luong et al. 2015)."""
        if self.data.unit != "words":
            return self.text.target.decode([written.ids])[0].split()
        named = self.text.target.decode([[word] for word in written.ids])
        for place, word in enumerate(written.ids):
            if word == UNKNOWN:
                looked = written.attention
                named[place] = UNKNOWN_WORD if looked is None else source[int(looked[place].argmax())]
        return named

    def _score(self, sentences: Sentences, part: Part, rows: Rows) -> Outcome:
        references = [self.text.texts[part].target[row] for row in rows]
        return outcomes.translation(
            [self.text.written(words) for words in sentences], references, self.data.form == "tokenised"
        )

    def test(self, model: Model) -> Test:
        import polars as pl

        rows = np.arange(len(self.text.texts["test"]))
        written = self._write(model, "test", rows, self.data.beam)
        sentences = self._sentences(written, "test", rows)
        outcome, rival = self._score(sentences, "test", rows), self._rivals["word-by-word dictionary"]
        predictions = pl.DataFrame(
            {
                "id": rows,
                "source": self.text.texts["test"].source,
                "truth": self.text.texts["test"].target,
                "prediction": [self.text.written(words) for words in sentences],
                "bleu": outcome.items,
                "log_probability": [one.log_probability for one in written],
            }
        )
        examples = self.generator(6).permutation(len(rows))[:EXAMPLES]
        rivals = [self.text.written(words) for words in rival]
        tables = {
            "translations": predictions[examples].with_columns(pl.Series("rival", [rivals[n] for n in examples])),
            "lengths": self._by_length(outcome, self._score(rival, "test", rows)),
        }
        if written[0].attention is not None:
            tables["attention"] = self._looked([written[n] for n in examples], examples)
        return Test(outcome, predictions, tables)

    def _looked(self, written: Sequence[Written], rows: Rows) -> pl.DataFrame:
        """Return, for each example, the source and target tokens and the weights (T*S,) between them."""
        import polars as pl

        ids = self.text.ids["test"][0]
        sources = [ids[row][::-1] if self.data.reverse else ids[row] for row in rows]
        return pl.DataFrame(
            {
                "id": rows,
                "source": [_named(self.text.source, source) for source in sources],
                "target": [_named(self.text.target, one.ids) + ["</s>"] * one.ended for one in written],
                "weight": [[] if one.attention is None else one.attention.ravel().tolist() for one in written],
            }
        )

    def _by_length(self, ours: Outcome, rival: Outcome) -> pl.DataFrame:
        """Return the BLEU of test sentences of like length, ours and the rival's."""
        import polars as pl

        words = np.array([len(source) for source in self.text.words["test"][0]])
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

        train, (test, _) = self.text.words["train"], self.text.words["test"]
        return {
            "copy the source": rivals.copied(test),
            "word-by-word dictionary": rivals.word_by_word(test, rivals.dictionary(*train)),
        }

    def baselines(self) -> dict[str, Outcome]:
        rows = np.arange(len(self.text.texts["test"]))
        return {name: self._score(sentences, "test", rows) for name, sentences in self._rivals.items()}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Translate each sentence (str), as a person writes it; DataError for one of no word, or of too many.

        Words that were never seen are unknown to the model; "warning" says so of a sentence that holds no other.
        """
        sentences = [self._checked(text, place, len(inputs)) for place, text in enumerate(inputs, 1)]
        ids = self.text.encode(sentences)
        found = []
        for row, one in enumerate(self._search(model, ids, self.data.beam)):
            words = self._words(one, sentences[row])
            result: dict[str, Any] = {
                "prediction": detokenise(words),
                "words": words,
                "log_probability": one.log_probability,
            }
            if not self.text.source.decode([ids[row].tolist()])[0].strip():
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


def _named(coding: Coding, ids: Iterable[int]) -> list[str]:
    return [name or UNKNOWN_WORD for name in coding.decode([[int(token)] for token in ids])]


def _chunks(lengths: Rows, size: int) -> list[Rows]:
    order = np.argsort(lengths, kind="stable")
    return [order[at : at + size] for at in range(0, len(order), size)]


def _cross_entropy(scores: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean over the words that are to be written; padding (0) is none."""
    from torch.nn import functional as F

    return F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=0, label_smoothing=smoothing)
