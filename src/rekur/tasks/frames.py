"""A label for every column of a strip of digits: which digit it belongs to, or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.config import Settings
from rekur.data import batches, splits, strips
from rekur.data.ragged import Ragged
from rekur.data.strips import BLANK, Strips
from rekur.errors import DataError
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.base import computed
from rekur.tasks.labelling import STEPS_AT_ONCE, Labelling, Rows, flat

if TYPE_CHECKING:
    import polars as pl

    from rekur.tasks.base import Model

CLASSES = (*"0123456789", "blank")
SHOWN = 8  # strips in the report
LARGEST = 65_535  # rows of a strip, or its brightest pixel


class FramesData(Settings):
    """`[data]` of the task `frames`."""

    set: Literal["mnist", "digits"] = "mnist"
    strips: int = Field(5000, ge=1, le=1_000_000, description="training strips laid from the training images")
    validation_strips: int = Field(500, ge=0, le=1_000_000, description="laid from a twentieth of those images")
    test_strips: int = Field(1000, ge=1, le=1_000_000, description="laid from the test images")
    fewest: int = Field(3, ge=1, le=100, description="digits in a strip")
    most: int = Field(8, ge=1, le=100)
    least_gap: int = Field(1, ge=0, le=100, description="empty columns before, between and behind the digits")
    most_gap: int = Field(8, ge=0, le=100)
    seed: int = Field(0, ge=0, description="of which digits lie where: the same strips for every seed of a run")


class Frames(Labelling):
    """One of ten digits, or blank, for every column of pixels."""

    Data = FramesData
    data: FramesData
    metric: ClassVar[str] = "frame_accuracy"
    reads = frozenset({"crf", "dropout_weights", "variational"})
    classes = CLASSES

    def faults(self) -> Any:
        yield from super().faults()
        if self.data.fewest > self.data.most or self.data.least_gap > self.data.most_gap:
            yield "data: fewest must not be above most, nor least_gap above most_gap."

    def load(self) -> None:
        images, labels = self._read("train")
        kept, held = splits.holdout(len(images), 0.05 if self.data.validation_strips else 0.0, self.data.seed)
        tests, test_labels = self._read("test")
        self.strips = {
            "train": self._lay(images[kept], labels[kept], self.data.strips, 0),
            "validation": self._lay(images[held], labels[held], self.data.validation_strips, 1),
            "test": self._lay(tests, test_labels, self.data.test_strips, 2),
        }
        self.height, self.brightest = images.shape[1], int(images.max())
        self.labels = {part: laid.columns() for part, laid in self.strips.items()}

    def _read(self, part: Literal["train", "test"]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        from rekur.data.datasets import digits, mnist

        return mnist.load(part, self.data_dir) if self.data.set == "mnist" else digits.load(part)

    def _lay(self, images: NDArray[np.uint8], labels: NDArray[np.int64], count: int, part: int) -> Strips:
        data, generator = self.data, np.random.default_rng([self.data.seed, part])
        digits, gaps = (data.fewest, data.most), (data.least_gap, data.most_gap)
        return strips.lay(images, labels, count, generator, digits, gaps)

    def files(self) -> dict[str, str]:
        return {"scaler.json": json.dumps({"height": self.height, "largest": self.brightest})}

    def restore(self, files: Mapping[str, str]) -> None:
        sizes = json.loads(files["scaler.json"])
        self.height, self.brightest = sizes["height"], sizes["largest"]
        for size in (self.height, self.brightest):
            if type(size) is not int or not 1 <= size <= LARGEST:
                raise DataError(f"scaler.json must hold whole numbers from 1 to {LARGEST}; got {sizes}.")

    def preprocessing(self) -> dict[str, Any]:
        best = "the best path through emissions and transitions" if self.config.model.crf else "argmax: a class a step"
        scale = {"divided_by": self.brightest, "height": self.height}
        return {"step": "a column of pixels", **scale, "lengths": True, "answer": best, "classes": list(CLASSES)}

    def architecture(self) -> Architecture:
        return Architecture(self.config.model, len(CLASSES), values=self.height)

    def inputs(self, part: str, rows: Rows) -> tuple[NDArray[np.float32], Rows]:
        laid = self.strips[part]
        widths = laid.widths[rows]
        return self._scale(laid.images[rows][:, :, : int(widths.max(initial=1))]), widths

    def _scale(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return (N, T=W, I=height) from images (N, height, W)."""
        return np.ascontiguousarray(images.swapaxes(1, 2), dtype=np.float32) / np.float32(self.brightest)

    def outcome(self, truth: Ragged, prediction: Ragged) -> Outcome:
        from rekur.evaluation import tagging

        pairs = zip(truth, prediction, strict=True)
        spelt = [strips.collapsed(a) == strips.collapsed(b) for a, b in pairs]
        return tagging.frames(truth, prediction, np.array(spelt, dtype=bool))

    def guesses(self) -> dict[str, NDArray[np.int64]]:
        from rekur.evaluation.baselines import tags as rivals  # scikit-learn loads as slowly as torch

        labels, count = self.labels["train"].values, len(self.labels["test"].values)
        train, test = (Ragged(self._columns(part), self.labels[part].offsets) for part in ("train", "test"))
        return {
            "majority": np.full(count, np.bincount(labels).argmax()),
            "logistic regression on nine columns": rivals.columns(train, labels, test, len(CLASSES), self.seed),
        }

    def _columns(self, part: str) -> NDArray[np.float32]:
        laid = self.strips[part]
        columns = flat(laid.images.swapaxes(1, 2), laid.widths)  # (S, height)
        return columns.astype(np.float32) / np.float32(self.brightest)

    def shown(self, prediction: Ragged) -> dict[str, pl.DataFrame]:
        import polars as pl

        laid, truth = self.strips["test"], self.labels["test"]
        rows = self.examples(prediction, SHOWN)
        columns = {
            "pixels": [laid.images[row, :, : laid.widths[row]].ravel().tolist() for row in rows],
            "truth": [truth[row].tolist() for row in rows],
            "prediction": [prediction[row].tolist() for row in rows],
        }
        lists = {name: pl.Series(name, values, dtype=pl.List(pl.Int64)) for name, values in columns.items()}
        table = pl.DataFrame({"id": rows, "height": np.full(len(rows), self.height), **lists})
        return {"strips": table}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Read strips, each an array or nested list (height, width), brightness from 0 to the set's largest."""
        given = [self._checked(strip, place + 1) for place, strip in enumerate(inputs)]
        found: list[dict[str, Any]] = [{}] * len(given)
        widths = np.array([strip.shape[1] for strip in given], dtype=np.int64)
        for rows in batches.thrifty(widths, STEPS_AT_ONCE):
            images = np.zeros((len(rows), self.height, int(widths[rows].max())), np.float32)
            for image, row in zip(images, rows, strict=True):
                image[:, : widths[row]] = given[row]
            labels = self.decided(computed(model, self._scale(images), widths[rows])[0], widths[rows])
            for row, columns in zip(rows, labels, strict=True):
                read = columns[: widths[row]]
                named = [CLASSES[label] if label != BLANK else "" for label in read]
                found[row] = {"prediction": "".join(map(str, strips.collapsed(read))), "columns": named}
        return found

    def _checked(self, strip: Any, number: int) -> NDArray[np.float32]:
        try:
            image = np.asarray(strip, dtype=np.float32)
        except (TypeError, ValueError):
            raise DataError(f"Strip {number} must be ({self.height}, W) numbers; got something else.") from None
        if image.ndim != 2 or image.shape[0] != self.height or not image.shape[1]:
            raise DataError(f"Strip {number} must be ({self.height}, W) numbers; got {image.shape}.")
        low, high = image.min(), image.max()
        if not (low >= 0 and high <= self.brightest):  # not so with NaN, either
            raise DataError(
                f"Strip {number} must be bright from 0 (paper) to {self.brightest}; got {low:g} to {high:g}."
            )
        return image
