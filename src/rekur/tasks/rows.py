"""Images read row by row: T rows of I pixels, one class an image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.config import Settings
from rekur.data import batches, splits
from rekur.errors import DataError
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.case import Features
from rekur.tasks.classification import Classification, Rows

if TYPE_CHECKING:
    from rekur.tasks.base import Model

Images = NDArray[np.float32]

EVALUATION_BATCH = 500
LARGEST = 65_535  # rows or columns of an image, or its brightest pixel


class RowsData(Settings):
    """`[data]` of the task `rows`."""

    set: Literal["mnist", "digits"] = "mnist"
    validation: float = Field(0.0, ge=0, lt=1, description="share of the training images held out")
    shift: int = Field(0, ge=0, le=28, description="training images are moved by up to this many pixels")
    max_train: int = Field(0, ge=0, description="training images read; 0: all")
    max_test: int = Field(0, ge=0, description="test images read; 0: all")


class ImageRows(Classification):
    """One of ten digits from its rows of pixels."""

    Data = RowsData
    data: RowsData

    def faults(self) -> Iterator[str]:
        if self.config.model.readout == "every":
            yield 'model.readout: "every" gives a class a row, and an image has one. Take "last" or "flatten".'

    def load(self) -> None:
        train, labels = self._read("train", self.data.max_train)
        test, test_labels = self._read("test", self.data.max_test)
        kept, held = splits.holdout(len(train), self.data.validation, self.seed)
        self._describe_images(train)
        self.images = {"train": train[kept], "validation": train[held], "test": test}
        self.labels = {"train": labels[kept], "validation": labels[held], "test": test_labels}

    def _read(self, part: Literal["train", "test"], limit: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        from rekur.data.datasets import digits, mnist

        images, labels = mnist.load(part, self.data_dir) if self.data.set == "mnist" else digits.load(part)
        return images[: limit or None], labels[: limit or None]

    def _describe_images(self, images: NDArray[np.uint8]) -> None:
        self.height, self.width, self.brightest = images.shape[1], images.shape[2], int(images.max())
        self.classes = tuple(str(digit) for digit in range(10))

    def files(self) -> dict[str, str]:
        return {"scaler.json": json.dumps({"height": self.height, "width": self.width, "largest": self.brightest})}

    def restore(self, files: Mapping[str, str]) -> None:
        sizes = json.loads(files["scaler.json"])
        self.height, self.width, self.brightest = (sizes[name] for name in ("height", "width", "largest"))
        for size in (self.height, self.width, self.brightest):
            if type(size) is not int or not 1 <= size <= LARGEST:
                raise DataError(f"scaler.json must hold whole numbers from 1 to {LARGEST}; got {sizes}.")
        self.classes = tuple(str(digit) for digit in range(10))

    def architecture(self) -> Architecture:
        return Architecture(self.config.model, len(self.classes), values=self.width, steps=self.height)

    def batches(self, epoch: int) -> Sequence[Rows]:
        self._epoch = epoch
        return batches.shuffled(len(self.labels["train"]), self.config.training.batch, self.generator(1, epoch))

    def chunks(self, part: str) -> Sequence[Rows]:
        return batches.in_order(len(self.labels[part]), EVALUATION_BATCH)

    def inputs(self, part: str, rows: Rows) -> tuple[Images, None]:
        return self._scale(self.images[part][rows]), None

    def training_inputs(self, rows: Rows) -> tuple[Images, None]:
        images = self.images["train"][rows]
        if self.data.shift:
            images = _shifted(images, self.data.shift, self.generator(2, self._epoch, int(rows[0])))
        return self._scale(images), None

    def _scale(self, images: NDArray[Any]) -> Images:
        return images.astype(np.float32) / np.float32(self.brightest)  # (N, T=height, I=width)

    def features(self) -> Features:
        def name(place: int) -> str:
            return f"the pixel in row {place // self.width}, column {place % self.width}"

        return Features(self._flat("train"), self.labels["train"], name)

    def examples(self, rows: Rows) -> dict[str, Any]:
        images = self.images["test"][rows]
        return {"pixels": images.reshape(len(rows), -1).tolist(), "height": [self.height] * len(rows)}

    def baselines(self) -> dict[str, Outcome]:
        from rekur.evaluation.baselines import rows as rivals  # scikit-learn loads as slowly as torch
        from rekur.evaluation.baselines.classes import majority

        truth, labels, C = self.labels["test"], self.labels["train"], len(self.classes)
        train, test = self._flat("train"), self._flat("test")
        guesses = {
            "majority": majority(labels, len(truth), C),
            "logistic regression on pixels": rivals.logistic(train, labels, test, C),
        }
        return {name: outcomes.classification(truth, probability) for name, probability in guesses.items()}

    def _flat(self, part: str) -> NDArray[np.float32]:
        images = self.images[part]
        return self._scale(images.reshape(len(images), -1))  # (N, pixels)

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict images, each an array or nested list (height, width) of brightness from 0 to the set's largest."""
        if not len(inputs):
            return []
        try:
            images = np.asarray(inputs, dtype=np.float32)
        except (TypeError, ValueError):
            raise DataError(f"An image must be ({self.height}, {self.width}) numbers; got something else.") from None
        if images.ndim != 3 or images.shape[1:] != (self.height, self.width) or not np.isfinite(images).all():
            raise DataError(
                f"Images must be (N, {self.height}, {self.width}) finite numbers from 0 to {self.brightest}; "
                f"got {images.shape}. Resize them, or add the first axis for a single image."
            )
        return self.describe(self._probability(model, self._scale(images), None))


def _shifted(images: NDArray[np.uint8], most: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Move each image (N, T, I) by its own number of pixels in both directions; zeros come in at the edge."""
    N, T, width = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most)))
    down, right = generator.integers(0, 2 * most + 1, (2, N, 1))
    rows, columns = down + np.arange(T), right + np.arange(width)  # (N, T), (N, I)
    moved: NDArray[np.uint8] = padded[np.arange(N)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved
