"""The next character or word of a text: a language model, trained on chunks with the state carried between them."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.config import Settings
from rekur.data import running
from rekur.data.running import Units
from rekur.errors import ConfigError, DataError
from rekur.evaluation import outcomes
from rekur.evaluation.baselines import kneser_ney
from rekur.evaluation.outcomes import Outcome
from rekur.sampling import Sampling
from rekur.tasks import passages, writing
from rekur.tasks.base import State, Step, Task, Test, computed
from rekur.tasks.case import Case, Refit

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rekur.tasks.base import Model

Rows = NDArray[np.int64]

SAMPLE_LENGTH = {"characters": 400, "words": 80}
PROMPTS = ("The ", "KING ", "\n")
EVALUATION_STREAMS = 16
SAME_TEXT = "Training and test part are the same text: the figures measure memory, not how new text is read."


class GenerateData(Settings):
    """`[data]` of the task `generate`."""

    set: Literal["shakespeare", "wikitext2", "files", "given"] = "shakespeare"
    text: str = Field("", description="the text itself, with set = given; it is train and test part at once")
    train: str = Field("", description="with set = files: the path of a text in UTF-8")
    held_out: str = Field("", description="with set = files: the path of the test text; none: the end of `train`")
    unit: Literal["characters", "words"] = "characters"
    min_count: int = Field(1, ge=1, description="words: those seen less often in training are <unk>")
    characters: int = Field(0, ge=0, description="characters read; 0: all")
    chunk: int = Field(128, ge=1, le=10_000, description="steps between two updates; the state is carried across")
    validation: float = Field(
        0.05, ge=0, le=1, description="share of the text held out of training; of wikitext2, share of its own part read"
    )
    validation_at: Literal["start", "end"] = Field(
        "end", description="of the training text; the end leaves out what stands nearest to the test part"
    )
    test: float = Field(0.1, ge=0, lt=1, description="share held out at the end of a text that is one piece")
    target: Literal["next", "self"] = Field("next", description="self: the target is the input, chapter E's fault")
    temperature: float = Field(0.7, gt=0)


class Generate(Task):
    """A distribution over the next character or word at every step."""

    Data = GenerateData
    data: GenerateData
    metric: ClassVar[str] = "nats"
    higher_is_better: ClassVar[bool] = False
    paired_test: ClassVar[str] = "bootstrap"
    block: ClassVar[int] = 100  # characters or words drawn together: neighbours share words and speakers
    reads = frozenset(
        {
            "embedding",
            "dropout_embedding",
            "dropout_words",
            "tied",
            "cutoffs",
            "variational",
            "dropout_weights",
        }
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.words:
            self.metric = "word_perplexity"  # type: ignore[misc]

    @property
    def words(self) -> bool:
        """Whether a step is a word."""
        return self.data.unit == "words"

    @property
    def closed(self) -> bool:
        """Whether the text is given whole, so that there is no other character."""
        return self.data.set == "given"

    def faults(self) -> Iterator[str]:
        data, model = self.data, self.config.model
        if model.readout != "every":
            yield f'model.readout: {data.unit} are read at "every" step; got "{model.readout}".'
        if model.bidirectional:
            yield "model.bidirectional: read backwards, the next character is its own answer. Set it to false."
        if data.unit == "characters" and data.min_count > 1:
            yield 'data.min_count needs data.unit = "words". Leave it out.'
        if data.set == "given":
            if self.words:
                yield 'data.unit: a given text is read by "characters"; for words name a file: data.set = "files".'
            return
        if data.set == "files" and not data.train:
            yield 'data.train: with data.set = "files" it names the text to learn from, in UTF-8.'
        if data.set != "wikitext2" and not data.held_out and not data.test:
            yield "data.test must be above 0: the end of the text is what the model is judged on. Set it to 0.1."
        if data.set != "wikitext2" and data.validation + data.test >= 1:
            yield "data.validation and data.test must be less than 1 together, or nothing is left to train on."

    def load(self) -> None:
        self.text = passages.parts(self.data, self.data_dir)
        if self.closed:
            self.warnings.append(SAME_TEXT)
        self.units = self._fitted(self.text["train"])
        cut = {part: self.units.cut(text) for part, text in self.text.items()}
        if min(len(cut["train"]), len(cut["test"])) < 2 or len(cut["validation"]) == 1:
            sizes = ", ".join(f"{part} {len(units)}" for part, units in cut.items())
            raise ConfigError(f"Every part needs two or more {self.data.unit} ({sizes}). Give a longer text.")
        self.ids = {part: self.units.encode(units) for part, units in cut.items()}

    def _fitted(self, text: str) -> Units:
        """Return the characters or words of a training text."""
        if self.words:
            return running.Words.fit(text, self.data.set == "wikitext2", self.data.min_count)
        return running.Characters.fit(text, self.closed)

    def files(self) -> dict[str, str]:
        return {"vocabulary.json": self.units.to_json()}

    def restore(self, files: Mapping[str, str]) -> None:
        kinds = running.read_json(files["vocabulary.json"], self.data.unit.removesuffix("s"))
        if self.words:
            self.units = running.Words.of(kinds, self.data.set == "wikitext2")
        else:
            self.units = running.Characters.of(kinds, self.closed)

    def refits(self) -> Sequence[Refit]:
        again = self._fitted(self.text["train"])
        return [Refit("vocabulary", list(self.units.kinds), list(again.kinds))]

    def preprocessing(self) -> dict[str, Any]:
        return {
            "unit": self.data.unit,
            "vocabulary": "vocabulary.json",
            "unknown": self.units.unknown,
            "lengths": False,
            "state": True,
            "answer": "log-probabilities of the next unit, by its id",
        }

    def architecture(self) -> Architecture:
        V = self.units.size
        return Architecture(self.config.model, V, tokens=V, unknown=self.units.unknown)

    def batches(self, epoch: int) -> Sequence[Rows]:
        """Return the first position of each stream's chunk; streams run side by side through the text."""
        pairs = self._pairs("train")
        streams = min(self.config.training.batch, max(1, pairs // self.data.chunk))
        span = pairs // streams
        offset = int(self.generator(1, epoch).integers(0, self.data.chunk)) if span > 2 * self.data.chunk else 0
        starts = np.arange(streams) * span
        return [starts + at for at in range(offset, max(1, span - self.data.chunk + 1), self.data.chunk)]

    def _pairs(self, part: str) -> int:
        return len(self.ids[part]) - (1 if self.data.target == "next" else 0)

    def step(self, model: nn.Module, rows: Rows, state: State) -> Step:
        import torch

        inputs, targets = self._chunk(rows)
        if self.config.model.tied:
            loss, state = model.nats(inputs, targets, state)  # type: ignore[operator]
        else:
            output, state = model(inputs, None, state)
            loss = _cross_entropy(output, torch.from_numpy(targets).to(output.device))
        return Step(loss, targets.size, _detached(state))

    def case(self, rows: Rows) -> Case:
        inputs, targets = self._chunk(rows)
        return Case(inputs, None, targets, _cross_entropy, causal=True)

    def _chunk(self, rows: Rows) -> tuple[Rows, Rows]:
        return self._read("train", rows, min(self.data.chunk, self._pairs("train")))

    def _read(self, part: str, starts: Rows, steps: int) -> tuple[Rows, Rows]:
        ids = self.ids[part]
        at = starts[:, None] + np.arange(steps)  # (N, T)
        ahead = 1 if self.data.target == "next" else 0
        return ids[at], ids[at + ahead]

    def validate(self, model: Model) -> dict[str, float]:
        if not len(self.ids["validation"]):
            return {}
        return {"loss": float(self._nats(model, "validation").mean())}

    def _nats(self, model: Model, part: str) -> NDArray[np.float64]:
        """Return -log p of every unit that has one before it, in the order of the text.

        Streams run side by side, and each but the first reads a chunk before the units it is asked about.
        """
        pairs, chunk = self._pairs(part), self.data.chunk
        streams = max(1, min(EVALUATION_STREAMS, pairs // (4 * chunk)))
        span, before = -(-pairs // streams), chunk if streams > 1 else 0
        begins = np.minimum(np.arange(streams) * span, pairs - span)  # the last stream begins a little early
        starts = np.maximum(begins - before, 0)
        nats = np.empty(pairs)
        state: State = None
        for at in range(0, span + before, chunk):
            steps = min(chunk, span + before - at)
            inputs, targets = self._read(part, starts + at, steps)
            found, state = writing.nats(model, self.config.model, inputs, targets, state)
            places = (starts + at)[:, None] + np.arange(steps)
            asked = places >= begins[:, None]
            nats[places[asked]] = found[asked]
        return nats

    def test(self, model: Model) -> Test:
        import polars as pl

        nats = self._nats(model, "test")
        ahead = len(self.ids["test"]) - len(nats)
        truth = list(self.units.cut(self.text["test"]))[ahead:]
        predictions = pl.DataFrame({"id": np.arange(ahead, ahead + len(nats)), "truth": truth, "nats": nats})
        return Test(self._outcome(nats), predictions, extra=self._shown(model))

    def _outcome(self, nats: NDArray[np.float64]) -> Outcome:
        return outcomes.language(nats, "word" if self.words else "character")

    def _shown(self, model: Model) -> dict[str, Any]:
        if self.closed:
            return {"decoded": self._decode(model)}
        fitting = [p for p in PROMPTS if not self.units.unseen(self.units.cut(p))]
        return {"samples": [{"prompt": p, "text": self._continue(model, p)} for p in fitting]}

    def epoch_notes(self, model: Model) -> dict[str, Any]:
        """With a given text: the model's own reading of it, `decoded`, and whether every character is right."""
        if not self.closed:
            return {}
        decoded = self._decode(model)
        return {"decoded": decoded, "right": decoded == self.text["train"][-len(decoded) :]}

    def training_metrics(self, history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Add, with a given text, the first epoch that reads it right, and the one from which on all do."""
        metrics = super().training_metrics(history)
        wrong = [entry["epoch"] for entry in history if not entry.get("right", False)]
        right = [entry["epoch"] for entry in history if entry.get("right", False)]
        if right:
            metrics["first_right_epoch"] = min(right)
        if right and max(right) > max(wrong, default=-1):
            metrics["right_from_epoch"] = max(wrong, default=-1) + 1
        return metrics

    def _decode(self, model: Model) -> str:
        inputs, _ = self._read("train", np.zeros(1, dtype=np.int64), self._pairs("train"))
        output, _ = computed(model, inputs)
        return "".join(self.units.kinds[int(i)] for i in output[0].argmax(axis=1))

    def baselines(self) -> dict[str, Outcome]:
        train, test, V = self.ids["train"], self.ids["test"], self.units.size
        first = len(test) - self._pairs("test")  # the model says nothing of a first one
        guesses = {"unigram": kneser_ney.unigram(train, test, V)}
        if self.data.target == "self":
            guesses["repeat the character read"] = np.zeros(len(test))
        else:
            guesses["5-gram Kneser-Ney"] = kneser_ney.ngram(train, test, V, order=5)
        return {name: self._outcome(nats[first:]) for name, nats in guesses.items()}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Continue each text by up to 400 characters, or 80 words."""
        for prompt in inputs:
            if not isinstance(prompt, str) or not prompt:
                raise DataError(f"A prompt must be a text of at least one character; got {prompt!r}.")
        found = [{"prompt": p, "prediction": self._continue(model, p)} for p in inputs]
        return [item | ({"unknown": unread} if (unread := self.unread(item["prompt"])) else {}) for item in found]

    def unread(self, prompt: str) -> list[str]:
        """Return the words of a prompt that the model reads as <unk>, each once."""
        return self.units.unseen(self.units.cut(unicodedata.normalize("NFC", prompt)))

    def _continue(self, model: Model, prompt: str) -> str:
        written = self.write(model, prompt, Sampling(self.data.temperature), self.generator(2))
        return "".join(itertools.islice(written, SAMPLE_LENGTH[self.data.unit]))

    def write(self, model: Model, prompt: str, sampling: Sampling, generator: np.random.Generator) -> Iterator[str]:
        """Yield what the model writes behind `prompt`, a character or word at a time, without end.

        An empty prompt stands for the beginning of a line. Raises DataError where the model cannot read the prompt.
        """
        units = writing.checked(self.units, unicodedata.normalize("NFC", prompt))
        pieces = writing.write(model, self.units, units, sampling, generator)
        first = next(pieces)
        yield first.lstrip(" ") if self.words and (not prompt or prompt[-1].isspace()) else first
        yield from pieces


def _cross_entropy(output: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.cross_entropy(output.flatten(0, 1), targets.flatten())


def _detached(state: State) -> State:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
