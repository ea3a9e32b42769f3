"""An image as source: its columns, after a small convolution, are the steps a decoder looks at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rekur import convolution
from rekur.architecture import Architecture
from rekur.data import batches, images, splits
from rekur.data.numbers import in_words
from rekur.errors import ConfigError, DataError
from rekur.evaluation import captions
from rekur.evaluation.outcomes import Outcome
from rekur.tasks.describing.captioned import Captioned, CaptionedData
from rekur.tasks.describing.shared import SPLIT_SEED, Rows
from rekur.wording import counted

if TYPE_CHECKING:
    from rekur.data.strips import Strips
    from rekur.tasks.base import Model

LANGUAGES: dict[str, tuple[Literal["english", "korean"], ...]] = {
    "english": ("english",),
    "korean": ("korean",),
    "both": ("english", "korean"),
}
DIGITS, GAPS = (1, 5), (1, 8)  # of a strip: how many digits, and empty columns between them
TALLEST, WIDEST = 1_024, 8_192  # pixels of a source
GREY, COLOUR = 1, 3


class ImagesData(CaptionedData):
    """`[data]` of the task `describe` where a source is an image."""

    set: Literal["strips", "small-strips", "files"]
    language: Literal["english", "korean", "both"] = Field("both", description="strips: both: a line of each")
    train_strips: int = Field(20_000, ge=1, description="strips drawn anew for every epoch")
    test_strips: int = Field(3_000, ge=1, description="... and, once, to test on; a third of them to validate")
    distort: float = Field(0.0, ge=0, le=2, description="strips: how far training digits are turned and stretched")
    images: str = Field("", description="files: the folder of your images")
    captions: str = Field("", description="files: your table of the columns `image` and `caption`")
    height: int = Field(32, ge=1, le=TALLEST, description="files: pixels that images are fitted into")
    width: int = Field(64, ge=1, le=WIDEST)
    colour: bool = Field(False, description="files: red, green and blue in place of brightness")


class Images(Captioned):
    """A text from an image (height, width): digits in a row, or a user's own pictures."""

    Data = ImagesData
    data: ImagesData
    reads = Captioned.reads | {"convolution"}

    pixels: dict[str, images.Pixels]  # part -> (N, height, W, C)
    widths: dict[str, Rows]  # part -> (N,)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.data.set == "files" and not (self.data.images and self.data.captions):
            yield "data.images must name the folder of your images, and data.captions the table that describes them."

    def load(self) -> None:
        self.pixels, self.widths = {}, {}
        if self.data.set == "files":
            self._load_files()
        else:
            self._load_strips()

    # strips of digits

    def _load_strips(self) -> None:
        digits, labels = self._digits("train")
        kept, held = splits.holdout(len(digits), self.data.validation, SPLIT_SEED)
        self.digits = digits[kept], labels[kept]
        tests, count = self._digits("test"), self.data.test_strips
        made = {
            "train": self._strips(*self.digits, self.data.train_strips, self.generator(5, 0), self.data.distort),
            "test": self._strips(*tests, count, np.random.default_rng([SPLIT_SEED, 1])),
        }
        few = -(-count // 3) if len(held) else 0
        validation = (digits[held], labels[held]) if few else self.digits
        made["validation"] = self._strips(*validation, few, np.random.default_rng([SPLIT_SEED, 2]))
        self.height, self.channels = digits.shape[1], GREY
        self.width = max(strips.images.shape[2] for strips in made.values())
        self.truth = {part: strips.digits for part, strips in made.items()}
        for part, strips in made.items():
            self._take_strips(part, strips)
        texts = {part: self._captions(strips) for part, strips in made.items()}
        counts = {part: len(strips) for part, strips in made.items()}
        self.take(texts, {part: np.arange(count) for part, count in counts.items()}, counts)
        self.epoch = 0

    def _digits(self, part: Literal["train", "test"]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        from rekur.data.datasets import digits, mnist

        if self.data.set == "strips":
            return mnist.load(part, self.data_dir)
        found, labels = digits.load(part)
        return (found * (255 / found.max())).astype(np.uint8), labels

    def _strips(
        self,
        digits: NDArray[np.uint8],
        labels: NDArray[np.int64],
        count: int,
        generator: np.random.Generator,
        distort: float = 0.0,
    ) -> Strips:
        """Lay `count` strips that are numbers: the first digit is 0 only where it is the only one."""
        from rekur.data import strips
        from rekur.data.distortion import distorted

        digits = distorted(digits, distort, generator) if distort else digits
        drawn = strips.lay(digits, labels, count + count // 4 + 50, generator, DIGITS, GAPS)  # a tenth begins with 0
        first = drawn.digits.values[drawn.digits.offsets[:-1]]
        number = np.flatnonzero((first != 0) | (drawn.digits.lengths == 1))[:count]
        return drawn.rows(number)

    def _take_strips(self, part: str, strips: Strips) -> None:
        self.pixels[part], self.widths[part] = strips.images[..., None], strips.widths

    def _captions(self, strips: Strips) -> list[str]:
        return [self._spelt(digits) for digits in strips.digits]

    def _spelt(self, digits: Sequence[int] | NDArray[np.int64]) -> str:
        number = int("".join(str(digit) for digit in digits))
        return "\n".join(in_words(number, language) for language in LANGUAGES[self.data.language])

    # a user's own pictures

    def _load_files(self) -> None:
        file, folder = Path(self.data.captions), Path(self.data.images)
        found = images.read_captions(file, folder)
        self.height, self.width = self.data.height, self.data.width
        self.channels = COLOUR if self.data.colour else GREY
        whole, widths = images.stack([self._read(path) for path in found.files])
        shares, strata = (self.data.validation, self.data.test), np.zeros(len(whole), dtype=np.int64)
        keys = [picture.tobytes() for picture in whole]  # a picture that is there twice stands in one part
        held = splits.apart(keys, strata, shares, np.random.default_rng(SPLIT_SEED))
        parts = dict(zip(("train", "validation", "test"), held, strict=True))
        if not len(held[0]) or not len(held[2]):
            raise DataError(
                f"{file} describes {counted(len(whole), 'image')}: too few to train and to test on. Add more."
            )
        texts, of = {}, {}
        for part, rows in parts.items():
            self.pixels[part], self.widths[part] = whole[rows], widths[rows]
            chosen = np.flatnonzero(np.isin(found.of, rows))
            texts[part], of[part] = [found.captions[row] for row in chosen], np.searchsorted(rows, found.of[chosen])
        self.take(texts, of, {part: len(rows) for part, rows in parts.items()})

    def _read(self, path: Path) -> images.Pixels:
        return images.fit(images.read_picture(path, self.channels), self.height, self.width)

    # what the model reads

    def files(self) -> dict[str, str]:
        sizes = {"height": self.height, "width": self.width, "channels": self.channels}
        return {**super().files(), "scaler.json": json.dumps(sizes)}

    def restore(self, files: Mapping[str, str]) -> None:
        super().restore(files)
        sizes = json.loads(files["scaler.json"])
        self.height, self.width, self.channels = (sizes[name] for name in ("height", "width", "channels"))
        limits = ((self.height, TALLEST), (self.width, WIDEST), (self.channels, COLOUR))
        if not all(type(size) is int and 1 <= size <= most for size, most in limits) or self.channels == 2:
            raise DataError(f"scaler.json must hold the sizes of an image; got {sizes}.")

    def preprocessing(self) -> dict[str, Any]:
        sizes = {"height": self.height, "width": self.width, "channels": self.channels, "divided_by": 255}
        halved = 1 << len(self.config.model.convolution)  # columns of pixels that become a step
        return {**super().preprocessing(), **sizes, "halved": halved, "lengths": True}

    def architecture(self) -> Architecture:
        settings = self.config.model
        if not self.width >> len(settings.convolution):
            raise ConfigError(f"model.convolution: images are {self.width} wide. Name fewer, or make them wider.")
        return Architecture(settings, self.coding.size, image=(self.channels, self.height))

    def batches(self, epoch: int) -> Sequence[Rows]:
        if self.data.set != "files" and epoch != self.epoch:
            made = self._strips(*self.digits, self.data.train_strips, self.generator(5, epoch), self.data.distort)
            self._take_strips("train", made)
            self.texts["train"] = self._captions(made)
            self.written["train"], self.epoch = self.encode(self.texts["train"]), epoch
        return super().batches(epoch)

    def likeness(self) -> Rows:
        return self.widths["train"][self.of["train"]] if self.data.set != "files" else super().likeness()

    def source(self, part: str, rows: Rows) -> tuple[NDArray[np.float32], Rows]:
        return self._canvas(self.pixels[part][rows], self.widths[part][rows])

    def _canvas(self, pixels: images.Pixels, widths: Rows) -> tuple[NDArray[np.float32], Rows]:
        """Return images (N, C, height, W) from 0 to 1, just wide enough for their steps, and the steps (N,) of each."""
        convolutions = len(self.config.model.convolution)
        steps = np.array([convolution.steps_of(width, convolutions) for width in widths.tolist()], dtype=np.int64)
        width = convolution.canvas_width(int(steps.max(initial=1)), convolutions)
        canvas = np.zeros((len(pixels), self.channels, self.height, width), dtype=np.float32)
        taken = min(width, pixels.shape[2])
        canvas[..., :taken] = pixels[:, :, :taken].transpose(0, 3, 1, 2)
        canvas *= np.float32(1 / 255)
        return canvas, steps

    # what it is judged by, and shown as

    def judge(self, written: Sequence[str]) -> Outcome:
        if self.data.set == "files" or self.data.language != "both":
            return super().judge(written)
        return captions.by_line(self.references("test"), written, LANGUAGES["both"])

    def flat(self, part: str, rows: Rows) -> NDArray[np.float32]:
        width = max(self.pixels["train"].shape[2], self.pixels["test"].shape[2])
        pixels = self.pixels[part][rows].astype(np.float32) / np.float32(255)
        wide = np.pad(pixels, ((0, 0), (0, 0), (0, width - pixels.shape[2]), (0, 0)))
        return wide.reshape(len(rows), -1)

    def baselines(self) -> dict[str, Outcome]:
        found = super().baselines()
        if self.data.set != "files":
            from rekur.evaluation.baselines import strips as rivals

            pixels, widths = self.pixels["test"][..., 0], self.widths["test"]
            read = rivals.digit_by_digit(*self.digits, pixels, widths)
            spelt = [self._spelt(digits) if 1 <= len(digits) <= DIGITS[1] else "" for digits in read]
            found["logistic regression on digits cut apart"] = self.judge(spelt)
        return found

    def shown(self, rows: Rows) -> dict[str, Any]:
        halvings = len(self.config.model.convolution)
        wide = [convolution.steps_of(int(width), halvings) << halvings for width in self.widths["test"][rows]]
        cut = [_cut(self.pixels["test"][row], width) for row, width in zip(rows, wide, strict=True)]
        sizes = {"height": [self.height] * len(cut), "channels": [self.channels] * len(cut)}
        return {"pixels": [image.ravel().tolist() for image in cut], **sizes}

    def predict(self, model: Model, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Describe images, each a path or an array (height, width) or (height, width, 3) of 0 to 255."""
        if not len(inputs):
            return []
        pictures = [self._given(one, place) for place, one in enumerate(inputs, 1)]
        found = []
        for rows in batches.in_order(len(pictures), 64):
            pixels, widths = images.stack([pictures[row] for row in rows])
            found += self.described(model, *self._canvas(pixels, widths))
        named = [{"image": one.name} if isinstance(one, Path) else {} for one in inputs]
        return [{**name, **item} for name, item in zip(named, found, strict=True)]

    def _given(self, one: Any, place: int) -> images.Pixels:
        if isinstance(one, Path):
            return self._read(one)
        try:
            array = np.asarray(one, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.zeros(0)
        array = array[..., None] if array.ndim == 2 else array
        if array.ndim != 3 or array.shape[2] not in (GREY, self.channels) or not array.size:
            sizes = "(height, width)" if self.channels == GREY else "(height, width) or (height, width, 3)"
            raise DataError(f"Image {place} must be {sizes} numbers; got {np.shape(one)}.")
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 255):  # not so with NaN, either
            raise DataError(f"Image {place} must be bright from 0 to 255; got {low:g} to {high:g}.")
        pixels = np.broadcast_to(array, (*array.shape[:2], self.channels)).astype(np.uint8)
        return images.fit(pixels, self.height, self.width)


def _cut(pixels: images.Pixels, width: int) -> images.Pixels:
    """Return an image (height, W, C) as (height, width, C), black where it ends before."""
    return np.pad(pixels[:, :width], ((0, 0), (0, max(0, width - pixels.shape[1])), (0, 0)))
