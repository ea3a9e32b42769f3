"""Sources that have a right description: it is searched for, and held against what people wrote."""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur import search
from rekur.data import batches
from rekur.evaluation import captions as scoring
from rekur.evaluation.outcomes import Outcome
from rekur.search import Written
from rekur.tasks.base import Test
from rekur.tasks.describing.shared import Describing, DescribingData, Rows

if TYPE_CHECKING:
    from rekur.tasks.base import Model

WRITTEN_AT_ONCE = 100
COMPARED = 5_000  # training sources that a test source is held against to find its nearest
SHOWN = 24  # test sources in the report: the wrong ones first


class CaptionedData(DescribingData):
    """`[data]` of sources that have a right description."""

    beam: int = Field(4, ge=1, le=100, description="sequences kept while one is searched for; 1: greedy")
    penalty: float = Field(1.0, ge=0, le=10, description="of length: sequences compare by log p / length^penalty")


class Captioned(Describing):
    """A description is right if it is one of those the source has."""

    data: CaptionedData
    metric: ClassVar[str] = "exact_match"
    higher_is_better: ClassVar[bool] = True
    paired_test: ClassVar[str] = "mcnemar"

    @abc.abstractmethod
    def flat(self, part: str, rows: Rows) -> NDArray[np.float32]:
        """Return the sources `rows` of `part` as points (N, F), to find a nearest one."""

    def shown(self, rows: Rows) -> dict[str, Any]:  # noqa: ARG002
        """Return columns that show the test sources `rows` to people."""
        return {}

    def judge(self, written: Sequence[str]) -> Outcome:
        """Score what was written of each test source."""
        return scoring.captions(self.references("test"), written)

    def references(self, part: str) -> list[list[str]]:
        """Return the captions that each source of `part` has."""
        found: list[list[str]] = [[] for _ in range(self.sources[part])]
        for row, text in zip(self.of[part], self.texts[part], strict=True):
            found[row].append(text)
        return found

    def write(self, model: Model, sources: NDArray[Any], lengths: Rows | None) -> list[Written]:
        """Search for what to write of each source (N, ...)."""
        return search.beam(
            model,  # type: ignore[arg-type]
            sources,
            lengths,
            width=self.data.beam,
            longest=self.data.longest,
            penalty=self.data.penalty,
        )

    def text(self, written: Written) -> str:
        """Return what was written as a text."""
        return self.coding.decode([written.ids])[0]

    def test(self, model: Model) -> Test:
        import polars as pl

        written: list[Written] = []
        for rows in batches.in_order(self.sources["test"], WRITTEN_AT_ONCE):
            written += self.write(model, *self.source("test", rows))
        said = [self.text(one) for one in written]
        outcome = self.judge(said)
        frame = pl.DataFrame(
            {
                "id": np.arange(len(said)),
                "truth": ["\n".join(texts) for texts in self.references("test")],
                "prediction": said,
                "right": outcome.items.astype(bool),
                "log_probability": [one.log_probability for one in written],
            }
        )
        return Test(outcome, frame, {"described": self._examples(frame, written, outcome)})

    def _examples(self, frame: Any, written: Sequence[Written], outcome: Outcome) -> Any:
        """Return a table of the test sources that people look at: wrong ones first, half of them right."""
        import polars as pl

        wrong, right = (np.flatnonzero(outcome.items == which) for which in (0, 1))
        rows = np.concatenate([wrong[: SHOWN // 2], right[: SHOWN - min(len(wrong), SHOWN // 2)]])
        steps = self.source("test", rows)[1]
        looked = [written[row].attention for row in rows]
        if steps is not None:  # behind them lies what only a wider neighbour needs
            looked = [None if part is None else part[:, :end] for part, end in zip(looked, steps, strict=True)]
        columns: dict[str, Any] = {
            "units": [[*self.units(written[row].ids), *["■"] * written[row].ended] for row in rows],
            "attention": [[] if part is None else part.astype(np.float32).ravel().tolist() for part in looked],
            **self.shown(rows),
        }
        return frame[rows].with_columns(**{name: pl.Series(values) for name, values in columns.items()})

    def units(self, ids: Sequence[int]) -> list[str]:
        """Return each unit written by itself, as people would read it."""
        return [self.coding.decode([[one]])[0] for one in ids]

    def baselines(self) -> dict[str, Outcome]:
        return {
            "the most frequent caption": self.judge([self._commonest()] * self.sources["test"]),
            "the caption of the nearest training source": self.judge(self._nearest()),
        }

    def _commonest(self) -> str:
        return Counter(self.texts["train"]).most_common(1)[0][0]

    def _nearest(self) -> list[str]:
        known = np.arange(min(self.sources["train"], COMPARED))
        points = self.flat("train", known)  # (M, F)
        half = 0.5 * np.square(points).sum(axis=1)
        captions = self.references("train")
        found: list[str] = []
        for rows in batches.in_order(self.sources["test"], WRITTEN_AT_ONCE):
            nearest = (self.flat("test", rows) @ points.T - half).argmax(axis=1)
            found += [captions[row][0] for row in nearest.tolist()]
        return found

    def described(self, model: Model, sources: NDArray[Any], lengths: Rows | None) -> list[dict[str, Any]]:
        """Return one JSON object a source (N, ...): what is written of it, and how likely the model thinks that."""
        found: list[dict[str, Any]] = []
        for rows in batches.in_order(len(sources), WRITTEN_AT_ONCE):
            written = self.write(model, sources[rows], None if lengths is None else lengths[rows])
            found += [{"prediction": self.text(one), "log_probability": one.log_probability} for one in written]
        return found
