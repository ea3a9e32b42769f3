"""`rekur.Tagger`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from rekur.config import Config, ModelSettings, RecipeInfo, TrainingSettings
from rekur.config import check as checked
from rekur.data.columns import Sentence
from rekur.estimators.base import CLIP, ENOUGH, GIVEN, Cell, Recurrent
from rekur.estimators.fitting import refusing


class Tagger(Recurrent):
    """A tag for every word: X holds sentences, each a text with blanks between its words or a list of words.

    >>> import rekur
    >>> X, y = ["a cat sleeps", "the dog eats"] * 10, [["DET", "NOUN", "VERB"]] * 20
    >>> model = rekur.Tagger(hidden=8, epochs=8, random_state=0).fit(X, y)
    >>> model.predict(["the cat eats"])
    [['DET', 'NOUN', 'VERB']]
    """

    def __init__(
        self,
        *,
        cell: Cell = "lstm",
        hidden: int = 64,
        layers: int = 1,
        embedding: int = 64,
        characters: int = 24,
        crf: bool = False,
        dropout: float = 0.4,
        min_count: int = 1,
        learning_rate: float = 0.005,
        batch: int = 16,
        epochs: int = 40,
        patience: int = 8,
        validation: float = 0.15,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell = cell
        self.hidden = hidden
        self.layers = layers
        self.embedding = embedding
        self.characters = characters
        self.crf = crf
        self.dropout = dropout
        self.min_count = min_count
        self.learning_rate = learning_rate
        self.batch = batch
        self.epochs = epochs
        self.patience = patience
        self.validation = validation
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        tags.target_tags.required, tags.target_tags.one_d_labels = True, False
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Train on sentences and the tags of each: y holds a list of tags for every one."""
        with refusing():
            sentences = _words(X)
        if y is None:
            raise ValueError("A tagger requires y to be passed, but the target y is None.")
        check_consistent_length(sentences, y)
        given = [_tagged(words, tags, place) for place, (words, tags) in enumerate(zip(sentences, y, strict=True))]
        self.classes_ = np.array(sorted({tag for sentence in given for tag in sentence.tags}))
        with refusing():
            config = self._config(len(given))
        return self._fit(config, given)

    def predict(self, X: Any) -> list[list[str]]:
        """Return the tags of each sentence, one a word."""
        check_is_fitted(self)
        with refusing():
            said = self._opened.task.predict(self._opened.model, _words(X))
        return [item["prediction"] for item in said]

    def predict_proba(self, X: Any) -> list[NDArray[np.float64]]:
        """Return the probabilities (T, C) of each sentence's tags, in the order of `classes_`.

        Raises ValueError for a model with a conditional random field, which has none.
        """
        check_is_fitted(self)
        with refusing():
            found: list[NDArray[np.float64]] = self._opened.task.chances(self._opened.model, _words(X))
        return found

    def score(self, X: Any, y: Any) -> float:
        """Return the share of words whose tag is right."""
        said = self.predict(X)
        check_consistent_length(said, y)
        right = [a == str(b) for found, tags in zip(said, y, strict=True) for a, b in zip(found, tags, strict=True)]
        return float(np.mean(right))

    def _config(self, count: int) -> Config:
        held = self.validation if count >= ENOUGH else 0.0
        model = {
            "cell": self.cell,
            "hidden": self.hidden,
            "layers": self.layers,
            "bidirectional": True,
            "readout": "every",
            "embedding": self.embedding,
            "characters": self.characters,
            "crf": self.crf,
            "variational": True,
            "dropout_embedding": self.dropout,
            "dropout_readout": self.dropout,
            "dropout_layers": self.dropout if self.layers > 1 else 0.0,
        }
        training = {
            "learning_rate": self.learning_rate,
            "batch": self.batch,
            "epochs": self.epochs,
            "patience": self.patience if held else 0,
            "keep": "best" if held else "last",
            "clip": CLIP,
        }
        return Config(
            recipe=RecipeInfo(name="Tagger", title="Fitted in Python", task="tag"),  # type: ignore[call-arg]
            data={"set": "files", "train": GIVEN, "min_count": self.min_count, "validation": held},
            model=checked(ModelSettings, model, ""),
            training=checked(TrainingSettings, training, ""),
        )


def _words(X: Any) -> list[list[str]]:
    from rekur.tasks.tag import words_of

    if isinstance(X, str) or not hasattr(X, "__len__") or not len(X):
        raise ValueError("X must be a list of sentences, one or more; got none.")
    return [
        words_of(sentence.tolist() if isinstance(sentence, np.ndarray) else sentence, place + 1)
        for place, sentence in enumerate(X)
    ]


def _tagged(words: Sequence[str], tags: Any, place: int) -> Sentence:
    if isinstance(tags, str) or len(tags) != len(words):
        got = "a text" if isinstance(tags, str) else f"{len(tags)}"
        raise ValueError(
            f"y must hold a list of tags a sentence, one a word; sentence {place} has {len(words)} words, and {got}."
        )
    return Sentence(tuple(words), tuple(str(tag) for tag in tags), place + 1)
