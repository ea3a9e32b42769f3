"""The next character of a text: a language model, trained on chunks with the state carried between them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.config import Settings
from rekur.errors import ConfigError, DataError
from rekur.evaluation import outcomes
from rekur.evaluation.baselines import characters as rivals
from rekur.evaluation.outcomes import Outcome
from rekur.inference import log_softmax, softmax
from rekur.tasks.base import State, Step, Task, Test, computed
from rekur.tasks.case import Case

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rekur.tasks.base import Model

Rows = NDArray[np.int64]

SAMPLE_LENGTH = 400
EVALUATION_STREAMS = 16
SAME_TEXT = "Training and test part are the same text: the figures measure memory, not how new text is read."


class CharactersData(Settings):
    """`[data]` of the task `characters`."""

    set: Literal["shakespeare", "given"] = "shakespeare"
    text: str = Field("", description="the text itself, with set = given; it is train and test part at once")
    characters: int = Field(0, ge=0, description="characters read; 0: all")
    chunk: int = Field(128, ge=1, le=10_000, description="steps between two updates; the state is carried across")
    validation: float = Field(0.05, ge=0, lt=1)
    test: float = Field(0.1, ge=0, lt=1, description="share held out at the end of the text")
    target: Literal["next", "self"] = Field("next", description="self: the target is the input, chapter E's fault")
    temperature: float = Field(0.7, gt=0)


class NextCharacter(Task):
    """A distribution over the next character at every step."""

    Data = CharactersData
    data: CharactersData
    metric: ClassVar[str] = "nats"
    higher_is_better: ClassVar[bool] = False
    paired_test: ClassVar[str] = "bootstrap"
    block: ClassVar[int] = 100  # characters drawn together: neighbours share words and speakers
    reads = frozenset({"embedding", "dropout_embedding", "dropout_words"})

    def faults(self) -> Iterator[str]:
        data, model = self.data, self.config.model
        if model.readout != "every":
            yield f'model.readout: characters are read at "every" step; got "{model.readout}".'
        if model.bidirectional:
            yield "model.bidirectional: read backwards, the next character is its own answer. Set it to false."
        if data.set == "given":
            return
        if not data.test:
            yield "data.test must be above 0: the end of the text is what the model is judged on. Set it to 0.1."
        if data.validation + data.test >= 1:
            yield "data.validation and data.test must be less than 1 together, or nothing is left to train on."

    def load(self) -> None:
        from rekur.data.datasets import shakespeare

        text = self.data.text if self.data.set == "given" else shakespeare.load(self.data_dir)
        text = text[: self.data.characters or None]
        if len(text) < 2:
            raise ConfigError("data.text: a text of at least two characters is needed; got a shorter one.")
        self._cut(text)
        if min(len(self.text["train"]), len(self.text["test"])) < 2 or len(self.text["validation"]) == 1:
            raise ConfigError(f"data.characters: {len(text)} are too few for parts of two or more. Read more.")
        self._name_characters(sorted(set(self.text["train"])))
        self.ids = {part: self._encode(text) for part, text in self.text.items()}

    def _cut(self, text: str) -> None:
        if self.data.set == "given":
            self.text = {"train": text, "validation": "", "test": text}
            self.warnings.append(SAME_TEXT)
            return
        held = len(text) - round(len(text) * self.data.test)
        fitted = held - round(len(text) * self.data.validation)
        self.text = {"train": text[:fitted], "validation": text[fitted:held], "test": text[held:]}

    def _name_characters(self, characters: Sequence[str]) -> None:
        self.characters = list(characters)  # id -> character; the last id, V-1, is any other character
        self.index = {character: i for i, character in enumerate(self.characters)}
        self.closed = self.data.set == "given"
        self.V = len(self.characters) + (0 if self.closed else 1)

    def _encode(self, text: str) -> NDArray[np.int64]:
        unknown = self.V - 1
        return np.array([self.index.get(character, unknown) for character in text], dtype=np.int64)

    def files(self) -> dict[str, str]:
        return {"vocabulary.json": json.dumps({"characters": self.characters}, ensure_ascii=False)}

    def restore(self, files: Mapping[str, str]) -> None:
        self._name_characters(json.loads(files["vocabulary.json"])["characters"])

    def architecture(self) -> Architecture:
        return Architecture(self.config.model, self.V, tokens=self.V, unknown=self.V - 1)

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
        if not self.text["validation"]:
            return {}
        return {"loss": float(self._nats(model, "validation").mean())}

    def _nats(self, model: Model, part: str) -> NDArray[np.float64]:
        """Return -log p of every character that has one before it, in the order of the text."""
        pairs = self._pairs(part)
        streams = max(1, min(EVALUATION_STREAMS, pairs // (4 * self.data.chunk)))
        span = -(-pairs // streams)
        starts = np.minimum(np.arange(streams) * span, pairs - span)  # the last stream begins a little early
        nats = np.empty(pairs)
        state: State = None
        for at in range(0, span, self.data.chunk):
            steps = min(self.data.chunk, span - at)
            inputs, targets = self._read(part, starts + at, steps)
            output, state = computed(model, inputs, None, state)
            chosen = np.take_along_axis(log_softmax(output.astype(np.float64)), targets[..., None], axis=2)
            nats[(starts + at)[:, None] + np.arange(steps)] = -chosen[..., 0]
        return nats

    def test(self, model: Model) -> Test:
        import polars as pl

        nats = self._nats(model, "test")
        ahead = len(self.ids["test"]) - len(nats)
        predictions = pl.DataFrame(
            {
                "id": np.arange(ahead, ahead + len(nats)),
                "truth": list(self.text["test"][ahead:]),
                "nats": nats,
            }
        )
        return Test(outcomes.language(nats), predictions, extra=self._shown(model))

    def _shown(self, model: Model) -> dict[str, Any]:
        if self.closed:
            return {"decoded": self._decode(model)}
        prompts = ("The ", "KING ", "\n")
        return {"samples": [{"prompt": p, "text": self._continue(model, p, SAMPLE_LENGTH)} for p in prompts]}

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
        return "".join(self.characters[int(i)] for i in output[0].argmax(axis=1))

    def _continue(self, model: Model, prompt: str, length: int) -> str:
        generator, ids, state, text = self.generator(2), self._encode(prompt), None, ""
        for drawn in generator.random(length):
            output, state = computed(model, ids[None], None, state)
            logits = output[0, -1, : len(self.characters)].astype(np.float64) / self.data.temperature
            ids = np.searchsorted(np.cumsum(softmax(logits))[:-1], [drawn], side="right")
            text += self.characters[int(ids[0])]
        return text

    def baselines(self) -> dict[str, Outcome]:
        train, test = self.ids["train"], self.ids["test"]
        first = len(test) - self._pairs("test")  # the model says nothing of a first character
        guesses = {"unigram": rivals.unigram(train, test, self.V)}
        if self.data.target == "self":
            guesses["repeat the character read"] = np.zeros(len(test))
        else:
            guesses["5-gram counts"] = rivals.ngram(train, test, self.V, order=5)
        return {name: outcomes.language(nats[first:]) for name, nats in guesses.items()}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Continue each text by up to 400 characters."""
        for prompt in inputs:
            if not isinstance(prompt, str) or not prompt:
                raise DataError(f"A prompt must be a text of at least one character; got {prompt!r}.")
        return [{"prompt": p, "prediction": self._continue(model, p, SAMPLE_LENGTH)} for p in inputs]


def _cross_entropy(output: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional as F

    return F.cross_entropy(output.flatten(0, 1), targets.flatten())


def _detached(state: State) -> State:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
