"""A class for each sequence of numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rekur.architecture import Architecture
from rekur.errors import DataError
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.tasks import own
from rekur.tasks.answers import Rows
from rekur.tasks.case import Features
from rekur.tasks.classification import Classification
from rekur.tasks.sequencing.shared import Sequencing, with_ids

if TYPE_CHECKING:
    from rekur.tasks.base import Model


class SequenceClasses(Sequencing, Classification):
    """One of C classes from the steps of a sequence."""

    def take(self, about: Any) -> Rows:
        from rekur.data import files

        self.known, self.classes = files.labels(about, self.data.label)
        return self.known

    def part(self, rows: Mapping[str, Rows]) -> None:
        self.labels = {part: self.known[chosen] for part, chosen in rows.items()}
        self.weights = own.weighed(self.given_weights, rows)
        if len(np.unique(self.labels["train"])) < 2:
            raise DataError("The training sequences are of one class only; a classifier needs two or more. Give more.")

    def files(self) -> dict[str, str]:
        return {**super().files(), "classes.json": json.dumps(self.classes, ensure_ascii=False)}

    def restore(self, files: Mapping[str, str]) -> None:
        super().restore(files)
        classes = json.loads(files["classes.json"])
        if not isinstance(classes, list) or len(classes) < 2 or not all(isinstance(name, str) for name in classes):
            raise DataError("classes.json must hold the names of two classes or more.")
        self.classes = tuple(classes)

    def preprocessing(self) -> dict[str, Any]:
        return {**super().preprocessing(), "answer": "softmax", "classes": list(self.classes)}

    def architecture(self) -> Architecture:
        return self.sized(len(self.classes))

    def examples(self, rows: Rows) -> dict[str, Any]:
        return {"sequence": [self.raw["test"][row][:, 0].tolist() for row in rows]}

    def answers_to_learn(self) -> tuple[Any, int]:
        return self.labels["train"].astype(np.float64), len(self.classes)

    def features(self) -> Features:
        from rekur.evaluation.baselines import sequences as rivals

        some = self.learned(rivals.LEARNED)
        figures = np.nan_to_num(self.figures(rivals.summary, "train", some), nan=0.0)
        return Features(figures, self.labels["train"][some], rivals.names(self.reader.columns).__getitem__)  # type: ignore[attr-defined]

    def baselines(self) -> dict[str, Outcome]:
        from rekur.evaluation.baselines import sequences as rivals  # scikit-learn loads as slowly as torch
        from rekur.evaluation.baselines.classes import majority

        truth, labels, C = self.labels["test"], self.labels["train"], len(self.classes)
        some, near = self.learned(rivals.LEARNED), self.learned(rivals.KNOWN)
        figures = self.figures(rivals.summary, "train", some), self.figures(rivals.summary, "test")
        points = self.figures(rivals.points, "train", near), self.figures(rivals.points, "test")
        guesses = {
            "majority": majority(labels, len(truth), C),
            "logistic regression on summary figures": rivals.logistic(figures[0], labels[some], figures[1], C),
            "nearest sequences": rivals.nearest_classes(points[0], labels[near], points[1], C),
        }
        return {name: outcomes.classification(truth, probability) for name, probability in guesses.items()}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict the class of each sequence: numbers (T, I), or (T,) where I is 1, NaN where one is missing."""
        if not len(inputs):
            return []
        return with_ids(inputs, self.describe(self.chances(model, self.reader.parse(inputs))))

    def chances(self, model: Model, values: Any) -> Any:
        """Return probabilities (N, C) of sequences as the reader parses them."""
        return self.answers(model, values, self._probability)
