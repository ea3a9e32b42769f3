"""A user's own pictures and what they wrote of them, read with Pillow; every fault names its file and line."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekur.errors import DataError, nearest

Pixels = NDArray[np.uint8]  # (height, width, C), C 1 or 3

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")  # Pillow knows more, of which some run other programs
MOST_PIXELS = 50_000_000  # of one picture: more would fill the memory while it is unpacked


@dataclass(frozen=True)
class Captioned:
    """N pictures and M captions, of which each picture has one or more."""

    files: list[Path]  # (N,)
    captions: list[str]  # (M,)
    of: NDArray[np.int64]  # (M,) the picture of each caption


def read_captions(file: Path, folder: Path) -> Captioned:
    """Read a table of the columns `image`, a name in `folder`, and `caption`.

    Raises:
        DataError: the folder is none; the table cannot be read, misses a column, has an empty cell, or names what is
            not a file inside the folder.
    """
    from rekur.data.files import read_table

    if not folder.is_dir():
        raise DataError(f"{folder} is no folder. Name the one that holds the images.")
    frame = read_table(file)
    for name in ("image", "caption"):
        if name not in frame.columns:
            raise DataError(f"{file} has no column `{name}`. {nearest(name, frame.columns)}")
    columns = [frame[name].fill_null("").to_list() for name in ("image", "caption")]
    places: dict[Path, int] = {}
    captions, of = [], []
    for line, (name, caption) in enumerate(zip(*columns, strict=True), 2):
        path = _inside(folder, str(name).strip(), f"{file}, line {line}")
        if not str(caption).strip():
            raise DataError(f"{file}, line {line}: the caption of {name} is empty. Write one, or drop the line.")
        of.append(places.setdefault(path, len(places)))
        captions.append(str(caption).strip())
    return Captioned(list(places), captions, np.array(of, dtype=np.int64))


def _inside(folder: Path, name: str, where: str) -> Path:
    if not name:
        raise DataError(f"{where}: no image is named. Name one, or drop the line.")
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{where}: {name} lies outside {folder}. Put the image into that folder.")
    if not path.is_file():
        raise DataError(f"{where}: there is no image {name} in {folder}. Put it there, or drop the line.")
    return path


def listed(folder: Path) -> list[Path]:
    """Return the pictures in `folder`, by name; raises DataError if there is none."""
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in ENDINGS and path.is_file() and not path.name.startswith(".")
    )
    if not found:
        raise DataError(f"{folder} holds no picture ({', '.join(ENDINGS)}).")
    return found


@dataclass(frozen=True)
class ByClass:
    """N pictures in a folder for each class."""

    files: list[Path]  # (N,)
    labels: NDArray[np.int64]  # (N,) places in `classes`
    classes: tuple[str, ...]


def by_class(folder: Path) -> ByClass:
    """Return the pictures of a folder that has a folder for each class; raises DataError for fewer than two classes."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder. Name the one that has a folder of images for each class.")
    places = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    found = [listed(place) for place in places]
    if len(found) < 2:
        raise DataError(
            f"{folder} must have a folder for each class, two or more, with images in it; got {len(found)}."
        )
    labels = np.repeat(np.arange(len(found)), [len(files) for files in found]).astype(np.int64)
    return ByClass([file for files in found for file in files], labels, tuple(place.name for place in places))


def grey(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Return the brightness (height, width) of a picture, its proportions kept, black around it."""
    pixels = fit(read_picture(path, 1), height, width)[:, :, 0]
    beside = width - pixels.shape[1]
    return np.pad(pixels, ((0, 0), (beside // 2, beside - beside // 2)))


def read_picture(path: Path, channels: int) -> Pixels:
    """Read a picture as (height, width, C) uint8: C = 1 its brightness, C = 3 red, green and blue.

    Its EXIF orientation is applied, and what is transparent becomes white.

    Raises:
        DataError: no picture, a damaged one, or one of more than 50 million pixels.
    """
    with _reading(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise DataError(
                f"{path} has {image.width} x {image.height} pixels; {MOST_PIXELS:,} are the most. Shrink it."
            )
        from PIL import Image, ImageOps

        upright = ImageOps.exif_transpose(image)
        if upright.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in upright.info:
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        if upright.mode.startswith("I;16") or upright.mode in ("I", "F"):
            upright = _eight_bits(upright)
        pixels = np.asarray(upright.convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    return pixels.reshape(*pixels.shape[:2], channels)


def _eight_bits(image: Any) -> Any:
    """Return an image of more than 8 bits a pixel with 8: Pillow itself would cut off what lies above 255."""
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    largest = max(65_535.0 if image.mode.startswith("I") else 1.0, float(values.max(initial=0)))
    return Image.fromarray((values.clip(0) * (255 / largest)).round().astype(np.uint8))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[Any]:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{path} has more than {MOST_PIXELS:,} pixels. Shrink it.") from None
    except UnidentifiedImageError:
        raise DataError(f"{path} is no image rekur reads ({', '.join(FORMATS)}). Save it as PNG.") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged: {error}. Save it again as PNG.") from None


def fit(pixels: Pixels, height: int, width: int) -> Pixels:
    """Return a picture (h, w, C) as (height, w', C), w' <= width: its proportions kept, black above and below.

    One that fits as it is stays as it is.

    >>> fit(np.ones((4, 8, 1), np.uint8), 8, 8)[:, 0, 0].tolist()
    [0, 0, 1, 1, 1, 1, 0, 0]
    """
    h, w, C = pixels.shape
    scale = min(height / h, width / w)
    new_h, new_w = (max(1, min(most, round(scale * size))) for most, size in ((height, h), (width, w)))
    if (new_h, new_w) != (h, w):
        from PIL import Image

        planes = [Image.fromarray(pixels[:, :, c]).resize((new_w, new_h), Image.Resampling.BILINEAR) for c in range(C)]
        pixels = np.stack([np.asarray(plane) for plane in planes], axis=2)
    above = (height - new_h) // 2
    return np.pad(pixels, ((above, height - new_h - above), (0, 0), (0, 0)))


def stack(pictures: Sequence[Pixels], width: int = 0) -> tuple[Pixels, NDArray[np.int64]]:
    """Return pictures (height, w, C) in one array (N, height, W, C), black behind each, and their widths (N,).

    W is the widest, or `width` where that is more.
    """
    widths = np.array([picture.shape[1] for picture in pictures], dtype=np.int64)
    shape = pictures[0].shape
    whole = np.zeros((len(pictures), shape[0], max(width, int(widths.max())), shape[2]), dtype=np.uint8)
    for place, picture in zip(whole, pictures, strict=True):
        place[:, : picture.shape[1]] = picture
    return whole, widths
