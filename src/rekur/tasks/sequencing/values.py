"""A number for each sequence of numbers, or for each text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rekur.architecture import Architecture
from rekur.data.scaling import Standard
from rekur.errors import DataError
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.tasks import own
from rekur.tasks.answers import Floats, Rows
from rekur.tasks.regression import Regression
from rekur.tasks.sequencing.shared import Sequencing, with_ids

if TYPE_CHECKING:
    from rekur.tasks.base import Model

SHOWN = 600  # characters of a text in the report
STRATA = 5  # of targets: a stratified split has small, middling and large ones in every part


class SequenceValues(Sequencing, Regression):
    """A number from the steps of a sequence."""

    def take(self, about: Any) -> Rows:
        from rekur.data import files

        self.known = files.numeric_columns(about, [self.data.label])[:, 0]
        rank = np.argsort(np.argsort(self.known, kind="stable"), kind="stable")
        return rank * STRATA // len(rank)

    def part(self, rows: Mapping[str, Rows]) -> None:
        self.targets = {part: self.known[chosen] for part, chosen in rows.items()}
        self.weights = own.weighed(self.given_weights, rows)
        self.take_unit()

    def files(self) -> dict[str, str]:
        return {**super().files(), "target.json": self.unit.to_json()}

    def restore(self, files: Mapping[str, str]) -> None:
        super().restore(files)
        self.unit = Standard.from_json(files["target.json"])
        if len(self.unit.shift) != 1:
            raise DataError(f"target.json must scale one number; got {len(self.unit.shift)}.")

    def preprocessing(self) -> dict[str, Any]:
        target = {"name": self.data.label, "shift": self.unit.shift[0], "scale": self.unit.scale[0]}
        return {**super().preprocessing(), "answer": "output * scale + shift of the target", "target": target}

    def architecture(self) -> Architecture:
        return self.sized(1)

    def answers_to_learn(self) -> tuple[Floats, int]:
        return self.unit.transform(self.targets["train"][:, None])[:, 0], 0

    def ids(self, part: str) -> Any:
        return self.about[part]["id"]

    def examples(self, rows: Rows) -> dict[str, Any]:
        test = self.raw["test"]
        if self.data.text:
            return {"text": [text[:SHOWN] for text in test[rows]]}
        return {"sequence": [test[row][:, 0].tolist() for row in rows]}

    def baselines(self) -> dict[str, Outcome]:
        truth, train = self.targets["test"], self.targets["train"]
        guesses = {
            "mean": np.full(len(truth), train.mean()),
            **(self._of_texts() if self.data.text else self._of_numbers()),
        }
        return {name: outcomes.regression(truth, forecast) for name, forecast in guesses.items()}

    def _of_numbers(self) -> dict[str, Floats]:
        from rekur.evaluation.baselines import sequences as rivals  # scikit-learn loads as slowly as torch

        targets = self.targets["train"]
        some, near = self.learned(rivals.LEARNED), self.learned(rivals.KNOWN)
        figures = self.figures(rivals.summary, "train", some), self.figures(rivals.summary, "test")
        points = self.figures(rivals.points, "train", near), self.figures(rivals.points, "test")
        return {
            "ridge regression on summary figures": rivals.ridge(figures[0], targets[some], figures[1]),
            "nearest sequences": rivals.nearest_mean(points[0], targets[near], points[1]),
        }

    def _of_texts(self) -> dict[str, Floats]:
        from rekur.evaluation.baselines import text as rivals

        train, test = (self.raw[part].to_list() for part in ("train", "test"))
        counts = rivals.count(train, test, "char" if self.data.tokenizer != "words" else "word")
        return {"TF-IDF + ridge regression": rivals.tfidf_ridge(counts, self.targets["train"])}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict a number for each sequence, (T, I) numbers or (T,) where I is 1, NaN for a missing one, or text."""
        if not len(inputs):
            return []
        found = self.numbers(model, self.reader.parse(inputs))
        return with_ids(inputs, [{"prediction": float(number)} for number in found])

    def numbers(self, model: Model, values: Any) -> Floats:
        """Return the numbers (N,) of sequences as the reader parses them."""
        return self.answers(model, values, self.answer)
