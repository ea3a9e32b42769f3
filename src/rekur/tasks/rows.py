"""Images read row by row: T rows of I pixels, one class an image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur.architecture import Architecture
from rekur.data import batches, splits
from rekur.errors import DataError
from rekur.evaluation import outcomes
from rekur.evaluation.outcomes import Outcome
from rekur.tasks import own
from rekur.tasks.answers import Rows
from rekur.tasks.case import Features
from rekur.tasks.classification import Classification
from rekur.tasks.own import OwnFile

if TYPE_CHECKING:
    from rekur.tasks.base import Model

Images = NDArray[np.float32]

EVALUATION_BATCH = 500
LARGEST = 65_535  # rows or columns of an image, or its brightest pixel


class RowsData(OwnFile):
    """`[data]` of the task `rows`."""

    set: Literal["mnist", "digits", "files"] = "mnist"
    height: int = Field(28, ge=1, le=1024, description="with set = files: rows that images are brought to")
    width: int = Field(28, ge=1, le=1024, description="with set = files: columns that images are brought to")
    validation: float = Field(0.0, ge=0, lt=1, description="share of the training images held out")
    shift: int = Field(0, ge=0, le=28, description="training images are moved by up to this many pixels")
    max_train: int = Field(0, ge=0, description="training images read; 0: all")
    max_test: int = Field(0, ge=0, description="test images read; 0: all")


class ImageRows(Classification):
    """One of ten digits, or of the classes of a folder, from the rows of pixels of an image."""

    Data = RowsData
    data: RowsData

    def faults(self) -> Iterator[str]:
        if self.data.set == "files":
            yield from own.contradictions(self.data)
            if self.data.split in ("grouped", "time"):
                yield f'data.split: a folder of images has no "{self.data.split}". Take "random" or "stratified".'
        elif self.data.path:
            yield f'data.path is read with data.set = "files"; it is "{self.data.set}".'
        if self.config.model.readout == "every":
            yield 'model.readout: "every" gives a class a row, and an image has one. Take "last" or "flatten".'

    def load(self) -> None:
        if self.data.set == "files":
            self._load_own()
            return
        train, labels = self._read("train", self.data.max_train)
        test, test_labels = self._read("test", self.data.max_test)
        kept, held = splits.holdout(len(train), self.data.validation, self.seed)
        self._describe_images(train)
        self.images = {"train": train[kept], "validation": train[held], "test": test}
        self.labels = {"train": labels[kept], "validation": labels[held], "test": test_labels}

    def _load_own(self) -> None:
        from rekur.data import images

        data = self.data
        found = images.by_class(Path(data.path))
        parts = own.parts(data, len(found.files), self.seed, own.Keys(found.labels))
        limits = {"train": data.max_train, "test": data.max_test}
        parts = {part: rows[: limits.get(part) or None] for part, rows in parts.items()}
        self.images = {
            part: np.array([images.grey(found.files[row], data.height, data.width) for row in rows], dtype=np.uint8)
            for part, rows in parts.items()
        }
        self.images = {part: kept.reshape(-1, data.height, data.width) for part, kept in self.images.items()}
        self.labels = {part: found.labels[rows] for part, rows in parts.items()}
        self.height, self.width, self.brightest, self.classes = data.height, data.width, 255, found.classes

    def _read(self, part: Literal["train", "test"], limit: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        from rekur.data.datasets import digits, mnist

        images, labels = mnist.load(part, self.data_dir) if self.data.set == "mnist" else digits.load(part)
        return images[: limit or None], labels[: limit or None]

    def _describe_images(self, images: NDArray[np.uint8]) -> None:
        self.height, self.width, self.brightest = images.shape[1], images.shape[2], int(images.max())
        self.classes = tuple(str(digit) for digit in range(10))

    def files(self) -> dict[str, str]:
        sizes = {"height": self.height, "width": self.width, "largest": self.brightest}
        named = {"classes.json": json.dumps(self.classes, ensure_ascii=False)} if self.data.set == "files" else {}
        return {"scaler.json": json.dumps(sizes), **named}

    def restore(self, files: Mapping[str, str]) -> None:
        sizes = json.loads(files["scaler.json"])
        self.height, self.width, self.brightest = (sizes[name] for name in ("height", "width", "largest"))
        for size in (self.height, self.width, self.brightest):
            if type(size) is not int or not 1 <= size <= LARGEST:
                raise DataError(f"scaler.json must hold whole numbers from 1 to {LARGEST}; got {sizes}.")
        self.classes = tuple(str(digit) for digit in range(10))
        if self.data.set == "files":
            self.classes = tuple(str(name) for name in json.loads(files["classes.json"]))

    def preprocessing(self) -> dict[str, Any]:
        steps = "a row of pixels, the top one first"
        scale = {"divided_by": self.brightest, "height": self.height, "width": self.width}
        answer = {"answer": "softmax: p of each class", "classes": list(self.classes)}
        return {"step": steps, **scale, "lengths": False, **answer}

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
        return {
            "pixels": images.reshape(len(rows), self.height * self.width).tolist(),
            "height": [self.height] * len(rows),
        }

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
        return self._scale(images.reshape(len(images), self.height * self.width))  # (N, pixels)

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Predict images, each an array or nested list (height, width) of brightness from 0 to the set's largest.

        A run of your own folder also takes the paths of pictures, whatever their size.
        """
        if not len(inputs):
            return []
        if isinstance(inputs[0], Path):
            from rekur.data.images import grey

            inputs = [grey(path, self.height, self.width) for path in inputs]
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
