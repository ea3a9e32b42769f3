"""A class as source: what is written is drawn by chance, and judged by how likely people's own texts are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur import search
from rekur.architecture import Architecture
from rekur.data import splits
from rekur.data.coding import END
from rekur.errors import DataError, nearest
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.sampling import Sampling
from rekur.tasks.base import Test
from rekur.tasks.describing.shared import SPLIT_SEED, Describing, DescribingData, Rows
from rekur.wording import counted

if TYPE_CHECKING:
    import polars as pl

    from rekur.tasks.base import Model

DRAWN = 10  # texts that a prediction gives for a class
ORDER = 5  # of the counts the model is held against


class ClassesData(DescribingData):
    """`[data]` of the task `describe` where a source is a class."""

    set: Literal["names", "classes"] = "names"
    file: str = Field("", description="classes: your table of the columns `class` and `caption`")
    temperature: float = Field(1.0, gt=0, le=10, description="of what is drawn: below 1 bolder, above 1 wilder")
    drawn: int = Field(100, ge=1, le=10_000, description="texts drawn for each class to judge them by a classifier")
    most: int = Field(0, ge=0, description="texts of each class that are read; 0: all")


class Classes(Describing):
    """Texts of a class: surnames of a language."""

    Data = ClassesData
    data: ClassesData
    metric: ClassVar[str] = "nats"
    higher_is_better: ClassVar[bool] = False
    paired_test: ClassVar[str] = "bootstrap"
    block: ClassVar[int] = 8  # units drawn together: about a name, whose units depend on each other

    classes: tuple[str, ...]

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.data.set == "classes" and not self.data.file:
            yield "data.file must name your table of the columns `class` and `caption`."

    def load(self) -> None:
        texts, labels, self.classes = self._read()
        shares = (self.data.validation, self.data.test)
        keys = [text.casefold() for text in texts]  # a name stands in one part, whatever the languages that have it
        held = splits.apart(keys, labels, shares, np.random.default_rng(SPLIT_SEED))
        parts = dict(zip(("train", "validation", "test"), held, strict=True))
        if not len(held[0]) or not len(held[2]):
            raise DataError(
                f"{counted(len(texts), 'text is', 'texts are')} too few to train and to test on. Give more."
            )
        chosen = {part: [texts[row] for row in rows] for part, rows in parts.items()}
        self.take(chosen, {k: labels[rows] for k, rows in parts.items()}, dict.fromkeys(parts, len(self.classes)))

    def _read(self) -> tuple[Sequence[str], Rows, tuple[str, ...]]:
        if self.data.set == "names":
            from rekur.data.datasets import names

            found = names.load(self.data_dir)
            texts, labels, classes = list(found.names), found.labels, found.languages
        else:
            texts, labels, classes = self._of_file()
        if self.data.most:
            kept = np.concatenate([np.flatnonzero(labels == c)[: self.data.most] for c in range(len(classes))])
            texts, labels = [texts[row] for row in kept], labels[kept]
        return texts, labels, classes

    def _of_file(self) -> tuple[list[str], Rows, tuple[str, ...]]:
        from rekur.data import files
        from rekur.tasks.describing.shared import captions_of

        frame = files.read_table(Path(self.data.file))
        texts = captions_of(frame, self.data.file)
        labels, classes = files.labels(frame, "class")
        pairs = dict.fromkeys(zip(texts, labels.tolist(), strict=True))
        return [text for text, _ in pairs], np.array([label for _, label in pairs], dtype=np.int64), classes

    def files(self) -> dict[str, str]:
        return {**super().files(), "classes.json": json.dumps(self.classes, ensure_ascii=False)}

    def restore(self, files: Mapping[str, str]) -> None:
        super().restore(files)
        self.classes = tuple(str(name) for name in json.loads(files["classes.json"]))

    def preprocessing(self) -> dict[str, Any]:
        drawn = {"classes": list(self.classes), "temperature": self.data.temperature}
        return {**super().preprocessing(), **drawn}

    def architecture(self) -> Architecture:
        return Architecture(self.config.model, self.coding.size, tokens=len(self.classes))

    def source(self, part: str, rows: Rows) -> tuple[Rows, None]:  # noqa: ARG002 - a class is the same in every part
        return rows[:, None], None

    def test(self, model: Model) -> Test:
        import polars as pl

        nats = self.nats(model, "test")
        drawn = self.draw(model, np.repeat(np.arange(len(self.classes)), self.data.drawn), 6)
        judged, told = self._judged(drawn)
        sums = np.add.reduceat(nats.values, nats.offsets[:-1])
        named = [self.classes[label] for label in self.of["test"]]
        predictions = pl.DataFrame(
            {
                "id": np.arange(len(named)),
                "class": named,
                "truth": self.texts["test"],
                "nats_of_text": sums,
                "units": nats.lengths,
            }
        )
        outcome = outcomes.language(nats.values)
        figures = {**outcome.metrics, **_shares(judged, told)}
        return Test(
            Outcome(figures, outcome.items, outcome.details),
            predictions,
            {"drawn": judged, "by_class": self._by_class(predictions, judged, told)},
            {"temperature": self.data.temperature},
        )

    def draw(self, model: Model, classes: Rows, *words: int) -> list[str]:
        """Return a text drawn for each of `classes` (N,); `words` name the generator."""
        generator, sampling = self.generator(*words), Sampling(self.data.temperature)

        def choose(scores: NDArray[Any]) -> Rows:
            chances = generator.random(len(scores))
            return np.array([sampling.draw(row, chance) for row, chance in zip(scores, chances, strict=True)])

        written = search.sample(model, classes[:, None], choose, longest=self.data.longest)  # type: ignore[arg-type]
        return self.coding.decode([one.ids for one in written])

    def _judged(self, drawn: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return what a classifier, trained on the training texts, takes the drawn and the held-out texts for."""
        import polars as pl

        from rekur.evaluation.baselines.names import classified

        known = {text.casefold() for text in self.texts["train"]}
        labels = np.repeat(np.arange(len(self.classes)), self.data.drawn)
        both = [*drawn, *self.texts["test"]]
        taken = classified(self.texts["train"], self.of["train"], both)
        frames = []
        for texts, truth, said in (
            (drawn, labels, taken[: len(drawn)]),
            (self.texts["test"], self.of["test"], taken[len(drawn) :]),
        ):
            frames.append(
                pl.DataFrame(
                    {
                        "class": [self.classes[label] for label in truth],
                        "text": list(texts),
                        "taken_for": [self.classes[label] for label in said],
                        "new": [text.casefold() not in known for text in texts],
                    }
                )
            )
        return frames[0], frames[1]

    def _by_class(self, predictions: pl.DataFrame, drawn: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
        """Return a row a class: texts trained on and tested, nats a unit, and the shares of `_shares`."""
        import polars as pl

        nats = predictions.group_by("class").agg(
            (pl.col("nats_of_text").sum() / pl.col("units").sum()).alias("nats"), pl.len().alias("test")
        )
        counts = np.bincount(self.of["train"], minlength=len(self.classes))
        right = (pl.col("taken_for") == pl.col("class")).mean()
        ours = drawn.group_by("class").agg(
            right.alias("drawn_right"), pl.col("new").mean(), (pl.col("text").n_unique() / pl.len()).alias("distinct")
        )
        theirs = held.group_by("class").agg(right.alias("held_out_right"))
        frame = pl.DataFrame({"class": self.classes, "train": counts})
        for part in (nats, ours, theirs):
            frame = frame.join(part, on="class", how="left")
        return frame.sort("class")

    def baselines(self) -> dict[str, Outcome]:
        from rekur.evaluation.baselines import names as rivals

        parts = {part: (list(self.written[part]), self.of[part]) for part in ("train", "validation", "test")}
        size = self.coding.size
        guesses = {
            "unit frequencies": rivals.counted(parts["train"], parts["test"], size, END, order=1),
            f"{ORDER}-gram counts of all classes": rivals.counted(parts["train"], parts["test"], size, END, ORDER),
            f"{ORDER}-gram counts of the class, mixed with all": rivals.mixed(
                parts["train"], parts["validation"], parts["test"], size, END, ORDER
            ),
        }
        return {name: outcomes.language(nats) for name, nats in guesses.items()}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Draw ten texts for each class named."""
        found: list[dict[str, Any]] = []
        for name in inputs:
            if name not in self.classes:
                raise DataError(f"The model knows no class `{name}`. {nearest(str(name), self.classes)}")
            label = self.classes.index(name)
            texts = self.draw(model, np.full(DRAWN, label), 7, label)
            found.append({"class": name, "prediction": "\n".join(texts), "drawn": texts})
        return found


def _shares(drawn: pl.DataFrame, held: pl.DataFrame) -> dict[str, float]:
    """Return means over the classes: taken for their class, drawn and held out; new to the training part; distinct."""
    import polars as pl

    right = (pl.col("taken_for") == pl.col("class")).mean().alias("right")

    def mean(frame: pl.DataFrame, share: pl.Expr) -> float:
        return float(np.mean(frame.group_by("class").agg(share.alias("share"))["share"].to_numpy()))

    return {
        "drawn_right": mean(drawn, right),
        "held_out_right": mean(held, right),
        "drawn_new": mean(drawn, pl.col("new").mean()),
        "drawn_distinct": mean(drawn, pl.col("text").n_unique() / pl.len()),
    }
