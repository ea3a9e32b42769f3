"""MNIST: handwritten digits, 28 rows of 28 pixels."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rekur.data.datasets.base import DataSet, File, read
from rekur.data.datasets.publishers import fetch_file

_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_IMAGES, _LABELS = "images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"


def _file(name: str, size: int, sha256: str, packed: int, packed_md5: str) -> File:
    return File(name, size, sha256, url=_URL + name, transfer=packed, published=f"md5:{packed_md5}")


SET = DataSet(
    name="mnist",
    title="MNIST handwritten digits",
    licence="CC BY-SA 3.0",
    source="http://yann.lecun.com/exdb/mnist/, by the mirror " + _URL,
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document "
    "recognition, Proceedings of the IEEE 86(11), 1998",
    files=(
        _file(
            "train-" + _IMAGES,
            47_040_016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            9_912_422,
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        ),
        _file(
            "train-" + _LABELS,
            60_008,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            28_881,
            "d53e105ee54ea40749a09fcbcd1e9432",
        ),
        _file(
            "t10k-" + _IMAGES,
            7_840_016,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            1_648_877,
            "9fb629c4189551a2d022fa330f9573f3",
        ),
        _file(
            "t10k-" + _LABELS,
            10_008,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            4_542,
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    publish=fetch_file,
)


def load(part: Literal["train", "test"], data_dir: Path | None = None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (N, 28, 28) uint8, 0 paper to 255 ink, and digits (N,) int64; N is 60,000 or 10,000.

    Raises:
        DataError: a file is missing and cannot be fetched, or is damaged.
    """
    prefix = "train-" if part == "train" else "t10k-"
    return _read(prefix + _IMAGES, 3, data_dir), _read(prefix + _LABELS, 1, data_dir).astype(np.int64)


def _read(name: str, axes: int, data_dir: Path | None) -> NDArray[np.uint8]:
    """Read an idx file: four bytes of type, the sizes of its axes, values."""
    content = read(SET, name, data_dir)
    shape = struct.unpack_from(f">{axes}I", content, 4)
    start = 4 * (axes + 1)
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()  # writable, as torch wants it
