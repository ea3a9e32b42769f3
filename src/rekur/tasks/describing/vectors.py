"""A vector as source: the numbers of a row start the decoder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.data import splits
from rekur.data.scaling import MinMax
from rekur.errors import DataError
from rekur.tasks.case import Refit
from rekur.tasks.describing.captioned import Captioned, CaptionedData
from rekur.tasks.describing.shared import SPLIT_SEED, Rows, captions_of
from rekur.wording import counted

if TYPE_CHECKING:
    from rekur.tasks.base import Model


class VectorsData(CaptionedData):
    """`[data]` of the task `describe` where a source is a vector."""

    set: Literal["vectors"]
    file: str = Field("", description="your table: columns of numbers, and one called `caption`")


class Vectors(Captioned):
    """A text from a row of numbers."""

    Data = VectorsData
    data: VectorsData

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if not self.data.file:
            yield "data.file must name your table: columns of numbers, and one called `caption`."

    def load(self) -> None:
        from rekur.data import files

        frame = files.read_table(Path(self.data.file))
        captions = captions_of(frame, self.data.file)
        self.columns = [name for name in frame.columns if name != "caption"]
        if not self.columns:
            raise DataError(f"{self.data.file} needs a column of numbers beside `caption`; it has none.")
        values = files.numeric_columns(frame, self.columns)
        shares, rows = (self.data.validation, self.data.test), np.zeros(len(frame), dtype=np.int64)
        draw = np.random.default_rng(SPLIT_SEED)
        held = splits.apart([row.tobytes() for row in values], rows, shares, draw)
        parts = dict(zip(("train", "validation", "test"), held, strict=True))
        if not len(held[0]) or not len(held[2]):
            raise DataError(
                f"{self.data.file}: {counted(len(frame), 'row is', 'rows are')} too few to train and to "
                "test on. Give more."
            )
        self.scaler = MinMax.fit(values[parts["train"]])
        self.raw = {part: values[chosen] for part, chosen in parts.items()}
        self.values = {part: self._scaled(raw) for part, raw in self.raw.items()}
        texts = {part: [captions[row] for row in chosen] for part, chosen in parts.items()}
        counts = {part: len(chosen) for part, chosen in parts.items()}
        self.take(texts, {part: np.arange(count) for part, count in counts.items()}, counts)

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        return self.scaler.transform(values).astype(np.float32)[:, None]  # (N, 1, I)

    def files(self) -> dict[str, str]:
        columns = json.dumps({"columns": self.columns}, ensure_ascii=False)
        return {**super().files(), "scaler.json": self.scaler.to_json(), "columns.json": columns}

    def restore(self, files: Mapping[str, str]) -> None:
        super().restore(files)
        self.scaler = MinMax.from_json(files["scaler.json"])
        self.columns = [str(name) for name in json.loads(files["columns.json"])["columns"]]
        if len(self.columns) != len(self.scaler.shift):
            raise DataError("columns.json and scaler.json are of different runs.")

    def refits(self) -> Sequence[Refit]:
        used, alone = (json.loads(each.to_json()) for each in (self.scaler, MinMax.fit(self.raw["train"])))
        return [*super().refits(), Refit("scaler", used, alone)]

    def preprocessing(self) -> dict[str, Any]:
        scaled = {"shift": self.scaler.shift.tolist(), "scale": self.scaler.scale.tolist()}
        return {**super().preprocessing(), "columns": list(self.columns), **scaled}

    def architecture(self) -> Architecture:
        return Architecture(self.config.model, self.coding.size, values=len(self.columns))

    def source(self, part: str, rows: Rows) -> tuple[NDArray[np.float32], None]:
        return self.values[part][rows], None

    def flat(self, part: str, rows: Rows) -> NDArray[np.float32]:
        return self.values[part][rows][:, 0]

    def shown(self, rows: Rows) -> dict[str, Any]:
        return {"source": [_listed(self.columns, values) for values in self.raw["test"][rows]]}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Describe vectors (I,) in the units of the training columns."""
        if not len(inputs):
            return []
        try:
            values = np.asarray(inputs, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.zeros(0)
        if values.ndim != 2 or values.shape[1] != len(self.columns) or not np.isfinite(values).all():
            raise DataError(
                f"A vector must be {len(self.columns)} finite numbers, {', '.join(self.columns)}; got {values.shape}."
            )
        return self.described(model, self._scaled(values), None)


def _listed(columns: Sequence[str], values: NDArray[np.float64]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(columns, values, strict=True))
